"""What a schedule is made from: one scope of a workspace, read at one instant.

Invariant: nothing here reads, writes or knows the time. Planner time is whole minutes since the
Unix epoch; intervals are half-open. A blocker's seconds are widened away: its start is floored, its
end ceiled. The order of the tuples means nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final
from uuid import UUID

GRID: Final = 5
"""Minutes. Starts and piece lengths lie on it."""

FREEZE: Final = 120
"""Minutes. What starts sooner than this is not moved, unless by force."""

DEFAULT_WINDOW_DAYS: Final = 30

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MINUTE: Final = timedelta(minutes=1)


def floor_minute(instant: datetime) -> int:
    """The whole minute since the epoch that contains ``instant``."""
    return (instant - _EPOCH) // _MINUTE


def ceil_minute(instant: datetime) -> int:
    """The first whole minute since the epoch that is not before ``instant``."""
    return -((_EPOCH - instant) // _MINUTE)


def instant_of(minute: int) -> datetime:
    """The aware UTC datetime of a minute since the epoch."""
    return _EPOCH + minute * _MINUTE


@unique
class HoursType(StrEnum):
    """Which weekly table an item is bound to (enum ``calendar_hours``)."""

    WORK = "work_hours"
    PERSONAL = "personal_hours"
    MEETING = "meeting_hours"


@unique
class Band(StrEnum):
    """A preferred part of the day (enum ``time_of_day_preference``)."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


@unique
class Frequency(StrEnum):
    """How a habit recurs (enum ``habit_frequency``); ``custom`` is every n days."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"
    CUSTOM = "custom"


@unique
class MonthlyKind(StrEnum):
    """How a monthly habit picks its day (enum ``monthly_recurrence_type``)."""

    DAY_OF_MONTH = "day_of_month"
    DAY_OF_WEEK = "day_of_week"


@unique
class DependencyKind(StrEnum):
    """Whether a habit follows or precedes the one it names."""

    AFTER = "after"
    BEFORE = "before"


@unique
class State(StrEnum):
    """What may be done with an event of ours. Only ``OPEN`` ones are ever written."""

    OPEN = "open"
    LOCKED = "locked"
    STARTED = "started"
    PAST = "past"
    PUSHED = "pushed"


@unique
class BlockerKind(StrEnum):
    """Why nothing may be placed in an interval."""

    LOCKED = "locked"
    MANUAL = "manual"
    EXTERNAL = "external"
    TAKEN_OVER = "taken_over"
    BEYOND_WINDOW = "beyond_window"
    UNKNOWN_OWNER = "unknown_owner"
    DOUBLE_LINK = "double_link"
    OTHER_SCOPE = "other_scope"
    ELSEWHERE = "elsewhere"


@unique
class Ending(StrEnum):
    """Why the open events of a habit or task are to go."""

    INACTIVE = "inactive"
    HIDDEN = "hidden"
    DELETED = "deleted"
    COMPLETED = "completed"
    CLOSED = "closed"
    PERSONALLY_COMPLETED = "personally_completed"
    UNASSIGNED = "unassigned"


@unique
class ScopeKind(StrEnum):
    """Whose items one plan places."""

    JOINT = "joint"
    HABITS = "habits"
    TASKS = "tasks"


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """One plan's share of a workspace, written in one transaction.

    Attributes:
        kind: Joint for a personal workspace; a team's habits; one member's tasks.
        user_id: The person whose tasks are planned; None for a team's habits.
    """

    kind: ScopeKind
    user_id: UUID | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Buffers:
    """Minutes wanted between neighbours, and breaks in long runs of work.

    Attributes:
        minimum: Below this the gap hurts; 0 to 240.
        preferred: At least ``minimum``.
        break_every: The longest run of own work without a break, or None if breaks are off.
        break_length: Minutes of a gap that count as a break.
    """

    minimum: int = 5
    preferred: int = 15
    break_every: int | None = None
    break_length: int = 15


WeekHours = tuple[tuple[tuple[int, int], ...], ...]
"""Seven days, Monday first: blocks as minutes of the day, start < end <= 2880, disjoint, sorted.

An end past 1440 belongs to a block that runs into the next day.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Rule:
    """When a habit is due; field by field the columns of ``workspace_habits``.

    Attributes:
        days_of_week: 0 is Sunday; None or empty means the weekday of the start.
        week_of_month: 5 is the last one.
    """

    frequency: Frequency = Frequency.DAILY
    interval: int | None = 1
    days_of_week: tuple[int, ...] | None = None
    monthly_kind: MonthlyKind | None = None
    day_of_month: int | None = None
    week_of_month: int | None = None
    day_of_week_monthly: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """How many instances a day a splittable habit may have; None where the row says nothing."""

    minimum: int | None = None
    ideal: int | None = None
    maximum: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Dependency:
    """The order of two habits on one date."""

    habit_id: UUID
    kind: DependencyKind


@dataclasses.dataclass(frozen=True, slots=True)
class Habit:
    """A habit that is schedulable, or one that ended and still has open events.

    Attributes:
        weight: 8, 4, 2 or 1.
        minutes: Of one instance; of the whole day if splittable.
        shortest: ``min_duration_minutes``; None means the default.
        longest: ``max_duration_minutes``; None means the default.
        ideal: Wanted start as minutes of the local day.
        rule: When it is due, from ``start_date`` to ``end_date`` inclusive.
        created_at: Breaks ties.
        ending: Why it is not to be planned any more; its open events go.
    """

    id: UUID
    name: str
    weight: int
    hours: HoursType
    minutes: int
    rule: Rule
    start_date: date
    created_at: datetime
    end_date: date | None = None
    shortest: int | None = None
    longest: int | None = None
    ideal: int | None = None
    band: Band | None = None
    splittable: bool = False
    quota: Quota = dataclasses.field(default_factory=Quota)
    dependency: Dependency | None = None
    color: str | None = None
    ending: Ending | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """A task of the scope's user that is schedulable, or one that ended and has open pieces.

    Attributes:
        weight: 8, 4, 2 or 1; the user's own priority wins.
        minutes: The estimate, whole minutes.
        done: Minutes of the user's pieces that are past, started or ticked off.
        shortest: ``min_split_duration_minutes``; None means the default.
        longest: ``max_split_duration_minutes``; None means the default.
        start: Not before this minute.
        deadline: Minutes after it are late; the user's own date wins.
        created_at: Breaks ties.
        ending: Why it is not to be planned any more; its open pieces go.
    """

    id: UUID
    name: str
    weight: int
    hours: HoursType
    minutes: int
    created_at: datetime
    done: int = 0
    splittable: bool = False
    shortest: int | None = None
    longest: int | None = None
    start: int | None = None
    deadline: int | None = None
    ending: Ending | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """An interval in which nothing may be placed.

    Attributes:
        event_id: The row behind it; None if it may not be named (busy elsewhere).
        all_day: It covers whole days; told apart because it is the usual surprise.
    """

    start: int
    end: int
    kind: BlockerKind
    event_id: UUID | None = None
    all_day: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Instance:
    """An event of the scope's habits.

    Attributes:
        date: The occurrence, which after midnight may be the day before.
        title: As the table has it, decrypted; None if it cannot be read.
    """

    event_id: UUID
    habit_id: UUID
    date: date
    start: int
    end: int
    state: State
    title: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """An event of the scope's user's tasks.

    Attributes:
        minutes: What the link row says it is worth.
        title: As the table has it, decrypted; None if it cannot be read.
    """

    event_id: UUID
    task_id: UUID
    start: int
    end: int
    state: State
    minutes: int = 0
    completed: bool = False
    title: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a plan depends on.

    Attributes:
        now: When it was read, exact and aware.
        window_days: Local dates from today on; 7 to 90.
        force: Release what may be moved, whatever it costs.
        zone: IANA key of the zone in which hours and dates are read.
        hours: A weekly table for each type.
        instances: Of the window, and of dates from yesterday on; of ended habits the open ones.
        pieces: That end after now; of ended tasks the open ones.
        skips: Occurrences the user does not want.
        completions: Occurrences that are done, with the event that did it, if one did.
        ignored_all_day: How many all-day rows were looked at and do not block.
    """

    ws_id: UUID
    scope: Scope
    now: datetime
    zone: str
    hours: Mapping[HoursType, WeekHours]
    window_days: int = DEFAULT_WINDOW_DAYS
    force: bool = False
    buffers: Buffers = dataclasses.field(default_factory=Buffers)
    blockers: tuple[Blocker, ...] = ()
    habits: tuple[Habit, ...] = ()
    instances: tuple[Instance, ...] = ()
    tasks: tuple[Task, ...] = ()
    pieces: tuple[Piece, ...] = ()
    skips: frozenset[tuple[UUID, date]] = frozenset()
    completions: Mapping[tuple[UUID, date], UUID | None] = dataclasses.field(
        default_factory=dict[tuple[UUID, date], UUID | None]
    )
    ignored_all_day: int = 0
