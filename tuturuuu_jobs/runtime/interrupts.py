"""Signals and the deadline's alarm, as one exception raised at most once per run.

Invariant: after the first Interruption nothing else interrupts, so that recording the outcome of
an interrupted run is never itself interrupted; a second signal changes nothing.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType
from typing import Final

from tuturuuu_jobs.errors import Interruption

DEADLINE: Final = "deadline"
CANCELLED: Final = "cancelled"

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
# setitimer refuses more; nobody waits a year for one run.
_LONGEST_S: Final = 365 * 24 * 3600.0


class Interrupts:
    """What the run knows about signals; obtained from :func:`interrupts`.

    Attributes:
        reason: The first signal's name, ``deadline`` or ``cancelled``, or None if nothing arrived.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._depth = 0
        self._done = False
        self._guard = threading.Lock()
        self._handled = False

    @contextlib.contextmanager
    def shield(self) -> Generator[None]:
        """Keep signals back inside; one that came meanwhile is raised when the block ends.

        If the block itself fails, its own error is raised instead and the signal stays pending.
        """
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        self.check()

    @contextlib.contextmanager
    def handling(self) -> Generator[None]:
        """While the block runs, the process's handlers lead here."""
        with self._guard:
            self._handled = True
        try:
            yield
        finally:
            # First, so that no interruption can fall into the lines that follow.
            self.settle()
            with self._guard:
                self._handled = False

    def cancel(self) -> None:
        """Interrupt the run from another thread; without handlers it stops where it next looks."""
        with self._guard:
            if self.reason is None:
                self.reason = CANCELLED
            if self._handled and not self._done:
                # To the thread itself: a system call of its own must come back.
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def settle(self) -> None:
        """From here on nothing interrupts any more: the outcome is being recorded."""
        self._done = True

    def check(self) -> None:
        """Raise the Interruption that is pending, if any."""
        if self.reason is not None and not self._done and self._depth == 0:
            self._done = True
            raise Interruption(self.reason)

    def notice(self, signum: int, _frame: FrameType | None = None) -> None:
        """The signal handler."""
        if self.reason is None:
            expired = signum == signal.SIGALRM
            self.reason = DEADLINE if expired else signal.Signals(signum).name
        self.check()


@contextlib.contextmanager
def interrupts(deadline_s: float) -> Generator[Interrupts]:
    """Turn signals and the end of the deadline into an Interruption while the block runs.

    Outside the main thread, where Python allows no handlers, nothing is installed: such a run ends
    at its deadline only where it looks at it.

    Args:
        deadline_s: Seconds until the alarm rings.
    """
    state = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    for signum in _SIGNALS:
        # nohup and background shells start us with a signal ignored on purpose: leave it so.
        if before[signum] is not signal.SIG_IGN or signum == signal.SIGALRM:
            signal.signal(signum, state.notice)
    signal.setitimer(signal.ITIMER_REAL, min(max(deadline_s, 1e-3), _LONGEST_S))
    try:
        with state.handling():
            yield state
    finally:
        state.settle()
        signal.setitimer(signal.ITIMER_REAL, 0)
        for signum, handler in before.items():
            # None: installed by C code, which Python can neither name nor restore.
            if handler is not None:
                signal.signal(signum, handler)
