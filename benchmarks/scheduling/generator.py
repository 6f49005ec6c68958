"""Plausible weeks, months and calendars, each the same for the same seed."""

from __future__ import annotations

import dataclasses
import math
import random
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from tests.unit.scheduling.reading import BANDS, all_blocks, dates, day_blocks, occurs, window
from tuturuuu_jobs.scheduling.daytime import merged
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Blocker,
    BlockerKind,
    Frequency,
    Habit,
    HoursType,
    Rule,
    Scope,
    ScopeKind,
    Snapshot,
    Task,
    WeekHours,
    floor_minute,
)

MONDAY: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
WORK_DAYS: Final = 5
MEETINGS: Final = (25, 30, 50, 60, 90)
WEIGHTS: Final = (8, 4, 4, 2, 2, 2, 2, 1, 1)
LONGEST_WHOLE: Final = 240
"""Minutes. Hardly a person plans more in one piece between meetings."""
HABIT_SHARE: Final = 0.35
"""Of what is demanded, how much habits ask for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Recipe:
    """What to make.

    Attributes:
        days: 5 (one week, its weekend off), 7, 14 or 30.
        load: Demanded by free minutes.
        short_days: Work is 09-12 and personal time 18-20, not 09-17 and 07-23; for what must be
            proved.
    """

    days: int
    load: float
    seed: int
    short_days: bool = False

    @property
    def name(self) -> str:
        """In tables and results."""
        return f"{'small-' if self.short_days else ''}{self.days}d-{self.load}-{self.seed}"


def generate(recipe: Recipe) -> Snapshot:
    """A calendar of meetings, and habits and tasks until the load is reached."""
    rng = random.Random(f"{recipe}")
    days = max(7, recipe.days)
    empty = Snapshot(
        ws_id=_id(rng),
        scope=Scope(ScopeKind.JOINT, _id(rng)),
        now=MONDAY,
        zone="UTC",
        hours=_hours(recipe),
        window_days=days,
    )
    blocked = dataclasses.replace(empty, blockers=meetings(rng, days))
    goal = recipe.load * free_minutes(blocked)
    habits = _habits(rng, blocked, goal * HABIT_SHARE)
    planned = sum(habit.minutes * _times(habit, blocked) for habit in habits)
    return dataclasses.replace(blocked, habits=habits, tasks=_tasks(rng, blocked, goal - planned))


def free_minutes(snapshot: Snapshot, kinds: tuple[HoursType, ...] = tuple(HoursType)) -> int:
    """Minutes of the hours, of any type, in which nothing stands."""
    first, last = window(snapshot)
    hours = merged(block for kind in kinds for block in all_blocks(snapshot, kind))
    walls = merged((b.start, b.end) for b in snapshot.blockers)
    cut = [(max(start, first), min(end, last)) for start, end in hours]
    busy = sum(
        max(0, min(end, stop) - max(start, begin)) for start, end in cut for begin, stop in walls
    )
    return sum(max(0, end - start) for start, end in cut) - busy


def meetings(rng: random.Random, days: int) -> tuple[Blocker, ...]:
    """About three a working day, a fifth of them back to back with the one before."""
    found: list[Blocker] = []
    for day in _working_days(days):
        end = day + 9 * 60
        for _ in range(_poisson(rng, 3)):
            start = end if rng.random() < 0.2 else day + rng.randrange(9 * 60, 17 * 60, 15)
            end = start + rng.choice(MEETINGS)
            found.append(Blocker(start, end, rng.choice(list(_KINDS)), _id(rng)))
    return tuple(found)


_KINDS: Final = (BlockerKind.LOCKED, BlockerKind.MANUAL, BlockerKind.EXTERNAL)


def _habits(rng: random.Random, snapshot: Snapshot, minutes: float) -> tuple[Habit, ...]:
    habits: list[Habit] = []
    total = 0
    while total < minutes:
        habit = habit_of(rng, snapshot, len(habits))
        habits.append(habit)
        total += habit.minutes * _times(habit, snapshot)
    return tuple(habits)


def habit_of(rng: random.Random, snapshot: Snapshot, number: int) -> Habit:
    """A habit inside the hours of a Monday."""
    wish = rng.random()
    frequency = rng.choices(
        (Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY), weights=(60, 30, 10)
    )[0]
    weekdays = tuple(sorted(rng.sample(range(1, 6), rng.randint(1, 3))))
    weekly = frequency is Frequency.WEEKLY
    hours = HoursType.WORK if rng.random() < 0.2 else HoursType.PERSONAL
    first, last = rng.choice(snapshot.hours[hours][0])
    minutes = rng.randrange(15, 95, GRID)
    bands = [band for band, (a, b, _) in BANDS.items() if min(b, last) - max(a, first) >= 60]
    return Habit(
        id=_id(rng),
        name=f"habit {number}",
        weight=rng.choice(WEIGHTS),
        hours=hours,
        minutes=minutes,
        rule=Rule(frequency, days_of_week=weekdays if weekly else None),
        start_date=date(2025, 12, rng.randint(1, 28)),
        created_at=MONDAY - timedelta(minutes=number),
        ideal=rng.randrange(first, last - minutes + 1, 15) if wish < 0.5 else None,
        band=rng.choice(bands) if 0.5 <= wish < 0.75 else None,
    )


def _tasks(rng: random.Random, snapshot: Snapshot, minutes: float) -> tuple[Task, ...]:
    tasks: list[Task] = []
    total = 0
    while total < minutes:
        task = task_of(rng, snapshot, len(tasks))
        tasks.append(task)
        total += task.minutes
    return tuple(tasks)


def task_of(rng: random.Random, snapshot: Snapshot, number: int) -> Task:
    """A task, most with a deadline."""
    first, last = window(snapshot)
    length = min(480, max(30, rng.lognormvariate(math.log(110), 0.7)))
    deadline = rng.randrange(first + 240, last, 15) if rng.random() < 0.6 else None
    splittable = rng.random() < 0.7
    return Task(
        id=_id(rng),
        name=f"task {number}",
        weight=rng.choice(WEIGHTS),
        hours=HoursType.WORK if rng.random() < 0.6 else HoursType.PERSONAL,
        minutes=int(length if splittable else min(length, LONGEST_WHOLE)) // 15 * 15,
        created_at=MONDAY - timedelta(minutes=number),
        splittable=splittable,
        start=rng.randrange(first, last, 60) if rng.random() < 0.1 else None,
        deadline=deadline,
    )


def _times(habit: Habit, snapshot: Snapshot) -> int:

    return sum(
        occurs(snapshot, habit, day) and bool(day_blocks(snapshot, habit.hours, day))
        for day in dates(snapshot)
    )


def _hours(recipe: Recipe) -> dict[HoursType, WeekHours]:
    working = WORK_DAYS if recipe.days == WORK_DAYS else 7
    until = 720 if recipe.short_days else 1020
    work: WeekHours = (((540, until),),) * WORK_DAYS + ((),) * 2
    day = ((1080, 1200),) if recipe.short_days else ((420, 1380),)
    personal: WeekHours = (day,) * working + ((),) * (7 - working)
    return {HoursType.WORK: work, HoursType.MEETING: work, HoursType.PERSONAL: personal}


def _working_days(days: int) -> list[int]:
    """Midnights of the window's Mondays to Fridays."""
    first = floor_minute(MONDAY) - 8 * 60
    return [first + 1440 * day for day in range(days) if day % 7 < WORK_DAYS]


def _poisson(rng: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def _id(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)
