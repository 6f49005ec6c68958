"""Buckets that processes share, beside those of one process, under one clock of the test."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.context import ForkServerProcess

import psycopg
import pytest

from tests.fixtures import preloaded
from tests.fixtures.postgres import Database
from tuturuuu_jobs.runtime.clock import Deadline, SystemClock
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.quota.allowance import BATCH, Allowance
from tuturuuu_jobs.runtime.quota.buckets import (
    HOLD_S,
    Bucket,
    Buckets,
    LocalBuckets,
    SharedBuckets,
    forget_idle,
    per_minute,
)
from tuturuuu_jobs.runtime.retention import prune
from tuturuuu_jobs.testing.clock import VirtualClock

TEN = Bucket("ten", 10.0, 2.0)
FOUR = Bucket("four", 4.0, 1.0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    with connect(database.dsn, application_name="quota") as connection:
        yield connection


@pytest.fixture(params=["shared", "local"])
def buckets(
    request: pytest.FixtureRequest, clock: VirtualClock, connection: psycopg.Connection
) -> Buckets:
    """Both kinds keep the same promises."""
    return (
        SharedBuckets(connection, clock.now) if request.param == "shared" else LocalBuckets(clock)
    )


def pass_time(clock: VirtualClock, seconds: float) -> None:
    clock.advance(timedelta(seconds=seconds))


def test_a_new_bucket_is_full_and_then_every_token_has_its_moment(buckets: Buckets) -> None:
    assert [buckets.take([TEN], 5) for _ in range(4)] == pytest.approx([0, 0, 2.5, 5])


def test_tokens_come_back_evenly_and_never_beyond_the_capacity(
    buckets: Buckets, clock: VirtualClock
) -> None:
    assert buckets.take([TEN], 10) == 0
    pass_time(clock, 3)
    assert buckets.take([TEN], 6) == pytest.approx(0)
    assert buckets.take([TEN], 1) == pytest.approx(0.5)
    pass_time(clock, 3600)
    assert buckets.take([TEN], 10) == 0
    assert buckets.take([TEN], 1) == pytest.approx(0.5)


def test_a_take_waits_for_the_slower_of_its_buckets(buckets: Buckets) -> None:
    assert buckets.take([TEN, FOUR], 4) == 0
    assert buckets.take([TEN, FOUR], 4) == pytest.approx(4)
    assert buckets.take([TEN], 2) == 0


def test_what_is_put_back_can_be_taken_again_but_never_overflows(buckets: Buckets) -> None:
    assert buckets.take([TEN], 10) == 0
    buckets.take([TEN], -4)
    assert buckets.take([TEN], 4) == 0
    buckets.take([TEN], -50)
    assert buckets.take([TEN], 10) == 0
    assert buckets.take([TEN], 2) == pytest.approx(1)


def test_a_block_holds_for_its_time_and_begins_with_one_token(
    buckets: Buckets, clock: VirtualClock
) -> None:
    buckets.block(TEN, 30)
    assert buckets.take([TEN, FOUR], 1) == pytest.approx(30)
    pass_time(clock, 20)
    assert buckets.take([TEN], 2) == pytest.approx(11)
    pass_time(clock, 12)
    assert buckets.take([TEN], 2) == pytest.approx(0)


def test_the_longer_of_two_blocks_counts(buckets: Buckets) -> None:
    buckets.block(TEN, 30)
    buckets.block(TEN, 10)
    assert buckets.take([TEN], 2) == pytest.approx(30.5)


def test_a_block_of_a_bucket_in_use_keeps_what_it_owes(buckets: Buckets) -> None:
    assert buckets.take([TEN], 14) == pytest.approx(2)
    buckets.block(TEN, 10)
    assert buckets.take([TEN], 2) == pytest.approx(13)


def test_a_bucket_follows_its_settings(buckets: Buckets, clock: VirtualClock) -> None:
    assert buckets.take([TEN], 10) == 0
    pass_time(clock, 3600)
    smaller = Bucket(TEN.name, 5.0, 1.0)
    assert buckets.take([smaller], 5) == 0
    assert buckets.take([smaller], 2) == pytest.approx(2)


def test_the_row_shows_the_settings_and_the_block(
    connection: psycopg.Connection, clock: VirtualClock
) -> None:
    shared = SharedBuckets(connection, clock.now)
    shared.take([TEN], 3)
    shared.block(TEN, 60)
    shared.take([Bucket("ten", 20.0, 4.0)], 1)
    row = connection.execute(
        "select name, tokens, capacity, per_second, updated_at, blocked_until"
        " from jobs.rate_buckets"
    ).fetchall()
    until = clock.now() + timedelta(seconds=60)
    assert row == [("ten", 0.0, 20.0, 4.0, until, until)]


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(days=1)])
def test_a_clock_that_is_set_back_neither_stops_anybody_nor_gives_tokens(
    connection: psycopg.Connection, clock: VirtualClock, back: timedelta
) -> None:
    shared = SharedBuckets(connection, clock.now)
    assert shared.take([TEN], 10) == 0
    clock.set(clock.now() - back)
    assert shared.take([TEN], 2) == pytest.approx(1)
    pass_time(clock, 2)
    assert shared.take([TEN], 2) == pytest.approx(0)


def test_who_waited_for_the_row_and_is_late_gives_nothing_twice(
    connection: psycopg.Connection, clock: VirtualClock
) -> None:
    shared = SharedBuckets(connection, clock.now)
    assert shared.take([TEN], 10) == 0
    for back in (3, 0):
        clock.set(clock.now() - timedelta(seconds=back))
        shared.take([TEN], 0)
        clock.set(clock.now() + timedelta(seconds=back))
    assert shared.take([TEN], 2) == pytest.approx(1)


def test_a_block_from_a_clock_that_was_a_day_ahead_is_not_believed(
    connection: psycopg.Connection, clock: VirtualClock
) -> None:
    shared = SharedBuckets(connection, clock.now)
    shared.block(TEN, 60)
    clock.set(clock.now() - timedelta(days=1))
    assert shared.take([TEN], 1) == 0


def test_no_block_is_longer_than_an_hour(buckets: Buckets) -> None:
    buckets.block(TEN, 1e9)
    assert buckets.take([TEN], 1) == 3600


def test_another_connection_sees_the_block_at_once_by_the_clock_of_the_server(
    database: Database, connection: psycopg.Connection
) -> None:
    with connect(database.dsn, application_name="other") as other:
        SharedBuckets(other).block(TEN, 30)
    assert SharedBuckets(connection).take([TEN], 1) == pytest.approx(30, abs=5)


def test_buckets_of_accounts_that_left_are_forgotten_after_a_week(
    connection: psycopg.Connection,
) -> None:
    SharedBuckets(connection).take([TEN, FOUR], 1)
    connection.execute(
        "update jobs.rate_buckets set updated_at = now() - interval '8 days' where name = 'ten'"
    )
    prune(connection)
    assert connection.execute("select name from jobs.rate_buckets").fetchall() == [("four",)]
    assert forget_idle(connection) == 0


@pytest.mark.parametrize("limit", [1, 10, 60, 600, 10_000])
def test_no_minute_ever_sees_more_than_the_limit(limit: int) -> None:
    clock = VirtualClock()
    buckets = LocalBuckets(clock)
    bucket = per_minute("minute", limit)
    spent: list[float] = []
    while clock.monotonic() < 200:
        clock.sleep(buckets.take([bucket], 1))
        # Kept as long as may be, every second one, which is the worst for the minute.
        spent.append(clock.monotonic() + (HOLD_S if len(spent) % 2 else 0.0))
    spent.sort()
    for first, last in zip(spent, spent[limit:], strict=False):
        assert last - first >= 60
    assert limit < 10 or len(spent) >= 0.8 * limit * 200 / 60


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What a taker is to do: spend so many tokens, and then perhaps stay."""

    dsn: str
    bucket: Bucket
    tokens: int
    hold: bool = False


SMALL = Bucket("small", 5.0, 20.0)
SLOW = Bucket("slow", 20.0, 0.001)


def take_all(order: Order) -> None:
    with connect(order.dsn, application_name="taker") as connection:
        clock = SystemClock()
        deadline = Deadline.after(clock, 60)
        allowance = Allowance(
            SharedBuckets(connection), [order.bucket], clock=clock, deadline=deadline
        )
        for _ in range(order.tokens):
            allowance.spend()
        if order.hold:
            signal.pause()


def start_taker(order: Order) -> ForkServerProcess:
    process = preloaded.context().Process(target=take_all, args=(order,), daemon=True)
    process.start()
    return process


def test_four_processes_together_keep_the_rate(
    database: Database, connection: psycopg.Connection
) -> None:
    begun = time.monotonic()
    takers = [start_taker(Order(database.dsn, SMALL, 10)) for _ in range(4)]
    for taker in takers:
        taker.join(60)
    assert [taker.exitcode for taker in takers] == [0] * 4
    # Five are there, 35 come back at 20 a second.
    assert time.monotonic() - begun >= 35 / SMALL.per_second
    row = connection.execute("select tokens from jobs.rate_buckets").fetchone()
    assert row is not None
    assert row[0] >= -4 * BATCH


def test_a_killed_taker_takes_its_batch_with_it_and_nothing_else(
    database: Database, connection: psycopg.Connection
) -> None:
    taker = start_taker(Order(database.dsn, SLOW, 4, hold=True))
    # Of the 1, 2 and 4 that it took it spent four, and waits for ever with three in hand.
    level = "select tokens from jobs.rate_buckets where tokens < 14"
    wait_until = time.monotonic() + 30
    while connection.execute(level).fetchone() is None:
        assert time.monotonic() < wait_until
    taker.kill()
    taker.join(30)
    SharedBuckets(connection).take([SLOW], 1)
    row = connection.execute("select tokens from jobs.rate_buckets").fetchone()
    assert row == (pytest.approx(SLOW.capacity - 7 - 1, abs=0.1),)
