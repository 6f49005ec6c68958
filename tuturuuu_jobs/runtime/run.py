"""The promise: what happens to every run of every job, whatever happens.

Take the key's locks, settle a dead predecessor as lost, open the ledger's row, try the work with
back-off under one deadline, settle once, release, return the result. Invariant: every path ends in
a Result; no JobError, no signal and no bug leaves :func:`run_job`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from tuturuuu_jobs.errors import Interruption
from tuturuuu_jobs.runtime.clock import Clock, Deadline, SteadyClock
from tuturuuu_jobs.runtime.execution import Execution, Surroundings
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.heartbeat import PERIOD_S, Heartbeat
from tuturuuu_jobs.runtime.identity import ProcessIdentity
from tuturuuu_jobs.runtime.interrupts import Interrupts, interrupts
from tuturuuu_jobs.runtime.job import Job, Progress, RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.monitoring import Observer, Observers
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.redact import public_payload
from tuturuuu_jobs.runtime.report import build_result
from tuturuuu_jobs.runtime.session import KeySession
from tuturuuu_jobs.runtime.settling import Record, record
from tuturuuu_jobs.runtime.state import StateDirectory

if TYPE_CHECKING:
    import psycopg

P = TypeVar("P")
D = TypeVar("D")


@dataclasses.dataclass(frozen=True, slots=True)
class Runtime:
    """The real things around a run, built once per process by ``wiring.py``.

    Attributes:
        connect: Opens a connection under an application name; raises JobError.
        address: A name for the database that ``connect`` leads to.
        state_dir: Holds locks, results and the spool.
        lock_mode: Which locks a run takes.
        clock: The only source of time.
        rng: The only source of chance.
        new_id: Makes the id of a run.
        identity: Of this process.
        code_version: Noted on each run, so that a replay can say whether it differs.
        invocation_id: systemd's id of this start of the unit, if any.
        heartbeat_s: Seconds between two signs of life in the ledger, and before the first.
        observers: Who is told about runs, for monitoring.
    """

    connect: Callable[[str], psycopg.Connection[Any]]
    state_dir: Path
    lock_mode: LockMode
    clock: Clock
    rng: random.Random
    new_id: Callable[[], UUID]
    identity: ProcessIdentity
    address: str = ""
    code_version: str = ""
    invocation_id: str | None = None
    heartbeat_s: float = PERIOD_S
    observers: tuple[Observer, ...] = ()


def unwatched(_moment: Progress) -> None:
    """Nobody watches the progress."""


def unseen(_data: object) -> None:
    """Nobody looks at what a preview found, beyond its result."""


def run_job(
    job: Job[P, D],
    payload: P,
    request: RunRequest,
    runtime: Runtime,
    *,
    progress: Callable[[Progress], None] = unwatched,
) -> Result:
    """Run a job once for a payload, exclusively for its key, and record how it ended."""
    runtime = _steady(runtime)
    facts = _gather_facts(job, payload, request, runtime)
    observers = Observers(runtime.observers, facts)
    observers.started()
    with interrupts(request.deadline_s) as signals:
        with _surroundings(facts, request, runtime, progress, signals) as around:
            run = Execution(job, payload, request, facts, around)
            try:
                run.perform()
                signals.settle()
            except Interruption as late:
                run.end_late(late)
            run.tell_who_stopped_it()
            run.note_contention()
            result = _build(run, facts, around)
            if run.leaves_record:
                entry = Record(facts, result, opened=run.opened, home=run.home)
                result = record(entry, around.session, around.state, around.clock, around.rng)
        observers.finished(result)
    return result


def preview_job(
    job: Job[P, D],
    payload: P,
    request: RunRequest,
    runtime: Runtime,
    *,
    progress: Callable[[Progress], None] = unwatched,
    look: Callable[[D], None] = unseen,
) -> Result:
    """What a run would do: no lock, no row, no file; needs no schema of ours.

    Args:
        job: What would run.
        payload: What it would be given.
        request: What the caller chose.
        runtime: The real things around it.
        progress: Told how far it is.
        look: Shown what the preview found, which may be more than its result may say.
    """
    facts = _gather_facts(job, payload, request, runtime)
    with (
        interrupts(request.deadline_s) as signals,
        _surroundings(facts, request, runtime, progress, signals) as around,
    ):
        run = Execution(job, payload, request, facts, around)
        try:
            run.rehearse(look)
            signals.settle()
        except Interruption as late:
            run.end_late(late)
        return _build(run, facts, around)


def _steady(runtime: Runtime) -> Runtime:
    """With a clock that nobody sets back in the middle of a run."""
    return dataclasses.replace(runtime, clock=SteadyClock(runtime.clock))


@contextlib.contextmanager
def _surroundings(
    facts: RunFacts,
    request: RunRequest,
    runtime: Runtime,
    progress: Callable[[Progress], None],
    signals: Interrupts,
) -> Generator[Surroundings]:
    state = StateDirectory(runtime.state_dir)
    deadline = Deadline.after(runtime.clock, request.deadline_s)
    with (
        KeySession(facts, state, runtime.connect) as session,
        Heartbeat(facts.id, runtime.connect, signals.cancel, runtime.heartbeat_s) as heartbeat,
    ):
        yield Surroundings(
            runtime.clock,
            runtime.rng,
            deadline,
            session,
            state,
            signals,
            progress,
            heartbeat,
            runtime.address,
        )


def _gather_facts(job: Job[P, D], payload: P, request: RunRequest, runtime: Runtime) -> RunFacts:
    now = runtime.clock.now()
    return RunFacts(
        id=request.run_id or runtime.new_id(),
        job=job.name,
        ws_id=job.ws_id(payload),
        key=job.concurrency_key(payload),
        trigger=request.trigger,
        slot=request.slot,
        payload=public_payload(payload),
        tags=dict(request.tags),
        max_attempts=max(1, request.attempts),
        parent_run_id=request.parent_run_id,
        locks=runtime.lock_mode.value,
        identity=runtime.identity,
        invocation_id=runtime.invocation_id,
        code_version=runtime.code_version,
        started_at=now,
        deadline_at=now + timedelta(seconds=request.deadline_s),
        forced=request.force,
        replay_of=request.replay_of,
    )


def _build(run: Execution[P, D], facts: RunFacts, around: Surroundings) -> Result:
    return build_result(
        facts,
        run.outcome,
        attempts=run.attempts,
        finished_at=around.clock.now(),
        duration_s=around.clock.monotonic() - run.started,
    )
