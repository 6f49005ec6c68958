"""What the rows of a calendar are to one scope: what blocks, what is its own, what is ignored.

Pure. Invariant: every row that is read ends up in exactly one place, and only what is certainly the
scope's own becomes an instance or a piece.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling import blockers
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Instance,
    Piece,
    Scope,
    ScopeKind,
    State,
    ceil_minute,
    floor_minute,
)


@dataclasses.dataclass(frozen=True, slots=True)
class HabitLink:
    """A row of ``habit_calendar_events``."""

    habit_id: UUID
    date: date


@dataclasses.dataclass(frozen=True, slots=True)
class TaskLink:
    """A row of ``task_calendar_events``.

    Attributes:
        owner: Whose piece it is; None if nobody can tell.
    """

    task_id: UUID
    owner: UUID | None
    minutes: int
    completed: bool


@dataclasses.dataclass(frozen=True, slots=True)
class EventRow:
    """A row of ``workspace_calendar_events`` with its links.

    Attributes:
        title: Decrypted; None if it cannot be read, or not be written in the row's own way.
        external: It is, or was sent to, an event at a provider.
        metadata: ``scheduling_metadata`` as the driver decodes it.
    """

    id: UUID
    start_at: datetime
    end_at: datetime
    title: str | None
    locked: bool
    external: bool
    metadata: object
    habits: tuple[HabitLink, ...] = ()
    tasks: tuple[TaskLink, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """For whom rows are sorted.

    Attributes:
        now: Exact.
        end: Where the window ends.
        zone: In which all-day events begin at midnight.
        habits: Those whose events may be written, ended ones included.
        tasks: The scope's user's, likewise.
    """

    scope: Scope
    now: datetime
    end: datetime
    zone: ZoneInfo
    habits: frozenset[UUID]
    tasks: frozenset[UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Sorted:
    """The rows, each in its place.

    Attributes:
        ignored_all_day: All-day rows that do not block.
    """

    blockers: tuple[Blocker, ...]
    instances: tuple[Instance, ...]
    pieces: tuple[Piece, ...]
    ignored_all_day: int


def sort_rows(rows: Iterable[EventRow], view: View) -> Sorted:
    """Put every row into its place for this scope."""
    found: list[Blocker] = []
    instances: list[Instance] = []
    pieces: list[Piece] = []
    ignored = 0
    for row in rows:
        match _place(row, view):
            case Blocker() as blocker:
                found.append(blocker)
            case Instance() as instance:
                instances.append(instance)
            case Piece() as piece:
                pieces.append(piece)
            case None:
                linked = bool(row.habits or row.tasks)
                ignored += not linked and blockers.is_ignored_all_day(row, view.zone)
    return Sorted(tuple(found), tuple(instances), tuple(pieces), ignored)


def _place(row: EventRow, view: View) -> Blocker | Instance | Piece | None:
    links = (*row.habits, *row.tasks)
    if len(links) > 1:
        return _block(row, view, BlockerKind.DOUBLE_LINK)
    match links:
        case (HabitLink() as link,):
            return _place_habit(row, link, view)
        case (TaskLink() as link,):
            return _place_task(row, link, view)
        case _:
            kind = blockers.kind_of(row, view.zone)
            return None if kind is None else _block(row, view, kind)


def _place_habit(row: EventRow, link: HabitLink, view: View) -> Blocker | Instance | None:
    if view.scope.kind is ScopeKind.TASKS:
        return _block(row, view, BlockerKind.OTHER_SCOPE)
    if link.habit_id not in view.habits:
        return _block(row, view, BlockerKind.TAKEN_OVER)
    start, end = floor_minute(row.start_at), ceil_minute(row.end_at)
    state = state_of(row, view)
    return Instance(row.id, link.habit_id, link.date, start, max(start, end), state, row.title)


def _place_task(row: EventRow, link: TaskLink, view: View) -> Blocker | Piece | None:
    if link.owner is None:
        return _block(row, view, BlockerKind.UNKNOWN_OWNER)
    if link.owner != view.scope.user_id:
        # Two people can work at the same time.
        return None
    if link.task_id not in view.tasks:
        return _block(row, view, BlockerKind.TAKEN_OVER)
    start, end = floor_minute(row.start_at), ceil_minute(row.end_at)
    return Piece(
        event_id=row.id,
        task_id=link.task_id,
        start=start,
        end=max(start, end),
        state=state_of(row, view),
        minutes=link.minutes,
        completed=link.completed,
        title=row.title,
    )


def state_of(row: EventRow, view: View) -> State:
    """What may be done with an event of ours.

    What starts behind the window is held like a locked one: a later window will look at it. What
    starts at this very instant is about to begin, not begun: a plan may place something there, and
    the next plan of the same instant must find it as its own.
    """
    if row.end_at <= view.now:
        return State.PAST
    if row.start_at < view.now:
        return State.STARTED
    if row.external:
        return State.PUSHED
    if row.locked or row.start_at >= view.end:
        return State.LOCKED
    return State.OPEN


def _block(row: EventRow, view: View, kind: BlockerKind) -> Blocker | None:
    """The row as a blocker, unless it is empty or outside of the window."""
    if row.start_at >= row.end_at or row.end_at <= view.now or row.start_at >= view.end:
        return None
    all_day = blockers.is_all_day(row, view.zone)
    return Blocker(floor_minute(row.start_at), ceil_minute(row.end_at), kind, row.id, all_day)
