"""Plain procrastinate: its own client and worker, a task that does nothing and one that syncs.

``python -m benchmarks.fleet.plain CONCURRENCY listen|poll``: a worker, until a signal. Its tables
are in ``PLAIN_URL``; the settings of a sync are in the environment as usual.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from typing import Any
from uuid import UUID

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.tasks import Task


async def nothing(number: int) -> None:
    """Done."""


async def sync(ws_id: str) -> None:
    """The same sync as ours, in the worker's own process."""
    from tuturuuu_jobs.runtime.job import RunRequest
    from tuturuuu_jobs.runtime.run import run_job
    from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST, SyncPayload

    payload = SyncPayload(UUID(ws_id), full=False, past=DEFAULT_PAST, future=DEFAULT_FUTURE)
    job, runtime = _means()
    result = run_job(job, payload, RunRequest(), runtime)
    if not result.success:
        raise RuntimeError(result.errors)


@functools.cache
def _means() -> tuple[Any, Any]:
    from tuturuuu_jobs import wiring

    settings = wiring.process.load_settings()
    job = wiring.jobs.build_sync_job(settings, full=False)
    return job, wiring.process.build_runtime(settings)


class Plain:
    """One app with both tasks.

    Attributes:
        nothing: The task that does nothing.
        sync: The task that syncs a workspace.
    """

    def __init__(self, connector: PsycopgConnector | SyncPsycopgConnector) -> None:
        self.app = App(connector=connector)
        self.nothing: Task[..., Any, Any] = self.app.task(name="nothing")(nothing)
        self.sync: Task[..., Any, Any] = self.app.task(name="sync")(sync)


def client(dsn: str) -> Plain:
    """For a program without a loop of its own; open its app."""
    return Plain(SyncPsycopgConnector(conninfo=dsn, min_size=1))


async def work(dsn: str, concurrency: int, *, listens: bool) -> None:
    """Until a signal."""
    plain = Plain(PsycopgConnector(conninfo=dsn))
    async with plain.app.open_async():
        await plain.app.run_worker_async(concurrency=concurrency, listen_notify=listens)


if __name__ == "__main__":
    asyncio.run(work(os.environ["PLAIN_URL"], int(sys.argv[1]), listens=sys.argv[2] == "listen"))
