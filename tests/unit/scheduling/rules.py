"""The hard rules H1 to H11, checked on a finished plan by a second reading of the snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from uuid import UUID

from tests.unit.scheduling.building import written
from tests.unit.scheduling.reading import (
    Occurrence,
    Wanted,
    all_blocks,
    blocker_spans,
    dates,
    day_blocks,
    events,
    is_fixed,
    occurrence,
    occurs,
    overlapping,
    today,
    wanted,
    window,
    worked,
)
from tuturuuu_jobs.scheduling.decisions import Code, Insert, Item, ItemKind, Plan, Update
from tuturuuu_jobs.scheduling.model import (
    GRID,
    DependencyKind,
    Habit,
    Instance,
    Piece,
    Snapshot,
    Task,
)


def violations(snapshot: Snapshot, plan: Plan) -> list[str]:
    """Every broken rule, by its number; empty for a sound plan."""
    return [*_Check(snapshot, plan).all()]


class _Check:
    def __init__(self, snapshot: Snapshot, plan: Plan) -> None:
        self.snapshot, self.plan = snapshot, plan
        self.rows = {event.event_id: event for event in events(snapshot)}
        self.items = sorted(plan.items, key=lambda item: (item.start, item.end))
        self.loose = [item for item in self.items if not item.fixed]
        self.habits = {habit.id: habit for habit in snapshot.habits}
        self.tasks = {task.id: task for task in snapshot.tasks}

    def all(self) -> Iterator[str]:
        yield from self.no_overlap()
        for item in self.loose:
            yield from self.inside_hours(item)
            yield from self.inside_window(item)
        for task in self.snapshot.tasks:
            yield from self.pieces(task)
        yield from self.occurrences()
        yield from self.order()
        yield from self.only_open_rows()

    def stays(self, item: Item) -> bool:
        """Whether it keeps the start of its row."""
        row = self.rows.get(item.event_id) if item.event_id else None
        return row is not None and row.start == item.start

    def no_overlap(self) -> Iterator[str]:
        walls = blocker_spans(self.snapshot.blockers)
        fixed = [(e.start, e.end) for e in self.rows.values() if is_fixed(self.snapshot, e)]
        for item in self.loose:
            if item.start >= item.end:
                yield f"H1: {_told(item)} has no length"
            if overlapping((item.start, item.end), walls):
                yield f"H1: {_told(item)} overlaps a blocker"
            if overlapping((item.start, item.end), fixed):
                yield f"H1: {_told(item)} overlaps an event that may not be written"
        for one, other in pairwise(self.loose):
            if other.start < one.end:
                yield f"H1: {_told(one)} overlaps {_told(other)}"

    def inside_hours(self, item: Item) -> Iterator[str]:
        if item.kind is ItemKind.TASK:
            blocks = all_blocks(self.snapshot, self.tasks[item.id].hours)
        else:
            assert item.date is not None
            blocks = [*day_blocks(self.snapshot, self.habits[item.id].hours, item.date)]
        if not any(start <= item.start and item.end <= end for start, end in blocks):
            yield f"H2: {_told(item)} is outside the hours"

    def inside_window(self, item: Item) -> Iterator[str]:
        first, last = window(self.snapshot)
        if item.end > last:
            yield f"H3: {_told(item)} ends after the window"
        if item.start < first and not self.stays(item):
            yield f"H3: {_told(item)} begins before now"
        if item.start % GRID and not self.stays(item):
            yield f"H3: {_told(item)} is off the grid"
        task = self.tasks.get(item.id)
        if task and task.start is not None and item.start < task.start:
            yield f"H3: {_told(item)} begins before its task may"

    def pieces(self, task: Task) -> Iterator[str]:
        want = wanted(self.snapshot, task)
        mine = [item for item in self.items if item.id == task.id]
        loose = [item for item in mine if not item.fixed]
        total = sum(item.end - item.start for item in loose)
        if total > want.rest:
            yield f"H4: {task.name} has {total} minutes of {want.rest}"
        yield from self.lengths(task, want, loose)
        if total < want.rest and not self.told(task.id):
            yield f"H4: {task.name} lacks {want.rest - total} minutes and nobody is told"
        late = sum(
            max(0, item.end - max(item.start, task.deadline))
            for item in loose
            if task.deadline is not None
        )
        if late and not self.told(task.id, Code.LATE, Code.OVERDUE, Code.NO_FREE_TIME):
            yield f"H6: {task.name} is {late} minutes late and nobody is told"
        sep = max(GRID, self.snapshot.buffers.minimum)
        ahead = [item for item in mine if not item.fixed or self.counts(item)]
        for one, other in pairwise(ahead):
            if other.start - one.end < sep and not (one.fixed and other.fixed):
                yield f"H5: {_told(one)} and {_told(other)} are too close"

    def lengths(self, task: Task, want: Wanted, loose: list[Item]) -> Iterator[str]:
        for item in loose:
            length = item.end - item.start
            if not want.shortest <= length <= want.longest:
                yield f"H4: {_told(item)} is not {want.shortest} to {want.longest} minutes long"
        if not task.splittable and len(loose) > 1:
            yield f"H4: {task.name} is split"

    def counts(self, item: Item) -> bool:
        row = self.rows[item.event_id] if item.event_id else None
        return row is not None and not (isinstance(row, Piece) and worked(row))

    def told(self, identity: UUID, *codes: Code) -> bool:
        return any(
            finding.id == identity and (not codes or finding.code in codes)
            for finding in self.plan.findings
        )

    def occurrences(self) -> Iterator[str]:
        groups: defaultdict[tuple[UUID, date], list[Item]] = defaultdict(list)
        for item in self.items:
            if item.kind is ItemKind.HABIT and item.id in self.habits:
                assert item.date is not None
                groups[item.id, item.date].append(item)
        for (identity, day), group in groups.items():
            if any(not item.fixed for item in group):
                yield from self.instances(self.habits[identity], day, group)

    def instances(self, habit: Habit, day: date, group: list[Item]) -> Iterator[str]:
        name = f"{habit.name} of {day}"
        if not occurs(self.snapshot, habit, day):
            yield f"H7: {name} is not wanted"
        elif day not in dates(self.snapshot) and day != today(self.snapshot) - timedelta(days=1):
            yield f"H7: {name} is not in the window"
        wish = occurrence(self.snapshot, habit, day)
        if len(group) > wish.most:
            yield f"H7: {name} has {len(group)} instances of {wish.most}"
        if sum(item.end - item.start for item in group) > habit.minutes:
            yield f"H7: {name} has too many minutes"
        for item in group:
            if not item.fixed:
                yield from self.instance(wish, item)

    def instance(self, wish: Occurrence, item: Item) -> Iterator[str]:
        if not wish.shortest <= item.end - item.start <= wish.longest:
            yield f"H8: {_told(item)} is not {wish.shortest} to {wish.longest} minutes long"
        outs = [
            wish.distance(number, item.start, item.end)[1] for number in range(len(wish.lengths))
        ]
        if min(outs) > wish.tolerance:
            yield f"H9: {_told(item)} is {min(outs)} minutes away, over {wish.tolerance}"

    def order(self) -> Iterator[str]:
        edges = [edge for habit in self.habits.values() for edge in self.edge(habit)]
        for first, second in edges:
            if _reaches(edges, second, first):
                continue
            for day in dates(self.snapshot):
                ends = [i.end for i in self.items if (i.id, i.date) == (first, day)]
                after = [i for i in self.loose if (i.id, i.date) == (second, day)]
                before = [i for i in self.loose if (i.id, i.date) == (first, day)]
                if not before and self.counts_all_started(second, day):
                    continue
                for item in after:
                    if ends and item.start < max(ends):
                        yield f"H10: {_told(item)} begins before what it follows has ended"

    def counts_all_started(self, identity: UUID, day: date) -> bool:
        items = [item for item in self.items if (item.id, item.date) == (identity, day)]
        return bool(items) and all(item.fixed for item in items)

    def edge(self, habit: Habit) -> Iterator[tuple[UUID, UUID]]:
        needs = habit.dependency
        if habit.ending or needs is None or needs.habit_id not in self.habits:
            return
        if self.habits[needs.habit_id].ending is None:
            pair = (needs.habit_id, habit.id)
            yield pair if needs.kind is DependencyKind.AFTER else (pair[1], pair[0])

    def only_open_rows(self) -> Iterator[str]:
        seen: set[UUID] = set()
        for change in self.plan.changes:
            if isinstance(change, Insert):
                continue
            row_id = change.item.event_id if isinstance(change, Update) else change.event_id
            row = self.rows.get(row_id) if row_id else None
            if row is None:
                yield f"H11: {row_id} is not ours"
            elif is_fixed(self.snapshot, row):
                yield f"H11: {row_id} is {row.state} and written"
            elif _owner(row) != (change.item.id if isinstance(change, Update) else change.id):
                yield f"H11: {row_id} belongs to another"
            elif row.event_id in seen:
                yield f"H11: {row_id} is written twice"
            if row is not None:
                seen.add(row.event_id)
                if (change.start, change.end) != (row.start, row.end):
                    yield f"H11: {row_id} was read at another time"


def _owner(row: Instance | Piece) -> UUID:
    return row.habit_id if isinstance(row, Instance) else row.task_id


def _reaches(edges: list[tuple[UUID, UUID]], start: UUID, goal: UUID) -> bool:
    """Whether following edges from ``start`` leads to ``goal``: then they are in a circle."""
    seen, todo = {start}, [start]
    while todo:
        here = todo.pop()
        if here == goal:
            return True
        for first, second in edges:
            if first == here and second not in seen:
                seen.add(second)
                todo.append(second)
    return False


def _told(item: Item) -> str:
    return f"{item.kind} {item.title!r} at {written(item.start, item.end)}"
