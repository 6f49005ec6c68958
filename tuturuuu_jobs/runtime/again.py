"""Which runs are worth another try.

Of each key only the newest run that did something counts: what has succeeded since, or failed in
the same way fifty times, is not fifty tries.
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
class PastRun:
    """A run that may be repeated.

    Attributes:
        payload: As stored: plain JSON, without secrets.
        request_id: What was asked for and ended with it, if it came from the queue.
        only_asked: Whether it ended before it was a run.
    """

    run_id: UUID
    job: str
    ws_id: UUID | None
    status: str
    code: str | None
    finished_at: datetime | None
    code_version: str
    tags: dict[str, str]
    payload: dict[str, Any]
    request_id: UUID | None
    only_asked: bool


# The id of a request that ended is that of its first run; its last one is noted with it.
_FIND: Final[LiteralString] = """
select id as run_id, job, ws_id, status, code, finished_at, code_version, tags, payload,
       only_asked, (
           select request.id from jobs.requests request
           where request.state = 'done' and (request.current_run = run.id or request.id = run.id)
           limit 1
       ) as request_id
from jobs.all_runs run
where status = any(%(statuses)s)
  and finished_at >= coalesce(%(since)s::timestamptz, '-infinity')
  and job = any(%(jobs)s)
  and not exists (
      select from jobs.all_runs newer
      where newer.job = run.job and newer.concurrency_key = run.concurrency_key
        and (newer.status not in ('skipped', 'expired') or newer.status = run.status)
        and (newer.finished_at, newer.id) > (run.finished_at, run.id)
  )
  and not exists (
      select from jobs.runs working
      where working.concurrency_key = run.concurrency_key and working.status = 'running'
  )
  and not exists (
      select from jobs.requests waiting
      where waiting.concurrency_key = run.concurrency_key and waiting.job = run.job
        and waiting.state <> 'done' and coalesce(waiting.run_at <= now(), true)
  )
order by finished_at, id
limit %(limit)s
"""


def find_retryable(
    connection: psycopg.Connection[Any],
    statuses: Sequence[str],
    *,
    limit: int,
    jobs: Sequence[str],
    since: datetime | None = None,
) -> list[PastRun]:
    """The keys whose newest run ended like this, the one that waits longest first.

    What is to be begun anew by a worker anyway is left out.
    """
    wanted = {"statuses": list(statuses), "since": since, "jobs": list(jobs), "limit": limit}
    with translated_errors(), connection.cursor(row_factory=class_row(PastRun)) as cursor:
        return cursor.execute(_FIND, wanted).fetchall()


_LOAD: Final[LiteralString] = """
select id as run_id, job, ws_id, status, code, finished_at, code_version, tags, payload,
       only_asked, (
           select request.id from jobs.requests request
           where request.state = 'done' and (request.current_run = run.id or request.id = run.id)
           limit 1
       ) as request_id
from jobs.all_runs run
where id = %(run_id)s
order by only_asked
limit 1
"""


def load_past_run(connection: psycopg.Connection[Any], run_id: UUID) -> PastRun | None:
    """One run, or None if the ledger has none of that id."""
    with translated_errors(), connection.cursor(row_factory=class_row(PastRun)) as cursor:
        return cursor.execute(_LOAD, {"run_id": run_id}).fetchone()
