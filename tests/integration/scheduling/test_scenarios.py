"""Every numbered scenario once more, through the tables: a snapshot in, rows out.

The scenarios are those of the planner's own tests. Where they call ``plan``, the snapshot is
written into a database, the job runs there, and its plan is judged; what the tables say afterwards
must be that plan, and the next run must not touch a row.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.postgres import Databases
from tests.integration.scheduling.stage import Stage, data_of
from tests.integration.scheduling.staging import Seeding
from tests.unit.scheduling import (
    test_scenarios_habits,
    test_scenarios_keeping,
    test_scenarios_tasks,
    test_scenarios_time,
)
from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Item, Plan, Update
from tuturuuu_jobs.scheduling.model import ScopeKind, Snapshot, instant_of
from tuturuuu_jobs.testing.tuturuuu import Shape

MODULES = (
    test_scenarios_habits,
    test_scenarios_keeping,
    test_scenarios_tasks,
    test_scenarios_time,
)


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A test of the planner, and the state of the tables to repeat it on."""

    module: ModuleType
    test: Callable[[], None]
    shape: Shape


FOUND = [
    (module, test)
    for module in MODULES
    for name, test in vars(module).items()
    if name.startswith("test_") and inspect.isfunction(test)
]
# The statements are the same for both states of the tables: each scenario sees one of them.
SCENARIOS = [
    pytest.param(Scenario(module, test, shape), id=f"{test.__name__.removeprefix('test_')}-{shape}")
    for (module, test), shape in zip(FOUND, itertools.cycle(Shape), strict=False)
]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_through_the_tables(
    scenario: Scenario, databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def through_the_tables(snapshot: Snapshot) -> Plan:
        with databases.fresh(scenario.shape, jobs_schema=True) as database:
            stage = Stage(database, tmp_path / "state")
            try:
                return run(stage, snapshot)
            finally:
                stage.close()

    monkeypatch.setattr(scenario.module, "plan", through_the_tables)
    scenario.test()


def run(stage: Stage, snapshot: Snapshot) -> Plan:
    """The plan that the job makes of this snapshot in the tables, and applies once and for all."""
    seeding = Seeding(stage, snapshot)
    seeding.write()
    plan = run_once(stage, seeding, snapshot)
    after = stage.physical()
    stage.seen.clear()
    run_once(stage, seeding, snapshot)
    assert stage.physical() == after
    return plan


def run_once(stage: Stage, seeding: Seeding, snapshot: Snapshot) -> Plan:
    """The plan that the job makes of what is in the tables, and applies."""
    before = stage.physical()
    request: dict[str, Any] = {
        "window_days": snapshot.window_days,
        "force": snapshot.force,
        "user_id": seeding.user_id if snapshot.scope.kind is ScopeKind.TASKS else None,
    }
    data_of(stage.run(seeding.ws_id, **request))
    [(read, plan), *_] = stage.seen
    assert read.scope.kind is snapshot.scope.kind
    check_untouched(before, stage, plan)
    unread = {row_id for table, row_id in before if table == "event"} - ids_of(read)
    check_rows([row for row in stage.own(seeding.ws_id) if row.id not in unread], read, plan)
    return plan


def check_untouched(before: dict[Any, Any], stage: Stage, plan: Plan) -> None:
    """Rows that no change names are as they lay; of the others the deleted ones are gone."""
    after = stage.physical()
    updated = {c.item.event_id for c in plan.changes if isinstance(c, Update)}
    deleted = {c.event_id for c in plan.changes if isinstance(c, Delete)}
    for (table, row_id), lying in before.items():
        if table in {"event", "skip"} and row_id not in updated | deleted:
            assert after[table, row_id] == lying
        if row_id in deleted:
            assert (table, row_id) not in after
    inserts = sum(isinstance(change, Insert) for change in plan.changes)
    assert sum(key not in before for key in after if key[0] == "event") == inserts


def ids_of(read: Snapshot) -> set[UUID]:
    """The scope's own events that were read; those wholly behind the window are not."""
    ids = {instance.event_id for instance in read.instances}
    return ids | {piece.event_id for piece in read.pieces}


def check_rows(rows: list[Any], read: Snapshot, plan: Plan) -> None:
    """What the tables hold of the scope's future is what the plan says."""
    ours = {habit.id for habit in read.habits} | {task.id for task in read.tasks}
    held = {
        (row.item, row.date, row.start_at, row.end_at, row.title)
        for row in rows
        if row.item in ours and not row.locked and not row.external and row.start_at > read.now
    }
    # What begins right now cannot be told from what has begun; and the planner may hold what we
    # see as open, such as the end of an occurrence of yesterday.
    planned = [item for item in plan.items if instant_of(item.start) > read.now]
    assert held >= {_row(item) for item in planned if not item.fixed}
    assert {row[:4] for row in held} <= {_row(item)[:4] for item in planned}
    assert len(held) == len({_row(item)[:4] for item in planned} & {row[:4] for row in held})


def _row(item: Item) -> tuple[UUID, date | None, datetime, datetime, str]:
    return (item.id, item.date, instant_of(item.start), instant_of(item.end), item.title)


def test_all_scenarios_are_here() -> None:
    assert len(SCENARIOS) > 60
