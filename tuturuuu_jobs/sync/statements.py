"""The SQL of staging one calendar's changes, in both shapes of the events table.

Everything here is a literal; values travel as parameters ``ws``, ``calendar``, ``old`` (the key of
rows to take over, else the same), ``encrypted``, ``ids``, ``outbound``, ``source``, ``run``,
``account`` and those a statement names besides.
"""

from __future__ import annotations

import dataclasses
from typing import Final, LiteralString

from tuturuuu_jobs.sync.telling import telling

CREATE: Final[LiteralString] = """
create temporary table if not exists jobs_staged (
    event_id text not null, gone boolean not null, title text, description text, location text,
    start_at timestamptz, end_at timestamptz, color text, marker jsonb, updated timestamptz);
create temporary table if not exists jobs_mentioned (
    event_id text primary key, updated timestamptz, verdict text not null, reason text not null,
    living boolean not null);
truncate jobs_staged, jobs_mentioned
"""

KEEP_TOMBSTONES: Final[LiteralString] = """
delete from jobs_staged where not gone;
delete from jobs_mentioned where verdict <> 'delete'
"""

NOW: Final[LiteralString] = "select clock_timestamp()"

_OWNED: Final[LiteralString] = """
select external_event_id, title, description, coalesce(location, ''), start_at, end_at,
       coalesce(color, ''), scheduling_metadata, is_encrypted,
       google_event_id is not distinct from external_event_id
           and google_calendar_id is not distinct from external_calendar_id
           and location is not null and is_encrypted = %(encrypted)s
"""
# Joined, not compared with any(): a generic plan would compare every row with every id.
_WHERE: Final[LiteralString] = """
from unnest(%(ids)s::text[]) as page(id)
join public.workspace_calendar_events
  on ws_id = %(ws)s and provider = 'google' and external_calendar_id = %(calendar)s
 and external_event_id = page.id
"""
_ROWS: Final[LiteralString] = (
    _OWNED
    + " and sync_status = 'synced' and sync_error is null,"
    + " %(outbound)s and sync_status in ('failed', 'conflict') "
    + _WHERE
)
_ROWS_ERA: Final[LiteralString] = _OWNED + ", false " + _WHERE

MENTIONED: Final[LiteralString] = """
select event_id, updated
from unnest(%(ids)s::text[]) as page(id) join jobs_mentioned on event_id = page.id
"""
FORGET_STAGED: Final[LiteralString] = "delete from jobs_staged where event_id = any(%(ids)s)"
FORGET_MENTIONED: Final[LiteralString] = "delete from jobs_mentioned where event_id = any(%(ids)s)"

COPY_STAGED: Final[LiteralString] = """
copy jobs_staged (event_id, gone, title, description, location, start_at, end_at, color, marker,
                  updated) from stdin
"""
COPY_MENTIONED: Final[LiteralString] = (
    "copy jobs_mentioned (event_id, updated, verdict, reason, living) from stdin"
)

# The part of an instance's id before its last underscore is the id of its series.
ORPHANED: Final[LiteralString] = """
select exists (
    select from public.workspace_calendar_events
    where ws_id = %(ws)s and provider = 'google' and external_calendar_id = %(calendar)s
      and left(external_event_id,
               length(external_event_id) - strpos(reverse(external_event_id), '_'))
          = any(%(bases)s)
      and strpos(external_event_id, '_') > 0)
"""

# Keys of others inside scheduling_metadata stay; a value that is no object is replaced.
_MERGED: Final[LiteralString] = """
nullif(
    case when jsonb_typeof(e.scheduling_metadata) = 'object'
         then e.scheduling_metadata - array['v', 'busy', 'all_day'] else '{}' end
    || coalesce(excluded.scheduling_metadata, '{}'), '{}')
"""

_INSERT: Final[LiteralString] = """
insert into public.workspace_calendar_events as e (
    ws_id, provider, external_calendar_id, external_event_id, google_event_id, google_calendar_id,
    title, description, location, start_at, end_at, color, locked, is_encrypted,
    source_calendar_id, scheduling_metadata
"""
_SELECT: Final[LiteralString] = """
select %(ws)s, 'google', %(calendar)s, s.event_id, s.event_id, %(calendar)s,
       s.title, s.description, s.location, s.start_at, s.end_at, s.color, true, %(encrypted)s,
       %(source)s, s.marker
"""
_FROM: Final[LiteralString] = """
from jobs_staged s
where not s.gone and (%(ids)s::text[] is null or s.event_id = any(%(ids)s))
on conflict (ws_id, provider, external_calendar_id, external_event_id) do update set
    google_event_id = excluded.google_event_id, google_calendar_id = excluded.google_calendar_id,
    title = excluded.title, description = excluded.description, location = excluded.location,
    start_at = excluded.start_at, end_at = excluded.end_at, color = excluded.color,
    is_encrypted = excluded.is_encrypted, scheduling_metadata =
"""
_OLD: Final[LiteralString] = """
(e.google_event_id, e.google_calendar_id, e.title, e.description, e.location, e.start_at, e.end_at,
 e.color, e.is_encrypted, e.scheduling_metadata
"""
_NEW: Final[LiteralString] = """
(excluded.google_event_id, excluded.google_calendar_id, excluded.title, excluded.description,
 excluded.location, excluded.start_at, excluded.end_at, excluded.color,
 excluded.is_encrypted,
"""
_RETURNING: Final[LiteralString] = (
    " returning e.id, case when xmax = 0 then 'inserted' else 'updated' end as change"
)
_UPSERT: Final[LiteralString] = telling(
    _INSERT
    + ", external_updated_at, last_synced_at, sync_status, sync_error)"
    + _SELECT
    + ", s.updated, now(), 'synced', null"
    + _FROM
    + _MERGED
    + ", external_updated_at = excluded.external_updated_at, last_synced_at = now(),"
    + " sync_status = 'synced', sync_error = null"
    + " where not (%(outbound)s and e.sync_status in ('failed', 'conflict')) and "
    + _OLD
    + ", e.sync_status, e.sync_error) is distinct from "
    + _NEW
    + _MERGED
    + ", 'synced', null)"
    + _RETURNING
)
_UPSERT_ERA: Final[LiteralString] = telling(
    _INSERT
    + ")"
    + _SELECT
    + _FROM
    + _MERGED
    + " where "
    + _OLD
    + ") is distinct from "
    + _NEW
    + _MERGED
    + ")"
    + _RETURNING
)

_DELETE_FROM: Final[LiteralString] = """
delete from public.workspace_calendar_events e using jobs_staged s
where s.gone and e.ws_id = %(ws)s and e.provider = 'google'
  and e.external_calendar_id in (%(calendar)s, %(old)s) and e.external_event_id = s.event_id
"""
_NOT_PENDING: Final[LiteralString] = (
    " and not (%(outbound)s and e.sync_status in ('failed', 'conflict'))"
)
_GONE: Final[LiteralString] = " returning e.id, 'deleted' as change"
_DELETE: Final[LiteralString] = telling(_DELETE_FROM + _NOT_PENDING + _GONE)
_DELETE_ERA: Final[LiteralString] = telling(_DELETE_FROM + _GONE)

_IN_AREA: Final[LiteralString] = """
from public.workspace_calendar_events e
where e.ws_id = %(ws)s and e.provider = 'google' and e.external_calendar_id = %(calendar)s
  and e.start_at >= %(start)s and e.end_at <= %(end)s
"""
# A tombstone deletes its own row, which is then none of the sweep's business.
_UNSEEN: Final[LiteralString] = """
not exists (select from jobs_mentioned m
            where m.event_id = e.external_event_id and (m.living or m.verdict = 'delete'))
"""
# A row that another writer stored after the listing began is newer than the listing.
_UNSEEN_NOW: Final[LiteralString] = (
    _UNSEEN + " and (e.last_synced_at is null or e.last_synced_at < %(began)s)" + _NOT_PENDING
)
_SWEEP_COUNT: Final[LiteralString] = (
    "select count(*) filter (where " + _UNSEEN_NOW + "), count(*) " + _IN_AREA
)
_SWEEP_COUNT_ERA: Final[LiteralString] = (
    "select count(*) filter (where " + _UNSEEN + "), count(*) " + _IN_AREA
)
_SWEEP_IDS: Final[LiteralString] = (
    "select e.external_event_id, e.start_at " + _IN_AREA + " and " + _UNSEEN_NOW
)
_SWEEP_IDS_ERA: Final[LiteralString] = (
    "select e.external_event_id, e.start_at " + _IN_AREA + " and " + _UNSEEN
)
_SWEEP: Final[LiteralString] = telling(
    "delete from public.workspace_calendar_events where id in (select e.id "
    + _IN_AREA
    + " and "
    + _UNSEEN_NOW
    + ") returning id, 'deleted' as change"
)
_SWEEP_ERA: Final[LiteralString] = telling(
    "delete from public.workspace_calendar_events where id in (select e.id "
    + _IN_AREA
    + " and "
    + _UNSEEN
    + ") returning id, 'deleted' as change"
)

FIRST_STATE: Final[LiteralString] = """
insert into public.calendar_sync_states as t (ws_id, calendar_id, sync_token, last_synced_at)
values (%(ws)s, %(key)s, %(new)s, now())
on conflict (ws_id, calendar_id) do update
    set sync_token = excluded.sync_token, last_synced_at = excluded.last_synced_at
    where t.sync_token is null
"""
NEXT_STATE: Final[LiteralString] = """
update public.calendar_sync_states set sync_token = %(new)s, last_synced_at = now()
where ws_id = %(ws)s and calendar_id = %(key)s and sync_token = %(old)s
"""

WINDOW: Final[LiteralString] = """
insert into jobs.calendar_windows as w (
    ws_id, auth_token_id, calendar_id, edge, access_role, last_success_at, last_full_at, run_id,
    updated_at)
values (%(ws)s, %(account)s, %(calendar)s, %(edge)s, %(role)s, now(),
        case when %(edge)s::timestamptz is not null then now() end, %(run)s, now())
on conflict (ws_id, auth_token_id, calendar_id) do update set
    edge = coalesce(excluded.edge, w.edge),
    access_role = coalesce(excluded.access_role, w.access_role),
    last_success_at = excluded.last_success_at,
    last_full_at = coalesce(excluded.last_full_at, w.last_full_at), run_id = excluded.run_id,
    updated_at = excluded.updated_at
"""

EVENT: Final[LiteralString] = (
    "insert into jobs.events (run_id, type, data) values (%(run)s, 'calendar.synced', %(data)s)"
)

# What NEXT_STATE, WINDOW and EVENT do, at once: most runs find nothing new. The last two happen
# only if the first did.
NOTHING_NEW: Final[LiteralString] = (
    "with moved as ("
    + NEXT_STATE
    + """ returning 1
), seen as (
    insert into jobs.calendar_windows as w (
        ws_id, auth_token_id, calendar_id, access_role, last_success_at, run_id, updated_at)
    select %(ws)s, %(account)s, %(calendar)s, %(role)s, now(), %(run)s, now() from moved
    on conflict (ws_id, auth_token_id, calendar_id) do update set
        access_role = coalesce(excluded.access_role, w.access_role),
        last_success_at = excluded.last_success_at, run_id = excluded.run_id,
        updated_at = excluded.updated_at
), told as (
    insert into jobs.events (run_id, type, data)
    select %(run)s, 'calendar.synced', %(data)s from moved
)
select exists (select from moved)
"""
)

VERDICTS: Final[LiteralString] = """
select case when verdict = 'skip' then reason else verdict end, count(*)
from jobs_mentioned group by 1
"""

STAGED_IDS: Final[LiteralString] = "select event_id from jobs_staged where not gone order by 1"
REJECTED: Final[LiteralString] = """
select event_id, reason from jobs_mentioned where verdict = 'reject' order by 1 limit %(limit)s
"""
MARK_REJECTED: Final[LiteralString] = (
    "update jobs_mentioned set verdict = 'reject', reason = %(code)s where event_id = any(%(ids)s)"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Statements:
    """The statements that touch events; those that write tell the event log which rows.

    Attributes:
        upsert: Selects how many rows it inserted and updated.
        delete: Selects 0 and how many it deleted, as ``sweep`` does.
    """

    rows: LiteralString
    upsert: LiteralString
    delete: LiteralString
    sweep_count: LiteralString
    sweep_ids: LiteralString
    sweep: LiteralString


CURRENT: Final = Statements(_ROWS, _UPSERT, _DELETE, _SWEEP_COUNT, _SWEEP_IDS, _SWEEP)
ERA: Final = Statements(
    _ROWS_ERA, _UPSERT_ERA, _DELETE_ERA, _SWEEP_COUNT_ERA, _SWEEP_IDS_ERA, _SWEEP_ERA
)
"""For a database without ``sync_status`` and its siblings."""
