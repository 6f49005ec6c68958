"""What waits in the queue, as an operator meets it: listed, shown, taken back, put back."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from tests.fixtures.postgres import Database
from tests.integration.fleet.test_enqueue import WS_ID, enqueue, status, waiting
from tests.integration.runtime.conftest import Invoke, invoke
from tuturuuu_jobs.commands import runs
from tuturuuu_jobs.fleet import engine, requests

__all__ = ["invoke"]

KEY: Final = f"google-calendar-sync-{WS_ID}"


def begin(
    connection: psycopg.Connection[Any], run_id: UUID
) -> tuple[engine.Taken, requests.Claimed]:
    """As a worker does that comes to it next."""
    engine.prepare(connection)
    taken = engine.take(connection, engine.register(connection), None)
    assert taken is not None
    claimed = requests.claim(connection, taken, uuid4(), 0.0)
    assert claimed is not None
    assert claimed.id == run_id
    return taken, claimed


def record(
    connection: psycopg.Connection[Any], run_id: UUID, ended: str, code: str | None = None
) -> None:
    """The row that such a run leaves."""
    final = ended != "running"
    connection.execute(
        "insert into jobs.runs (id, job, ws_id, concurrency_key, status, code, trigger, attempt,"
        " started_at, finished_at, fingerprint) values (%s, 'full-sync', %s, %s, %s, %s, 'queue',"
        " 1, now(), case when %s then clock_timestamp() end, case when %s then '\\x01'::bytea end)",
        (run_id, WS_ID, KEY, ended, code or ended, final, final),
    )


def listed(invoke: Invoke, database: Database, *arguments: str) -> list[tuple[str, str]]:
    code, document, said = invoke(database, runs.app, "list", "--json", *arguments)
    assert (code, said) == (0, "")
    return [(row["run_id"], row["status"]) for row in json.loads(document)["runs"]]


def shown(invoke: Invoke, database: Database, run_id: UUID) -> dict[str, Any]:
    code, document, _ = invoke(database, runs.app, "show", str(run_id), "--json")
    assert code == 0
    found: dict[str, Any] = json.loads(document)
    return found


def test_what_waits_is_listed_and_shown_as_queued(database: Database, invoke: Invoke) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection, payload={"ws_id": str(WS_ID), "allow_mass_delete": True})
        assert listed(invoke, database) == [(str(run_id), "queued")]
        assert listed(invoke, database, "--status", "queued", "--job", "full-sync") != []
        assert listed(invoke, database, "--status", "running") == []
        assert listed(invoke, database, "--ws", str(uuid4())) == []
        found = shown(invoke, database, run_id)
        assert (found["status"], found["trigger"], found["key"]) == ("queued", "queue", KEY)
        assert found["payload"]["allow_mass_delete"] is True
        assert found["request"]["state"] == status(connection, run_id)["state"] == "queued"
        assert "asked for" in invoke(database, runs.app, "show", str(run_id))[1]


def test_a_run_that_was_begun_stands_in_the_list_once(database: Database, invoke: Invoke) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        taken, claimed = begin(connection, run_id)
        assert listed(invoke, database) == [(str(run_id), "running")]
        record(connection, run_id, "succeeded")
        requests.finish(connection, taken, claimed, "succeeded", "succeeded")
        assert listed(invoke, database) == [(str(run_id), "succeeded")]
        connection.execute("delete from jobs.runs")
        assert listed(invoke, database) == []


def test_what_waits_for_another_run_is_shown_beside_the_one_it_had(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        taken, claimed = begin(connection, run_id)
        record(connection, run_id, "unavailable", "database_unavailable")
        requests.release(connection, taken, claimed, wait_s=60.0, spent=True)
        found = listed(invoke, database)
        assert sorted(found) == [(str(run_id), "queued"), (str(run_id), "unavailable")]
        document = shown(invoke, database, run_id)
        assert (document["status"], document["request"]["state"]) == ("unavailable", "queued")
        assert document["request"]["tries"] == 1
        # It needs nobody yet.
        assert listed(invoke, database, "--exhausted") == []


def test_the_last_run_of_many_leads_to_what_was_asked_for(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        taken, claimed = begin(connection, run_id)
        record(connection, run_id, "interrupted")
        requests.release(connection, taken, claimed, wait_s=0.0, spent=False)
        _, claimed = begin(connection, run_id)
        record(connection, claimed.run_id, "running")
        assert claimed.run_id != run_id
        for one in (run_id, claimed.run_id):
            assert shown(invoke, database, one)["request"]["request_id"] == str(run_id)


def test_what_waits_can_be_taken_back_and_no_worker_begins_it(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id, other = enqueue(connection), enqueue(connection, "sync")
        ended = invoke(database, runs.app, "cancel", str(run_id), "--reason", "a test", "--json")
        assert ended[0] == 0, ended
        assert json.loads(ended[1]) == {"run_id": str(run_id), "reached": "withdrawn"}
        told = status(connection, run_id)
        assert (told["state"], told["status"], told["code"]) == ("done", "cancelled", "cancelled")
        assert waiting(connection) == [other]
        found = shown(invoke, database, run_id)
        assert (found["status"], found["cancel_reason"]) == ("cancelled", "a test")
        assert [event["type"] for event in found["events"]] == [
            "run.cancel_requested",
            "run.settled",
        ]
        assert listed(invoke, database, "--exhausted") == []
        code, _, said = invoke(database, runs.app, "cancel", str(run_id))
        assert (code, "it is cancelled" in said) == (1, True)
        assert invoke(database, runs.app, "cancel", str(uuid4()))[0] == 2


def test_a_worker_that_took_it_already_finds_it_taken_back(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        engine.prepare(connection)
        taken = engine.take(connection, engine.register(connection), None)
        assert taken is not None
        assert invoke(database, runs.app, "cancel", str(run_id))[0] == 0
        assert requests.claim(connection, taken, uuid4(), 0.0) is None
        assert connection.execute("select from jobs_queue.procrastinate_jobs").rowcount == 0


def test_a_run_at_work_is_cancelled_by_the_id_that_the_caller_has(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        taken, claimed = begin(connection, run_id)
        record(connection, run_id, "interrupted")
        requests.release(connection, taken, claimed, wait_s=0.0, spent=False)
        taken, claimed = begin(connection, run_id)
        record(connection, claimed.run_id, "running")
        ended = invoke(database, runs.app, "cancel", str(run_id), "--json")
        assert json.loads(ended[1])["reached"] == "noted"
        query = "select id from jobs.runs where cancel_requested_at is not null"
        assert connection.execute(query).fetchall() == [(claimed.run_id,)]


def test_what_was_taken_back_between_two_tries_needs_nobody(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        taken, claimed = begin(connection, run_id)
        record(connection, run_id, "unavailable")
        requests.release(connection, taken, claimed, wait_s=60.0, spent=True)
        assert invoke(database, runs.app, "cancel", str(run_id))[0] == 0
        told = status(connection, run_id)
        assert (told["status"], told["result"]) == ("cancelled", None)
        assert listed(invoke, database, "--exhausted") == []
        assert sorted(listed(invoke, database)) == [
            (str(run_id), "cancelled"),
            (str(run_id), "unavailable"),
        ]
        # Told with its run's end already.
        assert [event["type"] for event in shown(invoke, database, run_id)["events"]] == [
            "run.cancel_requested"
        ]


@pytest.mark.parametrize("settled", [True, False], ids=["settled", "found dead"])
def test_what_died_before_it_could_heed_a_wish_to_end_is_not_begun_anew(
    database: Database, *, settled: bool
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        begin(connection, run_id)
        record(connection, run_id, "lost" if settled else "running")
        connection.execute("update jobs.runs set cancel_requested_at = now()")
        connection.execute(
            "update jobs_queue.procrastinate_jobs set status = 'todo', worker_id = null"
        )
        taken = engine.take(connection, engine.register(connection), None)
        assert taken is not None
        assert requests.claim(connection, taken, uuid4(), 0.0) is None
        told = status(connection, run_id)
        assert (told["state"], told["status"]) == ("done", "cancelled")


def end(
    connection: psycopg.Connection[Any], run_id: UUID, ended: str, *, leaves_row: bool = True
) -> None:
    """As a worker notes it whose tries are spent."""
    taken, claimed = begin(connection, run_id)
    if leaves_row:
        record(connection, run_id, ended)
    assert requests.finish(connection, taken, claimed, ended, ended)


@pytest.mark.parametrize("leaves_row", [True, False], ids=["with a run", "without one"])
def test_what_failed_for_good_is_kept_listed_and_grouped(
    database: Database, invoke: Invoke, *, leaves_row: bool
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection)
        end(connection, run_id, "crashed", leaves_row=leaves_row)
        assert listed(invoke, database, "--exhausted") == [(str(run_id), "crashed")]
        groups = json.loads(invoke(database, runs.app, "failures", "--json")[1])["failures"]
        assert [(one["code"], one["runs"], one["last_run_id"]) for one in groups] == [
            ("crashed", 1, str(run_id))
        ]
        # A later success of the key outdates it.
        record(connection, uuid4(), "succeeded")
        assert listed(invoke, database, "--exhausted") == []


def retried(invoke: Invoke, database: Database, *arguments: str) -> list[dict[str, str]]:
    code, written, said = invoke(database, runs.app, "retry", *arguments)
    assert (code, said) == (0, "")
    heading, *lines = [line.split() for line in written.splitlines()] or [[]]
    return [dict(zip(heading, line, strict=True)) for line in lines]


@pytest.mark.parametrize("leaves_row", [True, False], ids=["with a run", "without one"])
def test_what_came_from_the_queue_is_put_back_there(
    database: Database, invoke: Invoke, *, leaves_row: bool
) -> None:
    payload = {"ws_id": str(WS_ID), "allow_mass_delete": True}
    with database.connect() as connection:
        run_id = enqueue(connection, payload=payload, idempotency_key=sql.Literal("k"))
        end(connection, run_id, "crashed", leaves_row=leaves_row)
        seen = invoke(database, runs.app, "retry", "--exhausted", "--dry-run")[1].splitlines()[1]
        assert f"to the queue  {run_id}" in seen
        assert waiting(connection) == []

        [row] = retried(invoke, database, "--status", "crashed", "--since", "2h")
        assert (row["replay_of"], row["job"]) == (str(run_id), "full-sync")
        assert waiting(connection) == [UUID(row["run_id"])]
        assert listed(invoke, database, "--exhausted") == []
        assert status(connection, run_id)["status"] == "crashed"
        kept = connection.execute(
            "select payload, idempotency_key, replay_of from jobs.requests where id = %s",
            (row["run_id"],),
        ).fetchone()
        assert kept == (payload, "k", run_id)
        _, claimed = begin(connection, UUID(row["run_id"]))
        assert claimed.replay_of == run_id
        assert retried(invoke, database, "--exhausted") == []


def test_one_is_put_back_by_its_name_whatever_it_ended_with(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection, expires=sql.SQL("interval '1 minute'"))
        connection.execute("update jobs.requests set expires_at = now() - interval '1 second'")
        engine.prepare(connection)
        taken = engine.take(connection, engine.register(connection), None)
        assert taken is not None
        assert requests.claim(connection, taken, uuid4(), 0.0) is None
        assert [event["type"] for event in shown(invoke, database, run_id)["events"]] == [
            "run.settled"
        ]
        assert listed(invoke, database) == [(str(run_id), "expired")]
        assert listed(invoke, database, "--exhausted") == []
        [row] = retried(invoke, database, str(run_id))
        assert waiting(connection) == [UUID(row["run_id"])]
        # Now it waits: there is nothing to put back.
        code, _, said = invoke(database, runs.app, "retry", row["run_id"])
        assert (code, "it is queued" in said) == (1, True)
        assert invoke(database, runs.app, "retry", str(run_id), "--since", "2h")[0] == 2
        assert invoke(database, runs.app, "replay", str(run_id))[0] == 2


def test_what_succeeded_is_asked_for_under_no_key_of_its_own(
    database: Database, invoke: Invoke
) -> None:
    with database.connect() as connection:
        run_id = enqueue(connection, idempotency_key=sql.Literal("k"))
        end(connection, run_id, "partial")
        [row] = retried(invoke, database, "--status", "partial")
        assert row["run_id"] != str(run_id)


def test_a_limit_that_was_reached_is_said(database: Database, invoke: Invoke) -> None:
    with database.connect() as connection:
        end(connection, enqueue(connection), "crashed")
        code, written, said = invoke(database, runs.app, "retry", "--exhausted", "--limit", "1")
        assert (code, len(written.splitlines())) == (0, 2)
        assert "raise --limit" in said


def test_the_tries_that_the_list_shows_are_those_of_the_worker(database: Database) -> None:
    with database.connect() as connection:
        enqueue(connection)
        row = connection.execute("select max_attempts from jobs.all_runs").fetchone()
    assert row == (requests.MOST_TRIES,)
