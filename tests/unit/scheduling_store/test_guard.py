"""Which deletions in masses are refused."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from uuid import UUID

from tests.unit.scheduling.building import H, T, busy, done, event, locked, on, skip, snapshot
from tuturuuu_jobs.scheduling.decisions import Cause, Code, Delete, ItemKind, Level, Plan, Reason
from tuturuuu_jobs.scheduling.guard import finding_of, refused_deletions
from tuturuuu_jobs.scheduling.model import (
    Ending,
    Habit,
    Instance,
    Piece,
    Snapshot,
    State,
    Task,
    floor_minute,
)

REASON = Reason(Cause.NO_PLACE, "Because.")
HABIT = H("A", 30)
FIRST = floor_minute(snapshot().now) + 60


def instances(count: int, habit: Habit = HABIT, state: State = State.OPEN) -> list[Instance]:
    """That many events, one a day."""
    made = event(habit, "Jan 6 09:00-09:30", state)
    assert isinstance(made, Instance)
    return [
        dataclasses.replace(
            made,
            event_id=UUID(int=number),
            date=made.date + timedelta(days=number),
            start=made.start + 1440 * number,
            end=made.end + 1440 * number,
        )
        for number in range(count)
    ]


def deleting(*events: Instance | Piece) -> Plan:
    return Plan(
        changes=tuple(
            Delete(ItemKind.HABIT, e.habit_id, e.date, e.event_id, e.start, e.end, REASON)
            if isinstance(e, Instance)
            else Delete(ItemKind.TASK, e.task_id, None, e.event_id, e.start, e.end, REASON)
            for e in events
        )
    )


def refused(given: Snapshot, plan: Plan) -> int:
    return len(refused_deletions(given, plan))


def test_up_to_twenty_may_go_whatever_the_share() -> None:
    rows = instances(21)
    given = snapshot(HABIT, *rows)
    assert refused(given, deleting(*rows[:20])) == 0
    assert refused(given, deleting(*rows)) == 21


def test_of_many_up_to_half_may_go() -> None:
    rows = instances(100)
    given = snapshot(HABIT, *rows)
    assert refused(given, deleting(*rows[:50])) == 0
    assert refused(given, deleting(*rows[:51])) == 51


def test_events_that_are_not_open_do_not_enlarge_the_share() -> None:
    rows = instances(30)
    fixed = instances(100, state=State.LOCKED)
    assert refused(snapshot(HABIT, *rows, *fixed), deleting(*rows)) == 30


def test_what_is_explained_does_not_count() -> None:
    rows = instances(25)
    skips = [skip(HABIT, f"Jan {row.date.day}") for row in rows]
    assert refused(snapshot(HABIT, *rows, *skips), deleting(*rows)) == 0
    dones = [done(HABIT, f"Jan {row.date.day}") for row in rows]
    assert refused(snapshot(HABIT, *rows, *dones), deleting(*rows)) == 0
    assert refused(snapshot(HABIT, *rows, locked("Jan 1 00:00-24:00")), deleting(*rows)) == 25
    taken = [busy(f"Jan {row.date.day} 09:29-10:00") for row in rows]
    assert refused(snapshot(HABIT, *rows, *taken), deleting(*rows)) == 0
    beside = [busy(f"Jan {row.date.day} 09:30-10:00") for row in rows]
    assert refused(snapshot(HABIT, *rows, *beside), deleting(*rows)) == 25


def test_a_habit_that_ended_or_is_not_due_explains_it() -> None:
    rows = instances(25)
    for habit in (
        H("A", 30, ending=Ending.INACTIVE),
        H("A", 30, end="2026-01-05"),
        H("A", 30, start="2027-01-01"),
    ):
        assert refused(snapshot(habit, *rows), deleting(*rows)) == 0
    other = H("B", 30, ending=Ending.INACTIVE)
    assert refused(snapshot(HABIT, other, *rows), deleting(*rows)) == 25


def pieces(count: int, task: Task) -> list[Piece]:
    made = event(task, "Jan 6 09:00-09:30")
    assert isinstance(made, Piece)
    return [made] * count


def test_a_task_that_ended_or_is_done_explains_it() -> None:
    ended, finished = T("A", 60, ending=Ending.COMPLETED), T("A", 60, done=60)
    for task in (ended, finished):
        rows = pieces(25, task)
        assert refused(snapshot(task, *rows), deleting(*rows)) == 0
    half = T("A", 60, done=59)
    rows = pieces(25, half)
    assert refused(snapshot(half, *rows), deleting(*rows)) == 25


def test_a_habit_that_is_not_in_the_snapshot_explains_nothing() -> None:
    rows = instances(25)
    assert refused(snapshot(*rows), deleting(*rows)) == 25


def test_a_refusal_is_one_finding_that_names_a_few() -> None:
    rows = instances(25)
    found = finding_of(refused_deletions(snapshot(HABIT, *rows), deleting(*rows)))
    assert (found.code, found.level, found.minutes) == (
        Code.REFUSED_MASS_DELETE,
        Level.ERROR,
        25 * 30,
    )
    assert found.in_the_way == tuple(row.event_id for row in rows[:5])
    assert (found.id, found.date) == (HABIT.id, on("Jan 6"))
