"""Children: what a parent asks of one, what it learns about its end, and how they are started.

Invariant of every launcher: a child leads a process group of its own, holds none of the parent's
descriptors but the three it is given, sees only the environment it is given, and is killed by the
kernel when the parent ends. Source of the rules: what happens to plain children under cron.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import StrEnum, unique
from typing import Final, Protocol, Self
from uuid import UUID

from typing_extensions import override

from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.outcome import Result

MEMORY: Final = 1 << 30
"""Bytes of address space of one child; the whole program needs about 90 MB."""


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """What children run.

    Attributes:
        entry: ``module:function``, called without arguments after ``sys.argv`` is set.
        environ: The whole environment of a child, nothing inherited; holds secrets.
        preload: Modules worth importing before many children share them; the function of a
            ``module:function`` is called as well.
        memory: Bytes of address space per child; 0 for no bound.
    """

    entry: str
    environ: Mapping[str, str] = dataclasses.field(repr=False)
    preload: tuple[str, ...] = ()
    memory: int = MEMORY


@dataclasses.dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child to run.

    Attributes:
        run_id: Chosen by the parent; the child's envelope must carry it.
        label: Stands before each line of its standard error.
        arguments: Its command line; no secrets, everybody can read it.
        stdin: Its whole standard input.
        deadline_s: Seconds after which it is stopped.
    """

    run_id: UUID
    label: str
    arguments: tuple[str, ...]
    stdin: bytes
    deadline_s: float


@unique
class Stop(StrEnum):
    """Why the parent stopped a child that had not ended."""

    DEADLINE = "deadline"
    DRAIN = "drain"


@dataclasses.dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child ended; every child that was started has exactly one.

    Attributes:
        returncode: As a shell-less wait gives it: negative for a signal, None if nobody knows.
        result: Its envelope, if it kept the contract.
        fault: Why the envelope was refused, in words; None if it was not.
        stopped: Why we stopped it, if we did.
        duration_s: From its start to its being reaped.
        stderr: The last of what it said to people.
        out_of_memory: Whether the kernel killed it for want of memory, as far as can be told.
    """

    spec: ChildSpec
    returncode: int | None
    result: Result | None
    fault: str | None
    stopped: Stop | None
    duration_s: float
    stderr: bytes = b""
    out_of_memory: bool = False

    @property
    def crashed(self) -> bool:
        """Whether it ended without a word of its own: by a signal, or nobody knows how."""
        return self.result is None and (self.returncode is None or self.returncode < 0)


class Process(Protocol):
    """A started child, not reaped yet: its pid and its group's id cannot belong to others."""

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        ...

    @property
    def pidfd(self) -> int:
        """Readable from the moment the child itself has ended, whatever its descendants do."""
        ...

    def reap(self) -> int | None:
        """Wait for the child, close ``pidfd``, and say how it ended; None if nobody knows."""
        ...


def no_process(error: OSError) -> UnavailableError:
    """The machine can start no process now."""
    return UnavailableError(
        f"no process can be started: {error.strerror or 'error'}",
        code="no_process",
        hint="look at the limits on processes, open files and memory, or lower --limit",
    )


class StartLostError(Exception):
    """Whether a child was started is not known, but none is at work; its input may be read."""


class Launcher(AbstractContextManager["Launcher"], Protocol):
    """A way to start children; leaving it must find no child of it at work."""

    def start(self, arguments: tuple[str, ...], *, stdin: int, stdout: int, stderr: int) -> Process:
        """Start a child with these three descriptors, which stay the caller's to close.

        Only to be called by the main thread: the kernel kills a child when the thread that
        started it ends. Raises UnavailableError if the machine can start no process now, and
        StartLostError if the caller may ask again, with an input that nobody has read.
        """
        ...

    @override
    def __enter__(self) -> Self:
        """Ready to start children."""
        ...
