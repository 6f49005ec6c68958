"""Runs as processes: crowded, stopped by signals, killed without a word."""

import signal
import threading
import time
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import LoadRows, StartVictim
from tests.integration.runtime.parts import KEY, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.testing.clock import VirtualClock

MODES = pytest.mark.parametrize("mode", list(LockMode), ids=str)


@MODES
def test_a_key_that_is_held_skips_the_run_and_says_who_holds_it(
    database: Database, tmp_path: Path, rows: LoadRows, start_victim: StartVictim, mode: LockMode
) -> None:
    holder = start_victim(mode=mode)
    holder.start_holding()
    result = run_job(
        ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path, mode=mode)
    )
    assert (result.exit_code, result.code, result.status.value) == (75, "busy", "skipped")
    assert result.attempts == 0
    holder.go()
    held_by = holder.result()["run_id"]
    assert result.data["holder"]["run_id"] == held_by
    assert held_by in (result.error or "")
    assert rows("select status, code, exit_code, finished_at is null from jobs.runs order by id")[
        1:
    ] == [("skipped", "busy", 75, False)]
    assert ("lock.skipped",) in rows("select type from jobs.events")


def test_of_eight_runs_at_once_one_works_and_seven_are_skipped(
    rows: LoadRows, start_victim: StartVictim
) -> None:
    victims = [start_victim() for _ in range(8)]
    for victim in victims:
        assert victim.read() == "ready"
    for victim in victims:
        victim.go()
    answers = [victim.read() for victim in victims]
    assert answers.count("holding") == 1
    victims[answers.index("holding")].go()
    codes = sorted(victim.process.wait(30) for victim in victims)
    assert codes == [0] + [75] * 7
    assert sorted(rows("select status from jobs.runs")) == [("skipped",)] * 7 + [("succeeded",)]


def test_busy_can_be_asked_to_fail(
    database: Database, tmp_path: Path, rows: LoadRows, start_victim: StartVictim
) -> None:
    start_victim().start_holding()
    request = RunRequest(on_busy=OnBusy.FAIL)
    result = run_job(ScriptedJob([succeed]), {}, request, runtime_for(database.dsn, tmp_path))
    assert (result.exit_code, result.code, result.status.value) == (1, "busy", "failed")
    assert ("failed",) in rows("select status from jobs.runs")


@MODES
def test_busy_can_be_waited_for(
    database: Database, tmp_path: Path, start_victim: StartVictim, mode: LockMode
) -> None:
    holder = start_victim(mode=mode)
    holder.start_holding()
    release = threading.Timer(0.2, holder.go)
    release.start()
    request = RunRequest(on_busy=OnBusy.WAIT, wait_s=30)
    runtime = runtime_for(database.dsn, tmp_path, mode=mode)
    result = run_job(ScriptedJob([succeed]), {}, request, runtime)
    release.join()
    assert (result.exit_code, holder.result()["exit_code"]) == (0, 0)


def test_a_wait_that_is_over_is_a_skip(
    database: Database, tmp_path: Path, start_victim: StartVictim
) -> None:
    start_victim().start_holding()
    request = RunRequest(on_busy=OnBusy.WAIT, wait_s=0.1)
    result = run_job(ScriptedJob([succeed]), {}, request, runtime_for(database.dsn, tmp_path))
    assert (result.exit_code, result.code) == (75, "busy")


def test_a_run_that_is_killed_in_a_statement_frees_its_key_within_seconds(
    database: Database, tmp_path: Path, rows: LoadRows, start_victim: StartVictim
) -> None:
    victim = start_victim("sleep", LockMode.ADVISORY)
    victim.start_holding()
    victim.process.kill()
    victim.process.wait()
    request = RunRequest(on_busy=OnBusy.WAIT, wait_s=10)
    runtime = runtime_for(database.dsn, tmp_path, mode=LockMode.ADVISORY)
    assert run_job(ScriptedJob([succeed]), {}, request, runtime).exit_code == 0
    assert ("lost",) in rows("select status from jobs.runs")


@MODES
def test_a_run_that_was_killed_is_settled_as_lost_by_the_next_one(
    database: Database, tmp_path: Path, rows: LoadRows, start_victim: StartVictim, mode: LockMode
) -> None:
    victim = start_victim(mode=mode)
    victim.start_holding()
    victim.process.kill()
    victim.process.wait()
    request = RunRequest(on_busy=OnBusy.WAIT, wait_s=10)
    result = run_job(
        ScriptedJob([succeed]), {}, request, runtime_for(database.dsn, tmp_path, mode=mode)
    )
    assert result.exit_code == 0
    assert rows("select status, epoch from jobs.runs order by started_at") == [
        ("lost", 1),
        ("succeeded", 0),
    ]
    assert rows("select data ->> 'found_by' from jobs.events where type = 'run.lost'") == [
        (result.run_id,)
    ]
    assert rows("select status from jobs.attempts where status = 'running'") == []


@pytest.mark.parametrize(
    ("stopper", "exit_code", "code"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGHUP, 143, "terminated"),
    ],
)
def test_a_signal_in_a_statement_ends_it_at_once_and_is_recorded(
    rows: LoadRows,
    start_victim: StartVictim,
    stopper: signal.Signals,
    exit_code: int,
    code: str,
) -> None:
    victim = start_victim("sleep")
    victim.start_holding()
    started = time.monotonic()
    victim.process.send_signal(stopper)
    document = victim.result()
    assert time.monotonic() - started < 10
    assert (document["exit_code"], document["code"]) == (exit_code, code)
    assert document["data"] == {"committed": 1}
    assert rows("select status, code, exit_code from jobs.runs") == [
        ("interrupted", code, exit_code)
    ]


def test_a_signal_in_a_commit_waits_for_its_end(rows: LoadRows, start_victim: StartVictim) -> None:
    victim = start_victim("shield")
    victim.start_holding()
    victim.process.send_signal(signal.SIGTERM)
    victim.process.send_signal(signal.SIGTERM)
    victim.process.send_signal(signal.SIGUSR1)
    document = victim.result()
    assert (document["code"], document["data"]) == ("terminated", {"committed": 2})
    assert rows("select status from jobs.runs") == [("interrupted",)]


def insert_running(database: Database, fields: dict[str, object]) -> UUID:
    here = read_identity()
    run_id = uuid4()
    values = {
        "id": run_id,
        "key": KEY,
        "locks": "both",
        "host": here.host,
        "boot_id": here.boot_id,
        "pid": here.pid,
        "pid_start": here.pid_start,
        "pid_ns": here.pid_ns,
    } | fields
    with database.connect() as connection:
        connection.execute(
            "insert into jobs.runs (id, job, concurrency_key, status, trigger, locks, host,"
            " boot_id, pid, pid_start, pid_ns, started_at) values (%(id)s, 'sync', %(key)s,"
            " 'running', 'timer', %(locks)s, %(host)s, %(boot_id)s, %(pid)s, %(pid_start)s,"
            " %(pid_ns)s, now() - interval '1 day')",
            values,
        )
    return run_id


DEAD: dict[str, tuple[dict[str, object], LockMode]] = {
    "another boot": ({"boot_id": "another"}, LockMode.FILE),
    "the pid belongs to another process": ({"pid_start": 1}, LockMode.BOTH),
    "another host, whose advisory lock we hold": ({"host": "elsewhere"}, LockMode.BOTH),
    "a container, whose advisory lock we hold": ({"pid_ns": 1}, LockMode.ADVISORY),
}
NOT_PROVED_DEAD: dict[str, tuple[dict[str, object], LockMode]] = {
    "it lives, though it is a day old": ({}, LockMode.BOTH),
    "another host, with file locks alone": ({"host": "elsewhere"}, LockMode.FILE),
    "another host that took no advisory lock": (
        {"host": "elsewhere", "locks": "file"},
        LockMode.BOTH,
    ),
}


@pytest.mark.parametrize("case", DEAD)
def test_a_predecessor_that_is_dead_is_lost(
    database: Database, tmp_path: Path, rows: LoadRows, case: str
) -> None:
    fields, mode = DEAD[case]
    run_id = insert_running(database, fields)
    result = run_job(
        ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path, mode=mode)
    )
    assert result.exit_code == 0
    assert rows(f"select status from jobs.runs where id = '{run_id}'") == [("lost",)]


@pytest.mark.parametrize("case", NOT_PROVED_DEAD)
def test_a_predecessor_that_may_live_is_left_alone(
    database: Database, tmp_path: Path, rows: LoadRows, case: str
) -> None:
    fields, mode = NOT_PROVED_DEAD[case]
    run_id = insert_running(database, fields)
    result = run_job(
        ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path, mode=mode)
    )
    assert (result.exit_code, result.code) == (75, "busy")
    assert str(run_id) in (result.error or "")
    assert rows(f"select status from jobs.runs where id = '{run_id}'") == [("running",)]


def test_a_parent_that_is_not_the_main_thread_can_run_too(
    database: Database, tmp_path: Path
) -> None:
    codes: list[int] = []

    def work() -> None:
        result = run_job(
            ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path)
        )
        codes.append(result.exit_code)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert codes == [0]


@MODES
def test_a_queue_lets_in_as_many_runs_as_it_has_seats(
    database: Database, tmp_path: Path, start_victim: StartVictim, mode: LockMode
) -> None:
    with database.connect() as connection:
        connection.execute("update jobs.queues set total_limit = 1 where name = 'calendar-sync'")
    start_victim(mode=mode).start_holding()
    other = ScriptedJob([succeed], key="google-calendar-sync-other")
    clock = VirtualClock()
    runtime = runtime_for(database.dsn, tmp_path, mode=mode, clock=clock)
    result = run_job(other, {}, RunRequest(deadline_s=20), runtime)
    assert (result.exit_code, result.code, result.attempts) == (75, "queue_full", 0)
    assert 14 < sum(clock.sleeps) < 16

    unlimited = ScriptedJob([succeed], key="other", queue="nobody limited it")
    assert run_job(unlimited, {}, RunRequest(), runtime).exit_code == 0


def test_a_run_waits_for_a_seat_and_a_dead_holder_gives_its_seat_back(
    database: Database, tmp_path: Path, start_victim: StartVictim
) -> None:
    with database.connect() as connection:
        connection.execute("update jobs.queues set total_limit = 1 where name = 'calendar-sync'")
    holder = start_victim()
    holder.start_holding()
    release = threading.Timer(0.3, holder.process.kill)
    release.start()
    other = ScriptedJob([succeed], key="google-calendar-sync-other")
    result = run_job(other, {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    release.join()
    assert result.exit_code == 0


def test_a_paused_queue_starts_nothing(database: Database, tmp_path: Path, rows: LoadRows) -> None:
    with database.connect() as connection:
        connection.execute(
            "update jobs.queues set paused_until = now() + interval '1 hour', reason = 'moving'"
        )
    runtime = runtime_for(database.dsn, tmp_path)
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.code) == (75, "paused")
    assert "moving" in (result.error or "")
    assert rows("select status, code from jobs.runs") == [("skipped", "paused")]


def test_a_key_that_stays_held_is_a_warning_from_the_fourth_time_on(
    database: Database, tmp_path: Path, rows: LoadRows, start_victim: StartVictim
) -> None:
    start_victim().start_holding()
    runtime = runtime_for(database.dsn, tmp_path)
    results = [run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime) for _ in range(4)]
    assert [[warning.code for warning in result.warnings] for result in results] == [
        [],
        [],
        [],
        ["busy_again_and_again"],
    ]
    assert {result.exit_code for result in results} == {75}
    assert len(rows("select from jobs.runs where status = 'skipped'")) == 4


def test_a_holder_past_its_own_deadline_is_a_warning(
    database: Database, tmp_path: Path, start_victim: StartVictim
) -> None:
    start_victim().start_holding()
    with database.connect() as connection:
        connection.execute("update jobs.runs set deadline_at = now() - interval '90 s'")
    runtime = runtime_for(database.dsn, tmp_path)
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
    [warning] = result.warnings
    assert (result.exit_code, warning.code) == (75, "holder_overdue")
    assert "90 s past" in warning.message
