"""A process that syncs one workspace and dies of it, forked from a server that imported everything.

Only the kernel ends it: nothing inside knows when.
"""

from __future__ import annotations

import dataclasses
import random
import sys
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from uuid import UUID

from tests.fixtures import preloaded
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.run import Runtime, run_job
from tuturuuu_jobs.sync.google import GoogleClient
from tuturuuu_jobs.sync.job import SyncJob
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.testing.clock import VirtualClock


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do."""

    dsn: str
    state_dir: Path
    ws_id: UUID
    google: GoogleClient
    now: datetime


def start(order: Order) -> ForkServerProcess:
    """Start it; its exit code is the run's, or minus the signal that ended it."""
    process = preloaded.context().Process(target=work, args=(order,), daemon=True)
    process.start()
    return process


def work(order: Order) -> None:
    clock, rng = VirtualClock(order.now), random.SystemRandom()
    runtime = Runtime(
        connect=lambda name: connect(order.dsn, application_name=name),
        state_dir=order.state_dir,
        lock_mode=LockMode.BOTH,
        clock=clock,
        rng=rng,
        new_id=lambda: new_run_id(clock, rng),
        identity=read_identity(),
    )
    request = RunRequest(attempts=1)
    result = run_job(SyncJob(order.google), SyncPayload(order.ws_id), request, runtime)
    sys.exit(result.exit_code)
