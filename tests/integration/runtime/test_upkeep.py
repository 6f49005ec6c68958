"""Rows of the dead are settled on proof, and the ledger forgets what is old enough."""

import dataclasses
import json
from pathlib import Path

import pytest
from psycopg import errors

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import Invoke, LoadRows, StartVictim
from tests.integration.runtime.parts import KEY, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.commands import runs
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode, advisory_lock
from tuturuuu_jobs.runtime.reaping import reap
from tuturuuu_jobs.runtime.retention import prune
from tuturuuu_jobs.runtime.run import run_job

HERE = read_identity()
ELSEWHERE = dataclasses.replace(HERE, host="elsewhere")


def test_a_run_that_was_killed_is_reaped_as_lost(
    database: Database, rows: LoadRows, start_victim: StartVictim, invoke: Invoke
) -> None:
    victim = start_victim()
    victim.start_holding()
    [(run_id,)] = rows("select id::text from jobs.runs")
    assert invoke(database, runs.app, "reap") == (0, "", "")
    victim.process.kill()
    victim.process.wait()
    code, document, _ = invoke(database, runs.app, "reap", "--json")
    found = json.loads(document)
    assert (code, found["stuck"], found["drained"]) == (0, [], 0)
    assert [(lost["run_id"], lost["reason"]) for lost in found["lost"]] == [
        (run_id, "its process is gone")
    ]
    assert rows("select status, code, epoch, finished_at is null from jobs.runs") == [
        ("lost", "lost", 1, False)
    ]
    assert rows("select status from jobs.attempts") == [("lost",)]
    assert ("run.lost",) in rows("select type from jobs.events")
    assert invoke(database, runs.app, "reap") == (0, "", "")


def silence(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("update jobs.runs set heartbeat_at = now() - interval '4 minutes'")


def test_a_silent_run_whose_process_lives_is_named_and_left(
    database: Database, rows: LoadRows, start_victim: StartVictim, invoke: Invoke
) -> None:
    start_victim().start_holding()
    silence(database)
    code, said, _ = invoke(database, runs.app, "reap")
    assert code == 0
    assert said.startswith("stuck  sync  ")
    assert rows("select status from jobs.runs") == [("running",)]


def test_a_run_of_another_machine_is_lost_if_silent_with_its_lock_free(
    database: Database, rows: LoadRows, start_victim: StartVictim
) -> None:
    victim = start_victim()
    victim.start_holding()
    with database.connect() as connection, database.connect() as holder:
        assert reap(connection, ELSEWHERE) == []
        silence(database)
        assert [finding.verdict for finding in reap(connection, ELSEWHERE)] == ["stuck"]
        victim.process.kill()
        victim.process.wait()
        with advisory_lock(holder, KEY, wait_s=10):
            assert [finding.verdict for finding in reap(connection, ELSEWHERE)] == ["stuck"]
        assert [finding.verdict for finding in reap(connection, ELSEWHERE)] == ["lost"]
    assert rows("select status from jobs.runs") == [("lost",)]


def test_a_run_with_file_locks_alone_is_judged_on_its_own_machine(
    database: Database, start_victim: StartVictim
) -> None:
    victim = start_victim(mode=LockMode.FILE)
    victim.start_holding()
    victim.process.kill()
    victim.process.wait()
    silence(database)
    with database.connect() as connection:
        assert [finding.verdict for finding in reap(connection, ELSEWHERE)] == ["stuck"]
        assert [finding.verdict for finding in reap(connection, HERE)] == ["lost"]


def test_reaping_tells_the_ledger_what_was_spooled(
    database: Database, tmp_path: Path, rows: LoadRows, invoke: Invoke
) -> None:
    with database.connect() as connection:
        connection.execute("alter table jobs.runs rename to away")
    run_job(ScriptedJob([succeed]), {}, RunRequest(attempts=1), runtime_for(database.dsn, tmp_path))
    with database.connect() as connection:
        connection.execute("alter table jobs.away rename to runs")
    code, said, _ = invoke(database, runs.app, "reap")
    assert (code, said) == (0, "told the ledger how 1 runs ended\n")
    assert len(rows("select from jobs.runs")) == 1


AGES = [
    ("a", "succeeded", 1, True),
    ("a", "succeeded", 13, True),
    ("a", "succeeded", 15, False),
    ("b", "succeeded", 400, True),
    ("b", "succeeded", 401, False),
    ("c", "skipped", 2, True),
    ("c", "skipped", 4, False),
    ("c", "expired", 4, False),
    ("d", "failed", 89, True),
    ("d", "partial", 89, True),
    ("d", "failed", 91, False),
    ("d", "lost", 91, False),
    ("e", "running", 400, True),
]


@pytest.mark.parametrize("batch", [1, 1000])
def test_each_kind_of_run_is_kept_as_long_as_it_is_useful(
    database: Database, rows: LoadRows, batch: int
) -> None:
    with database.connect() as connection:
        for key, status, days, _ in AGES:
            connection.execute(
                "insert into jobs.runs (id, job, concurrency_key, status, trigger, tags,"
                " finished_at) values (gen_random_uuid(), 'sync', %(key)s, %(status)s, 'timer',"
                " jsonb_build_object('days', %(days)s::int), case when %(status)s <> 'running'"
                " then now() - make_interval(days => %(days)s) end)",
                {"key": key, "status": status, "days": days},
            )
        pruned = prune(connection, batch=batch)
        kept = [(key, status, days) for key, status, days, stays in AGES if stays]
        assert pruned.runs == len(AGES) - len(kept)
        assert prune(connection, batch=batch).runs == 0
    left = rows("select concurrency_key, status, (tags ->> 'days')::int from jobs.runs")
    assert sorted(left) == sorted(kept)


def test_months_of_events_go_when_their_last_day_is_old_enough(
    database: Database, rows: LoadRows, invoke: Invoke
) -> None:
    with database.connect() as connection:
        for first in ("2020-01-01", "2020-02-01"):
            connection.execute(
                f"create table jobs.events_{first[:7].replace('-', '_')} partition of jobs.events"
                f" for values from ('{first}Z') to (timestamptz '{first}Z' + interval '1 month')"
            )
        connection.execute("drop table jobs.events_default")
        connection.execute(
            "insert into jobs.events (at, type) values ('2020-01-09Z', 'old'), (now(), 'new')"
        )
    code, said, _ = invoke(database, runs.app, "prune")
    assert (code, said) == (
        0,
        "removed 0 runs\ndropped events_2020_01\ndropped events_2020_02\n",
    )
    assert rows("select type from jobs.events") == [("new",)]
    assert invoke(database, runs.app, "prune", "--quiet") == (0, "", "")


def test_events_without_a_month_go_by_their_own_age(
    database: Database, rows: LoadRows, invoke: Invoke
) -> None:
    with database.connect() as connection:
        for days in (89, 91, 4000):
            connection.execute(
                "insert into jobs.events (at, type) values (now() - make_interval(days => %s), %s)",
                [days, f"{days}"],
            )
    code, said, _ = invoke(database, runs.app, "prune")
    assert (code, said) == (0, "removed 0 runs\nremoved 2 events\n")
    assert rows("select type from jobs.events") == [("89",)]
    with database.connect() as connection, pytest.raises(errors.ObjectNotInPrerequisiteState):
        connection.execute("delete from jobs.events")


def test_events_of_the_last_month_cannot_be_dropped(database: Database, rows: LoadRows) -> None:
    before = rows("select inhrelid::regclass::text from pg_inherits")
    with database.connect() as connection:
        assert connection.execute("select jobs.drop_event_partitions(-500)").fetchall() == []
        connection.execute(
            "insert into jobs.events (at, type) values (now() - '30 d'::interval, 'x')"
        )
        assert connection.execute("select jobs.remove_stray_events(-500)").fetchall() == [(0,)]
    assert rows("select inhrelid::regclass::text from pg_inherits") == before


def test_partitions_for_the_months_to_come_are_made(database: Database, rows: LoadRows) -> None:
    [(newest,)] = rows(
        "select max(inhrelid::regclass::text) from pg_inherits"
        " where inhparent = 'jobs.events'::regclass and inhrelid::regclass::text ~ 'events_[0-9]'"
    )
    with database.connect() as connection:
        connection.execute(f"drop table {newest}".encode())
        pruned = prune(connection)
    assert [f"jobs.{name}" for name in pruned.new_partitions] == [newest]
