"""The closed set of ways in which a run can end, and the one result document made of it.

Invariant: ``status``, ``exit_code`` and ``success`` are derived here, each by one total match, and
by nobody else. The table of exit codes follows sysexits.h, timeout(1) and the shell's 128+n.
"""

from __future__ import annotations

import dataclasses
from enum import IntEnum, StrEnum, unique
from typing import Any, Final, assert_never

from tuturuuu_jobs.errors import (
    BugError,
    BusyError,
    DeadlineError,
    JobError,
    RejectedError,
    SettingsError,
    SupersededError,
    UnavailableError,
    UsageError,
)

RESULT_VERSION: Final = 1


@unique
class ExitCode(IntEnum):
    """What the process says to cron and systemd; anything not listed means failed."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    UNAVAILABLE = 69
    BUG = 70
    BUSY = 75
    REJECTED = 77
    CONFIG = 78
    DEADLINE = 124
    SIGINT = 130
    SIGTERM = 143


@unique
class Kind(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    ALREADY = "already"
    EXPIRED = "expired"
    PARTIAL = "partial"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    BUG = "bug"
    CONFIG = "config"
    USAGE = "usage"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    CANCELLED = "cancelled"


@unique
class Status(StrEnum):
    """The word the ledger and the result use; ``lost`` and ``crashed`` are settled by others."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    LOST = "lost"
    SKIPPED = "skipped"
    EXPIRED = "expired"


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One failure or warning inside a result.

    Attributes:
        code: Stable and documented.
        message: What is wrong, without any secret or private text.
        retryable: Whether trying again may help.
        subject: What it is about (a calendar id, a setting), or None.
        hint: What to do, or None.
    """

    code: str
    message: str
    retryable: bool = False
    subject: str | None = None
    hint: str | None = None

    @classmethod
    def of(cls, error: JobError, *, subject: str | None = None) -> Problem:
        """The same failure as a value."""
        return cls(error.code, error.message, error.retryable, subject or error.subject, error.hint)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, with what it has to say.

    Attributes:
        kind: One of the closed set.
        code: Stable code that says why; equals ``kind`` where there is nothing more to say.
        errors: What failed, most important first.
        warnings: What a person should know though nothing failed.
        data: The job's own part of the result, JSON-ready.
    """

    kind: Kind
    code: str
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    data: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])

    @property
    def retryable(self) -> bool:
        """Whether another attempt may change anything."""
        return any(problem.retryable for problem in self.errors)


def kind_of(error: JobError) -> Kind:
    """The way a run ends when this error ends it."""
    match error:
        case UsageError():
            return Kind.USAGE
        case SettingsError():
            return Kind.CONFIG
        case BusyError():
            return Kind.BUSY
        case UnavailableError():
            return Kind.UNAVAILABLE
        case RejectedError():
            return Kind.REJECTED
        case DeadlineError():
            return Kind.TIMED_OUT
        case SupersededError():
            return Kind.SUPERSEDED
        case BugError():
            return Kind.BUG
        case _:
            return Kind.FAILED


def outcome_of(error: JobError, data: dict[str, Any] | None = None) -> Outcome:
    """The outcome of a run that this error ended; ``data`` is what it had committed until then."""
    return Outcome(kind_of(error), error.code, (Problem.of(error),), data=data or {})


def exit_code(kind: Kind) -> ExitCode:
    """The exit code of a run that ended like this."""
    match kind:
        case Kind.SUCCEEDED | Kind.ALREADY | Kind.EXPIRED:
            return ExitCode.SUCCESS
        case Kind.FAILED | Kind.SUPERSEDED:
            return ExitCode.FAILED
        case Kind.USAGE:
            return ExitCode.USAGE
        case Kind.PARTIAL:
            return ExitCode.PARTIAL
        case Kind.UNAVAILABLE:
            return ExitCode.UNAVAILABLE
        case Kind.BUG:
            return ExitCode.BUG
        case Kind.BUSY:
            return ExitCode.BUSY
        case Kind.REJECTED:
            return ExitCode.REJECTED
        case Kind.CONFIG:
            return ExitCode.CONFIG
        case Kind.TIMED_OUT:
            return ExitCode.DEADLINE
        case Kind.INTERRUPTED | Kind.CANCELLED:
            return ExitCode.SIGINT
        case Kind.TERMINATED:
            return ExitCode.SIGTERM
        case _:
            assert_never(kind)


def status_of(kind: Kind) -> Status:
    """The status that the ledger and the result show for a run that ended like this."""
    match kind:
        case Kind.SUCCEEDED | Kind.ALREADY:
            return Status.SUCCEEDED
        case Kind.EXPIRED:
            return Status.EXPIRED
        case Kind.PARTIAL:
            return Status.PARTIAL
        case Kind.FAILED | Kind.SUPERSEDED | Kind.BUG | Kind.CONFIG | Kind.USAGE:
            return Status.FAILED
        case Kind.UNAVAILABLE:
            return Status.UNAVAILABLE
        case Kind.BUSY:
            return Status.SKIPPED
        case Kind.REJECTED:
            return Status.REJECTED
        case Kind.TIMED_OUT:
            return Status.TIMED_OUT
        case Kind.INTERRUPTED | Kind.TERMINATED:
            return Status.INTERRUPTED
        case Kind.CANCELLED:
            return Status.CANCELLED
        case _:
            assert_never(kind)


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """The JSON document of a run: one shape for every job and every way of ending.

    ``{ws_id, success, error}`` are the names the platform's own jobs returned and stay. Times are
    RFC 3339 in UTC, ``duration_s`` is in seconds on the monotonic clock.
    """

    version: int
    job: str
    run_id: str
    ws_id: str | None
    key: str | None
    success: bool
    status: Status
    code: str
    exit_code: int
    error: str | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    attempts: int
    trigger: str
    slot: str | None
    started_at: str
    finished_at: str
    duration_s: float
    data: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, in the documented order of keys."""
        # Not asdict, which would copy all the data of a fan-out just to be written.
        document = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        document["status"] = self.status.value
        document["errors"] = [dataclasses.asdict(problem) for problem in self.errors]
        document["warnings"] = [dataclasses.asdict(problem) for problem in self.warnings]
        return document
