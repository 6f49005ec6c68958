"""The tokens that one run has in hand: taken a few at a time, spent one by one.

A run that needs one token takes one; a run that goes on takes twice as many each time, up to ten,
so that a token costs a tenth of a statement and an idle run costs one in all. Tokens that were kept
too long are not spent: the limit's minute would see them beside those of others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from tuturuuu_jobs.errors import JobError, QuotaSpentError
from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.runtime.quota.buckets import HOLD_S, Bucket, Buckets, LocalBuckets
from tuturuuu_jobs.runtime.retry import fits

BATCH: Final = 10
"""The most tokens taken at once, and so the most that a killed run takes with it."""

_WORTH_RETURNING: Final = 3
_NO_WAIT_S: Final = 0.001

Ask = Callable[[Callable[[], float]], float]
"""Does work where the connection of the buckets may be used, and gives its answer."""


class Allowance:
    """Spends from buckets that others spend from too. Used by one thread at a time.

    Attributes:
        waited_s: Seconds slept for tokens so far.
    """

    def __init__(
        self,
        buckets: Buckets,
        named: Sequence[Bucket],
        *,
        clock: Clock,
        deadline: Deadline,
        expected: int = 1,
        ask: Ask = lambda work: work(),
        on_wait: Callable[[float], None] = lambda _: None,
        on_loss: Callable[[JobError], None] = lambda _: None,
    ) -> None:
        """Take nothing yet.

        Args:
            buckets: Where tokens are taken; given up for a local bucket once it fails.
            named: The buckets that each token comes from, in an order that all processes share.
            clock: Measures how long tokens are kept, and sleeps.
            deadline: Waiting spends it.
            expected: How many tokens will probably be spent.
            ask: Every use of ``buckets`` goes through it.
            on_wait: Told the seconds before a wait, where ``buckets`` may be used.
            on_loss: Told why ``buckets`` were given up.
        """
        self._buckets = buckets
        self._named = tuple(named)
        self._clock = clock
        self._deadline = deadline
        self._ask = ask
        self._on_wait = on_wait
        self._on_loss = on_loss
        self._most = max(1, min([BATCH, *(int(bucket.capacity) for bucket in named)]))
        self._next = max(1, min(self._most, expected))
        self._left, self._size = 0, 0
        self._stale_at = 0.0
        self.waited_s = 0.0

    def spend(self) -> None:
        """Spend one token, waiting for it if need be.

        Raises:
            QuotaSpentError: The deadline leaves no time for the wait; nothing stays reserved.
        """
        if self._left == 0 or self._clock.monotonic() >= self._stale_at:
            self._restock()
        self._left -= 1

    def block(self, bucket: Bucket, seconds: float) -> None:
        """The other side refused: nobody spends from that bucket for so long, we included."""
        self._left, self._next = 0, 1
        self._ask(lambda: self._try(lambda: self._block(bucket, seconds)))

    def give_back(self) -> None:
        """Return what is left, if that is worth a statement; for the end of the work."""
        left, self._left = self._left, 0
        if left >= _WORTH_RETURNING and self._clock.monotonic() < self._stale_at:
            self._ask(lambda: self._try(lambda: self._buckets.take(self._named, -left)))

    def _restock(self) -> None:
        if self._left:
            # They grew too old: the requests come slower than that.
            self._next = max(1, self._size - self._left)
        size, self._left = self._next, 0
        wait_s = self._ask(lambda: self._reserve(size))
        if wait_s > 0:
            self._clock.sleep(wait_s)
            # Who waited long is perhaps not wanted any more; then this raises.
            self.waited_s += self._ask(lambda: wait_s)
        self._left, self._size, self._next = size, size, min(self._most, 2 * size)
        self._stale_at = self._clock.monotonic() + HOLD_S

    def _reserve(self, size: int) -> float:
        wait_s = self._try(lambda: self._buckets.take(self._named, size))
        if wait_s < _NO_WAIT_S:
            return 0.0
        if not fits(wait_s, self._deadline.remaining()):
            self._try(lambda: self._buckets.take(self._named, -size))
            raise QuotaSpentError(
                f"the request quota has no room before the deadline: {wait_s:.0f} s to wait",
                code="quota_wait",
                hint="the next run goes on; tuturuuu-jobs doctor shows who is asked to wait",
                retry_after_s=wait_s,
            )
        self._on_wait(wait_s)
        return wait_s

    def _block(self, bucket: Bucket, seconds: float) -> float:
        self._buckets.block(bucket, seconds)
        return 0.0

    def _try(self, work: Callable[[], float]) -> float:
        """The work on the shared buckets, or on local ones from the first failure on."""
        try:
            return work()
        except JobError as error:
            if isinstance(self._buckets, LocalBuckets):
                raise
            self._on_loss(error)
        self._buckets = LocalBuckets(self._clock)
        return work()
