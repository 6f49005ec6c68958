"""One run of one way of syncing, as a process that may be killed, or run twice at once."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.faults import usual


def _die() -> None:
    os._exit(9)


def _go_on() -> None:
    pass


def run_usual(given: dict[str, Any]) -> None:
    """One of the three usual ways."""
    google = usual.Google(given["api_url"], given["access_token"])
    way = given["way"]
    provider = None if way == "status_file" else "google"
    rows = usual.Rows(given["dsn"], UUID(given["ws_id"]), provider)
    before_token: Callable[[], None] = _die if given["kill"] else _go_on
    arguments = (google, rows, given["calendars"], datetime.now(UTC), before_token)
    match way:
        case "token_regardless":
            usual.token_regardless(*arguments)
        case "wipe_and_refetch":
            usual.wipe_and_refetch(*arguments)
        case _:
            usual.status_file(*arguments, path=Path(given["state_dir"]) / "status.json")


def run_ours(given: dict[str, Any]) -> None:
    """The product's own job; killed when the rows are written and the token is next."""
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.database import connect
    from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
    from tuturuuu_jobs.runtime.job import RunRequest
    from tuturuuu_jobs.runtime.locks import LockMode
    from tuturuuu_jobs.runtime.run import Runtime, run_job
    from tuturuuu_jobs.sync.google import GoogleClient
    from tuturuuu_jobs.sync.job import SyncJob
    from tuturuuu_jobs.sync.model import SyncPayload
    from tuturuuu_jobs.sync.staging import Staging

    if given["kill"]:
        Staging._store_token = lambda *_: _die()  # type: ignore[method-assign]  # noqa: SLF001
    clock, rng = SystemClock(), random.SystemRandom()
    runtime = Runtime(
        connect=lambda name: connect(given["dsn"], application_name=name),
        state_dir=Path(given["state_dir"]),
        lock_mode=LockMode.BOTH,
        clock=clock,
        rng=rng,
        new_id=lambda: new_run_id(clock, rng),
        identity=read_identity(),
    )
    client_id, client_secret = given["client"]
    google = GoogleClient(client_id, client_secret, given["api_url"], given["token_url"])
    result = run_job(
        SyncJob(google), SyncPayload(UUID(given["ws_id"])), RunRequest(attempts=1), runtime
    )
    print(json.dumps({"code": result.code, "exit_code": result.exit_code}))


def main() -> None:
    """Run what standard input describes."""
    given = json.load(sys.stdin)
    if given["way"] == "ours":
        run_ours(given)
    else:
        run_usual(given)


if __name__ == "__main__":
    main()
