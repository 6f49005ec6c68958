"""Facts and outcome of a run, made into the one document that leaves it; and read back.

Invariant: every text in the document has passed the scrubber.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from tuturuuu_jobs.runtime import redact
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.outcome import (
    RESULT_VERSION,
    ExitCode,
    Outcome,
    Problem,
    Result,
    Status,
    exit_code,
    status_of,
)


def build_result(
    facts: RunFacts, outcome: Outcome, *, attempts: int, finished_at: datetime, duration_s: float
) -> Result:
    """The result of a run that ended like this."""
    code = exit_code(outcome.kind)
    errors = tuple(_clean(problem) for problem in outcome.errors)
    return Result(
        version=RESULT_VERSION,
        job=facts.job,
        run_id=str(facts.id),
        ws_id=str(facts.ws_id) if facts.ws_id else None,
        key=facts.key,
        success=code is ExitCode.SUCCESS,
        status=status_of(outcome.kind),
        code=outcome.code,
        exit_code=int(code),
        error=errors[0].message if errors and code is not ExitCode.SUCCESS else None,
        errors=errors,
        warnings=tuple(_clean(problem) for problem in outcome.warnings),
        attempts=attempts,
        trigger=facts.trigger,
        slot=_render(facts.slot) if facts.slot else None,
        started_at=_render(facts.started_at),
        finished_at=_render(finished_at),
        duration_s=round(duration_s, 3),
        data=redact.clean(outcome.data),
    )


def with_outcome(result: Result, outcome: Outcome) -> Result:
    """The same run with another end; what it reported about its work stays."""
    code = exit_code(outcome.kind)
    errors = tuple(_clean(problem) for problem in outcome.errors)
    return dataclasses.replace(
        result,
        success=code is ExitCode.SUCCESS,
        status=status_of(outcome.kind),
        code=outcome.code,
        exit_code=int(code),
        error=errors[0].message if errors else None,
        errors=errors,
    )


def with_warning(result: Result, warning: Problem | None) -> Result:
    """The same result with one more warning, if there is one."""
    if warning is None:
        return result
    return dataclasses.replace(result, warnings=(*result.warnings, _clean(warning)))


def parse_result(document: dict[str, Any]) -> Result:
    """A result from its own JSON. Raises KeyError, TypeError or ValueError if it is none."""
    problems = {
        part: tuple(Problem(**problem) for problem in document[part])
        for part in ("errors", "warnings")
    }
    fields: dict[str, Any] = document | problems | {"status": Status(document["status"])}
    return Result(**fields)


def _clean(problem: Problem) -> Problem:
    return Problem(**redact.clean(dataclasses.asdict(problem)))


def _render(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
