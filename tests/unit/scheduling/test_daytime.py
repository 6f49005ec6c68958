"""Local days and hours as minutes since the epoch, on days whose clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import portion
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.scheduling.strategies import days, zones
from tuturuuu_jobs.scheduling.daytime import blocks_of, merged, midnights, minute_at
from tuturuuu_jobs.scheduling.model import WeekHours, floor_minute, instant_of

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
CAIRO, APIA = ZoneInfo("Africa/Cairo"), ZoneInfo("Pacific/Apia")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def utc(text: str) -> int:
    return floor_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))


def every_day(*blocks: tuple[int, int]) -> WeekHours:
    return (blocks,) * 7


def hours_of(zone: ZoneInfo, day: date) -> float:
    first, second = midnights(zone, day, 2)
    return (second - first) / 60


def test_40_a_time_that_clocks_skip_is_read_with_the_offset_before() -> None:
    assert minute_at(NEW_YORK, date(2026, 3, 7), 150) == utc("2026-03-07 07:30")
    assert minute_at(NEW_YORK, date(2026, 3, 8), 150) == utc("2026-03-08 07:30")
    assert minute_at(NEW_YORK, date(2026, 3, 9), 150) == utc("2026-03-09 06:30")


def test_a_time_that_comes_twice_is_the_first_one() -> None:
    assert minute_at(NEW_YORK, date(2026, 11, 1), 90) == utc("2026-11-01 05:30")


def test_41_a_block_over_the_repeated_hour_is_an_hour_longer() -> None:
    blocks = blocks_of(every_day((0, 240)), NEW_YORK, date(2026, 11, 1))
    assert blocks == [(utc("2026-11-01 04:00"), utc("2026-11-01 09:00"))]


def test_42_a_block_over_the_skipped_hour_is_an_hour_shorter() -> None:
    week = every_day((0, 240))
    assert blocks_of(week, NEW_YORK, date(2026, 3, 8)) == [
        (utc("2026-03-08 05:00"), utc("2026-03-08 08:00"))
    ]
    assert blocks_of(week, NEW_YORK, date(2026, 3, 9)) == [
        (utc("2026-03-09 04:00"), utc("2026-03-09 08:00"))
    ]


def test_43_a_block_inside_the_skipped_hour_is_empty() -> None:
    assert blocks_of(every_day((120, 180)), BERLIN, date(2026, 3, 29)) == []
    assert blocks_of(every_day((150, 210)), BERLIN, date(2026, 3, 29)) == []


def test_44_a_midnight_that_does_not_exist_is_one_o_clock() -> None:
    assert blocks_of(every_day((0, 120)), CAIRO, date(2026, 4, 24)) == [
        (utc("2026-04-23 22:00"), utc("2026-04-23 23:00"))
    ]
    assert hours_of(CAIRO, date(2026, 4, 24)) == 23


def test_46_blocks_that_touch_at_midnight_meet_in_one_instant() -> None:
    week = every_day((0, 120), (1320, 1440))
    monday = blocks_of(week, BERLIN, date(2026, 1, 5))
    tuesday = blocks_of(week, BERLIN, date(2026, 1, 6))
    assert merged(monday + tuesday)[1] == (utc("2026-01-05 21:00"), utc("2026-01-06 01:00"))


def test_a_block_over_midnight_ends_by_the_clocks_of_the_next_day() -> None:
    week = every_day((1320, 1440 + 240))
    assert blocks_of(week, NEW_YORK, date(2026, 3, 7)) == [
        (utc("2026-03-08 03:00"), utc("2026-03-08 08:00"))
    ]


def test_a_date_that_was_jumped_over_has_no_hours_and_its_neighbours_keep_theirs() -> None:
    assert midnights(APIA, date(2011, 12, 29), 4) == [
        utc("2011-12-29 10:00"),
        utc("2011-12-30 10:00"),
        utc("2011-12-30 10:00"),
        utc("2011-12-31 10:00"),
    ]
    week = every_day((420, 1380))
    assert blocks_of(week, APIA, date(2011, 12, 30)) == []
    assert len(merged(blocks_of(week, APIA, date(2011, 12, 31)))) == 1


def test_lord_howe_shifts_by_half_an_hour() -> None:
    assert hours_of(LORD_HOWE, date(2026, 4, 5)) == 24.5
    assert hours_of(LORD_HOWE, date(2026, 10, 4)) == 23.5


def test_a_day_without_blocks_has_none() -> None:
    week: WeekHours = ((), *(((540, 1020),),) * 6)
    assert blocks_of(week, BERLIN, date(2026, 1, 5)) == []


@given(zones, days, st.integers(0, 2880))
@example(APIA, date(2011, 12, 30), 0)
def test_clocks_show_the_minute_asked_for_unless_they_skip_it(
    zone: ZoneInfo, day: date, minute: int
) -> None:
    wanted = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001
    shown = instant_of(minute_at(zone, day, minute)).astimezone(zone)
    if shown.replace(tzinfo=None) == wanted:
        assert shown.fold == 0
    else:
        before = wanted.replace(tzinfo=zone, fold=0).utcoffset()
        after = wanted.replace(tzinfo=zone, fold=1).utcoffset()
        assert before is not None
        assert after is not None
        assert after > before
        assert shown.replace(tzinfo=None) == wanted + (after - before)


@given(zones, days)
def test_every_day_begins_on_a_quarter_hour_of_the_epoch(zone: ZoneInfo, day: date) -> None:
    assert all(minute % 15 == 0 for minute in midnights(zone, day, 8))


pairs = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=12)


@given(pairs)
def test_merging_agrees_with_portion(intervals: list[tuple[int, int]]) -> None:
    union = portion.empty()
    for start, end in intervals:
        union |= portion.closedopen(start, end)
    expected = [] if union.empty else [(part.lower, part.upper) for part in union]
    assert merged(intervals) == expected
