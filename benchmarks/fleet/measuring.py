"""Jobs and enqueued jobs in a second, and how soon a worker begins what it was asked for."""

from __future__ import annotations

import functools
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from benchmarks.fleet.sides import Side, Sides, sides_of
from benchmarks.measure import Row, in_turn, ratios, timed, write
from benchmarks.workspaces import Fleet, fleet_of

EMPTY: Final = 300
SYNCS: Final = 200
ENQUEUED: Final = 1_000
ENQUEUE_BAR: Final = 0.7
HEARD: Final = 20
FOUND: Final = 5
POLL_S: Final = 5.0

NUMBERS: Final = {1: "one worker", 2: "two workers"}


def _rate(size: int, work: Callable[[], object]) -> float:
    return size / timed(work)


def _work_off(side: Side, count: int, worker: Sequence[str], ask: Callable[[], None]) -> float:
    """Seconds from the question to the end of the last job; the workers were ready before."""
    side.forget()
    with side.at_work(count, worker):

        def work() -> None:
            ask()
            side.wait(side.left, 0)

        return timed(work)


def _empty_jobs(count: int, side: Side) -> float:
    workspaces = side.workspaces(EMPTY)
    return EMPTY / _work_off(side, count, side.empty_worker, lambda: side.ask(workspaces))


def _syncs(workspaces: Sequence[UUID], count: int, side: Side) -> float:
    seconds = _work_off(side, count, side.sync_worker, lambda: side.ask_for_syncs(workspaces))
    return len(workspaces) / seconds


def _one_by_one(side: Side) -> float:
    side.forget()
    workspaces = side.workspaces(ENQUEUED)
    return _rate(ENQUEUED, lambda: [side.ask_one(ws_id) for ws_id in workspaces])


def _at_once(side: Side) -> float:
    side.forget()
    workspaces = side.workspaces(ENQUEUED)
    return _rate(ENQUEUED, lambda: side.ask(workspaces))


def _pick_up(side: Side, worker: Sequence[str], samples: int, spread_s: float) -> float:
    """Milliseconds until a job that was asked for is in a worker's hand."""
    rng = random.Random(3)
    side.forget()
    taken: list[float] = []
    with side.at_work(1, worker):
        for ws_id in side.workspaces(samples):
            # At any moment between two looks of the worker.
            time.sleep(0.1 + rng.random() * spread_s)
            side.ask_one(ws_id)
            taken.append(timed(lambda: side.wait(side.waits, 0, look_s=0.0005)))
            side.wait(side.left, 0)
    return 1000 * statistics.median(taken)


def _pair(sides: Sides, measure: Callable[[Side], float], rounds: int) -> Mapping[str, list[float]]:
    return in_turn(
        {
            "ours": lambda: measure(sides.ours),
            "plain": lambda: measure(sides.plain),
        },
        rounds,
    )


def _row(
    subject: str, unit: str, found: Mapping[str, list[float]], at_least: float | None = None
) -> Row:
    against = ratios(found["ours"], found["plain"])
    usual = f"plain procrastinate, {statistics.median(found['plain']):.3g} {unit}"
    bar = f"at least {at_least}" if at_least else ""
    met = statistics.median(against) >= at_least if at_least else None
    return Row(subject, usual, unit, found["ours"], against, bar, met)


def measure_work(sides: Sides, fleet: Fleet, rounds: int) -> Iterator[Row]:
    """Whole jobs, by one worker and by two."""
    workspaces = [UUID(ws_id) for ws_id in fleet.workspaces]
    for count, words in NUMBERS.items():
        found = _pair(sides, functools.partial(_empty_jobs, count), rounds)
        yield _row(f"empty jobs, {words}", "jobs/s", found)
    for count, words in NUMBERS.items():
        found = _pair(sides, functools.partial(_syncs, workspaces, count), rounds)
        yield _row(f"syncs without changes, {words}", "jobs/s", found)


def measure_asking(sides: Sides, rounds: int) -> Iterator[Row]:
    """Jobs that are asked for; nobody works."""
    found = _pair(sides, _one_by_one, rounds)
    yield _row(f"{ENQUEUED:,} asked for one by one", "jobs/s", found)
    found = _pair(sides, _at_once, 3 * rounds)
    yield _row(f"{ENQUEUED:,} asked for at once", "jobs/s", found, ENQUEUE_BAR)


def measure_latency(sides: Sides, rounds: int) -> Iterator[Row]:
    """How soon an idle worker begins."""
    found = _pair(sides, lambda side: _pick_up(side, side.empty_worker, HEARD, 0.1), rounds)
    yield _row("pick-up by a worker that listens", "ms", found)
    found = _pair(sides, lambda side: _pick_up(side, side.polls, FOUND, POLL_S), 1)
    yield _row("pick-up by a worker that only looks", "ms", found)


def main(rounds: int = 3) -> None:
    """Everything beside plain procrastinate."""
    with fleet_of(SYNCS) as fleet:
        fleet.prepare()
        with sides_of(fleet) as sides:
            rows = [
                *measure_asking(sides, rounds),
                *measure_work(sides, fleet, rounds),
                *measure_latency(sides, rounds),
            ]
    write("fleet", "The worker fleet", rows)
