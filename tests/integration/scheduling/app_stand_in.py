"""Both routes of the app that schedule a workspace, as far as a caller sees them, over HTTP."""

from __future__ import annotations

import dataclasses
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from typing_extensions import override

CRON_SECRET = "cnrycron5b1f"
TRIGGER_SECRET = "cnrytrigger5b1f"

SUMMARY = {
    "habitsScheduled": 2,
    "tasksScheduled": 1,
    "eventsTotal": 9,
    "eventsUpdated": 1,
    "eventsCreated": 3,
    "eventsDeleted": 0,
    "eventsReused": 0,
    "clearedHabitEvents": 0,
    "windowDays": 30,
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Answered:
    """An answer that takes the place of the app's own; raw bytes are the whole of it."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None


class StandIn:
    """The app, until the with statement ends.

    Attributes:
        asked: Every request, in order.
        answers: Instead of the app's own answer, one for each request.
        personal: Workspaces that the route for crons refuses.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[Answered] = []
        self.personal: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def origin(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> Answered:
        """As the app answers (its status codes and bodies)."""
        parts = urlsplit(asked.path).path.strip("/").split("/")
        match parts:
            case ["api", _, "calendar", "auto-schedule"]:
                if asked.headers.get("x-internal-trigger-secret-key") != TRIGGER_SECRET:
                    return Answered(401, {"error": "Invalid secret key"})
                return Answered(200, {"message": "Optimization complete!"})
            case ["api", "v1", "workspaces", ws_id, "calendar", "schedule"]:
                bearer = asked.headers.get("authorization")
                if bearer != f"Bearer {CRON_SECRET}" or ws_id in self.personal:
                    return Answered(401, {"error": "Unauthorized"})
                body = {"success": True, "summary": SUMMARY, "events": [], "warnings": []}
                return Answered(200, body)
            case _:
                return Answered(404, {"error": "Not found"})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.path, headers, json.loads(self.rfile.read(length)))
                stand_in.asked.append(asked)
                queued = stand_in.answers
                answered = queued.pop(0) if queued else stand_in.answer(asked)
                if answered.raw is not None:
                    self.wfile.write(answered.raw)
                    return
                content = json.dumps(answered.body).encode()
                self.send_response(answered.status)
                for name, value in answered.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST  # noqa: N815 - as above; a redirect would come back as one.

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        return Handler
