"""Row security, grants, and the audit trail."""

from __future__ import annotations

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tests.integration.tuturuuu.conftest import World
from tuturuuu_jobs.testing.tuturuuu import seed


@pytest.fixture
def filled(world: World) -> World:
    seed.set_hours(world.db, world.ws_id, "WORK", {})
    account = seed.create_account(world.db, world.ws_id, world.user)
    seed.create_connection(world.db, world.ws_id, account, "c")
    world.event()
    return world


def test_hours_are_hidden_from_anon_and_shown_to_members_and_the_service(filled: World) -> None:
    query = "select count(*) from workspace_calendar_hour_settings"
    filled.db.execute("set role anon")
    assert filled.rows(query) == [(0,)]
    filled.db.execute("set role service_role")
    assert filled.rows(query) == [(1,)]
    filled.db.execute("set role authenticated")
    assert filled.rows(query) == [(0,)]
    filled.db.execute("select set_config('request.jwt.claim.sub', %s, false)", (str(filled.user),))
    assert filled.rows(query) == [(1,)]
    assert filled.rows("select count(*) from calendar_auth_tokens") == [(1,)]


@pytest.mark.parametrize(
    "table",
    [
        "workspace_calendar_events",
        "workspace_habits",
        "calendar_sync_dashboard",
        "tasks",
        "private.workspace_calendars",
    ],
)
@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_service_tables_are_closed_to_people(filled: World, table: str, role: str) -> None:
    filled.db.execute(f"set role {role}".encode())
    assert filled.fails(f"select from {table}").sqlstate == "42501"


def test_the_service_reads_and_writes_everything_a_job_needs(filled: World) -> None:
    filled.db.execute("set role service_role")
    filled.event()
    assert filled.rows("select count(*) from workspace_calendar_events") == [(2,)]
    assert filled.rows("select count(*) from private.workspace_calendars") == [(6,)]
    filled.db.execute(
        b"insert into calendar_sync_states (ws_id, sync_token) values (%s, 't')", (filled.ws_id,)
    )


def test_a_role_without_bypass_reads_empty_tables_instead_of_failing(
    any_database: Database, filled: World
) -> None:
    with any_database.connect("jobs_without_bypass") as connection:
        for table in ("calendar_auth_tokens", "workspace_calendar_events", "workspaces"):
            query = f"select count(*) from {table}".encode()
            assert connection.execute(query).fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "insert into calendar_sync_states (ws_id) values (gen_random_uuid())"
            )


def test_every_table_has_row_security_and_none_forces_it(world: World) -> None:
    rows = world.rows(
        "select relname, relrowsecurity, relforcerowsecurity from pg_class"
        " where relkind = 'r' and relnamespace in ('public'::regnamespace, 'private'::regnamespace)"
    )
    assert rows
    assert all(enabled and not forced for _, enabled, forced in rows)


def test_each_touch_of_the_coordination_row_is_audited_and_events_never_are(world: World) -> None:
    touch = (
        "insert into workspace_calendar_sync_coordination (ws_id) values (%s)"
        " on conflict (ws_id) do update set last_upsert = now()"
    )
    for _ in range(3):
        world.db.execute(touch.encode(), (world.ws_id,))
    world.event()
    rows = world.rows(
        "select op::text from audit.record_version"
        " where table_name like 'workspace_calendar%%' order by id"
    )
    assert rows == [("INSERT",), ("UPDATE",), ("UPDATE",)]
