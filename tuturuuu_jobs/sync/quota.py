"""Google's limits on requests: whose they are, and what a refusal says about them.

Google counts by project and, within it, by the account that asks, whoever owns the calendar; both
a minute, with a window that slides ("Manage quotas" of the Calendar API). One account may be
connected in several workspaces and is still one.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.quota.allowance import Allowance, Ask
from tuturuuu_jobs.runtime.quota.buckets import (
    LONGEST_BLOCK_S,
    Bucket,
    LocalBuckets,
    SharedBuckets,
    per_minute,
)
from tuturuuu_jobs.runtime.retry import REQUEST_CAP_S
from tuturuuu_jobs.sync.model import Account
from tuturuuu_jobs.sync.refusals import Refusal

PACIFIC: Final = "America/Los_Angeles"
"""Google's days end at midnight there."""

MINUTE_S: Final = 60.0

_SLOW_DOWN: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})


class Limit(Enum):
    """Whose limit a request counts against."""

    PROJECT = auto()
    ACCOUNT = auto()


@dataclasses.dataclass(frozen=True, slots=True)
class Quotas:
    """Requests a minute that Google allows; 0 means that nobody counts them.

    Attributes:
        now: The time by which everybody's buckets fill; None for the database server's clock.
    """

    project: int = 10_000
    account: int = 600
    now: Callable[[], datetime] | None = None

    def buckets(self, client_id: str, account: Account) -> dict[Limit, Bucket]:
        """The buckets of one account's requests, in the order in which everybody takes."""
        owner = account.email.strip().lower() if account.email else str(account.id)
        named = {
            Limit.PROJECT: (f"google-project-{_digest(client_id)}", self.project),
            Limit.ACCOUNT: (f"google-account-{_digest(client_id, owner)}", self.account),
        }
        return {limit: per_minute(name, n) for limit, (name, n) in named.items() if n}


def _digest(*parts: str) -> str:
    """A name that is the same in every workspace and shows nobody's address."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def plan_block(refusal: Refusal, failures: int, now: datetime) -> tuple[Limit, float] | None:
    """Whom a refusal should stop, and for how many seconds; None if it is about no limit.

    What Google asks for, else the longest back-off after so many failures. Bounds keep one odd
    answer from stopping an installation: a minute for the project, whose window is no longer, and
    an hour for one account. A spent day stops the project until Google's midnight, but for no more
    than an hour at once, so that a quota that was raised meanwhile is noticed.

    Args:
        refusal: Google's answer.
        failures: How often the request was refused, at least 1.
        now: The wall clock, aware.
    """
    if refusal.status == 403 and refusal.reason == "dailyLimitExceeded":
        return Limit.PROJECT, min(LONGEST_BLOCK_S, _until_midnight(now))
    if refusal.status != 429 and not (refusal.status == 403 and refusal.reason in _SLOW_DOWN):
        return None
    wait_s = refusal.retry_after_s
    if wait_s is None:
        wait_s = min(REQUEST_CAP_S, 2.0 ** min(failures, 10))
    if refusal.reason == "userRateLimitExceeded":
        return Limit.ACCOUNT, min(LONGEST_BLOCK_S, wait_s)
    return Limit.PROJECT, min(MINUTE_S, wait_s)


def _until_midnight(now: datetime) -> float:
    here = now.astimezone(ZoneInfo(PACIFIC))
    midnight = (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - now).total_seconds()


class Meter:
    """Counts one account's requests against the limits, before they are sent."""

    def __init__(self, allowance: Allowance, buckets: dict[Limit, Bucket], clock: Clock) -> None:
        self._allowance = allowance
        self._buckets = buckets
        self._clock = clock

    @property
    def waited_s(self) -> float:
        """Seconds that requests had to wait."""
        return self._allowance.waited_s

    def spend(self) -> None:
        """Wait until one more request may be sent.

        Raises:
            QuotaSpentError: That would be too late for the deadline.
        """
        self._allowance.spend()

    def note(self, refusal: Refusal, failures: int) -> float:
        """Tell everybody if Google asks to slow down; for how many seconds."""
        planned = plan_block(refusal, failures, self._clock.now())
        if planned is None or planned[0] not in self._buckets:
            return 0.0
        limit, seconds = planned
        self._allowance.block(self._buckets[limit], seconds)
        return seconds

    def close(self) -> None:
        """Let others have what was not used."""
        self._allowance.give_back()


def open_meter(
    quotas: Quotas,
    client_id: str,
    account: Account,
    ctx: RunContext[Any],
    *,
    ask: Ask,
    expected: int = 1,
    shared: bool = True,
) -> Meter | None:
    """The meter of one account for one attempt; None if no limit is to be counted.

    Args:
        quotas: The limits.
        client_id: The OAuth client, which stands for Google's project.
        account: Whose requests they are.
        ctx: Of the attempt.
        ask: How a request's thread has the run's connection used.
        expected: How many requests there will be if nothing has changed at Google.
        shared: Use the buckets of the schema ``jobs``; a preview must not, it writes nothing.
    """
    buckets = quotas.buckets(client_id, account)
    if not buckets:
        return None

    def waiting(wait_s: float) -> None:
        ctx.progress(Progress(f"waiting {wait_s:.0f} s for Google's request quota"))
        ctx.log.info("waiting %.1f s for Google's request quota", wait_s)

    def lost(error: JobError) -> None:
        ctx.log.warning("the shared request quota is not used: %s", error.message)

    allowance = Allowance(
        SharedBuckets(ctx.connection, quotas.now) if shared else LocalBuckets(ctx.clock),
        tuple(buckets.values()),
        clock=ctx.clock,
        deadline=ctx.deadline,
        expected=expected,
        ask=ask,
        on_wait=waiting,
        on_loss=lost,
    )
    return Meter(allowance, buckets, ctx.clock)
