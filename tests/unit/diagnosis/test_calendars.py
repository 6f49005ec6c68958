"""How fresh is fresh, and who else writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tuturuuu_jobs.diagnosis.calendars import (
    Freshness,
    LostAccount,
    Trace,
    judge_accounts,
    judge_freshness,
    judge_traces,
    judge_zone_names,
)
from tuturuuu_jobs.diagnosis.findings import Severity

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
WS_ID = UUID(int=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def calendar(
    read: timedelta | None, full: timedelta | None = DAY, since: timedelta = 30 * DAY
) -> Freshness:
    def ago(age: timedelta | None) -> datetime | None:
        return None if age is None else NOW - age

    return Freshness(WS_ID, "team@example.test", NOW - since, ago(read), ago(full))


@pytest.mark.parametrize(
    ("row", "code", "severity"),
    [
        (calendar(HOUR), "calendars", Severity.OK),
        (calendar(3 * HOUR), "calendar_stale", Severity.WARNING),
        (calendar(2 * DAY), "calendar_stale", Severity.SERIOUS),
        (calendar(None, None, since=HOUR), "calendars", Severity.OK),
        (calendar(None, None, since=3 * HOUR), "calendar_stale", Severity.WARNING),
        (calendar(HOUR, 11 * DAY), "calendar_not_listed", Severity.WARNING),
        (calendar(HOUR, None), "calendars", Severity.OK),
    ],
)
def test_a_calendar_is_judged_by_the_age_of_what_is_known(
    row: Freshness, code: str, severity: Severity
) -> None:
    [found] = judge_freshness([row], NOW)

    assert (found.code, found.severity) == (code, severity)


def test_a_stale_calendar_is_not_told_twice() -> None:
    [found] = judge_freshness([calendar(3 * HOUR, 11 * DAY)], NOW)

    assert found.code == "calendar_stale"


def test_no_calendar_is_no_trouble() -> None:
    [found] = judge_freshness([], NOW)

    assert found.severity is Severity.OK


def trace(*, ours: bool, scheduled: bool) -> Trace:
    return Trace(WS_ID, "vercel_cron", ours=ours, scheduled=scheduled, last_at=NOW)


@pytest.mark.parametrize(
    ("traces", "code", "severity"),
    [
        ([], "one_writer", Severity.OK),
        ([trace(ours=True, scheduled=True)], "other_writer", Severity.SERIOUS),
        ([trace(ours=True, scheduled=False)], "other_writer_by_hand", Severity.NOTE),
        ([trace(ours=False, scheduled=True)], "app_still_syncs", Severity.NOTE),
        (
            [trace(ours=False, scheduled=True), trace(ours=True, scheduled=True)],
            "other_writer",
            Severity.SERIOUS,
        ),
    ],
)
def test_another_writer_matters_where_we_write_too(
    traces: list[Trace], code: str, severity: Severity
) -> None:
    [found] = judge_traces(traces)

    assert (found.code, found.severity) == (code, severity)


def test_lost_accounts_are_one_finding_that_names_their_workspaces() -> None:
    lost = [LostAccount(UUID(int=7), WS_ID), LostAccount(UUID(int=8), WS_ID)]

    [found] = judge_accounts(lost)

    assert found.what.startswith("2 Google accounts")
    assert found.what.count(str(WS_ID)) == 1


def test_known_zones_are_not_worth_a_word() -> None:
    assert list(judge_zone_names([])) == []
