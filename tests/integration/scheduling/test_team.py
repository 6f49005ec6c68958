"""A team's calendar: its habits, and each member's tasks beside one another."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.scheduling.stage import NOW, Stage, data_of
from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import ScopeKind, Snapshot
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.testing.tuturuuu import seed

HOUR = timedelta(hours=1)
TEN = NOW + 2 * HOUR
ADA, BEN = UUID(int=0xADA << 100), UUID(int=0xBE << 120)
TEAM = UUID(int=0x7EA << 110)


@dataclasses.dataclass
class Team:
    """A team of Ada and Ben, each with a task of an hour, and a habit at ten today."""

    stage: Stage
    habit: UUID
    board: UUID
    tasks: dict[UUID, UUID]

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def run(self, **payload: Any) -> dict[str, Any]:
        return data_of(self.stage.run(TEAM, **payload))

    def of(self, user: UUID) -> list[Any]:
        return [row for row in self.stage.own(TEAM) if row.item == self.tasks[user]]

    def busy(self, start: datetime, end: datetime, ws_id: UUID = TEAM) -> UUID:
        return seed.create_event(self.stage.connection, ws_id, start, end, locked=True)

    def only_free(self, start: datetime, end: datetime) -> None:
        """Everything else of the week is taken by meetings."""
        self.busy(NOW - HOUR, start)
        self.busy(end, NOW + timedelta(days=30))


@pytest.fixture
def team(stage: Stage) -> Team:
    connection = stage.connection
    for user in (ADA, BEN):
        seed.create_user(connection, user_id=user)
        seed.personal_workspace(connection, user)
    seed.create_workspace(connection, ADA, ws_id=TEAM)
    seed.add_member(connection, TEAM, BEN)
    buffers = '{"min_buffer": 0, "preferred_buffer": 0}'
    connection.execute("update workspaces set scheduling_settings = %s", (buffers,))
    habit = seed.create_habit(
        connection,
        TEAM,
        "Stand-up",
        ideal_time="10:00",
        start_date=date(2026, 1, 5),
        end_date=date(2026, 1, 5),
    )
    board = seed.create_board(connection, TEAM, ADA)
    tasks = {
        user: seed.create_task(connection, board, name, assignees=[user], hours=1)
        for user, name in ((ADA, "Ada's"), (BEN, "Ben's"))
    }
    return Team(stage, habit, board, tasks)


def test_58_two_people_can_work_at_the_same_time(team: Team) -> None:
    team.only_free(NOW + HOUR, TEN)
    team.execute("update workspace_habits set is_active = false")
    data = team.run()
    assert [(s["scope"], s["user_id"]) for s in data["scopes"]] == [
        ("habits", None),
        ("tasks", str(ADA)),
        ("tasks", str(BEN)),
    ]
    for user in (ADA, BEN):
        [row] = team.of(user)
        assert row.start_at == NOW + HOUR
        assert row.metadata["user"] == str(user)


def test_58_one_members_run_never_touches_anothers_piece(team: Team) -> None:
    team.run()
    bens = team.of(BEN)
    lying = team.stage.physical()
    # Both of them are in the way of a new meeting, but only Ada's plan is made.
    team.busy(bens[0].start_at, bens[0].end_at)
    data = team.run(user_id=ADA, force=True)
    assert [scope["user_id"] for scope in data["scopes"]] == [str(ADA)]
    assert team.of(BEN) == bens
    assert team.stage.physical()["event", bens[0].id] == lying["event", bens[0].id]


def test_59_habits_alone_leave_the_members_pieces(team: Team) -> None:
    """A run that knows no tasks must not take anybody's task events for leftovers."""
    team.run()
    before = {user: team.of(user) for user in (ADA, BEN)}
    real = team.stage.planner

    def only_habits(snapshot: Snapshot) -> Plan:
        if snapshot.scope.kind is not ScopeKind.HABITS:
            raise UnavailableError("not now", code="test")
        assert snapshot.pieces == ()
        return real(snapshot)

    team.execute("update workspace_habits set ideal_time = '15:00'")
    team.stage.planner = only_habits
    result = team.stage.run(TEAM)
    assert (result.exit_code, result.code) == (3, "test")
    assert {user: team.of(user) for user in (ADA, BEN)} == before


def test_a_member_without_tasks_or_pieces_has_no_plan(team: Team) -> None:
    team.execute("update task_user_scheduling_settings set auto_schedule = user_id = %s", BEN)
    assert [scope["user_id"] for scope in team.run()["scopes"]] == [None, str(BEN)]


def test_a_members_tasks_go_around_the_teams_habit(team: Team) -> None:
    team.only_free(TEN, TEN + 2 * HOUR)
    team.run()
    rows = {row.item: row for row in team.stage.own(TEAM)}
    stand_up = rows[team.habit]
    for user in (ADA, BEN):
        task = rows[team.tasks[user]]
        assert task.end_at <= stand_up.start_at or stand_up.end_at <= task.start_at


def test_62_a_critical_task_does_not_move_the_teams_habit(team: Team) -> None:
    team.execute("update workspace_habits set priority = 'low', duration_minutes = 60")
    team.run()
    before = next(row for row in team.stage.own(TEAM) if row.item == team.habit)
    team.execute(
        "delete from workspace_calendar_events where id in "
        "(select event_id from task_calendar_events)"
    )
    team.only_free(TEN, TEN + 2 * HOUR)
    team.execute("update tasks set priority = 'critical', end_date = %s", TEN + HOUR)
    data = team.run()
    after = next(row for row in team.stage.own(TEAM) if row.item == team.habit)
    assert after == before
    assert {row.start_at for user in (ADA, BEN) for row in team.of(user)} == {TEN + HOUR}
    assert [found["code"] for found in data["findings"]] == ["late", "late"]


def test_60_a_member_is_not_planned_over_their_own_calendar(team: Team) -> None:
    team.execute("update workspace_habits set is_active = false")
    personal = seed.personal_workspace(team.stage.connection, ADA)
    team.busy(TEN - HOUR, TEN, personal)
    team.only_free(TEN - HOUR, TEN + HOUR)
    team.run()
    [ada], [ben] = team.of(ADA), team.of(BEN)
    assert (ada.start_at, ben.start_at) == (TEN, TEN - HOUR)


def test_60_a_piece_moves_away_from_what_is_elsewhere_without_naming_it(team: Team) -> None:
    team.run()
    [row] = team.of(ADA)
    personal = seed.personal_workspace(team.stage.connection, ADA)
    team.stage.clock.set(NOW - 3 * HOUR)
    team.execute(
        "update workspace_calendar_events set start_at = %s, end_at = %s where id = %s",
        TEN + HOUR,
        TEN + 2 * HOUR,
        row.id,
    )
    team.busy(TEN + HOUR, TEN + 2 * HOUR, personal)
    team.run()
    [moved] = team.of(ADA)
    assert moved.id == row.id
    assert "overlaps busy time elsewhere" in moved.reason


def test_a_dry_run_puts_the_planned_habits_before_the_members(team: Team) -> None:
    team.only_free(TEN, TEN + 2 * HOUR)
    shown = data_of(team.stage.preview(TEAM))
    planned = {change["id"]: change for change in shown["changes"]}
    done = team.run()
    rows = {str(row.item): row for row in team.stage.own(TEAM)}
    assert len(planned) == len(rows) == 3
    for item, change in planned.items():
        assert change["start"] == rows[item].start_at.isoformat()
    told = [(scope["inputs"], scope["changes"]) for scope in shown["scopes"]]
    assert told == [(scope["inputs"], scope["changes"]) for scope in done["scopes"]]


def test_another_attempt_repeats_only_the_scopes_that_failed(team: Team) -> None:
    real, failures = team.stage.planner, [UnavailableError("not now", code="test")]

    def shaky(snapshot: Snapshot) -> Plan:
        if snapshot.scope.user_id == ADA and failures:
            raise failures.pop()
        return real(snapshot)

    team.stage.planner = shaky
    result = team.stage.run(TEAM, attempts=2)
    assert (result.exit_code, result.attempts) == (0, 2)
    planned = [snapshot.scope.user_id for snapshot, _ in team.stage.seen]
    assert planned == [None, BEN, ADA]
    assert len(team.of(ADA)) == len(team.of(BEN)) == 1
    books = team.stage.books(TEAM)
    assert (books.last_status, books.events_created) == ("success", 3)
    assert result.data["summary"]["eventsCreated"] == 3


def test_members_are_planned_again_around_habits_that_failed_before(team: Team) -> None:
    team.only_free(TEN, TEN + 2 * HOUR)
    real, failures = team.stage.planner, [UnavailableError("not now", code="test")]

    def shaky(snapshot: Snapshot) -> Plan:
        if snapshot.scope.kind is ScopeKind.HABITS and failures:
            raise failures.pop()
        return real(snapshot)

    team.stage.planner = shaky
    assert team.stage.run(TEAM, attempts=2).exit_code == 0
    [stand_up] = [row for row in team.stage.own(TEAM) if row.item == team.habit]
    for user in (ADA, BEN):
        [piece] = team.of(user)
        assert piece.end_at <= stand_up.start_at or stand_up.end_at <= piece.start_at


def test_a_scope_that_fails_leaves_the_others_committed(team: Team) -> None:
    real = team.stage.planner

    def partial(snapshot: Snapshot) -> Plan:
        if snapshot.scope.user_id == BEN:
            raise UnavailableError("not now", code="test")
        return real(snapshot)

    team.stage.planner = partial
    result = team.stage.run(TEAM)
    assert (result.exit_code, result.status.value, result.code) == (3, "partial", "test")
    assert [problem.subject for problem in result.errors] == [f"tasks/{BEN}"]
    assert len(team.of(ADA)) == 1
    assert team.of(BEN) == []
    assert team.stage.books(TEAM).last_status == "partial"


def test_runs_of_one_workspace_keep_out_of_each_others_way(team: Team) -> None:
    other: list[Any] = []

    def meanwhile(_snapshot: Snapshot) -> None:
        if not other:
            other.append(None)
            other[0] = run_job(
                team.stage.job(), SchedulePayload(TEAM, 7), RunRequest(), team.stage.runtime()
            )

    team.stage.before_plan = meanwhile
    first = team.stage.run(TEAM)
    assert (first.exit_code, other[0].exit_code) == (0, 75)
    assert len(team.stage.own(TEAM)) == 3
