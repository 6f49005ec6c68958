"""Attempts in the ledger: each one ends there, also those that never reached the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import LoadRows
from tests.integration.runtime.parts import Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.job import RunContext, RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.testing.clock import VirtualClock

ATTEMPTS = "select n, status, code, finished_at is not null from jobs.attempts order by n"


def lose_the_session(ctx: RunContext[Data], previous: Data | None) -> Data:
    ctx.connection.close()
    raise UnavailableError("Google is away", code="google_unavailable")


def run_while_away(database: Database, folder: Path, *, knocks: int, attempts: int) -> Result:
    """A run that loses its session in its first attempt; so many times nobody opens."""
    left = [knocks + 1]

    def reach(name: str) -> psycopg.Connection[Any]:
        left[0] -= 1
        if 0 <= left[0] < knocks:
            raise UnavailableError("the database is away", code="database_unavailable")
        return connect(database.dsn, application_name=name)

    runtime = runtime_for(database.dsn, folder, clock=VirtualClock(), connect_to=reach)
    job = ScriptedJob([lose_the_session, succeed])
    return run_job(job, {}, RunRequest(attempts=attempts), runtime)


def test_attempts_that_could_not_be_told_are_told_with_the_next_one_that_can(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    result = run_while_away(database, tmp_path, knocks=2, attempts=4)

    assert (result.exit_code, result.attempts) == (0, 4)
    assert rows(ATTEMPTS) == [
        (1, "unavailable", "google_unavailable", True),
        (2, "unavailable", "database_unavailable", True),
        (3, "unavailable", "database_unavailable", True),
        (4, "succeeded", "succeeded", True),
    ]
    assert rows("select count(*) from jobs.events where type = 'attempt.failed'") == [(3,)]


@pytest.mark.parametrize("knocks", [1, 3])
def test_an_attempt_whose_end_nobody_could_tell_does_not_run_for_ever(
    database: Database, tmp_path: Path, rows: LoadRows, knocks: int
) -> None:
    result = run_while_away(database, tmp_path, knocks=knocks, attempts=2)

    assert (result.exit_code, result.code) == (69, "database_unavailable")
    assert rows(ATTEMPTS) == [(1, "lost", "lost", True)]
    assert rows("select status from jobs.runs") == [("unavailable",)]
