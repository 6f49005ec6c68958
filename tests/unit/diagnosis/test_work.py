"""Which runs are in trouble."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tuturuuu_jobs.diagnosis.findings import Severity
from tuturuuu_jobs.diagnosis.work import (
    Failing,
    Skipped,
    Underway,
    judge_failing,
    judge_queues,
    judge_skipped,
    judge_underway,
)
from tuturuuu_jobs.runtime.queues import QueueState

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run(deadline: timedelta | None, *, alive: bool | None) -> Underway:
    at = None if deadline is None else NOW + deadline
    return Underway(UUID(int=5), "google-calendar-sync-1", "host", at, alive)


@pytest.mark.parametrize(
    ("one", "code", "severity"),
    [
        (run(MINUTE, alive=True), "runs_underway", Severity.OK),
        (run(-MINUTE, alive=True), "runs_underway", Severity.OK),
        (run(-3 * MINUTE, alive=True), "run_overdue", Severity.SERIOUS),
        (run(-3 * MINUTE, alive=None), "run_overdue", Severity.SERIOUS),
        (run(None, alive=None), "runs_underway", Severity.OK),
        (run(-3 * MINUTE, alive=False), "run_lost", Severity.WARNING),
    ],
)
def test_a_run_under_way_is_judged_by_its_process_and_its_deadline(
    one: Underway, code: str, severity: Severity
) -> None:
    [found] = judge_underway([one], NOW)

    assert (found.code, found.severity) == (code, severity)


def failing(code: str, key: str, age: timedelta, message: str | None = None) -> Failing:
    cause = message.encode() if message else None
    return Failing("sync", key, "failed", code, NOW - age, cause, message)


def test_failures_are_grouped_by_job_and_code() -> None:
    hour = timedelta(hours=1)
    rows = [failing("a", "k1", hour), failing("a", "k2", hour), failing("b", "k3", hour)]

    first, second = judge_failing(rows, NOW)

    assert (first.subject, second.subject) == ("a", "b")
    assert "2 keys: k1, k2" in first.what
    assert first.severity is Severity.WARNING


def test_two_causes_with_one_code_are_two_findings() -> None:
    hour = timedelta(hours=1)
    rows = [failing("bug", "k1", hour, "KeyError"), failing("bug", "k2", hour, "OSError")]

    first, second = judge_failing(rows, NOW)

    assert ("k1" in first.what, "KeyError" in first.what) == (True, True)
    assert ("k2" in second.what, "OSError" in second.what) == (True, True)


def test_a_day_without_success_is_serious() -> None:
    [found] = judge_failing([failing("a", "k1", timedelta(hours=25))], NOW)

    assert found.severity is Severity.SERIOUS


def test_no_failure_is_good() -> None:
    [found] = judge_failing([], NOW)

    assert found.severity is Severity.OK


@pytest.mark.parametrize(
    ("taken", "paused", "code"),
    [
        (1, None, "queue"),
        (5, None, "queue_full"),
        (5, NOW + MINUTE, "queue_paused"),
    ],
)
def test_a_queue_is_open_full_or_paused(taken: int, paused: datetime | None, code: str) -> None:
    [found] = judge_queues([QueueState("schedule", 5, taken, paused, "ada", "moving house")])

    assert found.code == code
    assert ("moving house" in found.what) == (code == "queue_paused")


def test_a_key_that_is_busy_again_and_again_is_named() -> None:
    [found] = judge_skipped([Skipped("google-calendar-sync-1", 9)])

    assert "google-calendar-sync-1 (9 times)" in found.what
