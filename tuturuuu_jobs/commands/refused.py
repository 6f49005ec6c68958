"""The result document of a run that never began: bad options, bad payload, bad settings."""

from __future__ import annotations

import dataclasses
import random
from uuid import UUID

from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.outcome import (
    RESULT_VERSION,
    ExitCode,
    Outcome,
    Problem,
    Result,
    exit_code,
    status_of,
)


def refused_result(
    job: str, outcome: Outcome, run_id: UUID | None = None, ws_id: UUID | None = None
) -> Result:
    """No attempt, no key, no duration: only why nothing was done, under a new run id."""
    from tuturuuu_jobs.runtime.identity import new_run_id
    from tuturuuu_jobs.runtime.redact import clean

    clock = SystemClock()
    code = exit_code(outcome.kind)
    now = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    errors = tuple(Problem(**clean(dataclasses.asdict(problem))) for problem in outcome.errors)
    return Result(
        version=RESULT_VERSION,
        job=job,
        run_id=str(run_id or new_run_id(clock, random.SystemRandom())),
        ws_id=str(ws_id) if ws_id else None,
        key=None,
        success=code == ExitCode.SUCCESS,
        status=status_of(outcome.kind),
        code=outcome.code,
        exit_code=int(code),
        error=errors[0].message if errors else None,
        errors=errors,
        warnings=outcome.warnings,
        attempts=0,
        trigger="hand",
        slot=None,
        started_at=now,
        finished_at=now,
        duration_s=0.0,
        data=outcome.data,
    )
