"""Whether anybody does what was asked for: workers, what waits for them, and what they left."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, note, ok, serious, warning
from tuturuuu_jobs.fleet.engine import STALE_S
from tuturuuu_jobs.runtime.database import translated_errors

_START: Final = (
    "start a worker: systemctl start tuturuuu-worker, or tuturuuu-jobs worker; "
    "why the last one ended stands in: journalctl -u tuturuuu-worker"
)
_RESTART: Final = timedelta(minutes=2)
"""A worker may be away for so long without a word: it is being started anew."""

_LONG: Final = timedelta(minutes=15)


@dataclasses.dataclass(frozen=True, slots=True)
class Workers:
    """Who works, by the signs of life in the database.

    Attributes:
        alive: How many gave one of late.
        silent: How many did not, and nobody has noticed.
        last_sign: The newest of all; None if there is none.
        stalled: Runs in the hand of a worker that is gone for longer than it takes another one to
            put them back.
        now: The database's clock.
    """

    alive: int
    silent: int
    last_sign: datetime | None
    stalled: int
    now: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Backlog:
    """What may begin in one queue and does not.

    Attributes:
        waiting: How many.
        oldest: When the first of them might have begun.
        paused: Whether the queue is paused.
    """

    queue: str
    waiting: int
    oldest: datetime
    paused: bool


_WORKERS: Final[LiteralString] = """
with worker as (
    select id, last_heartbeat, last_heartbeat > now() - make_interval(secs => %(stale_s)s) as alive
    from jobs_queue.procrastinate_workers
)
select count(*) filter (where alive)::int as alive,
       count(*) filter (where not alive)::int as silent,
       max(last_heartbeat) as last_sign, (
           select count(*)::int
           from jobs_queue.procrastinate_jobs job
           left join worker on worker.id = job.worker_id
           where job.status = 'doing'
             and coalesce(worker.last_heartbeat, '-infinity')
                 < now() - make_interval(secs => 2 * %(stale_s)s)
       ) as stalled, now() as now
from worker
"""
_BACKLOGS: Final[LiteralString] = """
select asked.queue, asked.waiting, asked.oldest, coalesce(queues.paused_until > now(), false)
       as paused
from (
    select case job when 'schedule' then job else 'calendar-sync' end as queue,
           count(*)::int as waiting, min(coalesce(run_at, created_at)) as oldest
    from jobs.requests
    where state = 'queued' and coalesce(run_at <= now(), true)
    group by 1
) asked
left join jobs.queues on queues.name = asked.queue
order by asked.queue
"""


def load_workers(connection: psycopg.Connection[Any]) -> Workers:
    """Who works; what has just lost its worker counts as stalled a little later."""
    with translated_errors(), connection.cursor(row_factory=class_row(Workers)) as cursor:
        return cursor.execute(_WORKERS, {"stale_s": STALE_S}).fetchall()[0]


def load_backlogs(connection: psycopg.Connection[Any]) -> list[Backlog]:
    """What waits though it might begin, by queue."""
    with translated_errors(), connection.cursor(row_factory=class_row(Backlog)) as cursor:
        return cursor.execute(_BACKLOGS).fetchall()


def judge_fleet(workers: Workers, backlogs: list[Backlog]) -> Iterator[Finding]:
    """Work that nobody does, work that waits for long, and workers that went without a word."""
    unattended = [
        backlog
        for backlog in backlogs
        if not workers.alive and workers.now - backlog.oldest > _RESTART
    ]
    for backlog in unattended:
        yield serious(
            "queue_unattended",
            f"{backlog.waiting} runs wait in the queue {backlog.queue} since "
            f"{backlog.oldest:%Y-%m-%d %H:%M} UTC, and no worker is alive{_last_sign(workers)}",
            why="what was asked for is kept, but nobody does it",
            action=_START,
            subject=backlog.queue,
        )
    if workers.stalled:
        yield serious(
            "work_stalled",
            f"{workers.stalled} runs are in the hand of workers that are gone{_last_sign(workers)}",
            why="any worker puts them back within a minute, and there is none"
            if not workers.alive
            else "the workers that are alive should have put them back within a minute",
            action=_START
            if not workers.alive
            else "look at their log: "
            "journalctl -u tuturuuu-worker; then systemctl restart tuturuuu-worker",
        )
    late = [
        backlog
        for backlog in backlogs
        if workers.alive and not backlog.paused and workers.now - backlog.oldest > _LONG
    ]
    for backlog in late:
        yield warning(
            "queue_behind",
            f"{backlog.waiting} runs wait in the queue {backlog.queue}, the first one since "
            f"{backlog.oldest:%Y-%m-%d %H:%M} UTC, with {workers.alive} workers alive",
            why="work comes faster than it is done, or no worker takes from this queue",
            action="see its seats with: tuturuuu-jobs queues list; then more workers, a greater "
            "--concurrency, or one without --queue",
            subject=backlog.queue,
        )
    if workers.silent and not (unattended or workers.stalled):
        yield note(
            "worker_silent",
            f"{workers.silent} workers have gone without a word{_last_sign(workers)}",
            why="they were killed or cut off; nothing of theirs waits",
            action="nothing; the next worker forgets them",
        )
    if not (unattended or late or workers.stalled):
        waiting = sum(backlog.waiting for backlog in backlogs)
        yield ok("workers", f"{workers.alive} workers are alive, {waiting} runs wait for them")


def _last_sign(workers: Workers) -> str:
    if workers.last_sign is None:
        return ""
    return f"; the last sign of life was at {workers.last_sign:%Y-%m-%d %H:%M:%S} UTC"
