"""The expansion against plain walks over the calendar that share no code with it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.emulator.proof import ME, items
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.emulator.api_errors import ApiError
from tuturuuu_jobs.testing.emulator.recurrence import Series, occurrences

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC")


def _wall(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - a wall clock.


def _days(first: date, step: int) -> Iterator[date]:
    return (first + timedelta(days=step * number) for number in itertools.count())


def _instants(days: Iterator[date], at: time, zone: ZoneInfo, count: int) -> list[datetime]:
    chosen = itertools.islice(days, count)
    return [datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for day in chosen]


def _expanded(rule: str, first: datetime, zone: str, *more: str) -> list[datetime]:
    series = Series((f"RRULE:{rule}", *more), first, ZoneInfo(zone), all_day=False)
    until = datetime(2040, 1, 1, tzinfo=UTC)
    return [start.astimezone(UTC) for start in occurrences(series, until, None)]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.datetimes(_wall(2026, 1, 1), _wall(2027, 12, 31)),
    step=st.integers(1, 20),
    count=st.integers(1, 60),
)
def test_daily_rules_keep_the_wall_clock_over_every_change_day(
    zone: str, first: datetime, step: int, count: int
) -> None:
    first = first.replace(microsecond=0, second=0, fold=0)
    got = _expanded(f"FREQ=DAILY;INTERVAL={step};COUNT={count}", first, zone)
    assert got == _instants(_days(first.date(), step), first.time(), ZoneInfo(zone), count)


@settings(max_examples=40, deadline=None)
@given(zone=st.sampled_from(ZONES), hour=st.integers(0, 23), count=st.integers(1, 120))
def test_weekdays_are_the_days_that_are_no_weekend(zone: str, hour: int, count: int) -> None:
    first = _wall(2026, 2, 2, hour, 30)
    got = _expanded(f"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT={count}", first, zone)
    days = (day for day in _days(first.date(), 1) if day.weekday() < 5)
    assert got == _instants(days, first.time(), ZoneInfo(zone), count)


def test_the_last_friday_of_a_month_is_found_by_walking_back_from_its_end() -> None:
    got = _expanded("FREQ=MONTHLY;BYDAY=-1FR;COUNT=14", _wall(2026, 11, 27, 9), "Europe/Berlin")
    fridays = (
        day
        for day in _days(date(2026, 11, 1), 1)
        if day.weekday() == 4 and (day + timedelta(days=7)).month != day.month
    )
    assert got == _instants(fridays, time(9), BERLIN, 14)


def test_the_thirty_first_skips_the_short_months() -> None:
    got = _expanded("FREQ=MONTHLY;COUNT=7", _wall(2027, 1, 31, 9), "UTC")
    assert [start.month for start in got] == [1, 3, 5, 7, 8, 10, 12]


def test_a_birthday_on_leap_day_comes_every_fourth_year() -> None:
    got = _expanded("FREQ=YEARLY;COUNT=3", _wall(2024, 2, 29), "UTC")
    assert [start.year for start in got] == [2024, 2028, 2032]


def test_the_missing_hour_moves_forward_and_the_doubled_hour_is_the_first_of_two() -> None:
    missing = _expanded("FREQ=DAILY;COUNT=2", _wall(2027, 3, 27, 2, 30), "Europe/Berlin")
    assert missing[1] == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    doubled = _expanded("FREQ=DAILY;COUNT=2", _wall(2026, 10, 24, 2, 30), "Europe/Berlin")
    assert doubled[1] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "count"),
    [("20261204T080000Z", 4), ("20261204T075959Z", 3), ("20261204", 4), ("20261203", 3)],
)
def test_until_is_inclusive_and_a_bare_date_means_its_whole_day(until: str, count: int) -> None:
    rule = f"FREQ=DAILY;UNTIL={until}"
    assert len(_expanded(rule, _wall(2026, 12, 1, 9), "Europe/Berlin")) == count


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20261202T080000Z",
        "EXDATE;TZID=Europe/Berlin:20261202T090000",
        "EXDATE;TZID=America/New_York:20261202T030000",
        "EXDATE;VALUE=DATE:20261202",
        "EXDATE:20261202T080000Z,20301202T080000Z",
    ],
)
def test_an_excluded_date_is_left_out_however_it_is_written(line: str) -> None:
    got = _expanded("FREQ=DAILY;COUNT=3", _wall(2026, 12, 1, 9), "Europe/Berlin", line)
    assert [start.day for start in got] == [1, 3]


def test_an_added_date_comes_in_order() -> None:
    line = "RDATE;TZID=Europe/Berlin:20261202T180000"
    got = _expanded("FREQ=DAILY;COUNT=2", _wall(2026, 12, 1, 9), "Europe/Berlin", line)
    assert [(start.day, start.hour) for start in got] == [(1, 8), (2, 8), (2, 17)]


def test_added_dates_alone_still_have_the_first_start() -> None:
    series = Series(("RDATE:20261205T090000Z",), _wall(2026, 12, 1, 9), UTC, all_day=False)
    got = list(occurrences(series, datetime(2040, 1, 1, tzinfo=UTC), None))
    assert [start.day for start in got] == [1, 5]


@pytest.mark.parametrize(
    "lines", [["RRULE:FREQ=SECONDLY"], ["RRULE"], ["VALARM:x"], ["RRULE:FREQ=DAILY;UNTIL=never"]]
)
def test_a_rule_that_is_not_understood_is_refused_when_it_is_stored(
    emulator: Emulator, service: Any, lines: list[str]
) -> None:
    body = {
        "id": "bad",
        "start": {"dateTime": "2026-12-01T09:00:00Z"},
        "end": {"dateTime": "2026-12-01T10:00:00Z"},
        "recurrence": lines,
    }
    with pytest.raises(ApiError):
        emulator.put_event(ME, body)
    assert items(service) == []


def test_instances_are_named_by_the_utc_of_their_original_start_and_last_as_long_as_the_master(
    emulator: Emulator, service: Any
) -> None:
    zone = {"timeZone": "Europe/Berlin"}
    emulator.put_event(
        ME,
        {
            "id": "night",
            "start": {"dateTime": "2027-03-26T22:00:00+01:00", **zone},
            "end": {"dateTime": "2027-03-27T06:00:00+01:00", **zone},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"],
        },
    )
    found = items(service)
    assert [item["id"] for item in found] == [
        "night_20270326T210000Z",
        "night_20270327T210000Z",
        "night_20270328T200000Z",
    ]
    lengths = {
        datetime.fromisoformat(item["end"]["dateTime"])
        - datetime.fromisoformat(item["start"]["dateTime"])
        for item in found
    }
    assert lengths == {timedelta(hours=8)}


def test_all_day_instances_are_dates_and_are_named_by_them(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(
        ME,
        {
            "id": "trip",
            "start": {"date": "2027-03-27"},
            "end": {"date": "2027-03-29"},
            "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"],
        },
    )
    first, second = items(service)
    assert (first["id"], second["id"]) == ("trip_20270327", "trip_20270403")
    assert second["start"] == second["originalStartTime"] == {"date": "2027-04-03"}
    assert second["end"] == {"date": "2027-04-05"}


def test_an_endless_series_ends_at_the_horizon(emulator: Emulator, service: Any) -> None:
    emulator.put_event(
        ME,
        {
            "id": "daily",
            "start": {"dateTime": "2026-11-24T09:00:00Z"},
            "end": {"dateTime": "2026-11-24T10:00:00Z"},
            "recurrence": ["RRULE:FREQ=DAILY"],
        },
    )
    assert len(items(service, maxResults=2500)) == 731
    emulator.switches.max_instances = 200
    assert len(items(service, maxResults=2500)) == 200
