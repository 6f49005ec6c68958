"""The smallest change that would help what found no place, or a late one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from hypothesis import given, settings

from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.building import (
    CRITICAL,
    H,
    T,
    clock,
    event,
    locked,
    only_free,
    snapshot,
)
from tests.unit.scheduling.rules import violations
from tests.unit.scheduling.strategies import snapshots
from tuturuuu_jobs.scheduling.decisions import Code, Finding, Plan, Remedy, RemedyKind
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Habit,
    HoursType,
    Instance,
    Piece,
    Snapshot,
    State,
    Task,
    floor_minute,
)
from tuturuuu_jobs.scheduling.plan import plan
from tuturuuu_jobs.scheduling.remedies import suggest

PLANS = 40


def advised(given: Snapshot, limit: int = PLANS) -> Plan:
    return suggest(given, plan(given), limit=limit)


def remedies(given: Snapshot) -> list[tuple[str, str] | None]:
    """Kind and value for each finding."""
    return [
        (found.remedy.kind.value, found.remedy.value) if found.remedy else None
        for found in advised(given).findings
    ]


def nameless(*blockers: Blocker) -> tuple[Blocker, ...]:
    """Busy elsewhere: nobody can be told to move it."""
    return tuple(
        dataclasses.replace(each, event_id=None, kind=BlockerKind.ELSEWHERE) for each in blockers
    )


def test_a_late_task_could_have_the_deadline_at_which_it_ends() -> None:
    task = T("A", 180, split=(30, 120), due="Jan 5 10:00")
    assert remedies(snapshot(task)) == [("later_deadline", "2026-01-05T11:15:00+00:00")]


def test_what_starts_behind_the_window_could_start_at_once() -> None:
    given = snapshot(T("A", 60, start="Jan 20 08:00"))
    assert remedies(given) == [("earlier_start", "2026-01-05T08:00:00+00:00")]


def test_what_no_block_can_hold_could_be_split() -> None:
    given = snapshot(T("A", 600, hours=HoursType.WORK), work="09:00-17:00")
    assert remedies(given) == [("splittable", "true")]


def test_pieces_could_be_as_short_as_the_gaps_and_no_shorter() -> None:
    gaps = nameless(*only_free("Jan 5 09:00-09:45", "Jan 6 09:00-09:50", "Jan 7 09:00-09:10"))
    given = snapshot(T("A", 90, split=(60, 120)), *gaps)
    assert remedies(given) == [("shorter_pieces", "45")]


def test_an_instance_could_be_as_short_as_the_gap_and_no_shorter() -> None:
    habit = H("A", 60, between=(60, None), start="2026-01-06", end="2026-01-06")
    given = snapshot(habit, *nameless(*only_free("Jan 6 12:00-12:45")))
    assert remedies(given) == [("shorter", "45")]


def test_instances_could_be_shorter_until_there_are_enough() -> None:
    habit = H("A", 120, quota=(2, 2, 2), between=(60, 60), start="2026-01-06", end="2026-01-06")
    gaps = nameless(*only_free("Jan 6 09:00-10:00", "Jan 6 15:00-15:40"))
    assert remedies(snapshot(habit, *gaps)) == [("shorter", "40")]


def test_an_event_in_the_way_could_go() -> None:
    habit = H("A", 30, ideal="07:00")
    wall = locked("Jan 6 07:00-09:30")
    assert remedies(snapshot(habit, wall)) == [("unlock_event", str(wall.event_id))]


def test_of_two_events_in_the_way_the_shorter_one_could_go() -> None:
    habit = H("A", 30, ideal="07:00")
    walls = locked("Jan 6 07:00-08:30"), locked("Jan 6 08:30-09:30")
    assert remedies(snapshot(habit, *walls)) == [("unlock_event", str(walls[1].event_id))]


def test_an_own_event_in_the_way_could_be_unlocked() -> None:
    habit = H("A", 30, ideal="10:30", start="2026-01-06", end="2026-01-06")
    pinned = event(habit, "Jan 6 09:15-09:45", State.LOCKED)
    task = T("B", 60, weight=CRITICAL)
    gaps = nameless(*only_free("Jan 6 09:00-10:00", "Jan 6 12:00-12:30"))
    given = snapshot(habit, pinned, task, *gaps)
    assert remedies(given) == [("unlock_event", str(pinned.event_id))]
    [found] = advised(given).findings
    assert found.remedy is not None
    assert found.remedy.text == "Unlock the event at Tue 09:15."


def test_another_time_could_be_wanted() -> None:
    habit = H("A", 30, ideal="07:00")
    given = snapshot(habit, *nameless(locked("Jan 6 07:00-09:30")))
    assert remedies(given) == [("other_time", "09:30")]


def test_another_time_is_told_as_clocks_show_it_on_a_day_that_changes_them() -> None:
    habit = H("A", 30, ideal="07:00", start="2026-03-08", end="2026-03-08")
    walls = nameless(locked("2026-03-08 11:00-13:30"))
    given = snapshot(habit, *walls, now="2026-03-06 12:00", zone="America/New_York")
    assert remedies(given) == [("other_time", "09:30")]


def test_other_hours_could_hold_it_and_one_answer_is_for_all_dates() -> None:
    given = snapshot(H("A", 30, hours=HoursType.MEETING), meeting={"tuesday": "10:00-12:00"})
    assert remedies(given) == [("other_hours", "work_hours")] * 6


def test_a_wider_window_could_have_room() -> None:
    given = snapshot(T("A", 60), *nameless(*only_free("Jan 12 07:00-23:00")))
    assert remedies(given) == [("wider_window", "14")]


def test_where_nothing_small_helps_nothing_is_suggested() -> None:
    given = snapshot(T("A", 60), *nameless(*only_free()))
    assert remedies(given) == [None]


def test_a_change_by_which_something_else_loses_its_place_is_not_suggested() -> None:
    heavy, light = T("A", 60, start="Jan 20 08:00", weight=CRITICAL), T("B", 60)
    given = snapshot(heavy, light, *nameless(*only_free("Jan 6 08:00-09:00")))
    assert remedies(given) == [None]


def test_without_a_plan_to_spare_nothing_is_looked_for() -> None:
    given = snapshot(T("A", 180, due="Jan 5 10:00"))
    made = plan(given)
    assert suggest(given, made, limit=0) == made


def test_every_finding_has_its_first_trial_before_any_has_its_second() -> None:
    hopeless, late = T("A", 600, weight=CRITICAL), T("B", 120, due="Jan 5 09:00")
    given = snapshot(hopeless, late, hours="08:00-11:00")
    found = {each.id: each.remedy for each in advised(given, limit=2).findings}
    assert found[late.id] is not None


def made_so(given: Snapshot, finding: Finding, remedy: Remedy) -> Snapshot:
    """What a person does who follows the advice, read from kind and value alone."""
    value = remedy.value

    def minute() -> int:
        return floor_minute(datetime.fromisoformat(value))

    task: dict[RemedyKind, Callable[[], dict[str, Any]]] = {
        RemedyKind.LATER_DEADLINE: lambda: {"deadline": minute()},
        RemedyKind.EARLIER_START: lambda: {"start": minute()},
        RemedyKind.SPLITTABLE: lambda: {"splittable": True},
        RemedyKind.SHORTER_PIECES: lambda: {"shortest": int(value)},
        RemedyKind.SHORTER: lambda: {"shortest": int(value)},
        RemedyKind.OTHER_HOURS: lambda: {"hours": HoursType(value)},
        RemedyKind.OTHER_TIME: lambda: {"ideal": clock(value), "band": None},
    }
    match remedy.kind:
        case RemedyKind.WIDER_WINDOW:
            return dataclasses.replace(given, window_days=int(value))
        case RemedyKind.UNLOCK_EVENT:
            return unlocked(given, UUID(value))
        case kind:
            changed = task[kind]()

    def with_it(owner: Habit | Task) -> Any:
        return dataclasses.replace(owner, **changed) if owner.id == finding.id else owner

    return dataclasses.replace(
        given,
        habits=tuple(map(with_it, given.habits)),
        tasks=tuple(map(with_it, given.tasks)),
    )


def unlocked(given: Snapshot, event_id: UUID) -> Snapshot:
    def opened(row: Instance | Piece) -> Any:
        return dataclasses.replace(row, state=State.OPEN) if row.event_id == event_id else row

    return dataclasses.replace(
        given,
        blockers=tuple(each for each in given.blockers if each.event_id != event_id),
        instances=tuple(map(opened, given.instances)),
        pieces=tuple(map(opened, given.pieces)),
    )


@given(snapshots())
@settings(max_examples=20)
def test_who_follows_the_advice_finds_it_true(given: Snapshot) -> None:
    made = plan(given)
    before = {(each.kind, each.id, each.date): each.minutes for each in made.findings}
    told = suggest(given, made, limit=PLANS // 2)
    assert dataclasses.replace(told, findings=()) == dataclasses.replace(made, findings=())
    assert [dataclasses.replace(each, remedy=None) for each in told.findings] == [*made.findings]
    then = dataclasses.replace(applied(given, made), force=False)
    for found in told.findings:
        if found.remedy is None:
            continue
        assert 0 < len(found.remedy.text) <= 512
        changed = made_so(then, found, found.remedy)
        result = plan(changed)
        assert violations(changed, result) == []
        left = {(each.kind, each.id, each.date): each for each in result.findings}
        after = {key: each.minutes for key, each in left.items()}
        rest = left.get((found.kind, found.id, found.date))
        if rest is not None and rest.minutes:
            assert (rest.code, rest.minutes < found.minutes) == (Code.SHORTENED, True)
        if found.remedy.kind is not RemedyKind.WIDER_WINDOW:
            assert all(minutes <= before.get(key, 0) for key, minutes in after.items())


def test_what_is_below_its_quota_is_told_what_stands_in_the_way() -> None:
    habit = H("A", 120, quota=(2, 3, 4), between=(30, 60))
    walls = only_free("Jan 6 09:00-09:30", "Jan 7 00:00-48:00")
    told = plan(snapshot(habit, *walls)).findings
    [found] = [each for each in told if each.code is Code.QUOTA_BELOW_MIN]
    assert found.in_the_way
    assert set(found.in_the_way) <= {each.event_id for each in walls}
