"""A command at work under the shim: what it passed, and how it ended."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import multiprocessing
import threading
from collections.abc import Callable, Generator
from subprocess import CompletedProcess
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from tests.acceptance import forked
from tests.fixtures.postgres import Database
from tests.killing import shim
from tests.killing.points import Kind, Seen, Side, Strike
from tests.killing.severing import Severed, SeveredDatabase


@dataclasses.dataclass(frozen=True, slots=True)
class Passed:
    """How a command ended, and every point that it passed.

    Attributes:
        struck: Whether the strike was made, of those that need help.
    """

    ended: CompletedProcess[str]
    seen: list[Seen]
    struck: bool


class Wires:
    """Everything that a command speaks through: to the database, and to Google.

    Attributes:
        environ: The settings that lead through here.
    """

    def __init__(self, database: SeveredDatabase, google: Severed | None) -> None:
        self._database = database
        self._google = google
        self.environ: dict[str, str] = {}

    def act(self, wanted: shim.Wanted) -> None:
        """Cut what the shim asks for."""
        database: list[Severed] = [self._database]
        google = [self._google] if self._google else []
        for wire in {Kind.REQUEST: google, Kind.FILE: database + google}.get(wanted.kind, database):
            if wanted.side is Side.AFTER and wanted.kind is not Kind.FILE:
                wire.sever()
            else:
                wire.cut()

    def leave_at(self, needle: bytes) -> None:
        """The database's server is down from the moment at which it is sent this."""
        self._database.leave_at(needle)

    def come_back(self) -> None:
        """It is up again."""
        self._database.resume()


@contextlib.contextmanager
def open_wires(database: Database, base_url: str | None = None) -> Generator[Wires]:
    """Proxies in front of a database, and of an emulator if there is one."""
    parts = conninfo_to_dict(database.tcp_dsn)
    with contextlib.ExitStack() as stack:
        front = SeveredDatabase(str(parts["host"]), int(str(parts["port"])))
        stack.enter_context(front)
        google: Severed | None = None
        environ = {"DATABASE_URL": front.dsn(database.tcp_dsn)}
        if base_url is not None:
            place = urlsplit(base_url)
            google = stack.enter_context(Severed(str(place.hostname), place.port or 0))
            way = f"http://127.0.0.1:{google.port}"
            environ |= {
                "TUTURUUU_JOBS_GOOGLE_API_URL": way,
                "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": f"{way}/token",
            }
        wires = Wires(front, google)
        wires.environ = environ
        yield wires


def run(
    words: tuple[str, ...],
    environ: dict[str, str],
    wires: Wires,
    strike: Strike | None = None,
    prepare: Callable[[], None] = forked.nothing,
) -> Passed:
    """The command from beginning to end, under the shim; something else may be prepared too."""
    ours, theirs = multiprocessing.Pipe()
    install = functools.partial(_install, prepare, theirs, strike)
    running = forked.start_after(install, words, environ)
    theirs.close()
    seen: list[Seen] = []
    asked: list[shim.Wanted] = []

    def listen() -> None:
        # The end of the process is the end of what it tells.
        with ours, contextlib.suppress(EOFError, OSError):
            while True:
                told: Any = ours.recv()
                if isinstance(told, Seen):
                    seen.append(told)
                    continue
                asked.append(told)
                wires.act(told)
                ours.send(None)

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    ended = running.end()
    listener.join()
    return Passed(ended, seen, bool(asked))


def _install(prepare: Callable[[], None], pipe: Any, strike: Strike | None) -> None:
    prepare()
    shim.install(pipe, strike)
