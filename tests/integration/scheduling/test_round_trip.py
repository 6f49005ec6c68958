"""Any calendar, written into the tables, is read again as it was, and planned once and for all."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.fixtures.postgres import Databases
from tests.integration.scheduling.stage import Stage
from tests.integration.scheduling.staging import Seeding
from tests.integration.scheduling.test_scenarios import run_once
from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.strategies import snapshots
from tuturuuu_jobs.scheduling.daytime import DAY, minute_at
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Habit,
    Instance,
    Piece,
    Snapshot,
    State,
    Task,
    instant_of,
)
from tuturuuu_jobs.testing.tuturuuu import Shape

# What a personal workspace's plan never meets.
_OTHERS = {BlockerKind.ELSEWHERE, BlockerKind.OTHER_SCOPE, BlockerKind.BEYOND_WINDOW}


def storable(snapshot: Snapshot) -> Snapshot:
    """The nearest snapshot that the tables' own rules allow."""
    known = {habit.id for habit in snapshot.habits}
    return dataclasses.replace(
        snapshot,
        blockers=tuple(
            dataclasses.replace(
                blocker, kind=BlockerKind.MANUAL if blocker.kind in _OTHERS else blocker.kind
            )
            for blocker in snapshot.blockers
        ),
        habits=tuple(
            habit
            if habit.dependency and habit.dependency.habit_id in known - {habit.id}
            else dataclasses.replace(habit, dependency=None)
            for habit in snapshot.habits
        ),
    )


class Expected:
    """What reading should give, told independently of how it is read."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._given = snapshot
        zone = ZoneInfo(snapshot.zone)
        today = snapshot.now.astimezone(zone).date()
        self._first = today - timedelta(days=1)
        self._last = today + timedelta(days=snapshot.window_days - 1)
        self._end = minute_at(zone, self._last, DAY)
        self.instances = [self._state(i) for i in snapshot.instances if self._is_near(i)]
        linked = {instance.habit_id for instance in self.instances}
        self.habits = [h for h in snapshot.habits if h.ending is None or h.id in linked]
        self.pieces = [self._state(p) for p in snapshot.pieces if not self._is_over(p.end)]
        owned = {piece.task_id for piece in self.pieces}
        self.tasks = [
            dataclasses.replace(t, done=max(t.done, self._told(t)))
            for t in snapshot.tasks
            if t.id in owned or (t.ending is None and t.minutes)
        ]

    def _is_over(self, minute: int) -> bool:
        return instant_of(minute) <= self._given.now

    def _is_inside(self, start: int, end: int) -> bool:
        return not self._is_over(end) and start < self._end

    def _is_dated(self, day: date) -> bool:
        return self._first <= day <= self._last

    def _is_near(self, instance: Instance) -> bool:
        return self._is_inside(instance.start, instance.end) or self._is_dated(instance.date)

    def _state(self, row: Any) -> Any:
        held = row.state is State.OPEN and row.start >= self._end
        return dataclasses.replace(row, state=State.LOCKED) if held else row

    def _told(self, task: Task) -> int:
        return sum(
            piece.end - piece.start
            for piece in self._given.pieces
            if piece.task_id == task.id
            and (piece.completed or piece.state in {State.PAST, State.STARTED})
        )

    def blockers(self) -> list[tuple[int, int, BlockerKind]]:
        return [
            (b.start, b.end, b.kind)
            for b in self._given.blockers
            if b.start < b.end and self._is_inside(b.start, b.end)
        ]

    def skips(self) -> set[tuple[UUID, date]]:
        read = {habit.id for habit in self.habits}
        return {key for key in self._given.skips if key[0] in read and self._is_dated(key[1])}

    def completions(self) -> dict[tuple[UUID, date], UUID | None]:
        read = {habit.id for habit in self.habits}
        events = {instance.event_id for instance in self.instances}
        return {
            key: event
            for key, event in self._given.completions.items()
            if key[0] in read and (self._is_dated(key[1]) or event in events)
        }


def check(read: Snapshot, given: Snapshot) -> None:
    expected = Expected(given)
    assert by_id(read.habits) == by_id(expected.habits)
    assert by_id(read.tasks) == by_id(expected.tasks)
    assert by_event(read.instances) == by_event(expected.instances)
    assert by_event(read.pieces) == by_event(expected.pieces)
    found = [(b.start, b.end, b.kind) for b in read.blockers]
    assert sorted(found) == sorted(expected.blockers())
    assert read.skips == expected.skips()
    assert read.completions == expected.completions()
    for name in ("now", "zone", "hours", "buffers", "window_days", "force"):
        assert getattr(read, name) == getattr(given, name), name


def by_id(rows: Any) -> list[Habit | Task]:
    return sorted(rows, key=lambda row: row.id.int)


def by_event(rows: Any) -> list[Instance | Piece | Blocker]:
    return sorted(rows, key=lambda row: row.event_id.int)


def write_and_run(stage: Stage, snapshot: Snapshot) -> Plan:
    seeding = Seeding(stage, snapshot)
    seeding.write()
    return run_once(stage, seeding, snapshot)


def check_again(stage: Stage, read: Snapshot, plan: Plan) -> None:
    """The next run sees what was written: it decides as the planner does of the applied plan."""
    lying = stage.physical()
    expected = stage.planner(applied(read, plan))
    assert stage.run(read.ws_id, window_days=read.window_days, force=read.force).exit_code == 0
    if not expected.changes:
        assert stage.physical() == lying
    assert stage.seen[-1][1].score == expected.score


@pytest.fixture
def try_out(databases: Databases, tmp_path: Path) -> Callable[[Snapshot], None]:
    def attempt(snapshot: Snapshot) -> None:
        with databases.fresh(Shape.CURRENT, jobs_schema=True) as database:
            shutil.rmtree(tmp_path / "state", ignore_errors=True)
            stage = Stage(database, tmp_path / "state")
            try:
                plan = write_and_run(stage, snapshot)
                [(read, _)] = stage.seen
                check(read, snapshot)
                check_again(stage, read, plan)
            finally:
                stage.close()

    return attempt


# Not shrunk: each try costs a database, and the planner's own properties shrink theirs.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
KEPT = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)


@given(snapshot=snapshots())
@settings(max_examples=25, suppress_health_check=KEPT, phases=PHASES)
def test_a_calendar_is_read_as_it_was_written_and_planned_once(
    try_out: Callable[[Snapshot], None], snapshot: Snapshot
) -> None:
    try_out(storable(snapshot))


@pytest.mark.soak
@pytest.mark.parametrize("part", range(10))
@given(snapshot=snapshots())
@settings(max_examples=100, suppress_health_check=KEPT, phases=PHASES)
def test_a_thousand_calendars_are(
    try_out: Callable[[Snapshot], None], part: int, snapshot: Snapshot
) -> None:
    try_out(storable(snapshot))
