"""A real PgBouncer in front of a test's database, where the program is installed."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.fixtures.postgres import Database

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_LIMIT_S: Final = 30


@contextlib.contextmanager
def pgbouncer(database: Database, folder: Path, *, mode: str) -> Iterator[str]:
    """The database's address behind a PgBouncer until the block ends.

    Args:
        database: Reached over TCP.
        folder: For its settings and its log.
        mode: Its ``pool_mode``: when a server session may go to another client.
    """
    assert PROGRAM is not None
    server = conninfo_to_dict(database.tcp_dsn)
    port = _free_port()
    settings = folder / "pgbouncer.ini"
    names = ("host", "port", "dbname", "user", "password")
    words = " ".join(f"{name}={server[name]}" for name in names if name in server)
    log = folder / "pgbouncer.log"
    settings.write_text(
        f"[databases]\n{server['dbname']} = {words}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = 5\n"
        "ignore_startup_parameters = extra_float_digits\n"
    )
    # It refuses to run as root.
    command = [PROGRAM, *(["-u", "nobody"] if os.geteuid() == 0 else []), str(settings)]
    folder.chmod(0o755)
    settings.chmod(0o644)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd="/")
    try:
        dsn = make_conninfo("", host="127.0.0.1", port=port, dbname=server["dbname"], user="jobs")
        _await(dsn, process, log)
        yield dsn
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await(dsn: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _LIMIT_S
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{error}\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return
