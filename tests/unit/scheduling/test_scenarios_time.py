"""The numbered scenarios about zones and days whose clocks change."""

from __future__ import annotations

from tests.unit.scheduling.building import H, T, findings, snapshot, times
from tuturuuu_jobs.scheduling.plan import plan


def test_40_an_ideal_time_that_clocks_skip_is_an_hour_later_on_the_clock() -> None:
    habit = H("A", 60, ideal="02:30", start="2026-03-07", end="2026-03-09")
    result = plan(
        snapshot(habit, now="2026-03-06 12:00", zone="America/New_York", hours="00:00-06:00")
    )
    assert times(result, habit) == [
        "Mar 7 07:30-08:30",
        "Mar 8 07:30-08:30",
        "Mar 9 06:30-07:30",
    ]


def test_41_the_repeated_hour_can_be_worked_in() -> None:
    task = T("A", 300)
    result = plan(
        snapshot(task, now="2026-10-31 12:00", zone="America/New_York", hours="00:00-04:00")
    )
    assert times(result, task) == ["Nov 1 04:00-09:00"]


def test_42_the_skipped_hour_cannot() -> None:
    task = T("A", 240)
    result = plan(
        snapshot(task, now="2026-03-07 12:00", zone="America/New_York", hours="00:00-04:00")
    )
    assert times(result, task) == ["Mar 9 04:00-08:00"]


def test_43_a_block_inside_the_skipped_hour_is_no_hours_that_day() -> None:
    habit = H("A", 30, ideal="02:00", start="2026-03-28", end="2026-03-30")
    result = plan(
        snapshot(habit, now="2026-03-27 12:00", zone="Europe/Berlin", hours="02:00-03:00")
    )
    assert times(result, habit) == ["Mar 28 01:00-01:30", "Mar 30 00:00-00:30"]
    assert findings(result) == ["A Mar 29 no_hours 30"]


def test_44_a_day_without_midnight_begins_at_one() -> None:
    habit = H("A", 60, ideal="01:00", start="2026-04-24", end="2026-04-24")
    result = plan(snapshot(habit, now="2026-04-22 12:00", zone="Africa/Cairo", hours="00:00-02:00"))
    assert times(result, habit) == ["Apr 23 22:00-23:00"]
    task = T("B", 120, start="2026-04-23 20:00")
    result = plan(snapshot(task, now="2026-04-22 12:00", zone="Africa/Cairo", hours="00:00-02:00"))
    assert times(result, task) == ["Apr 24 21:00-23:00"]


def test_48_hours_are_read_on_the_clocks_of_the_zone() -> None:
    habit = H("A", 30, ideal="09:00", start="2026-01-06", end="2026-01-06")
    result = plan(snapshot(habit, zone="Asia/Ho_Chi_Minh"))
    assert times(result, habit) == ["Jan 6 02:00-02:30"]
