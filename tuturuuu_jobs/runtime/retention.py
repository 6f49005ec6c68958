"""How long the ledger remembers.

Invariant: the last success of every job and key stays for ever, since the age of a last success is
what monitoring asks for.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Final, LiteralString

import psycopg

from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.outcome import Status
from tuturuuu_jobs.runtime.quota.buckets import forget_idle

BATCH: Final = 1000
FILES: Final = timedelta(days=90)
"""How old results and spooled records of a machine grow."""

_MONTHS_AHEAD: Final = 2
_FINAL: Final = tuple(status for status in Status if status not in {Status.QUEUED, Status.RUNNING})


@dataclasses.dataclass(frozen=True, slots=True)
class Retention:
    """How old a finished run grows.

    Attributes:
        succeeded: Runs that did their work.
        skipped: Runs that stood aside or came too late.
        failed: Every other end, ``partial`` among them.
        events: Events, by whole months.
    """

    succeeded: timedelta = timedelta(days=14)
    skipped: timedelta = timedelta(days=3)
    failed: timedelta = timedelta(days=90)
    events: timedelta = timedelta(days=90)

    def of(self, status: Status) -> timedelta:
        """How old a run that ended like this grows."""
        match status:
            case Status.SUCCEEDED:
                return self.succeeded
            case Status.SKIPPED | Status.EXPIRED:
                return self.skipped
            case _:
                return self.failed


@dataclasses.dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed and made.

    Attributes:
        stray_events: Events that lay in no month's partition.
    """

    runs: int
    stray_events: int
    dropped_partitions: tuple[str, ...]
    new_partitions: tuple[str, ...]


# By status, since that is how the index finds the oldest; what another process works on is left
# to it.
_DELETE_BATCH: Final[LiteralString] = """
with doomed as (
    select id
    from jobs.runs run
    where status = %(status)s and finished_at < now() - %(keep)s::interval
      and (status <> 'succeeded' or exists (
              select from jobs.runs newer
              where newer.job = run.job and newer.concurrency_key = run.concurrency_key
                and newer.status = 'succeeded'
                and (newer.finished_at, newer.id) > (run.finished_at, run.id)
          ))
    order by finished_at
    limit %(batch)s
    for update skip locked
)
delete from jobs.runs using doomed where runs.id = doomed.id
"""

# With a request goes the memory of its idempotency key.
_DELETE_REQUESTS: Final[LiteralString] = """
with doomed as (
    select id
    from jobs.requests
    where state = 'done' and finished_at < now() - %(keep)s::interval
    limit %(batch)s
    for update skip locked
)
delete from jobs.requests using doomed where requests.id = doomed.id
"""

_REMOVE_STRAYS: Final[LiteralString] = "select jobs.remove_stray_events(%(days)s)"
_DROP_PARTITIONS: Final[LiteralString] = "select jobs.drop_event_partitions(%(days)s)"
_ENSURE_PARTITIONS: Final[LiteralString] = "select jobs.ensure_event_partitions(%(months)s)"


def prune(
    connection: psycopg.Connection[Any], keep: Retention = Retention(), *, batch: int = BATCH
) -> Pruned:
    """Remove what is old enough, batch by batch; make room for the events of months to come."""
    runs = 0
    with translated_errors():
        for status in _FINAL:
            limits = {"status": status.value, "keep": keep.of(status), "batch": batch}
            while deleted := connection.execute(_DELETE_BATCH, limits).rowcount:
                runs += deleted
        while connection.execute(_DELETE_REQUESTS, {"keep": keep.failed, "batch": batch}).rowcount:
            pass
        days = {"days": keep.events.days}
        strays = connection.execute(_REMOVE_STRAYS, days).fetchone()
        dropped = connection.execute(_DROP_PARTITIONS, days).fetchall()
        made = connection.execute(_ENSURE_PARTITIONS, {"months": _MONTHS_AHEAD}).fetchall()
    forget_idle(connection)
    return Pruned(
        runs,
        int(strays[0]) if strays else 0,
        tuple(row[0] for row in dropped),
        tuple(row[0] for row in made),
    )
