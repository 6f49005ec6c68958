"""What a snapshot asks for, read a second time.

Written from the specification alone: of the package it uses the values, the recurrence and the
local clock, and nothing of the planner. Scorer, rule checker, bound and oracle stand on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling.daytime import blocks_of, merged, minute_at
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Band,
    Blocker,
    Habit,
    HoursType,
    Instance,
    Piece,
    Snapshot,
    State,
    Task,
    WeekHours,
    ceil_minute,
    floor_minute,
)
from tuturuuu_jobs.scheduling.recurrence import is_due

Span = tuple[int, int]

BANDS = {
    Band.MORNING: (360, 720, 540),
    Band.AFTERNOON: (720, 1020, 840),
    Band.EVENING: (1020, 1260, 1080),
    Band.NIGHT: (1260, 1440, 1320),
}
"""Begin, end and centre in minutes of the day."""


def up(minutes: int) -> int:
    """To the grid."""
    return -(-minutes // GRID) * GRID


def down(minutes: int) -> int:
    """To the grid."""
    return minutes // GRID * GRID


def now_up(snapshot: Snapshot) -> int:
    return up(ceil_minute(snapshot.now))


def today(snapshot: Snapshot) -> date:
    return snapshot.now.astimezone(ZoneInfo(snapshot.zone)).date()


def window(snapshot: Snapshot) -> Span:
    """From the first possible start to the last possible end."""
    zone = ZoneInfo(snapshot.zone)
    return now_up(snapshot), minute_at(zone, today(snapshot), 1440 * snapshot.window_days)


def dates(snapshot: Snapshot) -> list[date]:
    first = today(snapshot)
    return [first + timedelta(days=index) for index in range(snapshot.window_days)]


@lru_cache(maxsize=20_000)
def _blocks(week: WeekHours, zone: str, day: date) -> tuple[Span, ...]:
    return tuple(blocks_of(week, ZoneInfo(zone), day))


def day_blocks(snapshot: Snapshot, kind: HoursType, day: date) -> tuple[Span, ...]:
    """The hours anchored on a date."""
    return _blocks(snapshot.hours[kind], snapshot.zone, day)


def all_blocks(snapshot: Snapshot, kind: HoursType) -> list[Span]:
    """The hours of the window as one set, a day more on either side."""
    days = [today(snapshot) + timedelta(days=index) for index in range(-1, snapshot.window_days)]
    return merged(block for day in days for block in day_blocks(snapshot, kind, day))


def events(snapshot: Snapshot) -> tuple[Instance | Piece, ...]:
    return (*snapshot.instances, *snapshot.pieces)


def walls(snapshot: Snapshot) -> list[Span]:
    """What nothing of ours may overlap: blockers, and own events that may not be written."""
    own = ((e.start, e.end) for e in events(snapshot) if is_fixed(snapshot, e))
    return merged([*blocker_spans(snapshot.blockers), *own])


def is_fixed(snapshot: Snapshot, event: Instance | Piece) -> bool:
    """Whether an event may not be written, for its state or because it leaves the window."""
    if event.state is not State.OPEN or event.start < floor_minute(snapshot.now):
        return True
    done = isinstance(event, Piece) and event.completed
    return done or event.end > window(snapshot)[1]


def worked(piece: Piece) -> bool:
    """Whether it is among what is done already."""
    return piece.completed or piece.state in {State.STARTED, State.PAST}


def overlapping(span: Span, others: Iterable[Span]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def blocker_spans(blockers: Iterable[Blocker]) -> list[Span]:
    return [(b.start, b.end) for b in blockers if b.start < b.end]


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """A task's minutes and how they may be cut.

    Attributes:
        minutes: Not done yet, on the grid.
        ahead: Of these, minutes of future pieces that may not be written.
        shortest: Of a piece, unless the rest is smaller.
        relaxed: No number of pieces between the bounds adds up.
    """

    minutes: int
    ahead: int
    shortest: int
    longest: int
    relaxed: bool = False

    @property
    def rest(self) -> int:
        return max(0, self.minutes - self.ahead)


def wanted(snapshot: Snapshot, task: Task) -> Wanted:
    minutes = 0 if task.ending else max(0, up(task.minutes - task.done))
    ahead = sum(
        piece.end - piece.start
        for piece in snapshot.pieces
        if piece.task_id == task.id and is_fixed(snapshot, piece) and not worked(piece)
    )
    rest = max(0, minutes - ahead)
    if not task.splittable:
        return Wanted(minutes, ahead, rest, rest)
    shortest = max(GRID, up(30 if task.shortest is None else task.shortest))
    longest = max(shortest, GRID, down(120 if task.longest is None else task.longest))
    if rest < shortest:
        return Wanted(minutes, ahead, rest, longest)
    count = -(-rest // longest)
    if count * shortest > rest:
        return Wanted(minutes, ahead, max(GRID, down(rest // count)), longest, relaxed=True)
    return Wanted(minutes, ahead, shortest, longest)


@dataclasses.dataclass(frozen=True, slots=True)
class Occurrence:
    """A habit on a date on which it is to be done.

    Attributes:
        blocks: The allowed hours, not cut to the window.
        lengths: What each instance should last, the longest first; of all, fixed ones too.
        shortest: An instance is never shorter.
        longest: Nor longer.
        most: There are never more instances.
    """

    habit: Habit
    day: date
    zone: ZoneInfo
    blocks: tuple[Span, ...]
    lengths: tuple[int, ...]
    shortest: int
    longest: int
    most: int

    @property
    def tolerance(self) -> int:
        return max(120, 4 * self.lengths[0])

    def clock(self, minute: int) -> int:
        return minute_at(self.zone, self.day, minute)

    @property
    def ideal(self) -> int | None:
        """The wanted start; after midnight if only the tail of the day's hours holds it."""
        if self.habit.ideal is None:
            return None
        ideal, late = self.clock(self.habit.ideal), self.clock(self.habit.ideal + 1440)
        early = bool(self.blocks) and ideal < self.blocks[0][0]
        return late if early and late < self.blocks[-1][1] else ideal

    @property
    def band(self) -> Span | None:
        if self.habit.band is None:
            return None
        first, last, _ = BANDS[self.habit.band]
        return self.clock(first), self.clock(last)

    def distance(self, number: int, start: int, end: int) -> tuple[int, int]:
        """How far an instance is from what the ``number``-th is wanted to be.

        The second value is what the tolerance is about.
        """
        ideal, band = self.ideal, self.band
        if ideal is not None and number == self.of_ideal:
            return abs(start - ideal), abs(start - ideal)
        out = max(0, band[0] - start) + max(0, end - band[1]) if band else 0
        if len(self.lengths) > 1:
            return abs(start - self.spread(number)) // 8, out
        centre = BANDS[self.habit.band][2] if self.habit.band else 720
        return out + abs(start - self.clock(centre)) // 8, out

    def spread(self, number: int) -> int:
        """Where the ``number``-th of several is wanted, their ideal time aside."""
        first, last = self.band or (self.blocks[0][0], self.blocks[-1][1])
        count = len(self.lengths)
        return down(first + (2 * number + 1) * (last - first) // (2 * count))

    @property
    def of_ideal(self) -> int:
        """The number of the instance that is wanted at the ideal time: the one nearest to it."""
        ideal = self.ideal
        count = len(self.lengths)
        if ideal is None or count == 1 or not self.blocks:
            return 0
        return min(range(count), key=lambda number: abs(self.spread(number) - ideal))


def occurs(snapshot: Snapshot, habit: Habit, day: date) -> bool:
    """Due, wanted and not done."""
    return (
        habit.ending is None
        and is_due(habit.rule, habit.start_date, habit.end_date, day)
        and (habit.id, day) not in snapshot.skips
        and (habit.id, day) not in snapshot.completions
    )


def occurrence(snapshot: Snapshot, habit: Habit, day: date) -> Occurrence:
    blocks = day_blocks(snapshot, habit.hours, day)
    lengths, shortest, longest, most = _lengths(habit)
    zone = ZoneInfo(snapshot.zone)
    return Occurrence(habit, day, zone, blocks, lengths, shortest, longest, most)


def occurrences(snapshot: Snapshot) -> list[Occurrence]:
    return [
        occurrence(snapshot, habit, day)
        for habit in snapshot.habits
        for day in dates(snapshot)
        if occurs(snapshot, habit, day)
    ]


def _lengths(habit: Habit) -> tuple[tuple[int, ...], int, int, int]:
    minutes = habit.minutes
    if not habit.splittable:
        shortest = habit.shortest or max(15, down(minutes // 2))
        return (minutes,), min(minutes, shortest), minutes, 1
    shortest = min(minutes, habit.shortest or 15)
    longest = max(shortest, min(minutes, habit.longest or minutes))
    least = max(1, habit.quota.minimum or 1)
    ideal = max(least, habit.quota.ideal or least)
    most = max(ideal, habit.quota.maximum or ideal)
    count = ideal
    while count > 1 and count * shortest > minutes:
        count -= 1
    while count < most and count * longest < minutes:
        count += 1
    return _parts(minutes, count, longest), shortest, longest, most


def _parts(minutes: int, count: int, longest: int) -> tuple[int, ...]:
    """Equal on the grid, the larger ones first; what is off the grid goes to the first."""
    each, extra = divmod(minutes // GRID, count)
    parts = [GRID * (each + (index < extra)) for index in range(count)]
    parts[0] += minutes % GRID
    return tuple(min(part, longest) for part in parts)
