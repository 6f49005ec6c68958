"""Who is scheduled lately, in a known zone, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tuturuuu_jobs.diagnosis.findings import Severity
from tuturuuu_jobs.diagnosis.schedules import (
    Planner,
    Schedulable,
    judge_planners,
    judge_schedules,
)

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRESH = Schedulable(UUID(int=1), NOW - HOUR)


def told(*workspaces: Schedulable) -> list[tuple[str, Severity]]:
    return [(one.code, one.severity) for one in judge_schedules(list(workspaces), NOW)]


@pytest.mark.parametrize(
    ("age", "severity"),
    [(7 * HOUR, Severity.WARNING), (25 * HOUR, Severity.SERIOUS), (None, Severity.WARNING)],
)
def test_a_workspace_that_waits_is_judged_by_how_long(
    age: timedelta | None, severity: Severity
) -> None:
    late = Schedulable(UUID(int=2), NOW - age if age else None)

    assert told(FRESH, late) == [("schedule_stale", severity)]


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (HOUR, ("schedules", Severity.OK)),
        (7 * HOUR, ("schedule_stale", Severity.WARNING)),
        (25 * HOUR, ("schedule_stale", Severity.SERIOUS)),
    ],
)
def test_a_workspace_that_was_never_scheduled_waits_since_it_was_made(
    age: timedelta, expected: tuple[str, Severity]
) -> None:
    assert told(FRESH, Schedulable(UUID(int=2), None, created_at=NOW - age)) == [expected]


def test_an_installation_that_schedules_nothing_is_told_nothing() -> None:
    assert told() == []
    assert told(Schedulable(UUID(int=2), None)) == []


def test_all_fresh_is_one_line() -> None:
    assert told(FRESH, FRESH) == [("schedules", Severity.OK)]


def test_a_workspace_without_a_zone_is_named_and_not_called_stale() -> None:
    homeless = Schedulable(UUID(int=2), None, zoned=False)

    assert told(FRESH, homeless) == [
        ("schedule_without_zone", Severity.WARNING),
        ("schedules", Severity.OK),
    ]


def test_hours_that_cannot_be_read_are_named() -> None:
    [finding, _] = judge_schedules([Schedulable(UUID(int=2), NOW, True, ("WORK",))], NOW)

    assert (finding.code, f"WORK of {UUID(int=2)}" in finding.what) == ("hours_unreadable", True)


@pytest.mark.parametrize(
    ("ours", "code"), [(True, "other_planner"), (False, "app_still_schedules")]
)
def test_another_planner_matters_where_we_plan_too(*, ours: bool, code: str) -> None:
    [finding] = judge_planners([Planner(UUID(int=1), NOW, ours)])

    assert finding.code == code
    assert list(judge_planners([])) == []
