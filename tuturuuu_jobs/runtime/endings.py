"""What an exception means for a run: the only place that turns raised things into outcomes.

Invariant: no text of a foreign exception gets into an outcome; it may hold anything.
"""

from __future__ import annotations

import dataclasses
import traceback
from typing import Any, Final

import psycopg

from tuturuuu_jobs.errors import BugError, FailedError, Interruption, JobError
from tuturuuu_jobs.runtime.clock import Deadline
from tuturuuu_jobs.runtime.database import deadline_or, translate
from tuturuuu_jobs.runtime.history import Contention
from tuturuuu_jobs.runtime.interrupts import CANCELLED, DEADLINE
from tuturuuu_jobs.runtime.locks import Holder, KeyHeldError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, outcome_of

SKIPS_TOLERATED: Final = 3


def ended_by(error: BaseException, known: Outcome | None, deadline: Deadline) -> Outcome:
    """How a run ended that this exception ended.

    Args:
        error: What was raised.
        known: What the job had committed and reported until then, if anything.
        deadline: Of the run; a statement cut off by it is the deadline's doing.
    """
    if isinstance(error, KeyboardInterrupt):
        ending = _interrupted(error)
    else:
        ending = outcome_of(deadline_or(as_job_error(error), deadline), _holder_data(error))
    if known is None:
        return ending
    return Outcome(
        ending.kind,
        ending.code,
        (*ending.errors, *known.errors),
        (*ending.warnings, *known.warnings),
        ending.data | known.data,
    )


def cancelled(known: Outcome | None = None) -> Outcome:
    """How a run ended that somebody cancelled; what it reported about its work stays."""
    problem = Problem("cancelled", "the run was cancelled", hint="what was committed stays")
    ending = Outcome(Kind.CANCELLED, "cancelled", (problem,))
    if known is None:
        return ending
    # The first error of the known end is the signal that we now know better.
    errors = (problem, *known.errors[1:])
    return dataclasses.replace(ending, errors=errors, warnings=known.warnings, data=known.data)


def contention_warnings(found: Contention) -> tuple[Problem, ...]:
    """What to say about a key that was held, beyond that it was."""
    warnings: list[Problem] = []
    if found.skips >= SKIPS_TOLERATED:
        text = f"the key was held for {found.skips + 1} runs in a row"
        hint = "start the job less often, or see why it takes long: tuturuuu-jobs runs list"
        warnings.append(Problem("busy_again_and_again", text, hint=hint))
    if found.overdue_s is not None:
        text = f"the run that holds the key is {found.overdue_s:.0f} s past its own deadline"
        hint = "look at it with: tuturuuu-jobs runs reap; end it with: tuturuuu-jobs runs cancel"
        warnings.append(Problem("holder_overdue", text, hint=hint))
    return tuple(warnings)


def as_job_error(error: BaseException) -> JobError:
    """The same failure in our words; what nobody foresaw is a bug."""
    if isinstance(error, JobError):
        return error
    if isinstance(error, psycopg.Error):
        return translate(error)
    if isinstance(error, MemoryError):
        return FailedError(
            "the run needs more memory than it may have",
            code="out_of_memory",
            hint="raise the limit on memory it is under: ulimit -v, LimitAS= of the unit; a child "
            "of orchestrate has 1 GiB",
        )
    return BugError(
        f"unexpected {type(error).__name__} in {_innermost_frame(error)}",
        hint="run it again with -v -v and report the traceback",
    )


def _interrupted(error: KeyboardInterrupt) -> Outcome:
    reason = error.reason if isinstance(error, Interruption) else "SIGINT"
    if reason == DEADLINE:
        kind, code, message = Kind.TIMED_OUT, "deadline", "the run's deadline is spent"
        hint = "raise --deadline; what was committed stays"
    elif reason == CANCELLED:
        return cancelled()
    else:
        kind = Kind.INTERRUPTED if reason == "SIGINT" else Kind.TERMINATED
        code, message = kind.value, f"the run was stopped by {reason}"
        hint = "run it again; what was committed stays"
    return Outcome(kind, code, (Problem(code, message, hint=hint),))


def _holder_data(error: BaseException) -> dict[str, Any]:
    if not isinstance(error, KeyHeldError) or error.holder == Holder():
        return {}
    holder = error.holder
    since = holder.since.isoformat() if holder.since else None
    return {"holder": {"run_id": holder.run_id, "pid": holder.pid, "since": since}}


def _innermost_frame(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    if not frames:
        return "an unknown place"
    frame = frames[-1]
    return f"{frame.filename.rpartition('/')[2]}:{frame.lineno} ({frame.name})"
