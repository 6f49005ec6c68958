"""The SQL of writing one scope's plan: a handful of statements, whatever its size.

Everything here is a literal. A row is changed or deleted only if it still is what the plan was made
from, and has not begun.
"""

from __future__ import annotations

from typing import Final, LiteralString

ISOLATED: Final[LiteralString] = "set transaction isolation level repeatable read"
ISOLATED_READ: Final[LiteralString] = "set transaction isolation level repeatable read, read only"

_UNTOUCHED: Final[LiteralString] = """
    event.id = old.id and event.ws_id = %(ws)s and not event.locked
    and event.start_at = old.start_at and event.end_at = old.end_at and event.start_at >= %(now)s
    and event.external_event_id is null and event.google_event_id is null
    and coalesce(event.provider, 'tuturuuu') = 'tuturuuu'
"""

DELETE: Final[LiteralString] = (
    """
delete from public.workspace_calendar_events event
using unnest(%(ids)s::uuid[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
      as old(id, start_at, end_at)
where """
    + _UNTOUCHED
)

UPDATE: Final[LiteralString] = (
    """
update public.workspace_calendar_events event
set start_at = old.new_start, end_at = old.new_end, title = coalesce(old.title, event.title),
    is_encrypted = case when old.title is null then event.is_encrypted else %(encrypted)s end
from unnest(%(ids)s::uuid[], %(starts)s::timestamptz[], %(ends)s::timestamptz[],
            %(new_starts)s::timestamptz[], %(new_ends)s::timestamptz[], %(titles)s::text[])
     as old(id, start_at, end_at, new_start, new_end, title)
where """
    + _UNTOUCHED
)

UPDATE_HABITS: Final[LiteralString] = """
update public.habit_calendar_events link set scheduling_reason = new.reason
from unnest(%(ids)s::uuid[], %(items)s::uuid[], %(reasons)s::text[]) as new(event_id, item, reason)
where link.event_id = new.event_id and link.habit_id = new.item
"""

UPDATE_TASKS: Final[LiteralString] = """
update public.task_calendar_events link
set scheduled_minutes = new.minutes, scheduling_reason = new.reason
from unnest(%(ids)s::uuid[], %(items)s::uuid[], %(reasons)s::text[], %(minutes)s::int[])
     as new(event_id, item, reason, minutes)
where link.event_id = new.event_id and link.task_id = new.item
"""

# A colour or a system calendar that the database lacks is left out.
INSERT: Final[LiteralString] = """
insert into public.workspace_calendar_events (
    id, ws_id, title, start_at, end_at, color, locked, is_encrypted, provider,
    scheduling_source, source_calendar_id, scheduling_metadata)
select new.id, %(ws)s, new.title, new.start_at, new.end_at, coalesce(chosen.value, usual.value),
       false, %(encrypted)s, 'tuturuuu', new.source::public.calendar_scheduling_source, calendar.id,
       jsonb_strip_nulls(jsonb_build_object('v', 1, 'job', 'schedule', 'user', new.owner))
from unnest(%(ids)s::uuid[], %(titles)s::text[], %(starts)s::timestamptz[],
            %(ends)s::timestamptz[], %(colors)s::text[], %(usual)s::text[], %(sources)s::text[],
            %(owners)s::text[])
     as new(id, title, start_at, end_at, color, usual, source, owner)
left join public.calendar_event_colors chosen on chosen.value = new.color
left join public.calendar_event_colors usual on usual.value = new.usual
left join private.workspace_calendars calendar
  on calendar.ws_id = %(ws)s and calendar.calendar_type::text = new.source || 's'
"""

INSERT_HABITS: Final[LiteralString] = """
insert into public.habit_calendar_events (habit_id, event_id, occurrence_date, scheduling_reason)
select * from unnest(%(items)s::uuid[], %(ids)s::uuid[], %(dates)s::date[], %(reasons)s::text[])
"""

INSERT_TASKS: Final[LiteralString] = """
insert into public.task_calendar_events (task_id, event_id, scheduled_minutes, scheduling_reason)
select * from unnest(%(items)s::uuid[], %(ids)s::uuid[], %(minutes)s::int[], %(reasons)s::text[])
"""

HAS_METADATA: Final[LiteralString] = """
select to_regprocedure('private.upsert_scheduling_metadata(uuid, text, text, integer, integer, '
                       'integer, integer, integer)') is not null
"""

METADATA: Final[LiteralString] = """
select private.upsert_scheduling_metadata(
    %(ws)s, %(status)s, %(message)s, %(habits)s::int, %(tasks)s::int, %(created)s::int,
    %(bumped)s::int, %(window_days)s::int)
"""
