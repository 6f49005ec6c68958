"""Readers of the event log that keep their place in the database.

A consumer sees each event at least once: its place moves on only after it has the events, so one
that dies in between gets them again and must know them by their id. One reader per consumer at a
time holds its lock.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import BusyError, FailedError, UsageError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.following import Position
from tuturuuu_jobs.runtime.locks import KeyHeldError, advisory_lock

MAX_NAME: Final = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Consumer:
    """A named reader.

    Attributes:
        waiting: Events behind its place, those of open transactions left out.
        oldest_at: When the first of them was written.
        updated_at: When it last moved its place.
    """

    name: str
    waiting: int
    oldest_at: datetime | None
    updated_at: datetime


_PLACE: Final[LiteralString] = """
select last_xid::text, last_event_id, last_xid > pg_snapshot_xmax(pg_current_snapshot())
from jobs.cursors where consumer = %(consumer)s
"""


@contextlib.contextmanager
def reading(connection: psycopg.Connection[Any], name: str) -> Generator[Position]:
    """Be the consumer's one reader, from its place on; a new one begins at the beginning.

    Raises:
        UsageError: The name will not do.
        BusyError: Another reader of the consumer is at work.
        FailedError: The place lies ahead of this server's transactions: the log was restored.
    """
    with _alone(connection, name), translated_errors():
        row = connection.execute(_PLACE, {"consumer": name}).fetchone()
        if row is not None and row[2]:
            raise FailedError(
                "the consumer's place lies ahead of the log: the database was restored",
                code="consumer_ahead",
                subject=name,
                hint=f"choose where it goes on: events replay --consumer {name} --from MOMENT",
            )
        yield Position(row[0], row[1]) if row else Position()


@contextlib.contextmanager
def _alone(connection: psycopg.Connection[Any], name: str) -> Generator[None]:
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise UsageError(
            f"a consumer's name has 1 to {MAX_NAME} printable characters", subject="--consumer"
        )
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(advisory_lock(connection, f"events/{name}"))
        except KeyHeldError:
            raise BusyError(
                "another reader of this consumer is at work",
                subject=name,
                hint="each reader needs a consumer name of its own",
            ) from None
        yield


_MOVE: Final[LiteralString] = """
insert into jobs.cursors as c (consumer, last_xid, last_event_id, updated_at)
values (%(consumer)s, %(xid)s::xid8, %(event_id)s, now())
on conflict (consumer) do update set last_xid = excluded.last_xid,
    last_event_id = excluded.last_event_id, updated_at = excluded.updated_at
"""


def move(connection: psycopg.Connection[Any], name: str, position: Position) -> None:
    """Everything up to this place has been read; within :func:`reading`."""
    values = {"consumer": name, "xid": position.xid, "event_id": position.event_id}
    with translated_errors():
        connection.execute(_MOVE, values)


_BEFORE_EVENT: Final[LiteralString] = """
select xid::text, id from jobs.events where id = %(event_id)s
"""
_BEFORE_MOMENT: Final[LiteralString] = """
select xid::text, id from jobs.events where at >= %(moment)s order by xid, id limit 1
"""
_END: Final[LiteralString] = """
select xid::text, id from jobs.events
where xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid desc, id desc limit 1
"""


def send_back(
    connection: psycopg.Connection[Any], name: str, begin: datetime | int | None
) -> Position:
    """Set a consumer's place, so that it goes on with the event or moment named.

    Args:
        connection: In autocommit mode.
        name: The consumer; it need not exist yet.
        begin: The first event by its id, or the first at or after a moment; None for the beginning.

    Raises:
        UsageError: There is no such event.
        BusyError: A reader of the consumer is at work.
    """
    with _alone(connection, name):
        position = _before(connection, begin)
        move(connection, name, position)
    return position


def _before(connection: psycopg.Connection[Any], begin: datetime | int | None) -> Position:
    if begin is None:
        return Position()
    with translated_errors():
        if isinstance(begin, datetime):
            row = connection.execute(_BEFORE_MOMENT, {"moment": begin}).fetchone()
            if row is None:
                last = connection.execute(_END).fetchone()
                return Position(*last) if last else Position()
        else:
            row = connection.execute(_BEFORE_EVENT, {"event_id": begin}).fetchone()
            if row is None:
                raise UsageError(
                    f"the log has no event {begin}",
                    code="event_not_found",
                    subject="--from",
                    hint="it may be older than the log is kept; begin with a moment instead",
                )
    return Position(row[0], row[1] - 1)


_CONSUMERS: Final[LiteralString] = """
select c.consumer as name, coalesce(behind.waiting, 0) as waiting, behind.oldest_at, c.updated_at
from jobs.cursors c
left join lateral (
    select count(*) as waiting, min(event.at) as oldest_at
    from jobs.events event
    where (event.xid, event.id) > (c.last_xid, c.last_event_id)
      and event.xid < pg_snapshot_xmin(pg_current_snapshot())
) behind on true
order by c.consumer
"""


def list_consumers(connection: psycopg.Connection[Any]) -> list[Consumer]:
    """Every consumer that has read something, by name, and how far behind it is."""
    with translated_errors(), connection.cursor(row_factory=class_row(Consumer)) as cursor:
        return cursor.execute(_CONSUMERS).fetchall()


_FORGET: Final[LiteralString] = "delete from jobs.cursors where consumer = %(consumer)s"


def forget(connection: psycopg.Connection[Any], name: str) -> None:
    """Forget a consumer's place.

    Raises:
        UsageError: Nobody of that name has read anything.
        BusyError: A reader of the consumer is at work.
    """
    with _alone(connection, name), translated_errors():
        if connection.execute(_FORGET, {"consumer": name}).rowcount == 0:
            raise UsageError(
                "no consumer of that name has read anything",
                code="consumer_not_found",
                subject=name,
                hint="list them with: tuturuuu-jobs events consumers",
            )
