"""What an operator sees of runs: lists, one with its children, causes, the log as it grows."""

import json
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke
from tests.integration.runtime.parts import WORKSPACE, Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.commands import runs
from tuturuuu_jobs.errors import FailedError, RejectedError
from tuturuuu_jobs.runtime.failures import fingerprint
from tuturuuu_jobs.runtime.following import find_position, read_events
from tuturuuu_jobs.runtime.job import RunContext, RunRequest
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.runtime.run import run_job


def fail(_ctx: RunContext[Data], _previous: Data | None) -> Data:
    raise FailedError("row 17 is odd", code="odd", subject="17", hint="make it even")


def run(
    database: Database, tmp_path: Path, step: Any = succeed, key: str = "k", **request: Any
) -> str:
    job = ScriptedJob([step], key=key)
    wanted = RunRequest(attempts=1, **request)
    return run_job(job, {}, wanted, runtime_for(database.dsn, tmp_path)).run_id


def listed(invoke: Invoke, database: Database, *arguments: str) -> list[str]:
    code, document, said = invoke(database, runs.app, "list", "--json", *arguments)
    assert (code, said) == (0, "")
    return [row["run_id"] for row in json.loads(document)["runs"]]


def test_runs_are_found_by_job_workspace_status_time_and_tag(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    good = run(database, tmp_path, tags={"batch": "7", "who": "ada"})
    bad = run(database, tmp_path, fail, tags={"batch": "7"})
    old = run(database, tmp_path)
    with database.connect() as connection:
        connection.execute(
            "update jobs.runs set created_at = '2020-01-01Z' where id = %s", [UUID(old)]
        )
    assert listed(invoke, database) == [bad, good, old]
    assert listed(invoke, database, "--since", "2h") == [bad, good]
    assert listed(invoke, database, "--until", "2h") == [old]
    assert listed(invoke, database, "--until", "2020-01-01T00:00:00Z") == []
    assert listed(invoke, database, "--tag", "batch=7") == [bad, good]
    assert listed(invoke, database, "--tag", "batch=7", "--tag", "who=ada") == [good]
    assert listed(invoke, database, "--status", "failed", "--job", "sync") == [bad]
    assert listed(invoke, database, "--exhausted") == []
    assert listed(invoke, database, "--ws", str(WORKSPACE), "--limit", "1") == [bad]
    assert invoke(database, runs.app, "list", "--since", "yesterday")[0] == 2


def test_a_parent_is_shown_with_its_children_as_a_tree(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    parent = run(database, tmp_path)
    child = run(database, tmp_path, parent_run_id=UUID(parent), trigger="orchestrator")
    grandchild = run(database, tmp_path, fail, parent_run_id=UUID(child))
    code, document, _ = invoke(database, runs.app, "show", parent, "--json")
    [shown] = json.loads(document)["children"]
    assert (code, shown["run_id"]) == (0, child)
    [below] = shown["children"]
    assert (below["run_id"], below["message"], below["children"]) == (
        grandchild,
        "row 17 is odd",
        [],
    )
    _, text, _ = invoke(database, runs.app, "show", parent)
    tree = text.partition("children\n")[2].splitlines()
    assert [line.split()[0] for line in tree] == ["succeeded", "failed"]
    assert tree[1].startswith("  failed")


def test_a_failed_run_is_shown_with_what_to_do(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    _, text, _ = invoke(database, runs.app, "show", run(database, tmp_path, fail))
    assert "odd: row 17 is odd" in text
    assert "make it even" in text


def test_failures_are_grouped_by_cause(database: Database, tmp_path: Path, invoke: Invoke) -> None:
    def fail_as(number: int) -> Any:
        def step(_ctx: RunContext[Data], _previous: Data | None) -> Data:
            raise FailedError(f"row {number} is odd", code="odd", subject=str(number))

        return step

    def reject(_ctx: RunContext[Data], _previous: Data | None) -> Data:
        raise RejectedError("no", code="access_revoked")

    assert "no failures" in invoke(database, runs.app, "failures")[1]
    run(database, tmp_path)
    for number in (1, 22, 333):
        last = run(database, tmp_path, fail_as(number), key=f"key-{number}")
    run(database, tmp_path, reject)
    code, document, _ = invoke(database, runs.app, "failures", "--json")
    groups = json.loads(document)["failures"]
    assert code == 0
    assert [(group["code"], group["runs"], group["keys"]) for group in groups] == [
        ("access_revoked", 1, 1),
        ("odd", 3, 3),
    ]
    assert (groups[1]["last_run_id"], groups[1]["message"]) == (last, "row 333 is odd")
    assert "row 333 is odd" in invoke(database, runs.app, "failures", "--since", "1h")[1]
    assert "no failures" in invoke(database, runs.app, "failures", "--job", "schedule")[1]


def test_a_fingerprint_leaves_out_what_belongs_to_the_case() -> None:
    def of(message: str, subject: str | None = None) -> bytes:
        return fingerprint("sync", "failed", Problem("failed", message, subject=subject))

    same = {
        of("calendar a@b.example of 00000000-0000-0000-0000-00000000000a: 12 rows"),
        of("calendar c@d.example of 00000000-0000-0000-0000-00000000000b: 7 rows"),
        of("calendar Team of 00000000-0000-0000-0000-00000000000b: 7 rows", "Team"),
    }
    assert len(same) == 1
    assert of("another message") not in same
    assert fingerprint("schedule", "failed", None) != fingerprint("sync", "failed", None)


def test_the_log_is_followed_until_the_time_is_over(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    run_id = run(database, tmp_path)
    code, text, said = invoke(database, runs.app, "tail", "--for", "0s", "--json")
    assert (code, said) == (0, "")
    assert [
        (json.loads(line)["type"], json.loads(line)["run_id"]) for line in text.splitlines()
    ] == [
        ("run.started", run_id),
        ("run.settled", run_id),
    ]
    assert run_id in invoke(database, runs.app, "tail", "--for", "0s")[1]
    last = invoke(database, runs.app, "tail", "--for", "0s", "--last", "1")[1]
    assert len(last.splitlines()) == 1
    assert "run.settled" in last
    assert invoke(database, runs.app, "tail", "--for", "0s", "--job", "schedule")[1] == ""


def test_following_ends_with_ctrl_c_as_a_success(database: Database, invoke: Invoke) -> None:
    def press_once_it_follows() -> None:
        query = (
            "select from pg_stat_activity where datname = current_database()"
            " and state = 'idle' and query like '%from jobs.events event%'"
        )
        with database.connect() as connection:
            while not connection.execute(query).fetchall():
                pass
        os.kill(os.getpid(), signal.SIGINT)

    stop = threading.Thread(target=press_once_it_follows)
    stop.start()
    assert invoke(database, runs.app, "tail")[0] == 0
    stop.join()


def test_an_event_that_commits_late_is_not_lost(database: Database) -> None:
    insert = "insert into jobs.events (type) values (%s)"
    with database.connect() as reader, database.connect() as slow, database.connect() as quick:
        position = find_position(reader, last=0)
        with slow.transaction():
            slow.execute(insert, ["late"])
            quick.execute(insert, ["early"])
            assert read_events(reader, position) == []
        both = read_events(reader, position)
        assert [event.type for event in both] == ["late", "early"]
        assert read_events(reader, both[-1].position) == []


def test_the_slot_of_a_run_is_shown_in_utc(
    database: Database, tmp_path: Path, invoke: Invoke
) -> None:
    slot = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)
    _, text, _ = invoke(database, runs.app, "show", run(database, tmp_path, slot=slot))
    assert "2026-03-02T03:15:00Z" in text


def test_the_list_shows_age_and_counts(database: Database, tmp_path: Path, invoke: Invoke) -> None:
    def count(_ctx: RunContext[Data], _previous: Data | None) -> Data:
        return {"totals": {"inserted": 3, "deleted": 0}}

    run_id = run(database, tmp_path, count)
    with database.connect() as connection:
        connection.execute("update jobs.runs set started_at = started_at - interval '3 hours'")
    heading, line = invoke(database, runs.app, "list")[1].splitlines()
    assert heading.split()[:2] == ["started_at", "age"]
    assert line.split()[1] == "3h"
    assert line.split()[-3:] == ["inserted", "3", run_id]
    [row] = json.loads(invoke(database, runs.app, "list", "--json")[1])["runs"]
    assert row["counters"] == {"inserted": 3, "deleted": 0}
