"""The table of runs: conditional transitions only, each with its event in the same transaction.

Invariant: a run is settled exactly once. Every UPDATE repeats the status and the epoch it expects,
and its row count decides; who finds 0 rows was declared lost meanwhile and writes nothing further.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tuturuuu_jobs.errors import SupersededError
from tuturuuu_jobs.runtime.bounds import bounded_payload, bounded_result
from tuturuuu_jobs.runtime.counters import counters_of
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.facts import AttemptEnd, RunFacts, RunningRow
from tuturuuu_jobs.runtime.failures import fingerprint, fingerprint_of
from tuturuuu_jobs.runtime.outcome import Result, Status

# One statement, so that a run costs the server one transaction and us one answer. Everything below
# the first line of it happens only if the row was inserted.
_INSERT_RUN: Final[LiteralString] = """
with opened as (
    insert into jobs.runs (
        id, job, ws_id, concurrency_key, idempotency_key, slot, status, code, exit_code, payload,
        result, counters, error, fingerprint, attempt, max_attempts, parent_run_id, replay_of,
        trigger, tags, locks, host, boot_id, pid, pid_start, pid_ns, invocation_id, code_version,
        started_at, heartbeat_at, deadline_at, finished_at
    ) values (
        %(id)s, %(job)s, %(ws_id)s, %(key)s, %(idempotency_key)s, %(slot)s, %(status)s, %(code)s,
        %(exit_code)s, %(payload)s, %(result)s, %(counters)s, %(error)s, %(fingerprint)s,
        %(attempt)s, %(max_attempts)s, %(parent_run_id)s, %(replay_of)s,
        %(trigger)s, %(tags)s, %(locks)s, %(host)s, %(boot_id)s, %(pid)s, %(pid_start)s,
        %(pid_ns)s, %(invocation_id)s, %(code_version)s, %(started_at)s, now(), %(deadline_at)s,
        %(finished_at)s
    ) on conflict do nothing
    returning id, status, attempt, started_at
), begun as (
    insert into jobs.attempts (run_id, n, started_at, status)
    select id, attempt, started_at, status from opened where status = 'running'
), told as (
    insert into jobs.events (run_id, type, data)
    select id, event.content ->> 'type', event.content -> 'data'
    from opened, jsonb_array_elements(%(events)s) with ordinality as event (content, n)
    order by n
)
select exists (select from opened)
"""


def open_run(connection: psycopg.Connection[Any], facts: RunFacts, *, attempt: int = 1) -> bool:
    """Insert the row of a run that starts now; False if another row is in the way.

    Calling it again for the same run, after a connection broke in the middle, is harmless.
    """
    events = [_event("run.started", {"job": facts.job, "attempt": attempt})]
    if facts.replay_of is not None:
        events.append(_event("run.replayed", {"replay_of": str(facts.replay_of)}))
    fields = {"status": Status.RUNNING.value, "attempt": attempt}
    if _insert(connection, facts, fields, events):
        return True
    ours = load_running(connection, facts.key)
    return ours is not None and ours.id == facts.id


def record_final(connection: psycopg.Connection[Any], facts: RunFacts, result: Result) -> bool:
    """Insert the row of a run that is over before it began, for example ``skipped``.

    Returns False if the ledger has that run already.
    """
    fields = {
        "status": result.status.value,
        "code": result.code,
        "exit_code": result.exit_code,
        "attempt": result.attempts,
        "result": Jsonb(bounded_result(result.to_json())),
        "counters": Jsonb(counters_of(result.data)),
        "error": _error(result),
        "fingerprint": fingerprint_of(result),
        "finished_at": datetime.fromisoformat(result.finished_at),
        # Only a run that started claims its slot.
        "idempotency_key": None,
    }
    kind = "lock.skipped" if result.status is Status.SKIPPED else "run.settled"
    event = _event(kind, {"status": result.status.value, "code": result.code})
    return _insert(connection, facts, fields, [event])


def _insert(
    connection: psycopg.Connection[Any],
    facts: RunFacts,
    fields: dict[str, Any],
    events: list[dict[str, Any]],
) -> bool:
    identity = facts.identity
    values: dict[str, Any] = {
        "id": facts.id,
        "job": facts.job,
        "ws_id": facts.ws_id,
        "key": facts.key,
        "idempotency_key": facts.idempotency_key,
        "slot": facts.slot,
        "code": None,
        "exit_code": None,
        "payload": Jsonb(bounded_payload(facts.payload)),
        "result": None,
        "counters": Jsonb({}),
        "error": None,
        "fingerprint": None,
        "max_attempts": facts.max_attempts,
        "parent_run_id": facts.parent_run_id,
        "replay_of": facts.replay_of,
        "trigger": facts.trigger,
        "tags": Jsonb(facts.tags),
        "locks": facts.locks,
        "host": identity.host,
        "boot_id": identity.boot_id,
        "pid": identity.pid,
        "pid_start": identity.pid_start,
        "pid_ns": identity.pid_ns,
        "invocation_id": facts.invocation_id,
        "code_version": facts.code_version,
        "started_at": facts.started_at,
        "deadline_at": facts.deadline_at,
        "finished_at": None,
        "events": Jsonb(events),
    }
    with translated_errors():
        row = connection.execute(_INSERT_RUN, values | fields).fetchone()
    return bool(row and row[0])


# One that could not be told when it began is told now, whole.
_END_ATTEMPT: Final[LiteralString] = """
insert into jobs.attempts as a (
    run_id, n, started_at, finished_at, status, code, error, wait_s, retry_after_s
) values (
    %(id)s, %(n)s, %(started_at)s, %(finished_at)s, %(status)s, %(code)s, %(error)s, %(wait_s)s,
    %(retry_after_s)s
) on conflict (run_id, n) do update
set finished_at = excluded.finished_at, status = excluded.status, code = excluded.code,
    error = excluded.error, wait_s = excluded.wait_s, retry_after_s = excluded.retry_after_s
where a.finished_at is null
"""

_NEXT_ATTEMPT: Final[LiteralString] = """
update jobs.runs set attempt = %(n)s, heartbeat_at = now()
where id = %(id)s and status = 'running' and epoch = %(epoch)s
"""

_INSERT_ATTEMPT: Final[LiteralString] = """
insert into jobs.attempts (run_id, n, started_at, status)
values (%(id)s, %(n)s, %(started_at)s, 'running')
"""


def next_attempt(
    connection: psycopg.Connection[Any],
    run_id: UUID,
    ended: Sequence[AttemptEnd],
    *,
    started_at: datetime,
    epoch: int = 0,
) -> None:
    """Record that attempts failed and the next one starts.

    Raises SupersededError if the run was declared lost meanwhile.

    Args:
        connection: In autocommit mode.
        run_id: The run.
        ended: All that the ledger was not told yet, in order; at least one.
        started_at: When the next one starts.
        epoch: Of the run's row.
    """
    with translated_errors(), connection.transaction():
        following = {"id": run_id, "n": ended[-1].n + 1, "epoch": epoch}
        if connection.execute(_NEXT_ATTEMPT, following).rowcount != 1:
            raise _superseded(run_id)
        for one in ended:
            fields = dataclasses.asdict(one) | {
                "id": run_id,
                "status": one.status.value,
                "error": Jsonb(one.error) if one.error else None,
            }
            connection.execute(_END_ATTEMPT, fields)
            _tell(connection, run_id, "attempt.failed", {"attempt": one.n, "code": one.code})
        connection.execute(_INSERT_ATTEMPT, following | {"started_at": started_at})


# An earlier attempt that is still open is one whose end never reached the ledger.
_SETTLE: Final[LiteralString] = """
with settled as (
    update jobs.runs
    set status = %(status)s, code = %(code)s, exit_code = %(exit_code)s, result = %(result)s,
        counters = %(counters)s, error = %(error)s, fingerprint = %(fingerprint)s,
        attempt = %(attempt)s, finished_at = %(finished_at)s
    where id = %(id)s and status = 'running' and epoch = %(epoch)s
    returning id
), ended as (
    update jobs.attempts
    set finished_at = %(finished_at)s,
        status = case when n = %(attempt)s then %(status)s else 'lost' end,
        code = case when n = %(attempt)s then %(code)s else 'lost' end,
        error = case when n = %(attempt)s then %(error)s::jsonb end
    from settled
    where run_id = settled.id and attempts.finished_at is null
), told as (
    insert into jobs.events (run_id, type, data)
    select id, 'run.settled', %(event)s from settled
)
select exists (select from settled)
"""

_IS_SETTLED: Final[LiteralString] = """
select exists (
    select from jobs.runs
    where id = %(id)s and epoch = %(epoch)s and status = %(status)s
      and finished_at = %(finished_at)s
)
"""


def settle(
    connection: psycopg.Connection[Any], run_id: UUID, result: Result, *, epoch: int = 0
) -> None:
    """Write how a run ended; once, whoever asks and however often.

    Raises SupersededError if somebody else settled it with another result.
    """
    fields = {
        "id": run_id,
        "epoch": epoch,
        "status": result.status.value,
        "code": result.code,
        "exit_code": result.exit_code,
        "result": Jsonb(bounded_result(result.to_json())),
        "counters": Jsonb(counters_of(result.data)),
        "error": _error(result),
        "fingerprint": fingerprint_of(result),
        "attempt": result.attempts,
        "finished_at": datetime.fromisoformat(result.finished_at),
        "event": Jsonb({"status": result.status.value, "code": result.code}),
    }
    with translated_errors():
        row = connection.execute(_SETTLE, fields).fetchone()
        if not (row and row[0]):
            # Perhaps the connection broke after an earlier statement of ours had arrived.
            row = connection.execute(_IS_SETTLED, fields).fetchone()
    if not (row and row[0]):
        raise _superseded(run_id)


def _error(result: Result) -> Jsonb | None:
    return Jsonb(dataclasses.asdict(result.errors[0])) if result.errors else None


_LOAD_RUNNING: Final[LiteralString] = """
select id, job, concurrency_key as key, epoch, locks, host, boot_id, pid, pid_start, pid_ns,
       started_at, heartbeat_at
from jobs.runs
where concurrency_key = %(key)s and status = 'running'
"""


def load_running(connection: psycopg.Connection[Any], key: str) -> RunningRow | None:
    """The run that the ledger says holds the key, or None; the index allows one."""
    with translated_errors(), connection.cursor(row_factory=class_row(RunningRow)) as cursor:
        return cursor.execute(_LOAD_RUNNING, {"key": key}).fetchone()


# Repeats all that the verdict rests on: what was read a moment ago may be stale.
_MARK_LOST: Final[LiteralString] = """
update jobs.runs
set status = 'lost', code = 'lost', epoch = epoch + 1, finished_at = now(),
    fingerprint = %(fingerprint)s
where id = %(id)s and status = 'running' and epoch = %(epoch)s
  and heartbeat_at is not distinct from %(heartbeat_at)s
"""

_LOSE_ATTEMPT: Final[LiteralString] = """
update jobs.attempts set finished_at = now(), status = 'lost', code = 'lost'
where run_id = %(id)s and finished_at is null
"""


def mark_lost(
    connection: psycopg.Connection[Any],
    row: RunningRow,
    *,
    found_by: UUID | None = None,
    reason: str | None = None,
) -> bool:
    """Settle a run whose process is dead; False if it settled or gave a sign of life meanwhile.

    Args:
        connection: In autocommit mode.
        row: The run, as it was when it was found dead.
        found_by: The run that needs its key.
        reason: What proves it, for a person.
    """
    fields = {
        "id": row.id,
        "epoch": row.epoch,
        "heartbeat_at": row.heartbeat_at,
        "fingerprint": fingerprint(row.job, "lost", None),
    }
    data = {"found_by": str(found_by) if found_by else None, "reason": reason}
    with translated_errors(), connection.transaction():
        lost = connection.execute(_MARK_LOST, fields).rowcount == 1
        if lost:
            connection.execute(_LOSE_ATTEMPT, fields)
            known = {name: value for name, value in data.items() if value is not None}
            _tell(connection, row.id, "run.lost", known)
    return lost


# The fingerprint is that of failures.fingerprint, of a job that only the row knows.
_MARK_CRASHED: Final[LiteralString] = """
update jobs.runs
set status = 'crashed', code = %(code)s, finished_at = now(),
    fingerprint = sha256(convert_to(job || chr(10) || %(code)s, 'UTF8'))
where id = %(id)s and status = 'running'
"""

_CRASH_ATTEMPT: Final[LiteralString] = """
update jobs.attempts set finished_at = now(), status = 'crashed', code = %(code)s
where run_id = %(id)s and finished_at is null
"""


def mark_crashed(
    connection: psycopg.Connection[Any], run_id: UUID, code: str, *, found_by: UUID
) -> bool:
    """Settle a run whose process its parent has reaped; False if it needs no settling.

    A child that recorded its own end, was declared lost, or never opened its row stays as it is.
    """
    with translated_errors(), connection.transaction():
        fields = {"id": run_id, "code": code}
        crashed = connection.execute(_MARK_CRASHED, fields).rowcount == 1
        if crashed:
            connection.execute(_CRASH_ATTEMPT, fields)
            _tell(connection, run_id, "run.crashed", {"found_by": str(found_by), "code": code})
    return crashed


_IS_CANCELLED: Final[LiteralString] = """
select exists (
    select from jobs.runs where id = %(id)s and cancel_requested_at is not null
)
"""


def is_cancelled(connection: psycopg.Connection[Any], run_id: UUID) -> bool:
    """Whether somebody asked for the end of that run."""
    with translated_errors():
        row = connection.execute(_IS_CANCELLED, {"id": run_id}).fetchone()
    return bool(row and row[0])


_IS_KNOWN: Final[LiteralString] = "select exists (select from jobs.runs where id = %(id)s)"


def is_known(connection: psycopg.Connection[Any], run_id: UUID) -> bool:
    """Whether the ledger has a run of that id, in whatever state."""
    with translated_errors():
        row = connection.execute(_IS_KNOWN, {"id": run_id}).fetchone()
    return bool(row and row[0])


_DONE_FOR_SLOT: Final[LiteralString] = """
select id from jobs.runs
where idempotency_key = %(idempotency_key)s and status in ('succeeded', 'partial')
"""


def find_done(connection: psycopg.Connection[Any], facts: RunFacts) -> UUID | None:
    """The run that already did this slot's work, or None."""
    if facts.idempotency_key is None:
        return None
    with translated_errors():
        row = connection.execute(
            _DONE_FOR_SLOT, {"idempotency_key": facts.idempotency_key}
        ).fetchone()
    return row[0] if row else None


def _event(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "data": data}


_INSERT_EVENT: Final[LiteralString] = """
insert into jobs.events (run_id, type, data) values (%(id)s, %(type)s, %(data)s)
"""


def _tell(
    connection: psycopg.Connection[Any], run_id: UUID, kind: str, data: dict[str, Any]
) -> None:
    connection.execute(_INSERT_EVENT, {"id": run_id, "type": kind, "data": Jsonb(data)})


def _superseded(run_id: UUID) -> SupersededError:
    return SupersededError(
        f"run {run_id} was settled by somebody else meanwhile",
        subject=str(run_id),
        hint="look at it with: tuturuuu-jobs runs show",
    )
