"""Behind PgBouncer: sessions of one's own are fine, sessions that change hands are refused."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.fixtures.postgres import Database
from tests.integration.runtime.pgbouncer import PROGRAM, pgbouncer
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.locks import KeyHeldError, advisory_lock

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_whose_sessions_change_hands_is_refused(
    database: Database, tmp_path: Path, mode: str
) -> None:
    with (
        pgbouncer(database, tmp_path, mode=mode) as dsn,
        pytest.raises(SettingsError) as caught,
    ):
        connect(dsn, application_name="x")
    assert caught.value.code == "transaction_pooler"


def test_a_pool_that_keeps_sessions_keeps_their_locks(database: Database, tmp_path: Path) -> None:
    with (
        pgbouncer(database, tmp_path, mode="session") as dsn,
        connect(dsn, application_name="x") as one,
        connect(dsn, application_name="y") as other,
        database.connect() as direct,
    ):
        with advisory_lock(one, "sync/a"):
            for rival in (other, direct):
                with pytest.raises(KeyHeldError), advisory_lock(rival, "sync/a"):
                    pass
        with advisory_lock(other, "sync/a"):
            pass


def test_a_lock_ends_with_its_client_though_the_pool_keeps_the_session(
    database: Database, tmp_path: Path
) -> None:
    with pgbouncer(database, tmp_path, mode="session") as dsn, contextlib.ExitStack() as held:
        one = connect(dsn, application_name="x")
        held.enter_context(advisory_lock(one, "sync/a"))
        one.close()
        # The pool clears the session before another client gets it.
        with (
            connect(dsn, application_name="y") as other,
            advisory_lock(other, "sync/a", wait_s=30),
        ):
            pass
