"""Reading the ledger for people: which runs there were, and what one of them did.

Nothing here changes a row; payloads and results were cleaned before they were stored.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tuturuuu_jobs.runtime.database import translated_errors


@dataclasses.dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs.

    Attributes:
        age_s: Seconds since it started.
        counters: What it counted, by name.
    """

    run_id: UUID
    job: str
    ws_id: UUID | None
    status: str
    code: str | None
    exit_code: int | None
    attempts: int
    trigger: str
    started_at: datetime
    finished_at: datetime | None
    duration_s: float | None
    age_s: float
    counters: dict[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Descendant(RunSummary):
    """A run that another one started.

    Attributes:
        parent_run_id: Who started it.
        depth: 1 for a child of the run asked about.
        message: What went wrong, if anything did.
    """

    parent_run_id: UUID
    depth: int
    message: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class RunDetails:
    """Everything the ledger keeps about one run."""

    run_id: UUID
    job: str
    ws_id: UUID | None
    key: str
    status: str
    code: str | None
    exit_code: int | None
    attempts: int
    max_attempts: int
    trigger: str
    slot: datetime | None
    parent_run_id: UUID | None
    replay_of: UUID | None
    tags: dict[str, str]
    host: str | None
    pid: int | None
    invocation_id: str | None
    code_version: str
    started_at: datetime
    deadline_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    finished_at: datetime | None
    payload: dict[str, Any]
    error: dict[str, Any] | None
    result: dict[str, Any] | None


@dataclasses.dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try within a run; ``wait_s`` is the pause that followed it."""

    n: int
    started_at: datetime
    finished_at: datetime | None
    status: str
    code: str | None
    error: dict[str, Any] | None
    wait_s: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class EventRow:
    """One entry of the append-only log."""

    at: datetime
    type: str
    data: dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class WindowRow:
    """How far one calendar is known, and since when."""

    calendar_id: str
    auth_token_id: UUID
    edge: datetime | None
    last_success_at: datetime | None
    last_full_at: datetime | None


_LIST_RUNS: Final[LiteralString] = """
select id as run_id, job, ws_id, status, code, exit_code, attempt as attempts, trigger,
       coalesce(started_at, created_at) as started_at, finished_at,
       extract(epoch from finished_at - started_at)::float8 as duration_s,
       extract(epoch from now() - coalesce(started_at, created_at))::float8 as age_s, counters
from jobs.all_runs
where (%(job)s::text is null or job = %(job)s)
  and (%(ws_id)s::uuid is null or ws_id = %(ws_id)s)
  and (%(status)s::text is null or status = %(status)s)
  and (%(since)s::timestamptz is null or created_at >= %(since)s)
  and (%(until)s::timestamptz is null or created_at < %(until)s)
  and tags @> %(tags)s
  and (not %(exhausted)s or id in (select id from jobs.exhausted))
order by created_at desc, id desc
limit %(limit)s
"""


def list_runs(
    connection: psycopg.Connection[Any],
    *,
    limit: int,
    job: str | None = None,
    ws_id: UUID | None = None,
    status: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    tags: dict[str, str] | None = None,
    exhausted: bool = False,
) -> list[RunSummary]:
    """The newest runs first, waiting ones among them, of those that match everything asked for.

    Args:
        connection: In autocommit mode.
        limit: How many at most.
        job: Only of this job.
        ws_id: Only of this workspace.
        status: Only with this status.
        since: Only not older than this.
        until: Only older than this.
        tags: Only with all of these.
        exhausted: Only the newest of each job and key, if it failed for good.
    """
    wanted = {
        "limit": limit,
        "job": job,
        "ws_id": ws_id,
        "status": status,
        "since": since,
        "until": until,
        "tags": Jsonb(tags or {}),
        "exhausted": exhausted,
    }
    with translated_errors(), connection.cursor(row_factory=class_row(RunSummary)) as cursor:
        return cursor.execute(_LIST_RUNS, wanted).fetchall()


@dataclasses.dataclass(frozen=True, slots=True)
class Contention:
    """How hard a key is to get.

    Attributes:
        skips: Runs of the job in a row that found it held, since one ended that got it.
        overdue_s: Seconds that its holder is past its own deadline; None if it is not.
    """

    skips: int
    overdue_s: float | None


_LOAD_CONTENTION: Final[LiteralString] = """
select (
           select count(*)
           from jobs.runs
           where job = %(job)s and concurrency_key = %(key)s
             and status = 'skipped' and code = 'busy'
             and finished_at > coalesce((
                 select max(finished_at)
                 from jobs.runs
                 where job = %(job)s and concurrency_key = %(key)s and status <> 'skipped'
             ), '-infinity')
       ) as skips,
       (
           select extract(epoch from now() - deadline_at)::float8
           from jobs.runs
           where concurrency_key = %(key)s and status = 'running' and deadline_at < now()
       ) as overdue_s
"""


def load_contention(connection: psycopg.Connection[Any], job: str, key: str) -> Contention:
    """How hard a key is to get for a job, as the ledger tells it."""
    with translated_errors(), connection.cursor(row_factory=class_row(Contention)) as cursor:
        return cursor.execute(_LOAD_CONTENTION, {"job": job, "key": key}).fetchone() or Contention(
            0, None
        )


_LOAD_RUN: Final[LiteralString] = """
select id as run_id, job, ws_id, concurrency_key as key, status, code, exit_code,
       attempt as attempts, max_attempts, trigger, slot, parent_run_id, replay_of, tags, host,
       pid, invocation_id, code_version, coalesce(started_at, created_at) as started_at,
       deadline_at, heartbeat_at, cancel_requested_at, cancel_reason, finished_at, payload, error,
       result
from jobs.all_runs
where id = %(run_id)s
order by only_asked
limit 1
"""


def load_run(connection: psycopg.Connection[Any], run_id: UUID) -> RunDetails | None:
    """One run, begun or waiting, or None if the ledger has none of that id."""
    with translated_errors(), connection.cursor(row_factory=class_row(RunDetails)) as cursor:
        return cursor.execute(_LOAD_RUN, {"run_id": run_id}).fetchone()


_LOAD_ATTEMPTS: Final[LiteralString] = """
select n, started_at, finished_at, status, code, error, wait_s
from jobs.attempts
where run_id = %(run_id)s
order by n
"""


def load_attempts(connection: psycopg.Connection[Any], run_id: UUID) -> list[AttemptRow]:
    """The tries of a run, first to last."""
    with translated_errors(), connection.cursor(row_factory=class_row(AttemptRow)) as cursor:
        return cursor.execute(_LOAD_ATTEMPTS, {"run_id": run_id}).fetchall()


_LOAD_EVENTS: Final[LiteralString] = """
select at, type, data
from jobs.events
where run_id = %(run_id)s
order by id
"""


def load_events(connection: psycopg.Connection[Any], run_id: UUID) -> list[EventRow]:
    """What the log says about a run, oldest first."""
    with translated_errors(), connection.cursor(row_factory=class_row(EventRow)) as cursor:
        return cursor.execute(_LOAD_EVENTS, {"run_id": run_id}).fetchall()


# A run that names itself as its parent must not go round for ever.
_LOAD_DESCENDANTS: Final[LiteralString] = """
with recursive family (id, depth) as (
    select id, 1 from jobs.all_runs where parent_run_id = %(run_id)s and id <> %(run_id)s
    union
    select run.id, depth + 1
    from family
    join jobs.all_runs run on run.parent_run_id = family.id
    where depth < 5
)
select id as run_id, job, ws_id, status, code, exit_code, attempt as attempts, trigger,
       coalesce(started_at, created_at) as started_at, finished_at,
       extract(epoch from finished_at - started_at)::float8 as duration_s,
       extract(epoch from now() - coalesce(started_at, created_at))::float8 as age_s, counters,
       parent_run_id, depth, error ->> 'message' as message
from family
join jobs.all_runs using (id)
order by depth, started_at, id
"""


def load_descendants(connection: psycopg.Connection[Any], run_id: UUID) -> list[Descendant]:
    """The runs that a run started or asked for, and theirs: parents before their children."""
    with translated_errors(), connection.cursor(row_factory=class_row(Descendant)) as cursor:
        return cursor.execute(_LOAD_DESCENDANTS, {"run_id": run_id}).fetchall()


_LOAD_WINDOWS: Final[LiteralString] = """
select calendar_id, auth_token_id, edge, last_success_at, last_full_at
from jobs.calendar_windows
where ws_id = %(ws_id)s
order by calendar_id, auth_token_id
"""


def load_windows(connection: psycopg.Connection[Any], ws_id: UUID) -> list[WindowRow]:
    """The calendars of a workspace: last success and last complete listing of each."""
    with translated_errors(), connection.cursor(row_factory=class_row(WindowRow)) as cursor:
        return cursor.execute(_LOAD_WINDOWS, {"ws_id": ws_id}).fetchall()
