"""Runs that anything may happen to: faults, death, a cut connection, another run."""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Final

import psycopg

from tests.integration.sync.executioner import Moment, cut, kill
from tests.integration.sync.story.proof import check_result, watched
from tests.integration.sync.story.world import World
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.outcome import ExitCode, Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy

WORDS: Final = (
    b"with opened as",
    b"copy jobs_mentioned",
    b"insert into public.workspace_calendar_events as e",
    b"delete from public.workspace_calendar_events",
    b"calendar_sync_states",
    b"COMMIT",
    b"with settled as",
)
"""Of statements at which a run may die."""

CODES: Final = frozenset(int(code) for code in ExitCode) - {ExitCode.BUG, ExitCode.USAGE}


def disturbed(world: World, *, full: bool, attempts: int, allow_mass_delete: bool) -> None:
    """A run that may fail in any way but a bug."""
    with watched(world):
        check_result(world.sync(full=full, attempts=attempts, allow_mass_delete=allow_mass_delete))
    world.emulator.clear_faults()


def killed(world: World, moment: Moment) -> None:
    """A run in a process of its own that gets SIGKILL."""
    world.emulator.clear_faults()
    with watched(world):
        kill(world.scene, moment, codes=CODES)
        wait_for_the_server(world)
    # It took from the buckets by the server's clock, which may be far ahead of the story's.
    world.scene.connection.execute("delete from jobs.rate_buckets")


def severed(world: World, moment: Moment, *, attempts: int) -> None:
    """A run whose connection to the database is cut."""
    with watched(world):
        _, result = cut(world.scene, moment, attempts=attempts)
        check_result(result)
        wait_for_the_server(world)


def overtaken(world: World, *, request: int, full: bool, attempts: int, lock_lost: bool) -> None:
    """While a run waits for Google, another one begins on another machine.

    The first still holds its lock, or lost it with its connection, so that the second goes first.
    """
    world.emulator.clear_faults()
    others: list[Result] = []
    with FaultProxy.before(world.scene.database.tcp_dsn) as proxy, watched(world):

        def begin() -> None:
            if lock_lost:
                proxy.cut()
                wait_for_the_server(world)
            others.append(elsewhere(world))

        world.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=begin, nth=request))
        dsn = proxy.dsn(world.scene.database.tcp_dsn)
        check_result(_run(world, dsn, full=full, attempts=attempts))
    world.emulator.clear_faults()
    for other in others:
        check_result(other)
        assert lock_lost or other.exit_code == ExitCode.BUSY


def raced(world: World, count: int) -> None:
    """Several runs at once; some on this machine, some on another."""
    results: list[Result] = []

    def run(number: int) -> None:
        results.append(world.sync() if number % 2 else elsewhere(world))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    with watched(world):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    world.emulator.clear_faults()
    assert len(results) == count
    for result in results:
        check_result(result)


def elsewhere(world: World) -> Result:
    """A run with nothing in common but the database and Google."""
    scene = world.scene
    runtime = scene.runtime(state_dir=scene.state_dir.with_name("elsewhere"))
    return run_job(scene.job(), SyncPayload(scene.ws_id), RunRequest(attempts=1), runtime)


def _run(world: World, dsn: str, *, full: bool, attempts: int) -> Result:
    def reach(name: str) -> psycopg.Connection[Any]:
        return connect(dsn, application_name=name)

    scene = world.scene
    request = RunRequest(attempts=attempts, on_busy=OnBusy.SKIP)
    payload = SyncPayload(scene.ws_id, full=full)
    return run_job(scene.job(full=full), payload, request, scene.runtime(connect=reach))


def wait_for_the_server(world: World) -> None:
    """Until the sessions of dead clients are over: until then a COMMIT may be under way."""
    left = (1,)
    with contextlib.closing(world.scene.database.connect()) as connection:
        while left != (0,):
            left = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() "
                "and application_name like 'tuturuuu-jobs/%'"
            ).fetchone() or (1,)
