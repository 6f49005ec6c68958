"""Migrations: once, whoever applies them and however many at once."""

import contextlib
import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.fixtures.postgres import Database
from tests.integration.runtime.parts import ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.runtime import schema
from tuturuuu_jobs.runtime.again import find_retryable
from tuturuuu_jobs.runtime.database import connect, translated_errors
from tuturuuu_jobs.runtime.failures import group_failures
from tuturuuu_jobs.runtime.following import find_position, read_events
from tuturuuu_jobs.runtime.grants import render_grants
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.queues import limit_queue, list_queues, pause_queue, resume_queue
from tuturuuu_jobs.runtime.reaping import reap
from tuturuuu_jobs.runtime.retention import prune
from tuturuuu_jobs.runtime.run import run_job


def test_migrating_applies_what_is_missing_and_then_nothing(bare_database: Database) -> None:
    names = [migration.name for migration in schema.load_migrations()]
    with bare_database.connect() as connection:
        assert schema.pending(connection) == names
        assert schema.migrate(connection) == names
        assert schema.migrate(connection) == []
        assert schema.pending(connection) == []
        schema.require_schema(connection)


def test_eight_at_once_apply_it_once(bare_database: Database) -> None:
    applied: list[list[str]] = []
    together = threading.Barrier(8)

    def work() -> None:
        with bare_database.connect() as connection:
            together.wait()
            applied.append(schema.migrate(connection))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied) == [[]] * 7 + [
        [migration.name for migration in schema.load_migrations()]
    ]


def test_a_migration_that_fails_leaves_nothing(bare_database: Database) -> None:
    with bare_database.connect() as connection:
        connection.execute("create schema jobs; create table jobs.queues (name text)")
        with pytest.raises(Exception, match="42P07"):
            schema.migrate(connection)
        row = connection.execute("select to_regclass('jobs.runs'), to_regclass('jobs.migrations')")
        assert row.fetchone() == (None, None)


def test_a_missing_schema_is_named_with_the_command_that_makes_it(bare_database: Database) -> None:
    with bare_database.connect() as connection, pytest.raises(SettingsError) as caught:
        schema.require_schema(connection)
    assert (caught.value.code, caught.value.hint) == (
        "schema_missing",
        "run: tuturuuu-jobs db migrate",
    )


def test_an_outdated_schema_is_named(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("delete from jobs.migrations")
        with pytest.raises(SettingsError) as caught:
            schema.require_schema(connection)
    assert caught.value.code == "schema_outdated"


def test_a_migration_applied_with_another_content_is_refused(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("update jobs.migrations set sha256 = 'x'")
        for look in (schema.require_schema, schema.pending, schema.migrate):
            with pytest.raises(SettingsError) as caught:
                look(connection)
            assert caught.value.code == "schema_changed"


def test_a_later_migration_of_a_newer_version_does_not_stop_an_older_one(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute("insert into jobs.migrations values ('9999_later', 'x')")
        schema.require_schema(connection)


def test_the_printed_script_does_the_same(bare_database: Database) -> None:
    with bare_database.connect() as connection:
        connection.execute(schema.render_migrations().encode())
        assert schema.pending(connection) == []
        schema.require_schema(connection)


@contextlib.contextmanager
def role(database: Database, name: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection as a role of the test's own."""
    identifier = sql.Identifier(name)
    with database.connect() as connection:
        connection.execute(sql.SQL("create role {}").format(identifier))
        try:
            yield connection
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {}").format(identifier))
            connection.execute(sql.SQL("drop role {}").format(identifier))


def become(connection: psycopg.Connection[Any], name: str) -> psycopg.Connection[Any]:
    connection.execute(sql.SQL("set role {}").format(sql.Identifier(name)))
    return connection


def test_the_printed_grants_are_enough_to_run_a_job(database: Database, tmp_path: Path) -> None:
    name = f'odd "role" {os.getpid()}'

    def connect_as_role(application: str) -> psycopg.Connection[Any]:
        return become(connect(database.dsn, application_name=application), name)

    with role(database, name) as admin:
        admin.execute(render_grants(name).encode())
        runtime = runtime_for(database.dsn, tmp_path, connect_to=connect_as_role)
        result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
        assert result.exit_code == 0, result
        partitions = "select count(*) from jobs.ensure_event_partitions(6)"
        assert become(admin, name).execute(partitions).fetchone() == (4,)


def test_the_printed_grants_are_enough_to_look_after_runs(database: Database) -> None:
    name = f"keeper {os.getpid()}"
    with role(database, name) as admin:
        admin.execute(render_grants(name).encode())
        with database.connect() as connection:
            become(connection, name)
            assert reap(connection, read_identity()) == []
            assert prune(connection).runs == 0
            pause_queue(connection, "schedule", duration=timedelta(1), reason="a", by=None)
            resume_queue(connection, "schedule")
            limit_queue(connection, "schedule", 4)
            assert len(list_queues(connection)) == 2
            assert read_events(connection, find_position(connection, last=9)) == []
            assert group_failures(connection, limit=1) == []
            assert find_retryable(connection, ["failed"], limit=1, jobs=["sync"]) == []


def test_without_the_grants_the_missing_right_is_named(database: Database) -> None:
    name = f"nobody {os.getpid()}"
    with role(database, name) as connection:
        become(connection, name)
        with pytest.raises(SettingsError) as caught:
            schema.require_schema(connection)
    assert caught.value.code == "database_permission"
    assert "schema jobs" in caught.value.message


def test_a_table_without_a_grant_is_named(database: Database) -> None:
    name = f"bare {os.getpid()}"
    with role(database, name) as connection:
        connection.execute(sql.SQL("grant usage on schema jobs to {}").format(sql.Identifier(name)))
        become(connection, name)
        with pytest.raises(SettingsError) as caught, translated_errors():
            connection.execute("select from jobs.runs")
    assert "runs" in caught.value.message
    assert "db grants" in (caught.value.hint or "")
