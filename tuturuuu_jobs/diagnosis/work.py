"""Whether the runs themselves are well: stuck, failing, always busy, and why work waits."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, listed, note, ok, serious, warning
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.identity import ProcessIdentity, is_alive
from tuturuuu_jobs.runtime.queues import QueueState

_GRACE: Final = timedelta(minutes=2)
_BUSY_TOLERATED: Final = 3
_LONG_FAILING: Final = timedelta(days=1)
_REMEMBERED: Final = timedelta(days=30)


@dataclasses.dataclass(frozen=True, slots=True)
class Underway:
    """A run that the ledger calls running.

    Attributes:
        alive: Whether its process runs; None if that cannot be told from this machine.
    """

    run_id: UUID
    key: str
    host: str | None
    deadline_at: datetime | None
    alive: bool | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Running:
    run_id: UUID
    key: str
    host: str | None
    boot_id: str | None
    pid: int | None
    pid_start: int | None
    pid_ns: int | None
    deadline_at: datetime | None

    def is_alive(self, here: ProcessIdentity) -> bool | None:
        if self.host is None or self.boot_id is None or self.pid is None:
            return None
        process = ProcessIdentity(self.host, self.boot_id, self.pid, self.pid_start, self.pid_ns)
        return is_alive(process, here)


_RUNNING: Final[LiteralString] = """
select id as run_id, concurrency_key as key, host, boot_id, pid, pid_start, pid_ns, deadline_at
from jobs.runs where status = 'running' order by started_at
"""


def load_underway(connection: psycopg.Connection[Any], here: ProcessIdentity) -> list[Underway]:
    """The runs under way, and whether their processes live."""
    with translated_errors(), connection.cursor(row_factory=class_row(_Running)) as cursor:
        rows = cursor.execute(_RUNNING).fetchall()
    return [
        Underway(row.run_id, row.key, row.host, row.deadline_at, row.is_alive(here)) for row in rows
    ]


def judge_underway(runs: list[Underway], now: datetime) -> Iterator[Finding]:
    """Runs whose process is gone, and runs that should have ended."""
    dead = [run for run in runs if run.alive is False]
    late = [
        run
        for run in runs
        if run.alive is not False and run.deadline_at and run.deadline_at + _GRACE < now
    ]
    if dead:
        yield warning(
            "run_lost",
            f"{len(dead)} runs are called running, but their processes are gone: "
            f"{listed(run.run_id for run in dead)}",
            why="nothing is lost by it: the next run of the key settles them; if there is none, "
            "that key is not being served",
            action="see whether a timer still starts the job for: "
            f"{listed(sorted({run.key for run in dead}))}",
        )
    for run in late:
        where = f"on {run.host}" if run.host else "somewhere"
        yield serious(
            "run_overdue",
            f"run {run.run_id} of {run.key} {where} is past its deadline of "
            f"{run.deadline_at:%Y-%m-%d %H:%M} UTC",
            why="while it holds the key, no other run of that workspace starts",
            action="on that machine end the process (runs show tells its pid), KILL if TERM does "
            "not help; its locks go with it",
            subject=run.key,
        )
    if not dead and not late:
        yield ok("runs_underway", f"{len(runs)} runs are under way, none of them stuck")


@dataclasses.dataclass(frozen=True, slots=True)
class Failing:
    """A key whose newest run failed for good.

    Attributes:
        since: Start of the first run that failed after its last success.
        fingerprint: Of its newest failure; None if it left no word.
        message: What that one said.
    """

    job: str
    key: str
    status: str
    code: str
    since: datetime
    fingerprint: bytes | None = None
    message: str | None = None


# The newest run of each key that failed of late, found by index in a ledger of any length. A full
# sync does what a sync does and shares its key: its success outdates a sync's failure.
_FAILING: Final[LiteralString] = """
with failed as (
    select distinct job, concurrency_key as key from jobs.all_runs
    where status in ('failed', 'rejected', 'unavailable', 'timed_out', 'interrupted', 'crashed',
                     'lost')
      and finished_at > %(since)s
)
select failed.job, failed.key, newest.status, coalesce(newest.code, newest.status) as code,
       newest.fingerprint, newest.message, coalesce((
           select min(r.created_at) from jobs.runs r
           where r.job = failed.job and r.concurrency_key = failed.key
             and r.status not in ('queued', 'running', 'skipped', 'expired')
             and r.finished_at > coalesce((
                 select max(good.finished_at) from jobs.runs good
                 where good.job = failed.job and good.concurrency_key = failed.key
                   and good.status in ('succeeded', 'partial')), '-infinity')
       ), newest.finished_at) as since
from failed
cross join lateral (
    select status, code, ws_id, finished_at, fingerprint, error ->> 'message' as message
    from jobs.all_runs r
    where r.job = failed.job and r.concurrency_key = failed.key and r.finished_at is not null
      and r.status not in ('skipped', 'expired')
    order by r.finished_at desc limit 1
) newest
where newest.status not in ('succeeded', 'partial', 'cancelled')
  and (newest.ws_id is null
       or exists (select from public.workspaces w
                  where w.id = newest.ws_id and w.deleted is not true))
  and not exists (select from jobs.runs later
                  where later.job in ('sync', 'full-sync') and later.concurrency_key = failed.key
                    and later.status = 'succeeded' and later.finished_at > newest.finished_at)
order by failed.job, code, failed.key
"""


def load_failing(connection: psycopg.Connection[Any], now: datetime) -> list[Failing]:
    """Keys of live workspaces that need somebody, by job and code."""
    with translated_errors(), connection.cursor(row_factory=class_row(Failing)) as cursor:
        return cursor.execute(_FAILING, {"since": now - _REMEMBERED}).fetchall()


def judge_failing(failing: list[Failing], now: datetime) -> Iterator[Finding]:
    """One finding for each job and cause: serious once a key went a day without success."""
    groups: dict[tuple[str, str, bytes | None], list[Failing]] = defaultdict(list)
    for row in failing:
        groups[row.job, row.code, row.fingerprint].append(row)
    for (job, code, _), rows in groups.items():
        long = any(now - row.since > _LONG_FAILING for row in rows)
        make = serious if long else warning
        yield make(
            "runs_failing",
            f"{job} ends with {code} for {len(rows)} keys: {listed(row.key for row in rows)}"
            + (f"; the newest said: {rows[-1].message}" if rows[-1].message else ""),
            why="these workspaces are not served" + (", some for more than a day" if long else ""),
            action=f"tuturuuu-jobs runs failures --job {job}, then runs show on its last run",
            subject=code,
        )
    if not groups:
        yield ok("runs_ending", "the newest run of no key failed for good")


@dataclasses.dataclass(frozen=True, slots=True)
class Skipped:
    """A key that was found held again and again.

    Attributes:
        times: Skips since its last run that did anything.
    """

    key: str
    times: int


_SKIPPED: Final[LiteralString] = """
with often as (
    select job, concurrency_key as key from jobs.runs
    where status = 'skipped' and code = 'busy' and finished_at > %(since)s
    group by 1, 2
    having count(*) > %(tolerated)s
)
select often.key, counted.times
from often
cross join lateral (
    select count(*)::int as times from jobs.runs r
    where r.job = often.job and r.concurrency_key = often.key
      and r.status = 'skipped' and r.code = 'busy'
      and r.finished_at > greatest(%(since)s, (
          select max(done.finished_at) from jobs.runs done
          where done.job = often.job and done.concurrency_key = often.key
            and done.status not in ('skipped', 'expired')))
) counted
where counted.times > %(tolerated)s
order by counted.times desc, often.key
"""


def load_skipped(connection: psycopg.Connection[Any], now: datetime) -> list[Skipped]:
    """Keys that were busy more often in a row than is tolerated, within a day."""
    values = {"since": now - timedelta(days=1), "tolerated": _BUSY_TOLERATED}
    with translated_errors(), connection.cursor(row_factory=class_row(Skipped)) as cursor:
        return cursor.execute(_SKIPPED, values).fetchall()


def judge_skipped(skipped: list[Skipped]) -> Iterator[Finding]:
    """Runs that never get their turn: the one before takes longer than the timer's cadence."""
    if skipped:
        named = (f"{row.key} ({row.times} times)" for row in skipped)
        yield warning(
            "busy_again_and_again",
            f"runs keep finding their key held: {listed(named)}",
            why="the run that holds it takes longer than the timer's cadence, or hangs",
            action="look at the holder with: tuturuuu-jobs runs list --status running",
        )


def judge_queues(queues: list[QueueState]) -> Iterator[Finding]:
    """Queues that are paused or full: why work waits."""
    for queue in queues:
        if queue.paused_until:
            why = f": {queue.reason}" if queue.reason else ""
            yield warning(
                "queue_paused",
                f"the queue {queue.name} is paused until {queue.paused_until:%Y-%m-%d %H:%M} UTC"
                f"{why}",
                why="none of its runs starts before",
                action=f"if the reason is gone: tuturuuu-jobs queues resume {queue.name}",
                subject=queue.name,
            )
        elif queue.taken >= queue.total_limit:
            yield note(
                "queue_full",
                f"all {queue.total_limit} seats of the queue {queue.name} are taken",
                why="further runs wait for a seat until their deadline",
                action="nothing, if it is so for minutes only",
                subject=queue.name,
            )
        else:
            free = queue.total_limit - queue.taken
            yield ok("queue", f"{queue.name}: {free} of {queue.total_limit} seats are free")
