"""Every way in which a run can end gives one result, one final row, one file, no held lock."""

import dataclasses
import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.fixtures.postgres import Database, Databases
from tests.integration.runtime.conftest import LoadRows
from tests.integration.runtime.parts import KEY, WORKSPACE, Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.errors import (
    DeadlineError,
    FailedError,
    QuotaSpentError,
    RejectedError,
    SettingsError,
    UnavailableError,
    UsageError,
)
from tuturuuu_jobs.runtime.database import address_of, connect
from tuturuuu_jobs.runtime.job import Progress, RunContext, RunRequest
from tuturuuu_jobs.runtime.locks import LockMode, advisory_key, is_held, seat_key
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem
from tuturuuu_jobs.runtime.run import Runtime, preview_job, run_job
from tuturuuu_jobs.runtime.state import StateDirectory
from tuturuuu_jobs.testing.clock import VirtualClock
from tuturuuu_jobs.testing.tuturuuu import Shape

Context = RunContext[Data]


def raising(error: BaseException) -> Callable[[Context, Data | None], Data]:
    def step(ctx: Context, previous: Data | None) -> Data:
        ctx.checkpoint({"committed": ctx.attempt})
        raise error

    return step


def signalling(signum: signal.Signals) -> Callable[[Context, Data | None], Data]:
    def step(ctx: Context, previous: Data | None) -> Data:
        ctx.checkpoint({"committed": 1})
        os.kill(os.getpid(), signum)
        return {"never": True}

    return step


ENDINGS: dict[str, tuple[Any, int, str, str]] = {
    "success": (succeed, 0, "succeeded", "succeeded"),
    "a failure": (raising(FailedError("no")), 1, "failed", "failed"),
    "bad usage": (raising(UsageError("no")), 2, "failed", "usage"),
    "quota spent": (raising(QuotaSpentError("no")), 69, "unavailable", "quota_exceeded"),
    "unavailable": (raising(UnavailableError("no")), 69, "unavailable", "unavailable"),
    "a bug": (raising(ZeroDivisionError("no")), 70, "failed", "bug"),
    "an exit": (raising(SystemExit(0)), 70, "failed", "bug"),
    "rejected": (
        raising(RejectedError("no", code="access_revoked")),
        77,
        "rejected",
        "access_revoked",
    ),
    "bad settings": (raising(SettingsError("no")), 78, "failed", "config"),
    "deadline": (raising(DeadlineError("no")), 124, "timed_out", "deadline"),
    "ctrl-c raised": (raising(KeyboardInterrupt()), 130, "interrupted", "interrupted"),
    "SIGINT": (signalling(signal.SIGINT), 130, "interrupted", "interrupted"),
    "SIGTERM": (signalling(signal.SIGTERM), 143, "interrupted", "terminated"),
    "SIGHUP": (signalling(signal.SIGHUP), 143, "interrupted", "terminated"),
    "alarm": (signalling(signal.SIGALRM), 124, "timed_out", "deadline"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_has_its_exit_code_one_final_row_and_one_file(
    database: Database,
    tmp_path: Path,
    rows: LoadRows,
    ending: str,
) -> None:
    step, exit_code, status, code = ENDINGS[ending]
    result = run_job(
        ScriptedJob([step]), {}, RunRequest(attempts=1), runtime_for(database.dsn, tmp_path)
    )
    document = result.to_json()
    assert (result.exit_code, result.status.value, result.code) == (exit_code, status, code)
    assert result.success == (exit_code == 0)
    assert (result.error is None) == result.success
    assert result.data == ({"previous": None} if step is succeed else {"committed": 1})
    assert rows("select id::text, status, code, exit_code, attempt, result from jobs.runs") == [
        (result.run_id, status, code, exit_code, 1, document)
    ]
    assert rows("select n, status, code from jobs.attempts") == [(1, status, code)]
    assert [kind for (kind,) in rows("select type from jobs.events order by id")] == [
        "run.started",
        "run.settled",
    ]
    assert list(StateDirectory(tmp_path).results.of_key(KEY)) == [document]
    assert rows("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]


def test_the_result_names_the_run_its_key_and_its_times(database: Database, tmp_path: Path) -> None:
    request = RunRequest(trigger="timer", slot=datetime(2026, 3, 1, 2, tzinfo=UTC))
    document = run_job(
        ScriptedJob([succeed]), {}, request, runtime_for(database.dsn, tmp_path)
    ).to_json()
    assert list(document) == [
        "version", "job", "run_id", "ws_id", "key", "success", "status", "code", "exit_code",
        "error", "errors", "warnings", "attempts", "trigger", "slot", "started_at", "finished_at",
        "duration_s", "data",
    ]  # fmt: skip
    assert (document["ws_id"], document["key"]) == (str(WORKSPACE), KEY)
    assert (document["trigger"], document["slot"]) == ("timer", "2026-03-01T02:00:00.000Z")
    assert document["started_at"] <= document["finished_at"]


def test_what_an_attempt_committed_is_given_to_the_next_one(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    clock = VirtualClock()
    job = ScriptedJob([raising(UnavailableError("no", retry_after_s=20.0)), succeed])
    result = run_job(job, {}, RunRequest(), runtime_for(database.dsn, tmp_path, clock=clock))
    assert result.exit_code == 0
    assert (result.attempts, result.data) == (2, {"previous": {"committed": 1}})
    assert 20 <= clock.sleeps[0] <= 21
    assert rows("select n, status, code, retry_after_s from jobs.attempts order by n") == [
        (1, "unavailable", "unavailable", 20.0),
        (2, "succeeded", "succeeded", None),
    ]
    assert ("attempt.failed",) in rows("select type from jobs.events")


def test_an_outcome_with_something_retryable_is_tried_again(
    database: Database, tmp_path: Path
) -> None:
    def conclude(data: Data) -> Outcome:
        if data["previous"]:
            return Outcome(Kind.SUCCEEDED, "succeeded", data=data)
        problem = Problem("rate_limited", "slow down", retryable=True)
        return Outcome(Kind.PARTIAL, "partial", (problem,), data=data)

    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    result = run_job(ScriptedJob([succeed], conclude), {}, RunRequest(), runtime)
    assert (result.code, result.attempts) == ("succeeded", 2)


def test_attempts_end_where_the_caller_says(database: Database, tmp_path: Path) -> None:
    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    job = ScriptedJob([raising(UnavailableError("no"))])
    result = run_job(job, {}, RunRequest(attempts=3), runtime)
    assert (result.exit_code, result.attempts) == (69, 3)
    assert result.data == {"committed": 3}


def test_a_wait_beyond_the_deadline_is_not_begun(database: Database, tmp_path: Path) -> None:
    clock = VirtualClock()
    runtime = runtime_for(database.dsn, tmp_path, clock=clock)
    job = ScriptedJob([raising(UnavailableError("no", retry_after_s=500.0))])
    result = run_job(job, {}, RunRequest(deadline_s=60), runtime)
    assert (result.exit_code, result.attempts, clock.sleeps) == (69, 1, [])
    assert [warning.code for warning in result.warnings] == ["no_time_to_retry"]


def test_a_deadline_in_the_middle_of_a_statement_ends_it(
    database: Database, tmp_path: Path
) -> None:
    def sleep(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute("select pg_sleep(60)")
        return {}

    runtime = runtime_for(database.dsn, tmp_path)
    result = run_job(ScriptedJob([sleep]), {}, RunRequest(deadline_s=0.3), runtime)
    assert (result.exit_code, result.code) == (124, "deadline")


def test_a_connection_that_breaks_costs_an_attempt_and_the_lock_is_taken_again(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    held: list[bool] = []

    def break_it(ctx: Context, previous: Data | None) -> Data:
        with database.connect() as other:
            other.execute("select pg_terminate_backend(%s)", [ctx.connection.info.backend_pid])
        ctx.connection.execute("select 1")
        return {}

    def look(ctx: Context, previous: Data | None) -> Data:
        with database.connect() as other:
            row = other.execute("select pg_try_advisory_lock(%s)", [advisory_key(KEY)]).fetchone()
        held.append(row == (False,))
        return {}

    clock = VirtualClock()
    runtime = runtime_for(database.dsn, tmp_path, clock=clock)
    result = run_job(ScriptedJob([break_it, look]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.attempts, held) == (0, 2, [True])
    assert rows("select code from jobs.attempts where n = 1") == [("database_unavailable",)]


def test_a_seat_that_went_with_its_connection_is_taken_again(
    database: Database, tmp_path: Path
) -> None:
    seat = advisory_key(seat_key("calendar-sync", 0))
    free: list[object] = []

    def hang_up(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        raise UnavailableError("no")

    def look(ctx: Context, previous: Data | None) -> Data:
        with database.connect() as other:
            free.append(other.execute("select pg_try_advisory_lock(%s)", [seat]).fetchone())
        return {}

    with database.connect() as connection:
        connection.execute("update jobs.queues set total_limit = 1 where name = 'calendar-sync'")
    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    result = run_job(ScriptedJob([hang_up, look]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.attempts, free) == (0, 2, [(False,)])


def test_a_lock_that_went_without_its_connection_is_taken_again(
    database: Database, tmp_path: Path
) -> None:
    held: list[bool] = []

    def unlock(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute("select pg_advisory_unlock_all()")
        raise UnavailableError("no")

    def look(ctx: Context, previous: Data | None) -> Data:
        held.append(is_held(ctx.connection, KEY))
        return {}

    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    result = run_job(ScriptedJob([unlock, look]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.attempts, held) == (0, 2, [True])


def test_a_lock_that_another_run_took_meanwhile_ends_the_run(
    database: Database, tmp_path: Path
) -> None:
    thief = database.connect()

    def lose(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        thief.execute("select pg_advisory_lock(%s)", [advisory_key(KEY)])
        raise UnavailableError("no")

    with thief:
        runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
        result = run_job(ScriptedJob([lose, succeed]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.code, result.attempts) == (69, "lock_lost", 3)


def test_a_transaction_left_open_by_a_failed_attempt_does_not_reach_the_next(
    database: Database, tmp_path: Path
) -> None:
    def leave_open(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute("begin")
        raise UnavailableError("no")

    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    result = run_job(ScriptedJob([leave_open, succeed]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.attempts) == (0, 2)


def test_an_error_of_the_driver_is_told_without_its_values(
    database: Database, tmp_path: Path
) -> None:
    def violate(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute(
            "insert into jobs.queues (name, total_limit) values ('private text', 0)"
        )
        return {}

    result = run_job(ScriptedJob([violate]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert (result.exit_code, result.code) == (1, "database_23514")
    assert "queues_total_limit_check" in (result.error or "")
    assert "private" not in json.dumps(result.to_json())


def test_a_conclusion_that_fails_is_a_bug_and_still_a_result(
    database: Database, tmp_path: Path
) -> None:
    def conclude(data: Data) -> Outcome:
        raise LookupError("ya29.secret")

    result = run_job(
        ScriptedJob([succeed], conclude), {}, RunRequest(), runtime_for(database.dsn, tmp_path)
    )
    assert (result.exit_code, result.code) == (70, "bug")
    assert "ya29" not in json.dumps(result.to_json())


def test_a_database_that_is_down_gives_a_result_and_the_next_run_tells_the_ledger(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    clock = VirtualClock()
    down = runtime_for("host=/nonexistent user=x dbname=x", tmp_path, clock=clock)
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), down)
    assert (result.exit_code, result.code) == (69, "database_unavailable")
    assert result.attempts == 3
    assert "unsettled" in [warning.code for warning in result.warnings]
    assert list(StateDirectory(tmp_path).results.of_key(KEY)) == [result.to_json()]

    up = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert sorted(rows("select id::text, status from jobs.runs")) == sorted(
        [(result.run_id, "unavailable"), (up.run_id, "succeeded")]
    )
    assert list(StateDirectory(tmp_path).spool.iterdir()) == []


def test_a_settling_that_fails_is_spooled_and_settled_by_the_next_run(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    clock = VirtualClock()
    runtime = runtime_for(database.dsn, tmp_path, clock=clock)
    opened: list[psycopg.Connection[Any]] = []

    def connect_once(name: str) -> psycopg.Connection[Any]:
        if opened:
            raise UnavailableError("down", code="database_unavailable")
        opened.append(runtime.connect(name))
        return opened[0]

    def lose_at_the_end(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        return {"committed": 1}

    failing = dataclasses.replace(runtime, connect=connect_once)
    result = run_job(ScriptedJob([lose_at_the_end]), {}, RunRequest(), failing)
    assert (result.exit_code, result.data) == (0, {"committed": 1})
    assert [warning.code for warning in result.warnings] == ["unsettled"]
    assert len(clock.sleeps) == 4
    assert sum(clock.sleeps) <= 30
    assert rows("select status from jobs.runs") == [("running",)]

    run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
    assert rows("select status from jobs.runs order by id") == [("succeeded",), ("succeeded",)]
    assert rows("select data from jobs.events where type = 'run.lost'") == []


@pytest.mark.parametrize("reached", [True, False])
def test_what_is_spooled_for_one_database_is_told_no_other(
    databases: Databases, database: Database, tmp_path: Path, rows: LoadRows, *, reached: bool
) -> None:
    def lose(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        return {}

    opened: list[str] = []

    def connect_once(name: str) -> psycopg.Connection[Any]:
        opened.append(name)
        if len(opened) > reached:
            raise UnavailableError("down", code="database_unavailable")
        return connect(database.dsn, application_name=name)

    def runtime(dsn: str) -> Runtime:
        made = runtime_for(dsn, tmp_path, clock=VirtualClock())
        return dataclasses.replace(made, address=address_of(dsn))

    failing = dataclasses.replace(runtime(database.dsn), connect=connect_once)
    first = run_job(ScriptedJob([lose]), {}, RunRequest(), failing)
    assert [warning.code for warning in first.warnings] == ["unsettled"]
    spooled = list(StateDirectory(tmp_path).spool.iterdir())
    with databases.fresh(Shape.CURRENT, jobs_schema=True) as other:
        second = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime(other.dsn))
        with other.connect() as connection:
            told = connection.execute("select id::text from jobs.runs").fetchall()
    assert told == [(second.run_id,)]
    assert list(StateDirectory(tmp_path).spool.iterdir()) == spooled

    third = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime(database.dsn))
    assert rows("select id::text from jobs.runs order by created_at") == [
        (first.run_id,),
        (third.run_id,),
    ]
    assert list(StateDirectory(tmp_path).spool.iterdir()) == []


def test_a_settling_that_meets_a_broken_connection_is_done_on_a_new_one(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    def close(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        return {}

    runtime = runtime_for(database.dsn, tmp_path, clock=VirtualClock())
    result = run_job(ScriptedJob([close]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.warnings) == (0, ())
    assert rows("select status from jobs.runs") == [("succeeded",)]


def test_a_run_that_was_declared_lost_meanwhile_does_not_overwrite_that(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    def be_declared_lost(ctx: Context, previous: Data | None) -> Data:
        with database.connect() as other:
            other.execute(
                "update jobs.runs set status = 'lost', epoch = epoch + 1, finished_at = now()"
            )
        return {"committed": 1}

    result = run_job(
        ScriptedJob([be_declared_lost]), {}, RunRequest(), runtime_for(database.dsn, tmp_path)
    )
    assert (result.exit_code, result.code) == (1, "superseded")
    assert result.data == {"committed": 1}
    assert rows("select status from jobs.runs") == [("lost",)]


def test_a_slot_is_worked_once_and_a_failure_frees_it(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    request = RunRequest(slot=datetime(2026, 3, 1, tzinfo=UTC), attempts=1)
    outcomes = [
        run_job(ScriptedJob([step]), {}, request, runtime)
        for step in (raising(FailedError("no")), succeed, succeed)
    ]
    assert [(result.code, result.exit_code) for result in outcomes] == [
        ("failed", 1),
        ("succeeded", 0),
        ("already", 0),
    ]
    assert len(rows("select from jobs.runs")) == 2


def test_a_schema_that_is_missing_is_a_settings_error_with_the_command_to_run(
    bare_database: Database, tmp_path: Path
) -> None:
    result = run_job(
        ScriptedJob([succeed]), {}, RunRequest(), runtime_for(bare_database.dsn, tmp_path)
    )
    assert (result.exit_code, result.code) == (78, "schema_missing")
    assert result.errors[0].hint == "run: tuturuuu-jobs db migrate"


def test_a_state_directory_that_cannot_hold_locks_is_a_settings_error_and_a_row(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    (tmp_path / "file").write_text("")
    result = run_job(
        ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path / "file")
    )
    assert (result.exit_code, result.code) == (78, "lock_directory")
    assert rows("select status, code from jobs.runs") == [("failed", "lock_directory")]


def test_an_advisory_run_needs_no_state_directory(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runtime = runtime_for(database.dsn, tmp_path / "file", mode=LockMode.ADVISORY)
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
    assert result.exit_code == 0
    assert [warning.code for warning in result.warnings] == ["state_directory"]


def test_a_preview_takes_no_lock_and_writes_nothing(
    bare_database: Database, tmp_path: Path
) -> None:
    seen: list[Any] = []

    def look(ctx: Context, previous: Data | None) -> Data:
        query = "select count(*) from pg_locks where locktype = 'advisory'"
        seen.append(ctx.connection.execute(query).fetchone())
        ctx.progress(Progress("looking"))
        return {"planned": 1}

    moments: list[Progress] = []
    result = preview_job(
        ScriptedJob([look]),
        {},
        RunRequest(),
        runtime_for(bare_database.dsn, tmp_path / "state"),
        progress=moments.append,
    )
    assert (result.exit_code, result.data, seen) == (0, {"planned": 1}, [(0,)])
    assert moments == [Progress("looking")]
    assert not (tmp_path / "state").exists()


def test_a_preview_that_fails_is_a_result_too(bare_database: Database, tmp_path: Path) -> None:
    result = preview_job(
        ScriptedJob([raising(RejectedError("no"))]),
        {},
        RunRequest(),
        runtime_for(bare_database.dsn, tmp_path),
    )
    assert (result.exit_code, result.data) == (77, {"committed": 1})


def test_a_payload_stands_in_the_ledger_without_its_secrets(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    payload = {"ws_id": "w", "refresh_token": "1//canary"}
    run_job(ScriptedJob([succeed]), payload, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert rows("select payload from jobs.runs") == [
        ({"ws_id": "w", "refresh_token": "[redacted]"},)
    ]


def test_a_result_too_large_for_the_ledger_loses_its_lists_there_only(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    def report_much(ctx: Context, previous: Data | None) -> Data:
        return {"inserted": 3, "rejected": ["x" * 100] * 1000}

    result = run_job(
        ScriptedJob([report_much]), {}, RunRequest(), runtime_for(database.dsn, tmp_path)
    )
    assert len(result.data["rejected"]) == 1000
    assert rows("select result -> 'data' from jobs.runs") == [
        ({"inserted": 3, "_omitted": ["rejected"]},)
    ]


def test_a_transaction_left_open_does_not_swallow_the_outcome(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    def leave_open(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute("begin")
        raise FailedError("no")

    run_job(ScriptedJob([leave_open]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert rows("select status from jobs.runs") == [("failed",)]


def test_a_transaction_that_failed_does_not_swallow_the_outcome(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    def break_it(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.execute("begin")
        ctx.connection.execute("select 1/0")
        return {}

    run_job(ScriptedJob([break_it]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert rows("select status, code from jobs.runs") == [("failed", "database_22012")]


def test_a_permanent_failure_is_final_though_a_part_could_be_retried(
    database: Database, tmp_path: Path
) -> None:
    def conclude(data: Data) -> Outcome:
        problem = Problem("rate_limited", "slow down", retryable=True)
        return Outcome(Kind.PARTIAL, "partial", (problem,), data=data)

    job = ScriptedJob([raising(RejectedError("no"))], conclude)
    result = run_job(job, {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    assert (result.exit_code, result.attempts) == (77, 1)
    assert [error.code for error in result.errors] == ["rejected", "rate_limited"]


def test_recording_that_fails_for_an_unknown_reason_still_gives_the_result(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    opened: list[bool] = []

    def connect_once(name: str) -> psycopg.Connection[Any]:
        if opened:
            raise LookupError("nobody foresaw this")
        opened.append(True)
        return runtime.connect(name)

    def close(ctx: Context, previous: Data | None) -> Data:
        ctx.connection.close()
        return {}

    failing = dataclasses.replace(runtime, connect=connect_once)
    result = run_job(ScriptedJob([close]), {}, RunRequest(), failing)
    assert (result.exit_code, [warning.code for warning in result.warnings]) == (0, ["unsettled"])


def test_a_run_id_that_was_used_before_is_refused_and_its_record_stays(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    runtime = runtime_for(database.dsn, tmp_path)
    request = RunRequest(run_id=UUID(int=5))
    first = run_job(ScriptedJob([succeed]), {}, request, runtime)
    second = run_job(ScriptedJob([raising(FailedError("no"))]), {}, request, runtime)
    assert (second.exit_code, second.code) == (2, "run_id_taken")
    assert rows("select status from jobs.runs") == [("succeeded",)]
    assert list(StateDirectory(tmp_path).results.of_key(KEY)) == [first.to_json()]
