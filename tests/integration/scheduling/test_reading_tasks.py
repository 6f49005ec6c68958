"""Which tasks a plan is made from, in which calendar, and how much of each is left."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.scheduling.stage import NOW, Stage, data_of
from tuturuuu_jobs.scheduling.model import (
    BlockerKind,
    Ending,
    HoursType,
    ScopeKind,
    Snapshot,
    Task,
    floor_minute,
)
from tuturuuu_jobs.testing.tuturuuu import seed


@dataclasses.dataclass
class World:
    """A person with a personal workspace, in a team with somebody else."""

    stage: Stage
    me: UUID
    other: UUID
    mine: UUID
    team: UUID
    my_board: UUID
    team_board: UUID

    def task(self, board: UUID, *assignees: UUID, hours: float = 1.0, **columns: Any) -> UUID:
        connection = self.stage.connection
        users = assignees or (self.me,)
        return seed.create_task(connection, board, "Task", assignees=users, hours=hours, **columns)

    def piece(
        self,
        task: UUID,
        ws_id: UUID,
        start: datetime,
        *,
        minutes: int = 60,
        owner: UUID | None = None,
        completed: bool = False,
        **columns: Any,
    ) -> UUID:
        mark: dict[str, Any] = (
            {"scheduling_metadata": {"v": 1, "user": str(owner)}} if owner else {}
        )
        event = seed.create_event(
            self.stage.connection,
            ws_id,
            start,
            start + timedelta(minutes=minutes),
            **mark,
            **columns,
        )
        self.execute(
            "insert into task_calendar_events (task_id, event_id, scheduled_minutes, completed) "
            "values (%s, %s, %s, %s)",
            task,
            event,
            minutes,
            completed,
        )
        return event

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def snapshots(self, ws_id: UUID) -> list[Snapshot]:
        """What the scopes of a workspace are planned from, seen without writing."""
        self.stage.seen.clear()
        data_of(self.stage.preview(ws_id))
        return [snapshot for snapshot, _ in self.stage.seen]

    def of_me(self, ws_id: UUID) -> Snapshot | None:
        """The one with my tasks, if there is one."""
        found = [one for one in self.snapshots(ws_id) if one.scope.user_id == self.me]
        return found[0] if found else None

    def places(self, task: UUID) -> list[str]:
        """In which of my calendars a task is planned."""
        found: list[str] = []
        for name, ws_id in (("mine", self.mine), ("team", self.team)):
            snapshot = self.of_me(ws_id)
            if snapshot and any(one.id == task and one.ending is None for one in snapshot.tasks):
                found.append(name)
        return found

    def only(self, ws_id: UUID | None = None) -> Task:
        snapshot = self.of_me(ws_id or self.mine)
        assert snapshot is not None
        [task] = snapshot.tasks
        return task


@pytest.fixture
def world(stage: Stage) -> World:
    connection = stage.connection
    me, other = seed.create_user(connection), seed.create_user(connection)
    mine = seed.personal_workspace(connection, me)
    team = seed.create_workspace(connection, other)
    seed.add_member(connection, team, me)
    boards = [seed.create_board(connection, ws, me) for ws in (mine, team)]
    return World(stage, me, other, mine, team, *boards)


def test_a_task_is_planned_where_its_board_is(world: World) -> None:
    personal, shared = world.task(world.my_board), world.task(world.team_board)
    assert world.places(personal) == ["mine"]
    assert world.places(shared) == ["team"]


def test_a_task_of_my_own_board_needs_no_assignee(world: World) -> None:
    task = world.task(world.my_board)
    world.execute("delete from task_assignees where task_id = %s", task)
    assert world.places(task) == ["mine"]


def test_a_task_of_the_team_needs_one(world: World) -> None:
    task = world.task(world.team_board)
    world.execute("delete from task_assignees where task_id = %s", task)
    assert world.places(task) == []


def test_a_team_task_that_i_put_on_a_board_of_mine_is_planned_in_my_calendar(world: World) -> None:
    task = world.task(world.team_board)
    world.execute(
        "insert into task_user_overrides (task_id, user_id, personal_board_id) values (%s, %s, %s)",
        task,
        world.me,
        world.my_board,
    )
    assert world.places(task) == ["mine"]


def test_a_task_of_a_workspace_that_i_am_not_in_is_planned_in_my_calendar(world: World) -> None:
    task = world.task(world.team_board)
    world.execute("delete from workspace_members where user_id = %s", world.me)
    snapshot = world.of_me(world.mine)
    assert snapshot is not None
    assert [one.id for one in snapshot.tasks] == [task]
    assert [one.scope.kind for one in world.snapshots(world.team)] == [ScopeKind.HABITS]


def test_a_task_of_somebodys_personal_board_is_planned_in_my_own_calendar(world: World) -> None:
    theirs = seed.personal_workspace(world.stage.connection, world.other)
    board = seed.create_board(world.stage.connection, theirs, world.other)
    task = world.task(board)
    seed.add_member(world.stage.connection, theirs, world.me)
    assert world.places(task) == ["mine"]


def test_a_task_stays_in_the_calendar_of_its_latest_piece(world: World) -> None:
    task = world.task(world.team_board, hours=9)
    world.piece(task, world.mine, NOW - timedelta(days=1), owner=world.me)
    assert world.places(task) == ["mine"]
    world.piece(task, world.team, NOW + timedelta(days=1), owner=world.me)
    assert world.places(task) == ["team"]
    world.piece(task, world.mine, NOW + timedelta(days=2), owner=world.me)
    assert world.places(task) == ["mine"]


def test_a_personal_task_never_goes_into_the_team(world: World) -> None:
    task = world.task(world.my_board)
    stray = world.piece(task, world.team, NOW + timedelta(days=1), owner=world.me)
    assert world.places(task) == ["mine"]
    snapshot = world.of_me(world.team)
    assert snapshot is not None
    assert [(one.event_id, one.kind) for one in snapshot.blockers] == [
        (stray, BlockerKind.TAKEN_OVER)
    ]


def test_a_task_of_two_people_is_planned_for_each(world: World) -> None:
    task = world.task(world.team_board, world.me, world.other)
    scopes = [one for one in world.snapshots(world.team) if one.scope.kind is ScopeKind.TASKS]
    assert [one.scope.user_id for one in scopes] == sorted([world.me, world.other])
    assert [[found.id for found in one.tasks] for one in scopes] == [[task], [task]]


ENDINGS = {
    Ending.DELETED: "update tasks set deleted_at = now() where id = %s",
    Ending.COMPLETED: "update tasks t set list_id = l.id from task_lists l "
    "where t.id = %s and l.board_id = t.board_id and l.status = 'done'",
    Ending.CLOSED: "update tasks t set list_id = l.id from task_lists l "
    "where t.id = %s and l.board_id = t.board_id and l.status = 'closed'",
    Ending.HIDDEN: "update task_lists l set archived = true from tasks t "
    "where t.id = %s and l.id = t.list_id",
    Ending.PERSONALLY_COMPLETED: "insert into task_user_overrides (task_id, user_id, completed_at) "
    "select task_id, user_id, now() from task_assignees where task_id = %s",
    Ending.UNASSIGNED: "delete from task_assignees where task_id = %s",
}
MORE_ENDINGS = [
    *ENDINGS.items(),
    (
        Ending.DELETED,
        "update task_lists l set deleted = true from tasks t where t.id = %s and l.id = t.list_id",
    ),
    (
        Ending.DELETED,
        (
            "update workspace_boards b set deleted_at = now() from tasks t "
            "where t.id = %s and b.id = t.board_id"
        ),
    ),
    (
        Ending.HIDDEN,
        (
            "update workspace_boards b set archived_at = now() from tasks t "
            "where t.id = %s and b.id = t.board_id"
        ),
    ),
    (
        Ending.HIDDEN,
        (
            "update task_lists l set status = 'documents' from tasks t "
            "where t.id = %s and l.id = t.list_id"
        ),
    ),
    (
        Ending.UNASSIGNED,
        (
            "insert into task_user_overrides (task_id, user_id, personally_unassigned) "
            "select task_id, user_id, true from task_assignees where task_id = %s"
        ),
    ),
]


@pytest.mark.parametrize(("ending", "statement"), MORE_ENDINGS)
def test_68_a_task_that_ended_is_read_while_it_has_open_pieces(
    world: World, ending: Ending, statement: str
) -> None:
    task = world.task(world.team_board)
    piece = world.piece(task, world.team, NOW + timedelta(days=1), owner=world.me)
    world.execute(statement, task)
    assert world.only(world.team).ending is ending
    data_of(world.stage.run(world.team))
    assert world.stage.own() == []
    assert world.of_me(world.team) is None
    assert world.stage.connection.execute(
        "select count(*) from workspace_calendar_events where id = %s", (piece,)
    ).fetchone() == (0,)


def test_68_what_is_not_scheduled_automatically_any_more_stays_and_blocks(world: World) -> None:
    task = world.task(world.my_board)
    piece = world.piece(task, world.mine, NOW + timedelta(days=1), owner=world.me)
    world.execute("update tasks set deleted_at = now() where id = %s", task)
    world.execute("update task_user_scheduling_settings set auto_schedule = false")
    before = world.stage.physical()
    data_of(world.stage.run(world.mine))
    snapshot = world.of_me(world.mine)
    assert snapshot is not None
    assert snapshot.tasks == ()
    assert [(one.event_id, one.kind) for one in snapshot.blockers] == [
        (piece, BlockerKind.TAKEN_OVER)
    ]
    assert world.stage.physical() == before


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_task_without_an_estimate_is_not_planned_and_loses_its_pieces(
    world: World, hours: float | None
) -> None:
    task = world.task(world.my_board)
    world.execute("update task_user_scheduling_settings set total_duration = %s", hours)
    assert world.of_me(world.mine).tasks == ()  # type: ignore[union-attr]  # there is always one
    world.piece(task, world.mine, NOW + timedelta(days=1), owner=world.me)
    assert world.only().minutes == 0
    data_of(world.stage.run(world.mine))
    assert world.stage.own() == []


@pytest.mark.parametrize(
    ("hours", "minutes"),
    [(0.33, 20), (0.1, 6), (1 / 3, 20), (2.675, 161), (1e-4, 0), (7.9999, 480), (1e30, 527_040)],
)
def test_24_an_estimate_of_single_precision_is_whole_minutes(
    world: World, hours: float, minutes: int
) -> None:
    task = world.task(world.my_board, hours=hours)
    world.piece(task, world.mine, NOW + timedelta(days=1), owner=world.me)
    assert world.only().minutes == minutes


def test_22_what_is_past_started_or_ticked_off_is_done_wherever_it_was(world: World) -> None:
    task = world.task(world.team_board, world.me, world.other, hours=10)
    past, begun = NOW - timedelta(days=30), NOW - timedelta(minutes=15)
    world.piece(task, world.team, past, minutes=60, owner=world.me)
    world.piece(task, world.mine, past, minutes=30, owner=world.me)
    world.piece(task, world.team, begun, minutes=45, owner=world.me)
    ahead = NOW + timedelta(days=1)
    world.piece(task, world.team, ahead, minutes=20, owner=world.me, completed=True)
    world.piece(task, world.team, ahead + timedelta(hours=2), minutes=40, owner=world.me)
    world.piece(task, world.team, past, minutes=55, owner=world.other)
    assert world.only(world.team).done == 60 + 30 + 45 + 20


def test_a_persons_own_priority_and_date_win(world: World) -> None:
    due, mine = NOW + timedelta(days=3), NOW + timedelta(days=1)
    task = world.task(
        world.my_board, priority="low", end_date=due, start_date=NOW + timedelta(hours=1)
    )
    found = world.only()
    assert (found.weight, found.deadline) == (1, floor_minute(due))
    assert found.start == floor_minute(NOW) + 60
    world.execute(
        "insert into task_user_overrides (task_id, user_id, priority_override, due_date_override) "
        "values (%s, %s, 'critical', %s)",
        task,
        world.me,
        mine,
    )
    found = world.only()
    assert (found.weight, found.deadline) == (8, floor_minute(mine))


def test_pieces_may_have_bounds_and_hours(world: World) -> None:
    world.task(world.my_board)
    found = world.only()
    assert (found.splittable, found.shortest, found.longest) == (False, None, None)
    assert found.hours is HoursType.PERSONAL
    world.execute(
        "update task_user_scheduling_settings set is_splittable = true, calendar_hours = "
        "'meeting_hours', min_split_duration_minutes = 29.5, max_split_duration_minutes = 90"
    )
    found = world.only()
    assert (found.splittable, found.shortest, found.longest) == (True, 29, 90)
    assert found.hours is HoursType.MEETING


@pytest.mark.parametrize("column", ["start_date", "end_date"])
def test_a_date_beyond_all_calendars_is_none(world: World, column: str) -> None:
    world.task(world.my_board)
    world.execute(f"update tasks set {column} = 'infinity'")
    found = world.only()
    assert (found.start, found.deadline) == (None, None)


def test_an_unmarked_piece_belongs_to_the_only_one_who_schedules_the_task(world: World) -> None:
    task = world.task(world.team_board)
    piece = world.piece(task, world.team, NOW + timedelta(days=1))
    snapshot = world.of_me(world.team)
    assert snapshot is not None
    assert [one.event_id for one in snapshot.pieces] == [piece]
    world.execute(
        "insert into task_user_scheduling_settings (task_id, user_id, total_duration, "
        "auto_schedule) values (%s, %s, 1, true)",
        task,
        world.other,
    )
    for one in world.snapshots(world.team):
        assert one.pieces == ()
        assert [(b.event_id, b.kind) for b in one.blockers] == [(piece, BlockerKind.UNKNOWN_OWNER)]


@pytest.mark.parametrize("mark", [{"user": "nobody"}, {"user": 1}, {"user": None}, {"v": 1}])
def test_a_mark_that_names_nobody_counts_as_none(world: World, mark: dict[str, object]) -> None:
    task = world.task(world.team_board)
    piece = world.piece(task, world.team, NOW + timedelta(days=1), scheduling_metadata=mark)
    snapshot = world.of_me(world.team)
    assert snapshot is not None
    assert [one.event_id for one in snapshot.pieces] == [piece]


def test_pieces_behind_the_window_count_and_are_not_touched(world: World) -> None:
    task = world.task(world.my_board, hours=1)
    world.piece(task, world.mine, datetime(2026, 3, 1, tzinfo=UTC), owner=world.me)
    before = world.stage.physical()
    assert data_of(world.stage.run(world.mine))["findings"] == []
    assert world.stage.physical() == before


def test_the_name_is_cut_to_what_a_title_can_be(world: World) -> None:
    world.task(world.my_board)
    world.execute("update tasks set name = %s", "\N{PILE OF POO}" * 1000)
    data_of(world.stage.run(world.mine))
    [row] = world.stage.own()
    assert row.title == "\N{PILE OF POO}" * 255
    before = world.stage.physical()
    data_of(world.stage.run(world.mine))
    assert world.stage.physical() == before
