"""Inside the command's process: counts each point, tells it, and strikes at one.

Each statement to the database (COPY is one), each COMMIT, each HTTP request, each file that is
renamed or removed. The program itself knows nothing of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import os
import signal
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import Format

from tests.killing.points import Kind, Point, Seen, Side, Strike, Way

WORDS = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """The shim asks for its connections of this kind to be cut, now or behind their next effect."""

    kind: Kind
    side: Side


class Shim:
    """The counter of one process.

    Args:
        pipe: To whoever counts; a ``Wanted`` is answered when it is done.
        strike: What to do at which point; None only counts.
    """

    def __init__(self, pipe: Any, strike: Strike | None) -> None:
        self._pipe = pipe
        self._strike = strike
        self._passed = dict.fromkeys(Kind, 0)
        self._one_at_a_time = threading.Lock()

    def begin(self, kind: Kind, words: object) -> Point:
        """Count a point whose effect is about to come."""
        with self._one_at_a_time:
            self._passed[kind] += 1
            point = Point(kind, self._passed[kind])
            self._pipe.send(Seen(kind, _plain(words)))
        self._act(point, Side.BEFORE)
        return point

    def send(self, point: Point) -> None:
        """Its last word is about to leave: what comes back will be its effect."""
        if self._is_at(point, Side.AFTER, Way.CUT):
            self._ask(point.kind, Side.AFTER)

    def done(self, point: Point) -> None:
        """The effect is there."""
        if self._is_at(point, Side.AFTER, Way.KILL):
            _die()

    @contextlib.contextmanager
    def around(self, kind: Kind, words: object) -> Generator[None]:
        """A point whose effect the block makes with one message."""
        point = self.begin(kind, words)
        self.send(point)
        try:
            yield
        finally:
            self.done(point)

    def _act(self, point: Point, side: Side) -> None:
        if self._is_at(point, side, Way.KILL):
            _die()
        if self._is_at(point, side, Way.CUT):
            self._ask(point.kind, side)

    def _is_at(self, point: Point, side: Side, way: Way) -> bool:
        return self._strike == Strike(point, side, way)

    def _ask(self, kind: Kind, side: Side) -> None:
        with self._one_at_a_time:
            self._pipe.send(Wanted(kind, side))
            self._pipe.recv()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def _plain(words: object) -> str:
    text = words.decode() if isinstance(words, bytes) else str(words)
    return " ".join(text.split())[:WORDS]


def install(pipe: Any, strike: Strike | None) -> None:
    """Watch this process from now on."""
    shim = Shim(pipe, strike)
    _watch_statements(shim)
    _watch_transactions(shim)
    _watch_copies(shim)
    _watch_requests(shim)
    for name in ("rename", "replace", "unlink", "remove", "rmdir"):
        _watch_file_call(shim, name)


def _watch_statements(shim: Shim) -> None:
    execute: Any = psycopg.Cursor.execute

    def watched(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        with shim.around(Kind.STATEMENT, query):
            return execute(self, query, *arguments, **options)

    _put(psycopg.Cursor, "execute", watched)


def _watch_transactions(shim: Shim) -> None:
    """BEGIN, COMMIT, ROLLBACK: the driver sends these itself."""
    command_of: Any = psycopg.Connection._exec_command

    def watched(self: Any, command: Any, result_format: Format = Format.TEXT) -> Any:
        kind = Kind.COMMIT if _plain(command) == "COMMIT" else Kind.STATEMENT
        with shim.around(kind, command):
            return (yield from command_of(self, command, result_format))

    _put(psycopg.Connection, "_exec_command", watched)


def _watch_copies(shim: Shim) -> None:
    copy: Any = psycopg.Cursor.copy

    @contextlib.contextmanager
    def watched(self: Any, statement: Any, *arguments: Any, **options: Any) -> Generator[Any]:
        point = shim.begin(Kind.STATEMENT, statement)
        with copy(self, statement, *arguments, **options) as copying:
            yield copying
            shim.send(point)
        shim.done(point)

    _put(psycopg.Cursor, "copy", watched)


def _watch_requests(shim: Shim) -> None:
    request: Any = http.client.HTTPConnection.request
    getresponse: Any = http.client.HTTPConnection.getresponse
    under_way: dict[int, Point] = {}

    def asked(self: Any, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        point = under_way[id(self)] = shim.begin(Kind.REQUEST, f"{method} {url.partition('?')[0]}")
        shim.send(point)
        return request(self, method, url, *arguments, **options)

    def answered(self: Any) -> Any:
        response = getresponse(self)
        if (point := under_way.pop(id(self), None)) is not None:
            shim.done(point)
        return response

    _put(http.client.HTTPConnection, "request", asked)
    _put(http.client.HTTPConnection, "getresponse", answered)


def _watch_file_call(shim: Shim, name: str) -> None:
    call: Any = getattr(os, name)

    def watched(path: Any, *arguments: Any, **options: Any) -> Any:
        with shim.around(Kind.FILE, f"{name} {_ending(path)}"):
            return call(path, *arguments, **options)

    _put(os, name, watched)


def _ending(path: Any) -> str:
    return Path(os.fsdecode(path)).suffix


def _put(owner: object, name: str, watched: Callable[..., Any]) -> None:
    setattr(owner, name, watched)
