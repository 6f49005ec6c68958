"""Five faults under load, against two workers: nothing lost, nothing twice, nobody called.

The rates before and behind a fault are compared in ``make soak`` only, where there is time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from tests.acceptance import forked
from tests.acceptance.command import run
from tests.acceptance.fleet import check_nothing_left
from tests.acceptance.load import CONNECTIONS, WORKERS, Load, load

ORPHANS_BACK_S = 45
ENDS_WITHIN_S = 10
RECOVERED = 0.98
SETTLED_S = 150


@dataclasses.dataclass(frozen=True)
class Measure:
    """How hard a fault strikes.

    Attributes:
        times: How often something is ended that can be ended more than once.
        lasts_s: For how long everything is taken.
        ages: Whether the dead look as if they had been so for long; else that is waited for.
    """

    times: int
    lasts_s: float
    ages: bool


SHORT = Measure(times=3, lasts_s=2, ages=True)
LONG = Measure(times=8, lasts_s=15, ages=False)


def restart_server(load: Load, measure: Measure) -> None:
    for how in (signal.SIGINT, signal.SIGQUIT):
        load.cluster.restart(how)
        assert load.goes_on(4)


def end_sessions(load: Load, measure: Measure) -> None:
    for _ in range(measure.times):
        ended = load.ask(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name like 'tuturuuu-jobs/%%' and datname = current_database()"
        )
        assert ended
        assert load.goes_on(2)


def take_all_connections(load: Load, measure: Measure) -> None:
    """Every one that is free, and every one that becomes free."""
    taken: list[psycopg.Connection[object]] = []
    until = time.monotonic() + measure.lasts_s
    with contextlib.ExitStack() as stack:
        while time.monotonic() < until:
            try:
                taken.append(stack.enter_context(load.database.connect()))
            except psycopg.OperationalError:
                time.sleep(0.002)
    assert len(taken) > CONNECTIONS / 2


def kill_once(load: Load, measure: Measure) -> None:
    orphans = _kill(load, 0, ages=measure.ages)
    _await_back(load, orphans)


def kill_again_and_again(load: Load, measure: Measure) -> None:
    orphans: set[UUID] = set()
    for number in range(measure.times):
        orphans |= _kill(load, number % WORKERS, ages=measure.ages)
        assert load.goes_on(2)
    _await_back(load, orphans)


def _kill(load: Load, place: int, *, ages: bool) -> set[UUID]:
    """Kill a worker and start another one, as systemd does; gives what was in anybody's hand."""
    orphans = load.in_hand()
    load.workers[place].signal(signal.SIGKILL)
    load.replace(place)
    if ages:
        # Who lives seems dead too until its next sign of life, which must do no harm either.
        load.ask(
            "update jobs_queue.procrastinate_workers"
            " set last_heartbeat = now() - interval '1 minute' returning id"
        )
    return orphans


def _await_back(load: Load, orphans: set[UUID]) -> None:
    assert load.settles(ORPHANS_BACK_S, orphans), orphans - load.done()


FAULTS: list[Callable[[Load, Measure], None]] = [
    restart_server,
    end_sessions,
    take_all_connections,
    kill_once,
    kill_again_and_again,
]


def end_under_load(load: Load) -> None:
    """Workers that are told to end do so in time, and keep nothing in hand."""
    for worker in load.workers:
        # One that was started a moment ago knows nothing of signals yet.
        worker.await_ready()
        worker.signal(signal.SIGTERM)
    assert [worker.wait(ENDS_WITHIN_S) for worker in load.workers] == [0] * WORKERS
    assert load.in_hand() == set()
    load.enough()


def check_all_done(load: Load) -> None:
    """What is left is done by whoever comes, and then all is true."""
    ended = run("worker", "--drain", **load.fleet.environ)
    assert ended.returncode == 0, ended.stderr
    load.check_nothing_lost()
    load.fleet.scene.connection.close()
    load.fleet.scene.connection = load.database.connect()
    assert load.fleet.unsynced() == set()
    check_nothing_left(load.fleet)


def test_whoever_asks_for_one_calendar_at_the_same_time_is_seen(tmp_path: Path) -> None:
    with load(tmp_path) as still:
        ws = str(next(iter(still.fleet.calendars)))
        # A rehearsal takes no lock.
        command = ("sync", "--ws", ws, "--dry-run", "--quiet")
        both = [forked.start(*command, **still.fleet.environ) for _ in range(2)]
        assert [one.end().returncode for one in both] == [0, 0]
        assert still.witness.twice != []


def test_five_faults_one_after_the_other_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    with load(tmp_path) as running:
        running.start()
        assert running.goes_on(4)
        for fault in FAULTS:
            fault(running, SHORT)
            assert running.goes_on(4)
        end_under_load(running)
        check_all_done(running)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_under_load_is_recovered_from_by_itself(
    tmp_path: Path, fault: Callable[[Load, Measure], None]
) -> None:
    recovered: list[float] = []
    for number in range(3):
        with load(tmp_path / str(number)) as running:
            running.start()
            assert running.goes_on(20)
            before = running.rate(3, 10)
            fault(running, LONG)
            # What failed meanwhile waits for its next try.
            assert running.settles(SETTLED_S)
            recovered.append(running.rate(3, 10) / before)
            end_under_load(running)
            check_all_done(running)
    assert statistics.median(recovered) >= RECOVERED, recovered
