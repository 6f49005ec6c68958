"""From a snapshot to demands: who wants how much where, and which rows are wanted no more.

Invariant: what may not be written is only counted and blocks; every open row ends up with exactly
one owner or among the removals, each with its cause.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tuturuuu_jobs.scheduling.daytime import DAY, merged
from tuturuuu_jobs.scheduling.demands import (
    BANDS,
    NOON,
    REACH,
    Aim,
    Occurrence,
    Row,
    Shape,
    Work,
    assign,
    bounds_of,
    closest,
    shape_of,
)
from tuturuuu_jobs.scheduling.intervals import FAR, Lane
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Habit,
    HoursType,
    Instance,
    Piece,
    Snapshot,
    State,
)
from tuturuuu_jobs.scheduling.precedence import Precedence, precedence_of
from tuturuuu_jobs.scheduling.sorting import Rows
from tuturuuu_jobs.scheduling.window import Block, Window, down, up

Key = tuple[UUID, date]


@dataclasses.dataclass(slots=True)
class Demands:
    """Everything that wants a place.

    Attributes:
        occurrences: By date, then in the order in which they are placed.
        works: By id.
        blocked: What nothing may be placed in, disjoint and sorted; what no place can meet, nor
            have for a neighbour, is left out.
        removals: Open rows that nobody asks for any more.
        fixed: What may not be written, by start.
    """

    window: Window
    lanes: dict[HoursType, Lane]
    precedence: Precedence
    occurrences: list[Occurrence]
    works: list[Work]
    blocked: list[Block]
    removals: list[Row]
    fixed: list[Instance | Piece]


def gather(snapshot: Snapshot, window: Window) -> Demands:
    """Sort a snapshot into demands, removals and blocked time."""
    lanes = {kind: Lane(mask, window.midnights) for kind, mask in window.masks.items()}
    precedence = precedence_of(snapshot.habits)
    rows = Rows(snapshot, window)
    occurrences = _occurrences(snapshot, window, precedence, rows)
    works = _works(snapshot, window, lanes, rows)
    busy = merged([*((each.start, each.end) for each in snapshot.blockers), *rows.blocked])
    blocked = _felt(window, busy, snapshot.buffers.preferred)
    return Demands(
        window, lanes, precedence, occurrences, works, blocked, rows.removals, rows.all_fixed
    )


def _felt(window: Window, busy: Sequence[Block], air: int) -> list[Block]:
    """What is busy of the hours still to come and of the ``air`` minutes around them.

    Only that much, so that what lies outside changes nothing, not even by joining two of them.
    """
    hours = merged(
        (max(start, window.now) - air, min(end, window.end) + air)
        for mask in window.masks.values()
        for start, end in mask
        if end > window.now
    )
    ends = [end for _, end in hours]
    found: list[Block] = []
    for start, end in busy:
        for low, high in hours[bisect_right(ends, start) :]:
            if low >= end:
                break
            found.append((max(start, low), min(end, high)))
    return found


def _occurrences(
    snapshot: Snapshot, window: Window, precedence: Precedence, rows: Rows
) -> list[Occurrence]:
    planned = [_planned(window, habit) for habit in precedence.order]
    tables = [
        (plan, rows.due[plan.habit.id], rows.open[plan.habit.id], rows.fixed[plan.habit.id])
        for plan in planned
    ]
    excluded = {*snapshot.skips, *snapshot.completions}
    found: list[Occurrence] = []
    for day, on in enumerate(window.dates):
        of_day: list[Occurrence] = []
        for order, (plan, due, loose, fixed) in enumerate(tables):
            if on not in due or (excluded and (plan.habit.id, on) in excluded):
                continue
            of_day.append(plan.on(window, day, order, fixed.get(on, ()), loose.get(on, ())))
        if precedence.edges:
            _link({each.habit.id: each for each in of_day}, precedence, on, rows)
        found += of_day
    return found


def _link(of_day: dict[UUID, Occurrence], precedence: Precedence, on: date, rows: Rows) -> None:
    """Tie the occurrences of a date together; instances of either habit that are fixed bound it."""
    for first, second in precedence.edges:
        before, after = of_day.get(first), of_day.get(second)
        if before is not None and after is not None:
            before.followers = [*before.followers, after]
            after.leaders = [*after.leaders, before]
        if after is not None:
            ends = [event.end for event in rows.fixed[first].get(on, ())]
            after.floor = max([after.floor, *ends])
        if before is not None:
            held = [
                event.start
                for event in rows.fixed[second].get(on, ())
                if event.state in {State.LOCKED, State.PUSHED}
            ]
            before.ceiling = min([before.ceiling, *held])


@dataclasses.dataclass(frozen=True, slots=True)
class _Planned:
    """A habit with its lengths, its tolerance and its hours, ready to be put on a date."""

    habit: Habit
    shape: Shape
    reach: int
    blocks: Sequence[list[Block]]
    anchored: Sequence[list[Block]]

    def on(
        self,
        window: Window,
        day: int,
        order: int,
        fixed: Sequence[Instance],
        rows: Sequence[Row],
    ) -> Occurrence:
        """The demand of one date, without what its fixed instances hold."""
        habit, shape = self.habit, self.shape
        aims = self._aims(window, day, self.anchored[day])
        minutes = shape.minutes
        if fixed:
            taken = _taken(aims, fixed, rows)
            aims = [aim for index, aim in enumerate(aims) if index not in taken]
            minutes -= sum(event.end - event.start for event in fixed)
            if minutes < shape.shortest or not aims:
                minutes, aims = 0, []
        return Occurrence(
            habit,
            order,
            habit.weight,
            day,
            window.dates[day],
            self.blocks[day],
            shape,
            aims,
            minutes,
            fixed,
            rows=rows,
        )

    def _aims(self, window: Window, day: int, blocks: list[Block]) -> list[Aim]:
        habit, reach = self.habit, self.reach
        if self.shape.number == 1:
            if habit.ideal is not None:
                at = _ideal_on(window, day, blocks, habit.ideal)
                return [Aim(at, first=at - reach, last=at + reach)]
            if habit.band is not None:
                low, high, at = (window.minute(day, each) for each in BANDS[habit.band])
                return [Aim(at, 8, low, high, first=low - reach, until=high + reach)]
            return [Aim(window.minute(day, NOON), 8)]
        if not blocks:
            return [Aim(window.minute(day, NOON), 8)] * self.shape.number
        return self._spread(window, day, blocks)

    def _spread(self, window: Window, day: int, blocks: list[Block]) -> list[Aim]:
        """Aims evenly over the day or its wanted part; an ideal time replaces the nearest one."""
        habit, reach, count = self.habit, self.reach, self.shape.number
        low, high, first, until = blocks[0][0], blocks[-1][1], -FAR, FAR
        if habit.band is not None:
            low, high = (window.minute(day, each) for each in BANDS[habit.band][:2])
            first, until = low - reach, high + reach
        step = high - low
        aims = [
            Aim(down(low + (2 * index + 1) * step // (2 * count)), 8, first=first, until=until)
            for index in range(count)
        ]
        if habit.ideal is not None:
            at = _ideal_on(window, day, blocks, habit.ideal)
            nearest = min(range(count), key=lambda index: abs(aims[index].at - at))
            aims[nearest] = Aim(at, first=at - reach, last=at + reach)
            aims.sort()
        return aims


def _planned(window: Window, habit: Habit) -> _Planned:
    shape, hours = shape_of(habit), habit.hours
    reach = max(REACH, 4 * shape.preferred)
    return _Planned(habit, shape, reach, window.blocks[hours], window.anchored[hours])


def _taken(aims: list[Aim], fixed: Sequence[Instance], rows: Sequence[Row]) -> set[int]:
    """The aims that the fixed instances stand for.

    The open ones of the date are heard too: an instance that begins must not take the aim of one
    that is still to come, which would then have to go.
    """
    places = [(event.start, 0, True) for event in fixed]
    if len(fixed) + len(rows) <= len(aims):
        places += [(row.start, row.length, False) for row in rows]
    places.sort()
    chosen = assign(aims, [(start, length) for start, length, _ in places], closest)
    return {index for index, (_, _, counts) in zip(chosen, places, strict=False) if counts}


def _ideal_on(window: Window, day: int, blocks: list[Block], ideal: int) -> int:
    """An ideal time before the first block but in the tail after midnight is meant there."""
    at = window.minute(day, ideal)
    if blocks and at < blocks[0][0]:
        later = window.minute(day, ideal + DAY)
        if any(start <= later < end for start, end in blocks):
            return later
    return at


def _works(
    snapshot: Snapshot, window: Window, lanes: dict[HoursType, Lane], rows: Rows
) -> list[Work]:
    sep = max(GRID, snapshot.buffers.minimum)
    works: list[Work] = []
    for task in sorted(snapshot.tasks, key=lambda task: task.id.int):
        if task.ending is not None:
            continue
        fixed = rows.counted.get(task.id, [])
        wanted = up(max(0, task.minutes - task.done))
        minutes = max(0, wanted - sum(piece.end - piece.start for piece in fixed))
        least, most, relaxed = bounds_of(task, minutes)
        due = FAR if task.deadline is None else max(task.deadline, window.now)
        start = max(window.start, up(task.start or window.start))
        thrift = max(1, -(-wanted // max(1, most)) - len(fixed))
        works.append(
            Work(
                task, len(works), task.weight, minutes, least, most, relaxed,
                lanes[task.hours], start, due, fixed, rows.pieces.get(task.id, ()),
                sep=sep, thrift=thrift, total=wanted,
            )
        )  # fmt: skip
    return works
