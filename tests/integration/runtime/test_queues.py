"""Limits and pauses of queues, as an operator sets them and as runs meet them."""

import json
from pathlib import Path

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke, StartVictim
from tests.integration.runtime.parts import ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.commands import queues
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.run import run_job


def test_a_paused_queue_lets_nothing_start_until_it_is_resumed(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    pause = ("pause", "calendar-sync", "--for", "1h", "--reason", "a move of the database")
    code, said, _ = invoke(database, queues.app, *pause)
    assert code == 0
    assert said.startswith("calendar-sync is paused until 2")
    runtime = runtime_for(database.dsn, tmp_path)
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime)
    assert (result.exit_code, result.code) == (75, "paused")
    assert "a move of the database" in (result.error or "")
    [listed, other] = json.loads(invoke(database, queues.app, "list", "--json")[1])["queues"]
    assert listed["reason"] == "a move of the database"
    assert "@" in listed["paused_by"]
    assert other["paused_until"] is None

    assert invoke(database, queues.app, "resume", "calendar-sync")[:2] == (
        0,
        "calendar-sync is paused no longer\n",
    )
    assert run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime).exit_code == 0


def test_seats_that_are_taken_are_counted(
    database: Database, start_victim: StartVictim, invoke: Invoke
) -> None:
    start_victim().start_holding()
    [calendar, schedule] = json.loads(invoke(database, queues.app, "list", "--json")[1])["queues"]
    assert (calendar["name"], calendar["total_limit"], calendar["taken"]) == (
        "calendar-sync",
        10,
        1,
    )
    assert (schedule["name"], schedule["taken"]) == ("schedule", 0)


def test_a_limit_is_changed(database: Database, invoke: Invoke) -> None:
    assert invoke(database, queues.app, "limit", "schedule", "2")[:2] == (
        0,
        "schedule has 2 seats\n",
    )
    assert "schedule       2" in invoke(database, queues.app, "list")[1]
    code, document, _ = invoke(database, queues.app, "limit", "schedule", "3", "--json")
    assert (code, json.loads(document)) == (0, {"name": "schedule", "total_limit": 3})


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(
    database: Database, invoke: Invoke
) -> None:
    for command in (["resume", "sync"], ["limit", "sync", "2"]):
        code, _, said = invoke(database, queues.app, *command)
        assert code == 2
        assert "calendar-sync, schedule" in said
    assert invoke(database, queues.app, "limit", "schedule", "0")[0] == 2
