"""Whether habits and tasks are scheduled: by us, lately, in a known zone, and by nobody else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, listed, note, ok, serious, warning
from tuturuuu_jobs.orchestration.schedulable import load_schedulable
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.scheduling.books import has_books
from tuturuuu_jobs.scheduling.hours import decode_hours
from tuturuuu_jobs.scheduling.work import KEY_PREFIX
from tuturuuu_jobs.workspaces.zones import parse_zone

STALE_AFTER: Final = timedelta(hours=6)
LOST_AFTER: Final = timedelta(days=1)
TRACES_FOR: Final = timedelta(days=2)


@dataclasses.dataclass(frozen=True, slots=True)
class Schedulable:
    """A workspace with something to schedule.

    Attributes:
        last_success: Of our runs; None if there was none.
        zoned: Whether it or its owner names a zone.
        unsound_hours: Types of hours that cannot be read, or only in part.
        created_at: Since when it could have been scheduled; None if nobody knows.
    """

    ws_id: UUID
    last_success: datetime | None
    zoned: bool = True
    unsound_hours: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Settings:
    ws_id: UUID
    timezone: str | None
    owner_timezone: str | None
    created_at: datetime | None
    hours: dict[str, Any]


_SETTINGS: Final[LiteralString] = """
select w.id as ws_id, w.timezone, p.timezone as owner_timezone, w.created_at,
       coalesce((select jsonb_object_agg(h.type::text, h.data)
                 from public.workspace_calendar_hour_settings h where h.ws_id = w.id), '{}')
           as hours
from public.workspaces w
left join public.user_private_details p on p.user_id = w.creator_id
where w.id = any(%(ids)s)
"""


def load_schedules(connection: psycopg.Connection[Any]) -> list[Schedulable]:
    """Every workspace with something to schedule."""
    candidates = load_schedulable(connection, ("schedule",), KEY_PREFIX)
    ids = [candidate.ws_id for candidate in candidates]
    with translated_errors(), connection.cursor(row_factory=class_row(_Settings)) as cursor:
        rows = cursor.execute(_SETTINGS, {"ids": ids}).fetchall()
    settings = {row.ws_id: row for row in rows}
    return [
        _schedulable(settings[candidate.ws_id], candidate.last_success)
        for candidate in candidates
        if candidate.ws_id in settings
    ]


def _schedulable(settings: _Settings, last_success: datetime | None) -> Schedulable:
    zone = parse_zone(settings.timezone) or parse_zone(settings.owner_timezone)
    unsound = (name for name, data in sorted(settings.hours.items()) if decode_hours(data)[1])
    return Schedulable(
        settings.ws_id, last_success, zone is not None, tuple(unsound), settings.created_at
    )


def judge_schedules(workspaces: list[Schedulable], now: datetime) -> Iterator[Finding]:
    """Who is left out, and whose hours are not those that were meant."""
    homeless = [one.ws_id for one in workspaces if not one.zoned]
    if homeless:
        yield warning(
            "schedule_without_zone",
            f"neither these workspaces nor their owners name a time zone: {listed(homeless)}",
            why="their habits and tasks find no time: a plan at wrong hours is worse than none",
            action="set the time zone in Tuturuuu, or pass --timezone to schedule",
        )
    unsound = [f"{name} of {one.ws_id}" for one in workspaces for name in one.unsound_hours]
    if unsound:
        yield warning(
            "hours_unreadable",
            f"hours are not a valid weekly table: {listed(unsound)}",
            why="what cannot be read counts as 07:00 to 23:00, or is left out",
            action="save the calendar hours again in Tuturuuu",
        )
    if not any(one.last_success for one in workspaces):
        # Nobody schedules from here, which may be what is wanted.
        return
    yield from _judge_age([one for one in workspaces if one.zoned], now)


def _judge_age(workspaces: list[Schedulable], now: datetime) -> Iterator[Finding]:
    late = [one for one in workspaces if _age(one, now) > STALE_AFTER]
    if not late:
        yield ok("schedules", f"{len(workspaces)} workspaces are scheduled, all lately")
        return
    known = [one for one in late if one.last_success or one.created_at]
    lost = [one for one in known if _age(one, now) > LOST_AFTER]
    tell = serious if lost else warning
    yield tell(
        "schedule_stale",
        f"{len(late)} workspaces were not scheduled for more than "
        f"{STALE_AFTER.total_seconds() / 3600:g} h: {listed(one.ws_id for one in late)}",
        why="new habits and tasks find no time, and what collides is not moved",
        action="see that a timer starts `orchestrate schedule`, and `runs failures`",
    )


def _age(workspace: Schedulable, now: datetime) -> timedelta:
    since = workspace.last_success or workspace.created_at
    return now - since if since else timedelta.max


@dataclasses.dataclass(frozen=True, slots=True)
class Planner:
    """A plan that the app's books tell of and our ledger does not.

    Attributes:
        ours: Whether our runs schedule the workspace as well.
    """

    ws_id: UUID
    last_at: datetime
    ours: bool


# The books hold the last plan only. A minute on either side: clocks of two machines.
_PLANNERS: Final[LiteralString] = """
select m.ws_id, m.last_scheduled_at as last_at,
       exists (select from jobs.runs r
               where r.job = 'schedule' and r.concurrency_key = %(prefix)s || m.ws_id
                 and r.started_at > %(since)s) as ours
from private.workspace_scheduling_metadata m
where m.last_scheduled_at > %(since)s
  and not exists (
      select from jobs.runs r
      where r.job = 'schedule' and r.concurrency_key = %(prefix)s || m.ws_id
        and m.last_scheduled_at >= r.started_at - interval '1 minute'
        and m.last_scheduled_at <= coalesce(r.finished_at, 'infinity') + interval '1 minute')
order by m.last_scheduled_at desc
"""


def load_planners(connection: psycopg.Connection[Any], now: datetime) -> list[Planner]:
    """Plans of others within two days, the newest first."""
    wanted = {"since": now - TRACES_FOR, "prefix": KEY_PREFIX}
    if not has_books(connection):
        return []
    with translated_errors(), connection.cursor(row_factory=class_row(Planner)) as cursor:
        return cursor.execute(_PLANNERS, wanted).fetchall()


def judge_planners(planners: list[Planner]) -> Iterator[Finding]:
    """Two planners with different rules undo each other's work."""
    both = [one for one in planners if one.ours]
    if both:
        yield serious(
            "other_planner",
            f"the app also schedules {listed((one.ws_id for one in both), 3)}, last at "
            f"{both[0].last_at:%Y-%m-%d %H:%M} UTC",
            why="two planners with different rules move the same events back and forth",
            action="switch the app's calendar-smart-schedule off: docs/schedule.md",
        )
    elif planners:
        yield note(
            "app_still_schedules",
            f"the app schedules {listed((one.ws_id for one in planners), 3)}, our runs do not",
            why="that is right until they are taken over",
            action="docs/schedule.md says how to take over",
        )
