"""Whose limit a request counts against, and whom a refusal stops for how long."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from uuid import UUID

import pytest

from tuturuuu_jobs.runtime.quota.buckets import HOLD_S, LONGEST_BLOCK_S
from tuturuuu_jobs.sync.model import Account, Tokens
from tuturuuu_jobs.sync.quota import MINUTE_S, Limit, Quotas, plan_block
from tuturuuu_jobs.sync.refusals import Refusal

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
CLIENT = "client.apps.example.test"


def account(number: int, email: str | None) -> Account:
    return Account(UUID(int=number), Tokens("a", "r", None), email)


def name_of(limit: Limit, number: int, email: str | None, client_id: str = CLIENT) -> str:
    return Quotas().buckets(client_id, account(number, email))[limit].name


def test_the_project_comes_first_for_everybody() -> None:
    assert list(Quotas().buckets(CLIENT, account(1, None))) == [Limit.PROJECT, Limit.ACCOUNT]


def test_an_account_is_one_in_every_workspace_and_its_address_is_not_shown() -> None:
    here = name_of(Limit.ACCOUNT, 1, "Ada@Example.test ")
    assert here == name_of(Limit.ACCOUNT, 2, "ada@example.test")
    assert here != name_of(Limit.ACCOUNT, 1, "bob@example.test")
    assert here != name_of(Limit.ACCOUNT, 1, "ada@example.test", "other client")
    assert "ada" not in here
    assert "example" not in here
    assert len(here) <= 40


def test_an_account_without_an_address_goes_by_its_row() -> None:
    assert name_of(Limit.ACCOUNT, 1, None) == name_of(Limit.ACCOUNT, 1, "")
    assert name_of(Limit.ACCOUNT, 1, None) != name_of(Limit.ACCOUNT, 2, None)


def test_all_accounts_of_a_client_share_its_project() -> None:
    assert name_of(Limit.PROJECT, 1, "a@x.test") == name_of(Limit.PROJECT, 2, "b@x.test")
    assert name_of(Limit.PROJECT, 1, None) != name_of(Limit.PROJECT, 1, None, "other client")
    assert "client" not in name_of(Limit.PROJECT, 1, None)


@pytest.mark.parametrize(
    ("quotas", "limits"),
    [
        (Quotas(0, 600), [Limit.ACCOUNT]),
        (Quotas(10_000, 0), [Limit.PROJECT]),
        (Quotas(0, 0), []),
    ],
)
def test_a_limit_that_is_off_has_no_bucket(quotas: Quotas, limits: list[Limit]) -> None:
    assert list(quotas.buckets(CLIENT, account(1, None))) == limits


def test_a_burst_and_a_minute_of_refills_stay_within_the_limit() -> None:
    for bucket, limit in zip(
        Quotas().buckets(CLIENT, account(1, None)).values(), (10_000, 600), strict=True
    ):
        assert bucket.capacity + bucket.per_second * (60 + HOLD_S) == pytest.approx(limit)
        assert bucket.per_second * 60 >= 0.8 * limit


SLOW = Refusal(403, "rateLimitExceeded", "", about_sync_token=False, retry_after_s=None)
PROJECT, ACCOUNT = Limit.PROJECT, Limit.ACCOUNT


@pytest.mark.parametrize(
    ("status", "reason", "retry_after_s", "failures", "expected"),
    [
        (403, "userRateLimitExceeded", None, 1, (ACCOUNT, 2.0)),
        (403, "userRateLimitExceeded", None, 4, (ACCOUNT, 16.0)),
        (403, "userRateLimitExceeded", None, 2000, (ACCOUNT, 32.0)),
        (429, "userRateLimitExceeded", 77.0, 1, (ACCOUNT, 77.0)),
        (429, "userRateLimitExceeded", 1e9, 1, (ACCOUNT, LONGEST_BLOCK_S)),
        (403, "rateLimitExceeded", None, 2, (PROJECT, 4.0)),
        (403, "RATE_LIMIT_EXCEEDED", 9.0, 1, (PROJECT, 9.0)),
        (429, "", None, 1, (PROJECT, 2.0)),
        (429, "", 0.0, 1, (PROJECT, 0.0)),
        (429, "rateLimitExceeded", 1e9, 1, (PROJECT, MINUTE_S)),
        (403, "dailyLimitExceeded", None, 1, (PROJECT, LONGEST_BLOCK_S)),
        (403, "quotaExceeded", 60.0, 1, None),
        (403, "forbidden", 60.0, 1, None),
        (503, "rateLimitExceeded", 60.0, 1, None),
        (404, "notFound", None, 1, None),
    ],
)
def test_a_refusal_stops_whom_it_is_about_and_not_for_ever(
    status: int,
    reason: str,
    retry_after_s: float | None,
    failures: int,
    expected: tuple[Limit, float] | None,
) -> None:
    refusal = dataclasses.replace(SLOW, status=status, reason=reason, retry_after_s=retry_after_s)
    assert plan_block(refusal, failures, NOON) == expected


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        (datetime(2026, 11, 26, 7, 59, tzinfo=UTC), 60.0),
        (datetime(2026, 11, 26, 8, 0, tzinfo=UTC), LONGEST_BLOCK_S),
        (datetime(2026, 7, 1, 6, 30, tzinfo=UTC), 1800.0),
        # The nights in which the clocks there change.
        (datetime(2026, 11, 2, 7, 50, tzinfo=UTC), 600.0),
        (datetime(2026, 3, 9, 6, 50, tzinfo=UTC), 600.0),
    ],
)
def test_a_spent_day_ends_at_googles_midnight(now: datetime, seconds: float) -> None:
    daily = dataclasses.replace(SLOW, reason="dailyLimitExceeded")
    assert plan_block(daily, 1, now) == (PROJECT, seconds)
