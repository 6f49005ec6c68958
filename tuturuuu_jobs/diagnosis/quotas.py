"""Whether somebody else asked all runs to wait before they ask again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, ok, warning
from tuturuuu_jobs.runtime.database import translated_errors


@dataclasses.dataclass(frozen=True, slots=True)
class Blocked:
    """A bucket that nobody takes from for now."""

    name: str
    until: datetime


_BLOCKED: Final[LiteralString] = """
select name, blocked_until as until from jobs.rate_buckets
where blocked_until > %(now)s order by blocked_until desc, name
"""


def load_blocked(connection: psycopg.Connection[Any], now: datetime) -> list[Blocked]:
    """The buckets that are blocked, the longest first."""
    with translated_errors(), connection.cursor(row_factory=class_row(Blocked)) as cursor:
        return cursor.execute(_BLOCKED, {"now": now}).fetchall()


def judge_quotas(blocked: list[Blocked]) -> Iterator[Finding]:
    """One finding for each bucket: it is why runs wait, or end with ``quota_wait``."""
    for bucket in blocked:
        yield warning(
            "quota_blocked",
            f"Google asked for a pause: {bucket.name} until {bucket.until:%Y-%m-%d %H:%M:%S} UTC",
            why="its requests wait; a run that cannot wait so long leaves the calendar to the next",
            action="nothing, if it passes; if it comes back, compare the quotas of the Google "
            "project with TUTURUUU_JOBS_GOOGLE_PROJECT_QUOTA and TUTURUUU_JOBS_GOOGLE_USER_QUOTA",
            subject=bucket.name,
        )
    if not blocked:
        yield ok("quotas", "Google has asked nobody to wait")
