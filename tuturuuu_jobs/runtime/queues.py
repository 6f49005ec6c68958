"""A queue's total limit and its pause, as the database has them.

The limit is the number of a queue's seats; a seat is a lock, so a run that dies gives it back.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import BusyError, UsageError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.locks import advisory_key, seat_key


@dataclasses.dataclass(frozen=True, slots=True)
class Queue:
    """A queue that somebody limited.

    Attributes:
        total_limit: How many runs may work at once, on all machines together.
        paused_until: While it lies ahead nothing starts; the database's clock decides.
        reason: Why it is paused, in the words of who paused it.
    """

    name: str
    total_limit: int
    paused_until: datetime | None
    reason: str | None


_LOAD_QUEUE: Final[LiteralString] = """
select name, total_limit, reason,
       case when paused_until > now() then paused_until end as paused_until
from jobs.queues
where name = %(name)s
"""


def load_queue(connection: psycopg.Connection[Any], name: str) -> Queue | None:
    """The queue, or None if it has no limit. Raises BusyError while it is paused."""
    with translated_errors(), connection.cursor(row_factory=class_row(Queue)) as cursor:
        queue = cursor.execute(_LOAD_QUEUE, {"name": name}).fetchone()
    if queue is not None and queue.paused_until is not None:
        why = f": {queue.reason}" if queue.reason else ""
        raise BusyError(
            f"the queue {name} is paused until {queue.paused_until:%Y-%m-%d %H:%M:%S} UTC{why}",
            code="paused",
            subject=name,
        )
    return queue


@dataclasses.dataclass(frozen=True, slots=True)
class QueueState:
    """A queue as an operator sees it.

    Attributes:
        taken: How many of its seats are held now, by runs that lock in the database.
        paused_by: Who paused it, as far as they said.
    """

    name: str
    total_limit: int
    taken: int
    paused_until: datetime | None
    paused_by: str | None
    reason: str | None


_HELD_KEYS: Final[LiteralString] = """
select (classid::bigint << 32) | objid::bigint
from pg_locks
where locktype = 'advisory' and objsubid = 1 and granted
  and database = (select oid from pg_database where datname = current_database())
"""

_LIST_QUEUES: Final[LiteralString] = """
select name, total_limit, 0 as taken,
       case when paused_until > now() then paused_until end as paused_until,
       case when paused_until > now() then paused_by end as paused_by,
       case when paused_until > now() then reason end as reason
from jobs.queues
order by name
"""


def list_queues(connection: psycopg.Connection[Any]) -> list[QueueState]:
    """Every queue that has a limit."""
    with translated_errors(), connection.cursor(row_factory=class_row(QueueState)) as cursor:
        queues = cursor.execute(_LIST_QUEUES).fetchall()
        held = {row[0] for row in connection.execute(_HELD_KEYS).fetchall()}
    return [dataclasses.replace(queue, taken=_count_taken(queue, held)) for queue in queues]


def _count_taken(queue: QueueState, held: set[int]) -> int:
    seats = (seat_key(queue.name, seat) for seat in range(queue.total_limit))
    return sum(advisory_key(key) in held for key in seats)


_PAUSE: Final[LiteralString] = """
update jobs.queues
set paused_until = now() + %(duration)s, paused_by = %(by)s, reason = %(reason)s
where name = %(name)s
returning paused_until
"""


def pause_queue(
    connection: psycopg.Connection[Any],
    name: str,
    *,
    duration: timedelta,
    reason: str,
    by: str | None,
) -> datetime:
    """Let nothing of a queue start for so long; what is at work goes on.

    Raises UsageError if there is no such queue.
    """
    wanted = {"name": name, "duration": duration, "reason": reason, "by": by}
    with translated_errors():
        row = connection.execute(_PAUSE, wanted).fetchone()
    if row is None:
        raise _unknown(connection, name)
    until: datetime = row[0]
    return until


_RESUME: Final[LiteralString] = """
update jobs.queues set paused_until = null, paused_by = null, reason = null
where name = %(name)s
"""


def resume_queue(connection: psycopg.Connection[Any], name: str) -> None:
    """End a pause; harmless if there is none. Raises UsageError if there is no such queue."""
    _change(connection, _RESUME, {"name": name})


_LIMIT: Final[LiteralString] = """
update jobs.queues set total_limit = %(limit)s where name = %(name)s
"""


def limit_queue(connection: psycopg.Connection[Any], name: str, limit: int) -> None:
    """Change how many runs of a queue may work at once; runs beyond a lower limit finish.

    Raises UsageError if there is no such queue.
    """
    _change(connection, _LIMIT, {"name": name, "limit": limit})


def _change(
    connection: psycopg.Connection[Any], statement: LiteralString, fields: dict[str, Any]
) -> None:
    with translated_errors():
        changed = connection.execute(statement, fields).rowcount
    if changed != 1:
        raise _unknown(connection, fields["name"])


def _unknown(connection: psycopg.Connection[Any], name: str) -> UsageError:
    known = ", ".join(queue.name for queue in list_queues(connection))
    return UsageError(
        f"there is no queue {name}", code="queue_not_found", subject=name, hint=f"one of: {known}"
    )
