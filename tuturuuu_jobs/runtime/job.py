"""The vocabulary of a run: what a job is, what it is given, and what the caller may ask for."""

from __future__ import annotations

import dataclasses
import logging
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID

from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.runtime.outcome import Outcome

if TYPE_CHECKING:
    import psycopg

P = TypeVar("P")
P_contra = TypeVar("P_contra", contravariant=True)
D = TypeVar("D")


class OnBusy(StrEnum):
    """What to do when another run holds the concurrency key."""

    SKIP = "skip"
    WAIT = "wait"
    FAIL = "fail"


@dataclasses.dataclass(frozen=True, slots=True)
class RunRequest:
    """What the caller of a run may choose, apart from its payload.

    Attributes:
        deadline_s: Seconds for the whole run, all attempts included.
        attempts: How often the work may be tried; at least 1.
        on_busy: What to do when the key is held.
        wait_s: With ``wait``: how long, within the deadline.
        run_id: Chosen by a parent; otherwise the run makes its own.
        trigger: ``hand``, ``timer``, ``orchestrator``, ``queue`` or ``replay``.
        slot: The scheduled instant this run stands for, if any.
        expires_s: Seconds after which the slot is too old to be worth its work, or None.
        force: Do the slot's work even if it is done already.
        replay_of: The run whose payload this one repeats, if any.
        tags: Labels kept in the ledger.
    """

    deadline_s: float = 3600.0
    attempts: int = 3
    on_busy: OnBusy = OnBusy.SKIP
    wait_s: float = 0.0
    run_id: UUID | None = None
    parent_run_id: UUID | None = None
    trigger: str = "hand"
    slot: datetime | None = None
    expires_s: float | None = None
    force: bool = False
    replay_of: UUID | None = None
    tags: dict[str, str] = dataclasses.field(default_factory=dict[str, str])


@dataclasses.dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a running job, for a person who watches.

    Attributes:
        step: A short phrase, for example ``listing team@example.org``.
        done: Units finished.
        total: Units in all, or None if nobody can know.
    """

    step: str
    done: int = 0
    total: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RunContext(Generic[D]):
    """What every attempt of every job is given.

    Attributes:
        run_id: The ledger's id of this run.
        attempt: 1 for the first try.
        clock: The only source of time.
        rng: The only source of chance.
        deadline: Shared by everything this run does.
        connection: The connection that holds the advisory lock. In autocommit mode: open a
            transaction with ``connection.transaction()``, never across a network call.
        log: Logger whose records carry job and run id.
        shield: Context manager inside which signals and the alarm are kept back until it ends.
        checkpoint: Tells the run what is committed so far; it survives a failed attempt.
        progress: Tells a watching person how far the work is.
    """

    run_id: UUID
    attempt: int
    clock: Clock
    rng: random.Random
    deadline: Deadline
    connection: psycopg.Connection[Any]
    log: logging.LoggerAdapter[logging.Logger]
    shield: Callable[[], AbstractContextManager[None]]
    checkpoint: Callable[[D], None]
    progress: Callable[[Progress], None]


class Job(Protocol[P_contra, D]):
    """One kind of work.

    ``attempt`` does the work and returns what happened as a value; a failure of one part (a
    calendar) is inside that value, a failure of the whole is raised as a JobError. ``conclude``
    turns the value into an outcome and is pure. If the outcome names a retryable problem, the run
    calls ``attempt`` again with the value of the attempt before, and only what failed is repeated.
    """

    @property
    def name(self) -> str:
        """The job's name: ``sync``, ``full-sync``, ``orchestrate-sync``."""
        ...

    @property
    def queue(self) -> str:
        """The queue whose total limit the job respects."""
        ...

    def ws_id(self, payload: P_contra) -> UUID | None:
        """The workspace the payload is about; None if it is about many."""
        ...

    def concurrency_key(self, payload: P_contra) -> str:
        """At most one run per key at a time."""
        ...

    def attempt(self, payload: P_contra, ctx: RunContext[D], previous: D | None) -> D:
        """Do the work, or what ``previous`` left undone."""
        ...

    def preview(self, payload: P_contra, ctx: RunContext[D]) -> D:
        """What ``attempt`` would do, without writing anything; behind ``--dry-run``."""
        ...

    def conclude(self, data: D) -> Outcome:
        """What the work amounts to."""
        ...
