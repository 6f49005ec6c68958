"""Who gets a child, in which order, how many at once, and what their ends amount to. All pure.

Invariant: busy workspaces never make a fan-out worse, and no list of workspaces is ever taken for
"nothing to do" because it could not be read: that is raised long before.
"""

from __future__ import annotations

import dataclasses
import signal
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.orchestration.model import (
    BREAKER,
    Candidate,
    ChildReport,
    Ending,
    FanOutData,
    Halt,
    Planned,
)
from tuturuuu_jobs.runtime.children import ChildEnd, Stop
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, Outcome, Problem, Result, Status

_DEFAULT_WIDTH: Final = 10
_ALIKE: Final = frozenset({Kind.UNAVAILABLE, Kind.CONFIG})
_GOOD: Final = frozenset({Ending.SUCCEEDED, Ending.PARTIAL})
_NEUTRAL: Final = frozenset({Ending.SUCCEEDED, Ending.BUSY})
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def plan_order(
    candidates: Iterable[Candidate], wanted: Sequence[UUID], now: datetime
) -> tuple[Planned, ...]:
    """The workspaces to start, the longest without success first; ids decide a tie.

    A workspace that was asked for by name gets its child though it is no candidate: the child says
    what is the matter with it.
    """
    known = {candidate.ws_id: candidate for candidate in candidates}
    if wanted:
        known = {ws_id: known.get(ws_id, Candidate(ws_id, None)) for ws_id in wanted}
    ordered = sorted(known.values(), key=lambda one: (one.last_success or _LONG_AGO, one.ws_id))
    return tuple(Planned(c.ws_id, c.last_success, _reason(c, now)) for c in ordered)


def _reason(candidate: Candidate, now: datetime) -> str:
    if candidate.last_success is None:
        return "no success on record"
    age_s = max(0, int((now - candidate.last_success).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if age_s >= size:
            return f"last success {age_s // size}{unit} ago"
    return f"last success {age_s}s ago"


def plan_width(
    limit: int | None, total_limit: int | None, free_connections: int
) -> tuple[int, Problem | None]:
    """How many children may work at once, and a warning if the server decided that.

    Args:
        limit: What the caller allows.
        total_limit: What the queue allows, on all machines together.
        free_connections: Connections that the server still has for us.
    """
    allowed = [number for number in (limit, total_limit) if number is not None]
    width = max(1, min(allowed, default=_DEFAULT_WIDTH))
    # Each child may hold two, and the parent keeps two for itself.
    most = max(1, (free_connections - 2) // 2)
    if most >= width:
        return width, None
    warning = Problem(
        "few_connections",
        f"the database has room for {free_connections} more connections: "
        f"{most} children at once instead of {width}",
        subject="max_connections",
        hint="raise max_connections, or lower --limit",
    )
    return most, warning


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
        f"look at it with: tuturuuu-jobs runs show {end.spec.run_id}",
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
    if end.crashed:
        name = "an unknown cause" if end.returncode is None else _signal_name(-end.returncode)
        return _Verdict(Kind.FAILED, Ending.CRASHED, Problem("killed", f"it was ended by {name}"))
    broken = Problem("bad_envelope", f"it broke its contract: {end.fault}")
    return _Verdict(Kind.BUG, Ending.BUG, broken)


def _by_result(ws_id: UUID, end: ChildEnd, result: Result) -> ChildReport:
    kind = kind_of_exit(ExitCode(result.exit_code))
    ending, code, status = _ENDINGS[kind], result.code, result.status.value
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
    }.get(halt, f"it was not started because of {halt}")
    return ChildReport(
        ws_id, None, Ending.NOT_STARTED, None, "not_started", "not_started", None, 0.0, reason
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def is_hopeless(children: Sequence[ChildReport]) -> bool:
    """Whether the last children all failed for one reason that the next ones will meet too."""
    last = children[-BREAKER:]
    alike = {(child.kind, child.code) for child in last}
    return len(last) == BREAKER and len(alike) == 1 and last[0].kind in _ALIKE


_ENDINGS: Final = {
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


def conclude(data: FanOutData) -> Outcome:
    """What the ends of all children amount to, by precedence.

    A broken child first; then what stopped the fan-out; then whether all, some or none failed.
    """
    if data.planned is not None:
        return Outcome(Kind.SUCCEEDED, "succeeded", (), data.warnings, _preview(data.planned))
    kind, code, said = _decide(data)
    problems = (said, *_problems(data.children)) if said else _problems(data.children)
    warnings = data.warnings
    if not data.children:
        nothing = "no workspace has an active Google account"
        warnings = (*warnings, Problem("no_workspaces", nothing))
    return Outcome(kind, code, problems, warnings, summarize(data.children))


def _decide(data: FanOutData) -> tuple[Kind, str, Problem | None]:
    broken = [child for child in data.children if child.ending is Ending.BUG]
    if broken:
        return Kind.BUG, broken[0].code, None
    if data.halt is not None:
        return _halted(data, data.halt)
    return *_weigh(data.children), None


def _halted(data: FanOutData, halt: Halt) -> tuple[Kind, str, Problem | None]:
    waiting = sum(child.ending is Ending.NOT_STARTED for child in data.children)
    rest = f"; {waiting} workspaces were not started" if waiting else ""
    match halt:
        case Halt.SIGINT:
            said = Problem("interrupted", f"the fan-out was stopped by SIGINT{rest}")
            return Kind.INTERRUPTED, said.code, said
        case Halt.SIGTERM:
            said = Problem("terminated", f"the fan-out was stopped by SIGTERM{rest}")
            return Kind.TERMINATED, said.code, said
        case Halt.DEADLINE:
            hint = "raise --deadline or --limit; the next run begins with those left out"
            said = Problem("deadline", f"the fan-out's time ran out{rest}", hint=hint)
            return Kind.TIMED_OUT, said.code, said
        case Halt.BREAKER:
            return _given_up(data.children, rest)


def _given_up(children: Sequence[ChildReport], rest: str) -> tuple[Kind, str, Problem | None]:
    failures = [child for child in children if child.kind in _ALIKE]
    last = failures[-1]
    said = Problem(
        last.code,
        f"{BREAKER} workspaces in a row failed alike: {last.error or last.code}{rest}",
        hint=last.hint,
    )
    return last.kind or Kind.UNAVAILABLE, last.code, said


def _weigh(children: Sequence[ChildReport]) -> tuple[Kind, str]:
    failures = [child for child in children if child.ending not in _NEUTRAL]
    if not failures:
        if children and all(child.ending is Ending.BUSY for child in children):
            return Kind.BUSY, "busy"
        return Kind.SUCCEEDED, "succeeded"
    if any(child.ending in _GOOD for child in children):
        return Kind.PARTIAL, "partial"
    kinds = {child.kind for child in failures}
    codes = {child.code for child in failures}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return Kind.FAILED, "failed"
    return kind, codes.pop() if len(codes) == 1 else kind.value


def _problems(children: Sequence[ChildReport]) -> tuple[Problem, ...]:
    """One per workspace that failed; never retryable, since each child has had its attempts."""
    broken_first = sorted(children, key=lambda child: (child.ending is not Ending.BUG, child.ws_id))
    return tuple(
        Problem(child.code, child.error or child.code, subject=str(child.ws_id), hint=child.hint)
        for child in broken_first
        if child.ending not in _NEUTRAL and child.ending is not Ending.NOT_STARTED
    )


def summarize(children: Sequence[ChildReport]) -> dict[str, Any]:
    """The fan-out's part of the result: counts that add up to ``total``, and every workspace."""
    counts = Counter(child.ending for child in children)
    return {
        "total": len(children),
        **{ending.value: counts[ending] for ending in Ending},
        "results": [
            child.to_json() for child in sorted(children, key=lambda child: str(child.ws_id))
        ],
    }


def _preview(planned: Sequence[Planned]) -> dict[str, Any]:
    return {
        "total": len(planned),
        "results": [
            {
                "position": position,
                "ws_id": str(one.ws_id),
                "last_success": one.last_success.isoformat() if one.last_success else None,
                "reason": one.reason,
            }
            for position, one in enumerate(planned, 1)
        ],
    }
