"""What an operator does about what was asked for: look at it, take it back, ask once more.

Invariant: a request that has ended stays as it is; to ask once more makes another one, which names
the run that it repeats.
"""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import FailedError, UsageError
from tuturuuu_jobs.fleet.engine import forget
from tuturuuu_jobs.runtime.cancelling import Reached, request_cancel
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.identity import ProcessIdentity

_BEGINNING_S: Final = 15.0
"""A run that is being begun has its row after so many seconds, or never."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and where it stands.

    Attributes:
        tries: How many of its tries are spent.
        current_run: The run that was begun last for it, if one was.
        replay_of: The run that it is to repeat, if it was put back.
    """

    request_id: UUID
    state: str
    status: str | None
    code: str | None
    tries: int
    priority: int
    queued_at: datetime
    run_at: datetime | None
    expires_at: datetime | None
    finished_at: datetime | None
    current_run: UUID | None
    replay_of: UUID | None


# Of the runs that one request led to, those in the middle know it by their tag.
_FIND: Final[LiteralString] = """
select id as request_id, state, status, code, tries, priority, created_at as queued_at, run_at,
       expires_at, finished_at, current_run, replay_of
from jobs.requests
where id = %(run_id)s or current_run = %(run_id)s
   or id = (
       select (tags ->> 'request')::uuid from jobs.runs
       where id = %(run_id)s and tags ->> 'request' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
   )
order by id = %(run_id)s desc, created_at desc
limit 1
"""


def find_request(connection: psycopg.Connection[Any], run_id: UUID) -> Asked | None:
    """What led to this run, or waits under this id; None for a run that nobody asked for so."""
    with translated_errors(), connection.cursor(row_factory=class_row(Asked)) as cursor:
        return cursor.execute(_FIND, {"run_id": run_id}).fetchone()


_WITHDRAW: Final[LiteralString] = """
update jobs.requests
set state = 'done', status = 'cancelled', code = 'cancelled', finished_at = now(),
    cancel_reason = %(reason)s
where id = %(id)s and state = 'queued'
returning current_run is null as never_begun
"""
_TELL: Final[LiteralString] = """
insert into jobs.events (run_id, type, data)
values (%(id)s, 'run.cancel_requested', jsonb_build_object('reason', %(reason)s::text))
"""
_SETTLE: Final[LiteralString] = """
insert into jobs.events (run_id, type, data)
values (%(id)s, 'run.settled', '{"status": "cancelled", "code": "cancelled"}')
"""


def withdraw(connection: psycopg.Connection[Any], request: UUID, reason: str | None) -> bool:
    """Let no worker begin it any more; False if it does not wait."""
    fields = {"id": request, "reason": reason}
    with translated_errors(), connection.transaction():
        found = connection.execute(_WITHDRAW, fields).fetchone()
        if found is None:
            return False
        forget(connection, request)
        connection.execute(_TELL, fields)
        if found[0]:
            connection.execute(_SETTLE, fields)
    return True


def cancel(
    connection: psycopg.Connection[Any],
    run_id: UUID,
    *,
    reason: str | None,
    here: ProcessIdentity,
    clock: Clock,
) -> Reached:
    """End a run, whether it waits for a worker, is being begun, or is at work.

    Raises:
        UsageError: Nobody knows such a run.
        FailedError: It is over already.
    """
    end = clock.monotonic() + _BEGINNING_S
    while True:
        if withdraw(connection, run_id, reason):
            return Reached.WITHDRAWN
        asked = find_request(connection, run_id)
        if asked is None or asked.request_id != run_id:
            return request_cancel(connection, run_id, reason=reason, here=here)
        if asked.state == "done" and asked.status is not None:
            raise FailedError(
                f"run {run_id} is not under way: it is {asked.status}",
                code="run_not_running",
                subject=str(run_id),
            )
        # Between two of its runs, or before the first has its row, there is nothing to end yet.
        with contextlib.suppress(FailedError, UsageError):
            return request_cancel(connection, asked.current_run or run_id, reason=reason, here=here)
        if clock.monotonic() > end:
            raise FailedError(
                f"run {run_id} is being begun",
                code="run_not_running",
                subject=str(run_id),
                hint="say it once more",
            )
        clock.sleep(0.2)


# What succeeded keeps its key and its slot.
_ASK_AGAIN: Final[LiteralString] = """
select jobs.enqueue(
    job, payload, idempotency_key => case when is_free then idempotency_key end,
    priority => priority, tags => tags, slot => case when is_free then slot end,
    replay_of => %(run_id)s
)
from jobs.requests
cross join lateral (select status not in ('succeeded', 'partial') as is_free) key
where id = %(request)s
"""


def ask_again(connection: psycopg.Connection[Any], request: UUID, run_id: UUID) -> UUID | None:
    """Ask once more for what ended with this run; None if the request is forgotten.

    Its key, priority, tags and slot are as before; moment and expiry are over and left out.

    Returns:
        The id of the run that waits now; if the same work waited or worked already, of that one.
    """
    with translated_errors():
        row = connection.execute(_ASK_AGAIN, {"request": request, "run_id": run_id}).fetchone()
    return row[0] if row else None
