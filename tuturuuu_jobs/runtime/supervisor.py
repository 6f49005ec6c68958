"""One child from its start to its reaping.

Invariant: whatever the child and its descendants do, it is over within its deadline plus the grace,
its process group is empty, and it is reaped. Waiting looks at the process, never at its pipes: a
grandchild may hold those for hours.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Callable
from typing import Final

from tuturuuu_jobs.runtime.children import (
    ChildEnd,
    ChildSpec,
    Launcher,
    Process,
    StartLostError,
    Stop,
    no_process,
)
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.envelope import STDOUT_LIMIT, EnvelopeError, read_envelope
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.pump import Head, Lines, Pump

GRACE_S: Final = 10.0
"""Seconds between the polite signal and the other one; enough to record an outcome."""

_DRAIN_S: Final = 1.0
_STDERR_KEPT: Final = 64 * 1024


REPEAT_S: Final = 0.2
"""A signal that follows another one so soon says nothing new."""


class Bell:
    """Signals as somebody meant them: timeout(1) sends each to its command and to the group too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: float | None = None

    def is_new(self) -> bool:
        """Whether a signal that arrives now is another wish than the last one."""
        now, last = self._clock.monotonic(), self._last
        self._last = now
        return last is None or now - last > REPEAT_S


class Draining:
    """The wish of the parent that its children end, and that they do so at once."""

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """End the children; asked a second time: without grace."""
        if self.wanted.is_set():
            self.hurried.set()
        self.wanted.set()


Say = Callable[[ChildSpec, str], None]


async def supervise(
    spec: ChildSpec,
    launcher: Launcher,
    draining: Draining,
    clock: Clock,
    say: Say,
    *,
    grace_s: float = GRACE_S,
) -> ChildEnd:
    """Run one child and tell how it ended.

    Raises UnavailableError if it could not even be started.

    Args:
        spec: The child.
        launcher: Starts it.
        draining: Watched all the time.
        clock: Measures how long it took.
        say: Told each line of its standard error.
        grace_s: Seconds from SIGTERM to SIGKILL.
    """
    started = clock.monotonic()
    out, err = Head(STDOUT_LIMIT), Lines(lambda line: say(spec, line), _STDERR_KEPT)
    try:
        process, pumps = _start_for_sure(spec, launcher, out, err)
    except OSError as error:
        raise no_process(error) from None
    try:
        stopped = await _wait(process, spec.deadline_s, draining, grace_s)
    finally:
        # Before reaping: until then nobody else can have the group's number.
        _signal_group(process, signal.SIGKILL)
        returncode = process.reap()
        if pumps:
            await asyncio.wait([pump.ended for pump in pumps], timeout=_DRAIN_S)
        for pump in pumps:
            pump.close()
    err.finish()
    result, fault = _read(spec, returncode, out)
    duration_s = clock.monotonic() - started
    return ChildEnd(spec, returncode, result, fault, stopped, duration_s, err.content)


def _start_for_sure(
    spec: ChildSpec, launcher: Launcher, out: Head, err: Lines
) -> tuple[Process, tuple[Pump, Pump]]:
    while True:
        # The launcher says when to give up.
        with contextlib.suppress(StartLostError):
            return _start(spec, launcher, out, err)


def _start(
    spec: ChildSpec, launcher: Launcher, out: Head, err: Lines
) -> tuple[Process, tuple[Pump, Pump]]:
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
        stdin = _readable(spec.stdin)
        theirs.callback(os.close, stdin)
        read_out, write_out = os.pipe()
        ours.callback(os.close, read_out)
        theirs.callback(os.close, write_out)
        read_err, write_err = os.pipe()
        ours.callback(os.close, read_err)
        theirs.callback(os.close, write_err)
        process = launcher.start(spec.arguments, stdin=stdin, stdout=write_out, stderr=write_err)
        ours.pop_all()
    return process, (Pump(loop, read_out, out.feed), Pump(loop, read_err, err.feed))


def _readable(content: bytes) -> int:
    """A pipe that holds all of this already, so that no child can make us wait."""
    readable, writable = os.pipe()
    try:
        os.set_blocking(writable, False)
        if os.write(writable, content) != len(content):
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
    except BaseException:
        os.close(readable)
        raise
    finally:
        os.close(writable)
    return readable


async def _wait(
    process: Process, deadline_s: float, draining: Draining, grace_s: float
) -> Stop | None:
    """Until the process has ended: by itself, or down the ladder of signals."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(process.pidfd, ended.set)
    try:
        await _first((ended, draining.wanted), deadline_s)
        if ended.is_set():
            return None
        reason = Stop.DRAIN if draining.wanted.is_set() else Stop.DEADLINE
        _signal_group(process, signal.SIGTERM)
        await _first((ended, draining.hurried), grace_s)
        _signal_group(process, signal.SIGKILL)
        await ended.wait()
        return reason
    finally:
        loop.remove_reader(process.pidfd)


async def _first(events: tuple[asyncio.Event, ...], timeout_s: float) -> None:
    """Wait for one of the events, or for so many seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _signal_group(process: Process, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signum)


def _read(spec: ChildSpec, returncode: int | None, out: Head) -> tuple[Result | None, str | None]:
    """The envelope of a child that exited, or why there is none."""
    if returncode is None or returncode < 0:
        return None, None
    try:
        result = read_envelope(
            out.content, complete=out.complete, run_id=spec.run_id, returncode=returncode
        )
    except EnvelopeError as error:
        return None, str(error)
    return result, None
