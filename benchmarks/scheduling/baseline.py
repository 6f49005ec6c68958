"""The present scheduler, re-implemented for comparison only: greedy, date by date, first fit.

Two things differ from the original, so that only placement is compared: it sees the blockers that
we see, and like ours it plans into what is free without regard to what it planned before. Steps of
a quarter hour, priorities, the choice of slots, bumping and dropping are as they are there.
"""

from __future__ import annotations

import dataclasses
import math
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from tests.unit.scheduling.reading import (
    BANDS,
    Occurrence,
    Span,
    dates,
    day_blocks,
    occurrence,
    occurs,
    walls,
    wanted,
)
from tuturuuu_jobs.scheduling.daytime import merged
from tuturuuu_jobs.scheduling.decisions import Item, ItemKind
from tuturuuu_jobs.scheduling.model import (
    Habit,
    HoursType,
    Snapshot,
    Task,
    floor_minute,
)

QUARTER: Final = 15
HOUR: Final = 60
BASE: Final = {8: 4.0, 4: 3.0, 2: 2.0, 1: 1.0}
LEVELS: Final = ((4.5, 8), (3.1, 4), (1.6, 2))


def nearest_quarter(minute: int) -> int:
    """Half a quarter is rounded up."""
    return (minute + 7) // QUARTER * QUARTER


@dataclasses.dataclass(slots=True)
class Placed:
    """A habit's or a task's event."""

    owner: Habit | Task
    day: date
    start: int
    end: int


class Greedy:
    """One run of the present scheduler."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.now = nearest_quarter(floor_minute(snapshot.now) + 14)
        self.walls = walls(snapshot)
        self.placed: list[Placed] = []

    def run(self) -> list[Item]:
        """Habits first, then tasks, which may take habits' places."""
        for habit in sorted(self.snapshot.habits, key=_habit_key):
            for day in dates(self.snapshot):
                if occurs(self.snapshot, habit, day):
                    self._habit(occurrence(self.snapshot, habit, day))
        for task in sorted(self.snapshot.tasks, key=self._task_key):
            self._task(task)
        return [_item(each) for each in self.placed]

    def slots(self, kind: HoursType, day: date) -> list[Span]:
        """What is free of each block of a date; blocks are not joined."""
        busy = merged([*self.walls, *((each.start, each.end) for each in self.placed)])
        found: list[Span] = []
        for start, end in day_blocks(self.snapshot, kind, day):
            position = max(start, self.now)
            for begin, over in [*busy, (end, end)]:
                if position < min(begin, end):
                    found.append((position, min(begin, end)))
                position = max(position, over)
        return found

    def _habit(self, wish: Occurrence) -> bool:
        habit = wish.habit
        length = max(QUARTER, nearest_quarter(habit.minutes))
        least = min(length, max(QUARTER, nearest_quarter(wish.shortest)))
        slots = [slot for slot in self.slots(habit.hours, wish.day) if _room(slot) >= least]
        if not slots:
            return False
        aim = wish.ideal
        if aim is None and habit.band is not None:
            aim = wish.clock(BANDS[habit.band][2])
        if aim is None:
            noon = wish.clock(720)
            slot = max(slots, key=lambda each: _fit(each, length) - abs(each[0] - noon) / 120)
            start = min(max(slot[0], noon), slot[1] - min(length, _room(slot)))
        else:
            goal = aim
            slot = min(slots, key=lambda each: _away(each, goal, least))
            latest = slot[1] - min(length, _room(slot))
            start = goal if slot[0] <= goal <= latest else latest
            if abs(start - goal) > 4 * habit.minutes:
                return False
        return self._put(habit, wish.day, start, min(start + length, slot[1]))

    def _put(self, owner: Habit | Task, day: date, start: int, end: int) -> bool:
        """Rounded to quarters; what then stands in the way of something is given up."""
        first, last = nearest_quarter(start), nearest_quarter(end)
        busy = [*self.walls, *((each.start, each.end) for each in self.placed)]
        hours = day_blocks(self.snapshot, owner.hours, day)
        inside = any(begin <= first and last <= over for begin, over in hours)
        if first >= last or not inside or any(b < last and first < o for b, o in busy):
            return False
        self.placed.append(Placed(owner, day, first, last))
        return True

    def _urgency(self, task: Task) -> float:
        if task.deadline is None:
            return 0.0
        left = (task.deadline - self.now) / HOUR
        return 3.0 if left <= 0 else 3 * math.exp(-left / 48)

    def _task_key(self, task: Task) -> tuple[float, float, float]:
        score = BASE[task.weight] + self._urgency(task)
        due = math.inf if task.deadline is None else task.deadline
        return -score, due, task.created_at.timestamp()

    def _task(self, task: Task) -> None:
        want = wanted(self.snapshot, task)
        rest, longest = want.minutes, want.longest
        least = min(want.shortest, rest)
        for day in dates(self.snapshot):
            if task.start is not None and day_start(day) < task.start:
                continue
            if task.deadline is not None and self.now < task.deadline <= day_start(day):
                return
            away = self._clear(task, day, least)
            while rest > 0:
                got = self._piece(task, day, min(rest, longest), min(least, rest))
                rest -= got
                if not got:
                    break
            for each in away:
                assert isinstance(each.owner, Habit)
                self._habit(occurrence(self.snapshot, each.owner, day))
            if rest <= 0:
                return

    def _piece(self, task: Task, day: date, piece: int, least: int) -> int:
        limit = task.deadline if task.deadline and task.deadline > self.now else None
        slots = [
            (start, end if limit is None else min(end, limit))
            for start, end in self.slots(task.hours, day)
        ]
        for need in (piece, least):
            for start, end in slots:
                if end - start >= need:
                    length = min(piece, end - start)
                    placed = self._put(task, day, start, start + length)
                    return self.placed[-1].end - self.placed[-1].start if placed else 0
        return 0

    def _clear(self, task: Task, day: date, least: int) -> list[Placed]:
        """Take lighter habits of the date away for an urgent task; they are put back after it."""
        urgency = self._urgency(task)
        score = BASE[task.weight] + urgency
        level = next((weight for bound, weight in LEVELS if score >= bound), 1)
        room = any(_room(slot) >= least for slot in self.slots(task.hours, day))
        if (urgency <= 0 and level < 8) or (room and urgency < 2 and level < 8):
            return []
        away = [
            each
            for each in self.placed
            if isinstance(each.owner, Habit) and each.day == day and each.owner.weight < level
        ]
        self.placed = [each for each in self.placed if each not in away]
        return away


def day_start(day: date) -> int:
    """Midnight; the benchmark's zone is UTC."""
    return (day - date(1970, 1, 1)) // timedelta(days=1) * 1440


def _habit_key(habit: Habit) -> tuple[bool, bool, int]:
    return habit.ideal is None, habit.band is None, -habit.weight


def _room(slot: Span) -> int:
    return slot[1] - slot[0]


def _fit(slot: Span, length: int) -> int:
    return 200 if _room(slot) >= length else 100


def _away(slot: Span, goal: int, least: int) -> int:
    """From the nearest start that this slot allows."""
    return max(0, slot[0] - goal, goal - (slot[1] - least))


def _item(placed: Placed) -> Item:
    kind = ItemKind.HABIT if isinstance(placed.owner, Habit) else ItemKind.TASK
    day = placed.day if kind is ItemKind.HABIT else None
    identity: UUID = placed.owner.id
    return Item(kind, identity, day, placed.start, placed.end, None, placed.owner.name)
