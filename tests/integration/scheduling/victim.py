"""A process that schedules one workspace and dies of it, or a run whose connection is cut."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Container
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from typing_extensions import override

from tests.fixtures import preloaded
from tests.integration.scheduling.stage import Stage
from tests.integration.sync.executioner import Blade, Message, Moment
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import Runtime, run_job
from tuturuuu_jobs.scheduling.job import ScheduleJob
from tuturuuu_jobs.scheduling.plan import plan
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.testing.clock import VirtualClock


@dataclasses.dataclass(frozen=True, slots=True)
class Behind:
    """The message that follows a statement, such as its COMMIT.

    Attributes:
        needle: Bytes of the statement.
        skip: How many such statements pass first.
        done: Strike when its answer is on the way back, else before the server sees it.
    """

    needle: bytes
    skip: int = 0
    done: bool = False


class Knife(Blade):
    """A blade that also knows what follows a statement."""

    def __init__(self, tcp_dsn: str, moment: Moment | Behind, strike: Callable[[], object]) -> None:
        self._behind = moment if isinstance(moment, Behind) else None
        self._left = moment.skip if isinstance(moment, Behind) else 0
        self._due = False
        never = Message(0)
        super().__init__(tcp_dsn, never if isinstance(moment, Behind) else moment, strike)

    @override
    def _sprung_by(self, before: bytes, chunk: bytes) -> Any:
        if self._behind is not None:
            if self._due:
                # Every message holds the empty needle.
                self._arm(b"", done=self._behind.done)
                self._behind = None
            elif self._behind.needle in chunk:
                self._due = self._left == 0
                self._left -= 1
        return super()._sprung_by(before, chunk)


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do."""

    dsn: str
    state_dir: Path
    ws_id: UUID
    now: datetime


def work(order: Order) -> None:
    clock, rng = VirtualClock(order.now), random.SystemRandom()
    runtime = Runtime(
        connect=lambda name: connect(order.dsn, application_name=name),
        state_dir=order.state_dir,
        lock_mode=LockMode.BOTH,
        clock=clock,
        rng=rng,
        new_id=lambda: new_run_id(clock, rng),
        identity=read_identity(),
    )
    payload = SchedulePayload(order.ws_id, window_days=7)
    sys.exit(run_job(ScheduleJob(plan), payload, RunRequest(attempts=1), runtime).exit_code)


def kill(
    stage: Stage, ws_id: UUID, moment: Moment | Behind, *, codes: Container[int] = (0,)
) -> bool:
    """A run in a process of its own that gets SIGKILL then; False if it was over before.

    ``codes`` are what it may end with if it was.
    """
    started = threading.Event()

    def strike() -> None:
        started.wait(60)
        # It waits for an answer, and with this signal pending it never sees one.
        os.kill(pid, signal.SIGKILL)

    with Knife(stage.database.tcp_dsn, moment, strike) as blade:
        dsn = blade.dsn(stage.database.tcp_dsn)
        order = Order(dsn, stage.state_dir, ws_id, stage.clock.now())
        process = preloaded.context().Process(target=work, args=(order,), daemon=True)
        process.start()
        pid = process.pid or 0
        started.set()
        process.join(60)
        code = process.exitcode
    process.close()
    assert code is not None
    assert code == -signal.SIGKILL or code in codes
    return code == -signal.SIGKILL


def cut(
    stage: Stage, ws_id: UUID, moment: Moment | Behind, *, attempts: int
) -> tuple[bool, Result]:
    """A run whose connection to the database is cut then; whether it was, and the result."""
    fell = threading.Event()
    with Knife(stage.database.tcp_dsn, moment, fell.set) as blade:
        dsn = blade.dsn(stage.database.tcp_dsn)

        def reach(name: str) -> psycopg.Connection[Any]:
            return connect(dsn, application_name=name)

        runtime = stage.runtime(connect=reach)
        payload = SchedulePayload(ws_id, window_days=7)
        result = run_job(stage.job(), payload, RunRequest(attempts=attempts), runtime)
    return fell.is_set(), result


def wait_for_the_server(stage: Stage) -> None:
    """Until the dead client's session is over: until then its COMMIT may still be under way."""
    left = (1,)
    while left != (0,):
        left = stage.connection.execute(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and application_name like 'tuturuuu-jobs/%'"
        ).fetchone() or (1,)
