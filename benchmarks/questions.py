"""What one run asks the database, sorted by who wants to know."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from typing_extensions import override

from tuturuuu_jobs import settings, wiring
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST, SyncPayload

_LEDGER = ("jobs.runs", "jobs.attempts", "jobs.migrations", "jobs.queues", "into jobs.events")
_LOCKS = ("advisory", "pg_backend_pid()")
_QUOTA = ("jobs.rate_buckets",)


@dataclasses.dataclass(slots=True)
class Tally:
    """Questions by kind: how many, and the wall seconds until they were answered."""

    count: dict[str, int] = dataclasses.field(default_factory=dict[str, int])
    seconds: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    whole: float = 0.0

    def add(self, statement: str, seconds: float) -> None:
        """One question was answered."""
        kind = _kind(statement)
        self.count[kind] = self.count.get(kind, 0) + 1
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds


def _kind(statement: str) -> str:
    for kind, marks in (("quota", _QUOTA), ("ledger", _LEDGER), ("locks", _LOCKS)):
        if any(mark in statement for mark in marks):
            return kind
    return "work"


def tally_run(environment: Mapping[str, str], ws_id: str) -> Tally:
    """A sync in this very process that finds nothing to do."""
    found = settings.load_settings(environment)
    tally = Tally()

    class Counting(psycopg.Cursor[Any]):
        @override
        def execute(self, query: Any, *arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return super().execute(query, *arguments, **named)
            finally:
                tally.add(str(query), time.perf_counter() - started)

    def connect(name: str) -> psycopg.Connection[Any]:
        connection = wiring.process.open_connection(found, name)
        connection.cursor_factory = Counting
        return connection

    runtime = dataclasses.replace(wiring.process.build_runtime(found), connect=connect)
    payload = SyncPayload(UUID(ws_id), full=False, past=DEFAULT_PAST, future=DEFAULT_FUTURE)
    job = wiring.jobs.build_sync_job(found, full=False)
    started = time.perf_counter()
    result = run_job(job, payload, RunRequest(), runtime)
    tally.whole = time.perf_counter() - started
    if not result.success:
        raise SystemExit(f"a run did not succeed: {result.errors}")
    return tally
