"""Whole runs as processes: the command, the emulator over HTTP, the embedded Postgres."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.measure import ProcessFigures, Row, ratios, run_process, write
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.schema import migrate
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import Shape, install, seed

SIZES = (10_000, 40_000, 100_000)
PEAK_MB = 150.0
GROWTH = 4.6


def _event(number: int, now: datetime) -> dict[str, Any]:
    start = now + timedelta(minutes=number % 250_000)
    return {
        "id": f"event{number:06d}",
        "summary": f"Event {number}",
        "description": "A description of ordinary length. " * 6,
        "location": "Room 1",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(minutes=30)).isoformat()},
    }


def _serve(pipe: Connection) -> None:
    """Google in a process of its own: a child's peak memory begins with that of its parent."""
    now = datetime.now(UTC).replace(microsecond=0)
    with Emulator(clock=lambda: datetime.now(UTC)) as emulator:
        accounts = {}
        for size in SIZES:
            email = f"size{size}@example.test"
            accounts[size] = emulator.add_account(email)
            emulator.put_events(email, [_event(number, now) for number in range(size)])
        pipe.send((emulator.base_url, emulator.token_url, accounts))
        pipe.recv()


class World:
    """A workspace for each size, and the environment in which the command runs."""

    def __init__(self, cluster: EmbeddedPostgres, google: Connection, state: str) -> None:
        base_url, token_url, accounts = google.recv()
        cluster.server.create_database("bench")
        dsn = cluster.server.dsn("bench")
        now = datetime.now(UTC).replace(microsecond=0)
        self.workspaces: dict[int, str] = {}
        with connect(dsn, application_name="benchmarks") as connection:
            install(connection, Shape.CURRENT)
            migrate(connection)
            user = seed.create_user(connection)
            for size in SIZES:
                account = accounts[size]
                ws_id = seed.create_workspace(connection, user)
                seed.create_account(
                    connection,
                    ws_id,
                    user,
                    access_token=account.access_token,
                    refresh_token=account.refresh_token,
                    email=account.email,
                    expires_at=now + timedelta(hours=1),
                )
                self.workspaces[size] = str(ws_id)
        self.environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": dsn,
            "GOOGLE_CLIENT_ID": account.client_id,
            "GOOGLE_CLIENT_SECRET": account.client_secret,
            "TUTURUUU_JOBS_STATE_DIR": state,
            "TUTURUUU_JOBS_GOOGLE_API_URL": base_url,
            "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": token_url,
        }
        self.dsn = dsn

    def run(self, job: str, size: int) -> ProcessFigures:
        """One run of the command."""
        command = [sys.executable, "-m", "tuturuuu_jobs", job, "--ws", self.workspaces[size]]
        return run_process(command, self.environment)

    def empty(self, size: int) -> None:
        """As before the first run."""
        with connect(self.dsn, application_name="benchmarks") as connection:
            for table in ("workspace_calendar_events", "calendar_sync_states"):
                connection.execute(
                    f"delete from {table} where ws_id = %s", (self.workspaces[size],)
                )
            connection.execute("vacuum workspace_calendar_events")


def main(rounds: int = 5) -> None:
    """First full runs by size, and a run with nothing to do."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    google = spawned.Process(target=_serve, args=(theirs,), daemon=True)
    google.start()
    with tempfile.TemporaryDirectory() as state, EmbeddedPostgres() as cluster:
        world = World(cluster, ours, state)
        full: dict[int, list[ProcessFigures]] = {size: [] for size in SIZES}
        for _ in range(rounds):
            for size in SIZES:
                world.empty(size)
                full[size].append(world.run("full-sync", size))
        idle = [world.run("sync", SIZES[0]) for _ in range(rounds)]
        bare = [
            run_process([sys.executable, "-c", "import typer"], world.environment)
            for _ in range(rounds)
        ]
    ours.send("enough")
    google.join()
    rows = [
        Row(
            "incremental run with nothing to do",
            "`import typer`",
            "s",
            [figures.wall for figures in idle],
            ratios([f.wall for f in idle], [f.wall for f in bare]),
        )
    ]
    before: int | None = None
    for size in SIZES:
        walls = [figures.wall for figures in full[size]]
        peaks = [figures.peak_mb for figures in full[size]]
        against = ratios(walls, [f.wall for f in full[before]]) if before else []
        four = before is not None and size == 4 * before
        rows.append(
            Row(
                f"first full run, {size:,} events",
                f"{before:,} events" if before else "",
                "s",
                walls,
                against,
                f"at most {GROWTH}" if four else "",
                statistics.median(against) <= GROWTH if four else None,
            )
        )
        rows.append(
            Row(
                f"its peak memory, {size:,} events",
                "",
                "MB",
                peaks,
                [],
                f"at most {PEAK_MB:.0f} MB" if size == SIZES[-1] else "",
                statistics.median(peaks) <= PEAK_MB if size == SIZES[-1] else None,
            )
        )
        before = size
    write("runs", "Whole runs", rows)
