"""What was asked for: asking, beginning and ending, each one transaction.

Invariant: a request ends once. Who begins it raises its number of deliveries, and only the holder
of the last number may end it, so that a worker that was taken for dead writes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.fleet.engine import Taken, drop, put_back
from tuturuuu_jobs.runtime.database import translate, translated_errors
from tuturuuu_jobs.runtime.locks import advisory_key
from tuturuuu_jobs.runtime.outcome import Status
from tuturuuu_jobs.runtime.queues import list_queues

MOST_TRIES: Final = 5
"""How often work is begun whose runs end without a verdict of their own."""

_CANCELLED: Final = (Status.CANCELLED.value, "cancelled")
_AGAIN: Final = frozenset(
    {Status.LOST, Status.CRASHED, Status.INTERRUPTED, Status.UNAVAILABLE, Status.SKIPPED}
)


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """A run that somebody asks for.

    Attributes:
        job: ``sync``, ``full-sync`` or ``schedule``.
        payload: Plain JSON with the workspace's id; no secrets.
        idempotency_key: Of one job and key only one run is made, unless it fails.
        run_at: Not before this moment.
        expires: Not later than so long after that.
        priority: The greater goes first.
        tags: Labels for the ledger.
        parent_run_id: The fan-out that asks, if one does.
    """

    job: str
    payload: dict[str, Any]
    idempotency_key: str | None = None
    run_at: datetime | None = None
    expires: timedelta | None = None
    priority: int = 0
    tags: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    parent_run_id: UUID | None = None


_ENQUEUE: Final[LiteralString] = """
select jobs.enqueue(
    %(job)s, %(payload)s, idempotency_key => %(idempotency_key)s, run_at => %(run_at)s,
    expires => %(expires)s, priority => %(priority)s, tags => %(tags)s,
    parent_run_id => %(parent_run_id)s
)
"""


def enqueue(connection: psycopg.Connection[Any], wish: Wish) -> UUID:
    """Ask for a run; returns its id, or that of the run that waits with this work already.

    Raises UsageError if the database refuses the payload; it names the field.
    """
    fields = dataclasses.asdict(wish) | {"payload": Jsonb(wish.payload), "tags": Jsonb(wish.tags)}
    found: UUID = _ask(connection, _ENQUEUE, fields)
    return found


_ENQUEUE_MANY: Final[LiteralString] = """
select jobs.enqueue_many(
    %(job)s, %(payloads)s, %(keys)s, run_at => %(run_at)s, expires => %(expires)s,
    priority => %(priority)s, tags => %(tags)s, parent_run_id => %(parent_run_id)s
)
"""


def enqueue_many(
    connection: psycopg.Connection[Any], wish: Wish, workspaces: Sequence[UUID]
) -> list[UUID]:
    """Ask for the same run in many workspaces, of all of them or of none; returns their ids.

    Raises UsageError as :func:`enqueue` does.

    Args:
        connection: To the database.
        wish: Its payload names no workspace; its idempotency key is one key for each of them.
        workspaces: In this order the ids are returned.
    """
    key = wish.idempotency_key
    many = {
        "payloads": [Jsonb({**wish.payload, "ws_id": str(ws_id)}) for ws_id in workspaces],
        "keys": [f"{key}/{ws_id}" for ws_id in workspaces] if key else None,
        "tags": Jsonb(wish.tags),
    }
    found: list[UUID] = _ask(connection, _ENQUEUE_MANY, dataclasses.asdict(wish) | many)
    return found


def _ask(
    connection: psycopg.Connection[Any], statement: LiteralString, fields: dict[str, Any]
) -> Any:
    try:
        row = connection.execute(statement, fields).fetchone()
    except psycopg.errors.InvalidParameterValue as error:
        raise refused(error) from None
    except psycopg.Error as error:
        raise translate(error) from None
    return row[0] if row else None


def refused(error: psycopg.errors.InvalidParameterValue) -> UsageError:
    """What ``jobs.enqueue`` has against a payload: words of ours, which repeat no value."""
    text = (error.diag.message_primary or "").removeprefix("jobs.enqueue: ")
    return UsageError(text, subject="payload")


@dataclasses.dataclass(frozen=True, slots=True)
class Claimed:
    """A request that this worker has begun.

    Attributes:
        id: Of the request.
        run_id: Of the run that is to be begun for it.
        delivery: Which beginning this is.
        tries: How many of them were spent before.
    """

    id: UUID
    job: str
    ws_id: UUID
    payload: dict[str, Any]
    tags: dict[str, str]
    slot: datetime | None
    parent_run_id: UUID | None
    replay_of: UUID | None
    run_id: UUID
    delivery: int
    tries: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Standing:
    """A request and the last run that was begun for it."""

    id: UUID
    state: str
    concurrency_key: str
    current_run: UUID | None
    delivery: int
    tries: int
    expired: bool
    run_status: str | None
    run_code: str | None
    cancelled: bool


_LOOK: Final[LiteralString] = """
select request.id, request.state, request.concurrency_key, request.current_run,
       request.delivery, request.tries,
       coalesce(request.expires_at < now(), false) as expired,
       run.status as run_status, run.code as run_code,
       run.cancel_requested_at is not null as cancelled
from jobs.requests request
left join jobs.runs run on run.id = request.current_run
where request.id = %(request)s
for update of request skip locked
"""
_IS_THERE: Final[LiteralString] = """
select exists (select from jobs.requests where id = %(request)s)
"""
_CLAIM: Final[LiteralString] = """
update jobs.requests
set state = 'running', delivery = delivery + 1, tries = tries + %(spent)s,
    current_run = case when current_run is null then id else %(run_id)s end
where id = %(request)s
returning id, job, ws_id, payload, tags, slot, parent_run_id, replay_of,
          current_run as run_id, delivery, tries
"""
_FINISH: Final[LiteralString] = """
update jobs.requests
set state = 'done', status = %(status)s, code = %(code)s, finished_at = now()
where id = %(request)s and state <> 'done' and delivery = %(delivery)s
"""
_TELL_END: Final[LiteralString] = """
insert into jobs.events (run_id, type, data)
values (%(request)s, 'run.settled',
        jsonb_build_object('status', %(status)s::text, 'code', %(code)s::text))
"""
_RELEASE: Final[LiteralString] = """
update jobs.requests set state = 'queued', tries = tries + %(spent)s
where id = %(request)s and state = 'running' and delivery = %(delivery)s
"""


def claim(
    connection: psycopg.Connection[Any], taken: Taken, run_id: UUID, chance: float
) -> Claimed | None:
    """Begin what was taken; None if it is done already, or has been put back for later.

    Args:
        connection: In autocommit mode.
        taken: From the engine, in our hand.
        run_id: For the run, unless it is the first one.
        chance: From 0 to 1: spreads workers that wait for the same thing.
    """
    fields = {"request": taken.request, "run_id": run_id}
    with translated_errors(), connection.transaction():
        with connection.cursor(row_factory=class_row(_Standing)) as cursor:
            found = cursor.execute(_LOOK, fields).fetchone()
        if found is None:
            _let_go(connection, taken, chance)
            return None
        if _is_over(connection, taken, found):
            return None
        if (wait_s := _must_wait(connection, taken, found)) is not None:
            put_back(connection, taken, wait_s * (1 + chance))
            return None
        if found.cancelled:
            # Nobody holds its key: it died before it could heed that.
            _end(connection, taken, found, _CANCELLED)
            return None
        # A run that left no verdict has cost a try, unless its worker counted that itself.
        unclear = {None, Status.RUNNING, Status.LOST, Status.CRASHED}
        spent = int(found.state == "running" and found.run_status in unclear)
        with connection.cursor(row_factory=class_row(Claimed)) as cursor:
            return cursor.execute(_CLAIM, fields | {"spent": spent}).fetchone()


def _let_go(connection: psycopg.Connection[Any], taken: Taken, chance: float) -> None:
    """Nobody may begin what a producer's open transaction holds; what is pruned is over."""
    row = connection.execute(_IS_THERE, {"request": taken.request}).fetchone()
    if row and row[0]:
        put_back(connection, taken, 0.5 + chance)
    else:
        drop(connection, taken)


def _is_over(connection: psycopg.Connection[Any], taken: Taken, found: _Standing) -> bool:
    """Whether there is nothing to begin: then it is settled as far as it was not."""
    if found.state != "done":
        ended = _verdict(found)
        if ended is None:
            return False
        _end(connection, taken, found, ended)
        return True
    drop(connection, taken)
    return True


def _end(
    connection: psycopg.Connection[Any], taken: Taken, found: _Standing, ended: tuple[str, str]
) -> None:
    """Without another run; of one that never began nobody else has told the end."""
    fields = _ending(found.id, found.delivery, *ended)
    connection.execute(_FINISH, fields)
    if found.current_run is None:
        connection.execute(_TELL_END, fields)
    drop(connection, taken)


def _verdict(found: _Standing) -> tuple[str, str] | None:
    """How the request ended by what is known of its last run; None if it did not."""
    status = Status(found.run_status) if found.run_status else None
    if status is None:
        return (Status.EXPIRED.value, "expired") if found.expired else None
    if status in {Status.QUEUED, Status.RUNNING}:
        return None
    if status not in _AGAIN or found.tries >= MOST_TRIES:
        return status.value, found.run_code or status.value
    if found.cancelled:
        return _CANCELLED
    # It was begun in time, but not done; what only found its key held was not even begun.
    if found.expired and status is Status.SKIPPED:
        return Status.EXPIRED.value, "expired"
    return None


_IS_KEY_HELD: Final[LiteralString] = """
select exists (
    select from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted
      and database = (select oid from pg_database where datname = current_database())
      and ((classid::bigint << 32) | objid::bigint) = %(key)s
)
"""


def _must_wait(connection: psycopg.Connection[Any], taken: Taken, found: _Standing) -> float | None:
    """Seconds until it may be worth another look; None if it can begin."""
    key = {"key": advisory_key(found.concurrency_key)}
    held = connection.execute(_IS_KEY_HELD, key).fetchone()
    if held and held[0]:
        return 1.0
    for queue in list_queues(connection):
        if queue.name == taken.queue:
            if queue.paused_until is not None:
                return 5.0
            if queue.taken >= queue.total_limit:
                return 0.5
    return None


def finish(
    connection: psycopg.Connection[Any], taken: Taken, claimed: Claimed, status: str, code: str
) -> bool:
    """Note how a request ended; False if it was taken from us meanwhile, and nothing is written."""
    with translated_errors(), connection.transaction():
        fields = _ending(claimed.id, claimed.delivery, status, code)
        ours = connection.execute(_FINISH, fields).rowcount == 1
        drop(connection, taken)
    return ours


def release(
    connection: psycopg.Connection[Any],
    taken: Taken,
    claimed: Claimed,
    *,
    wait_s: float,
    spent: bool,
) -> bool:
    """Let it be begun anew later; False if it was taken from us meanwhile.

    Args:
        connection: In autocommit mode.
        taken: In our hand, unless somebody took it away.
        claimed: What we began.
        wait_s: Not before so many seconds.
        spent: Whether that was one of its tries.
    """
    fields = {"request": claimed.id, "delivery": claimed.delivery, "spent": int(spent)}
    with translated_errors(), connection.transaction():
        ours = connection.execute(_RELEASE, fields).rowcount == 1
        if ours:
            put_back(connection, taken, wait_s)
    return ours


def _ending(request: UUID, delivery: int, status: str, code: str) -> dict[str, Any]:
    return {"request": request, "delivery": delivery, "status": status, "code": code}
