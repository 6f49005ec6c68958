"""Asking a run to end: a note in the ledger, and a signal where its process can be reached.

The note alone is enough (the run reads it with its heartbeat); the signal only saves the wait.
"""

from __future__ import annotations

import contextlib
import os
import signal
from enum import StrEnum
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import FailedError, UsageError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.facts import RunningRow
from tuturuuu_jobs.runtime.identity import ProcessIdentity, is_alive


class Reached(StrEnum):
    """How far the request got."""

    SIGNALLED = "signalled"
    NOTED = "noted"
    WITHDRAWN = "withdrawn"


_REQUEST: Final[LiteralString] = """
update jobs.runs
set cancel_requested_at = coalesce(cancel_requested_at, now()),
    cancel_reason = coalesce(%(reason)s, cancel_reason)
where id = %(id)s and status = 'running'
returning id, job, concurrency_key as key, epoch, locks, host, boot_id, pid, pid_start, pid_ns,
          started_at, heartbeat_at
"""

_NOTE: Final[LiteralString] = """
insert into jobs.events (run_id, type, data)
values (%(id)s, 'run.cancel_requested', jsonb_build_object('reason', %(reason)s::text))
"""

_STATUS: Final[LiteralString] = "select status from jobs.runs where id = %(id)s"


def request_cancel(
    connection: psycopg.Connection[Any],
    run_id: UUID,
    *,
    reason: str | None,
    here: ProcessIdentity,
) -> Reached:
    """Note the request, then signal the process if it is one of this machine.

    Raises:
        UsageError: The ledger has no such run.
        FailedError: The run is over already.
    """
    asked = {"id": run_id, "reason": reason}
    with translated_errors():
        with connection.transaction(), connection.cursor(row_factory=class_row(RunningRow)) as ours:
            row = ours.execute(_REQUEST, asked).fetchone()
            if row is not None:
                connection.execute(_NOTE, asked)
        if row is None:
            raise _not_running(connection, run_id)
    reached = row.identity is not None and terminate(row.identity, here)
    return Reached.SIGNALLED if reached else Reached.NOTED


def terminate(identity: ProcessIdentity, here: ProcessIdentity) -> bool:
    """Send SIGTERM to that very process; False if it is not to be reached from here."""
    if identity.host != here.host or identity.pid_ns != here.pid_ns:
        return False
    # Where the system has no such handles, the note has to do.
    with contextlib.suppress(OSError, AttributeError):
        # Opened before the look: from then on the handle cannot come to mean another process.
        process = os.pidfd_open(identity.pid)
        try:
            if is_alive(identity, here):
                signal.pidfd_send_signal(process, signal.SIGTERM)
                return True
        finally:
            os.close(process)
    return False


def _not_running(connection: psycopg.Connection[Any], run_id: UUID) -> FailedError | UsageError:
    row = connection.execute(_STATUS, {"id": run_id}).fetchone()
    if row is None:
        return UsageError(
            f"the ledger has no run {run_id}",
            code="run_not_found",
            subject=str(run_id),
            hint="list them with: tuturuuu-jobs runs list",
        )
    return FailedError(
        f"run {run_id} is not under way: it is {row[0]}",
        code="run_not_running",
        subject=str(run_id),
    )
