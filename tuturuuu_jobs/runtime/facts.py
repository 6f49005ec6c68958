"""What a run is to the ledger: the shapes of what goes into its table and comes out of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tuturuuu_jobs.runtime.identity import ProcessIdentity
from tuturuuu_jobs.runtime.outcome import Status


@dataclasses.dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known about a run before it does anything.

    Attributes:
        ws_id: None for a run that is about many workspaces.
        payload: Cleaned of secrets.
        locks: Which locks it takes: ``both``, ``advisory`` or ``file``.
        forced: Whether the slot's work is wanted even if it is done already.
        replay_of: The run that this one repeats.
    """

    id: UUID
    job: str
    ws_id: UUID | None
    key: str
    trigger: str
    slot: datetime | None
    payload: dict[str, Any]
    tags: dict[str, str]
    max_attempts: int
    parent_run_id: UUID | None
    locks: str
    identity: ProcessIdentity
    invocation_id: str | None
    code_version: str
    started_at: datetime
    deadline_at: datetime
    forced: bool = False
    replay_of: UUID | None = None

    @property
    def idempotency_key(self) -> str | None:
        """One per job, key and scheduled instant; None for a run that stands for no instant."""
        if self.slot is None:
            return None
        slot = self.slot.astimezone(UTC).isoformat()
        own = f"/{self.id}" if self.forced else ""
        return f"{self.job}/{self.key}/{slot}{own}"


@dataclasses.dataclass(frozen=True, slots=True)
class RunningRow:
    """A run that the ledger says is under way."""

    id: UUID
    job: str
    key: str
    epoch: int
    locks: str
    host: str | None
    boot_id: str | None
    pid: int | None
    pid_start: int | None
    pid_ns: int | None
    started_at: datetime | None
    heartbeat_at: datetime | None

    @property
    def identity(self) -> ProcessIdentity | None:
        """The process that runs it, or None if it was not recorded."""
        if self.host is None or self.boot_id is None or self.pid is None:
            return None
        return ProcessIdentity(self.host, self.boot_id, self.pid, self.pid_start, self.pid_ns)


@dataclasses.dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt ended that another one follows.

    Attributes:
        n: 1 for the first.
        started_at: When it began.
        wait_s: Seconds waited before the next attempt.
    """

    n: int
    started_at: datetime
    finished_at: datetime
    status: Status
    code: str
    error: dict[str, Any] | None
    wait_s: float
    retry_after_s: float | None
