"""H13: what stands well stays, whatever room appears and however much time passes."""

from __future__ import annotations

import dataclasses
import random
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import pytest

from benchmarks.scheduling.generator import Recipe, generate
from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.reading import occurrence
from tests.unit.scheduling.rules import violations
from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import (
    FREEZE,
    Instance,
    Piece,
    Snapshot,
    State,
    floor_minute,
    instant_of,
)
from tuturuuu_jobs.scheduling.plan import plan

DAY = 1440
NEARER = 60
"""Minutes that a habit must come nearer to its aim to be moved for its own sake."""

Row = TypeVar("Row", Instance, Piece)


def unjustified(snapshot: Snapshot, before: Plan, after: Plan) -> list[Update | Delete]:
    """Changes of events that could have stayed and that nothing allows."""
    return [
        change
        for change in after.changes
        if not isinstance(change, Insert)
        and (
            change.start < floor_minute(snapshot.now) + FREEZE
            or not (
                _is_displaced(snapshot, after, change) or _gains(snapshot, before, after, change)
            )
        )
    ]


def _is_displaced(snapshot: Snapshot, after: Plan, change: Update | Delete) -> bool:
    """Whether something heavier is where it was."""
    weights = {habit.id: habit.weight for habit in snapshot.habits}
    weights |= {task.id: task.weight for task in snapshot.tasks}
    own = weights[_id(change)]
    return any(
        weights[item.id] > own and item.start < change.end and change.start < item.end
        for item in after.items
    )


def _gains(snapshot: Snapshot, before: Plan, after: Plan, change: Update | Delete) -> bool:
    """Whether a habit comes an hour nearer, or its task was late or ends a day earlier."""
    identity = _id(change)
    if isinstance(change, Update) and change.item.date is not None:
        [habit] = [each for each in snapshot.habits if each.id == identity]
        wish, item = occurrence(snapshot, habit, change.item.date), change.item
        old, new = (
            wish.distance(0, change.start, change.end),
            wish.distance(0, item.start, item.end),
        )
        return old[0] - new[0] >= NEARER
    was = [item for item in before.items if item.id == identity and not item.fixed]
    is_now = [item for item in after.items if item.id == identity and not item.fixed]
    if any(item.late for item in was):
        return True
    last = max(item.end for item in was)
    return bool(is_now) and max(item.end for item in is_now) <= last - DAY


def _id(change: Update | Delete) -> UUID:
    return change.item.id if isinstance(change, Update) else change.id


def settled(days: int, load: float, seed: int) -> Snapshot:
    """A calendar whose plan is written."""
    fresh = generate(Recipe(days, load, seed))
    return applied(fresh, plan(fresh))


@pytest.mark.parametrize("load", [0.5, 0.8, 1.3])
def test_room_that_appears_moves_only_what_gains_much_by_it(load: float) -> None:
    moved = 0
    for seed in range(1, 7):
        calendar, rng = settled(7, load, seed), random.Random(seed)
        left = tuple(each for each in calendar.blockers if rng.random() < 0.4)
        roomier = dataclasses.replace(calendar, blockers=left)
        before, after = plan(calendar), plan(roomier)
        assert before.changes == ()
        assert unjustified(roomier, before, after) == []
        moved += sum(not isinstance(change, Insert) for change in after.changes)
    assert moved


@pytest.mark.parametrize("load", [0.8, 1.3])
def test_time_that_passes_moves_nothing_for_no_reason(load: float) -> None:
    calendar = settled(7, load, 1)
    for _ in range(30):
        before = plan(calendar)
        calendar = an_hour_later(calendar)
        after = plan(calendar)
        assert violations(calendar, after) == []
        assert unjustified(calendar, before, after) == []
        calendar = applied(calendar, after)


def an_hour_later(calendar: Snapshot) -> Snapshot:
    """What has begun meanwhile counts as done."""
    now = calendar.now + timedelta(hours=1)
    begun = [each for each in calendar.pieces if each.state is State.OPEN and _has_begun(each, now)]
    return dataclasses.replace(
        calendar,
        now=now,
        instances=tuple(_aged(each, now) for each in calendar.instances),
        pieces=tuple(_aged(each, now) for each in calendar.pieces if instant_of(each.end) > now),
        tasks=tuple(
            dataclasses.replace(
                task,
                done=task.done + sum(p.end - p.start for p in begun if p.task_id == task.id),
            )
            for task in calendar.tasks
        ),
    )


def _has_begun(event: Instance | Piece, now: datetime) -> bool:
    return instant_of(event.start) < now


def _aged(event: Row, now: datetime) -> Row:
    if not _has_begun(event, now):
        return event
    state = State.PAST if instant_of(event.end) <= now else State.STARTED
    return dataclasses.replace(event, state=state)
