"""Weekly hours out of the JSON that the app stores."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.scheduling.hours import DEFAULT_WEEK, decode_hours

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def table(*blocks: tuple[object, object], **days: object) -> dict[str, object]:
    """The same blocks every day, unless a day is given."""
    day = {"enabled": True, "timeBlocks": [{"startTime": a, "endTime": b} for a, b in blocks]}
    return {name: days.get(name, day) for name in DAYS}


def monday(*blocks: tuple[object, object]) -> tuple[tuple[int, int], ...]:
    return decode_hours(table(*blocks))[0][0]


def test_days_are_read_from_monday_on() -> None:
    off = {"enabled": False, "timeBlocks": []}
    week, warnings = decode_hours(table(("09:00", "17:00"), sunday=off))
    assert week == (*(((540, 1020),),) * 6, ())
    assert warnings == ()


def test_50_json_inside_json_is_the_same_as_plain() -> None:
    plain = table(("09:00", "12:00"), ("13:00", "17:30"))
    assert decode_hours(json.dumps(plain)) == decode_hours(plain)


def test_a_missing_row_is_the_default_and_no_mistake() -> None:
    assert decode_hours(None) == (DEFAULT_WEEK, ())


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (("09:00", "17:00"), (540, 1020)),
        (("09:00:00", "17:00:00"), (540, 1020)),
        (("09:00:01", "17:00:59"), (541, 1020)),
        (("22:00", "24:00"), (1320, 1440)),
        (("22:00", "00:00"), (1320, 1440)),
        (("22:00", "23:59"), (1320, 1440)),
        (("22:00", "23:59:59"), (1320, 1440)),
        (("00:00", "00:00"), (0, 1440)),
        (("22:00", "02:00"), (1320, 1560)),
        (("22:00", "03:00"), (1320, 1620)),
        (("00:01", "00:00"), (1, 1440)),
    ],
)
def test_a_block_ends_at_midnight_or_over_it(
    block: tuple[str, str], expected: tuple[int, int]
) -> None:
    assert monday(block) == (expected,)


def test_a_block_that_ends_where_it_begins_is_empty() -> None:
    assert monday(("09:00", "09:00")) == ()


def test_blocks_of_a_day_are_sorted_and_merged_when_they_touch_or_overlap() -> None:
    blocks = (("13:00", "15:00"), ("09:00", "12:00"), ("12:00", "12:30"), ("14:00", "16:00"))
    assert monday(*blocks) == ((540, 750), (780, 960))


def test_a_block_over_midnight_is_not_merged_with_the_early_one_of_its_own_day() -> None:
    assert monday(("22:00", "02:00"), ("00:00", "02:00")) == ((0, 120), (1320, 1560))


@pytest.mark.parametrize(
    "bad",
    ["25:00", "24:01", "9:00", "12:60", "noon", "", None, 9, "12:00 ", "１２:00", "24:00:01"],  # noqa: RUF001
)
def test_a_bad_block_is_left_out_and_told(bad: object) -> None:
    week, warnings = decode_hours(table((bad, "17:00"), ("18:00", "19:00")))
    assert week[0] == ((1080, 1140),)
    assert len(warnings) == 7
    assert warnings[0].startswith("monday: block 1 (")


def test_a_block_cannot_begin_at_24_o_clock() -> None:
    week, warnings = decode_hours(table(("24:00", "17:00")))
    assert week == ((),) * 7
    assert len(warnings) == 7


def test_a_block_that_is_no_object_is_left_out_and_told() -> None:
    week, warnings = decode_hours(table(monday={"enabled": True, "timeBlocks": ["09:00-17:00"]}))
    assert week[0] == ()
    assert len(warnings) == 1


def test_a_long_or_hostile_string_is_shown_short_and_escaped() -> None:
    _, warnings = decode_hours(table(("\x1b[2J" + "9" * 500, "17:00")))
    assert len(warnings[0]) < 120
    assert "\x1b" not in warnings[0]


def test_the_bad_blocks_of_a_day_that_is_off_do_not_matter() -> None:
    off = {"enabled": False, "timeBlocks": [{"startTime": "x"}]}
    assert decode_hours(table(("09:00", "10:00"), monday=off))[1] == ()


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        "[" * 16_000,
        7,
        [],
        {},
        {name: table()[name] for name in DAYS[:6]},
        table(friday={"enabled": 1, "timeBlocks": []}),
        table(friday={"enabled": True, "timeBlocks": {}}),
        table(friday={"enabled": True}),
        table(friday=None),
        json.dumps(json.dumps(table())),
    ],
)
def test_a_table_that_is_not_valid_for_all_days_is_the_default_and_told(value: object) -> None:
    week, warnings = decode_hours(value)
    assert week == DEFAULT_WEEK
    assert len(warnings) == 1


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
times = st.times().map(lambda time: time.strftime("%H:%M")) | st.sampled_from(["24:00", "x"])


@given(values | st.lists(st.tuples(times, times), max_size=5).map(lambda blocks: table(*blocks)))
def test_nothing_raises_and_the_blocks_are_sorted_disjoint_and_within_two_days(
    value: object,
) -> None:
    for blocks in decode_hours(value)[0]:
        edges = [edge for block in blocks for edge in block]
        assert edges == sorted(set(edges))
        assert all(0 <= start < 1440 and end <= 2880 for start, end in blocks)
