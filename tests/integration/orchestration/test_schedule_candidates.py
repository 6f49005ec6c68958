"""Which workspaces a fan-out of schedule finds, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.orchestration.model import Candidate
from tuturuuu_jobs.orchestration.plan import plan_order
from tuturuuu_jobs.orchestration.schedulable import load_schedulable
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.testing.tuturuuu import seed

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
PREFIX = "schedule-"
Connection = psycopg.Connection[Any]


def found(connection: Connection) -> list[UUID]:
    return [one.ws_id for one in load_schedulable(connection, ("schedule",), PREFIX)]


def with_task(connection: Connection, user_id: UUID, ws_id: UUID, **columns: object) -> UUID:
    board = seed.create_board(connection, ws_id, user_id)
    status = str(columns.pop("status", "not_started"))
    return seed.create_task(
        connection, board, "t", assignees=(user_id,), hours=1.0, status=status, **columns
    )


def put_event(
    connection: Connection, ws_id: UUID, habit_id: UUID, hours: int, **columns: Any
) -> None:
    start = SystemClock().now() + timedelta(hours=hours)
    event_id = seed.create_event(connection, ws_id, start, start + timedelta(hours=1), **columns)
    connection.execute(
        "insert into habit_calendar_events (habit_id, event_id, occurrence_date)"
        " values (%s, %s, current_date)",
        (habit_id, event_id),
    )


def test_a_habit_or_a_members_task_makes_a_workspace_worth_a_child(
    any_database: Database,
) -> None:
    with any_database.connect() as connection:
        user_id = seed.create_user(connection)
        personal = seed.personal_workspace(connection, user_id)
        habits = seed.create_workspace(connection, user_id)
        tasks = seed.create_workspace(connection, user_id)
        seed.create_workspace(connection, user_id)
        seed.create_habit(connection, habits, "h")
        with_task(connection, user_id, tasks)
        gone = seed.create_workspace(connection, user_id, deleted=True)
        seed.create_habit(connection, gone, "h")

        # The owner's task may be planned in the personal calendar: whose it is, the plan decides.
        assert sorted(found(connection)) == sorted([personal, habits, tasks])


HABITS_OF_NO_WORK: dict[str, dict[str, object]] = {
    "inactive": {"is_active": False},
    "unknown": {"is_active": None},
    "by hand": {"auto_schedule": False},
    "hidden": {"is_visible_in_calendar": False},
    "deleted": {"deleted_at": NOW},
}


@pytest.mark.parametrize("name", HABITS_OF_NO_WORK)
def test_a_habit_that_wants_no_plan_makes_no_work_unless_events_of_it_are_left(
    database: Database, name: str
) -> None:
    with database.connect() as connection:
        ws_id = seed.create_workspace(connection, seed.create_user(connection))
        habit_id = seed.create_habit(connection, ws_id, "h", **HABITS_OF_NO_WORK[name])
        assert found(connection) == []
        put_event(connection, ws_id, habit_id, -5)
        put_event(connection, ws_id, habit_id, 5, locked=True)
        assert found(connection) == []
        put_event(connection, ws_id, habit_id, 5)
        assert found(connection) == [ws_id]


TASKS_OF_NO_WORK: dict[str, dict[str, object]] = {
    "deleted": {"deleted_at": NOW},
    "done": {"status": "done"},
    "closed": {"status": "closed"},
}


@pytest.mark.parametrize("name", TASKS_OF_NO_WORK)
def test_a_task_that_is_over_makes_no_work(database: Database, name: str) -> None:
    with database.connect() as connection:
        user_id = seed.create_user(connection)
        ws_id = seed.create_workspace(connection, user_id)
        with_task(connection, user_id, ws_id, **TASKS_OF_NO_WORK[name])

        assert found(connection) == []


@pytest.mark.parametrize(
    "change",
    [
        "update task_user_scheduling_settings set auto_schedule = false",
        "update task_user_scheduling_settings set total_duration = 0",
        "delete from workspace_members",
    ],
)
def test_a_task_that_nobody_wants_planned_makes_no_work(database: Database, change: str) -> None:
    with database.connect() as connection:
        user_id = seed.create_user(connection)
        with_task(connection, user_id, seed.create_workspace(connection, user_id))
        connection.execute(change.encode())

        assert found(connection) == []


def record_success(
    connection: Connection, ws_id: UUID, at: datetime, job: str = "schedule"
) -> None:
    connection.execute(
        "insert into jobs.runs (id, job, ws_id, concurrency_key, status, trigger, finished_at)"
        " values (%s, %s, %s, %s, 'succeeded', 'timer', %s)",
        (uuid4(), job, ws_id, f"{PREFIX}{ws_id}", at),
    )


def test_personal_workspaces_come_first_and_then_who_waits_longest(database: Database) -> None:
    with database.connect() as connection:
        ada, ben = seed.create_user(connection), seed.create_user(connection)
        own = [seed.personal_workspace(connection, user_id) for user_id in (ada, ben)]
        teams = [seed.create_workspace(connection, ada) for _ in range(3)]
        for ws_id in (*own, *teams):
            seed.create_habit(connection, ws_id, "h")
        record_success(connection, own[0], NOW - timedelta(hours=1))
        record_success(connection, own[1], NOW - timedelta(hours=2))
        record_success(connection, teams[0], NOW - timedelta(hours=3))
        record_success(connection, teams[0], NOW - timedelta(hours=9))
        record_success(connection, teams[1], NOW - timedelta(minutes=5))
        record_success(connection, teams[2], NOW, job="sync")

        ordered = plan_order(load_schedulable(connection, ("schedule",), PREFIX), (), NOW)

    assert [(one.ws_id, one.reason) for one in ordered] == [
        (own[1], "personal, last success 2h ago"),
        (own[0], "personal, last success 1h ago"),
        (teams[2], "team, no success on record"),
        (teams[0], "team, last success 3h ago"),
        (teams[1], "team, last success 5m ago"),
    ]


def test_a_database_without_our_schema_can_be_previewed(bare_database: Database) -> None:
    with bare_database.connect() as connection:
        ws_id = seed.create_workspace(connection, seed.create_user(connection))
        seed.create_habit(connection, ws_id, "h")

        assert load_schedulable(connection, ("schedule",), PREFIX) == [
            Candidate(ws_id, None, 1, "team")
        ]


def test_rows_that_row_security_may_hide_are_an_error(database: Database) -> None:
    with database.connect() as connection:
        connection.execute(
            "grant usage on schema public, jobs, private to jobs_without_bypass;"
            "grant select on all tables in schema public, jobs, private to jobs_without_bypass"
        )
    with (
        database.connect("jobs_without_bypass") as connection,
        pytest.raises(SettingsError) as caught,
    ):
        load_schedulable(connection, ("schedule",), PREFIX)

    assert caught.value.code == "row_security"


def test_many_reasons_make_one_candidate(database: Database) -> None:
    with database.connect() as connection:
        user_id = seed.create_user(connection)
        made = [seed.create_workspace(connection, user_id) for _ in range(4)]
        for ws_id in made:
            for _ in range(2):
                seed.create_habit(connection, ws_id, "h")
            with_task(connection, user_id, ws_id)
        loaded = load_schedulable(connection, ("schedule",), PREFIX)

    assert sorted(one.ws_id for one in loaded if one.note == "team") == sorted(made)
