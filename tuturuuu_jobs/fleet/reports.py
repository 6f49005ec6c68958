"""What was asked for, as a fan-out reports it: the same words as for a child of its own. Pure."""

from __future__ import annotations

import dataclasses
from typing import Final
from uuid import UUID

from tuturuuu_jobs.orchestration.judging import ENDINGS, kind_of_exit
from tuturuuu_jobs.orchestration.model import ChildReport, Ending
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, Status

_LEFT: Final = "it was not over when the waiting for it ended; a worker does it"

# Where no run tells its exit code: it left no row, or its worker knows better how it ended. A run
# that its worker calls failed without one broke its contract.
_WITHOUT_CODE: Final = {
    Status.SUCCEEDED: (Kind.SUCCEEDED, Ending.SUCCEEDED),
    Status.EXPIRED: (Kind.EXPIRED, Ending.SUCCEEDED),
    Status.PARTIAL: (Kind.PARTIAL, Ending.PARTIAL),
    Status.FAILED: (Kind.BUG, Ending.BUG),
    Status.REJECTED: (Kind.REJECTED, Ending.REJECTED),
    Status.UNAVAILABLE: (Kind.UNAVAILABLE, Ending.UNAVAILABLE),
    Status.TIMED_OUT: (Kind.TIMED_OUT, Ending.TIMED_OUT),
    Status.CANCELLED: (Kind.INTERRUPTED, Ending.INTERRUPTED),
    Status.INTERRUPTED: (Kind.INTERRUPTED, Ending.INTERRUPTED),
    Status.CRASHED: (Kind.FAILED, Ending.CRASHED),
    Status.LOST: (Kind.FAILED, Ending.CRASHED),
    Status.SKIPPED: (Kind.BUSY, Ending.BUSY),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Where something that was asked for stands.

    Attributes:
        state: ``queued``, ``running`` or ``done``.
        status: How it ended, once it is done; ``code`` says why.
        is_ours: Whether this fan-out asked first.
        run_id: The run that was begun last for it; None if none was, or it left no row.
        run_status: How that one ended.
        message: What that one said went wrong.
    """

    request_id: UUID
    ws_id: UUID
    state: str
    status: str | None
    code: str | None
    is_ours: bool
    run_id: UUID | None
    run_status: str | None
    exit_code: int | None
    message: str | None
    hint: str | None
    duration_s: float | None


def report_of(standing: Standing) -> ChildReport:
    """One workspace's part of the result, whether it is over or not."""
    if standing.state != "done" or standing.status is None:
        code = "queued" if standing.is_ours else "already"
        return ChildReport(
            standing.ws_id,
            standing.request_id,
            Ending.QUEUED,
            None,
            standing.state,
            code,
            None,
            0.0,
            None,
        )
    status = Status(standing.status)
    kind, ending, exit_code = _ending(standing, status)
    code = standing.code or status.value
    message = None
    if ending is not Ending.SUCCEEDED:
        message = standing.message or f"it ended as {status.value} ({code}) without a result"
    return ChildReport(
        standing.ws_id,
        standing.run_id or standing.request_id,
        ending,
        kind,
        status.value,
        code,
        exit_code,
        standing.duration_s or 0.0,
        message,
        standing.hint,
    )


def _ending(standing: Standing, status: Status) -> tuple[Kind, Ending, int | None]:
    if standing.exit_code is not None and standing.run_status == status:
        kind = kind_of_exit(ExitCode(standing.exit_code))
        return kind, ENDINGS[kind], standing.exit_code
    kind, ending = _WITHOUT_CODE.get(status, (Kind.FAILED, Ending.FAILED))
    return kind, ending, None


def left_unfinished(report: ChildReport) -> ChildReport:
    """The same, where nobody waits for it any longer."""
    return dataclasses.replace(report, error=_LEFT) if report.ending is Ending.QUEUED else report
