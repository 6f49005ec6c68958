"""Every step of a fan-out in one row, seen from outside: the places to end one of its processes at.

A step is a message to the database or to Google, the answer to it, or a call by which the parent
starts, signals or records something. While a step is looked at, whoever makes it waits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from subprocess import CompletedProcess
from typing import Any

from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from tests.acceptance import forked
from tests.acceptance.processes import descendants_of, owner_of, start_of
from tuturuuu_jobs.testing.proxy import CHUNK, FaultProxy

BIRTH = b"a process is born"
CALLS = frozenset({"subprocess.Popen", "socket.sendmsg", "os.killpg", "os.rename"})


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """A step.

    Attributes:
        needle: Bytes of it; none: any step.
        nth: Which of those that have them, from 1.
    """

    needle: bytes = b""
    nth: int = 1


class Steps:
    """Counts the steps, and strikes once, at a moment.

    Attributes:
        seen: All steps, each by its first bytes.
        struck: Set behind the strike.
    """

    def __init__(self, moment: Moment, strike: Callable[[int | None], None]) -> None:
        self.seen: list[bytes] = []
        self.struck = threading.Event()
        self._left = moment.nth
        self._needle = moment.needle
        self._strike = strike
        self._one_at_a_time = threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """No step is made in the block."""
        with self._one_at_a_time:
            yield

    def wait(self, end: threading.Thread) -> None:
        """Until the strike, or until that thread has ended without one."""
        while end.is_alive() and not self.struck.wait(0.01):
            pass

    def take(self, step: bytes, port: int | None = None) -> None:
        """A step is made, from this local port if from one."""
        with self._one_at_a_time:
            self.seen.append(step[:60])
            if self._needle not in step:
                return
            self._left -= 1
            if self._left == 0:
                self._strike(owner_of(port) if port else None)
                self.struck.set()


class Wire(FaultProxy):
    """A proxy that takes a step for each message and each answer."""

    def __init__(self, host: str, port: int, name: bytes, steps: Steps) -> None:
        self._name = name
        self._steps = steps
        super().__init__(host, port)

    @classmethod
    def to_database(cls, tcp_dsn: str, steps: Steps) -> Wire:
        """In front of a database."""
        parts = conninfo_to_dict(tcp_dsn)
        return cls(str(parts["host"]), int(str(parts["port"])), b"sql", steps)

    @override
    def _requests(self, link: Any) -> None:
        port = link.client.getpeername()[1]
        while chunk := link.client.recv(CHUNK):
            self._look(port, chunk)
            self._steps.take(self._name + b"> " + chunk, port)
            link.upstream.sendall(chunk)

    @override
    def _answers(self, link: Any) -> None:
        port = link.client.getpeername()[1]
        while chunk := link.upstream.recv(CHUNK):
            self._steps.take(self._name + b"< " + chunk, port)
            link.client.sendall(chunk)

    def _look(self, port: int, chunk: bytes) -> None:
        """Somebody asks for something."""


class Turnstile(Wire):
    """In front of Google: knows which process asks for which calendar.

    Attributes:
        overlaps: Calendars that were asked for while an earlier asker was still at work.
    """

    def __init__(self, host: str, port: int, steps: Steps) -> None:
        self.overlaps: list[str] = []
        self._visitors: dict[str, dict[int, int]] = {}
        self._guard = threading.Lock()
        super().__init__(host, port, b"http", steps)

    @override
    def _look(self, port: int, chunk: bytes) -> None:
        _, found, rest = chunk.partition(b"/calendars/")
        owner = owner_of(port)
        if not found or owner is None:
            return
        calendar = rest.partition(b"/")[0].decode()
        started = start_of(owner)
        if started is None:
            return
        with self._guard:
            before = self._visitors.setdefault(calendar, {})
            if any(start_of(pid) == start for pid, start in before.items() if pid != owner):
                self.overlaps.append(calendar)
            before[owner] = started


@dataclasses.dataclass(frozen=True)
class Watched:
    """A command each of whose calls is a step."""

    running: forked.Running
    thread: threading.Thread

    def end(self) -> CompletedProcess[str]:
        """Wait for it."""
        ended = self.running.end()
        self.thread.join()
        return ended


def start(
    steps: Steps, arguments: tuple[str, ...], environ: dict[str, str], *, births: bool
) -> Watched:
    """Begin the command; its own calls are steps too.

    With ``births`` each process that it brings about is one as well, though nobody waits there:
    the step is taken a moment later.
    """
    ours, theirs = multiprocessing.Pipe()
    watch = functools.partial(_tell_calls, theirs)
    running = forked.start_after(watch, arguments, environ)
    theirs.close()

    def listen() -> None:
        with ours:
            while True:
                try:
                    steps.take(b"call " + ours.recv_bytes())
                    ours.send_bytes(b"")
                except (EOFError, OSError):
                    return

    def look() -> None:
        known: set[int] = set()
        while thread.is_alive():
            for pid in sorted(set(descendants_of(running.pid)) - known):
                known.add(pid)
                steps.take(BIRTH)
            time.sleep(0.0005)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    if births:
        threading.Thread(target=look, daemon=True).start()
    return Watched(running, thread)


def _tell_calls(ours: Any) -> None:
    """In the command's process: before each such call, tell and wait."""
    pid = os.getpid()

    def tell(event: str, _arguments: object) -> None:
        if event in CALLS and os.getpid() == pid:
            ours.send_bytes(event.encode())
            ours.recv_bytes()

    sys.addaudithook(tell)
