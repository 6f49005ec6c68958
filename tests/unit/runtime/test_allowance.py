"""Tokens in hand: how many are taken at once, how long they are good for, and what ends a wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from typing_extensions import override

from tuturuuu_jobs.errors import QuotaSpentError
from tuturuuu_jobs.runtime.clock import Deadline
from tuturuuu_jobs.runtime.quota.allowance import BATCH, Allowance
from tuturuuu_jobs.runtime.quota.buckets import HOLD_S, Bucket, LocalBuckets
from tuturuuu_jobs.testing.clock import VirtualClock

WIDE = Bucket("wide", 1000.0, 100.0)
NARROW = Bucket("narrow", 4.0, 1.0)


class Listed(LocalBuckets):
    """Buckets that also keep a list of what was taken."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.takes: list[int] = []

    @override
    def take(self, buckets: Sequence[Bucket], tokens: int) -> float:
        self.takes.append(tokens)
        return super().take(buckets, tokens)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def spend(allowance: Allowance, times: int) -> None:
    for _ in range(times):
        allowance.spend()


def make(
    clock: VirtualClock, *named: Bucket, expected: int = 1, deadline_s: float = 3600.0
) -> tuple[Allowance, Listed, list[float]]:
    buckets, waits = Listed(clock), list[float]()
    allowance = Allowance(
        buckets,
        named or (WIDE,),
        clock=clock,
        deadline=Deadline.after(clock, deadline_s),
        expected=expected,
        on_wait=waits.append,
    )
    return allowance, buckets, waits


def test_one_request_takes_one_token_and_gives_nothing_back(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock)
    spend(allowance, 1)
    allowance.give_back()
    assert buckets.takes == [1]


def test_as_many_as_are_expected_are_taken_at_once(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock, expected=3)
    spend(allowance, 3)
    allowance.give_back()
    assert buckets.takes == [3]


def test_who_goes_on_takes_twice_as_many_each_time_up_to_ten(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock)
    spend(allowance, 36)
    assert buckets.takes == [1, 2, 4, 8, BATCH, BATCH, BATCH]


def test_a_batch_is_never_more_than_a_bucket_holds(clock: VirtualClock) -> None:
    allowance, buckets, waits = make(clock, WIDE, NARROW, expected=50)
    spend(allowance, 8)
    assert buckets.takes == [4, 4]
    assert waits == clock.sleeps == [4.0]
    assert allowance.waited_s == 4.0


def test_much_that_is_left_is_given_back_and_little_is_not_worth_it(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock, expected=10)
    spend(allowance, 7)
    allowance.give_back()
    allowance.give_back()
    assert buckets.takes == [10, -3]
    allowance, buckets, _ = make(clock, expected=10)
    spend(allowance, 8)
    allowance.give_back()
    assert buckets.takes == [10]


def test_tokens_grow_old_and_who_is_slow_takes_fewer(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock, expected=8)
    spend(allowance, 3)
    clock.advance(timedelta(seconds=HOLD_S))
    spend(allowance, 1)
    assert buckets.takes == [8, 3]
    clock.advance(timedelta(seconds=HOLD_S))
    spend(allowance, 1)
    assert buckets.takes == [8, 3, 1]


def test_what_grew_old_is_not_given_back(clock: VirtualClock) -> None:
    allowance, buckets, _ = make(clock, expected=8)
    spend(allowance, 1)
    clock.advance(timedelta(seconds=HOLD_S))
    allowance.give_back()
    assert buckets.takes == [8]


def test_a_wait_beyond_the_deadline_is_not_begun_and_reserves_nothing(clock: VirtualClock) -> None:
    allowance, buckets, waits = make(clock, NARROW, expected=4, deadline_s=8.0)
    spend(allowance, 4)
    with pytest.raises(QuotaSpentError) as caught:
        spend(allowance, 1)
    assert caught.value.code == "quota_wait"
    assert (caught.value.retry_after_s, caught.value.retryable) == (4.0, False)
    assert buckets.takes == [4, 4, -4]
    assert waits == clock.sleeps == []
    assert allowance.waited_s == 0.0


def test_a_refusal_empties_the_hand_and_stops_everybody(clock: VirtualClock) -> None:
    allowance, buckets, waits = make(clock, expected=10)
    spend(allowance, 2)
    allowance.block(WIDE, 30.0)
    spend(allowance, 1)
    assert buckets.takes == [10, 1]
    assert waits == clock.sleeps == [30.0]


def test_everything_that_touches_the_buckets_is_asked_for(clock: VirtualClock) -> None:
    asked: list[float] = []

    def ask(work: Callable[[], float]) -> float:
        asked.append(work())
        return asked[-1]

    allowance = Allowance(
        LocalBuckets(clock), [NARROW], clock=clock, deadline=Deadline.after(clock, 60), ask=ask
    )
    spend(allowance, 4)
    allowance.block(NARROW, 5.0)
    # Two takes and a block; a wait is asked for twice, before it and after.
    assert asked == [0.0, 0.0, 3.0, 3.0, 0.0]
