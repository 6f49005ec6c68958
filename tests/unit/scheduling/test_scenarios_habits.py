"""The numbered scenarios about habits: where instances go, and when there are none."""

from __future__ import annotations

from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.building import (
    CRITICAL,
    HIGH,
    LOW,
    H,
    changes,
    codes,
    done,
    event,
    findings,
    locked,
    on,
    only_free,
    skip,
    snapshot,
    times,
)
from tuturuuu_jobs.scheduling.decisions import Level, Plan
from tuturuuu_jobs.scheduling.model import Band, Frequency, HoursType, MonthlyKind, Rule, State
from tuturuuu_jobs.scheduling.plan import plan

WEEK = tuple(range(5, 12))


def daily(clock: str, *, first: int = 5) -> list[str]:
    """The same time on Jan 5 to 11."""
    return [f"Jan {day} {clock}" for day in WEEK if day >= first]


def dates(result: Plan) -> list[str]:
    return [str(item.date) for item in result.items]


def test_1_nothing_to_plan_changes_nothing() -> None:
    assert plan(snapshot()) == Plan()


def test_2_a_daily_habit_stands_at_its_ideal_time_every_day() -> None:
    habit = H("A", 30, ideal="09:00")
    result = plan(snapshot(habit))
    assert changes(result) == [f"insert A {text}" for text in daily("09:00-09:30")]
    assert result.findings == ()


def test_3_a_second_run_changes_nothing_not_even_minutes_later() -> None:
    first = snapshot(H("A", 30, ideal="09:00"))
    second = applied(first, plan(first))
    assert changes(plan(second)) == []
    later = snapshot(*second.habits, *second.instances, now="Jan 5 08:04")
    assert changes(plan(later)) == []


def test_4_an_ideal_time_that_has_passed_is_taken_up_as_soon_as_possible() -> None:
    habit = H("A", 30, ideal="07:00")
    expected = ["Jan 5 08:00-08:30", *daily("07:00-07:30", first=6)]
    assert times(plan(snapshot(habit)), habit) == expected


def test_5_a_taken_ideal_time_gives_way_to_the_nearest_free_one() -> None:
    habit = H("A", 30, ideal="07:00")
    result = plan(snapshot(habit, locked("Jan 6 07:00-08:30")))
    assert times(result, habit, "Jan 6") == ["Jan 6 08:30-09:00"]
    assert result.findings == ()


def test_6_nothing_near_the_ideal_time_is_told_and_not_placed_elsewhere() -> None:
    habit = H("A", 30, ideal="07:00")
    result = plan(snapshot(habit, locked("Jan 6 07:00-09:30")))
    assert times(result, habit, "Jan 6") == []
    assert findings(result) == ["A Jan 6 no_slot_near_preference 30"]


def test_25_instances_of_a_split_habit_are_spread_over_the_day() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60))
    result = plan(snapshot(habit))
    assert times(result, habit, "Jan 6") == [
        "Jan 6 09:45-10:25",
        "Jan 6 15:00-15:40",
        "Jan 6 20:15-20:55",
    ]
    titles = [item.title for item in result.items if item.date == on("Jan 6")]
    assert titles == ["A (1/3)", "A (2/3)", "A (3/3)"]


def test_26_a_day_with_less_room_holds_what_it_can_and_says_so() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60))
    gaps = only_free("Jan 6 09:00-09:30", "Jan 6 15:00-15:30", "Jan 7 00:00-48:00")
    result = plan(snapshot(habit, *gaps))
    assert times(result, habit, "Jan 6") == ["Jan 6 09:00-09:30", "Jan 6 15:00-15:30"]
    told = [finding for finding in result.findings if finding.date == on("Jan 6")]
    assert [(finding.level, finding.minutes) for finding in told] == [(Level.INFORMATION, 60)]


def test_27_fewer_instances_than_the_least_is_a_warning() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60))
    gaps = only_free("Jan 6 09:00-09:30", "Jan 7 00:00-48:00")
    result = plan(snapshot(habit, *gaps))
    assert times(result, habit, "Jan 6") == ["Jan 6 09:00-09:30"]
    told = [finding for finding in result.findings if finding.date == on("Jan 6")]
    assert [(finding.level, finding.code) for finding in told] == [
        (Level.WARNING, "quota_below_min")
    ]


def test_28_a_started_instance_is_the_first_of_its_day() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60))
    running = event(habit, "Jan 5 07:40-08:20", State.STARTED)
    result = plan(snapshot(habit, running))
    assert times(result, habit, "Jan 5") == [
        "Jan 5 07:40-08:20",
        "Jan 5 15:00-15:40",
        "Jan 5 20:15-20:55",
    ]


def test_29_a_habit_that_is_done_today_is_not_planned_today() -> None:
    habit = H("A", 30, ideal="09:00")
    result = plan(snapshot(habit, done(habit, "Jan 5")))
    assert times(result, habit) == daily("09:00-09:30", first=6)
    assert result.findings == ()


def test_30_a_skipped_date_loses_its_open_event() -> None:
    habit = H("A", 30, ideal="09:00", start="2026-01-07", end="2026-01-07")
    result = plan(snapshot(habit, skip(habit, "Jan 7"), event(habit, "Jan 7 09:00-09:30")))
    assert changes(result) == ["delete A Jan 7 09:00-09:30"]
    assert result.items == ()


def test_31_a_skip_that_was_taken_back_is_placed_again() -> None:
    habit = H("A", 30, ideal="09:00", start="2026-01-07", end="2026-01-07")
    assert changes(plan(snapshot(habit))) == ["insert A Jan 7 09:00-09:30"]


def test_32_what_comes_after_another_habit_waits_for_its_end() -> None:
    first = H("A", 30, ideal="09:00", weight=HIGH)
    then = H("B", 30, ideal="08:30", after="A")
    result = plan(snapshot(then, first))
    assert times(result, first) == daily("09:00-09:30")
    assert times(result, then) == daily("09:30-10:00")


def test_before_is_after_seen_from_the_other_side() -> None:
    first = H("A", 30, ideal="09:00", weight=HIGH, before="B")
    then = H("B", 30, ideal="08:30")
    assert times(plan(snapshot(then, first)), then) == daily("09:30-10:00")


def test_33_a_circle_of_dependencies_is_ignored_and_told_once() -> None:
    one = H("A", 30, ideal="10:00", after="B")
    other = H("B", 30, ideal="09:00", after="A")
    result = plan(snapshot(one, other))
    assert times(result, one) == daily("10:00-10:30")
    assert times(result, other) == daily("09:00-09:30")
    assert codes(result) == ["dependency_cycle"]
    assert result.findings[0].level is Level.WARNING


def test_34_what_is_skipped_need_not_be_waited_for() -> None:
    first = H("A", 30, ideal="09:00", weight=HIGH)
    then = H("B", 30, ideal="08:30", after="A")
    result = plan(snapshot(first, then, skip(first, "Jan 6")))
    assert times(result, then, "Jan 6") == ["Jan 6 08:30-09:00"]


def test_35_every_other_week_counts_sunday_weeks() -> None:
    rule = Rule(Frequency.WEEKLY, 2, days_of_week=(1,))
    habit = H("A", 30, ideal="09:00", rule=rule, start="2025-12-24")
    result = plan(snapshot(habit, days=30))
    assert dates(result) == ["2026-01-05", "2026-01-19", "2026-02-02"]


def test_36_week_five_is_the_last_one() -> None:
    rule = Rule(
        Frequency.MONTHLY,
        monthly_kind=MonthlyKind.DAY_OF_WEEK,
        week_of_month=5,
        day_of_week_monthly=1,
    )
    habit = H("A", 30, ideal="09:00", rule=rule)
    assert dates(plan(snapshot(habit, now="2026-05-20 08:00", days=30))) == ["2026-05-25"]


def test_37_day_31_is_the_last_of_a_shorter_month() -> None:
    rule = Rule(Frequency.MONTHLY, monthly_kind=MonthlyKind.DAY_OF_MONTH, day_of_month=31)
    habit = H("A", 30, ideal="09:00", rule=rule)
    result = plan(snapshot(habit, now="2026-02-20 08:00", days=60))
    assert dates(result) == ["2026-02-28", "2026-03-31"]


def test_38_february_29_comes_in_leap_years_only() -> None:
    habit = H("A", 30, ideal="09:00", rule=Rule(Frequency.YEARLY), start="2024-02-29")
    assert dates(plan(snapshot(habit, now="2026-02-20 08:00", days=30))) == []
    assert dates(plan(snapshot(habit, now="2028-02-20 08:00", days=30))) == ["2028-02-29"]


def test_39_no_interval_means_every_day() -> None:
    habit = H("A", 30, ideal="09:00", rule=Rule(Frequency.DAILY, None))
    assert len(plan(snapshot(habit)).items) == 7


def test_45_after_midnight_is_still_the_day_of_the_block() -> None:
    mondays = Rule(Frequency.WEEKLY, days_of_week=(1,))
    habit = H("A", 60, ideal="00:30", rule=mondays)
    result = plan(snapshot(habit, hours="22:00-02:00"))
    assert times(result, habit) == ["Jan 6 00:30-01:30"]
    assert dates(result) == ["2026-01-05"]


def test_66_a_time_that_is_too_long_past_today_is_information_only() -> None:
    habit = H("A", 30, ideal="07:00")
    result = plan(snapshot(habit, now="Jan 5 15:00"))
    assert times(result, habit) == daily("07:00-07:30", first=6)
    assert findings(result) == ["A Jan 5 missed_today 30"]
    assert result.findings[0].level is Level.INFORMATION


def test_69_of_two_that_want_one_time_the_heavier_gets_it() -> None:
    low, critical = (
        H("A", 30, ideal="09:00", weight=LOW),
        H("B", 30, ideal="09:00", weight=CRITICAL),
    )
    result = plan(snapshot(low, critical))
    assert times(result, critical) == daily("09:00-09:30")
    assert times(result, low) == daily("08:30-09:00")


def test_a_heavy_habit_without_a_time_comes_before_a_light_one_with_one() -> None:
    critical, low = H("A", 60, weight=CRITICAL), H("B", 60, ideal="12:00", weight=LOW)
    result = plan(snapshot(critical, low, *only_free("Jan 6 12:00-13:00", "Jan 7 00:00-48:00")))
    assert times(result, critical, "Jan 6") == ["Jan 6 12:00-13:00"]
    assert times(result, low, "Jan 6") == []


def test_70_a_place_inside_the_band_is_good_enough() -> None:
    habit = H("A", 15, band=Band.MORNING)
    result = plan(snapshot(habit, locked("Jan 6 07:00-10:00")))
    assert times(result, habit, "Jan 6") == ["Jan 6 10:00-10:15"]
    assert result.findings == ()


def test_71_odd_lengths_are_kept_to_the_minute() -> None:
    long, short = H("A", 25, ideal="09:00"), H("B", 22, ideal="09:00")
    assert times(plan(snapshot(long)), long) == daily("09:00-09:25")
    assert times(plan(snapshot(short)), short) == daily("09:00-09:22")


def test_72_dates_without_hours_of_the_habits_type_are_information_only() -> None:
    habit = H("A", 30, hours=HoursType.MEETING)
    result = plan(snapshot(habit, meeting={"tuesday": "10:00-12:00"}))
    assert times(result, habit) == ["Jan 6 11:30-12:00"]
    assert findings(result) == [f"A Jan {day} no_hours 30" for day in WEEK if day != 6]
    assert {finding.level for finding in result.findings} == {Level.INFORMATION}


def test_an_instance_of_today_that_is_over_counts_and_is_not_made_up_for() -> None:
    habit = H("A", 30, ideal="12:00")
    over = event(habit, "Jan 5 12:00-12:30", State.PAST)
    result = plan(snapshot(habit, over, now="Jan 5 13:00"))
    assert [text for text in changes(result) if "Jan 5" in text] == []


def test_hours_over_midnight_hold_a_night_workers_habit() -> None:
    habit = H("A", 90, ideal="23:30", hours=HoursType.WORK, start="2026-11-01")
    result = plan(snapshot(habit, now="2026-11-24 12:00", work="22:00-03:00"))
    assert times(result, habit)[0] == "Nov 24 23:30-25:00"
    assert dates(result)[0] == "2026-11-24"
    assert len(result.items) == 7


def test_the_last_friday_is_found_in_months_with_four_and_with_five() -> None:
    rule = Rule(
        Frequency.MONTHLY,
        monthly_kind=MonthlyKind.DAY_OF_WEEK,
        week_of_month=5,
        day_of_week_monthly=5,
    )
    habit = H("A", 60, hours=HoursType.WORK, rule=rule, start="2026-11-01")
    result = plan(snapshot(habit, now="2026-11-24 12:00", days=75))
    assert dates(result) == ["2026-11-27", "2026-12-25", "2027-01-29"]


def test_there_are_never_more_instances_than_the_most() -> None:
    habit = H("A", 120, quota=(1, 1, 2), between=(15, 30))
    result = plan(snapshot(habit))
    assert len(times(result, habit, "Jan 6")) == 2


def test_an_ideal_time_among_several_instances_stands_for_the_nearest() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60), ideal="18:00")
    assert times(plan(snapshot(habit)), habit, "Jan 6") == [
        "Jan 6 09:45-10:25",
        "Jan 6 15:00-15:40",
        "Jan 6 18:00-18:40",
    ]
