"""The numbered scenarios about tasks: pieces, deadlines, gaps, and what does not fit."""

from __future__ import annotations

from itertools import pairwise

from tests.unit.scheduling.building import (
    CRITICAL,
    HIGH,
    LOW,
    H,
    T,
    busy,
    changes,
    codes,
    event,
    findings,
    locked,
    only_free,
    snapshot,
    times,
)
from tuturuuu_jobs.scheduling.decisions import Level, Plan
from tuturuuu_jobs.scheduling.model import Buffers, HoursType
from tuturuuu_jobs.scheduling.plan import plan

DEFAULT_BUFFERS = Buffers(5, 15)


def late(result: Plan) -> int:
    return sum(item.late for item in result.items)


def test_7_a_hand_made_event_is_never_overlapped() -> None:
    task = T("A", 120)
    result = plan(snapshot(task, busy("Jan 5 08:00-10:00"), busy("Jan 5 10:00-11:00")))
    assert changes(result) == ["insert A Jan 5 11:00-13:00"]


def test_8_a_neighbour_that_ends_off_the_quarter_costs_minutes_and_not_the_day() -> None:
    result = plan(snapshot(T("A", 60), locked("Jan 5 08:00-10:05")))
    assert changes(result) == ["insert A Jan 5 10:15-11:15"]


def test_9_the_preferred_buffer_is_kept_where_there_is_room() -> None:
    result = plan(snapshot(T("A", 60), locked("Jan 5 08:00-10:05"), buffers=DEFAULT_BUFFERS))
    assert changes(result) == ["insert A Jan 5 10:30-11:30"]


def test_10_the_buffer_yields_where_there_is_none() -> None:
    gap = only_free("Jan 5 08:00-08:30")
    result = plan(snapshot(T("A", 30), *gap, buffers=DEFAULT_BUFFERS))
    assert changes(result) == ["insert A Jan 5 08:00-08:30"]


def test_11_pieces_are_full_and_begin_on_tidy_quarters() -> None:
    task = T("A", 300, split=(60, 120))
    assert times(plan(snapshot(task)), task) == [
        "Jan 5 08:00-10:00",
        "Jan 5 10:15-12:15",
        "Jan 5 12:30-13:30",
    ]


def test_12_pieces_have_no_fixed_size() -> None:
    task = T("A", 300, split=(120, 180))
    gaps = only_free("Jan 5 08:00-11:00", "Jan 5 12:00-14:00")
    assert times(plan(snapshot(task, *gaps)), task) == ["Jan 5 08:00-11:00", "Jan 5 12:00-14:00"]


def test_13_bounds_that_no_number_of_pieces_meets_are_relaxed_and_told() -> None:
    result = plan(snapshot(T("A", 100, split=(60, 70))))
    assert [item.end - item.start for item in result.items] == [50, 50]
    assert codes(result) == ["split_bounds_relaxed"]
    assert result.findings[0].level is Level.WARNING


def test_14_no_piece_leaves_a_rest_that_is_too_short() -> None:
    task = T("A", 150, split=(60, 120))
    gaps = only_free("Jan 5 08:00-10:00", "Jan 5 12:00-20:00")
    assert times(plan(snapshot(task, *gaps)), task) == ["Jan 5 08:00-09:30", "Jan 5 12:00-13:00"]


def test_15_less_than_a_piece_is_one_piece() -> None:
    task = T("A", 40, split=(60, 120))
    result = plan(snapshot(task))
    assert times(result, task) == ["Jan 5 08:00-08:40"]
    assert result.findings == ()


def test_16_what_no_block_can_hold_is_told() -> None:
    task = T("A", 600, hours=HoursType.WORK)
    result = plan(snapshot(task, work="09:00-17:00"))
    assert result.items == ()
    assert findings(result) == ["A too_long_for_any_block 600"]
    assert result.findings[0].level is Level.ERROR


def test_17_a_piece_inside_a_locked_window_goes_and_the_task_is_unplaced() -> None:
    task = T("A", 60)
    result = plan(snapshot(task, *only_free(), event(task, "Jan 6 09:00-10:00")))
    assert changes(result) == ["delete A Jan 6 09:00-10:00"]
    assert findings(result) == ["A no_free_time 60"]
    assert result.findings[0].level is Level.ERROR


def test_18_what_is_overdue_comes_as_soon_as_possible() -> None:
    task = T("A", 60, due="Jan 4 08:00")
    result = plan(snapshot(task))
    assert times(result, task) == ["Jan 5 08:00-09:00"]
    assert findings(result) == ["A overdue 60"]
    assert late(result) == 60


def test_19_what_does_not_fit_before_the_deadline_comes_after_it() -> None:
    task = T("A", 180, split=(30, 120), due="Jan 5 10:00")
    result = plan(snapshot(task))
    assert times(result, task) == ["Jan 5 08:00-10:00", "Jan 5 10:15-11:15"]
    assert findings(result) == ["A late 60"]
    assert late(result) == 60


def test_20_of_two_with_one_deadline_the_lighter_is_late() -> None:
    light = T("A", 120, due="Jan 5 10:00", weight=LOW)
    heavy = T("B", 120, due="Jan 5 10:00", weight=CRITICAL)
    result = plan(snapshot(light, heavy))
    assert times(result, heavy) == ["Jan 5 08:00-10:00"]
    assert times(result, light) == ["Jan 5 10:00-12:00"]
    assert findings(result) == ["A late 120"]


def test_21_one_task_is_late_rather_than_two() -> None:
    tasks = (
        T("A", 240, due="Jan 5 12:00"),
        T("B", 60, due="Jan 5 12:30"),
        T("C", 60, due="Jan 5 13:00"),
    )
    result = plan(snapshot(*tasks))
    assert [times(result, task) for task in tasks] == [
        ["Jan 5 08:00-12:00"],
        ["Jan 5 13:00-14:00"],
        ["Jan 5 12:00-13:00"],
    ]
    assert findings(result) == ["B late 60"]


def test_the_heaviest_is_in_time_though_lighter_ones_are_due_before_it() -> None:
    sooner = T("A", 90, split=(60, 60), due="Jan 5 11:00")
    heavy = T("B", 180, split=(30, 120), due="Jan 5 13:05", weight=CRITICAL)
    soon = T("C", 180, split=(60, 120), due="Jan 5 12:00", weight=HIGH)
    result = plan(snapshot(sooner, heavy, soon, *only_free("Jan 5 08:00-15:00")))
    assert not [line for line in findings(result) if line.startswith("B ")]


def test_everything_is_in_time_where_it_can_be_whatever_its_weight() -> None:
    tasks = (
        T("A", 165, split=(5, 480), due="Jan 6 01:10", weight=LOW),
        T("B", 220, split=(5, 480), due="Jan 6 18:50", weight=LOW),
        T("C", 215, split=(5, 480), due="Jan 5 14:30", weight=LOW),
        T("D", 155, split=(5, 480), due="Jan 7 23:20"),
        T("E", 210, split=(5, 480), due="Jan 6 20:50", weight=CRITICAL),
    )
    result = plan(snapshot(*tasks, now="Jan 5 06:00", hours="09:00-12:00 13:00-17:00"))
    assert result.findings == ()


def test_of_very_many_the_heaviest_come_first() -> None:
    light = [T(f"L{number}", 30, weight=LOW) for number in range(130)]
    heavy = [T(f"H{number}", 30, weight=CRITICAL) for number in range(130)]
    result = plan(snapshot(*light, *heavy))
    ends = [item.end for item in result.items if item.title.startswith("H")]
    starts = [item.start for item in result.items if item.title.startswith("L")]
    assert len(ends) == 130
    assert max(ends) <= min(starts)


def test_22_what_is_done_is_not_planned_again() -> None:
    half, all_of_it = T("A", 240, done=120), T("A", 240, done=240)
    assert times(plan(snapshot(half)), half) == ["Jan 5 08:00-10:00"]
    assert changes(plan(snapshot(all_of_it))) == []


def test_23_the_start_hour_of_today_counts() -> None:
    task = T("A", 60, start="Jan 5 15:00")
    assert times(plan(snapshot(task)), task) == ["Jan 5 15:00-16:00"]


def test_24_twenty_minutes_are_one_piece_of_twenty() -> None:
    task = T("A", 20)
    assert times(plan(snapshot(task)), task) == ["Jan 5 08:00-08:20"]


def test_46_blocks_that_touch_at_midnight_hold_one_piece() -> None:
    task = T("A", 180)
    result = plan(snapshot(task, hours="00:00-02:00 22:00-24:00"))
    assert times(result, task) == ["Jan 5 22:00-25:00"]


def test_47_a_block_until_23_59_lasts_until_midnight() -> None:
    task = T("A", 60)
    result = plan(snapshot(task, locked("Jan 5 08:00-23:00"), hours="07:00-23:59"))
    assert times(result, task) == ["Jan 5 23:00-24:00"]


def test_51_blockers_without_length_or_upside_down_block_nothing() -> None:
    task = T("A", 120)
    result = plan(snapshot(task, locked("Jan 5 09:00-09:00"), locked("Jan 5 10:00-09:00")))
    assert times(result, task) == ["Jan 5 08:00-10:00"]


def test_52_blockers_may_overlap() -> None:
    task = T("A", 60, start="Jan 5 09:00")
    blockers = [locked(f"Jan 5 {text}") for text in ("09:00-11:00", "10:00-12:00", "09:30-09:45")]
    assert times(plan(snapshot(task, *blockers)), task) == ["Jan 5 12:00-13:00"]


def test_73_breaks_interrupt_long_runs_of_own_work() -> None:
    task = T("A", 240, split=(30, 120))
    breaks = Buffers(0, 0, break_every=90, break_length=15)
    result = plan(snapshot(task, buffers=breaks))
    assert sum(item.end - item.start for item in result.items) == 240
    run = 0
    for before, item in pairwise([None, *result.items]):
        assert item is not None
        if before and item.start - before.end < 15:
            run += item.start - before.end + item.end - item.start
        else:
            run = item.end - item.start
        assert run <= 90


def test_work_past_a_deadline_is_planned_and_not_dropped() -> None:
    task = T("A", 600, split=(30, 120), due="Jan 5 12:00")
    result = plan(snapshot(task))
    assert sum(item.end - item.start for item in result.items) == 600
    assert codes(result) == ["late"]


def test_a_short_habit_makes_room_for_a_long_task() -> None:
    habit = H("A", 30, start="2026-01-05", end="2026-01-05")
    task = T("B", 90)
    result = plan(snapshot(habit, task, *only_free("Jan 5 11:00-13:00")))
    assert [item.end - item.start for item in result.items] in ([30, 90], [90, 30])
    assert result.findings == ()


def test_now_is_rounded_up_to_the_grid_and_no_further() -> None:
    task, gap = T("A", 60), only_free("Jan 5 08:00-09:05")
    result = plan(snapshot(task, *gap, now="Jan 5 08:02"))
    assert times(result, task) == ["Jan 5 08:05-09:05"]


def test_the_last_date_of_the_window_is_the_last_that_is_planned() -> None:
    task = T("A", 60)
    last, next_one = only_free("Jan 11 22:00-23:00"), only_free("Jan 12 07:00-08:00")
    assert times(plan(snapshot(task, *last)), task) == ["Jan 11 22:00-23:00"]
    assert findings(plan(snapshot(task, *next_one))) == ["A no_free_time 60"]


def test_yesterdays_hours_last_until_they_end() -> None:
    task = T("A", 60)
    result = plan(snapshot(task, now="Jan 5 00:30", hours="22:00-02:00"))
    assert times(result, task) == ["Jan 5 00:30-01:30"]
