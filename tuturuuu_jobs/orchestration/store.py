"""Which workspaces have work, since when, and how much room the server has.

Invariant: an empty list means that there is nothing to do. Whatever could hide rows is an error.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.orchestration.model import Candidate
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.schema import rows_hidden
from tuturuuu_jobs.sync.store import load_shape


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """A workspace that has work, and when it last succeeded."""

    ws_id: UUID
    personal: bool
    last_success: datetime | None = None


_LEDGER: Final[LiteralString] = """
select row_security_active('public.workspaces')
           or (to_regclass('jobs.runs') is not null and row_security_active('jobs.runs')),
       to_regclass('jobs.runs') is not null
"""
_SINCE: Final[LiteralString] = """
select wanted.ws_id, wanted.personal, max(done.finished_at) as last_success
from wanted
cross join unnest(%(jobs)s::text[]) as counted (job)
left join lateral (
    select r.finished_at from jobs.runs r
    where r.job = counted.job and r.concurrency_key = %(prefix)s || wanted.ws_id
      and r.status = 'succeeded'
    order by r.finished_at desc limit 1
) done on true
group by wanted.ws_id, wanted.personal
"""


def load_wanted(
    connection: psycopg.Connection[Any],
    wanted: LiteralString,
    jobs: tuple[str, ...],
    key_prefix: str,
) -> list[Wanted]:
    """Workspaces that have work, in no order, with their last success if there is a ledger.

    Raises:
        SettingsError: Row security hides rows from this role.
        UnavailableError: The database cannot answer now.

    Args:
        connection: In autocommit mode.
        wanted: Selects ``ws_id`` and ``personal`` of those that have work.
        jobs: Whose successes count.
        key_prefix: What stands before the workspace's id in their concurrency key.
    """
    with translated_errors(), connection.cursor(row_factory=class_row(Wanted)) as cursor:
        hidden, has_ledger = connection.execute(_LEDGER).fetchone() or (True, False)
        if hidden:
            raise rows_hidden()
        if not has_ledger:
            return cursor.execute(wanted).fetchall()
        query: LiteralString = "with wanted as (" + wanted + ") " + _SINCE
        return cursor.execute(query, {"jobs": list(jobs), "prefix": key_prefix}).fetchall()


_WITH_ACCOUNT: Final[LiteralString] = """
select w.id as ws_id, w.personal
from public.workspaces w
where w.deleted is not true
  and exists (select from public.calendar_auth_tokens a
              where a.ws_id = w.id and a.provider = 'google' and a.is_active)
"""


def load_candidates(
    connection: psycopg.Connection[Any], jobs: tuple[str, ...], key_prefix: str
) -> list[Candidate]:
    """Live workspaces with an active Google account, in no order.

    Raises:
        SettingsError: It is not a Tuturuuu database, or row security hides rows from this role.
        UnavailableError: The database cannot answer now.

    Args:
        connection: In autocommit mode.
        jobs: Whose successes count; a full sync does what an incremental one does.
        key_prefix: What stands before the workspace's id in their concurrency key.
    """
    load_shape(connection)
    found = load_wanted(connection, _WITH_ACCOUNT, jobs, key_prefix)
    return [Candidate(one.ws_id, one.last_success) for one in found]


@dataclasses.dataclass(frozen=True, slots=True)
class _Room:
    free: int


_ROOM: Final[LiteralString] = """
select (current_setting('max_connections')::int
        - current_setting('superuser_reserved_connections')::int
        - (select count(*) from pg_stat_activity where backend_type = 'client backend'))::int
       as free
"""


def count_free_connections(connection: psycopg.Connection[Any]) -> int:
    """Connections that the server would still give to ordinary roles."""
    with translated_errors(), connection.cursor(row_factory=class_row(_Room)) as cursor:
        room = cursor.execute(_ROOM).fetchone()
    return room.free if room else 0
