"""One throw-away Postgres cluster: made, started, stopped, and nothing left behind.

The server is a direct child, so that it is ready in 12 ms instead of the 100 ms of ``pg_ctl`` and
dies with its parent. Postgres refuses to run as root; root lends it the ids of nobody, which needs
no account. Durability is off: a cluster does not outlive its purpose.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from psycopg.conninfo import make_conninfo

from tuturuuu_jobs.errors import FailedError
from tuturuuu_jobs.testing.postgres import bound_exec
from tuturuuu_jobs.testing.postgres.binaries import Binaries, find_binaries
from tuturuuu_jobs.testing.postgres.ending import (
    end_child,
    postmaster_of,
    remove_abandoned,
    stop_detached,
)
from tuturuuu_jobs.testing.postgres.folder import hold_folder, make_folder
from tuturuuu_jobs.testing.postgres.server import Server

NOBODY: Final = 65534
PATIENCE_S: Final = 30.0
POLL_S: Final = 0.001
ENVIRONMENT: Final = {"LC_ALL": "C"}
SUPERUSER: Final = "postgres"
UNBOUND: Final = "-"
PORT_ATTEMPTS: Final = 5

THROW_AWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    # Files in the data folder instead of /dev/shm: they go with it even after SIGKILL.
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """A cluster of its own in a temporary folder; a context manager.

    On Linux the server dies with the thread that started it, even by SIGKILL: start it from the
    main thread. ``detached`` servers live on until :func:`stop_detached`.

    Args:
        tcp: Also listen on a free port of 127.0.0.1, behind a random password. The socket needs
            none: its folder is private.
        max_connections: As in postgresql.conf.
        log_statement: ``all`` makes the log a record of every statement.
        detached: Survive the process that starts it.
        parent: Where to make the cluster's folder; by default where temporary files go.
    """

    def __init__(
        self,
        *,
        tcp: bool = False,
        max_connections: int = 50,
        log_statement: str = "none",
        detached: bool = False,
        parent: Path | None = None,
    ) -> None:
        self._tcp = tcp
        self._detached = detached
        self._parent = parent
        self._settings = {
            **THROW_AWAY,
            "max_connections": str(max_connections),
            "log_statement": log_statement,
        }
        self._password = secrets.token_hex(16)
        self._owner = os.getpid()
        self._user = NOBODY if os.geteuid() == 0 else None
        self._folder: Path | None = None
        self._hold: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._server: Server | None = None
        self._served: tuple[Binaries, int] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """Everything the cluster has on disk. Raises LookupError while it is not running."""
        if self._folder is None:
            raise LookupError("this Postgres is not running")
        return self._folder

    @property
    def server(self) -> Server:
        """How to reach it. Raises LookupError while it is not running."""
        if self._server is None:
            raise LookupError("this Postgres is not running")
        return self._server

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return postmaster_of(self.folder)

    def dsn(self, dbname: str = "postgres") -> str:
        """Connection string of one database, by socket."""
        return self.server.dsn(dbname)

    def tcp_dsn(self, dbname: str = "postgres") -> str:
        """Connection string of one database over TCP. Raises LookupError without ``tcp``."""
        return self.server.tcp_dsn(dbname)

    def start(self) -> Self:
        """Make the cluster and wait until it answers. Raises FailedError with the log's end."""
        self._folder = make_folder(self._user, self._parent)
        try:
            remove_abandoned(self._folder)
            if not self._detached:
                self._hold = hold_folder(self._folder)
            binaries = find_binaries().readable_by(self._user, self._folder)
            self._make_cluster(binaries)
            self._server = self._serve(binaries)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server at once and remove everything; stopped already is fine.

        Does nothing in a forked child: the server is its parent's.
        """
        if os.getpid() != self._owner:
            return
        if self._process is not None:
            end_child(self._process)
        if self._folder is not None:
            stop_detached(self._folder)
        if self._hold is not None:
            os.close(self._hold)
        self._process = self._folder = self._hold = self._server = self._served = None

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server and start it again at the same address, with all that it holds.

        SIGINT ends sessions and then itself in order, SIGQUIT is like a crash. From the thread
        that started it, and not of a detached one. Raises FailedError with the log's end.
        """
        if self._process is None or self._served is None:
            raise LookupError("this Postgres is not running, or not ours to end")
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._process = self._spawn(*self._served)
        if not self._is_ready(self._process):
            raise _failure("Postgres did not start again", self.log.read_text(errors="replace"))

    def _make_cluster(self, binaries: Binaries) -> None:
        password = self.folder / "password"
        password.write_text(self._password)
        if self._user is not None:
            os.chown(password, self._user, self._user)
        made = subprocess.run(
            [
                binaries.bindir / "initdb",
                *("-D", self.folder / "data", "-U", SUPERUSER, "-E", "UTF8", "--locale=C"),
                *("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"),
                *("--no-sync", "--no-instructions"),
            ],
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        password.unlink()
        if made.returncode != 0:
            raise _failure("initdb failed", made.stdout.decode(errors="replace"))

    def _serve(self, binaries: Binaries) -> Server:
        for _ in range(PORT_ATTEMPTS):
            port = _free_port() if self._tcp else 5432
            self._process = self._spawn(binaries, port)
            if self._is_ready(self._process):
                self._served = (binaries, port)
                break
            log = self.log.read_text(errors="replace")
            if not (self._tcp and "Address already in use" in log):
                raise _failure("Postgres did not start", log)
        else:
            raise FailedError("no free TCP port could be kept", code="postgres_start_failed")
        if self._detached:
            # Not ours to wait for any more; Popen would complain about a running child.
            self._process.returncode, self._process = 0, None
        address = make_conninfo(host=str(self.folder), port=port, user=SUPERUSER)
        tcp = f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{port}"
        return Server(address, tcp if self._tcp else None)

    def _spawn(self, binaries: Binaries, port: int) -> subprocess.Popen[bytes]:
        settings = {
            **self._settings,
            "port": str(port),
            "listen_addresses": "127.0.0.1" if self._tcp else "",
            "unix_socket_directories": str(self.folder),
        }
        uid = UNBOUND if self._user is None else str(self._user)
        parent = UNBOUND if self._detached else str(os.getpid())
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", bound_exec.__file__, uid, parent),
                    *(str(binaries.bindir / "postgres"), "-D", str(self.folder / "data")),
                    *(
                        part
                        for name, value in settings.items()
                        for part in ("-c", f"{name}={value}")
                    ),
                ],
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C at the terminal is for us; we stop the server when we are done.
                start_new_session=True,
            )

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until the server answers (True) or has given up (False)."""
        state = self.folder / "data" / "postmaster.pid"
        patience = time.monotonic() + PATIENCE_S
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if state.read_text().rstrip().endswith("ready"):
                    return True
            if time.monotonic() > patience:
                return False
            time.sleep(POLL_S)
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _failure(what: str, log: str) -> FailedError:
    tail = "\n".join(log.strip().splitlines()[-20:])
    return FailedError(f"{what}; the end of its log:\n{tail}", code="postgres_start_failed")
