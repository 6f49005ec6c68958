"""A queue's total limit and its pause, as the database has them.

The limit is the number of a queue's seats; a seat is a lock, so a run that dies gives it back.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import BusyError
from tuturuuu_jobs.runtime.database import translated_errors


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
