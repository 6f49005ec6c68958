"""What the demo stands on: a database, a Google, a folder, and the settings that lead there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psycopg

from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.testing.demo.google import Google, start_google
from tuturuuu_jobs.testing.demo.world import World, build_world
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import install

_DATABASE = "tuturuuu"


class Stage:
    """Postgres and emulator, running and seeded, until the with statement ends.

    Args:
        folder: An existing directory of the demo's own: state directory of its runs.
        clock: Says what day it is.
        detached: Both outlive this process unless they are ended; :meth:`leave` lets them be.
    """

    google: Google
    connection: psycopg.Connection[Any]
    world: World

    def __init__(self, folder: Path, clock: Clock, *, detached: bool) -> None:
        self.folder = folder
        self._clock = clock
        self._detached = detached
        self._postgres = EmbeddedPostgres(detached=detached)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _open(self) -> None:
        self._postgres.start()
        self._cleanup.callback(self._postgres.stop)
        self.google = start_google(self.folder / "emulator.log", detached=self._detached)
        self._cleanup.callback(self.google.stop)
        self._postgres.server.create_database(_DATABASE)
        connection = psycopg.connect(self._postgres.dsn(_DATABASE), autocommit=True)
        self.connection = self._cleanup.enter_context(connection)
        install(self.connection)
        self.world = build_world(self.connection, self.google, self._clock.now())

    def leave(self) -> None:
        """Let the two live on; only the connection is closed."""
        self._cleanup.pop_all()
        self.connection.close()
        # Not ours to wait for any more; Popen would complain about a running child.
        self.google.process.returncode = 0

    @property
    def postgres_folder(self) -> Path:
        """Everything that Postgres has on disk."""
        return self._postgres.folder

    @property
    def settings(self) -> Mapping[str, str]:
        """Every setting that the commands need, as environment variables."""
        client_id, client_secret = self.google.client
        return {
            "DATABASE_URL": self._postgres.dsn(_DATABASE),
            "GOOGLE_CLIENT_ID": client_id,
            "GOOGLE_CLIENT_SECRET": client_secret,
            "TUTURUUU_JOBS_GOOGLE_API_URL": self.google.url,
            "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": self.google.token_url,
            "TUTURUUU_JOBS_STATE_DIR": str(self.folder),
        }
