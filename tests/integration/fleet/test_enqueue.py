"""jobs.enqueue as a producer calls it: from SQL, with its own rights, in its own transaction."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.fixtures.postgres import Database
from tuturuuu_jobs.runtime.grants import render_producer_grants
from tuturuuu_jobs.runtime.retention import prune

WS_ID = UUID("11111111-2222-4333-8444-555555555555")
PRODUCER = f"jobs_producer_{os.getpid()}"


def enqueue(connection: psycopg.Connection[Any], job: str = "full-sync", **given: Any) -> UUID:
    payload = given.pop("payload", {"ws_id": str(WS_ID)})
    named = [
        sql.SQL("{} => {}").format(sql.Identifier(name), value) for name, value in given.items()
    ]
    row = connection.execute(
        sql.SQL("select jobs.enqueue({})").format(
            sql.SQL(", ").join([sql.Literal(job), sql.Literal(Jsonb(payload)), *named])
        )
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


def waiting(connection: psycopg.Connection[Any]) -> list[UUID]:
    """The requests that the engine would hand out, in its order."""
    rows = connection.execute(
        "select (args ->> 'request')::uuid from jobs_queue.procrastinate_jobs"
        " where status = 'todo' order by priority desc, id"
    ).fetchall()
    return [row[0] for row in rows]


def status(connection: psycopg.Connection[Any], run_id: UUID) -> Any:
    row = connection.execute("select jobs.run_status(%s)", (run_id,)).fetchone()
    return row and row[0]


@pytest.fixture
def producer(database: Database) -> Database:
    """The database for a role that has what the printed grants give, and nothing else."""
    with database.connect() as admin:
        if admin.execute("select from pg_roles where rolname = %s", (PRODUCER,)).rowcount == 0:
            admin.execute(f"create role {PRODUCER} login".encode())
        admin.execute(render_producer_grants(PRODUCER).encode())
    return database


def test_a_producer_needs_no_other_right_and_reads_its_own_write(producer: Database) -> None:
    with producer.connect() as connection:
        connection.execute(f"set session authorization {PRODUCER}".encode())
        run_id = enqueue(connection, idempotency_key=sql.Literal("order 1"))
        told = status(connection, run_id)
        assert (told["state"], told["job"], told["ws_id"]) == ("queued", "full-sync", str(WS_ID))
        assert (told["status"], told["result"]) == (None, None)
        assert status(connection, uuid4()) is None
        for statement in (
            "select * from jobs.requests",
            "select * from jobs.runs",
            "select * from jobs_queue.procrastinate_jobs",
            "delete from jobs.requests",
            "select jobs.ensure_event_partitions(1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_role_without_the_grants_may_not_ask(database: Database) -> None:
    with database.connect() as admin:
        admin.execute("create role jobs_nobody_of_tests")
        try:
            with (
                database.connect("jobs_nobody_of_tests") as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                enqueue(connection)
        finally:
            admin.execute("drop role jobs_nobody_of_tests")


def test_a_searched_path_of_the_caller_changes_nothing(producer: Database) -> None:
    with producer.connect() as admin:
        admin.execute("create schema trap")
        admin.execute(f"grant usage on schema trap to {PRODUCER}".encode())
        admin.execute(
            "create function trap.now() returns timestamptz language plpgsql as "
            "$$ begin raise exception 'trapped'; end $$"
        )
    with producer.connect(PRODUCER) as connection:
        connection.execute("set search_path = trap, public")
        assert status(connection, enqueue(connection))["state"] == "queued"


def test_it_is_rolled_back_with_the_callers_transaction(producer: Database) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        with connection.transaction(force_rollback=True):
            run_id = enqueue(connection)
            assert status(connection, run_id)["state"] == "queued"
        assert status(connection, run_id) is None
        assert waiting(admin) == []


def test_work_that_waits_already_is_answered_with_its_id_and_aborts_nothing(
    producer: Database,
) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        first = enqueue(connection)
        with connection.transaction():
            assert enqueue(connection) == first
            assert enqueue(connection, payload={"wsId": str(WS_ID).upper()}) == first
            key = sql.Literal("a key")
            other = enqueue(connection, idempotency_key=key)
            assert enqueue(connection, idempotency_key=key) == other
        assert waiting(admin) == [first, other]


@pytest.mark.parametrize(
    "given",
    [
        {"payload": {"ws_id": str(WS_ID), "allow_mass_delete": True}},
        {"run_at": sql.SQL("now() + interval '1 hour'")},
        {"priority": sql.Literal(5)},
        {"job": "sync"},
        {"payload": {"ws_id": str(uuid4())}},
    ],
    ids=["payload", "moment", "priority", "job", "workspace"],
)
def test_other_work_is_not_swallowed(producer: Database, given: dict[str, Any]) -> None:
    with producer.connect(PRODUCER) as connection:
        assert enqueue(connection) != enqueue(connection, **given)


def test_what_would_expire_earlier_is_no_substitute(producer: Database) -> None:
    with producer.connect(PRODUCER) as connection:
        brief = enqueue(connection, expires=sql.Literal(timedelta(minutes=1)))
        patient = enqueue(connection)
        assert patient != brief
        assert enqueue(connection, expires=sql.Literal(timedelta(minutes=1))) in {brief, patient}


def test_a_waiting_run_that_answers_for_another_caller_cannot_begin_before_that_one_commits(
    producer: Database,
) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as worker:
        first = enqueue(connection)
        claim = "select id from jobs.requests where id = %s for update skip locked"
        with connection.transaction():
            assert enqueue(connection) == first
            assert worker.execute(claim, (first,)).fetchall() == []
        assert worker.execute(claim, (first,)).fetchall() == [(first,)]


def test_of_one_key_at_once_all_get_one_id(producer: Database) -> None:
    got: list[UUID] = []
    together = threading.Barrier(6)

    def ask() -> None:
        with producer.connect(PRODUCER) as connection:
            together.wait()
            got.append(enqueue(connection, idempotency_key=sql.Literal("once")))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert len(set(got)) == 1


def test_the_same_work_at_once_without_a_key_gets_one_id(producer: Database) -> None:
    got: list[UUID] = []
    together = threading.Barrier(6)

    def ask() -> None:
        with producer.connect(PRODUCER) as connection:
            for _ in range(20):
                together.wait()
                got.append(enqueue(connection))
                together.wait()
                # One of them clears the place for the next round.
                if together.wait() == 0:
                    with producer.connect() as admin:
                        admin.execute("update jobs.requests set state = 'running', delivery = 1")
                together.wait()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 120
    assert len(set(got)) == 20


def test_who_asks_for_what_a_long_transaction_asked_for_is_not_kept_for_long(
    producer: Database,
) -> None:
    with producer.connect(PRODUCER) as slow, producer.connect(PRODUCER) as quick:
        with slow.transaction():
            first = enqueue(slow)
            with quick.transaction():
                second = enqueue(quick)
                assert status(quick, second)["state"] == "queued"
                row = quick.execute("select current_setting('lock_timeout')").fetchone()
                assert row == ("0",)
        assert second != first
        assert enqueue(quick) in {first, second}


def test_who_waited_for_a_transaction_that_was_rolled_back_asks_for_itself(
    producer: Database,
) -> None:
    answer: list[UUID] = []
    with producer.connect(PRODUCER) as slow, producer.connect(PRODUCER) as other:
        waits = threading.Thread(target=lambda: answer.append(enqueue(other)))
        with slow.transaction(force_rollback=True):
            first = enqueue(slow)
            waits.start()
            with producer.connect() as admin:
                look = "select from pg_locks where not granted"
                while answer == [] and admin.execute(look).rowcount == 0:
                    pass
        waits.join()
        assert answer != [first]
        assert status(other, answer[0])["state"] == "queued"


def test_callers_that_would_wait_for_each_other_both_commit(producer: Database) -> None:
    payloads = [{"ws_id": str(WS_ID)}, {"ws_id": str(uuid4())}]
    together = threading.Barrier(2)
    got: list[UUID] = []

    def ask(mine: dict[str, str], other: dict[str, str]) -> None:
        with producer.connect(PRODUCER) as connection, connection.transaction():
            got.append(enqueue(connection, payload=mine))
            together.wait()
            got.append(enqueue(connection, payload=other))

    threads = [threading.Thread(target=ask, args=order) for order in (payloads, payloads[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with producer.connect() as admin:
        assert {status(admin, one)["state"] for one in got} == {"queued"}
        assert len(got) == 4


def test_a_caller_with_a_snapshot_of_its_own_is_not_aborted(producer: Database) -> None:
    with producer.connect(PRODUCER) as early, producer.connect(PRODUCER) as late:
        early.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with early.transaction():
            early.execute("select 1 from pg_class limit 1")
            first = enqueue(late)
            assert enqueue(early) != first


def test_work_that_is_handed_back_is_no_obstacle_to_its_twin(producer: Database) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        first = enqueue(connection)
        admin.execute("update jobs.requests set state = 'running', delivery = 1")
        second = enqueue(connection)
        assert second != first
        admin.execute("update jobs.requests set state = 'queued' where id = %s", (first,))
        assert enqueue(connection) == first


MANY = "select jobs.enqueue_many('sync', %s, %s, priority => 3)"


def many(connection: psycopg.Connection[Any], *ws_ids: UUID, keys: list[str] | None = None) -> Any:
    payloads = [Jsonb({"ws_id": str(ws_id)}) for ws_id in ws_ids]
    row = connection.execute(MANY, (payloads, keys)).fetchone()
    return row and row[0]


def test_many_are_asked_for_in_their_order_and_what_waits_already_only_once(
    producer: Database,
) -> None:
    one, two, three = (UUID(int=number) for number in (1, 2, 3))
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        (first,) = many(connection, two)
        ids = many(connection, three, two, one, three)
        assert (ids[1], ids[3]) == (first, ids[0])
        assert waiting(admin) == [first, ids[0], ids[2]]
        asked = admin.execute("select id, ws_id, priority from jobs.requests").fetchall()
        assert set(asked) == {(ids[0], three, 3), (first, two, 3), (ids[2], one, 3)}
        assert many(connection) == []
        # One by one it is the same work.
        same = enqueue(connection, "sync", payload={"ws_id": str(one)}, priority=sql.Literal(3))
        assert same == ids[2]


@pytest.mark.parametrize("isolation", list(psycopg.IsolationLevel), ids=lambda level: level.name)
def test_many_with_keys_are_asked_for_once_each(
    producer: Database, isolation: psycopg.IsolationLevel
) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        connection.isolation_level = isolation
        with connection.transaction():
            ids = many(connection, WS_ID, WS_ID, WS_ID, keys=["a", "b", "a"])
        assert ids[0] == ids[2] != ids[1]
        assert many(connection, WS_ID, WS_ID, keys=["b", "c"])[0] == ids[1]
        assert len(waiting(admin)) == 3


def test_of_many_all_are_asked_for_or_none(producer: Database) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        for payloads, keys, words in (
            ([Jsonb({"ws_id": str(WS_ID)}), Jsonb({"ws_id": "x"})], None, "ws_id"),
            ([Jsonb({"ws_id": str(WS_ID)})], ["a", "b"], "one idempotency key"),
            ([Jsonb({"ws_id": str(WS_ID)})], ["a" * 201], "200 characters"),
        ):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match=words):
                connection.execute(MANY, (payloads, keys))
        assert waiting(admin) == []


def test_many_that_meet_in_another_order_wait_for_each_other_and_not_for_ever(
    producer: Database,
) -> None:
    ws_ids = [UUID(int=number) for number in range(1, 40)]
    with producer.connect(PRODUCER) as first, producer.connect(PRODUCER) as second:
        with first.transaction():
            ids = many(first, *ws_ids)
            answered: list[Any] = []
            asking = threading.Thread(
                target=lambda: answered.append(many(second, *reversed(ws_ids)))
            )
            asking.start()
            with producer.connect() as admin:
                while not admin.execute("select from pg_locks where not granted").fetchall():
                    pass
        asking.join()
    assert answered == [list(reversed(ids))]


@pytest.mark.parametrize(("status_of_first", "freed"), [("failed", True), ("succeeded", False)])
def test_only_a_failure_frees_a_key(
    producer: Database, status_of_first: str, *, freed: bool
) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        first = enqueue(connection, idempotency_key=sql.Literal("k"))
        admin.execute(
            "update jobs.requests set state = 'done', status = %s, finished_at = now()",
            (status_of_first,),
        )
        again = enqueue(connection, idempotency_key=sql.Literal("k"))
        assert (again != first) is freed


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"ws_id": str(WS_ID), "access_token": "abc"}, "access_token"),
        ({"ws_id": str(WS_ID), "refreshToken": "abc"}, "refreshToken"),
        ({"ws_id": str(WS_ID), "deep": [{"apiKey": 1}]}, "apiKey"),
        ({"ws_id": str(WS_ID), "note": "ya29.planted-canary"}, "note"),
        ({"ws_id": str(WS_ID), "list": ["postgres://u:planted-canary@host/db"]}, "list"),
        ({"ws_id": str(WS_ID), "calendars": "team@example.test"}, "calendars"),
        ({"ws_id": str(WS_ID), "windowDays": "thirty"}, "window_days"),
        ({"ws_id": str(WS_ID), "past": "a while"}, "past"),
        ({"ws_id": "mine"}, "ws_id"),
        ({}, "ws_id"),
        ([], "payload"),
        ("text", "payload"),
        ({"ws_id": str(WS_ID), "note": "x" * 40_000}, "payload"),
    ],
)
def test_a_payload_that_is_wrong_or_secret_is_refused_by_its_field(
    producer: Database, payload: Any, field: str
) -> None:
    with (
        producer.connect(PRODUCER) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue) as caught,
    ):
        enqueue(connection, payload=payload)
    assert field in str(caught.value)
    assert "planted-canary" not in str(caught.value)


def test_an_unknown_job_is_refused(producer: Database) -> None:
    with (
        producer.connect(PRODUCER) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue, match="no such job"),
    ):
        enqueue(connection, "orchestrate-sync")


@pytest.mark.parametrize(
    "payload",
    [
        {"ws_id": str(WS_ID), "calendars": ["team@example.test"], "past": "30d", "future": None},
        {"wsId": str(WS_ID), "windowDays": 14, "forceReschedule": True, "engine": "local"},
        {"ws_id": str(WS_ID), "something_new": {"of": ["a newer producer"]}},
    ],
)
def test_what_producers_write_is_taken(producer: Database, payload: dict[str, Any]) -> None:
    with producer.connect(PRODUCER) as connection:
        assert status(connection, enqueue(connection, payload=payload))["state"] == "queued"


def test_what_is_done_is_forgotten_after_90_days_and_with_it_its_key(producer: Database) -> None:
    with producer.connect(PRODUCER) as connection, producer.connect() as admin:
        key = sql.Literal("k")
        old, waits = enqueue(connection, idempotency_key=key), enqueue(connection, "sync")
        admin.execute(
            "update jobs.requests set state = 'done', status = 'succeeded',"
            " finished_at = now() - interval '89 days' where id = %s",
            (old,),
        )
        admin.execute("update jobs.requests set created_at = now() - interval '1 year'")
        prune(admin)
        assert enqueue(connection, idempotency_key=key) == old
        admin.execute("update jobs.requests set finished_at = finished_at - interval '2 days'")
        prune(admin)
        assert status(connection, old) is None
        assert status(connection, waits)["state"] == "queued"
        assert enqueue(connection, idempotency_key=key) != old


@pytest.mark.parametrize(
    "tags", [{"a=b": "c"}, {"a": 1}, {"": "c"}, {"note": "ya29.planted-canary"}]
)
def test_tags_that_a_run_could_not_carry_are_refused(
    producer: Database, tags: dict[str, Any]
) -> None:
    with (
        producer.connect(PRODUCER) as connection,
        pytest.raises(psycopg.errors.InvalidParameterValue) as caught,
    ):
        enqueue(connection, tags=sql.Literal(Jsonb(tags)))
    assert "planted-canary" not in str(caught.value)
