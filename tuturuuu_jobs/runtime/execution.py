"""One run from its key to its outcome: the steps that :mod:`run` names.

Invariant: ``outcome`` is decided once; what a job reported as committed is part of it, however the
run ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from tuturuuu_jobs.errors import (
    BusyError,
    Interruption,
    JobError,
    UnavailableError,
    UsageError,
)
from tuturuuu_jobs.runtime import ledger, schema
from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.runtime.endings import as_job_error, cancelled, contention_warnings, ended_by
from tuturuuu_jobs.runtime.facts import AttemptEnd, RunFacts, RunningRow
from tuturuuu_jobs.runtime.heartbeat import Heartbeat
from tuturuuu_jobs.runtime.history import load_contention
from tuturuuu_jobs.runtime.identity import is_alive
from tuturuuu_jobs.runtime.interrupts import Interrupts
from tuturuuu_jobs.runtime.job import Job, OnBusy, Progress, RunContext, RunRequest
from tuturuuu_jobs.runtime.locks import Holder, KeyHeldError, LockMode
from tuturuuu_jobs.runtime.logs import run_logger
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, status_of
from tuturuuu_jobs.runtime.queues import load_queue
from tuturuuu_jobs.runtime.retry import attempt_wait, fits, with_retry_after
from tuturuuu_jobs.runtime.session import KeySession
from tuturuuu_jobs.runtime.settling import drain_spool
from tuturuuu_jobs.runtime.state import StateDirectory

if TYPE_CHECKING:
    import psycopg

P = TypeVar("P")
D = TypeVar("D")

_SEAT_POLL_S: Final = 0.25
_NOTHING: Final = Outcome(Kind.BUG, "bug", (Problem("bug", "the run ended without an outcome"),))


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run works with."""

    clock: Clock
    rng: random.Random
    deadline: Deadline
    session: KeySession
    state: StateDirectory
    signals: Interrupts
    progress: Callable[[Progress], None]
    heartbeat: Heartbeat
    address: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Tried:
    """How one attempt ended.

    Attributes:
        retryable: Whether another one may change anything.
        retry_after_s: Seconds that the other side asked to wait, if it did.
    """

    outcome: Outcome
    retryable: bool
    retry_after_s: float | None = None


class Execution(Generic[P, D]):
    """A run under way.

    Attributes:
        attempts: Tries begun so far; 0 for a run that never got to work.
        opened: Whether the ledger has a running row of it.
        home: What the ledger's database is called in records, as far as it is known.
        leaves_record: Whether it is to be recorded: not if its slot or its id is taken already.
        started: On the monotonic clock.
    """

    def __init__(
        self,
        job: Job[P, D],
        payload: P,
        request: RunRequest,
        facts: RunFacts,
        around: Surroundings,
    ) -> None:
        self._job = job
        self._payload = payload
        self._request = request
        self._facts = facts
        self._around = around
        self._wait_until = Deadline.after(around.clock, request.wait_s)
        self._committed: D | None = None
        self._untold: list[AttemptEnd] = []
        self._outcome: Outcome | None = None
        self._began = facts.started_at
        self.home = around.address
        self.attempts = 0
        self.opened = False
        self.leaves_record = True
        self.started = around.clock.monotonic()

    @property
    def outcome(self) -> Outcome:
        """How the run ended."""
        return self._outcome or _NOTHING

    def perform(self) -> None:
        """Take the key, settle the predecessor, open the row, try until done; never raises."""
        self._decide(self._try_until_done)

    def rehearse(self, look: Callable[[D], None]) -> None:
        """Let the job say what it would do, without lock and ledger; never raises."""
        self._decide(lambda: self._preview(look))

    def tell_who_stopped_it(self) -> None:
        """A SIGTERM may be the messenger of ``runs cancel``: then the run was cancelled."""
        if not self.opened or self.outcome.kind is not Kind.TERMINATED:
            return
        with contextlib.suppress(JobError):
            if ledger.is_cancelled(self._around.session.connect(), self._facts.id):
                self._outcome = cancelled(self.outcome)

    def note_contention(self) -> None:
        """A key that stays held is somebody's worry: say how often, and if its holder is late."""
        if self.opened or self.outcome.code != "busy":
            return
        with contextlib.suppress(JobError):
            found = load_contention(
                self._around.session.connect(), self._facts.job, self._facts.key
            )
            self._outcome = dataclasses.replace(
                self.outcome, warnings=(*self.outcome.warnings, *contention_warnings(found))
            )

    def end_late(self, signal: Interruption) -> None:
        """A signal fell right behind the work: if that was done, it stays done."""
        self._outcome = self._outcome or ended_by(signal, None, self._around.deadline)

    def _decide(self, work: Callable[[], Outcome]) -> None:
        try:
            self._outcome = work()
        except BaseException as error:  # noqa: BLE001 - The boundary of a run: all ends in an outcome.
            self._note_bug(error)
            self._outcome = ended_by(error, self._known(), self._around.deadline)
        if self._outcome.kind is Kind.BUSY and not self.opened:
            self.attempts = 0
            if self._request.on_busy is OnBusy.FAIL:
                self._outcome = dataclasses.replace(self._outcome, kind=Kind.FAILED)

    def _expired(self) -> Outcome | None:
        """The end of a run that comes too late for its slot, as in a catch-up after a night off."""
        slot, limit_s = self._facts.slot, self._request.expires_s
        if slot is None or limit_s is None:
            return None
        age_s = (self._facts.started_at - slot).total_seconds()
        if age_s <= limit_s:
            return None
        late = f"the slot {slot:%Y-%m-%d %H:%M:%S} UTC is {age_s:.0f} s old, past {limit_s:.0f} s"
        return Outcome(Kind.EXPIRED, "expired", warnings=(Problem("expired", late),))

    def _preview(self, look: Callable[[D], None]) -> Outcome:
        self.attempts = 1
        connection = self._around.session.connect()
        data = self._job.preview(self._payload, self._context(connection))
        look(data)
        return self._job.conclude(data)

    def _try_until_done(self) -> Outcome:
        if (expired := self._expired()) is not None:
            return expired
        while True:
            self.attempts += 1
            self._began = self._around.clock.now()
            tried = self._try_once()
            wait_s, outcome = self._plan_next(tried)
            if wait_s is None:
                return outcome
            waits = f"attempt {self.attempts}: {outcome.code}; next in {wait_s:.1f} s"
            # In the ledger it stands anyway: whoever does not watch wants to hear of the end only.
            self._log.info("%s", waits)
            self._around.progress(Progress(waits))
            self._untold.append(self._note_end(tried, wait_s))
            self._around.clock.sleep(wait_s)
            self._around.signals.check()

    def _try_once(self) -> _Tried:
        try:
            connection = self._ready()
            if connection is None:
                self.leaves_record = False
                return _Tried(Outcome(Kind.ALREADY, "already"), retryable=False)
            context = self._context(connection)
            self._committed = self._job.attempt(self._payload, context, self._committed)
            outcome = self._job.conclude(self._committed)
            return _Tried(outcome, outcome.retryable)
        except Exception as error:  # noqa: BLE001 - A failed attempt is a value; retry decides on it.
            self._note_bug(error)
            known, ours = self._known(), as_job_error(error)
            outcome = ended_by(error, known, self._around.deadline)
            return _Tried(outcome, ours.retryable, ours.retry_after_s)

    def _plan_next(self, tried: _Tried) -> tuple[float | None, Outcome]:
        """Seconds until another attempt, or None with the outcome to end with."""
        outcome = tried.outcome
        if not tried.retryable or self.attempts >= self._facts.max_attempts:
            return None, outcome
        rng = self._around.rng
        wait_s = with_retry_after(attempt_wait(self.attempts, rng), tried.retry_after_s, rng)
        if fits(wait_s, self._around.deadline.remaining()):
            return wait_s, outcome
        warning = Problem(
            "no_time_to_retry",
            f"another attempt would have had to wait {wait_s:.0f} s, beyond the deadline",
        )
        return None, dataclasses.replace(outcome, warnings=(*outcome.warnings, warning))

    def _note_end(self, tried: _Tried, wait_s: float) -> AttemptEnd:
        errors = tried.outcome.errors
        return AttemptEnd(
            n=self.attempts,
            started_at=self._began,
            finished_at=self._around.clock.now(),
            status=status_of(tried.outcome.kind),
            code=tried.outcome.code,
            error=dataclasses.asdict(errors[0]) if errors else None,
            wait_s=wait_s,
            retry_after_s=tried.retry_after_s,
        )

    def _ready(self) -> psycopg.Connection[Any] | None:
        """The connection to work with, all locks held; None if the slot's work is done already."""
        around = self._around
        if self.opened:
            connection = self._retake()
            with around.signals.shield():
                ledger.next_attempt(
                    connection, self._facts.id, self._untold, started_at=self._began
                )
                self._untold.clear()
            return connection
        connection = around.session.take(self._remaining_wait)
        self.home = schema.require_schema(connection)
        drain_spool(connection, around.state, (self.home, around.address))
        if ledger.find_done(connection, self._facts) is not None:
            return None
        self._settle_predecessor(connection)
        self._take_seat(connection)
        with around.signals.shield():
            self.opened = ledger.open_run(connection, self._facts, attempt=self.attempts)
        if not self.opened:
            if ledger.find_done(connection, self._facts) is not None:
                return None
            raise self._conflict(connection)
        # Those before the row stand for themselves in its count of attempts.
        self._untold.clear()
        around.heartbeat.start()
        return connection

    def _conflict(self, connection: psycopg.Connection[Any]) -> JobError:
        if ledger.is_known(connection, self._facts.id):
            # The record of that run is not ours to touch.
            self.leaves_record = False
            return UsageError(
                f"the ledger has a run {self._facts.id} already",
                code="run_id_taken",
                subject=str(self._facts.id),
                hint="leave --run-id out, or choose a new one",
            )
        return BusyError("the ledger has a running row of this key", subject=self._facts.key)

    def _take_seat(self, connection: psycopg.Connection[Any]) -> None:
        """Wait for one of the queue's seats, as long as the deadline leaves time to use it."""
        around = self._around
        while (queue := load_queue(connection, self._job.queue)) is not None:
            # A random order keeps runs that start together from all trying the same seat first.
            seats = around.rng.sample(range(queue.total_limit), queue.total_limit)
            if around.session.take_seat(queue.name, seats):
                return
            wait_s = _SEAT_POLL_S * (1.0 + around.rng.random())
            if not fits(wait_s, around.deadline.remaining()):
                raise BusyError(
                    f"all {queue.total_limit} seats of the queue {queue.name} stayed taken",
                    code="queue_full",
                    subject=queue.name,
                )
            around.clock.sleep(wait_s)
            around.signals.check()

    def _retake(self) -> psycopg.Connection[Any]:
        try:
            connection = self._around.session.retake()
            self._take_seat(connection)
        except BusyError as error:
            # A run that has begun is not skipped any more.
            raise UnavailableError(
                f"the run lost its place: {error.message}", code="lock_lost", subject=error.subject
            ) from None
        return connection

    def _remaining_wait(self) -> float:
        return self._wait_until.remaining() if self._request.on_busy is OnBusy.WAIT else 0.0

    def _settle_predecessor(self, connection: psycopg.Connection[Any]) -> None:
        row = ledger.load_running(connection, self._facts.key)
        if row is None or row.id == self._facts.id:
            return
        if not self._is_dead(row):
            raise KeyHeldError(self._facts.key, Holder(str(row.id), row.pid, row.started_at))
        with self._around.signals.shield():
            ledger.mark_lost(connection, row, found_by=self._facts.id)

    def _is_dead(self, row: RunningRow) -> bool:
        """Whether that run is over: by proof, or because it needs the lock that we hold."""
        alive = is_alive(row.identity, self._facts.identity) if row.identity else None
        if alive is not None:
            return not alive
        return all(LockMode(mode).uses_database for mode in (row.locks, self._facts.locks))

    def _context(self, connection: psycopg.Connection[Any]) -> RunContext[D]:
        return RunContext(
            run_id=self._facts.id,
            attempt=self.attempts,
            clock=self._around.clock,
            rng=self._around.rng,
            deadline=self._around.deadline,
            connection=connection,
            log=self._log,
            shield=self._around.signals.shield,
            checkpoint=self._remember,
            progress=self._around.progress,
        )

    def _remember(self, data: D) -> None:
        self._committed = data

    def _known(self) -> Outcome | None:
        """What the job says about what it committed before it failed."""
        if self._committed is None:
            return None
        try:
            return self._job.conclude(self._committed)
        except Exception as error:  # noqa: BLE001 - The failure that brought us here matters more.
            self._note_bug(error)
            return None

    def _note_bug(self, error: BaseException) -> None:
        if isinstance(error, Exception) and as_job_error(error).code == "bug":
            self._log.error("%s", as_job_error(error).message)
            self._log.debug("traceback", exc_info=error)

    @property
    def _log(self) -> logging.LoggerAdapter[logging.Logger]:
        return run_logger(self._facts.job, self._facts.id, self._facts.ws_id, self.attempts)
