"""Token buckets by name: in Postgres for every process on every host, or in this process alone.

A take is a reservation: it always succeeds and says how long to wait. A bucket that is below zero
owes that many tokens to takers who came earlier, so nobody overtakes. Invariant: no row lock
outlives its statement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, Protocol

import psycopg

from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.database import translated_errors

HOLD_S: Final = 5.0
"""How long a token that was taken may be kept before it is spent."""

LONGEST_BLOCK_S: Final = 3600.0
"""However long the other side asks for, somebody asks again after an hour."""

_BURST: Final = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket as its users want it; the stored one follows.

    Attributes:
        name: Names no person: it is stored, and shown by ``doctor``.
        capacity: The most tokens it holds, at least 1; as many may be spent at once.
        per_second: How many come back.
    """

    name: str
    capacity: float
    per_second: float


def per_minute(name: str, limit: int) -> Bucket:
    """The bucket that keeps a limit whose minute slides.

    In no minute, wherever it begins, may more than ``limit`` tokens be spent. What can be spent in
    one is what the bucket held and what came back meanwhile, in that minute and in the seconds
    before it in which tokens were taken and kept: ``capacity + per_second * (60 + HOLD_S)``. A
    tenth of the limit is the burst; the rest comes back evenly, 83 % of the limit a minute.

    Args:
        name: Of the bucket.
        limit: Tokens a minute, at least 1.
    """
    capacity = max(1.0, limit * _BURST)
    return Bucket(name, capacity, max(limit - capacity, _BURST) / (60.0 + HOLD_S))


class Buckets(Protocol):
    """Where tokens are taken."""

    def take(self, buckets: Sequence[Bucket], tokens: int) -> float:
        """Take so many from each bucket; seconds to wait before they may be spent.

        A negative number puts tokens back that were taken and not spent.
        """
        ...

    def block(self, bucket: Bucket, seconds: float) -> None:
        """Let nobody spend for so long, and begin with one token then, or with what is owed.

        An hour is the longest.
        """
        ...


# Rows are locked in the order in which they are asked for, the same for everybody. Losing a take
# with a crash of the server costs less than everybody waiting for the disk behind one row. A moment
# in the future is believed if a wait for the row's lock or a block explains it: else the server's
# clock was set back.
_TAKE: Final[LiteralString] = """
insert into jobs.rate_buckets as bucket (name, tokens, capacity, per_second, updated_at)
select asked.name, least(asked.capacity, asked.capacity - %(tokens)s), asked.capacity,
       asked.per_second, coalesce(%(now)s, now())
from unnest(%(names)s::text[], %(capacities)s::float8[], %(rates)s::float8[])
     as asked (name, capacity, per_second)
on conflict (name) do update
set capacity = excluded.capacity,
    per_second = excluded.per_second,
    (tokens, updated_at) = (
        select least(excluded.capacity,
                     least(excluded.capacity,
                           bucket.tokens + excluded.per_second * greatest(0, extract(
                               epoch from excluded.updated_at - known.since)::float8))
                     - %(tokens)s),
               greatest(known.since, excluded.updated_at)
        from (select case
            when bucket.updated_at <= excluded.updated_at + interval '10 seconds'
                 or bucket.updated_at <= bucket.blocked_until
                and bucket.updated_at <= excluded.updated_at + interval '1 hour'
            then bucket.updated_at
            else excluded.updated_at
        end as since) known
    )
returning (greatest(0, extract(epoch from updated_at - coalesce(%(now)s, now()))::float8)
           + greatest(0, -tokens) / per_second)::float8,
          set_config('synchronous_commit', 'off', true)
"""

_BLOCK: Final[LiteralString] = """
insert into jobs.rate_buckets as bucket
       (name, tokens, capacity, per_second, updated_at, blocked_until)
values (%(name)s, 1, %(capacity)s, %(rate)s,
        coalesce(%(now)s, now()) + make_interval(secs => %(seconds)s),
        coalesce(%(now)s, now()) + make_interval(secs => %(seconds)s))
on conflict (name) do update
set tokens = case when bucket.tokens < 0 then bucket.tokens else 1 end,
    updated_at = greatest(bucket.updated_at, excluded.updated_at),
    blocked_until = greatest(bucket.blocked_until, excluded.blocked_until)
"""


class SharedBuckets:
    """The buckets of the schema ``jobs``; a block moves the moment from which tokens come back.

    Args:
        connection: In autocommit mode, used by one thread at a time.
        now: The time, for tests; otherwise the server's clock is everybody's.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], now: Callable[[], datetime] | None = None
    ) -> None:
        self._connection = connection
        self._now = now

    def take(self, buckets: Sequence[Bucket], tokens: int) -> float:
        """One statement for all buckets; the longest wait of them.

        Raises:
            JobError: The database refused or did not answer; nothing is known to be taken.
        """
        values = {
            "tokens": float(tokens),
            "names": [bucket.name for bucket in buckets],
            "capacities": [bucket.capacity for bucket in buckets],
            "rates": [bucket.per_second for bucket in buckets],
            "now": self._now() if self._now else None,
        }
        with translated_errors():
            rows = self._connection.execute(_TAKE, values).fetchall()
        return max((float(row[0]) for row in rows), default=0.0)

    def block(self, bucket: Bucket, seconds: float) -> None:
        """Every taker of every process sees it from now on.

        Raises:
            JobError: The database refused or did not answer.
        """
        values = {
            "name": bucket.name,
            "capacity": bucket.capacity,
            "rate": bucket.per_second,
            "seconds": min(seconds, LONGEST_BLOCK_S),
            "now": self._now() if self._now else None,
        }
        with translated_errors():
            self._connection.execute(_BLOCK, values)


_FORGET_IDLE: Final[LiteralString] = """
delete from jobs.rate_buckets where updated_at < now() - interval '7 days'
"""


def forget_idle(connection: psycopg.Connection[Any]) -> int:
    """Remove buckets that nobody used for a week; whoever needs one finds it full again.

    Returns:
        How many there were.
    """
    with translated_errors():
        return connection.execute(_FORGET_IDLE).rowcount


class LocalBuckets:
    """Buckets of this process alone, for a preview or where the shared ones cannot be reached."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, buckets: Sequence[Bucket], tokens: int) -> float:
        """The longest wait of all buckets."""
        return max((self._take(bucket, tokens) for bucket in buckets), default=0.0)

    def _take(self, bucket: Bucket, tokens: int) -> float:
        now = self._clock.monotonic()
        level, since = self._levels.get(bucket.name, (bucket.capacity, now))
        level = min(bucket.capacity, level + bucket.per_second * max(0.0, now - since))
        level = min(bucket.capacity, level - tokens)
        since = max(now, since)
        self._levels[bucket.name] = level, since
        return since - now + max(0.0, -level) / bucket.per_second

    def block(self, bucket: Bucket, seconds: float) -> None:
        """Only this process sees it."""
        until = self._clock.monotonic() + min(seconds, LONGEST_BLOCK_S)
        level, since = self._levels.get(bucket.name, (1.0, until))
        self._levels[bucket.name] = (level if level < 0 else 1.0), max(since, until)
