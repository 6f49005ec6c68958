"""Ends a run, or only its connection, at an exact message to the database or request to Google."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Container
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from tests.fixtures.scene import Scene
from tests.integration.sync import victim
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.sync.quota import Quotas
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy


@dataclasses.dataclass(frozen=True, slots=True)
class Sql:
    """A statement on its way.

    Attributes:
        needle: Bytes of it.
        skip: How many such statements pass first.
        done: Strike when its answer is on the way back, else before the server sees it.
    """

    needle: bytes
    skip: int = 0
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """The n-th message to the database, from 1, whatever it says."""

    number: int
    done: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """The n-th request to Google of this kind, from 1, before it is answered."""

    number: int
    endpoint: str | None = None


Moment = Sql | Message | Request


class Blade(FaultProxy):
    """A proxy that also does something to its client when a trap springs.

    Attributes:
        strike: Called before the connection is cut.
    """

    def __init__(self, tcp_dsn: str, moment: Moment, strike: Callable[[], object]) -> None:
        parts = conninfo_to_dict(tcp_dsn)
        self.strike = strike
        self._moment = moment
        self._passed = 0
        super().__init__(str(parts["host"]), int(str(parts["port"])))
        if isinstance(moment, Sql):
            self._arm(moment.needle, moment.skip, done=moment.done)

    def _arm(self, needle: bytes, skip: int = 0, *, done: bool) -> None:
        (self.cut_after if done else self.cut_before)(needle, skip=skip)

    @override
    def _sprung_by(self, before: bytes, chunk: bytes) -> Any:
        self._passed += 1
        if isinstance(self._moment, Message) and self._passed == self._moment.number:
            # Every message holds the empty needle.
            self._arm(b"", done=self._moment.done)
        return super()._sprung_by(before, chunk)

    @override
    def _spring(self, trap: Any, link: Any) -> None:
        self.strike()
        super()._spring(trap, link)


def kill(scene: Scene, moment: Moment, *, codes: Container[int] = (0,)) -> bool:
    """A run in a process of its own that gets SIGKILL then; False if it was over before.

    ``codes`` are what it may end with if it was.
    """
    started = threading.Event()

    def strike() -> None:
        started.wait(60)
        # It waits for an answer, and with this signal pending it never sees one.
        os.kill(pid, signal.SIGKILL)

    _arm_request(scene, moment, strike)
    with Blade(scene.database.tcp_dsn, moment, strike) as blade:
        order = victim.Order(
            blade.dsn(scene.database.tcp_dsn),
            scene.state_dir,
            scene.ws_id,
            # A process has no part in the clock of the test; its buckets go by the server's.
            dataclasses.replace(scene.job().google, quotas=Quotas()),
            scene.clock.now(),
        )
        process = victim.start(order)
        pid = process.pid or 0
        started.set()
        process.join(60)
        code = process.exitcode
    process.close()
    scene.emulator.clear_faults()
    assert code is not None
    assert code == -signal.SIGKILL or code in codes
    return code == -signal.SIGKILL


def cut(scene: Scene, moment: Moment, *, attempts: int) -> tuple[bool, Result]:
    """A run whose connection to the database is cut then; whether it was, and the result."""
    fell = threading.Event()
    with Blade(scene.database.tcp_dsn, moment, fell.set) as blade:

        def strike() -> None:
            fell.set()
            blade.cut()

        _arm_request(scene, moment, strike)
        dsn = blade.dsn(scene.database.tcp_dsn)

        def reach(name: str) -> psycopg.Connection[Any]:
            return connect(dsn, application_name=name)

        runtime = scene.runtime(connect=reach)
        request = RunRequest(attempts=attempts)
        result = run_job(scene.job(), SyncPayload(scene.ws_id), request, runtime)
    scene.emulator.clear_faults()
    return fell.is_set(), result


def _arm_request(scene: Scene, moment: Moment, strike: Callable[[], None]) -> None:
    if isinstance(moment, Request):
        fault = Fault(
            kind=FaultKind.MUTATE, action=strike, endpoint=moment.endpoint, nth=moment.number
        )
        scene.emulator.add_fault(fault)
