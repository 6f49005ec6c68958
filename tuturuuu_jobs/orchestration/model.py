"""What a fan-out is made of: workspaces in order, how each child ended, and what stopped it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.runtime.outcome import Kind, Problem

RESERVE_S: Final = 15.0
"""Seconds kept back from children, to stop the last of them and to record what happened."""

USEFUL_S: Final = 5.0
"""A child with less time than this is not started."""

BREAKER: Final = 5
"""So many children in a row that cannot be served, all for one reason, stop the fan-out."""


@dataclasses.dataclass(frozen=True, slots=True)
class FanOutPayload:
    """What is asked of a fan-out.

    Attributes:
        workspaces: Only these; empty for all that have work.
        limit: At most so many children at once; None leaves it to the queue.
        options: Further fields of each child's payload, JSON-ready.
    """

    workspaces: tuple[UUID, ...] = ()
    limit: int | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])


@dataclasses.dataclass(frozen=True, slots=True)
class ChildOptions:
    """What every child is told about its run.

    Attributes:
        deadline: Longest time for one child; less if the fan-out has less.
        arguments: Options of its command line besides those the fan-out sets itself.
    """

    deadline: timedelta
    arguments: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """A workspace with work.

    Attributes:
        last_success: When the job last succeeded for it; None if it never did.
        rank: Lower ones come first, whatever they wait for.
        note: What their rank is about, for people.
    """

    ws_id: UUID
    last_success: datetime | None
    rank: int = 0
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Planned:
    """A workspace in its place, with the reason for it."""

    ws_id: UUID
    last_success: datetime | None
    reason: str


@unique
class Ending(StrEnum):
    """How the child of a workspace ended, as the counts of a fan-out name it.

    ``queued``: it was left to the fleet, and is not over as far as the fan-out knows.
    """

    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"
    CRASHED = "crashed"
    BUG = "bug"
    BUSY = "busy"
    NOT_STARTED = "not_started"
    QUEUED = "queued"


@dataclasses.dataclass(frozen=True, slots=True)
class ChildReport:
    """One workspace's part of a fan-out.

    Attributes:
        run_id: None if no child was started.
        kind: The way its run ended, in the parent's judgement; None if it did not.
        exit_code: What the child exited with; None if a signal ended it, or it never started.
    """

    ws_id: UUID
    run_id: UUID | None
    ending: Ending
    kind: Kind | None
    status: str
    code: str
    exit_code: int | None
    duration_s: float
    error: str | None
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the result."""
        return {
            "ws_id": str(self.ws_id),
            "run_id": str(self.run_id) if self.run_id else None,
            "status": self.status,
            "code": self.code,
            "success": self.ending is Ending.SUCCEEDED,
            "exit_code": self.exit_code,
            "duration_s": round(self.duration_s, 3),
            "error": self.error,
        }


@unique
class Halt(StrEnum):
    """Why a fan-out started no further children."""

    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"
    DEADLINE = "deadline"
    BREAKER = "breaker"
    LAUNCH = "launch"


@dataclasses.dataclass(frozen=True, slots=True)
class FanOutData:
    """A fan-out so far.

    Attributes:
        children: In order of completion; those not started come last.
        halt: Why it stopped early, if it did.
        failure: With ``LAUNCH``: why no child could be started.
        planned: Of a preview: who would have a child, in which order.
    """

    children: tuple[ChildReport, ...] = ()
    halt: Halt | None = None
    warnings: tuple[Problem, ...] = ()
    planned: tuple[Planned, ...] | None = None
    failure: Problem | None = None
