"""A fleet under load: two workers, as much to do as they can take, and a witness at Google.

The server is the load's own, so that it can be ended. Each workspace is asked for again and again,
so that several requests of one key wait at any time.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import statistics
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from tests.acceptance.fleet import Fleet, build
from tests.acceptance.processes import owner_of, wait_until
from tests.acceptance.working import Working
from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Database, Databases, memory_folder
from tests.fixtures.scene import build_scene
from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.fleet.requests import Wish, enqueue
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind, Switches, VirtualClock
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import Shape

WORKSPACES = 6
WORKERS = 2
WIDTH = 2
WAITING = 12
CONNECTIONS = 30
# A run waits for Google more than it computes: then the rate does not hang on the machine.
GOOGLE_TAKES_S = 0.25

_DONE_SINCE = """
select count(*) from jobs.requests where state = 'done' and finished_at >= %s and finished_at < %s
"""


class Witness:
    """Stands at Google and sees who asks for which calendar at the same time."""

    def __init__(self, emulator: Emulator, calendars: Iterator[str]) -> None:
        self._asking: dict[str, list[int]] = {}
        self._guard = threading.Lock()
        self.twice: list[str] = []
        self.seen = 0
        for calendar in calendars:
            action = functools.partial(self._visit, calendar)
            emulator.add_fault(
                Fault(
                    kind=FaultKind.MUTATE, action=action, endpoint="events.list", calendar=calendar
                )
            )

    def _visit(self, calendar: str) -> None:
        """Somebody lists; a process that was killed does so no more."""
        mine = int(threading.current_thread().name.rpartition(" ")[2])
        with self._guard:
            self.seen += 1
            others = self._asking.setdefault(calendar, [])
            if others and {owner_of(port) for port in others} - {None, owner_of(mine)}:
                self.twice.append(calendar)
            others.append(mine)
        time.sleep(GOOGLE_TAKES_S)
        with self._guard:
            others.remove(mine)


class Load:
    """What is asked for, who works, and what came of it.

    Attributes:
        asked: Every request whose id somebody was told.
    """

    def __init__(self, cluster: EmbeddedPostgres, database: Database, fleet: Fleet) -> None:
        self.cluster, self.database, self.fleet = cluster, database, fleet
        self.witness = Witness(fleet.scene.emulator, iter(fleet.calendars.values()))
        self.asked: dict[int, UUID] = {}
        self._enough = threading.Event()
        self._producer = threading.Thread(target=self._produce)
        self.workers = [self._new_worker() for _ in range(WORKERS)]

    def _new_worker(self) -> Working:
        return Working(self.fleet.environ, "--concurrency", str(WIDTH))

    def start(self) -> None:
        """Let the workers begin and give them more than enough to do."""
        self._producer.start()
        for worker in self.workers:
            worker.start()

    def replace(self, place: int) -> None:
        """Start a worker where one has ended, as systemd does."""
        with self.workers[place]:
            self.workers[place] = self._new_worker()
        self.workers[place].start()

    def close(self) -> None:
        """Leave nothing at work."""
        self.enough()
        for worker in self.workers:
            with worker:
                pass

    def enough(self) -> None:
        """Ask for nothing more."""
        self._enough.set()
        if self._producer.is_alive():
            self._producer.join()

    def _produce(self) -> None:
        """Keep so many waiting. Who is not told an id asks once more, by the same key."""
        numbers, workspaces = itertools.count(), list(self.fleet.calendars)
        number = next(numbers)
        while not self._enough.is_set():
            away = psycopg.OperationalError, UnavailableError
            with contextlib.suppress(*away), self.database.connect() as mine:
                while not self._enough.wait(0.05):
                    ((open_ones,),) = mine.execute(
                        "select count(*) from jobs.requests where state <> 'done'"
                    ).fetchall()
                    for _ in range(WAITING - open_ones):
                        payload = {"ws_id": str(workspaces[number % len(workspaces)])}
                        wish = Wish("sync", payload, idempotency_key=f"load {number}")
                        self.asked[number] = enqueue(mine, wish)
                        number = next(numbers)
            self._enough.wait(0.1)

    def ask(self, query: str, *values: object) -> list[Any]:
        """Rows of the database, by a session of its own."""
        with self.database.connect() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def done(self) -> set[UUID]:
        """Every request that has ended."""
        return {row[0] for row in self.ask("select id from jobs.requests where state = 'done'")}

    def in_hand(self) -> set[UUID]:
        """Every request that a worker has taken."""
        rows = self.ask(
            "select (args ->> 'request')::uuid from jobs_queue.procrastinate_jobs"
            " where status = 'doing'"
        )
        return {row[0] for row in rows}

    def settles(self, within_s: float, these: set[UUID] | None = None) -> bool:
        """Whether these, or all that were asked for by now, come to their end before long."""
        wanted = set(self.asked.copy().values()) if these is None else these
        return wait_until(lambda: wanted <= self.done(), within_s)

    def goes_on(self, further: int, within_s: float = 60) -> bool:
        """Whether so many more requests come to their end before long."""
        wanted = len(self.done()) + further
        return wait_until(lambda: self._count_done() >= wanted, within_s)

    def _count_done(self) -> int:
        try:
            return len(self.done())
        except psycopg.OperationalError:
            return 0

    def rate(self, windows: int, window_s: float) -> float:
        """Requests ended in a second: the median of so many windows from now on."""
        rates: list[float] = []
        for _ in range(windows):
            ((begin,),) = self.ask("select now()")
            time.sleep(window_s)
            ((end,),) = self.ask("select now()")
            ((count,),) = self.ask(_DONE_SINCE, begin, end)
            rates.append(count / (end - begin).total_seconds())
        return statistics.median(rates)

    def check_nothing_lost(self) -> None:
        """Whatever was asked for is done, as it should be, and nobody did it twice at once."""
        asked = set(self.asked.values())
        assert len(asked) == len(self.asked)
        rows = dict(self.ask("select id, state || ' ' || coalesce(status, '') from jobs.requests"))
        # Of one more, at most, nobody was told that it was asked for.
        assert asked <= rows.keys()
        assert len(rows) <= len(asked) + 1
        assert Counter(rows.values()) == {"done succeeded": len(rows)}
        assert self.ask("select from jobs_queue.procrastinate_jobs") == []
        assert self.witness.twice == []
        assert self.witness.seen >= len(rows)


@contextlib.contextmanager
def load(folder: Path) -> Generator[Load]:
    """A load that has not begun."""
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(
            EmbeddedPostgres(max_connections=CONNECTIONS, parent=memory_folder())
        )
        databases = Databases(cluster.server)
        database = stack.enter_context(databases.fresh(Shape.CURRENT, jobs_schema=True))
        emulator = stack.enter_context(
            Emulator(clock=VirtualClock(EMULATOR_START), switches=Switches(strict=True))
        )
        fleet = build(build_scene(database, emulator, folder / "state"), WORKSPACES)
        # A commit outlives the crash of this server, as it does that of a real one.
        fleet.scene.connection.execute(
            sql.SQL("alter database {} set synchronous_commit = on").format(
                sql.Identifier(fleet.scene.connection.info.dbname)
            )
        )
        made = Load(cluster, database, fleet)
        stack.callback(made.close)
        yield made
        fleet.scene.connection.close()
        assert emulator.violations == ()
