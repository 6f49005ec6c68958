"""The queue engine's own tables: who works, what waits, and who has what in hand.

The statements are ours and not the engine's where its own would act on a job that has changed hands
meanwhile. Invariant: only the worker that a job is noted with moves it, and a job whose worker is
gone goes back by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.runtime.database import translated_errors

CHANNEL: Final = "procrastinate_any_queue_v1"
"""Where the server tells that something came to wait."""

BEAT_S: Final = 5.0
"""Seconds between two signs of life of a worker."""

STALE_S: Final = 20.0
"""A worker is taken for dead after so many seconds without one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """A job of the engine in a worker's hand.

    Attributes:
        job_id: The engine's number.
        queue: Whose seats the run will take.
        request: What it is about.
        worker_id: The worker it is noted with.
    """

    job_id: int
    queue: str
    request: UUID
    worker_id: int


class ForgottenError(Exception):
    """The worker's row is gone: somebody took it for dead."""


_PREPARE: Final[LiteralString] = "set search_path = jobs_queue, pg_catalog"


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Let the engine's functions find their tables, which they name without a schema."""
    with translated_errors():
        connection.execute(_PREPARE)


_REGISTER: Final[LiteralString] = """
insert into jobs_queue.procrastinate_workers default values returning id
"""
_UNREGISTER: Final[LiteralString] = """
delete from jobs_queue.procrastinate_workers where id = %(worker_id)s
"""


def register(connection: psycopg.Connection[Any]) -> int:
    """A new worker's number."""
    with translated_errors():
        row = connection.execute(_REGISTER).fetchone()
    return int(row[0]) if row else 0


def unregister(connection: psycopg.Connection[Any], worker_id: int) -> None:
    """The worker is gone; what it still had in hand is handed on at once."""
    with translated_errors():
        connection.execute(_UNREGISTER, {"worker_id": worker_id})


_BEAT: Final[LiteralString] = """
update jobs_queue.procrastinate_workers set last_heartbeat = now() where id = %(worker_id)s
"""
_ADOPT: Final[LiteralString] = """
update jobs_queue.procrastinate_jobs set worker_id = %(worker_id)s
where id = any(%(in_hand)s) and status = 'doing' and worker_id is null
"""


def beat(connection: psycopg.Connection[Any], worker_id: int, in_hand: Collection[int]) -> int:
    """Give a sign of life; returns the worker's number, a new one if its row was deleted."""
    with translated_errors(), connection.transaction():
        if connection.execute(_BEAT, {"worker_id": worker_id}).rowcount == 1:
            return worker_id
        fresh = register(connection)
        connection.execute(_ADOPT, {"worker_id": fresh, "in_hand": list(in_hand)})
    return fresh


_TAKE: Final[LiteralString] = """
select id as job_id, queue_name as queue, (args ->> 'request')::uuid as request,
       worker_id
from jobs_queue.procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker_id)s)
where id is not null
"""


def take(
    connection: psycopg.Connection[Any], worker_id: int, queues: Sequence[str] | None
) -> Taken | None:
    """The next job that may begin, now in this worker's hand; None if there is none.

    Raises ForgottenError: only who is known may have something in hand.

    Args:
        connection: Prepared by :func:`prepare`.
        worker_id: The asking worker.
        queues: Only of these; None for all.
    """
    wanted = {"worker_id": worker_id, "queues": list(queues) if queues else None}
    with translated_errors(), connection.cursor(row_factory=class_row(Taken)) as cursor:
        try:
            return cursor.execute(_TAKE, wanted).fetchone()
        except psycopg.errors.ForeignKeyViolation:
            raise ForgottenError from None


_DROP: Final[LiteralString] = """
delete from jobs_queue.procrastinate_jobs
where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
"""


def drop(connection: psycopg.Connection[Any], taken: Taken) -> None:
    """The job is done with; nothing happens if it has changed hands."""
    fields = {"job_id": taken.job_id, "worker_id": taken.worker_id}
    with translated_errors():
        connection.execute(_DROP, fields)


_PREPARE_ONCE: Final[LiteralString] = "set local search_path = jobs_queue, pg_catalog"
_FORGET: Final[LiteralString] = """
delete from jobs_queue.procrastinate_jobs
where status = 'todo' and args ->> 'request' = %(request)s::text
"""


def forget(connection: psycopg.Connection[Any], request: UUID) -> None:
    """What waits for a request is not handed out any more; inside a transaction of the caller's."""
    with translated_errors():
        connection.execute(_PREPARE_ONCE)
        connection.execute(_FORGET, {"request": request})


# With a lock of its own it stands in nobody's way while it waits: the run's key decides.
_PUT_BACK: Final[LiteralString] = """
update jobs_queue.procrastinate_jobs
set status = 'todo', worker_id = null, attempts = attempts + 1,
    scheduled_at = now() + make_interval(secs => %(wait_s)s),
    lock = 'request/' || (args ->> 'request')
where id = %(job_id)s and worker_id = %(worker_id)s and status = 'doing'
"""
_TELL: Final[LiteralString] = "select pg_notify(%(channel)s, '{}')"


def put_back(connection: psycopg.Connection[Any], taken: Taken, wait_s: float) -> None:
    """Let somebody take the job again, not before so many seconds."""
    fields = {"job_id": taken.job_id, "worker_id": taken.worker_id, "wait_s": wait_s}
    with translated_errors():
        connection.execute(_PUT_BACK, fields)
        if not wait_s:
            connection.execute(_TELL, {"channel": CHANNEL})


# Rows that somebody has in hand this instant are skipped: no recovery waits for another.
_RECOVER: Final[LiteralString] = """
with stalled as (
    select job.id
    from jobs_queue.procrastinate_jobs job
    left join jobs_queue.procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing'
      and (worker.id is null
           or worker.last_heartbeat < now() - make_interval(secs => %(stale_s)s)
           or (worker.id = %(worker_id)s and not job.id = any(%(in_hand)s)))
    for update of job skip locked
)
update jobs_queue.procrastinate_jobs job
set status = 'todo', worker_id = null, attempts = attempts + 1, scheduled_at = null,
    lock = 'request/' || (args ->> 'request')
from stalled
where job.id = stalled.id
"""
# The job of a worker that was stopped while it settled is locked, and deleting the worker would
# touch it: that one has time.
_FORGET_WORKERS: Final[LiteralString] = """
delete from jobs_queue.procrastinate_workers
where id in (
    select worker.id from jobs_queue.procrastinate_workers worker
    where worker.last_heartbeat < now() - make_interval(secs => %(stale_s)s)
      and not exists (
          select from jobs_queue.procrastinate_jobs job
          where job.worker_id = worker.id and job.status = 'doing'
      )
    for update of worker skip locked
)
"""


def recover(
    connection: psycopg.Connection[Any],
    worker_id: int,
    in_hand: Collection[int],
    stale_s: float = STALE_S,
) -> int:
    """Put back what nobody has in hand any more; returns how many jobs that were.

    That is a dead worker's, a worker's whose row is gone, and one that this worker was given
    without hearing of it, because the connection broke in the middle.
    """
    fields = {"worker_id": worker_id, "in_hand": list(in_hand), "stale_s": stale_s}
    with translated_errors():
        found = connection.execute(_RECOVER, fields).rowcount
        connection.execute(_FORGET_WORKERS, fields)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """What is left to do.

    Attributes:
        left: Jobs that wait or are in anybody's hand, those for a later moment excepted.
        next_s: Seconds until the next one may begin, as far as it waits for its moment.
    """

    left: int
    next_s: float | None


_COUNT: Final[LiteralString] = """
select count(*) filter (where coalesce(request.run_at <= now(), true)) as left,
       min(extract(epoch from job.scheduled_at - now()))
           filter (where job.status = 'todo')::float8 as next_s
from jobs_queue.procrastinate_jobs job
left join jobs.requests request on request.id = (job.args ->> 'request')::uuid
where job.status in ('todo', 'doing')
  and (%(queues)s::text[] is null or job.queue_name = any(%(queues)s))
"""


def count_waiting(connection: psycopg.Connection[Any], queues: Sequence[str] | None) -> Waiting:
    """What is left to do in these queues; None for all."""
    with translated_errors(), connection.cursor(row_factory=class_row(Waiting)) as cursor:
        found = cursor.execute(_COUNT, {"queues": list(queues) if queues else None}).fetchone()
    return found or Waiting(0, None)
