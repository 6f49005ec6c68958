"""A pooler in transaction mode, as small as it can be: every transaction gets the next session.

It speaks just enough of Postgres' protocol (version 3, no TLS, trust authentication) to know where
a transaction ends.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

_Message = tuple[bytes, bytes]


class _Wire:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise ConnectionError
            data += piece
        return data

    def read_startup(self) -> bytes:
        head = self.exactly(4)
        return head + self.exactly(struct.unpack("!I", head)[0] - 4)

    def read(self) -> _Message:
        kind, head = self.exactly(1), self.exactly(4)
        body = self.exactly(struct.unpack("!I", head)[0] - 4)
        return kind, kind + head + body

    def read_until_ready(self) -> tuple[bytes, bool]:
        """Everything up to ReadyForQuery, and whether the session is idle then."""
        answer = b""
        while True:
            kind, message = self.read()
            answer += message
            if kind == b"Z":
                return answer, message[-1:] == b"I"


class _Sessions:
    """Which session serves a transaction: always the next one, or the one that was free last."""

    def __init__(self, server_socket: str, *, shared: bool, count: int) -> None:
        self._server_socket = server_socket
        self._shared = shared
        self._count = count
        self.free: list[_Wire] = []

    def greet(self, startup: bytes) -> bytes:
        """Open the sessions; what the server says then."""
        greeting = b""
        while len(self.free) < self._count:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self._server_socket)
            sock.sendall(startup)
            session = _Wire(sock)
            greeting, _ = session.read_until_ready()
            self.free.append(session)
        return greeting

    def borrow(self) -> _Wire:
        return self.free.pop() if self._shared else self.free.pop(0)

    def close(self) -> None:
        for session in self.free:
            session.sock.close()


def _serve(client: _Wire, sessions: _Sessions, greeting: bytes) -> None:
    client.sock.sendall(greeting)
    session, request = None, b""
    while True:
        kind, message = client.read()
        request += message
        if kind == b"X":
            return
        if kind not in {b"Q", b"S"}:
            continue
        session = session or sessions.borrow()
        session.sock.sendall(request)
        request = b""
        answer, idle = session.read_until_ready()
        if idle:
            sessions.free.append(session)
            session = None
        client.sock.sendall(answer)


def _with_invented_key(greeting: bytes) -> bytes:
    """A pooler makes up the process id that it tells its clients at the start."""
    at = greeting.index(b"K\x00\x00\x00")
    return greeting[: at + 5] + struct.pack("!I", 1) + greeting[at + 9 :]


@contextlib.contextmanager
def transaction_pooler(server_socket: str, *, sessions: int, shared: bool = False) -> Iterator[int]:
    """Listen on a port of this machine until the block ends.

    Args:
        server_socket: The server's own socket file.
        sessions: How many there are: for each client, or for all of them together.
        shared: All clients share the sessions, and each gets the one that was free last.
    """
    pool = _Sessions(server_socket, shared=True, count=sessions)
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []
    greetings: list[bytes] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client: socket.socket) -> None:
        own = pool if shared else _Sessions(server_socket, shared=False, count=sessions)
        with contextlib.suppress(OSError), client:
            wire = _Wire(client)
            greeting = own.greet(wire.read_startup()) or greetings[-1]
            greetings.append(greeting)
            _serve(wire, own, _with_invented_key(greeting) if shared else greeting)
        if not shared:
            own.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for client in clients:
            client.close()
        thread.join()
        pool.close()
