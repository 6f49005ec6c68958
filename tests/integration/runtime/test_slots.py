"""The work of a scheduled instant is done once, by whoever comes first."""

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import LoadRows
from tests.integration.runtime.parts import Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.errors import FailedError
from tuturuuu_jobs.runtime.job import OnBusy, RunContext, RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import Runtime, run_job

SLOT = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)
REQUEST = RunRequest(slot=SLOT, attempts=1)


def fail(_ctx: RunContext[Data], _previous: Data | None) -> Data:
    raise FailedError("no")


def run(runtime: Runtime, request: RunRequest = REQUEST) -> Result:
    return run_job(ScriptedJob([succeed]), {}, request, runtime)


def test_a_slot_that_is_done_makes_no_row_and_is_a_success(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    first = run(runtime)
    second = run(runtime)
    assert (second.exit_code, second.code, second.status.value) == (0, "already", "succeeded")
    assert rows("select id::text, slot from jobs.runs") == [(first.run_id, SLOT)]


def test_of_two_crons_on_one_slot_one_does_the_work(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    together = threading.Barrier(2)

    def work(number: int) -> str:
        runtime = runtime_for(database.dsn, tmp_path / str(number), mode=LockMode.ADVISORY)
        together.wait()
        request = dataclasses.replace(REQUEST, on_busy=OnBusy.WAIT, wait_s=30)
        return run(runtime, request).code

    with ThreadPoolExecutor(2) as crons:
        assert sorted(crons.map(work, range(2))) == ["already", "succeeded"]
    assert rows("select status from jobs.runs") == [("succeeded",)]


def test_a_failure_frees_the_slot(database: Database, tmp_path: Path, rows: LoadRows) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    assert run_job(ScriptedJob([fail]), {}, REQUEST, runtime).exit_code == 1
    assert run(runtime).code == "succeeded"
    assert rows("select status from jobs.runs order by created_at") == [("failed",), ("succeeded",)]


def test_force_does_the_work_of_a_slot_again(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    run(runtime)
    assert run(runtime, dataclasses.replace(REQUEST, force=True)).code == "succeeded"
    assert rows("select status, slot from jobs.runs") == [("succeeded", SLOT)] * 2
    assert run(runtime).code == "already"


def test_a_slot_that_is_too_old_is_noted_and_left(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    late = runtime.clock.now() - timedelta(minutes=11)
    result = run(runtime, RunRequest(slot=late, expires_s=600))
    assert (result.exit_code, result.status.value, result.attempts) == (0, "expired", 0)
    assert [warning.code for warning in result.warnings] == ["expired"]
    assert rows("select status, idempotency_key from jobs.runs") == [("expired", None)]
    assert run(runtime, RunRequest(slot=late, expires_s=900)).code == "succeeded"
