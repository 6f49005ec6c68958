"""Migrations: once, whoever applies them and however many at once."""

import threading
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.runtime import schema
from tuturuuu_jobs.runtime.grants import render_grants


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
    assert sorted(applied) == [[]] * 7 + [["0001_runs"]]


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


def test_the_printed_grants_are_enough_to_run_a_job(database: Database, tmp_path: Path) -> None:
    from tests.integration.runtime.parts import ScriptedJob, runtime_for, succeed
    from tuturuuu_jobs.runtime.job import RunRequest
    from tuturuuu_jobs.runtime.run import run_job

    role = f'odd "role" {database.dsn[-12:]}'.replace("=", " ")
    with database.connect() as connection:
        connection.execute(psycopg.sql.SQL("create role {} login").format(_name(role)))
        try:
            connection.execute(render_grants(role).encode())
            dsn = psycopg.conninfo.make_conninfo(database.dsn, user=role)
            result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime_for(dsn, tmp_path))
            assert result.exit_code == 0, result
        finally:
            connection.execute(psycopg.sql.SQL("drop owned by {}").format(_name(role)))
            connection.execute(psycopg.sql.SQL("drop role {}").format(_name(role)))


def _name(role: str) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(role)


def test_without_the_grants_the_missing_right_is_named(database: Database) -> None:
    role = f"nobody {database.dsn[-12:]}".replace("=", " ")
    with database.connect() as connection:
        connection.execute(psycopg.sql.SQL("create role {} login").format(_name(role)))
        try:
            with database.connect(role) as other, pytest.raises(SettingsError) as caught:
                schema.require_schema(other)
            assert caught.value.code == "database_permission"
            assert "schema jobs" in caught.value.message
        finally:
            connection.execute(psycopg.sql.SQL("drop role {}").format(_name(role)))
