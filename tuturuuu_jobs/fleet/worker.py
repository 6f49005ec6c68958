"""A worker: takes what waits, runs each as a child process, notes how it ended.

Invariant: what is in hand is at work, noted as ended, put back, or put back by another worker once
this one gives no sign of life. The database may go away at any moment and for any time.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import random
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, Final, TypeVar

import psycopg

from tuturuuu_jobs.errors import JobError, UnavailableError
from tuturuuu_jobs.fleet import engine, requests
from tuturuuu_jobs.fleet.children import build_spec
from tuturuuu_jobs.fleet.link import Link
from tuturuuu_jobs.fleet.requests import Claimed
from tuturuuu_jobs.fleet.verdict import Verdict, weigh
from tuturuuu_jobs.runtime import ledger
from tuturuuu_jobs.runtime.children import ChildEnd, Launcher
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.identity import new_run_id
from tuturuuu_jobs.runtime.logs import run_logger
from tuturuuu_jobs.runtime.memory import MemoryKills
from tuturuuu_jobs.runtime.redact import scrub
from tuturuuu_jobs.runtime.supervisor import Bell, Draining, supervise

T = TypeVar("T")

_LOG: Final = logging.getLogger("tuturuuu_jobs.worker")
_POLL_S: Final = 5.0
_FINISH_S: Final = 3.0
"""How long children may come to their end by themselves when the worker is stopped."""
_GRACE_S: Final = 4.0
_LAST_WORDS_S: Final = 3.0
LONGEST_END_S: Final = _FINISH_S + _GRACE_S + _LAST_WORDS_S
"""Seconds that a worker takes at most to end after the first signal."""


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a worker does.

    Attributes:
        width: How many children at once.
        queues: Only these; empty for all.
        drain: End when nothing is left.
        deadline_s: For each child.
    """

    width: int
    queues: tuple[str, ...] = ()
    drain: bool = False
    deadline_s: float = 3600.0


@dataclasses.dataclass(frozen=True, slots=True)
class Means:
    """What a worker works with.

    Attributes:
        connect: Opens a connection; raises JobError.
        launcher: Starts children; used on the main thread only.
        clock: Measures children.
        rng: Spreads waits.
        tell: Tells the service manager.
        said: Hears each line of a child's standard error, after the child's label.
        listens: Whether the server can tell of new work.
        kills: Tells who was killed for want of memory.
    """

    connect: Callable[[], psycopg.Connection[Any]]
    launcher: Launcher
    clock: Clock
    rng: random.Random
    tell: Callable[[str], None]
    said: Callable[[str, str], None]
    listens: bool = True
    kills: MemoryKills = dataclasses.field(default_factory=MemoryKills)


@dataclasses.dataclass
class Tally:
    """What a worker has done.

    Attributes:
        done: Requests that ended, by how.
        handed_back: Begun here, to be begun anew by whoever comes to it.
    """

    done: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    handed_back: int = 0

    def count(self, status: str) -> None:
        """One more ended so."""
        self.done[status] = self.done.get(status, 0) + 1


class Worker:
    """One process's worker; :meth:`run` once."""

    def __init__(self, plan: Plan, means: Means) -> None:
        self._plan = plan
        self._means = means
        self._tally = Tally()
        self._draining = Draining()
        self._bell = Bell(means.clock)
        self._in_hand: dict[int, engine.Taken] = {}
        self._children: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._worker_id = 0
        self._away = False

    async def run(self) -> Tally:
        """Work until a signal, or until nothing is left. Raises JobError: it cannot go on."""
        async with Link(self._means.connect, listens=self._means.listens) as link:
            self._worker_id = await link.ask(engine.register)
            await link.listen()
            with _signals(self._stop):
                self._means.tell("READY=1")
                try:
                    async with self._beating(link):
                        await self._work_to_the_end(link)
                finally:
                    # Behind the last sign of life, which would give it a number again.
                    with contextlib.suppress(JobError):
                        await link.ask(lambda c: engine.unregister(c, self._worker_id))
        return self._tally

    def _stop(self) -> None:
        """Take nothing new; asked a second time: stop the children at once."""
        if not self._bell.is_new():
            return
        if self._stopping.is_set():
            self._draining.ask()
        self._stopping.set()

    async def _work_to_the_end(self, link: Link) -> None:
        """Work; whatever ends that, nothing is left in hand."""
        try:
            await self._work(link)
        finally:
            self._means.tell("STOPPING=1")
            await self._wind_up()

    async def _work(self, link: Link) -> None:
        while not self._stopping.is_set():
            if len(self._children) >= self._plan.width:
                await self._first(self._freed)
                continue
            link.told.clear()
            taken = await self._tried(link.ask(self._take))
            if taken is not None:
                task = asyncio.create_task(self._serve(link, taken))
                self._children.add(task)
                task.add_done_callback(self._ended)
                continue
            waiting = await self._tried(link.ask(self._count))
            if waiting is not None and self._plan.drain and not waiting.left:
                return
            pause_s = _POLL_S if waiting is None or waiting.next_s is None else waiting.next_s
            if self._plan.drain:
                pause_s = min(pause_s, 0.5)
            await self._first(self._freed, link.told, timeout_s=min(_POLL_S, max(0.05, pause_s)))

    def _take(self, connection: psycopg.Connection[Any]) -> engine.Taken | None:
        # On the link's thread, so that no sign of life falls between taking and noting it.
        try:
            taken = engine.take(connection, self._worker_id, self._plan.queues or None)
        except engine.ForgottenError:
            self._beat(connection)
            return self._take(connection)
        if taken is not None:
            self._in_hand[taken.job_id] = taken
        return taken

    def _count(self, connection: psycopg.Connection[Any]) -> engine.Waiting:
        return engine.count_waiting(connection, self._plan.queues or None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._children.discard(task)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a run could not be looked after: %s", type(error).__name__)

    async def _serve(self, link: Link, taken: engine.Taken) -> None:
        """One request from its claim to its end; whatever fails, others will come to it."""
        try:
            run_id = new_run_id(self._means.clock, self._means.rng)
            chance = self._means.rng.random()
            claimed = await self._insist(
                link, lambda c: requests.claim(c, self._current(taken), run_id, chance)
            )
            if claimed is not None:
                await self._run(link, taken, claimed)
        finally:
            self._in_hand.pop(taken.job_id, None)

    def _current(self, taken: engine.Taken) -> engine.Taken:
        """As it is noted now: this worker may have got another number."""
        return dataclasses.replace(taken, worker_id=self._worker_id)

    async def _run(self, link: Link, taken: engine.Taken, claimed: Claimed) -> None:
        try:
            end = await self._supervise(claimed)
        except UnavailableError as error:
            _LOG.warning("%s", error.message)
            await self._give_back(link, taken, claimed, _POLL_S)
            return
        verdict = weigh(end, claimed, self._means.rng.random())
        if end.result is None:
            await self._insist(link, lambda c: _mark_crashed(c, claimed, verdict))
        log = run_logger(claimed.job, claimed.run_id, claimed.ws_id)
        if verdict.again_s is not None:
            log.info("%s, once more in %.1f s", verdict.code, verdict.again_s)
            again_s, spent = verdict.again_s, verdict.spent
            await self._give_back(link, taken, claimed, again_s, spent=spent)
            return
        ours = await self._insist(
            link,
            lambda c: requests.finish(
                c, self._current(taken), claimed, verdict.status, verdict.code
            ),
        )
        if ours:
            self._tally.count(verdict.status)
        if verdict.is_good:
            log.info("%s after %d ms", verdict.code, round(end.duration_s * 1000))
        else:
            log.error("%s: %s", verdict.code, verdict.error or verdict.status)

    async def _give_back(
        self,
        link: Link,
        taken: engine.Taken,
        claimed: Claimed,
        wait_s: float,
        *,
        spent: bool = False,
    ) -> None:
        self._tally.handed_back += 1
        await self._insist(
            link,
            lambda c: requests.release(
                c, self._current(taken), claimed, wait_s=wait_s, spent=spent
            ),
        )

    async def _supervise(self, claimed: Claimed) -> ChildEnd:
        before = self._means.kills.count()
        end = await supervise(
            build_spec(claimed, self._plan.deadline_s),
            self._means.launcher,
            self._draining,
            self._means.clock,
            lambda spec, line: self._means.said(spec.label, scrub(line)),
            grace_s=_GRACE_S,
        )
        if end.returncode in {None, -signal.SIGKILL} and end.stopped is None:
            return dataclasses.replace(end, out_of_memory=self._means.kills.explain(before))
        return end

    async def _insist(self, link: Link, question: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Ask until the database answers; a worker that is to end gives up after some seconds."""
        while True:
            try:
                answer = await link.ask(question)
            except UnavailableError:
                self._note_away()
                if self._draining.wanted.is_set():
                    raise
                await asyncio.sleep(self._pause_s())
            else:
                self._note_back()
                return answer

    async def _tried(self, answer: Any) -> Any:
        """The answer, or None after a pause if the database gives none."""
        try:
            found = await answer
        except UnavailableError:
            self._note_away()
            await self._first(timeout_s=self._pause_s())
            return None
        self._note_back()
        return found

    def _pause_s(self) -> float:
        return 0.3 + 0.7 * self._means.rng.random()

    def _note_away(self) -> None:
        if not self._away:
            _LOG.warning("the database does not answer; the worker goes on trying")
        self._away = True

    def _note_back(self) -> None:
        if self._away:
            _LOG.warning("the database answers again")
        self._away = False

    @contextlib.asynccontextmanager
    async def _beating(self, link: Link) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(self._beat_on(link)), asyncio.create_task(self._tell_alive())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell_alive(self) -> None:
        """That the loop turns, whatever the database does."""
        while True:
            self._means.tell("WATCHDOG=1")
            await asyncio.sleep(engine.BEAT_S)

    async def _beat_on(self, link: Link) -> None:
        while True:
            try:
                if await link.ask(self._beat):
                    link.told.set()
                await link.listen()
            except UnavailableError:
                self._note_away()
            except JobError as error:
                _LOG.warning("%s", error.message)
            await asyncio.sleep(engine.BEAT_S)

    def _beat(self, connection: psycopg.Connection[Any]) -> int:
        in_hand = list(self._in_hand)
        self._worker_id = engine.beat(connection, self._worker_id, in_hand)
        found = engine.recover(connection, self._worker_id, in_hand)
        if found:
            _LOG.warning("%d jobs of workers that are gone wait again", found)
        return found

    async def _wind_up(self) -> None:
        """Let the children end by themselves for a moment, then stop them and hand them back."""
        if not self._children:
            return
        await self._first(self._draining.wanted, timeout_s=_FINISH_S, tasks=self._children)
        self._draining.ask()
        if self._children:
            await asyncio.wait(self._children, timeout=_GRACE_S + _LAST_WORDS_S)

    async def _first(
        self,
        *events: asyncio.Event,
        timeout_s: float | None = None,
        tasks: Sequence[asyncio.Task[None]] | set[asyncio.Task[None]] = (),
    ) -> None:
        """Wait for one of the events or the wish to stop, for all of the tasks, or for the time."""
        # Only before the wish: behind it there is nothing to be interrupted by it.
        watched = [*events] if self._stopping.is_set() else [*events, self._stopping]
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(one.wait()) for one in watched]
        if tasks:
            waits.append(asyncio.ensure_future(asyncio.wait(tasks)))
        try:
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self._freed.clear()


def _mark_crashed(connection: psycopg.Connection[Any], claimed: Claimed, verdict: Verdict) -> None:
    """A child that said nothing may have left a row that says it is still running."""
    ledger.mark_crashed(connection, claimed.run_id, verdict.code, found_by=claimed.id)


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Any:
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop)
    try:
        yield
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(signum)
