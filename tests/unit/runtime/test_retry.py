import random

from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.runtime.retry import (
    ATTEMPT_CAP_S,
    REQUEST_CAP_S,
    attempt_wait,
    fits,
    request_wait,
    with_retry_after,
)

randoms = st.integers(0, 2**32).map(random.Random)
failures = st.integers(1, 10_000)


@given(failures, randoms)
def test_an_attempts_wait_doubles_and_stays_under_its_cap(n: int, rng: random.Random) -> None:
    wait = attempt_wait(n, rng)
    assert min(ATTEMPT_CAP_S, 2.0 ** min(n - 1, 32)) <= wait <= ATTEMPT_CAP_S
    assert wait <= 2.0 ** min(n, 32)


@given(failures, randoms)
def test_a_requests_wait_starts_at_zero_and_stays_under_its_cap(n: int, rng: random.Random) -> None:
    assert 0 <= request_wait(n, rng) <= min(REQUEST_CAP_S, 2.0 ** min(n, 32))


@given(st.floats(0, 100), st.none() | st.floats(0, 10_000), randoms)
def test_what_the_other_side_asks_for_is_a_lower_bound(
    wait: float, asked: float | None, rng: random.Random
) -> None:
    total = with_retry_after(wait, asked, rng)
    if asked is None:
        assert total == wait
    else:
        assert max(wait, asked) <= total <= max(wait, asked) + 1


def test_a_wait_that_leaves_nothing_useful_does_not_fit() -> None:
    assert fits(5, 10)
    assert not fits(5.1, 10)
    assert not fits(0, 0)


def test_two_attempts_after_the_first_wait_at_most_six_seconds() -> None:
    assert all(
        attempt_wait(1, random.Random(seed)) + attempt_wait(2, random.Random(seed)) <= 6
        for seed in range(1000)
    )
