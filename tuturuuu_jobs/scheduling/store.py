"""One scope of a workspace, read into a snapshot.

Call everything here inside one REPEATABLE READ transaction, so that all of it is of one instant. A
handful of statements whatever the size of the workspace.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.scheduling.daytime import DAY, minute_at
from tuturuuu_jobs.scheduling.habit_rows import load_completions, load_habits, load_skips
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    Habit,
    Scope,
    ScopeKind,
    Snapshot,
    Task,
    instant_of,
)
from tuturuuu_jobs.scheduling.people import load_elsewhere
from tuturuuu_jobs.scheduling.rows import EventRow, HabitLink, TaskLink, View, sort_rows
from tuturuuu_jobs.scheduling.task_rows import OWNER, load_tasks
from tuturuuu_jobs.scheduling.workspace import Workspace, load_hours
from tuturuuu_jobs.workspaces.keys import Encryption


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """What is to be read.

    Attributes:
        now: The instant the plan is made for.
        window_days: Local dates from today on.
    """

    workspace: Workspace
    scope: Scope
    now: datetime
    window_days: int
    force: bool
    encryption: Encryption

    @property
    def zone(self) -> ZoneInfo:
        """In which dates are read."""
        return ZoneInfo(self.workspace.zone)

    @property
    def first(self) -> date:
        """Yesterday: its instances may run past midnight."""
        return self.now.astimezone(self.zone).date() - timedelta(days=1)

    @property
    def last(self) -> date:
        """The last date of the window."""
        return self.first + timedelta(days=self.window_days)

    @property
    def end(self) -> datetime:
        """Where the window ends."""
        return instant_of(minute_at(self.zone, self.last, DAY))


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """A snapshot, and what applying a plan of it needs besides.

    Attributes:
        rows: The events as they were read, to be compared when they are written.
        warnings: What a person should know of what was read.
    """

    request: Request
    snapshot: Snapshot
    rows: Mapping[UUID, EventRow]
    warnings: tuple[Problem, ...]


def load_reading(connection: psycopg.Connection[Any], request: Request) -> Reading:
    """Read everything that a plan of this scope depends on."""
    ws_id, scope = request.workspace.id, request.scope
    hours, warnings = load_hours(connection, ws_id)
    rows = _load_rows(connection, request)
    habits = _load_habits(connection, request, rows.values())
    tasks = _load_tasks(connection, request)
    placed = sort_rows(rows.values(), _view(request, habits, tasks))
    first, last = request.first, request.last
    snapshot = Snapshot(
        ws_id=ws_id,
        scope=scope,
        now=request.now,
        zone=request.workspace.zone,
        hours=hours,
        window_days=request.window_days,
        force=request.force,
        buffers=request.workspace.buffers,
        blockers=placed.blockers + _load_elsewhere(connection, request),
        habits=habits,
        instances=placed.instances,
        tasks=tasks,
        pieces=placed.pieces,
        skips=load_skips(connection, ws_id, habits, first, last) if habits else frozenset(),
        completions=load_completions(connection, habits, rows, first, last) if habits else {},
        ignored_all_day=placed.ignored_all_day,
    )
    return Reading(request, snapshot, rows, warnings)


def _view(request: Request, habits: tuple[Habit, ...], tasks: tuple[Task, ...]) -> View:
    return View(
        scope=request.scope,
        now=request.now,
        end=request.end,
        zone=request.zone,
        habits=frozenset(habit.id for habit in habits),
        tasks=frozenset(task.id for task in tasks),
    )


_EVENTS: Final[LiteralString] = """
with wanted as (
    select id from public.workspace_calendar_events
    where ws_id = %(ws)s and end_at > %(now)s and start_at < %(end)s
    union
    select link.event_id
    from public.workspace_habits habit
    join public.habit_calendar_events link on link.habit_id = habit.id
    where habit.ws_id = %(ws)s and link.occurrence_date between %(first)s and %(last)s
    union
    select event.id
    from public.workspace_calendar_events event
    join public.task_calendar_events link on link.event_id = event.id
    where event.ws_id = %(ws)s and event.end_at > %(now)s
)
select event.id, event.title, event.is_encrypted, event.locked,
       least(greatest(event.start_at, '1000-01-01'), '9000-01-01') as start_at,
       least(greatest(event.end_at, '1000-01-01'), '9000-01-01') as end_at,
       event.scheduling_metadata as metadata,
       coalesce(event.provider, 'tuturuuu') <> 'tuturuuu' or event.external_event_id is not null
           or event.google_event_id is not null as external,
       event.description = '' and coalesce(event.location, '') = '' as bare
from wanted join public.workspace_calendar_events event using (id)
where event.ws_id = %(ws)s
order by event.id
"""

_HABIT_LINKS: Final[LiteralString] = """
select event_id, habit_id, occurrence_date from public.habit_calendar_events
where event_id = any(%(events)s) order by event_id, habit_id
"""

_TASK_LINKS: Final[LiteralString] = (
    "select link.event_id, link.task_id, link.scheduled_minutes, link.completed, "
    + OWNER
    + """
from public.task_calendar_events link
join public.workspace_calendar_events event on event.id = link.event_id
where link.event_id = any(%(events)s) order by link.event_id, link.task_id
"""
)


def _load_rows(connection: psycopg.Connection[Any], request: Request) -> dict[UUID, EventRow]:
    values = {
        "ws": request.workspace.id,
        "now": request.now,
        "end": request.end,
        "first": request.first,
        "last": request.last,
    }
    events = connection.cursor(row_factory=dict_row).execute(_EVENTS, values).fetchall()
    ids = {"events": [event["id"] for event in events]}
    habits: dict[UUID, list[HabitLink]] = {}
    for event_id, habit_id, occurrence in connection.execute(_HABIT_LINKS, ids):
        habits.setdefault(event_id, []).append(HabitLink(habit_id, occurrence))
    tasks: dict[UUID, list[TaskLink]] = {}
    for event_id, task_id, minutes, completed, owner in connection.execute(_TASK_LINKS, ids):
        link = TaskLink(task_id, owner, minutes, completed)
        tasks.setdefault(event_id, []).append(link)
    return {
        event["id"]: EventRow(
            id=event["id"],
            start_at=event["start_at"],
            end_at=event["end_at"],
            title=_title(event, request.encryption),
            locked=event["locked"],
            external=event["external"],
            metadata=event["metadata"],
            habits=tuple(habits.get(event["id"], ())),
            tasks=tuple(tasks.get(event["id"], ())),
        )
        for event in events
    }


def _title(event: Mapping[str, Any], encryption: Encryption) -> str | None:
    """The title in plain, or None if it cannot be read or must not be written anew."""
    if encryption.locked:
        return None
    if event["is_encrypted"]:
        return encryption.cipher.decrypt(event["title"]) if encryption.cipher else None
    if encryption.on and not event["bare"]:
        # Encrypting the title alone would leave the other texts plain in an encrypted row.
        return None
    title: str = event["title"]
    return title


def _load_elsewhere(connection: psycopg.Connection[Any], request: Request) -> tuple[Blocker, ...]:
    user_id = request.scope.user_id
    if request.scope.kind is not ScopeKind.TASKS or user_id is None:
        return ()
    return load_elsewhere(connection, request.workspace, user_id, request.now, request.end)


def _load_habits(
    connection: psycopg.Connection[Any], request: Request, rows: Iterable[EventRow]
) -> tuple[Habit, ...]:
    if request.scope.kind is ScopeKind.TASKS:
        return ()
    linked = {link.habit_id for row in rows for link in row.habits}
    return load_habits(connection, request.workspace.id, linked, encrypted=request.encryption.on)


def _load_tasks(connection: psycopg.Connection[Any], request: Request) -> tuple[Task, ...]:
    user_id = request.scope.user_id
    if user_id is None:
        return ()
    owned = load_tasks(
        connection,
        request.workspace.id,
        [user_id],
        request.now,
        encrypted=request.encryption.on,
    )
    return tuple(item.task for item in owned)
