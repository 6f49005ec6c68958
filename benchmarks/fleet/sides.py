"""The two that are compared: how each is asked for work, and how one sees what it has done."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.conninfo import make_conninfo
from typing_extensions import override

from benchmarks.fleet.plain import client
from benchmarks.workspaces import Fleet
from tuturuuu_jobs.fleet.requests import Wish, enqueue, enqueue_many

PATIENCE_S: Final = 300.0
WIDTH: Final = 4
_LOOK_S: Final = 0.005


class Side(abc.ABC):
    """One of the two.

    Args:
        fleet: Whose workspaces are synced.
        dsn: Where its tables are.
    """

    name: str
    empty_worker: tuple[str, ...]
    sync_worker: tuple[str, ...]
    polls: tuple[str, ...]
    workers: LiteralString
    left: LiteralString
    waits: LiteralString

    def __init__(self, fleet: Fleet, dsn: str) -> None:
        self._environment = fleet.environment | {"PLAIN_URL": dsn}
        self.connection: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        self._rng = random.Random(2)

    def workspaces(self, size: int) -> list[UUID]:
        """Ids that nobody has asked anything for."""
        return [UUID(int=self._rng.getrandbits(128), version=4) for _ in range(size)]

    @abc.abstractmethod
    def forget(self) -> None:
        """Nothing was ever asked for."""

    @abc.abstractmethod
    def ask_one(self, ws_id: UUID) -> None:
        """For an empty job."""

    @abc.abstractmethod
    def ask(self, workspaces: Sequence[UUID]) -> None:
        """For many empty jobs at once."""

    @abc.abstractmethod
    def ask_for_syncs(self, workspaces: Sequence[UUID]) -> None:
        """For syncs of real workspaces."""

    def count(self, query: LiteralString) -> int:
        """What it counts."""
        row = self.connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def wait(self, query: LiteralString, number: int, *, look_s: float = _LOOK_S) -> None:
        """Until there are so many."""
        end = time.monotonic() + PATIENCE_S
        while self.count(query) != number:
            if time.monotonic() > end:
                raise SystemExit(f"{self.name}: waited in vain for {number} of: {query}")
            time.sleep(look_s)

    @contextlib.contextmanager
    def at_work(self, count: int, worker: Sequence[str], width: int = WIDTH) -> Generator[None]:
        """So many workers, ready."""
        command = [sys.executable, "-m", *(part.format(width=width) for part in worker)]
        processes = [
            subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
            for _ in range(count)
        ]
        try:
            self.wait(self.workers, count)
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait()


class Ours(Side):
    """``jobs.enqueue`` and ``worker``."""

    name = "ours"
    empty_worker = ("benchmarks.fleet.empty", "{width}", "listen")
    sync_worker = ("tuturuuu_jobs", "worker", "--concurrency", "{width}")
    polls = ("benchmarks.fleet.empty", "{width}", "poll")
    workers = "select count(*) from jobs_queue.procrastinate_workers"
    left = "select count(*) from jobs.requests where state <> 'done'"
    waits = "select count(*) from jobs.requests where state = 'queued'"

    @override
    def forget(self) -> None:
        self.connection.execute("truncate jobs.requests, jobs_queue.procrastinate_jobs cascade")

    @override
    def ask_one(self, ws_id: UUID) -> None:
        enqueue(self.connection, Wish("sync", {"ws_id": str(ws_id)}))

    @override
    def ask(self, workspaces: Sequence[UUID]) -> None:
        enqueue_many(self.connection, Wish("sync", {}), workspaces)

    @override
    def ask_for_syncs(self, workspaces: Sequence[UUID]) -> None:
        self.ask(workspaces)


class Plain(Side):
    """``defer`` and procrastinate's worker."""

    name = "plain procrastinate"
    empty_worker = sync_worker = ("benchmarks.fleet.plain", "{width}", "listen")
    polls = ("benchmarks.fleet.plain", "{width}", "poll")
    workers = "select count(*) from procrastinate_workers"
    left = "select count(*) from procrastinate_jobs where status <> 'succeeded'"
    waits = "select count(*) from procrastinate_jobs where status = 'todo'"

    def __init__(self, fleet: Fleet, dsn: str) -> None:
        super().__init__(fleet, dsn)
        self._plain = client(dsn)
        self._plain.app.open()
        self._plain.app.schema_manager.apply_schema()

    @override
    def forget(self) -> None:
        self.connection.execute("truncate procrastinate_jobs cascade")

    @override
    def ask_one(self, ws_id: UUID) -> None:
        self._plain.nothing.configure(lock=str(ws_id)).defer(number=1)

    @override
    def ask(self, workspaces: Sequence[UUID]) -> None:
        numbers: list[dict[str, Any]] = [{"number": 1} for _ in workspaces]
        self._plain.nothing.batch_defer(*numbers)

    @override
    def ask_for_syncs(self, workspaces: Sequence[UUID]) -> None:
        named: list[dict[str, Any]] = [{"ws_id": str(ws_id)} for ws_id in workspaces]
        self._plain.sync.batch_defer(*named)

    def close(self) -> None:
        """Hang up."""
        self._plain.app.close()


@dataclasses.dataclass(frozen=True, slots=True)
class Sides:
    """Both, on one server."""

    ours: Ours
    plain: Plain


@contextlib.contextmanager
def sides_of(fleet: Fleet) -> Generator[Sides]:
    """Both; the fleet's database is ours, the other one gets a database of its own."""
    dsn = fleet.environment["DATABASE_URL"]
    ours = Ours(fleet, dsn)
    ours.connection.execute("create database plain")
    plain = Plain(fleet, make_conninfo(dsn, dbname="plain"))
    try:
        yield Sides(ours, plain)
    finally:
        plain.close()
        plain.connection.close()
        ours.connection.close()
