"""An upper bound of the objective without a solver, for instances of any size.

Minutes without pieces, preferences or neighbours: each minute of work takes one free minute of its
hours, before its deadline for full value and anywhere for half. Sets of minutes that can be placed
form a matroid, so taking the heaviest that still fit is exact for each half; both halves are best
at once at most, and everything else in the objective only costs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tests.unit.scheduling.reading import (
    Span,
    all_blocks,
    now_up,
    occurrences,
    walls,
    wanted,
    window,
)
from tuturuuu_jobs.scheduling.daytime import merged
from tuturuuu_jobs.scheduling.model import HoursType, Snapshot


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """Minutes of one weight that must be worked in some hours before some time."""

    weight: int
    minutes: int
    hours: HoursType
    until: int


def upper_bound(snapshot: Snapshot) -> int:
    """No plan of this snapshot scores higher."""
    _, last = window(snapshot)
    habits = [
        Job(wish.habit.weight, wish.habit.minutes, wish.habit.hours, last)
        for wish in occurrences(snapshot)
        if wish.blocks
    ]
    tasks = [
        Job(task.weight, wanted(snapshot, task).minutes, task.hours, _due(task.deadline, last))
        for task in snapshot.tasks
    ]
    anywhere = [dataclasses.replace(job, until=last) for job in tasks]
    half = accepted(snapshot, [*habits, *tasks])
    return 50 * half + 50 * accepted(snapshot, [*habits, *anywhere])


def on_time(snapshot: Snapshot) -> int:
    """The most weighted task minutes that can be done in time."""
    now, last = now_up(snapshot), window(snapshot)[1]
    jobs = [
        Job(task.weight, wanted(snapshot, task).minutes, task.hours, _due(task.deadline, last))
        for task in snapshot.tasks
        if task.deadline is None or task.deadline > now
    ]
    return accepted(snapshot, jobs)


def _due(deadline: int | None, last: int) -> int:
    return last if deadline is None else min(deadline, last)


def accepted(snapshot: Snapshot, jobs: Iterable[Job]) -> int:
    """The greatest weight of minutes that all find a free minute of their own."""
    room = _Room(snapshot)
    taken: list[Job] = []
    total = 0
    for job in sorted(jobs, key=lambda job: (-job.weight, job.until)):
        minutes = room.most(job, taken)
        if minutes > 0:
            taken.append(dataclasses.replace(job, minutes=minutes))
            total += job.weight * minutes
    return total


class _Room:
    """How many free minutes there are under a set of hours and deadlines."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.window = window(snapshot)
        self.walls = walls(snapshot)
        self.blocks = {kind: all_blocks(snapshot, kind) for kind in HoursType}
        self.known: dict[tuple[tuple[HoursType, int], ...], int] = {}

    def most(self, job: Job, taken: Sequence[Job]) -> int:
        """How much of a job fits beside what is taken already, by Hall's condition."""
        kinds = sorted({job.hours, *(each.hours for each in taken)})
        limits = {
            kind: sorted({each.until for each in (*taken, job) if each.hours is kind})
            for kind in kinds
        }
        best = job.minutes
        choices: list[tuple[tuple[HoursType, int], ...]] = [()]
        for kind in kinds:
            choices = [
                (*choice, *extra)
                for choice in choices
                for extra in ((), *(((kind, until),) for until in limits[kind]))
            ]
        for choice in choices:
            reach = dict(choice)
            if job.until <= reach.get(job.hours, 0):
                used = sum(each.minutes for each in taken if each.until <= reach.get(each.hours, 0))
                best = min(best, self.free(choice) - used)
        return best

    def free(self, choice: tuple[tuple[HoursType, int], ...]) -> int:
        """Free minutes in the union of these hours, each up to its time."""
        if choice not in self.known:
            spans = merged(
                (start, min(end, until))
                for kind, until in choice
                for start, end in self.blocks[kind]
            )
            self.known[choice] = sum(self._open(span) for span in spans)
        return self.known[choice]

    def _open(self, span: Span) -> int:
        start, end = max(span[0], self.window[0]), min(span[1], self.window[1])
        busy = sum(max(0, min(end, over) - max(start, begin)) for begin, over in self.walls)
        return max(0, end - start) - busy if end > start else 0
