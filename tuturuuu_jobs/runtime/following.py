"""Reading the log of events as it grows, without losing one.

Numbers become visible out of order: a reader that remembers the last one it saw loses what commits
later under a smaller one. So it stays behind the oldest open transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.runtime.database import translated_errors


@dataclasses.dataclass(frozen=True, slots=True)
class Position:
    """A place in the log: everything up to it has been read."""

    xid: str = "0"
    event_id: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event with the run it belongs to, begun or not.

    Attributes:
        xid: The transaction that wrote it.
        event_id: Orders the events of one transaction.
    """

    xid: str
    event_id: int
    at: datetime
    type: str
    run_id: UUID | None
    job: str | None
    ws_id: UUID | None
    status: str | None
    code: str | None
    data: dict[str, Any]

    @property
    def position(self) -> Position:
        """Where the log goes on behind it."""
        return Position(self.xid, self.event_id)


_READ: Final[LiteralString] = """
select event.xid::text as xid, event.id as event_id, event.at, event.type, event.run_id,
       coalesce(run.job, request.job) as job, coalesce(run.ws_id, request.ws_id) as ws_id,
       event.data ->> 'status' as status, event.data ->> 'code' as code, event.data
from jobs.events event
left join jobs.runs run on run.id = event.run_id
left join jobs.requests request on request.id = event.run_id
where (event.xid, event.id) > (%(xid)s::xid8, %(event_id)s)
  and event.xid < pg_snapshot_xmin(pg_current_snapshot())
  and (%(types)s::text[] is null or event.type = any(%(types)s))
order by event.xid, event.id
limit %(limit)s
"""


def read_events(
    connection: psycopg.Connection[Any],
    after: Position,
    *,
    limit: int = 500,
    types: Sequence[str] = (),
) -> list[LoggedEvent]:
    """What follows a position, oldest first; only these types, if any are named."""
    wanted = {
        "xid": after.xid,
        "event_id": after.event_id,
        "limit": limit,
        "types": list(types) or None,
    }
    with translated_errors(), connection.cursor(row_factory=class_row(LoggedEvent)) as cursor:
        return cursor.execute(_READ, wanted).fetchall()


_NEARLY_LAST: Final[LiteralString] = """
select xid::text, id
from jobs.events
where xid < pg_snapshot_xmin(pg_current_snapshot())
order by xid desc, id desc
offset %(skipped)s
limit 1
"""


def find_position(connection: psycopg.Connection[Any], *, last: int) -> Position:
    """The place that so many events follow, as of now."""
    with translated_errors():
        row = connection.execute(_NEARLY_LAST, {"skipped": last}).fetchone()
    return Position(*row) if row else Position()
