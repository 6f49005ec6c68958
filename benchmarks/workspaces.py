"""Many workspaces, each with a Google account and a calendar of its own; Google in its own process.

Every calendar is synced once before anything is measured: what is measured finds nothing new.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.schema import migrate
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import Shape, install, seed

REFUSED = frozenset({403, 429})


def _serve(pipe: Connection, size: int) -> None:
    """Google: tells its accounts, then whenever it is asked what was asked of it since."""
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    times = {
        "start": {"dateTime": tomorrow.isoformat()},
        "end": {"dateTime": (tomorrow + timedelta(hours=1)).isoformat()},
    }
    with Emulator(clock=lambda: datetime.now(UTC)) as emulator:
        accounts = []
        for number in range(size):
            email = f"person{number:05d}@example.test"
            accounts.append(emulator.add_account(email))
            emulator.put_event(email, {"id": f"event{number:05d}", "summary": "One", **times})
        pipe.send((emulator.base_url, emulator.token_url, accounts))
        while pipe.recv():
            answered = [request.status for request in emulator.requests]
            emulator.clear_requests()
            pipe.send((len(answered), sum(status in REFUSED for status in answered)))


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What Google was asked: requests, and how many of them a quota refused."""

    requests: int
    refused: int


@dataclasses.dataclass(frozen=True, slots=True)
class Fleet:
    """Workspaces, and the environment in which the command finds them."""

    workspaces: tuple[str, ...]
    environment: dict[str, str]
    google: Any

    def command(self, launcher: str, size: int) -> list[str]:
        """A fan-out over so many workspaces."""
        options = [word for ws_id in self.workspaces[:size] for word in ("--ws", ws_id)]
        line = [sys.executable, "-m", "tuturuuu_jobs", "orchestrate", "sync"]
        return [*line, "--launcher", launcher, "--json", *options]

    def prepare(self) -> None:
        """Sync every calendar for the first time."""
        command = self.command("fork", len(self.workspaces))
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
        check_all_succeeded(done.stdout, len(self.workspaces), done.stderr)
        self.asked()

    def asked(self) -> Asked:
        """What Google was asked since the last time."""
        self.google.send(True)
        return Asked(*self.google.recv())


def check_all_succeeded(document: bytes, size: int, said: bytes = b"") -> None:
    """A fan-out that did less than all its work has no figures."""
    data: dict[str, Any] = json.loads(document)["data"] if document else {}
    if (data.get("total"), data.get("succeeded")) != (size, size):
        data.pop("results", None)
        raise SystemExit(f"a fan-out did not succeed: {data} {said.decode()[-500:]}")


@contextlib.contextmanager
def fleet_of(size: int) -> Generator[Fleet]:
    """A fleet of that many workspaces, not synced yet."""
    spawned = multiprocessing.get_context("spawn")
    ours, theirs = spawned.Pipe()
    google = spawned.Process(target=_serve, args=(theirs, size), daemon=True)
    google.start()
    with tempfile.TemporaryDirectory() as state, EmbeddedPostgres() as cluster:
        base_url, token_url, accounts = ours.recv()
        cluster.server.create_database("bench")
        dsn = cluster.server.dsn("bench")
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": dsn,
            "GOOGLE_CLIENT_ID": accounts[0].client_id,
            "GOOGLE_CLIENT_SECRET": accounts[0].client_secret,
            "TUTURUUU_JOBS_STATE_DIR": state,
            "TUTURUUU_JOBS_GOOGLE_API_URL": base_url,
            "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": token_url,
        }
        yield Fleet(_seed(dsn, accounts), environment, ours)
        ours.send(None)
        google.join()


def _seed(dsn: str, accounts: Sequence[Any]) -> tuple[str, ...]:
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    workspaces: list[str] = []
    with connect(dsn, application_name="benchmarks") as connection:
        install(connection, Shape.CURRENT)
        migrate(connection)
        with connection.transaction():
            user = seed.create_user(connection)
            for account in accounts:
                ws_id = seed.create_workspace(connection, user)
                tokens = {
                    "access_token": account.access_token,
                    "refresh_token": account.refresh_token,
                }
                account_id = seed.create_account(
                    connection, ws_id, user, email=account.email, expires_at=expires_at, **tokens
                )
                seed.create_connection(connection, ws_id, account_id, account.email)
                workspaces.append(str(ws_id))
        connection.execute("analyze")
    return tuple(workspaces)
