"""Transitions of the ledger: each happens once, on a condition, with its event."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from psycopg import errors

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import LoadRows
from tests.integration.runtime.parts import KEY, WORKSPACE
from tuturuuu_jobs.errors import SupersededError
from tuturuuu_jobs.runtime import history, ledger
from tuturuuu_jobs.runtime.facts import AttemptEnd, RunFacts
from tuturuuu_jobs.runtime.failures import fingerprint
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Result, Status
from tuturuuu_jobs.runtime.report import build_result
from tuturuuu_jobs.runtime.settling import Record, drain_spool
from tuturuuu_jobs.runtime.state import StateDirectory

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def facts(run_id: UUID | None = None, **changes: object) -> RunFacts:
    made = RunFacts(
        id=run_id or uuid4(),
        job="sync",
        ws_id=WORKSPACE,
        key=KEY,
        trigger="timer",
        slot=None,
        payload={"ws_id": str(WORKSPACE)},
        tags={"a": "b"},
        max_attempts=3,
        parent_run_id=None,
        locks="both",
        identity=read_identity(),
        invocation_id=None,
        code_version="1",
        started_at=START,
        deadline_at=START + timedelta(hours=1),
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # names come from tests.


def result_of(run: RunFacts, kind: Kind = Kind.SUCCEEDED) -> Result:
    outcome = Outcome(kind, kind.value, data={"n": 1})
    return build_result(
        run, outcome, attempts=1, finished_at=START + timedelta(seconds=5), duration_s=5
    )


def events(rows: LoadRows) -> list[str]:
    return [kind for (kind,) in rows("select type from jobs.events order by id")]


def test_opening_a_run_twice_is_the_same_as_once(database: Database, rows: LoadRows) -> None:
    run = facts()
    with database.connect() as connection:
        assert ledger.open_run(connection, run)
        assert ledger.open_run(connection, run)
    assert rows("select status, attempt from jobs.runs") == [("running", 1)]
    assert events(rows) == ["run.started"]


def test_a_key_has_one_running_row(database: Database, rows: LoadRows) -> None:
    with database.connect() as connection:
        assert ledger.open_run(connection, facts())
        assert not ledger.open_run(connection, facts())
    assert len(rows("select from jobs.runs")) == 1


def test_settling_twice_with_the_same_result_is_the_same_as_once(
    database: Database, rows: LoadRows
) -> None:
    run = facts()
    with database.connect() as connection:
        ledger.open_run(connection, run)
        ledger.settle(connection, run.id, result_of(run))
        ledger.settle(connection, run.id, result_of(run))
        with pytest.raises(SupersededError):
            ledger.settle(connection, run.id, result_of(run, Kind.PARTIAL))
    assert rows("select status from jobs.runs") == [("succeeded",)]
    assert events(rows) == ["run.started", "run.settled"]


def test_who_was_declared_lost_writes_nothing_further(database: Database, rows: LoadRows) -> None:
    run = facts()
    ended = AttemptEnd(1, START, START, Status.UNAVAILABLE, "unavailable", None, 1.0, None)
    with database.connect() as connection:
        ledger.open_run(connection, run)
        row = ledger.load_running(connection, KEY)
        assert row is not None
        assert row.identity == run.identity
        assert ledger.mark_lost(connection, row, found_by=uuid4())
        assert not ledger.mark_lost(connection, row, found_by=uuid4())
        with pytest.raises(SupersededError):
            ledger.settle(connection, run.id, result_of(run))
        with pytest.raises(SupersededError):
            ledger.next_attempt(connection, run.id, [ended], started_at=START)
    assert rows("select status, epoch from jobs.runs") == [("lost", 1)]
    assert events(rows) == ["run.started", "run.lost"]


def test_who_gave_a_sign_of_life_meanwhile_is_not_lost(database: Database, rows: LoadRows) -> None:
    run = facts()
    with database.connect() as connection:
        ledger.open_run(connection, run)
        found = ledger.load_running(connection, KEY)
        assert found is not None
        connection.execute("update jobs.runs set heartbeat_at = heartbeat_at + interval '15 s'")
        assert not ledger.mark_lost(connection, found)
        ledger.settle(connection, run.id, result_of(run))
    assert rows("select status, epoch from jobs.runs") == [("succeeded", 0)]
    assert events(rows) == ["run.started", "run.settled"]


def test_a_final_row_is_inserted_once(database: Database, rows: LoadRows) -> None:
    run = facts()
    with database.connect() as connection:
        assert ledger.record_final(connection, run, result_of(run, Kind.BUSY))
        assert not ledger.record_final(connection, run, result_of(run, Kind.BUSY))
    assert rows("select status, code, exit_code from jobs.runs") == [("skipped", "busy", 75)]
    assert events(rows) == ["lock.skipped"]


@pytest.mark.parametrize("reached", ["nothing", "opened", "settled"])
def test_a_record_reaches_the_ledger_from_whatever_was_known_before(
    database: Database, rows: LoadRows, reached: str
) -> None:
    """An answer that got lost leaves three possible states; all end in the same row."""
    run = facts()
    with database.connect() as connection:
        if reached != "nothing":
            ledger.open_run(connection, run)
        if reached == "settled":
            ledger.settle(connection, run.id, result_of(run))
        Record(run, result_of(run), opened=False, home="").write(connection)
    assert rows("select status, code from jobs.runs") == [("succeeded", "succeeded")]


def test_what_is_spooled_survives_as_it_was(database: Database, tmp_path: Path) -> None:
    run = facts(slot=START, parent_run_id=uuid4())
    entry = Record(run, result_of(run, Kind.PARTIAL), opened=True, home="here")
    StateDirectory(tmp_path).save_unsettled(run.id, entry.to_json())
    [(_, document)] = StateDirectory(tmp_path).unsettled()
    assert Record.parse(document) == entry


def test_a_spooled_record_that_cannot_be_understood_stops_nobody(
    database: Database, tmp_path: Path, rows: LoadRows
) -> None:
    state = StateDirectory(tmp_path)
    run = facts()
    good = Record(run, result_of(run), opened=False, home="here").to_json()
    refused = facts()
    state.save_unsettled(UUID(int=1), {"facts": {}})
    bad = Record(refused, result_of(refused), opened=False, home="here").to_json()
    bad["facts"]["trigger"] = "unheard-of"
    state.save_unsettled(UUID(int=2), bad)
    state.save_unsettled(run.id, good)
    with database.connect() as connection:
        assert drain_spool(connection, state, {"here"}) == 1
    assert rows("select id from jobs.runs") == [(run.id,)]
    assert {path.suffix for path in state.spool.iterdir()} == {".unreadable"}


@pytest.mark.parametrize(
    "statement",
    [
        "update jobs.events set type = 'x'",
        "delete from jobs.events",
        "truncate jobs.events",
        "truncate jobs.events_default",
    ],
)
def test_events_are_append_only(database: Database, statement: str) -> None:
    run = facts()
    with database.connect() as connection:
        ledger.open_run(connection, run)
        with pytest.raises(errors.ObjectNotInPrerequisiteState):
            connection.execute(statement.encode())


def test_this_months_events_have_a_partition_of_their_own(
    database: Database, rows: LoadRows
) -> None:
    run = facts()
    with database.connect() as connection:
        ledger.open_run(connection, run)
        made = connection.execute("select jobs.ensure_event_partitions(4)").fetchall()
        again = connection.execute("select jobs.ensure_event_partitions(4)").fetchall()
    assert len(made) == 2
    assert again == []
    [(partition,)] = rows("select tableoid::regclass::text from jobs.events")
    assert partition == f"jobs.events_{datetime.now(UTC):%Y_%m}"
    unprotected = rows(
        "select relname from pg_class where relnamespace = 'jobs'::regnamespace"
        " and relkind in ('r', 'p') and not relrowsecurity"
    )
    assert unprotected == []


def test_events_that_came_before_their_month_move_into_its_partition(
    database: Database, rows: LoadRows
) -> None:
    moments = ("5 months", "6 months", "9 months", "-2 years")
    with database.connect() as connection:
        for moment in moments:
            connection.execute(
                "insert into jobs.events (at, type) values (now() + %s::interval, %s)",
                [moment, moment],
            )
        before = rows("select id, at, xid::text, type from jobs.events order by id")
        made = connection.execute("select jobs.ensure_event_partitions(6)").fetchall()
        assert len(made) == 4
        assert rows("select id, at, xid::text, type from jobs.events order by id") == before
        assert rows("select type from jobs.events_default order by id") == [
            ("9 months",),
            ("-2 years",),
        ]
        for attack in ("delete from jobs.events", "truncate jobs.events_default"):
            with pytest.raises(errors.ObjectNotInPrerequisiteState):
                connection.execute(attack.encode())
        connection.execute("insert into jobs.events (at, type) values ('1999-01-01Z', 'later')")
    assert rows("select type from jobs.events_default where at < '2000-01-01Z'") == [("later",)]


def test_the_views_name_what_needs_a_person_and_the_last_success(
    database: Database, rows: LoadRows
) -> None:
    with database.connect() as connection:
        for kind in (Kind.SUCCEEDED, Kind.FAILED, Kind.BUSY):
            run = facts()
            moment = START + timedelta(minutes=len(rows("select from jobs.runs")))
            result = dataclasses.replace(result_of(run, kind), finished_at=moment.isoformat())
            ledger.record_final(connection, run, result)
    assert rows("select concurrency_key, status from jobs.exhausted") == [(KEY, "failed")]
    assert len(rows("select from jobs.last_success")) == 1


def test_history_reads_back_what_a_run_left(database: Database) -> None:
    run = facts()
    with database.connect() as connection:
        ledger.open_run(connection, run)
        ledger.settle(connection, run.id, result_of(run))
        connection.execute(
            "insert into jobs.calendar_windows (ws_id, auth_token_id, calendar_id, last_full_at)"
            " values (%s, %s, 'team@example.org', now())",
            [WORKSPACE, uuid4()],
        )
        [listed] = history.list_runs(connection, limit=5, job="sync", status="succeeded")
        assert (listed.run_id, listed.duration_s) == (run.id, 5.0)
        assert history.list_runs(connection, limit=5, ws_id=uuid4()) == []
        details = history.load_run(connection, run.id)
        assert details is not None
        assert (details.key, details.tags, details.result) == (
            KEY,
            {"a": "b"},
            result_of(run).to_json(),
        )
        assert [row.status for row in history.load_attempts(connection, run.id)] == ["succeeded"]
        assert len(history.load_events(connection, run.id)) == 2
        [window] = history.load_windows(connection, WORKSPACE)
        assert (window.calendar_id, window.last_success_at) == ("team@example.org", None)
        assert history.load_run(connection, uuid4()) is None


def test_the_newest_runs_are_found_without_reading_all(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("set enable_seqscan = off")
        query = "explain select id from jobs.runs order by created_at desc limit 20"
        plan = [str(row[0]) for row in connection.execute(query).fetchall()]
    assert any("runs_recent" in line for line in plan)


def test_crashed_and_lost_runs_count_as_failures_of_a_kind(
    database: Database, rows: LoadRows
) -> None:
    with database.connect() as connection:
        run = facts()
        ledger.open_run(connection, run)
        assert ledger.mark_crashed(connection, run.id, "killed", found_by=uuid4())
        assert not ledger.mark_crashed(connection, run.id, "killed", found_by=uuid4())
        ledger.open_run(connection, facts())
        row = ledger.load_running(connection, KEY)
        assert row is not None
        ledger.mark_lost(connection, row, reason="gone")
    assert rows("select status, fingerprint from jobs.runs order by status") == [
        ("crashed", fingerprint(run.job, "killed", None)),
        ("lost", fingerprint(run.job, "lost", None)),
    ]
