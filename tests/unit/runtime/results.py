"""Results as a run leaves them."""

from __future__ import annotations

from uuid import UUID

from tuturuuu_jobs.runtime.outcome import RESULT_VERSION, Result, Status


def result_of(key: str, number: int = 1, status: Status = Status.SUCCEEDED) -> Result:
    """The result of the run with that number."""
    moment = "2026-03-01T00:00:00.000Z"
    return Result(
        version=RESULT_VERSION,
        job="sync",
        run_id=str(UUID(int=number)),
        ws_id=None,
        key=key,
        success=status is Status.SUCCEEDED,
        status=status,
        code=status.value,
        exit_code=0,
        error=None,
        errors=(),
        warnings=(),
        attempts=1,
        trigger="hand",
        slot=None,
        started_at=moment,
        finished_at=moment,
        duration_s=0.0,
        data={},
    )
