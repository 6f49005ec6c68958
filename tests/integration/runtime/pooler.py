"""A pooler in transaction mode, as small as it can be: every transaction gets the next session.

It speaks just enough of Postgres' protocol (version 3, no TLS, trust authentication) to know where
a transaction ends.
"""

from __future__ import annotations

import contextlib
import itertools
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


def _serve(client: _Wire, server_socket: str, sessions: int) -> None:
    startup = client.read_startup()
    with contextlib.ExitStack() as stack:
        backends: list[_Wire] = []
        greeting = b""
        for _ in range(sessions):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(server_socket)
            sock.sendall(startup)
            backends.append(_Wire(sock))
            greeting, _ = backends[-1].read_until_ready()
        client.sock.sendall(greeting)
        _take_turns(client, backends)


def _take_turns(client: _Wire, backends: list[_Wire]) -> None:
    turn = itertools.cycle(backends)
    backend, idle, request = backends[0], True, b""
    while True:
        kind, message = client.read()
        request += message
        if kind == b"X":
            return
        if kind not in {b"Q", b"S"}:
            continue
        if idle:
            backend = next(turn)
        backend.sock.sendall(request)
        request = b""
        answer, idle = backend.read_until_ready()
        client.sock.sendall(answer)


@contextlib.contextmanager
def transaction_pooler(server_socket: str, *, sessions: int) -> Iterator[int]:
    """Listen on a port of this machine until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    clients: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threading.Thread(target=talk, args=(client,), daemon=True).start()

    def talk(client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            _serve(_Wire(client), server_socket, sessions)

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
