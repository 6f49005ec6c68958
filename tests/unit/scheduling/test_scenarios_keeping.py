"""The numbered scenarios about what already stands: kept, moved, resized, removed."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.building import (
    CRITICAL,
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
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Ending,
    Habit,
    ScopeKind,
    State,
    Task,
    instant_of,
)
from tuturuuu_jobs.scheduling.plan import plan


def once(name: str, minutes: int, day: str, ideal: str, weight: int = 2) -> Habit:
    """A habit of a single date."""
    return H(name, minutes, ideal=ideal, weight=weight, start=day, end=day)


def test_54_one_new_meeting_moves_one_piece() -> None:
    task, habit = T("A", 60), once("B", 30, "Jan 5", "12:00")
    standing = (event(task, "Jan 5 09:00-10:00"), event(habit, "Jan 5 12:00-12:30"))
    result = plan(snapshot(task, habit, *standing, locked("Jan 5 09:30-10:00")))
    assert changes(result) == ["update A Jan 5 09:00-10:00 to Jan 5 08:00-09:00"]


def test_55_a_habit_moves_for_a_gain_of_hours_but_not_at_short_notice() -> None:
    tomorrow = once("A", 30, "Jan 6", "09:00")
    result = plan(snapshot(tomorrow, event(tomorrow, "Jan 6 12:00-12:30")))
    assert changes(result) == ["update A Jan 6 12:00-12:30 to Jan 6 09:00-09:30"]
    today = once("A", 30, "Jan 5", "08:15")
    assert changes(plan(snapshot(today, event(today, "Jan 5 09:30-10:00")))) == []


def test_56_a_habit_does_not_move_for_half_an_hour_unless_forced() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    standing = event(habit, "Jan 6 09:30-10:00")
    assert changes(plan(snapshot(habit, standing))) == []
    forced = plan(snapshot(habit, standing, force=True))
    assert changes(forced) == ["update A Jan 6 09:30-10:00 to Jan 6 09:00-09:30"]


def test_56_a_habit_moves_once_the_gain_is_more_than_moving_costs() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    assert changes(plan(snapshot(habit, event(habit, "Jan 6 10:30-11:00")))) == []
    moved = plan(snapshot(habit, event(habit, "Jan 6 10:45-11:15")))
    assert changes(moved) == ["update A Jan 6 10:45-11:15 to Jan 6 09:00-09:30"]


def test_57_a_locked_instance_stays_and_counts_even_with_force() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    standing = event(habit, "Jan 6 15:00-15:30", State.LOCKED)
    result = plan(snapshot(habit, standing, force=True))
    assert changes(result) == []
    assert times(result, habit) == ["Jan 6 15:00-15:30"]


def yielding(*taken: str) -> tuple[Habit, Task, tuple[Blocker, ...]]:
    """A low habit at its ideal time in the way of a critical task; all busy before it."""
    habit = once("H", 60, "Jan 6", "09:00", LOW)
    task = T("T", 60, due="Jan 6 10:00", weight=CRITICAL)
    return habit, task, (locked("Jan 5 00:00-33:00"), *map(locked, taken))


def test_61_a_low_habit_makes_room_for_a_critical_task_with_a_deadline() -> None:
    habit, task, taken = yielding()
    result = plan(snapshot(habit, task, *taken, event(habit, "Jan 6 09:00-10:00")))
    assert sorted(changes(result)) == [
        "insert T Jan 6 09:00-10:00",
        "update H Jan 6 09:00-10:00 to Jan 6 10:00-11:00",
    ]


def test_61_it_goes_as_far_as_its_tolerance() -> None:
    habit, task, taken = yielding("Jan 6 10:00-13:00")
    result = plan(snapshot(habit, task, *taken, event(habit, "Jan 6 09:00-10:00")))
    assert sorted(changes(result)) == [
        "insert T Jan 6 09:00-10:00",
        "update H Jan 6 09:00-10:00 to Jan 6 13:00-14:00",
    ]


def test_61_and_goes_altogether_where_there_is_no_other_place() -> None:
    habit, task, taken = yielding("Jan 6 10:00-24:00")
    result = plan(snapshot(habit, task, *taken, event(habit, "Jan 6 09:00-10:00")))
    assert sorted(changes(result)) == ["delete H Jan 6 09:00-10:00", "insert T Jan 6 09:00-10:00"]
    assert findings(result) == ["H Jan 6 bumped_by 60"]
    assert result.bumped == 1


def test_62_in_a_team_a_task_goes_around_the_shared_habit() -> None:
    _, task, taken = yielding()
    shared = busy("Jan 6 09:00-10:00", BlockerKind.OTHER_SCOPE)
    result = plan(snapshot(task, *taken, shared, scope=ScopeKind.TASKS))
    assert changes(result) == ["insert T Jan 6 10:00-11:00"]
    assert findings(result) == ["T late 60"]


def test_63_what_google_knows_is_never_moved_and_counts() -> None:
    habit, task = once("A", 30, "Jan 6", "09:00"), T("B", 60)
    standing = (
        event(habit, "Jan 6 15:00-15:30", State.PUSHED),
        event(task, "Jan 8 15:00-16:00", State.PUSHED),
    )
    for force in (False, True):
        result = plan(snapshot(habit, task, *standing, force=force))
        assert changes(result) == []
        assert len(result.items) == 2


def test_67_a_smaller_estimate_shortens_the_last_piece() -> None:
    task = T("A", 180, split=(30, 120))
    standing = (event(task, "Jan 5 10:00-12:00"), event(task, "Jan 5 13:00-15:00"))
    result = plan(snapshot(task, *standing))
    assert changes(result) == ["update A Jan 5 13:00-15:00 to Jan 5 13:00-14:00"]


def test_68_a_completed_task_loses_its_open_pieces() -> None:
    task = T("A", 240, split=(30, 120), ending=Ending.COMPLETED)
    standing = (event(task, "Jan 5 10:00-12:00"), event(task, "Jan 5 13:00-15:00"))
    result = plan(snapshot(task, *standing))
    assert changes(result) == [
        "delete A Jan 5 10:00-12:00",
        "delete A Jan 5 13:00-15:00",
    ]
    assert result.items == ()


def test_68_pieces_of_a_task_that_the_user_took_over_stay_and_block() -> None:
    task = T("B", 60)
    taken = [
        busy(f"Jan 5 {text}", BlockerKind.TAKEN_OVER) for text in ("08:00-10:00", "10:00-12:00")
    ]
    assert changes(plan(snapshot(task, *taken))) == ["insert B Jan 5 12:00-13:00"]


def test_an_event_off_the_grid_is_kept_as_it_is() -> None:
    task = T("A", 60)
    assert changes(plan(snapshot(task, event(task, "Jan 5 10:07-11:07")))) == []


def test_an_event_of_the_wrong_length_is_resized_where_it_stands() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    result = plan(snapshot(habit, event(habit, "Jan 6 09:00-10:00")))
    assert changes(result) == ["update A Jan 6 09:00-10:00 to Jan 6 09:00-09:30"]


def test_of_two_own_events_that_overlap_the_heavier_stays() -> None:
    low, critical = once("A", 30, "Jan 6", "09:00", LOW), once("B", 30, "Jan 6", "09:00", CRITICAL)
    standing = (event(low, "Jan 6 09:00-09:30"), event(critical, "Jan 6 09:00-09:30"))
    result = plan(snapshot(low, critical, *standing))
    assert changes(result) == ["update A Jan 6 09:00-09:30 to Jan 6 08:30-09:00"]


def test_what_follows_another_habit_still_follows_it_after_a_task_displaced_that() -> None:
    first = once("A", 60, "Jan 6", "09:00", LOW)
    then = H("B", 60, ideal="10:00", weight=LOW, after="A", start="Jan 6", end="Jan 6")
    task = T("T", 60, due="Jan 6 10:00", weight=CRITICAL)
    standing = (event(first, "Jan 6 09:00-10:00"), event(then, "Jan 6 10:00-11:00"))
    result = plan(snapshot(first, then, task, *standing, locked("Jan 5 00:00-33:00")))
    ends = {item.id: item.end for item in result.items}
    starts = {item.id: item.start for item in result.items}
    assert times(result, task) == ["Jan 6 09:00-10:00"]
    assert ends[first.id] <= starts[then.id]


def test_what_follows_a_habit_of_several_instances_may_give_way_with_all_of_them() -> None:
    several = H("A", 60, quota=(2, 2, 2), between=(30, 30), weight=LOW, start="Jan 6", end="Jan 6")
    then = H("B", 30, weight=LOW, after="A", start="Jan 6", end="Jan 6")
    task = T("T", 90, due="Jan 6 10:30", weight=CRITICAL)
    standing = (
        event(several, "Jan 6 09:00-09:30"),
        event(several, "Jan 6 09:45-10:15"),
        event(then, "Jan 6 10:30-11:00"),
    )
    gaps = only_free("Jan 6 09:00-11:00")
    result = plan(snapshot(several, then, task, *standing, *gaps))
    assert times(result, task) == ["Jan 6 09:00-10:30"]


def test_a_habit_that_lost_a_date_of_its_rule_loses_the_event() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    result = plan(
        snapshot(habit, event(habit, "Jan 6 09:00-09:30"), event(habit, "Jan 8 09:00-09:30"))
    )
    assert changes(result) == ["delete A Jan 8 09:00-09:30"]


def test_surplus_events_of_one_date_go() -> None:
    habit = once("A", 30, "Jan 6", "09:00")
    result = plan(
        snapshot(habit, event(habit, "Jan 6 09:00-09:30"), event(habit, "Jan 6 15:00-15:30"))
    )
    assert changes(result) == ["delete A Jan 6 15:00-15:30"]
    assert codes(result) == []


def test_what_is_about_to_begin_stays_whatever_could_be_gained() -> None:
    habit = once("A", 60, "Jan 5", "08:15", CRITICAL)
    soon, later = event(habit, "Jan 5 09:45-10:45"), event(habit, "Jan 5 10:15-11:15")
    assert changes(plan(snapshot(habit, soon))) == []
    assert changes(plan(snapshot(habit, later))) == [
        "update A Jan 5 10:15-11:15 to Jan 5 08:15-09:15"
    ]


def test_an_instance_that_begins_does_not_take_the_aim_of_one_to_come() -> None:
    habit = H("A", 145, ideal="02:30", quota=(1, 1, 2), between=(None, 75), weight=LOW, end="Jan 5")
    before = snapshot(habit, now="Jan 5 07:30")
    first = plan(before)
    assert times(first, habit) == ["Jan 5 07:30-08:45", "Jan 5 19:00-20:10"]
    later = applied(before, first)
    for minutes in (0, 1, 60):
        now = later.now + timedelta(minutes=minutes)
        begun = tuple(
            dataclasses.replace(each, state=State.STARTED) if instant_of(each.start) < now else each
            for each in later.instances
        )
        assert plan(dataclasses.replace(later, now=now, instances=begun)).changes == ()
