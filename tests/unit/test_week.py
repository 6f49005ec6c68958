"""The week view, drawn at fixed widths."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tuturuuu_jobs.commands.week import (
    Block,
    Day,
    Mark,
    Paper,
    alike,
    choose_tables,
    days_per_table,
    draw,
    split_days,
)
from tuturuuu_jobs.scheduling.model import floor_minute

MONDAY = date(2026, 1, 5)
LONDON = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = LONDON) -> int:
    return floor_minute(datetime.fromisoformat(text).replace(tzinfo=zone))


def block(day: str, start: str, end: str, mark: Mark = Mark.NEW, label: str = "read") -> Block:
    return Block(at(f"{day} {start}"), at(f"{day} {end}"), mark, label)


def days_of(*blocks: Block, count: int = 7, zone: ZoneInfo = LONDON) -> tuple[Day, ...]:
    return split_days(blocks, MONDAY, count, zone)


def drawn(days: tuple[Day, ...], width: int = 80, height: int = 40) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width, height=height, _environ={}).print(
        draw(days, Paper(width, height))
    )
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_each_kind_of_block_is_told_apart_by_its_character() -> None:
    days = days_of(
        block("2026-01-05", "09:00", "10:00", Mark.NEW),
        block("2026-01-06", "09:00", "10:00", Mark.STAYS),
        block("2026-01-07", "09:00", "10:00", Mark.MOVED),
        block("2026-01-08", "09:00", "10:00", Mark.GONE),
        block("2026-01-09", "09:00", "10:00", Mark.BUSY, "locked"),
    )

    assert drawn(days) == [
        "      Mon 5     Tue 6     Wed 7     Thu 8     Fri 9     Sat 10    Sun 11",
        "08:00",
        "08:30",
        "09:00 +read     =read     >read     xread     # locked",
        "09:30 +         =         >         x         #########",
        "10:00",
        "10:30",
    ]


def test_on_low_paper_a_row_is_an_hour() -> None:
    days = days_of(block("2026-01-05", "07:00", "21:00"))

    assert [line[:5] for line in drawn(days, height=20)[1:]] == [
        f"{hour:02d}:00" for hour in range(6, 22)
    ]
    assert drawn(days, height=40)[2].startswith("06:30")


def test_what_shares_a_row_stands_side_by_side() -> None:
    days = days_of(
        block("2026-01-05", "09:00", "09:15", label="one"),
        block("2026-01-05", "09:15", "09:30", label="two"),
        block("2026-01-06", "08:00", "09:10", Mark.BUSY, "manual"),
        block("2026-01-06", "09:10", "09:25", label="three"),
        block("2026-01-07", "09:00", "09:05", Mark.BUSY),
        block("2026-01-07", "09:05", "09:10", Mark.BUSY),
    )

    nine = next(line for line in drawn(days) if line.startswith("09:00"))
    assert nine == "09:00 +one +two #+three   # read ##"


def test_what_is_removed_gives_way_to_what_is_there() -> None:
    gone = block("2026-01-05", "09:00", "10:00", Mark.GONE, "old")
    days = days_of(gone, block("2026-01-05", "09:00", "09:30", Mark.NEW, "new"))

    lines = drawn(days)
    assert "09:00 +new" in lines
    assert "09:30 x" in lines


def test_narrow_paper_has_fewer_days_in_a_table() -> None:
    assert [days_per_table(width) for width in (200, 80, 69, 60, 40, 20, 5)] == [
        *(7, 7, 7, 6, 3, 1, 1)
    ]
    days = days_of(block("2026-01-05", "09:00", "10:00"), count=3)
    assert all(len(line) <= 40 for line in drawn(days, width=40))


def test_names_are_cut_by_the_room_they_take_on_a_screen() -> None:
    days = days_of(block("2026-01-05", "09:00", "10:00", label="日本語の勉強をする"))

    nine = next(line for line in drawn(days) if line.startswith("09:00"))
    assert nine == "09:00 +日本語の"


def test_markup_in_a_name_is_text() -> None:
    days = days_of(block("2026-01-05", "09:00", "10:00", label="[b]x[/]"))

    assert any("+[b]x[/]" in line for line in drawn(days))


def test_a_block_over_midnight_is_on_both_days_and_named_once() -> None:
    days = days_of(Block(at("2026-01-05 23:00"), at("2026-01-06 01:00"), Mark.NEW, "late"))

    assert [(s.top, s.bottom, s.begins) for s in days[0].segments] == [(1380, 1440, True)]
    assert [(s.top, s.bottom, s.begins) for s in days[1].segments] == [(0, 60, False)]
    text = "\n".join(drawn(days))
    assert text.count("late") == 1


@pytest.mark.parametrize(
    ("first", "start", "length", "rows"),
    [
        # 02:00 to 03:00 does not exist: an hour and a half ends at 04:00 on the wall.
        (date(2026, 3, 29), "2026-03-29T01:30+01:00", 90, [(90, 240)]),
        # The hour from 02:00 comes twice.
        (date(2026, 10, 25), "2026-10-25T02:30+02:00", 60, [(150, 210)]),
    ],
)
def test_a_change_of_clocks_keeps_blocks_on_the_wall_clock(
    first: date, start: str, length: int, rows: list[tuple[int, int]]
) -> None:
    begin = floor_minute(datetime.fromisoformat(start))
    [day] = split_days([Block(begin, begin + length, Mark.NEW, "x")], first, 1, BERLIN)

    assert [(s.top, s.bottom) for s in day.segments] == rows


def test_only_tables_in_which_something_changes_are_chosen() -> None:
    stays = [
        Block(
            at(f"{MONDAY + timedelta(days=n)} 09:00"),
            at(f"{MONDAY + timedelta(days=n)} 10:00"),
            Mark.STAYS,
            "x",
        )
        for n in range(0, 28, 7)
    ]
    new = block("2026-01-13", "12:00", "13:00")

    chosen, left_out = choose_tables(days_of(*stays, new, count=30), 80, everything=False)
    assert [table[0].date for table in chosen] == [date(2026, 1, 12)]
    assert left_out == 3
    chosen, left_out = choose_tables(days_of(*stays, count=30), 80, everything=False)
    assert [table[0].date for table in chosen] == [MONDAY]
    assert left_out == 3
    chosen, left_out = choose_tables(days_of(*stays, new, count=30), 80, everything=True)
    assert (len(chosen), left_out) == (4, 0)
    busy = block("2026-01-06", "09:00", "10:00", Mark.BUSY)
    assert choose_tables(days_of(busy, count=30), 80, everything=True) == ([], 0)


def test_tables_that_would_look_the_same_are_drawn_once() -> None:
    daily = [
        Block(
            at(f"{MONDAY + timedelta(days=n)} 09:00"),
            at(f"{MONDAY + timedelta(days=n)} 10:00"),
            Mark.NEW,
            "x",
        )
        for n in range(21)
    ]
    other = block("2026-01-20", "12:00", "12:30")
    tables, _ = choose_tables(days_of(*daily, other, count=28), 80, everything=False)

    assert [
        (table[0].date.day, [o[0].date.day for o in others]) for table, others in alike(tables)
    ] == [
        (5, [12]),
        (19, []),
    ]


blocks = st.builds(
    lambda start, length, mark, label: Block(start, start + length, mark, label),
    st.integers(0, 14 * 1440).map(lambda minute: minute + at("2026-03-23 00:00")),
    st.integers(0, 3000),
    st.sampled_from(Mark),
    st.text(max_size=12).filter(str.isprintable),
)


@given(
    st.lists(blocks, max_size=12),
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]),
    st.integers(8, 200),
)
def test_anything_is_drawn_inside_the_paper(found: list[Block], zone: str, width: int) -> None:
    days = split_days(found, date(2026, 3, 24), 14, ZoneInfo(zone))
    for day in days:
        assert all(0 <= s.top < s.bottom <= 1440 for s in day.segments)
    tables, _ = choose_tables(days, width, everything=True)
    for table in tables:
        for line in drawn(table, width):
            assert len(line) <= max(width, 8)


def test_seconds_and_zones_of_the_machine_play_no_part() -> None:
    moment = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    [day] = split_days(
        [Block(floor_minute(moment), floor_minute(moment) + 30, Mark.NEW, "x")],
        MONDAY,
        1,
        ZoneInfo("Asia/Ho_Chi_Minh"),
    )
    assert day.segments[0].top == 16 * 60
