"""What a dead worker had in hand comes back, whoever is killed or stopped in the middle of that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.fleet import engine, requests
from tuturuuu_jobs.fleet.requests import Wish

WORKSPACES = [UUID(int=number) for number in (1, 2, 3)]
Connection = psycopg.Connection[Any]


class Hand:
    """A worker's connection and its number."""

    def __init__(self, database: Database) -> None:
        self.connection: Connection = database.connect()
        # Whoever has to wait for another one fails the test.
        self.connection.execute("set lock_timeout = '100ms'")
        engine.prepare(self.connection)
        self.worker_id = engine.register(self.connection)

    def take(self) -> engine.Taken:
        taken = engine.take(self.connection, self.worker_id, None)
        assert taken is not None
        return taken

    def claim(self, taken: engine.Taken) -> requests.Claimed:
        claimed = requests.claim(self.connection, taken, UUID(int=99), 0.0)
        assert claimed is not None
        return claimed

    def recover(self, *in_hand: engine.Taken) -> int:
        return engine.recover(self.connection, self.worker_id, [taken.job_id for taken in in_hand])

    def seem_dead(self, by: Connection | None = None) -> None:
        (by or self.connection).execute(
            "update jobs_queue.procrastinate_workers set last_heartbeat = now() - interval '1 hour'"
            " where id = %s",
            (self.worker_id,),
        )


@pytest.fixture
def hands(database: Database) -> Iterator[tuple[Hand, Hand, Hand]]:
    made = (Hand(database), Hand(database), Hand(database))
    requests.enqueue_many(made[0].connection, Wish("sync", {}), WORKSPACES)
    yield made
    for hand in made:
        hand.connection.close()


def workers(hand: Hand) -> set[int]:
    rows = hand.connection.execute("select id from jobs_queue.procrastinate_workers").fetchall()
    return {row[0] for row in rows}


def test_a_recovery_that_is_killed_in_the_middle_leaves_all_to_the_next_and_stalls_nobody(
    database: Database, hands: tuple[Hand, Hand, Hand]
) -> None:
    dead, janitor, other = hands
    stalled = [dead.take(), dead.take()]
    dead.seem_dead()
    # Its statements are done, and it stops before their end is committed.
    janitor.connection.execute("begin")
    assert janitor.recover() == len(stalled)

    assert other.recover() == 0
    assert other.take().request not in {taken.request for taken in stalled}
    with database.connect() as admin:
        pid = janitor.connection.info.backend_pid
        assert admin.execute("select pg_terminate_backend(%s, 60000)", (pid,)).fetchall() == [
            (True,)
        ]
    assert other.recover() == len(stalled) + 1
    assert workers(other) == {janitor.worker_id, other.worker_id}
    assert {other.take().request for _ in WORKSPACES} >= {taken.request for taken in stalled}


@pytest.mark.parametrize("how", ["finish", "release"])
def test_a_worker_stopped_while_it_settles_stalls_nobody_and_is_believed_if_it_was_in_time(
    hands: tuple[Hand, Hand, Hand], how: str
) -> None:
    stopped, heir, other = hands
    taken = stopped.take()
    claimed = stopped.claim(taken)
    with stopped.connection.transaction():
        if how == "finish":
            assert requests.finish(stopped.connection, taken, claimed, "succeeded", "succeeded")
        else:
            assert requests.release(stopped.connection, taken, claimed, wait_s=0, spent=False)
        stopped.seem_dead(other.connection)
        assert heir.recover() == 0
        heir_has = [heir.take()]
        assert heir_has[0].request != taken.request
    assert heir.recover(*heir_has) == 0
    assert stopped.worker_id not in workers(heir)
    state = heir.connection.execute(
        "select state from jobs.requests where id = %s", (taken.request,)
    ).fetchone()
    assert state == ("done" if how == "finish" else "queued",)


def test_who_comes_too_late_settles_nothing(hands: tuple[Hand, Hand, Hand]) -> None:
    late, heir, _ = hands
    taken = late.take()
    claimed = late.claim(taken)
    late.seem_dead()
    assert heir.recover() == 1
    (again,) = (one for one in [heir.take() for _ in WORKSPACES] if one.request == taken.request)
    second = heir.claim(again)
    assert second.delivery == claimed.delivery + 1

    assert not requests.finish(late.connection, taken, claimed, "failed", "late")
    assert not requests.release(late.connection, taken, claimed, wait_s=0, spent=True)
    held = heir.connection.execute(
        "select worker_id from jobs_queue.procrastinate_jobs where id = %s", (again.job_id,)
    ).fetchone()
    assert held == (heir.worker_id,)
    assert requests.finish(heir.connection, again, second, "succeeded", "succeeded")
    assert not requests.finish(late.connection, taken, claimed, "failed", "late")
    row = heir.connection.execute(
        "select status, tries from jobs.requests where id = %s", (taken.request,)
    ).fetchone()
    assert row == ("succeeded", 1)


def test_each_beginning_costs_one_try_whoever_counts_it(hands: tuple[Hand, Hand, Hand]) -> None:
    worker, heir, _ = hands
    # It came to its end without a row in the ledger, and its worker counts that.
    taken = worker.take()
    claimed = worker.claim(taken)
    assert requests.release(worker.connection, taken, claimed, wait_s=0, spent=True)
    taken = next(one for one in [worker.take() for _ in WORKSPACES] if one.request == claimed.id)
    claimed = worker.claim(taken)
    assert claimed.tries == 1
    # It was handed back: that costs nothing.
    assert requests.release(worker.connection, taken, claimed, wait_s=0, spent=False)
    taken = worker.take()
    assert worker.claim(taken).tries == 1
    # Its worker died: whoever comes next counts it.
    worker.seem_dead()
    assert heir.recover() == len(WORKSPACES)
    taken = next(one for one in [heir.take() for _ in WORKSPACES] if one.request == claimed.id)
    assert heir.claim(taken).tries == 2


def test_many_recoveries_at_once_put_each_job_back_once(
    hands: tuple[Hand, Hand, Hand], database: Database
) -> None:
    dead, *_ = hands
    for _ in WORKSPACES:
        dead.take()
    dead.seem_dead()
    janitors = [Hand(database) for _ in range(6)]
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda hand=hand: found.append(hand.recover())) for hand in janitors
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for hand in janitors:
        hand.connection.close()
    assert sum(found) == len(WORKSPACES)
    attempts = dead.connection.execute(
        "select attempts, status::text from jobs_queue.procrastinate_jobs"
    ).fetchall()
    assert attempts == [(1, "todo")] * len(WORKSPACES)
