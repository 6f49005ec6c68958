"""Many children, so many at once: started in order, drained on a signal, each ended exactly once.

Invariant: :meth:`FanOut.run` returns only when no child is at work any more; what did not start is
what it did not report.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from types import FrameType
from typing import Final

from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Launcher
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.memory import MemoryKills
from tuturuuu_jobs.runtime.supervisor import GRACE_S, Bell, Draining, Say, supervise

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


@dataclasses.dataclass(frozen=True, slots=True)
class FanOut:
    """How children are run together.

    Attributes:
        launcher: Starts them.
        clock: Measures them.
        width: How many may be at work at once; at least 1.
        say: Told each line of their standard error.
        on_end: Told each end as it happens; answers whether further children may start.
        grace_s: Seconds from SIGTERM to SIGKILL.
        kills: Tells who was killed for want of memory.
    """

    launcher: Launcher
    clock: Clock
    width: int
    say: Say
    on_end: Callable[[ChildEnd], bool]
    grace_s: float = GRACE_S
    kills: MemoryKills = dataclasses.field(default_factory=MemoryKills)

    def run(self, specs: Iterator[ChildSpec]) -> str | None:
        """Run what the iterator gives, one step ahead of nothing: asked only when there is room.

        Returns the name of the signal that stopped it (``SIGALRM`` for the run's own deadline),
        or None.

        Raises:
            UnavailableError: A child could not be started; those at work came to their end first.
        """
        return asyncio.run(self._run(specs))

    async def _run(self, specs: Iterator[ChildSpec]) -> str | None:
        draining = Draining()
        with _signals(draining, Bell(self.clock)) as received:
            await self._run_all(specs, draining)
        return received[0] if received else None

    async def _run_all(self, specs: Iterator[ChildSpec], draining: Draining) -> None:
        running: set[asyncio.Task[ChildEnd]] = set()
        failure: UnavailableError | None = None
        more = True
        while True:
            while more and len(running) < self.width and not draining.wanted.is_set():
                spec = next(specs, None)
                more = spec is not None
                if spec is not None:
                    running.add(asyncio.create_task(self._child(spec, draining)))
                    # Lets it start: the next one's deadline is reckoned when its turn comes.
                    await asyncio.sleep(0)
            if not running:
                break
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                try:
                    more = self.on_end(task.result()) and more
                except UnavailableError as error:
                    failure, more = error, False
        if failure is not None:
            raise failure

    async def _child(self, spec: ChildSpec, draining: Draining) -> ChildEnd:
        before = self.kills.count()
        end = await supervise(
            spec, self.launcher, draining, self.clock, self.say, grace_s=self.grace_s
        )
        # None: it went with the process that it was copied from.
        if end.returncode in {None, -signal.SIGKILL} and end.stopped is None:
            return dataclasses.replace(end, out_of_memory=self.kills.explain(before))
        return end


@contextlib.contextmanager
def _signals(draining: Draining, bell: Bell) -> Generator[list[str]]:
    """While the block runs, signals drain instead of interrupting; gives those that arrived.

    The run's own handlers would raise in the middle of the loop and leave children behind.
    """
    received: list[str] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    loop = asyncio.get_running_loop()

    def notice(signum: int, _frame: FrameType | None) -> None:
        received.append(signal.Signals(signum).name)
        if bell.is_new():
            # Also wakes a loop that waits for a pipe.
            loop.call_soon_threadsafe(draining.ask)

    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    for signum, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(signum, notice)
    try:
        yield received
    finally:
        for signum, handler in before.items():
            if handler is not None:
                signal.signal(signum, handler)
