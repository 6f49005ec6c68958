"""A run at work shows that it lives, and ends when it is asked to."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke, LoadRows, StartVictim
from tests.integration.runtime.parts import Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.commands import runs
from tuturuuu_jobs.errors import FailedError, UsageError
from tuturuuu_jobs.runtime.cancelling import Reached, request_cancel, terminate
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.job import RunContext, RunRequest
from tuturuuu_jobs.runtime.run import run_job

ELSEWHERE = dataclasses.replace(read_identity(), host="elsewhere")


def test_a_long_run_beats_on_a_connection_of_its_own(database: Database, tmp_path: Path) -> None:
    opened: list[str] = []

    def open_named(name: str) -> psycopg.Connection[Any]:
        opened.append(name)
        return connect(database.dsn, application_name=name)

    def wait_for_two_beats(ctx: RunContext[Data], _previous: Data | None) -> Data:
        seen = set[Any]()
        while len(seen) < 3:
            seen |= set(ctx.connection.execute("select heartbeat_at from jobs.runs").fetchall())
        return {}

    runtime = dataclasses.replace(
        runtime_for(database.dsn, tmp_path, connect_to=open_named), heartbeat_s=0.02
    )
    result = run_job(ScriptedJob([wait_for_two_beats]), {}, RunRequest(), runtime)
    assert result.exit_code == 0
    assert opened == [
        f"tuturuuu-jobs/sync/{result.run_id}",
        f"tuturuuu-jobs/heartbeat/{result.run_id}",
    ]


def test_a_short_run_opens_one_connection(database: Database, tmp_path: Path) -> None:
    opened: list[str] = []

    def open_named(name: str) -> psycopg.Connection[Any]:
        opened.append(name)
        return connect(database.dsn, application_name=name)

    runtime = runtime_for(database.dsn, tmp_path, connect_to=open_named)
    assert run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime).exit_code == 0
    assert len(opened) == 1


def asking_for_its_own_end(database: Database, then: str) -> ScriptedJob:
    def step(ctx: RunContext[Data], _previous: Data | None) -> Data:
        ctx.checkpoint({"committed": 1})
        with database.connect() as other:
            reached = request_cancel(other, ctx.run_id, reason="a drill", here=ELSEWHERE)
        assert reached is Reached.NOTED
        if then == "in a statement":
            ctx.connection.execute("select pg_sleep(20)")
        time.sleep(20)
        return {}

    return ScriptedJob([step])


@pytest.mark.parametrize("then", ["in a statement", "in a system call"])
def test_a_request_from_elsewhere_is_read_with_the_heartbeat(
    database: Database, tmp_path: Path, rows: LoadRows, then: str
) -> None:
    runtime = dataclasses.replace(runtime_for(database.dsn, tmp_path), heartbeat_s=0.02)
    result = run_job(asking_for_its_own_end(database, then), {}, RunRequest(), runtime)
    assert (result.exit_code, result.status.value, result.code) == (130, "cancelled", "cancelled")
    assert result.data == {"committed": 1}
    assert rows("select status, cancel_reason from jobs.runs") == [("cancelled", "a drill")]
    assert ("run.cancel_requested",) in rows("select type from jobs.events")


def test_a_run_of_this_machine_is_told_at_once(
    database: Database, rows: LoadRows, start_victim: StartVictim, invoke: Invoke
) -> None:
    victim = start_victim("sleep")
    victim.start_holding()
    [(run_id,)] = rows("select id from jobs.runs")
    code, document, _ = invoke(database, runs.app, "cancel", str(run_id), "--json")
    assert (code, json.loads(document)) == (0, {"run_id": str(run_id), "reached": "signalled"})
    assert victim.result()["status"] == "cancelled"
    assert rows("select status, exit_code from jobs.runs") == [("cancelled", 130)]


def test_only_a_run_at_work_can_be_cancelled(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    with database.connect() as connection:
        with pytest.raises(FailedError, match="succeeded"):
            request_cancel(connection, UUID(result.run_id), reason=None, here=ELSEWHERE)
        with pytest.raises(UsageError):
            request_cancel(connection, uuid4(), reason=None, here=ELSEWHERE)
    assert invoke(database, runs.app, "cancel", result.run_id)[0] == 1


def test_a_process_that_took_over_the_pid_is_left_alone() -> None:
    here = read_identity()
    assert not terminate(dataclasses.replace(here, pid_start=1), here)
    assert not terminate(dataclasses.replace(here, host="elsewhere"), here)
    assert not terminate(dataclasses.replace(here, boot_id="another"), here)
