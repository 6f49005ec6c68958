"""Which dates a habit is due on, by example and against python-dateutil."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.scheduling.model import Frequency, MonthlyKind, Rule
from tuturuuu_jobs.scheduling.recurrence import is_due

FIVE_YEARS = timedelta(days=5 * 366)
starts = st.dates(date(2019, 1, 1), date(2033, 12, 31))
intervals = st.integers(1, 6)


def due(rule: Rule, start: str, first: str, days: int, end: str | None = None) -> list[str]:
    """The dates of ``days`` from ``first`` on, as text."""
    begin, last = date.fromisoformat(start), date.fromisoformat(end) if end else None
    window = (date.fromisoformat(first) + timedelta(days=index) for index in range(days))
    return [str(day) for day in window if is_due(rule, begin, last, day)]


def agree(rule: Rule, start: date, opinion: rrule.rrule) -> None:
    """Compare five years from ten days before the start on."""
    days = [start + timedelta(days=index) for index in range(-10, FIVE_YEARS.days)]
    assert [day for day in days if is_due(rule, start, None, day)] == [
        moment.date() for moment in opinion
    ]


def second(start: date, opinion: rrule.rrule) -> rrule.rrule:
    """The same rule from ``start`` on, for five years, in weeks that begin on Sunday."""
    begin = datetime(start.year, start.month, start.day)  # noqa: DTZ001 - dates have no zone
    until = begin + FIVE_YEARS - timedelta(days=1)
    return opinion.replace(dtstart=begin, until=until, wkst=rrule.SU)


@given(starts, intervals, st.sampled_from([Frequency.DAILY, Frequency.CUSTOM]))
def test_every_nth_day_agrees_with_dateutil(start: date, n: int, frequency: Frequency) -> None:
    agree(Rule(frequency, n), start, second(start, rrule.rrule(rrule.DAILY, interval=n)))


@given(starts, intervals, st.lists(st.integers(0, 6), unique=True))
def test_weeks_counted_from_sunday_agree_with_dateutil(
    start: date, n: int, days: list[int]
) -> None:
    names = [(day - 1) % 7 for day in days] or [start.weekday()]
    opinion = second(start, rrule.rrule(rrule.WEEKLY, interval=n, byweekday=names))
    agree(Rule(Frequency.WEEKLY, n, days_of_week=tuple(days)), start, opinion)


@given(starts, intervals, st.none() | st.integers(1, 31), st.booleans())
def test_a_day_of_the_month_is_clamped_to_its_last_like_the_last_of_dateutils_set(
    start: date,
    n: int,
    day: int | None,
    told: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    wanted = day or start.day if told else start.day
    days = [wanted] if wanted <= 28 else list(range(28, wanted + 1))
    opinion = second(start, rrule.rrule(rrule.MONTHLY, interval=n, bymonthday=days, bysetpos=-1))
    kind = MonthlyKind.DAY_OF_MONTH if told else None
    agree(Rule(Frequency.MONTHLY, n, monthly_kind=kind, day_of_month=day), start, opinion)


@given(starts, intervals, st.none() | st.integers(0, 6), st.none() | st.integers(1, 5))
def test_a_weekday_of_the_month_agrees_with_dateutil(
    start: date, n: int, weekday: int | None, week: int | None
) -> None:
    name = start.weekday() if weekday is None else (weekday - 1) % 7
    position = -1 if week == 5 else week or 1
    opinion = second(
        start, rrule.rrule(rrule.MONTHLY, interval=n, byweekday=name, bysetpos=position)
    )
    rule = Rule(
        Frequency.MONTHLY,
        n,
        monthly_kind=MonthlyKind.DAY_OF_WEEK,
        week_of_month=week,
        day_of_week_monthly=weekday,
    )
    agree(rule, start, opinion)


@given(starts | st.just(date(2024, 2, 29)), intervals)
def test_every_nth_year_agrees_with_dateutil(start: date, n: int) -> None:
    agree(Rule(Frequency.YEARLY, n), start, second(start, rrule.rrule(rrule.YEARLY, interval=n)))


def test_35_every_other_week_counts_sunday_weeks_from_the_start() -> None:
    rule = Rule(Frequency.WEEKLY, 2, days_of_week=(1,))
    assert due(rule, "2025-12-24", "2026-01-05", 30) == ["2026-01-05", "2026-01-19", "2026-02-02"]


def test_36_week_five_is_the_last_one() -> None:
    rule = Rule(
        Frequency.MONTHLY,
        monthly_kind=MonthlyKind.DAY_OF_WEEK,
        week_of_month=5,
        day_of_week_monthly=1,
    )
    assert due(rule, "2026-01-01", "2026-05-20", 30) == ["2026-05-25"]


def test_week_five_of_a_month_with_four_fridays_is_the_fourth() -> None:
    rule = Rule(
        Frequency.MONTHLY,
        monthly_kind=MonthlyKind.DAY_OF_WEEK,
        week_of_month=5,
        day_of_week_monthly=5,
    )
    expected = ["2026-11-27", "2026-12-25", "2027-01-29"]
    assert due(rule, "2026-11-01", "2026-11-24", 75) == expected


def test_37_day_31_is_the_last_day_of_a_short_month() -> None:
    rule = Rule(Frequency.MONTHLY, monthly_kind=MonthlyKind.DAY_OF_MONTH, day_of_month=31)
    assert due(rule, "2026-01-01", "2026-02-20", 60) == ["2026-02-28", "2026-03-31"]


def test_38_february_29_comes_in_leap_years_only() -> None:
    rule = Rule(Frequency.YEARLY)
    assert due(rule, "2024-02-29", "2026-02-20", 30) == []
    assert due(rule, "2024-02-29", "2028-02-20", 30) == ["2028-02-29"]


def test_39_no_interval_means_every_one() -> None:
    for interval in (None, 0, -3):
        assert len(due(Rule(Frequency.DAILY, interval), "2026-01-01", "2026-01-05", 7)) == 7


def test_the_end_date_is_the_last_date() -> None:
    assert due(Rule(), "2026-01-06", "2026-01-05", 7, "2026-01-08") == [
        "2026-01-06",
        "2026-01-07",
        "2026-01-08",
    ]


def test_weekdays_that_do_not_exist_are_ignored() -> None:
    rule = Rule(Frequency.WEEKLY, days_of_week=(9, 2))
    assert due(rule, "2026-01-01", "2026-01-05", 7) == ["2026-01-06"]
