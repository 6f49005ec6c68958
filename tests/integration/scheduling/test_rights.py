"""The database role that schedules: the printed grants are enough, and hidden rows are noticed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from tests.integration.scheduling.stage import Stage
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.grants import render_grants
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.testing.tuturuuu import seed


@contextlib.contextmanager
def role(stage: Stage) -> Iterator[str]:
    """A role without any right, for the length of a block."""
    name = f"scheduler {os.getpid()}"
    connection, identifier = stage.connection, sql.Identifier(name)
    connection.execute(sql.SQL("create role {} nologin").format(identifier))
    try:
        yield name
    finally:
        connection.execute(sql.SQL("drop owned by {}").format(identifier))
        connection.execute(sql.SQL("drop role {}").format(identifier))


def run_as(stage: Stage, name: str, payload: SchedulePayload) -> Result:
    def reach(application: str) -> psycopg.Connection[Any]:
        connection = connect(stage.database.dsn, application_name=application)
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
        return connection

    runtime = stage.runtime(connect=reach)
    return run_job(stage.job(), payload, RunRequest(attempts=1), runtime)


def build(stage: Stage) -> SchedulePayload:
    connection = stage.connection
    user_id = seed.create_user(connection)
    ws_id = seed.personal_workspace(connection, user_id)
    seed.create_habit(connection, ws_id, "Read", ideal_time="09:00", start_date=date(2026, 1, 6))
    board = seed.create_board(connection, ws_id, user_id)
    seed.create_task(connection, board, "Write", assignees=[user_id], hours=1)
    return SchedulePayload(ws_id, window_days=7)


def test_the_printed_grants_are_enough_to_insert_move_and_delete(stage: Stage) -> None:
    payload = build(stage)
    with role(stage) as name:
        stage.connection.execute(render_grants(name).encode())
        assert run_as(stage, name, payload).data["summary"]["eventsCreated"] == 7
        row = next(row for row in stage.own() if row.date == date(2026, 1, 7))
        seed.create_event(stage.connection, row.ws_id, row.start_at, row.end_at, locked=True)
        stage.connection.execute(
            "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
            "values (%s, %s, '2026-01-08')",
            (row.ws_id, row.item),
        )
        numbers = run_as(stage, name, payload).data["summary"]
        assert (numbers["eventsUpdated"], numbers["eventsDeleted"]) == (1, 1)
        assert stage.books(payload.ws_id).last_status == "success"


def test_a_role_from_which_row_security_hides_rows_is_refused(stage: Stage) -> None:
    payload = build(stage)
    with role(stage) as name:
        grants = render_grants(name).replace(" bypassrls", " nobypassrls")
        stage.connection.execute(grants.encode())
        # The ledger's own tables come first; without the policies on them it is ours to notice.
        for (table,) in stage.connection.execute(
            "select tablename from pg_tables where schemaname = 'jobs'"
        ).fetchall():
            statement = sql.SQL("alter table jobs.{} disable row level security")
            stage.connection.execute(statement.format(sql.Identifier(table)))
        result = run_as(stage, name, payload)
    assert (result.exit_code, result.code) == (78, "row_security")
    assert stage.own() == []


def test_a_database_without_the_tables_is_told(stage: Stage) -> None:
    payload = build(stage)
    stage.connection.execute("alter table workspace_habits rename to something_else")
    result = stage.run(payload.ws_id)
    assert (result.exit_code, result.code) == (78, "not_tuturuuu")
