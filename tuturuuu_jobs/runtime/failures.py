"""What makes two failures the same one, and which ones the ledger holds.

A fingerprint names a cause, not a case: ids, numbers, addresses and the subject are left out, so
that the same fault in a hundred workspaces counts as one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.outcome import Problem, Result, Status

_HARMLESS: Final = frozenset(
    {Status.QUEUED, Status.RUNNING, Status.SUCCEEDED, Status.SKIPPED, Status.EXPIRED}
)
_PARTICULARS: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\S+@\S+|\"[^\"]*\"|\d+",
    re.IGNORECASE,
)


def fingerprint(job: str, code: str, problem: Problem | None) -> bytes:
    """The hash of job, code and the problem's message without what belongs to the case.

    A message of ours carries the type and place of an unexpected exception, and the SQLSTATE of a
    refused statement.
    """
    parts = [job, code]
    if problem is not None:
        message = problem.message
        if problem.subject:
            message = message.replace(problem.subject, "?")
        parts += [problem.code, _PARTICULARS.sub("?", message)]
    return hashlib.sha256("\n".join(parts).encode()).digest()


def fingerprint_of(result: Result) -> bytes | None:
    """The fingerprint of a run's failure; None for a run that did not fail."""
    if result.status in _HARMLESS:
        return None
    return fingerprint(result.job, result.code, result.errors[0] if result.errors else None)


@dataclasses.dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failures of one fingerprint.

    Attributes:
        runs: How many runs ended so.
        keys: How many concurrency keys they belong to.
        message: Of the newest one.
        last_run_id: The newest one.
    """

    fingerprint: bytes
    job: str
    status: str
    code: str | None
    runs: int
    keys: int
    first_seen: datetime
    last_seen: datetime
    message: str | None
    hint: str | None
    last_run_id: UUID


_GROUP: Final[LiteralString] = """
select fingerprint, job, count(*) as runs, count(distinct concurrency_key) as keys,
       min(finished_at) as first_seen, max(finished_at) as last_seen,
       (array_agg(status order by finished_at desc, id desc))[1] as status,
       (array_agg(code order by finished_at desc, id desc))[1] as code,
       (array_agg(error ->> 'message' order by finished_at desc, id desc))[1] as message,
       (array_agg(error ->> 'hint' order by finished_at desc, id desc))[1] as hint,
       (array_agg(id order by finished_at desc, id desc))[1] as last_run_id
from jobs.all_runs run
where fingerprint is not null
  and not exists (select from jobs.runs child
                  where child.parent_run_id = run.id and child.fingerprint is not null)
  and (%(since)s::timestamptz is null or finished_at >= %(since)s)
  and (%(job)s::text is null or job = %(job)s)
group by fingerprint, job
order by last_seen desc
limit %(limit)s
"""


def group_failures(
    connection: psycopg.Connection[Any],
    *,
    limit: int,
    since: datetime | None = None,
    job: str | None = None,
) -> list[FailureGroup]:
    """The kinds of failure, the one seen last first; those of children stand for their parent's."""
    wanted = {"limit": limit, "since": since, "job": job}
    with translated_errors(), connection.cursor(row_factory=class_row(FailureGroup)) as cursor:
        return cursor.execute(_GROUP, wanted).fetchall()
