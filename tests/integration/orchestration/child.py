"""A child whose behaviour the test chose for its workspace; the last argument names the file."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import psycopg

from tests.contract import behaviours


def unavailable() -> int:
    behaviours.say(behaviours.envelope(69, "unavailable", code="away"))
    return 69


def dies_at_work(dsn: str) -> int:
    """Leave a row that says it is running."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "insert into jobs.runs (id, job, concurrency_key, status, trigger)"
            " values (%s, 'sync', 'of the dead', 'running', 'orchestrator')",
            [behaviours.RUN_ID],
        )
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def main() -> None:
    payload = json.load(sys.stdin)
    chosen = json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8"))
    behaviours.RUN_ID = sys.argv[sys.argv.index("--run-id") + 1]
    name = chosen.get(payload["ws_id"], chosen["default"])
    others = {"unavailable": unavailable, "dies_at_work": lambda: dies_at_work(chosen["dsn"])}
    sys.exit((behaviours.BEHAVIOURS | others)[name]())
