"""What the end of a child means for what was asked for. All pure."""

from __future__ import annotations

import dataclasses
from typing import Final

from tuturuuu_jobs.fleet.requests import MOST_TRIES, Claimed
from tuturuuu_jobs.orchestration.judging import judge
from tuturuuu_jobs.runtime.children import ChildEnd, Stop
from tuturuuu_jobs.runtime.outcome import Status
from tuturuuu_jobs.runtime.settling import UNSETTLED

GOOD: Final = frozenset({Status.SUCCEEDED.value, Status.EXPIRED.value})
"""How a request ends that nobody needs to look at."""

_LONGEST_WAIT_S: Final = 60.0
_BUSY_S: Final = 1.0
_PAUSED_S: Final = 5.0
_AWAY_S: Final = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a request.

    Attributes:
        status: How its run ended, in the words of the ledger.
        code: The cause.
        error: What went wrong, in words.
        again_s: Seconds until it may be begun anew; None: it is over.
        spent: Whether that beginning counts as one of its tries.
    """

    status: str
    code: str
    error: str | None = None
    again_s: float | None = None
    spent: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nobody needs to look."""
        return self.status in GOOD


def weigh(end: ChildEnd, claimed: Claimed, chance: float) -> Verdict:
    """Whether a request is over with this end of its child, or is to be begun anew.

    Args:
        end: The child's.
        claimed: What it worked for.
        chance: From 0 to 1: spreads those that failed together.
    """
    report = judge(claimed.ws_id, end)
    over = Verdict(report.status, report.code, report.error)
    if end.stopped is Stop.DRAIN and report.status in {Status.INTERRUPTED, Status.CRASHED}:
        return dataclasses.replace(over, again_s=0.0)
    match report.status:
        case Status.SKIPPED:
            wait_s = _PAUSED_S if report.code == "paused" else _BUSY_S
            return dataclasses.replace(over, again_s=wait_s * (1 + chance))
        case Status.UNAVAILABLE if _found_no_ledger(end):
            return dataclasses.replace(over, again_s=_AWAY_S * (1 + chance))
        case Status.UNAVAILABLE | Status.INTERRUPTED:
            return _once_more(over, claimed, chance)
        case Status.CRASHED if not end.out_of_memory:
            return _once_more(over, claimed, chance)
        case _:
            return over


def _found_no_ledger(end: ChildEnd) -> bool:
    """Whether the database was away to the last: for as long as that takes, nobody is to blame."""
    result = end.result
    return result is not None and any(one.code == UNSETTLED for one in result.warnings)


def _once_more(over: Verdict, claimed: Claimed, chance: float) -> Verdict:
    if claimed.tries + 1 >= MOST_TRIES:
        return over
    wait_s = min(_LONGEST_WAIT_S, 2.0 ** (claimed.tries + 1) * (1 + chance))
    return dataclasses.replace(over, again_s=wait_s, spent=True)
