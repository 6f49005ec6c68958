"""Which workspaces a fan-out finds, on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.orchestration.model import Candidate
from tuturuuu_jobs.orchestration.store import count_free_connections, load_candidates
from tuturuuu_jobs.testing.tuturuuu import seed

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
PREFIX = "google-calendar-sync-"
SYNC = ("sync", "full-sync")
Connection = psycopg.Connection[Any]


def add_workspace(connection: Connection, user_id: UUID, *, deleted: bool = False) -> UUID:
    ws_id = seed.create_workspace(connection, user_id, deleted=deleted)
    seed.create_account(connection, ws_id, user_id, access_token="a", refresh_token="r")
    return ws_id


def record_success(
    connection: Connection, job: str, ws_id: UUID, at: datetime, status: str = "succeeded"
) -> None:
    connection.execute(
        "insert into jobs.runs (id, job, ws_id, concurrency_key, status, trigger, finished_at)"
        " values (%s, %s, %s, %s, %s, 'timer', %s)",
        (uuid4(), job, ws_id, f"{PREFIX}{ws_id}", status, at),
    )


def test_only_live_workspaces_with_an_active_google_account_are_found(
    any_database: Database,
) -> None:
    with any_database.connect() as connection:
        user_id = seed.create_user(connection)
        found = add_workspace(connection, user_id)
        add_workspace(connection, user_id, deleted=True)
        seed.create_workspace(connection, user_id)
        inactive = add_workspace(connection, user_id)
        connection.execute(
            "update calendar_auth_tokens set is_active = false where ws_id = %s", (inactive,)
        )

        assert load_candidates(connection, SYNC, PREFIX) == [Candidate(found, None)]


def test_two_accounts_make_one_candidate(database: Database) -> None:
    with database.connect() as connection:
        user_id = seed.create_user(connection)
        ws_id = add_workspace(connection, user_id)
        seed.create_account(
            connection, ws_id, user_id, access_token="b", refresh_token="s", email="b@example.test"
        )

        assert [one.ws_id for one in load_candidates(connection, SYNC, PREFIX)] == [ws_id]


def test_the_newest_success_of_the_wanted_jobs_counts(database: Database) -> None:
    with database.connect() as connection:
        ws_id = add_workspace(connection, seed.create_user(connection))
        record_success(connection, "full-sync", ws_id, NOW - timedelta(hours=3))
        record_success(connection, "sync", ws_id, NOW - timedelta(hours=2))
        record_success(connection, "sync", ws_id, NOW - timedelta(hours=9))
        record_success(connection, "sync", ws_id, NOW, "failed")

        (of_both,) = load_candidates(connection, SYNC, PREFIX)
        (of_full,) = load_candidates(connection, ("full-sync",), PREFIX)

    assert of_both.last_success == NOW - timedelta(hours=2)
    assert of_full.last_success == NOW - timedelta(hours=3)


def test_a_database_without_our_schema_can_be_previewed(bare_database: Database) -> None:
    with bare_database.connect() as connection:
        ws_id = add_workspace(connection, seed.create_user(connection))

        assert load_candidates(connection, SYNC, PREFIX) == [Candidate(ws_id, None)]


GRANT_ALL = """
grant usage on schema public, jobs, private to jobs_without_bypass;
grant select on all tables in schema public, jobs, private to jobs_without_bypass
"""
OPEN_THE_CALENDARS = """
alter table workspace_calendar_events disable row level security;
alter table calendar_auth_tokens disable row level security;
alter table calendar_connections disable row level security;
alter table calendar_sync_states disable row level security
"""


@pytest.mark.parametrize("opened", ["", OPEN_THE_CALENDARS], ids=["calendars", "workspaces"])
def test_rows_that_row_security_may_hide_are_an_error(database: Database, opened: str) -> None:
    with database.connect() as connection:
        connection.execute((GRANT_ALL + ";" + opened).encode())
    with (
        database.connect("jobs_without_bypass") as connection,
        pytest.raises(SettingsError) as caught,
    ):
        load_candidates(connection, SYNC, PREFIX)

    assert caught.value.code == "row_security"


def test_each_connection_leaves_one_less(database: Database) -> None:
    with database.connect() as connection:
        before = count_free_connections(connection)
        with database.connect(), database.connect():
            assert count_free_connections(connection) == before - 2
    assert 0 < before < 100
