"""Which workspaces have work, since when, and how much room the server has.

Invariant: an empty list means that there is nothing to do. Whatever could hide rows is an error.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.orchestration.model import Candidate
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.sync.store import load_shape

_HIDDEN: Final[LiteralString] = """
select row_security_active('public.workspaces')
    or (to_regclass('jobs.runs') is not null and row_security_active('jobs.runs'))
"""

# A full run does what an incremental one does, so it counts for both.
_CANDIDATES: Final[LiteralString] = """
select w.id as ws_id, max(done.finished_at) as last_success
from public.workspaces w
cross join unnest(%(jobs)s::text[]) as wanted (job)
left join lateral (
    select r.finished_at from jobs.runs r
    where r.job = wanted.job and r.concurrency_key = %(prefix)s || w.id
      and r.status = 'succeeded'
    order by r.finished_at desc limit 1
) done on true
where w.deleted is not true
  and exists (select from public.calendar_auth_tokens a
              where a.ws_id = w.id and a.provider = 'google' and a.is_active)
group by w.id
"""

_CANDIDATES_WITHOUT_LEDGER: Final[LiteralString] = """
select w.id as ws_id, null::timestamptz as last_success
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
        jobs: Whose successes count.
        key_prefix: What stands before the workspace's id in their concurrency key.
    """
    shape = load_shape(connection)
    with translated_errors(), connection.cursor(row_factory=class_row(Candidate)) as cursor:
        hidden = connection.execute(_HIDDEN).fetchone()
        if hidden is None or hidden[0]:
            raise SettingsError(
                "row security hides workspaces or runs from the database role",
                code="row_security",
                subject="DATABASE_URL",
                hint="connect as a role that bypasses row security (postgres, service_role)",
            )
        if not shape.jobs:
            return cursor.execute(_CANDIDATES_WITHOUT_LEDGER).fetchall()
        return cursor.execute(_CANDIDATES, {"jobs": list(jobs), "prefix": key_prefix}).fetchall()


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
