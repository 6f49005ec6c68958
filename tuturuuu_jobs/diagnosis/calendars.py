"""Whether the calendars are served: accounts, freshness, zones, and who else writes.

Invariant: calendar ids and workspace ids may be shown, an operator needs them; accounts' e-mail
addresses are not even read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, listed, note, ok, serious, warning
from tuturuuu_jobs.runtime.database import translated_errors

STALE_AFTER: Final = timedelta(hours=2)
ABANDONED_AFTER: Final = timedelta(days=1)
FULL_AFTER: Final = timedelta(days=10)
"""`sync` lists a calendar in full by itself about once a week."""
TRACES_FOR: Final = timedelta(days=2)


@dataclasses.dataclass(frozen=True, slots=True)
class LostAccount:
    """An account that is switched off although calendars of it are, or were, wanted."""

    account_id: UUID
    ws_id: UUID


# One without any connection stands for its primary calendar, if it was ever synced from here.
_LOST: Final[LiteralString] = """
select a.id as account_id, a.ws_id
from public.calendar_auth_tokens a
join public.workspaces w on w.id = a.ws_id and w.deleted is not true
where a.provider = 'google' and not a.is_active
  and (exists (select from public.calendar_connections c
               where c.auth_token_id = a.id and c.is_enabled)
    or not exists (select from public.calendar_connections c where c.auth_token_id = a.id)
       and exists (select from jobs.calendar_windows w where w.auth_token_id = a.id))
order by a.ws_id, a.id
"""


def load_lost_accounts(connection: psycopg.Connection[Any]) -> list[LostAccount]:
    """Accounts that only their person can bring back."""
    with translated_errors(), connection.cursor(row_factory=class_row(LostAccount)) as cursor:
        return cursor.execute(_LOST).fetchall()


def judge_accounts(lost: list[LostAccount]) -> Iterator[Finding]:
    """Accounts that need a person."""
    if not lost:
        yield ok("accounts", "no account whose calendars are wanted is switched off")
        return
    workspaces = sorted({str(account.ws_id) for account in lost})
    yield warning(
        "account_inactive",
        f"{len(lost)} Google accounts whose calendars are wanted are switched off, "
        f"in the workspaces {listed(workspaces)}",
        why="their calendars stand still: Google refused their refresh tokens, or somebody "
        "disconnected them",
        action="ask their owners to reconnect in Tuturuuu, or to disable those calendars",
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Freshness:
    """A calendar that is to be synced.

    Attributes:
        connected_at: Since when it is to be.
        last_success_at: End of the last run that read it; None if there is none.
        last_full_at: End of its last complete listing; None if there is none.
    """

    ws_id: UUID
    calendar_id: str
    connected_at: datetime
    last_success_at: datetime | None
    last_full_at: datetime | None


# An account without any connection stands for its primary calendar, which is kept under Google's
# own id of it. A calendar that several accounts share is read through one of them. The switches of
# newer databases are looked for by name, so that the statement serves older ones, which lack them.
_FRESHNESS: Final[LiteralString] = """
with wanted as (
    select c.ws_id, c.calendar_id, c.created_at, a.id as auth_token_id
    from public.calendar_connections c
    join public.calendar_auth_tokens a on a.id = c.auth_token_id
    where c.provider = 'google' and c.is_enabled and a.provider = 'google' and a.is_active
      and coalesce((to_jsonb(c) ->> 'sync_inbound_enabled')::boolean, true)
    union all
    select a.ws_id, 'primary', a.created_at, a.id
    from public.calendar_auth_tokens a
    where a.provider = 'google' and a.is_active
      and not exists (select from public.calendar_connections c where c.auth_token_id = a.id)
)
select c.ws_id, c.calendar_id, min(c.created_at at time zone 'UTC') as connected_at,
       max(seen.last_success_at) as last_success_at, max(seen.last_full_at) as last_full_at
from wanted c
join public.workspaces w on w.id = c.ws_id and w.deleted is not true
left join jobs.calendar_windows seen
  on seen.ws_id = c.ws_id and (
      seen.calendar_id = c.calendar_id
      or c.calendar_id = 'primary' and seen.auth_token_id = c.auth_token_id)
where c.ws_id <> all(%(switched_off)s)
group by c.ws_id, c.calendar_id
order by c.ws_id, c.calendar_id
"""

_SWITCHED_OFF: Final[LiteralString] = """
select p.ws_id
from private.calendar_user_workspace_preferences p
join public.workspaces w on w.id = p.ws_id and w.creator_id = p.user_id
where not p.inbound_sync_enabled
"""


def load_freshness(
    connection: psycopg.Connection[Any], *, preference_flags: bool
) -> list[Freshness]:
    """Every calendar that is to be synced, by workspace.

    Args:
        connection: In autocommit mode.
        preference_flags: Whether this database knows an owner's switch for inbound sync.
    """
    with translated_errors(), connection.cursor(row_factory=class_row(Freshness)) as cursor:
        rows = connection.execute(_SWITCHED_OFF).fetchall() if preference_flags else []
        return cursor.execute(_FRESHNESS, {"switched_off": [row[0] for row in rows]}).fetchall()


def judge_freshness(calendars: list[Freshness], now: datetime) -> Iterator[Finding]:
    """Calendars that were not read for long, and those not listed completely for long."""
    stale = [
        row for row in calendars if now - (row.last_success_at or row.connected_at) > STALE_AFTER
    ]
    partial = [
        row
        for row in calendars
        if row not in stale and row.last_full_at and now - row.last_full_at > FULL_AFTER
    ]
    if stale:
        oldest = min(row.last_success_at or row.connected_at for row in stale)
        make = serious if now - oldest > ABANDONED_AFTER else warning
        yield make(
            "calendar_stale",
            f"{len(stale)} of {len(calendars)} calendars were not read for more than "
            f"{_hours(STALE_AFTER)}, the oldest since {oldest:%Y-%m-%d %H:%M} UTC: {_named(stale)}",
            why="their events are old, and new ones are missing",
            action="see how the runs of their workspaces end: tuturuuu-jobs runs list --ws ID; "
            "if there are none, no timer starts the job",
        )
    if partial:
        yield warning(
            "calendar_not_listed",
            f"{len(partial)} calendars were not listed completely for more than "
            f"{FULL_AFTER.days} days: {_named(partial)}",
            why="events far ahead and events gone without notice are missed",
            action="see that a timer starts full-sync, and that it does not end partial",
        )
    if not stale and not partial:
        yield ok("calendars", f"{len(calendars)} calendars are to be synced, all are fresh")


def _named(calendars: list[Freshness]) -> str:
    return listed(f"{row.calendar_id} of {row.ws_id}" for row in calendars)


def _hours(span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:g} h"


_ZONES: Final[LiteralString] = """
select distinct timezone from public.workspaces
where deleted is not true and timezone is not null and timezone <> 'auto' order by 1
"""


def load_zones(connection: psycopg.Connection[Any]) -> list[str]:
    """The time zones that workspaces name."""
    with translated_errors():
        return [row[0] for row in connection.execute(_ZONES).fetchall()]


def judge_zone_names(unknown: list[str]) -> Iterator[Finding]:
    """Zones that workspaces name and nobody here knows."""
    if unknown:
        yield warning(
            "zone_unknown",
            f"workspaces name time zones that are unknown here: {listed(unknown)}",
            why="their all-day events are put at midnight of the calendar's zone instead",
            action="correct them in Tuturuuu, or install newer zone data (the package tzdata)",
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Trace:
    """What another writer left of late in a workspace.

    Attributes:
        by: Who it says it is.
        ours: Whether our runs serve the workspace as well.
        scheduled: Whether a schedule starts it, not a person.
    """

    ws_id: UUID
    by: str
    ours: bool
    scheduled: bool
    last_at: datetime


# The app notes its runs on a dashboard, and its cursors under keys that are not ours.
_TRACES: Final[LiteralString] = """
with traces as (
    select ws_id, coalesce(triggered_from, 'unnamed') as by, type = 'background' as scheduled,
           start_time as at
    from public.calendar_sync_dashboard
    where triggered_from is distinct from 'tuturuuu-jobs' and start_time > %(since)s
    union all
    select ws_id, 'sync token', false, last_synced_at
    from public.calendar_sync_states
    where calendar_id not like 'jobs:%%' and last_synced_at > %(since)s
)
select ws_id, by, coalesce(bool_or(scheduled), false) as scheduled, max(at) as last_at,
       exists (select from jobs.calendar_windows seen
               where seen.ws_id = traces.ws_id and seen.last_success_at > %(since)s) as ours
from traces
group by ws_id, by
order by max(at) desc
"""


def load_traces(connection: psycopg.Connection[Any], now: datetime) -> list[Trace]:
    """Traces of others within two days, the newest first."""
    with translated_errors(), connection.cursor(row_factory=class_row(Trace)) as cursor:
        return cursor.execute(_TRACES, {"since": now - TRACES_FOR}).fetchall()


def judge_traces(traces: list[Trace]) -> Iterator[Finding]:
    """Another writer on the same workspaces makes their rows flap."""
    both = [trace for trace in traces if trace.ours]
    if timed := [trace for trace in both if trace.scheduled]:
        yield serious(
            "other_writer",
            f"{_who(timed)} also syncs {_where(timed)}, last at {_last(timed)}",
            why="two writers that follow different rules undo each other's work",
            action="switch one off: docs/beside-the-app.md says which, and in which order",
        )
    elif both:
        yield note(
            "other_writer_by_hand",
            f"{_who(both)} was also written by the app in {_where(both)}, last at {_last(both)}",
            why="rows written by the app's rules stay so until the next full-sync",
            action="nothing, if it was a member's own sync; if it goes on, see "
            "docs/beside-the-app.md",
        )
    elif traces:
        yield note(
            "app_still_syncs",
            f"the app still syncs {_where(traces)}, which our runs do not serve",
            why="that is right until they are taken over",
            action="docs/beside-the-app.md says how to take over",
        )
    else:
        yield ok("one_writer", "nobody else has synced calendars in the last two days")


def _who(traces: list[Trace]) -> str:
    return listed(sorted({trace.by for trace in traces}))


def _where(traces: list[Trace]) -> str:
    return listed(sorted({str(trace.ws_id) for trace in traces}), 3)


def _last(traces: list[Trace]) -> str:
    return f"{max(trace.last_at for trace in traces):%Y-%m-%d %H:%M} UTC"
