"""How long planning takes, and how that grows."""

from __future__ import annotations

import dataclasses
import random
import statistics
import time
import tracemalloc
from typing import Final

from benchmarks.scheduling.generator import (
    MONDAY,
    Recipe,
    free_minutes,
    generate,
    habit_of,
    task_of,
)
from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.reading import occurrences
from tuturuuu_jobs.scheduling.model import Blocker, BlockerKind, Snapshot, floor_minute
from tuturuuu_jobs.scheduling.plan import plan

ROUNDS: Final = 9


def sized(days: int, habits: int, tasks: int, blockers: int, load: float = 0.9) -> Snapshot:
    """A calendar of exactly so many things, whose tasks fill it up to ``load``."""
    base = generate(Recipe(max(7, min(days, 30)), 0.5, 1))
    rng = random.Random(f"sized {days} {habits} {tasks} {blockers}")
    base = dataclasses.replace(base, window_days=days, blockers=(), habits=(), tasks=())
    walls = tuple(_short(rng, base, days) for _ in range(blockers))
    base = dataclasses.replace(base, blockers=walls)
    made = tuple(habit_of(rng, base, number) for number in range(habits))
    made = tuple(dataclasses.replace(each, minutes=15) for each in made)
    base = dataclasses.replace(base, habits=made)
    left = free_minutes(base) * load - sum(wish.habit.minutes for wish in occurrences(base))
    share = max(15, min(120, int(left / tasks)) // 15 * 15)
    work = tuple(
        dataclasses.replace(task_of(rng, base, number), minutes=share) for number in range(tasks)
    )
    return dataclasses.replace(base, tasks=work)


def _short(rng: random.Random, base: Snapshot, days: int) -> Blocker:
    day = floor_minute(MONDAY) - 8 * 60 + 1440 * rng.randrange(days)
    start = day + rng.randrange(7 * 60, 23 * 60, 5)
    return Blocker(start, start + rng.choice((10, 15, 25)), BlockerKind.LOCKED, base.ws_id)


def timed(snapshot: Snapshot) -> float:
    """CPU milliseconds, the median."""
    spent: list[float] = []
    for _ in range(ROUNDS):
        started = time.process_time()
        plan(snapshot)
        spent.append(1000 * (time.process_time() - started))
    return statistics.median(spent)


def sizes() -> list[str]:
    """The size that the goals are about, and how the time grows."""
    snapshot, crowded = sized(30, 40, 200, 500), sized(30, 40, 200, 500, 1.2)
    first, again = timed(snapshot), timed(applied(snapshot, plan(snapshot)))
    tracemalloc.start()
    plan(snapshot)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    small, large = timed(sized(30, 40, 70, 170)), timed(sized(30, 40, 210, 510))
    longer = timed(sized(90, 40, 210, 510))
    return [
        "| what | measured | goal |",
        "| --- | ---: | ---: |",
        f"| plan(), load 0.9 | {first:.0f} ms | 50 ms |",
        f"| plan(), load 1.2 | {timed(crowded):.0f} ms | |",
        f"| again, with nothing to do | {again:.0f} ms | 25 ms |",
        f"| memory | {peak:.0f} MB | 20 MB |",
        f"| three times the tasks and blockers | {large / small:.1f} times | 3.5 times |",
        f"| three times the days and instances, too | {longer / small:.1f} times | 3.5 times |",
        "",
        (
            f"30 days, 40 habits ({len(occurrences(snapshot))} instances), 200 tasks, "
            "500 blockers; CPU time, medians of nine."
        ),
    ]
