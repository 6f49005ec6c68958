"""What can go wrong, sorted by what to do next.

Every exception this package raises on purpose derives from :class:`JobError` and carries a stable
``code`` (for programs), a message (what is wrong) and, where somebody can act, a hint (what to
do). Foreign exceptions are translated in ``sync/google.py`` and ``runtime/database.py`` and
nowhere else.
"""

from __future__ import annotations

from typing import ClassVar


class JobError(Exception):
    """A failure that the package knows.

    Attributes:
        code: Stable, lower-case, documented in ``docs/reference.md``.
        message: One line: what is wrong.
        subject: What it is about, for example a calendar id or a setting's name.
        hint: One line: what to do, or None.
        retryable: Whether the same work may succeed if it is simply tried again.
        retry_after_s: Lower bound of the wait in seconds that the other side asked for.
    """

    default_code: ClassVar[str] = "failed"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        subject: str | None = None,
        hint: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.subject = subject
        self.hint = hint
        self.retry_after_s = retry_after_s


class FailedError(JobError):
    """Known and permanent: an operator looks at it (exit 1)."""


class SupersededError(FailedError):
    """Somebody else settled this run or moved its sync token first (exit 1)."""

    default_code = "superseded"


class UsageError(JobError):
    """The caller's input is wrong (exit 2)."""

    default_code = "usage"


class UnavailableError(JobError):
    """The database or Google cannot serve right now; the same call may work later (exit 69)."""

    default_code = "unavailable"
    retryable = True


class QuotaSpentError(UnavailableError):
    """A quota that will not refill within this run (exit 69, no further attempt)."""

    default_code = "quota_exceeded"
    retryable = False


class BusyError(JobError):
    """Another run holds the concurrency key (exit 75)."""

    default_code = "busy"


class RejectedError(JobError):
    """Access is refused; a person must reconnect or share again (exit 77)."""

    default_code = "rejected"


class SettingsError(JobError):
    """A setting is missing or wrong; an operator must change it (exit 78)."""

    default_code = "config"


class DeadlineError(JobError):
    """The run's own deadline is spent (exit 124)."""

    default_code = "deadline"


class BugError(JobError):
    """A broken promise inside this program; a developer looks at it (exit 70)."""

    default_code = "bug"


class Interruption(KeyboardInterrupt):
    """A signal arrived, or the deadline's alarm rang.

    It derives from KeyboardInterrupt because psycopg cancels the statement in flight for exactly
    that exception, which leaves the connection usable for recording the outcome.

    Attributes:
        reason: ``"SIGINT"``, ``"SIGTERM"``, ``"SIGHUP"`` or ``"deadline"``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
