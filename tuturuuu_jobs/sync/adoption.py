"""Rows that an earlier sync stored under the alias ``primary``, taken over under Google's own ids.

``primary`` is another calendar for every account, so such a row belongs to the calendar that lists
its event. It keeps its own id, and with it everything that links to it. What no calendar lists is
swept only when every primary calendar of the workspace was completely listed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.sync.model import Window
from tuturuuu_jobs.sync.plan import SweepCount, exceeds_guard
from tuturuuu_jobs.sync.telling import telling

_EXIST: Final[LiteralString] = """
select clock_timestamp()
where exists (select from public.workspace_calendar_events
              where ws_id = %(ws)s and provider = 'google' and external_calendar_id = 'primary')
"""


def find_old_rows(connection: psycopg.Connection[Any], ws_id: UUID) -> datetime | None:
    """The server's time if the workspace has rows under ``primary``, else None."""
    with translated_errors():
        row = connection.execute(_EXIST, {"ws": ws_id}).fetchone()
    return row[0] if row else None


# Of a row under each key the one with links survives, else the older one.
_PAIR: Final[LiteralString] = """
create temporary table if not exists jobs_adopted (kept uuid not null, dropped uuid);
truncate jobs_adopted
"""
_LINKED: Final[LiteralString] = """
(task_id is not null
 or exists (select from public.habit_calendar_events link where link.event_id = e.id)
 or exists (select from public.task_calendar_events link where link.event_id = e.id)) as linked
"""
_FIND: Final[LiteralString] = (
    """
insert into jobs_adopted (kept, dropped)
select ids[1], ids[2]
from (
    select array_agg(id order by linked desc, created_at, id) as ids, bool_or(old) as old
    from (
        select e.id, e.external_event_id, e.created_at,
               e.external_calendar_id = 'primary' as old,
"""
    + _LINKED
    + """
        from jobs_staged s
        join public.workspace_calendar_events e
          on e.ws_id = %(ws)s and e.provider = 'google'
         and e.external_calendar_id in ('primary', %(calendar)s)
         and e.external_event_id = s.event_id
        where not s.gone
    ) found
    group by external_event_id
) pairs
where old
"""
)
_MOVE: Final[tuple[LiteralString, ...]] = (
    """
update public.habit_calendar_events link set event_id = a.kept
from jobs_adopted a
where link.event_id = a.dropped
  and not exists (select from public.habit_calendar_events other
                  where other.habit_id = link.habit_id and other.event_id = a.kept)
""",
    """
update public.task_calendar_events link set event_id = a.kept
from jobs_adopted a
where link.event_id = a.dropped
  and not exists (select from public.task_calendar_events other
                  where other.task_id = link.task_id and other.event_id = a.kept)
""",
    """
update public.habit_completions done set event_id = a.kept
from jobs_adopted a where done.event_id = a.dropped
""",
    """
update public.habit_skipped_occurrences skipped set source_event_id = a.kept
from jobs_adopted a where skipped.source_event_id = a.dropped
""",
    """
update public.workspace_calendar_events e
set task_id = coalesce(e.task_id, other.task_id),
    source_calendar_id = coalesce(e.source_calendar_id, other.source_calendar_id)
from jobs_adopted a join public.workspace_calendar_events other on other.id = a.dropped
where e.id = a.kept
  and (e.task_id is null and other.task_id is not null
       or e.source_calendar_id is null and other.source_calendar_id is not null)
""",
    telling("""
delete from public.workspace_calendar_events e using jobs_adopted a where e.id = a.dropped
returning e.id, 'deleted' as change
"""),
    telling("""
update public.workspace_calendar_events e set external_calendar_id = %(calendar)s
from jobs_adopted a where e.id = a.kept and e.external_calendar_id = 'primary'
returning e.id, 'updated' as change
"""),
)


def adopt_rows(connection: psycopg.Connection[Any], values: Mapping[str, Any]) -> int:
    """Give the old rows of the staged living events their calendar's key; within a transaction.

    The row's text and times are left to the upsert that follows.

    Args:
        connection: With the staged events.
        values: ``ws``, ``calendar``, ``run`` and ``account``.

    Returns:
        How many rows were taken over.
    """
    connection.execute(_PAIR)
    adopted = connection.execute(_FIND, values).rowcount
    if adopted:
        for statement in _MOVE:
            connection.execute(statement, values)
    return adopted


@dataclasses.dataclass(frozen=True, slots=True)
class Leftovers:
    """Rows under ``primary`` that no calendar took over.

    Attributes:
        began: The server's time before the first listing; younger rows are not judged by it.
        area: What the listings of all primary calendars cover.
        calendars: The primary calendars' ids.
        outbound: Whether the app also writes to one of them.
        claimed: Events whose rows a preview would take over or delete; a run has done it.
    """

    began: datetime
    area: Window
    calendars: tuple[str, ...]
    outbound: bool
    claimed: tuple[str, ...] = ()


_ALL_ACTIVE: Final[LiteralString] = """
select not exists (select from public.calendar_auth_tokens
                   where ws_id = %(ws)s and provider = 'google' and not is_active)
"""


def all_accounts_active(connection: psycopg.Connection[Any], ws_id: UUID) -> bool:
    """Whether no Google account of the workspace is switched off or refused."""
    with translated_errors():
        row = connection.execute(_ALL_ACTIVE, {"ws": ws_id}).fetchone()
    return bool(row and row[0])


# The newer columns are looked at by name in a document: not every database has them.
_UNCLAIMED: Final[LiteralString] = """
e.external_calendar_id = 'primary' and e.external_event_id <> all(%(claimed)s)
    and coalesce((to_jsonb(e) ->> 'last_synced_at')::timestamptz < %(began)s, true)
    and not (%(outbound)s and coalesce(to_jsonb(e) ->> 'sync_status', '') in ('failed', 'conflict'))
"""
_IN_AREA: Final[LiteralString] = """
public.workspace_calendar_events e
where e.ws_id = %(ws)s and e.provider = 'google'
  and e.start_at >= %(start)s and e.end_at <= %(end)s
"""
_COUNT: Final[LiteralString] = (
    "select count(*) filter (where "
    + _UNCLAIMED
    + "), count(*) from "
    + _IN_AREA
    + " and e.external_calendar_id = any(%(calendars)s)"
)
_SWEEP: Final[LiteralString] = telling(
    "delete from " + _IN_AREA + " and " + _UNCLAIMED + " returning e.id, 'deleted' as change"
)
_EVENT: Final[LiteralString] = """
insert into jobs.events (run_id, type, data) values (%(run)s, 'primary_rows.swept', %(data)s)
"""


def sweep_leftovers(
    connection: psycopg.Connection[Any],
    ws_id: UUID,
    leftovers: Leftovers,
    *,
    run_id: UUID | None,
    allow_mass_delete: bool,
) -> tuple[int, int]:
    """Delete the old rows that no listing mentioned, in a transaction of their own.

    Args:
        connection: In autocommit mode.
        ws_id: The workspace.
        leftovers: What the listings of this run proved.
        run_id: The run that writes, or None to count only.
        allow_mass_delete: Whatever the number.

    Returns:
        How many rows were, or would be, deleted; and how many the mass-delete guard protected.
    """
    values = {
        "ws": ws_id,
        "began": leftovers.began,
        "start": leftovers.area.start,
        "end": leftovers.area.end,
        "outbound": leftovers.outbound,
        "claimed": list(leftovers.claimed),
        "calendars": ["primary", *leftovers.calendars],
    }
    with translated_errors(), connection.transaction():
        row = connection.execute(_COUNT, values).fetchone()
        count = SweepCount(*row) if row else SweepCount(0, 0)
        if exceeds_guard(count) and not allow_mass_delete:
            return 0, count.candidates
        if run_id is None or count.candidates == 0:
            return count.candidates, 0
        told = {**values, "run": run_id, "account": None}
        row = connection.execute(_SWEEP, told).fetchone()
        swept = int(row[1]) if row else 0
        data = Jsonb({"swept": swept})
        connection.execute(_EVENT, {"run": run_id, "data": data})
    return swept, 0
