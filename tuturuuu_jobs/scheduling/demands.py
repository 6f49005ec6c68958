"""What is asked for: habits on their dates, tasks with their minutes, and the rows they have.

Invariant: an owner is one habit on one date or one task; it has the seats that stand for it in the
plan being made, and the rows that stand for it in the table. Everything here is working state of
one planning; it never leaves the package of planning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, NamedTuple

from tuturuuu_jobs.scheduling.decisions import Cause
from tuturuuu_jobs.scheduling.intervals import FAR, Lane
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Band,
    BlockerKind,
    Habit,
    Instance,
    Piece,
    Task,
)
from tuturuuu_jobs.scheduling.window import Block, down

BANDS: Final = {
    Band.MORNING: (360, 720, 540),
    Band.AFTERNOON: (720, 1020, 840),
    Band.EVENING: (1020, 1260, 1080),
    Band.NIGHT: (1260, 1440, 1320),
}
"""Begin, end and centre of a part of the day, in minutes of the local day."""

NOON: Final = 720
REACH: Final = 120
"""Minutes. The least tolerance around an ideal time or a part of the day."""

LEAST_PIECE, MOST_PIECE = 30, 120
LEAST_INSTANCE: Final = 15


class Aim(NamedTuple):
    """Where an instance is wanted, and how far from there it may be.

    Its distance at ``[s, e)`` is ``|s - at| // unit`` and what sticks out of ``[low, high)``. It
    may start from ``first`` to ``last``, and end at ``until``.
    """

    at: int
    unit: int = 1
    low: int = -FAR
    high: int = FAR
    first: int = -FAR
    last: int = FAR
    until: int = FAR

    def distance(self, start: int, length: int) -> int:
        """Minutes away from what is wanted."""
        at, unit, low, high, _, _, _ = self
        away = abs(start - at) // unit
        if start < low:
            away += low - start
        if start + length > high:
            away += start + length - high
        return away

    def admits(self, start: int, length: int) -> bool:
        """Whether it is near enough."""
        return self.first <= start <= self.last and start + length <= self.until


class Shape(NamedTuple):
    """The lengths of a habit's instances.

    A habit of one instance has ``minutes`` for it, and for its ``longest``; a splittable one has
    ``minutes`` for the whole date, in ``number`` instances, of which ``enough`` will do.
    """

    minutes: int
    shortest: int
    longest: int
    number: int
    enough: int

    @property
    def preferred(self) -> int:
        """The wanted length of the first and longest instance."""
        share, over = divmod(self.minutes, GRID)
        return min(self.longest, -(-share // self.number) * GRID + over)


@dataclasses.dataclass(slots=True, eq=False)
class Row:
    """An open event as the table has it.

    Attributes:
        valid: It could stay where it is; moving it costs.
        cause: Why it could not.
        blocker: What it overlaps, if that is why; None if it is another own event.
    """

    event: Instance | Piece
    start: int
    length: int
    valid: bool = False
    cause: Cause | None = None
    blocker: BlockerKind | None = None


@dataclasses.dataclass(slots=True, eq=False)
class Seat:
    """One event of the plan being made. It is never changed, only replaced.

    Attributes:
        worth: What it adds to the score, its neighbours aside.
        kept: It stands where a valid row stands; only something heavier may move it.
    """

    owner: Occurrence | Work
    start: int
    length: int
    worth: int
    aim: Aim | None = None
    kept: bool = False


@dataclasses.dataclass(slots=True, eq=False)
class Occurrence:
    """A habit on one of its dates.

    Attributes:
        day: Index of the date.
        blocks: The allowed intervals anchored on the date.
        aims: Where its instances are wanted, one for each that is not fixed yet, by time.
        minutes: Asked for, without the fixed ones.
        fixed: Instances that may not be written; they count.
        floor: Not before this, because of a fixed instance of a habit it follows.
        ceiling: Not past this, because of a fixed instance of a habit that follows it.
        leaders: What it follows on its date.
        followers: What follows it.
        sep: Minutes between two instances.
        thrift: How many events before more of them cost; here it never matters.
        toll: What leaving the places of its stakes costs at present.
        missing: Minutes that are asked for and have no seat.
        bumped: A task took its place.
    """

    habit: Habit
    order: int
    weight: int
    day: int
    date: date
    blocks: Sequence[Block]
    shape: Shape
    aims: Sequence[Aim]
    minutes: int
    fixed: Sequence[Instance] = ()
    floor: int = -FAR
    ceiling: int = FAR
    leaders: Sequence[Occurrence] = ()
    followers: Sequence[Occurrence] = ()
    rows: Sequence[Row] = ()
    stakes: Sequence[Stake] = ()
    seats: list[Seat] = dataclasses.field(default_factory=list[Seat])
    sep: int = GRID
    thrift: int = 1 << 30
    toll: int = 0
    missing: int = 0
    bumped: bool = False

    def __post_init__(self) -> None:
        self.missing = self.minutes

    def is_late(self) -> bool:
        """Never: a habit is on its date or nowhere."""
        return False

    def span(self) -> tuple[int, int]:
        """The earliest start and the latest end that its order among habits allows."""
        low, high = self.floor, self.ceiling
        if not self.leaders and not self.followers:
            return low, high
        for other in self.leaders:
            for seat in other.seats:
                low = max(low, seat.start + seat.length)
        for other in self.followers:
            for seat in other.seats:
                high = min(high, seat.start)
        return low, high


@dataclasses.dataclass(slots=True, eq=False)
class Work:
    """A task.

    Attributes:
        minutes: What is left to do, without what fixed pieces hold.
        least: Shortest piece; all of it if the task is not to be split.
        most: Longest piece.
        relaxed: The bounds of the task cannot be kept, ``least`` was lowered.
        lane: Its hours.
        start: Not before this.
        due: Minutes after this are late; not before now.
        fixed: Pieces that may not be written and still count.
        sep: Minutes between two pieces.
        thrift: How many pieces it takes at least.
        total: What is left to do, fixed pieces included.
        toll: What leaving the places of its stakes costs at present.
        missing: Minutes that are left to do and have no seat.
    """

    task: Task
    order: int
    weight: int
    minutes: int
    least: int
    most: int
    relaxed: bool
    lane: Lane
    start: int
    due: int
    fixed: Sequence[Piece] = ()
    rows: Sequence[Row] = ()
    stakes: Sequence[Stake] = ()
    seats: list[Seat] = dataclasses.field(default_factory=list[Seat])
    sep: int = GRID
    thrift: int = 1
    total: int = 0
    toll: int = 0
    missing: int = 0

    def __post_init__(self) -> None:
        self.missing = self.minutes

    def is_late(self) -> bool:
        """Whether any of its seats ends after the deadline."""
        return any(seat.start + seat.length > self.due for seat in self.seats)

    @property
    def late(self) -> int:
        """Minutes of its seats after the deadline."""
        return sum([late_minutes(seat.start, seat.length, self.due) for seat in self.seats])


Owner = Occurrence | Work

Place = tuple[int, int]
"""Start and length."""

Stake = tuple[int, int, bool]
"""Start, length and validity of what the owner had when planning began: moving it costs."""


def late_minutes(start: int, length: int, due: int) -> int:
    """How much of ``[start, start + length)`` comes after ``due``."""
    late = start + length - due
    return 0 if late <= 0 else min(length, late)


def assign(
    aims: Sequence[Aim], places: Sequence[Place], cost: Callable[[Aim, Place], int]
) -> list[int]:
    """Which aim each place belongs to, both in order of time, so that it costs least in all.

    Places beyond the number of aims get none; they are the last ones.
    """
    count = min(len(places), len(aims))
    if count == len(aims):
        return list(range(count))
    nobody: list[int] = []
    best = [(0, nobody), *((FAR, nobody) for _ in range(count))]
    for index, aim in enumerate(aims):
        for taken in range(min(index, count - 1), -1, -1):
            total = best[taken][0] + cost(aim, places[taken])
            if total < best[taken + 1][0]:
                best[taken + 1] = (total, [*best[taken][1], index])
    return best[count][1]


def closest(aim: Aim, place: Place) -> int:
    """How far a place is from an aim."""
    return aim.distance(*place)


def shape_of(habit: Habit) -> Shape:
    """Lengths and number of a habit's instances; what the row leaves open has a default.

    The shortest length is half of the wanted one, but at least 15 minutes; a splittable habit is
    cut into its ideal number of equal parts, fewer if they would be too short, more if too long.
    """
    minutes = max(1, habit.minutes)
    if not habit.splittable:
        shortest = habit.shortest or max(LEAST_INSTANCE, down(minutes // 2))
        return Shape(minutes, min(minutes, max(1, shortest)), minutes, 1, 1)
    shortest = min(minutes, max(1, habit.shortest or LEAST_INSTANCE))
    longest = min(minutes, max(shortest, habit.longest or minutes))
    enough = max(1, habit.quota.minimum or 1)
    count = max(enough, habit.quota.ideal or enough)
    ceiling = max(count, habit.quota.maximum or count)
    while count > 1 and count * shortest > minutes:
        count -= 1
    while count < ceiling and count * longest < minutes:
        count += 1
    return Shape(minutes, shortest, longest, count, min(enough, count))


def bounds_of(task: Task, minutes: int) -> tuple[int, int, bool]:
    """Shortest and longest piece of ``minutes`` of a task, and whether its own bounds had to give.

    No number of pieces may fit: then the longest piece decides how many there are, and the
    shortest is lowered to an equal share.
    """
    if not task.splittable:
        return minutes, minutes, False
    least = max(GRID, -(-(task.shortest or LEAST_PIECE) // GRID) * GRID)
    most = max(least, down(task.longest or MOST_PIECE))
    if minutes < least:
        return minutes, minutes, False
    count = -(-minutes // most)
    if count * least <= minutes:
        return least, most, False
    return max(GRID, down(minutes // count)), most, True


def cut(rest: int, room: int, least: int, most: int) -> int:
    """The longest piece of ``rest`` minutes for ``room``, or 0.

    What is left over must be placeable again: nothing, or some number of pieces within bounds.
    """
    top = min(rest, room, most)
    if top == rest:
        return rest
    top = down(min(top, rest - least) if rest > least else top)
    while top >= least:
        left = rest - top
        if -(-left // most) * least <= left:
            return top
        top -= GRID
    return 0
