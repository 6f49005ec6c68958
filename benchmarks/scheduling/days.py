"""The day after: what a calendar looks like once its plan was applied and life went on."""

from __future__ import annotations

import dataclasses
import random
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from benchmarks.scheduling.generator import meetings
from tests.unit.scheduling.applying import applied
from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import Blocker, Instance, Piece, Snapshot, State, floor_minute

Row = TypeVar("Row", Instance, Piece)

CHANGED: Final = 0.05
"""Of the blockers."""


def next_day(snapshot: Snapshot, plan: Plan, rng: random.Random) -> tuple[Snapshot, int]:
    """The plan applied, a day later, with a few blockers moved; and how many those are."""
    base = applied(snapshot, plan)
    later = base.now + timedelta(days=1)
    now = floor_minute(later)
    worked = {task.id: 0 for task in base.tasks}
    for piece in base.pieces:
        if piece.start < now:
            worked[piece.task_id] += piece.end - piece.start
    blockers, changed = _changed(base, rng)
    return (
        dataclasses.replace(
            base,
            now=later,
            blockers=blockers,
            instances=tuple(_aged(each, now) for each in base.instances),
            pieces=tuple(_aged(each, now) for each in base.pieces if each.end > now),
            tasks=tuple(
                dataclasses.replace(task, done=task.done + worked[task.id]) for task in base.tasks
            ),
        ),
        changed,
    )


def moved(plan: Plan) -> int:
    """Own events that go elsewhere or go, and are not merely new."""
    moves = sum(1 for change in plan.changes if isinstance(change, Update) and change.moves)
    return moves + sum(1 for change in plan.changes if isinstance(change, Delete))


def inserted(plan: Plan) -> int:
    """New events."""
    return sum(1 for change in plan.changes if isinstance(change, Insert))


def _aged(event: Row, now: int) -> Row:
    if event.start >= now:
        return event
    state = State.PAST if event.end <= now else State.STARTED
    return dataclasses.replace(event, state=state)


def _changed(snapshot: Snapshot, rng: random.Random) -> tuple[tuple[Blocker, ...], int]:
    """A twentieth of the blockers gone, and as many others instead."""
    count = max(1, round(CHANGED * len(snapshot.blockers)))
    fresh = meetings(rng, snapshot.window_days)
    gone: set[UUID | None] = {
        each.event_id for each in rng.sample(snapshot.blockers, min(count, len(snapshot.blockers)))
    }
    kept = [each for each in snapshot.blockers if each.event_id not in gone]
    return (*kept, *rng.sample(fresh, min(count, len(fresh)))), 2 * count
