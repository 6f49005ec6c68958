"""What the ends of all children amount to. All pure.

Invariant: busy workspaces never make a fan-out worse, and whoever was not started is counted.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from tuturuuu_jobs.orchestration.model import (
    BREAKER,
    ChildReport,
    Ending,
    FanOutData,
    Halt,
    Planned,
)
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem

_ALIKE: Final = frozenset({Kind.UNAVAILABLE, Kind.CONFIG})
_GOOD: Final = frozenset({Ending.SUCCEEDED, Ending.PARTIAL})
_NEUTRAL: Final = frozenset({Ending.SUCCEEDED, Ending.BUSY, Ending.QUEUED})


def is_hopeless(children: Sequence[ChildReport]) -> bool:
    """Whether the last children all failed for one reason that the next ones will meet too."""
    last = children[-BREAKER:]
    alike = {(child.kind, child.code) for child in last}
    return len(last) == BREAKER and len(alike) == 1 and last[0].kind in _ALIKE


def conclude(data: FanOutData, nobody: str) -> Outcome:
    """What the ends of all children amount to, by precedence.

    A broken child first; then what stopped the fan-out; then whether all, some or none failed.

    Args:
        data: The fan-out.
        nobody: What to say if no workspace has work.
    """
    if data.planned is not None:
        warnings = data.warnings if data.planned else (*data.warnings, _nothing(nobody))
        return Outcome(Kind.SUCCEEDED, "succeeded", (), warnings, _preview(data.planned))
    kind, code, said = _decide(data)
    problems = (said, *_problems(data.children)) if said else _problems(data.children)
    warnings = data.warnings
    if not data.children:
        warnings = (*warnings, _nothing(nobody))
    return Outcome(kind, code, problems, warnings, summarize(data.children))


def _nothing(nobody: str) -> Problem:
    return Problem("no_workspaces", nobody)


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
    queued = sum(child.ending is Ending.QUEUED for child in data.children)
    rest += f"; {queued} workspaces are left to the workers" if queued else ""
    match halt:
        case Halt.SIGINT:
            said = Problem("interrupted", f"the fan-out was stopped by SIGINT{rest}")
            return Kind.INTERRUPTED, said.code, said
        case Halt.SIGTERM:
            said = Problem("terminated", f"the fan-out was stopped by SIGTERM{rest}")
            return Kind.TERMINATED, said.code, said
        case Halt.DEADLINE:
            hint = "raise --deadline or --limit; the next run begins with those left out"
            if queued:
                hint = "nothing is lost; see who works, and what waits: tuturuuu-jobs doctor"
            said = Problem("deadline", f"the fan-out's time ran out{rest}", hint=hint)
            return Kind.TIMED_OUT, said.code, said
        case Halt.BREAKER:
            return _given_up(data.children, rest)
        case Halt.LAUNCH:
            cause = data.failure or Problem("no_process", "no process can be started")
            said = dataclasses.replace(cause, message=f"{cause.message}{rest}", retryable=False)
            return Kind.UNAVAILABLE, said.code, said


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
