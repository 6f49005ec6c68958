"""Settling the rows of runs whose processes are dead.

Invariant: nothing is settled by age alone, and nothing is run again: the next slot heals. A clock
that jumps or a database that was away makes a living run look old; only proof ends it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import BusyError
from tuturuuu_jobs.runtime import ledger, locks
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.facts import RunningRow
from tuturuuu_jobs.runtime.identity import ProcessIdentity, is_alive

SILENCE: Final = timedelta(minutes=3)


@dataclasses.dataclass(frozen=True, slots=True)
class SilentRow(RunningRow):
    """A run that the ledger says is under way.

    Attributes:
        silent_s: Seconds since its last sign of life, by the database's clock.
    """

    silent_s: float


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about a run that does not go on, or seems not to.

    Attributes:
        verdict: ``lost`` if it was settled; ``stuck`` if it is silent without proof of death.
        reason: Why, for a person.
    """

    run_id: UUID
    job: str
    key: str
    host: str | None
    verdict: str
    reason: str


_LOAD: Final[LiteralString] = """
select id, job, concurrency_key as key, epoch, locks, host, boot_id, pid, pid_start,
       pid_ns, started_at, heartbeat_at,
       extract(epoch from now() - coalesce(heartbeat_at, started_at, created_at))::float8
           as silent_s
from jobs.runs
where status = 'running'
order by started_at
"""


def reap(connection: psycopg.Connection[Any], here: ProcessIdentity) -> list[Finding]:
    """Settle as ``lost`` what is provably dead; name what is silent without proof."""
    with translated_errors(), connection.cursor(row_factory=class_row(SilentRow)) as cursor:
        running = cursor.execute(_LOAD).fetchall()
    return [finding for run in running for finding in _look_at(connection, run, here)]


def _look_at(
    connection: psycopg.Connection[Any], run: SilentRow, here: ProcessIdentity
) -> Iterator[Finding]:
    alive = is_alive(run.identity, here) if run.identity is not None else None
    if alive is False:
        if ledger.mark_lost(connection, run, reason="its process is gone"):
            yield _finding(run, "lost", "its process is gone")
        return
    if run.silent_s <= SILENCE.total_seconds():
        return
    silent = f"no sign of life for {run.silent_s:.0f} s"
    if alive:
        yield _finding(run, "stuck", f"{silent}, but its process lives")
    elif not locks.LockMode(run.locks).uses_database:
        yield _finding(run, "stuck", f"{silent}, and only its own machine can tell")
    elif _settle_if_free(connection, run, f"{silent}, and its lock is free"):
        yield _finding(run, "lost", f"{silent}, and its lock is free")
    else:
        yield _finding(run, "stuck", f"{silent}, but its lock is held")


def _settle_if_free(connection: psycopg.Connection[Any], run: SilentRow, reason: str) -> bool:
    try:
        # Held while the row is settled, so that no run of the key begins in between.
        with locks.advisory_lock(connection, run.key):
            return ledger.mark_lost(connection, run, reason=reason)
    except BusyError:
        return False


def _finding(run: SilentRow, verdict: str, reason: str) -> Finding:
    return Finding(run.id, run.job, run.key, run.host, verdict, reason)
