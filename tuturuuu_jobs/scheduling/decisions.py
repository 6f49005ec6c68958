"""What a plan decides: changes with a reason each, and what found no place with what to do.

Invariant: values only. Reasons are plain English of at most 512 characters and name no event, item
or person of another workspace or member.
"""

from __future__ import annotations

import dataclasses
from datetime import date
from enum import StrEnum, unique
from uuid import UUID


@unique
class ItemKind(StrEnum):
    """What an event stands for."""

    HABIT = "habit"
    TASK = "task"


@unique
class Code(StrEnum):
    """Why a demand found no place, a late one, or another than asked for: the closed set."""

    NO_FREE_TIME = "no_free_time"
    NO_HOURS = "no_hours"
    TOO_LONG_FOR_ANY_BLOCK = "too_long_for_any_block"
    NO_SLOT_NEAR_PREFERENCE = "no_slot_near_preference"
    MISSED_TODAY = "missed_today"
    OVERDUE = "overdue"
    LATE = "late"
    BUMPED_BY = "bumped_by"
    QUOTA_BELOW_MIN = "quota_below_min"
    SHORTENED = "shortened"
    DEPENDENCY_UNMET = "dependency_unmet"
    DEPENDENCY_CYCLE = "dependency_cycle"
    SPLIT_BOUNDS_RELAXED = "split_bounds_relaxed"
    DOUBLE_LINK = "double_link"
    STARTS_AFTER_WINDOW = "starts_after_window"
    REFUSED_MASS_DELETE = "refused_mass_delete"


@unique
class Level(StrEnum):
    """How much a finding matters; warnings and errors make a plan partial."""

    INFORMATION = "information"
    WARNING = "warning"
    ERROR = "error"


@unique
class Cause(StrEnum):
    """Why an event is placed, moved or removed; a code beside the sentence."""

    AT_IDEAL = "at_ideal"
    NEAR_IDEAL = "near_ideal"
    IN_BAND = "in_band"
    NEAR_BAND = "near_band"
    SPREAD = "spread"
    FREE_TIME = "free_time"
    BEFORE_DEADLINE = "before_deadline"
    AFTER_DEADLINE = "after_deadline"
    CONFLICT = "conflict"
    OUTSIDE_HOURS = "outside_hours"
    WRONG_LENGTH = "wrong_length"
    BETTER_PLACE = "better_place"
    MADE_ROOM = "made_room"
    RENAMED = "renamed"
    SKIPPED = "skipped"
    COMPLETED = "completed"
    NOT_DUE = "not_due"
    ENDED = "ended"
    SURPLUS = "surplus"
    NO_PLACE = "no_place"


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """A code for programs and a sentence for people."""

    cause: Cause
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One event of the finished plan, in epoch minutes.

    Attributes:
        id: Of the habit or the task.
        date: The occurrence of a habit.
        event_id: The row that holds it, or None for a new one.
        number: Which of ``count`` instances of that date, or pieces of that task, by start.
        fixed: It may not be written (locked, started, past, pushed) and only counts.
        late: Minutes of it after the deadline.
    """

    kind: ItemKind
    id: UUID
    date: date | None
    start: int
    end: int
    event_id: UUID | None
    title: str
    number: int = 1
    count: int = 1
    fixed: bool = False
    late: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Insert:
    """A new event with its link row."""

    item: Item
    reason: Reason


@dataclasses.dataclass(frozen=True, slots=True)
class Update:
    """An open event that gets other times or another title.

    Attributes:
        item: As it will be; ``item.event_id`` is the row.
        start: As the plan read it, epoch minutes.
        end: As the plan read it.
        title: The new title, or None where it stays.
    """

    item: Item
    reason: Reason
    start: int
    end: int
    title: str | None = None

    @property
    def moves(self) -> bool:
        """Whether its times change."""
        return (self.start, self.end) != (self.item.start, self.item.end)


@dataclasses.dataclass(frozen=True, slots=True)
class Delete:
    """An open event that goes."""

    kind: ItemKind
    id: UUID
    date: date | None
    event_id: UUID
    start: int
    end: int
    reason: Reason


Change = Insert | Update | Delete


@unique
class RemedyKind(StrEnum):
    """What a person could change so that a demand fits."""

    LATER_DEADLINE = "later_deadline"
    SHORTER_PIECES = "shorter_pieces"
    SHORTER = "shorter"
    SPLITTABLE = "splittable"
    OTHER_HOURS = "other_hours"
    UNLOCK_EVENT = "unlock_event"
    EARLIER_START = "earlier_start"
    OTHER_TIME = "other_time"
    WIDER_WINDOW = "wider_window"


@dataclasses.dataclass(frozen=True, slots=True)
class Remedy:
    """The smallest change found, by planning again, under which the demand fits.

    Attributes:
        value: What to set it to: an instant, minutes, an hours type, an event id.
        text: The same as an instruction.
    """

    kind: RemedyKind
    value: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """A demand that is not, or not as asked, in the plan.

    Attributes:
        minutes: How many minutes it concerns: unplaced, late, or missing.
        text: One sentence, without names that the viewer may not see.
        in_the_way: Rows of this workspace that stand in the way, earliest first; a few at most.
        remedy: What would help; None if nothing small was found or looked for.
    """

    kind: ItemKind
    id: UUID
    date: date | None
    code: Code
    level: Level
    minutes: int
    text: str
    in_the_way: tuple[UUID, ...] = ()
    remedy: Remedy | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Score:
    """The objective, with its parts; higher is better.

    Attributes:
        total: ``100*placed - 50*late - 2*distance - delay - fragments - buffers - tidiness
            - moves``.
        placed: Weighted minutes placed.
        late: Weighted minutes placed after their deadline.
        distance: Weighted distance from ideal times and bands.
        delay: Cost of task minutes that come later than they could.
        fragments: Cost of needless pieces.
        buffers: Cost of gaps that are too small, and of missing breaks.
        tidiness: Cost of starts off the quarter hour.
        moves: Cost of moving what could have stayed.
    """

    total: int = 0
    placed: int = 0
    late: int = 0
    distance: int = 0
    delay: int = 0
    fragments: int = 0
    buffers: int = 0
    tidiness: int = 0
    moves: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """The whole answer to one snapshot.

    Attributes:
        items: Every own event of the window as it will be, fixed ones included, by start.
        changes: What differs from the table: deletes, updates, inserts.
        findings: What does not fit, or not as asked; at most one per demand.
        placed: Minutes placed.
        required: Minutes asked for.
        bumped: Habit instances that gave way to a task.
        buffer_misses: Neighbours closer than the preferred buffer.
    """

    items: tuple[Item, ...] = ()
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    score: Score = dataclasses.field(default_factory=Score)
    placed: int = 0
    required: int = 0
    bumped: int = 0
    buffer_misses: int = 0
