"""What the end of one child means for its workspace. All pure."""

from __future__ import annotations

import dataclasses
import signal
from typing import Final
from uuid import UUID

from tuturuuu_jobs.orchestration.model import ChildReport, Ending, Halt
from tuturuuu_jobs.runtime.children import ChildEnd, Stop
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, Problem, Result, Status

ENDINGS: Final = {
    Kind.SUCCEEDED: Ending.SUCCEEDED,
    Kind.PARTIAL: Ending.PARTIAL,
    Kind.FAILED: Ending.FAILED,
    Kind.USAGE: Ending.FAILED,
    Kind.CONFIG: Ending.FAILED,
    Kind.UNAVAILABLE: Ending.UNAVAILABLE,
    Kind.BUG: Ending.BUG,
    Kind.BUSY: Ending.BUSY,
    Kind.REJECTED: Ending.REJECTED,
    Kind.TIMED_OUT: Ending.TIMED_OUT,
    Kind.INTERRUPTED: Ending.INTERRUPTED,
    Kind.TERMINATED: Ending.INTERRUPTED,
}
"""What a fan-out counts a child as, by its exit code's plainest way of ending."""


def kind_of_exit(code: ExitCode) -> Kind:
    """The plainest way of ending that has this exit code."""
    match code:
        case ExitCode.SUCCESS:
            return Kind.SUCCEEDED
        case ExitCode.FAILED:
            return Kind.FAILED
        case ExitCode.USAGE:
            return Kind.USAGE
        case ExitCode.PARTIAL:
            return Kind.PARTIAL
        case ExitCode.UNAVAILABLE:
            return Kind.UNAVAILABLE
        case ExitCode.BUG:
            return Kind.BUG
        case ExitCode.BUSY:
            return Kind.BUSY
        case ExitCode.REJECTED:
            return Kind.REJECTED
        case ExitCode.CONFIG:
            return Kind.CONFIG
        case ExitCode.DEADLINE:
            return Kind.TIMED_OUT
        case ExitCode.SIGINT:
            return Kind.INTERRUPTED
        case ExitCode.SIGTERM:
            return Kind.TERMINATED


def judge(ws_id: UUID, end: ChildEnd) -> ChildReport:
    """What the end of a child means for its workspace."""
    if end.result is not None:
        return _by_result(ws_id, end, end.result)
    verdict = _without_result(end)
    returncode = end.returncode if end.returncode is not None and end.returncode >= 0 else None
    status = Status.FAILED if verdict.ending is Ending.BUG else Status(verdict.ending.value)
    return ChildReport(
        ws_id,
        end.spec.run_id,
        verdict.ending,
        verdict.kind,
        status.value,
        verdict.problem.code,
        returncode,
        end.duration_s,
        verdict.problem.message,
        verdict.problem.hint or f"look at it with: tuturuuu-jobs runs show {end.spec.run_id}",
    )


@dataclasses.dataclass(frozen=True, slots=True)
class _Verdict:
    kind: Kind
    ending: Ending
    problem: Problem


def _without_result(end: ChildEnd) -> _Verdict:
    if end.stopped is Stop.DEADLINE:
        late = Problem("deadline", "it was stopped at its deadline and left no result")
        return _Verdict(Kind.TIMED_OUT, Ending.TIMED_OUT, late)
    if end.stopped is Stop.DRAIN:
        drained = Problem("killed", "it was stopped with the fan-out and left no result")
        return _Verdict(Kind.FAILED, Ending.INTERRUPTED, drained)
    if end.out_of_memory:
        starved = Problem(
            "out_of_memory",
            "the kernel killed it for want of memory",
            hint="raise MemoryMax= of the unit, or lower --limit",
        )
        return _Verdict(Kind.FAILED, Ending.CRASHED, starved)
    if end.crashed:
        name = "an unknown cause" if end.returncode is None else _signal_name(-end.returncode)
        return _Verdict(Kind.FAILED, Ending.CRASHED, Problem("killed", f"it was ended by {name}"))
    broken = Problem("bad_envelope", f"it broke its contract: {end.fault}")
    return _Verdict(Kind.BUG, Ending.BUG, broken)


def _by_result(ws_id: UUID, end: ChildEnd, result: Result) -> ChildReport:
    kind = kind_of_exit(ExitCode(result.exit_code))
    ending, code, status = ENDINGS[kind], result.code, result.status.value
    if end.stopped is Stop.DEADLINE and ending is Ending.INTERRUPTED:
        # It recorded the signal; why we sent it is ours to know.
        kind, ending, code = Kind.TIMED_OUT, Ending.TIMED_OUT, "deadline"
        status = Status.TIMED_OUT.value
    hint = result.errors[0].hint if result.errors else None
    return ChildReport(
        ws_id,
        end.spec.run_id,
        ending,
        kind,
        status,
        code,
        result.exit_code,
        end.duration_s,
        result.error,
        hint,
    )


def not_started(ws_id: UUID, halt: Halt) -> ChildReport:
    """A workspace whose turn did not come."""
    reason = {
        Halt.DEADLINE: "there was no time left to start it",
        Halt.BREAKER: "it was not started because those before it all failed alike",
        Halt.LAUNCH: "no process could be started for it",
    }.get(halt, f"it was not started because of {halt}")
    return ChildReport(
        ws_id, None, Ending.NOT_STARTED, None, "not_started", "not_started", None, 0.0, reason
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
