"""A worker whose children do nothing: what it costs to hand on a job, run a child and settle it.

``python -m benchmarks.fleet.empty CONCURRENCY listen|poll``
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Final

_PRELOAD: Final = ("tuturuuu_jobs.cli:warm_up", "tuturuuu_jobs.sync.job", "benchmarks.fleet.empty")


def nothing() -> None:
    """The child: says that it succeeded."""
    run_id = sys.argv[sys.argv.index("--run-id") + 1]
    told = {"status": "succeeded", "code": "succeeded", "exit_code": 0, "success": True}
    nobody = dict.fromkeys(("ws_id", "key", "error", "slot"))
    nothing_more = {"errors": [], "warnings": [], "data": {}, "duration_s": 0.0, "attempts": 1}
    when = {"started_at": "", "finished_at": "", "trigger": "queue"}
    name = {"version": 1, "job": "sync", "run_id": run_id}
    print(json.dumps(name | told | nobody | nothing_more | when))


def work(concurrency: int, *, listens: bool) -> None:
    """Until a signal."""
    from tuturuuu_jobs import wiring
    from tuturuuu_jobs.fleet.worker import Means, Plan, Worker
    from tuturuuu_jobs.runtime.children import Program
    from tuturuuu_jobs.runtime.clock import SystemClock

    settings = wiring.process.load_settings()
    root = str(Path(__file__).parents[2])
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "MALLOC_ARENA_MAX": "2"}
    program = Program("benchmarks.fleet.empty:nothing", environ, _PRELOAD)
    with wiring.children.build_launcher("fork", program) as launcher:
        means = Means(
            connect=lambda: wiring.process.open_connection(settings, "tuturuuu-jobs/worker"),
            launcher=launcher,
            clock=SystemClock(),
            rng=random.Random(1),
            tell=lambda _: None,
            said=lambda label, line: print(label, line, file=sys.stderr),
            listens=listens,
        )
        asyncio.run(Worker(Plan(concurrency), means).run())


if __name__ == "__main__":
    work(int(sys.argv[1]), listens=sys.argv[2] == "listen")
