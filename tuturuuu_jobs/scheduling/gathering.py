"""From a snapshot to demands: who wants how much where, and which rows are wanted no more.

Invariant: what may not be written is only counted and blocks; every open row ends up with exactly
one owner or among the removals, each with its cause.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from datetime import date
from uuid import UUID

from tuturuuu_jobs.scheduling.daytime import DAY, merged
from tuturuuu_jobs.scheduling.decisions import Cause
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
    Task,
)
from tuturuuu_jobs.scheduling.precedence import Precedence, precedence_of
from tuturuuu_jobs.scheduling.recurrence import is_due
from tuturuuu_jobs.scheduling.window import Block, Window, down, up

Key = tuple[UUID, date]


@dataclasses.dataclass(slots=True)
class Demands:
    """Everything that wants a place.

    Attributes:
        occurrences: By date, then in the order in which they are placed.
        works: By id.
        blocked: What nothing may be placed in, disjoint and sorted.
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
    rows = _Rows(snapshot, window)
    occurrences = _occurrences(snapshot, window, precedence, rows)
    works = _works(snapshot, window, lanes, rows)
    blocked = merged([*((each.start, each.end) for each in snapshot.blockers), *rows.blocked])
    return Demands(
        window, lanes, precedence, occurrences, works, blocked, rows.removals, rows.all_fixed
    )


class _Rows:
    """The events of a snapshot by what may be done with them."""

    def __init__(self, snapshot: Snapshot, window: Window) -> None:
        self.blocked: list[Block] = []
        self.removals: list[Row] = []
        self.all_fixed: list[Instance | Piece] = []
        self.open: dict[Key, list[Row]] = defaultdict(list)
        self.fixed: dict[Key, list[Instance]] = defaultdict(list)
        self.pieces: dict[UUID, list[Row]] = defaultdict(list)
        self.counted: dict[UUID, list[Piece]] = defaultdict(list)
        self._window = window
        self._snapshot = snapshot
        habits = {habit.id: habit for habit in snapshot.habits}
        for instance in sorted(snapshot.instances, key=_by_start):
            self._sort_instance(instance, habits.get(instance.habit_id))
        tasks = {task.id: task for task in snapshot.tasks}
        for piece in sorted(snapshot.pieces, key=_by_start):
            self._sort_piece(piece, tasks.get(piece.task_id))

    def _is_fixed(self, event: Instance | Piece) -> bool:
        if event.state is not State.OPEN:
            return True
        return event.start <= self._window.now or event.end > self._window.end

    def _sort_instance(self, instance: Instance, habit: Habit | None) -> None:
        key = (instance.habit_id, instance.date)
        unwanted = None if habit is None else self._unwanted(instance, habit, key)
        row = Row(instance, instance.start, instance.end - instance.start, cause=unwanted)
        dates = self._window.dates
        if habit is None or self._is_fixed(instance):
            self._fix(instance, key)
        elif unwanted is not None:
            self.removals.append(row)
        elif key in self._snapshot.completions or not dates[0] <= instance.date <= dates[-1]:
            self._fix(instance, key)
        else:
            self.open[key].append(row)

    def _fix(self, instance: Instance, key: Key) -> None:
        self.fixed[key].append(instance)
        self.all_fixed.append(instance)
        self.blocked.append((instance.start, instance.end))

    def _unwanted(self, instance: Instance, habit: Habit, key: Key) -> Cause | None:
        snapshot = self._snapshot
        if snapshot.completions.get(key) == instance.event_id:
            return None
        if habit.ending is not None:
            return Cause.ENDED
        if key in snapshot.skips:
            return Cause.SKIPPED
        if key in snapshot.completions:
            return Cause.COMPLETED
        if not is_due(habit.rule, habit.start_date, habit.end_date, instance.date):
            return Cause.NOT_DUE
        return None

    def _sort_piece(self, piece: Piece, task: Task | None) -> None:
        if task is None or piece.completed or self._is_fixed(piece):
            self.all_fixed.append(piece)
            self.blocked.append((piece.start, piece.end))
            if not piece.completed and piece.state not in {State.STARTED, State.PAST}:
                self.counted[piece.task_id].append(piece)
            return
        row = Row(piece, piece.start, piece.end - piece.start)
        if task.ending is not None:
            row.cause = Cause.ENDED
            self.removals.append(row)
        else:
            self.pieces[piece.task_id].append(row)


def _by_start(event: Instance | Piece) -> tuple[int, int, int]:
    return event.start, event.end, event.event_id.int


def _occurrences(
    snapshot: Snapshot, window: Window, precedence: Precedence, rows: _Rows
) -> list[Occurrence]:
    planned = [_Planned(habit, shape_of(habit)) for habit in precedence.order]
    found: list[Occurrence] = []
    for day, on in enumerate(window.dates):
        of_day: dict[UUID, Occurrence] = {}
        for order, plan in enumerate(planned):
            habit = plan.habit
            if not is_due(habit.rule, habit.start_date, habit.end_date, on):
                continue
            key = (habit.id, on)
            if key in snapshot.skips or key in snapshot.completions:
                continue
            of_day[habit.id] = plan.on(window, day, order, rows.fixed.get(key, ()))
            of_day[habit.id].rows = rows.open.get(key) or []
        if precedence.edges:
            _link(of_day, precedence, on, rows)
        found += of_day.values()
    return found


def _link(of_day: dict[UUID, Occurrence], precedence: Precedence, on: date, rows: _Rows) -> None:
    """Tie the occurrences of a date together; instances of either habit that are fixed bound it."""
    for first, second in precedence.edges:
        before, after = of_day.get(first), of_day.get(second)
        if before is not None and after is not None:
            before.afters.append(after)
            after.befores.append(before)
        if after is not None:
            ends = [event.end for event in rows.fixed.get((first, on), ())]
            after.floor = max([after.floor, *ends])
        if before is not None:
            held = [
                event.start
                for event in rows.fixed.get((second, on), ())
                if event.state in {State.LOCKED, State.PUSHED}
            ]
            before.ceiling = min([before.ceiling, *held])


@dataclasses.dataclass(frozen=True, slots=True)
class _Planned:
    """A habit with its lengths, ready to be put on a date."""

    habit: Habit
    shape: Shape

    def on(
        self, window: Window, day: int, order: int, fixed: tuple[()] | list[Instance]
    ) -> Occurrence:
        habit, shape = self.habit, self.shape
        blocks = window.blocks[habit.hours][day]
        aims = self._aims(window, day, blocks)
        minutes = shape.minutes
        if fixed:
            taken = assign(aims, [(event.start, 0) for event in fixed], closest)
            aims = [aim for index, aim in enumerate(aims) if index not in taken]
            minutes -= sum(event.end - event.start for event in fixed)
            if minutes < shape.shortest or not aims:
                minutes, aims = 0, []
        return Occurrence(
            habit, order, habit.weight, day, window.dates[day], blocks, shape, aims, minutes, fixed
        )

    def _aims(self, window: Window, day: int, blocks: list[Block]) -> list[Aim]:
        habit = self.habit
        reach = max(REACH, 4 * self.shape.preferred)
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
        return self._spread(window, day, blocks, reach)

    def _spread(self, window: Window, day: int, blocks: list[Block], reach: int) -> list[Aim]:
        """Aims evenly over the day or its wanted part; an ideal time replaces the nearest one."""
        habit, count = self.habit, self.shape.number
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


def _ideal_on(window: Window, day: int, blocks: list[Block], ideal: int) -> int:
    """An ideal time before the first block but in the tail after midnight is meant there."""
    at = window.minute(day, ideal)
    if blocks and at < blocks[0][0]:
        later = window.minute(day, ideal + DAY)
        if any(start <= later < end for start, end in blocks):
            return later
    return at


def _works(
    snapshot: Snapshot, window: Window, lanes: dict[HoursType, Lane], rows: _Rows
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
                lanes[task.hours], start, due, fixed, rows.pieces.get(task.id) or [],
                sep=sep, thrift=thrift, total=wanted,
            )
        )  # fmt: skip
    return works
