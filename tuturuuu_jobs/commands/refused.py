"""The result document of a run that never began: bad options, bad payload, bad settings."""

from __future__ import annotations

import random
from uuid import UUID

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.outcome import (
    RESULT_VERSION,
    ExitCode,
    Problem,
    Result,
    exit_code,
    kind_of,
    status_of,
)


def refused_result(
    job: str, error: JobError, run_id: UUID | None = None, ws_id: UUID | None = None
) -> Result:
    """No attempt, no key, no duration: only why nothing was done, under a new run id."""
    from tuturuuu_jobs.runtime.identity import new_run_id

    clock = SystemClock()
    kind = kind_of(error)
    now = clock.now().isoformat().replace("+00:00", "Z")
    return Result(
        version=RESULT_VERSION,
        job=job,
        run_id=str(run_id or new_run_id(clock, random.SystemRandom())),
        ws_id=str(ws_id) if ws_id else None,
        key=None,
        success=exit_code(kind) == ExitCode.SUCCESS,
        status=status_of(kind),
        code=error.code,
        exit_code=int(exit_code(kind)),
        error=error.message,
        errors=(Problem.of(error),),
        warnings=(),
        attempts=0,
        trigger="hand",
        slot=None,
        started_at=now,
        finished_at=now,
        duration_s=0.0,
        data={},
    )
