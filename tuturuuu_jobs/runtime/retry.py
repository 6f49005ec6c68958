"""How long to wait before trying again: arithmetic only, no sleeping, no clock.

Invariant: every wait is bounded, and a wait that leaves too little of the deadline is never begun.
"""

from __future__ import annotations

import random
from typing import Final

ATTEMPT_CAP_S: Final = 10.0
REQUEST_CAP_S: Final = 32.0
MIN_USEFUL_S: Final = 5.0

# 2**n of a large n overflows a float; beyond this every cap has long been reached.
_MAX_EXPONENT: Final = 32


def attempt_wait(failures: int, rng: random.Random) -> float:
    """Seconds before the next attempt of a run: between 2**(n-1) and twice that, at most 10.

    Args:
        failures: Attempts that have failed so far, at least 1.
        rng: Spreads runs that failed at the same moment.
    """
    spread = 1.0 + rng.random()
    return min(ATTEMPT_CAP_S, spread * 2.0 ** min(failures - 1, _MAX_EXPONENT))


def request_wait(failures: int, rng: random.Random) -> float:
    """Seconds before the same request is sent again: anything from 0 to 2**n, at most 32.

    Starting at zero ("full jitter") spreads a herd of clients better than a factor does.
    """
    return rng.random() * min(REQUEST_CAP_S, 2.0 ** min(failures, _MAX_EXPONENT))


def with_retry_after(wait_s: float, retry_after_s: float | None, rng: random.Random) -> float:
    """The wait if the other side named a lower bound, with up to a second of spread on top."""
    if retry_after_s is None:
        return wait_s
    return max(wait_s, retry_after_s) + rng.random()


def fits(wait_s: float, remaining_s: float, min_useful_s: float = MIN_USEFUL_S) -> bool:
    """Whether waiting still leaves enough of the deadline to do something useful."""
    return wait_s + min_useful_s <= remaining_s
