"""The HTTP server: keep-alive, method override, one thread per connection, a clean stop."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from tuturuuu_jobs.testing.emulator.messages import Request, parsed_request
from tuturuuu_jobs.testing.emulator.wire import Ending, Transmission

Answer = Callable[[Request], Transmission]


class Server(ThreadingHTTPServer):
    """Serves `answer` on a port of its own choice and can be stopped without leaving threads."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, host: str, port: int, answer: Answer, stopping: threading.Event) -> None:
        super().__init__((host, port), _Handler)
        self.answer = answer
        self.stopping = stopping
        self.resetting: set[int] = set()
        self._open: dict[int, socket.socket] = {}
        self._workers: set[threading.Thread] = set()
        self._guard = threading.Lock()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def launch(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def halt(self) -> None:
        """Stop listening, hang up every connection, and wait until its thread is done."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        with self._guard:
            connections, workers = list(self._open.values()), list(self._workers)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()
        for thread in workers:
            thread.join(timeout=5)

    @override
    def process_request(self, request: Any, client_address: Any) -> None:
        # Named after the client's port, by which its process can be found.
        name = f"client {client_address[1]}"
        work, given = self._work, (request, client_address)
        thread = threading.Thread(target=work, args=given, name=name, daemon=True)
        with self._guard:
            self._open[id(request)] = request
            self._workers.add(thread)
        thread.start()

    def _work(self, request: Any, client_address: Any) -> None:
        try:
            self.process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._open.pop(id(request), None)
                self._workers.discard(threading.current_thread())

    @override
    def shutdown_request(self, request: Any) -> None:
        # A reset must be the first thing the client sees, so there is no orderly end before it.
        if id(request) in self.resetting:
            self.resetting.discard(id(request))
            self.close_request(request)
        else:
            super().shutdown_request(request)

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is kept for the test to see."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]  # Made by it alone.

    def _serve(self) -> None:
        try:
            body = self._body()
        except (OSError, ValueError, EOFError, zlib.error):
            self.send_error(400, "cannot read the body of the request")
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = parsed_request(self.command, self.path, headers, body)
        self._send(self.server.answer(request))

    def _body(self) -> bytes:
        """The body, whole or in chunks, plain or compressed: clients differ."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            body = b"".join(self._chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(1024).partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(65536).strip():
            continue

    def _send(self, sending: Transmission) -> None:
        if sending.first:
            self.connection.sendall(sending.first)
        if sending.pause_s:
            self.server.stopping.wait(sending.pause_s)
        if sending.rest:
            self.connection.sendall(sending.rest)
        if sending.ending is Ending.RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.server.resetting.add(id(self.request))
        if sending.ending is not Ending.KEEP or self.server.stopping.is_set():
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # The base's names.

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the emulator keeps a log of its own, without tokens."""
