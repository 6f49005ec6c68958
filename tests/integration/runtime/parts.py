"""A real job whose attempts are written in the test, and the real things around it."""
# ruff: noqa: ARG002 - the protocol of a job names its parameters.

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from tuturuuu_jobs.runtime.clock import Clock, SystemClock
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.outcome import Kind, Outcome
from tuturuuu_jobs.runtime.run import Runtime

WORKSPACE = UUID(int=7)
KEY = f"google-calendar-sync-{WORKSPACE}"

Data = dict[str, Any]
Step = Callable[[RunContext[Data], Data | None], Data]


def succeed(_ctx: RunContext[Data], previous: Data | None) -> Data:
    return {"previous": previous}


def conclude(data: Data) -> Outcome:
    return Outcome(Kind.SUCCEEDED, "succeeded", data=data)


@dataclasses.dataclass
class ScriptedJob:
    """Each attempt does the next step; the last one is repeated."""

    steps: list[Step]
    conclusion: Callable[[Data], Outcome] = conclude
    name: str = "sync"
    queue: str = "calendar-sync"
    key: str = KEY

    def ws_id(self, payload: Any) -> UUID:
        return WORKSPACE

    def concurrency_key(self, payload: Any) -> str:
        return self.key

    def attempt(self, payload: Any, ctx: RunContext[Data], previous: Data | None) -> Data:
        return self.steps[min(ctx.attempt, len(self.steps)) - 1](ctx, previous)

    def preview(self, payload: Any, ctx: RunContext[Data]) -> Data:
        return self.steps[0](ctx, None)

    def conclude(self, data: Data) -> Outcome:
        return self.conclusion(data)


def runtime_for(
    dsn: str,
    state_dir: Path,
    *,
    mode: LockMode = LockMode.BOTH,
    clock: Clock | None = None,
    connect_to: Callable[[str], psycopg.Connection[Any]] | None = None,
) -> Runtime:
    ids, rng = SystemClock(), random.Random()
    return Runtime(
        connect=connect_to or (lambda name: connect(dsn, application_name=name)),
        state_dir=state_dir,
        lock_mode=mode,
        clock=clock or SystemClock(),
        rng=random.Random(3),
        new_id=lambda: new_run_id(ids, rng),
        identity=read_identity(),
        code_version="test",
    )
