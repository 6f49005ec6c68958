"""A dry run applied as it was shown, or refused."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.scheduling.stage import NOW, Stage, data_of
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind
from tuturuuu_jobs.scheduling.work import SavedPlan, SavedScope
from tuturuuu_jobs.testing.tuturuuu import seed

HOUR = timedelta(hours=1)
LATER = timedelta(minutes=20)


@dataclasses.dataclass
class Shown:
    """A team with a habit and two members' tasks, and what a dry run showed of it."""

    stage: Stage
    ws_id: UUID
    saved: SavedPlan
    data: dict[str, Any]

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def apply(self) -> Result:
        return self.stage.run(self.ws_id, saved=self.saved)


def saved_of(data: dict[str, Any]) -> SavedPlan:
    """What a program keeps of a dry run."""
    scopes = tuple(
        SavedScope(
            Scope(ScopeKind(scope["scope"]), UUID(scope["user_id"]) if scope["user_id"] else None),
            scope["inputs"],
            scope["changes"],
        )
        for scope in data["scopes"]
    )
    [planned_at] = {scope["planned_at"] for scope in data["scopes"]}
    return SavedPlan(datetime.fromisoformat(planned_at), scopes)


@pytest.fixture
def shown(stage: Stage) -> Shown:
    connection = stage.connection
    ada, ben = seed.create_user(connection), seed.create_user(connection)
    team = seed.create_workspace(connection, ada)
    seed.add_member(connection, team, ben)
    seed.create_habit(connection, team, "Stand-up", ideal_time="10:00", start_date=date(2026, 1, 5))
    board = seed.create_board(connection, team, ada)
    for user in (ada, ben):
        seed.create_task(
            connection, board, "Task", assignees=[user], hours=4, start_date=NOW + HOUR
        )
    data = data_of(stage.preview(team))
    stage.clock.set(NOW + LATER)
    return Shown(stage, team, saved_of(data), data)


def test_a_plan_is_applied_as_it_was_shown_although_time_has_passed(shown: Shown) -> None:
    result = shown.apply()
    assert (result.exit_code, result.code) == (0, "succeeded")
    wanted = sorted(change["start"] for change in shown.data["changes"])
    assert sorted(row.start_at.isoformat() for row in shown.stage.own()) == wanted
    assert saved_of(result.data) == shown.saved


def test_all_scopes_of_a_dry_run_are_planned_for_one_instant(shown: Shown) -> None:
    clock = shown.stage.clock
    shown.stage.before_plan = lambda _snapshot: clock.advance(timedelta(seconds=1))
    again = data_of(shown.stage.preview(shown.ws_id))
    assert saved_of(again).planned_at == NOW + LATER


def new_meeting(shown: Shown) -> None:
    start = NOW + 3 * HOUR
    seed.create_event(shown.stage.connection, shown.ws_id, start, start + HOUR, locked=True)


STATEMENTS = {
    "length": "update workspace_habits set duration_minutes = 45",
    "name": "update workspace_habits set name = 'Other'",
    "estimate": "update task_user_scheduling_settings set total_duration = 3",
    "zone": "update workspaces set timezone = 'Europe/Berlin'",
    "buffers": """update workspaces set scheduling_settings = '{"min_buffer": 9}'""",
    "skip": "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
    "select ws_id, id, '2026-01-07' from workspace_habits",
    "no tasks": "delete from task_user_scheduling_settings",
    "meeting": "insert into workspace_calendar_events (ws_id, start_at, end_at) "
    "select ws_id, '2026-01-05 11:00Z', '2026-01-05 12:00Z' from workspace_habits",
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_plan_whose_inputs_have_changed_is_refused(shown: Shown, what: str) -> None:
    shown.execute(STATEMENTS[what])
    before = shown.stage.physical()
    result = shown.apply()
    assert (result.exit_code, result.code) == (77, "plan_outdated")
    assert shown.stage.physical() == before


def test_what_makes_no_difference_to_a_plan_does_not_outdate_it(shown: Shown) -> None:
    # Hours that are no table are the usual ones; an empty event takes no time.
    seed.set_hours(shown.stage.connection, shown.ws_id, "PERSONAL", {})
    start = NOW + 2 * HOUR
    seed.create_event(shown.stage.connection, shown.ws_id, start, start)
    assert shown.apply().exit_code == 0


def test_a_plan_that_has_begun_is_refused(shown: Shown) -> None:
    shown.stage.clock.set(NOW + 2 * HOUR)
    result = shown.apply()
    assert (result.exit_code, result.code) == (77, "plan_outdated")
    assert shown.stage.own() == []


def test_an_applied_plan_is_not_applied_twice(shown: Shown) -> None:
    assert shown.apply().exit_code == 0
    before = shown.stage.physical()
    result = shown.apply()
    assert (result.exit_code, result.code) == (77, "plan_outdated")
    assert shown.stage.physical() == before


def test_a_change_between_checking_and_writing_is_noticed_too(shown: Shown) -> None:
    seen: list[None] = []

    def meanwhile(_snapshot: object) -> None:
        seen.append(None)
        # Three scopes are looked at; then the first one is planned again to be written.
        if len(seen) == 3:
            new_meeting(shown)

    shown.stage.before_plan = meanwhile
    result = shown.apply()
    assert (result.exit_code, result.code) == (77, "plan_outdated")
    assert shown.stage.own() == []
