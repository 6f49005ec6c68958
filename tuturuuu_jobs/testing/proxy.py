"""A TCP proxy in front of a database, to cut, delay, stall and refuse its traffic on demand.

It runs in threads of this process. A cut at a named moment is exact: ``cut_before`` drops the
connection while the matching bytes are still here, ``cut_after`` only when the server's answer has
come back here, so that the effect is certain and the client cannot know it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

LOOPBACK: Final = "127.0.0.1"
CHUNK: Final = 65536
CONNECT_TIMEOUT_S: Final = 10.0


@dataclasses.dataclass(slots=True)
class _Trap:
    needle: bytes
    forwards: bool
    to_skip: int
    sprung: threading.Event = dataclasses.field(default_factory=threading.Event)


class _Link:
    """One client's connection and the one made for it to the server."""

    def __init__(self, client: socket.socket, upstream: socket.socket) -> None:
        self.client = client
        self.upstream = upstream
        self.closed = False
        self.trap: _Trap | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Drop both sides; dropped already is fine."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            for side in (self.client, self.upstream):
                # Wakes a thread that reads from it, which close alone does not.
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)
                side.close()


class FaultProxy:
    """Listens on a free port of 127.0.0.1 from construction on; a context manager.

    Args:
        upstream_host: Where the server is.
        upstream_port: Its port.
    """

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        self._upstream = (upstream_host, upstream_port)
        self._gate = threading.Condition()
        self._stopped = False
        self._stalled = False
        self._delay_s = 0.0
        self._traps: list[_Trap] = []
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._accepted = 0
        # Never listens: it keeps the port ours while new connections are refused.
        self._reservation = _bound(0)
        self.port: int = self._reservation.getsockname()[1]
        self._listener: socket.socket | None = None
        self._listen()

    @classmethod
    def before(cls, tcp_dsn: str) -> FaultProxy:
        """A proxy in front of the server that this connection string names."""
        parts = conninfo_to_dict(tcp_dsn)
        return cls(str(parts["host"]), int(str(parts["port"])))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def connections(self) -> int:
        """How many connections were accepted so far."""
        return self._accepted

    @property
    def open_connections(self) -> int:
        """How many of them are open now."""
        with self._gate:
            return len(self._links)

    def dsn(self, tcp_dsn: str) -> str:
        """The same connection string, led through this proxy."""
        return make_conninfo(tcp_dsn, host=LOOPBACK, port=self.port)

    def cut(self) -> int:
        """Drop every open connection; new ones are welcome. Returns how many there were."""
        with self._gate:
            links = list(self._links)
        for link in links:
            self._drop(link)
        return len(links)

    def refuse(self) -> None:
        """Refuse new connections, as a server that is down does; open ones go on."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def stall(self) -> None:
        """Let no byte through in either direction, as a network that has gone silent."""
        with self._gate:
            self._stalled = True

    def delay(self, seconds: float) -> None:
        """Hold every chunk back that long, in both directions; 0 for no delay."""
        with self._gate:
            self._delay_s = seconds

    def resume(self) -> None:
        """Everything back to normal: nothing stalled, delayed, refused or waiting to be cut."""
        with self._gate:
            self._stalled = False
            self._delay_s = 0.0
            self._traps.clear()
            self._gate.notify_all()
        if self._listener is None:
            self._listen()

    def cut_before(self, needle: bytes, *, skip: int = 0) -> threading.Event:
        """Cut a client's connection when it sends ``needle``, which the server never sees.

        ``skip`` lets that many occurrences pass first. Happens once; the event tells when it has.
        """
        return self._set(_Trap(needle, forwards=False, to_skip=skip))

    def cut_after(self, needle: bytes, *, skip: int = 0) -> threading.Event:
        """As ``cut_before``, but the server has done it, and only its answer is lost.

        Answers of a pipeline may arrive earlier than that of the ``needle`` inside it.
        """
        return self._set(_Trap(needle, forwards=True, to_skip=skip))

    def stop(self) -> None:
        """Refuse, cut, and wait for the threads."""
        with self._gate:
            self._stopped = True
        self.refuse()
        self.cut()
        for thread in self._threads:
            thread.join()
        self._reservation.close()

    def _set(self, trap: _Trap) -> threading.Event:
        with self._gate:
            self._traps.append(trap)
        return trap.sprung

    def _listen(self) -> None:
        listener = _bound(self.port)
        listener.listen(128)
        self._listener = listener
        self._start(lambda: self._accept(listener))

    def _start(self, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        # An error means that the listener was closed.
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._accepted += 1
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            upstream = socket.create_connection(self._upstream, CONNECT_TIMEOUT_S)
        except OSError:
            client.close()
            return
        upstream.settimeout(None)
        for side in (client, upstream):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(client, upstream)
        with self._gate:
            if self._stopped:
                link.close()
                return
            self._links.add(link)
            self._start(lambda: self._carry(link, self._requests))
            self._start(lambda: self._carry(link, self._answers))

    def _carry(self, link: _Link, direction: Callable[[_Link], None]) -> None:
        # An error means that one side is gone; then so is the other.
        with contextlib.suppress(OSError):
            direction(link)
        self._drop(link)

    def _requests(self, link: _Link) -> None:
        before = b""
        while chunk := link.client.recv(CHUNK):
            self._wait_at_gate(link)
            trap = self._sprung_by(before, chunk)
            if trap is not None:
                if not trap.forwards:
                    self._spring(trap, link)
                    return
                link.trap = trap
            link.upstream.sendall(chunk)
            before = (before + chunk)[-CHUNK:]

    def _answers(self, link: _Link) -> None:
        while chunk := link.upstream.recv(CHUNK):
            self._wait_at_gate(link)
            if link.trap is not None:
                self._spring(link.trap, link)
                return
            link.client.sendall(chunk)

    def _sprung_by(self, before: bytes, chunk: bytes) -> _Trap | None:
        """The trap that this chunk completes, if any; it is taken down."""
        with self._gate:
            for trap in self._traps:
                # Of what passed before, less than a whole needle: that one was counted.
                seam = before[max(0, len(before) - len(trap.needle) + 1) :]
                occurrences = (seam + chunk).count(trap.needle)
                if occurrences > trap.to_skip:
                    self._traps.remove(trap)
                    return trap
                trap.to_skip -= occurrences
        return None

    def _spring(self, trap: _Trap, link: _Link) -> None:
        self._drop(link)
        trap.sprung.set()

    def _wait_at_gate(self, link: _Link) -> None:
        with self._gate:
            if self._delay_s:
                self._gate.wait_for(lambda: link.closed, self._delay_s)
            self._gate.wait_for(lambda: link.closed or not self._stalled)

    def _drop(self, link: _Link) -> None:
        link.close()
        with self._gate:
            self._links.discard(link)
            self._gate.notify_all()


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    bound.bind((LOOPBACK, port))
    return bound
