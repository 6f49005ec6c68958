"""What a run of ``schedule`` is asked for, and what it did."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum, unique
from typing import Final
from uuid import UUID

from tuturuuu_jobs.runtime.outcome import Kind, Problem
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import DEFAULT_WINDOW_DAYS, Blocker, Scope

QUEUE: Final = "schedule"
KEY_PREFIX: Final = "schedule-"
"""Stands before the workspace's id in the concurrency key, whoever makes the plan."""


@unique
class Engine(StrEnum):
    """Who computes the plan: we, or the app behind its routes."""

    LOCAL = "local"
    APP = "app"


@dataclasses.dataclass(frozen=True, slots=True)
class SavedScope:
    """What a dry run saw and decided for one scope, as digests.

    Attributes:
        inputs: Of everything the plan depended on.
        changes: Of the changes it led to.
    """

    scope: Scope
    inputs: str
    changes: str


@dataclasses.dataclass(frozen=True, slots=True)
class SavedPlan:
    """A dry run to be applied as it was shown; the plan is computed again from its instant.

    Attributes:
        planned_at: The ``now`` of the dry run.
    """

    planned_at: datetime
    scopes: tuple[SavedScope, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SchedulePayload:
    """The validated input of ``schedule``.

    Attributes:
        ws_id: The workspace.
        window_days: Local dates from today on; 7 to 90.
        force: Release every open event, however well it stands.
        user_id: Plan only this member's tasks (and, in a personal workspace, the habits).
        timezone: Used where neither workspace nor owner names a zone.
        allow_mass_delete: Let a plan delete more events than the guard allows.
        engine: Who computes the plan.
        saved: Apply this dry run, or refuse if its inputs have changed.
    """

    ws_id: UUID
    window_days: int = DEFAULT_WINDOW_DAYS
    force: bool = False
    user_id: UUID | None = None
    timezone: str | None = None
    allow_mass_delete: bool = False
    engine: Engine = Engine.LOCAL
    saved: SavedPlan | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ScopeReport:
    """What became of one scope.

    Attributes:
        plan: What was decided; None if it never came to that.
        problem: Why the scope failed, or None.
        kind: How it ended.
        committed: Whether its changes are in the table (always False for a preview).
        planned_at: The instant the plan was made for.
        inputs: Digest of everything the plan depended on.
        changes: Digest of what it decided.
        replanned: How often somebody else's edit made us read and plan again.
        duration_ms: Of reading, planning and applying.
        ignored_all_day: All-day rows that were looked at and do not block.
        blockers: Of a preview: what stood in the way, to be drawn beside the plan.
        names: Of a preview: what the scope's habits and tasks are called, by id; those that found
            no place are in no item. Never part of a result; a person may see them.
    """

    scope: Scope
    plan: Plan | None = None
    problem: Problem | None = None
    kind: Kind = Kind.SUCCEEDED
    committed: bool = False
    planned_at: datetime | None = None
    inputs: str = ""
    changes: str = ""
    replanned: int = 0
    duration_ms: int = 0
    ignored_all_day: int = 0
    blockers: tuple[Blocker, ...] = ()
    names: Mapping[UUID, str] = dataclasses.field(default_factory=dict[UUID, str])


@dataclasses.dataclass(frozen=True, slots=True)
class ScheduleData:
    """What a run of ``schedule`` did, scope by scope.

    Attributes:
        zone: In which hours and dates were read; None if the app computed.
        encrypted: Whether titles may not be shown.
    """

    ws_id: UUID
    window_days: int
    force: bool
    dry_run: bool
    zone: str | None = None
    encrypted: bool = False
    scopes: tuple[ScopeReport, ...] = ()
    warnings: tuple[Problem, ...] = ()
