"""``db`` and ``runs`` on a real database."""

import json
from pathlib import Path
from uuid import uuid4

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke
from tests.integration.runtime.parts import WORKSPACE, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.commands import db, runs
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.runtime.schema import load_migrations


def test_a_database_is_migrated_once_and_its_state_is_told(
    bare_database: Database, invoke: Invoke
) -> None:
    names = [migration.name for migration in load_migrations()]
    pending = "".join(f"pending  {name}\n" for name in names)
    applied = "".join(f"applied {name}\n" for name in names)
    assert invoke(bare_database, db.app, "status")[:2] == (78, pending)
    assert invoke(bare_database, db.app, "migrate") == (0, applied, "")
    assert invoke(bare_database, db.app, "migrate") == (0, "nothing to apply\n", "")
    code, document, _ = invoke(bare_database, db.app, "status", "--json")
    assert (code, json.loads(document)) == (0, {"applied": names, "pending": []})


def test_the_sql_is_printed_without_a_database(bare_database: Database, invoke: Invoke) -> None:
    code, script, _ = invoke(bare_database, db.app, "migrate", "--print")
    assert code == 0
    with bare_database.connect() as connection:
        connection.execute(script.encode())
    assert invoke(bare_database, db.app, "status")[0] == 0


def test_grants_name_the_role_that_was_asked_for(database: Database, invoke: Invoke) -> None:
    code, text, _ = invoke(database, db.app, "grants", "--role", 'a"b')
    assert code == 0
    assert 'to "a""b";' in text


def test_runs_are_listed_and_shown(database: Database, tmp_path: Path, invoke: Invoke) -> None:
    result = run_job(ScriptedJob([succeed]), {}, RunRequest(), runtime_for(database.dsn, tmp_path))
    with database.connect() as connection:
        connection.execute(
            "insert into jobs.calendar_windows (ws_id, auth_token_id, calendar_id, last_full_at)"
            " values (%s, %s, 'team@example.org', '2026-03-02T03:00:00Z')",
            [WORKSPACE, uuid4()],
        )
    code, text, _ = invoke(database, runs.app, "list")
    assert code == 0
    assert result.run_id in text
    _, document, _ = invoke(database, runs.app, "list", "--json", "--status", "succeeded")
    [listed] = json.loads(document)["runs"]
    assert (listed["run_id"], listed["status"], listed["exit_code"]) == (
        result.run_id,
        "succeeded",
        0,
    )
    _, document, _ = invoke(database, runs.app, "list", "--json", "--ws", str(uuid4()))
    assert json.loads(document) == {"runs": []}

    _, text, _ = invoke(database, runs.app, "show", result.run_id)
    assert "team@example.org" in text
    assert "2026-03-02T03:00:00Z" in text
    _, document, _ = invoke(database, runs.app, "show", result.run_id, "--json")
    shown = json.loads(document)
    assert shown["result"] == result.to_json()
    assert shown["calendars"][0]["last_full_at"] == "2026-03-02T03:00:00Z"
    assert [event["type"] for event in shown["events"]] == ["run.started", "run.settled"]


def test_a_run_that_does_not_exist_is_a_usage_error(database: Database, invoke: Invoke) -> None:
    code, _, said = invoke(database, runs.app, "show", str(uuid4()))
    assert code == 2
    assert "runs list" in said


def test_without_the_schema_the_command_to_run_is_named(
    bare_database: Database, invoke: Invoke
) -> None:
    code, _, said = invoke(bare_database, runs.app, "list")
    assert code == 78
    assert "tuturuuu-jobs db migrate" in said
