"""The endpoints of the Calendar API: a table of paths, and one function behind each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from tuturuuu_jobs.testing.emulator import reading, writing
from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, not_found
from tuturuuu_jobs.testing.emulator.batches import is_batch
from tuturuuu_jobs.testing.emulator.call import Call
from tuturuuu_jobs.testing.emulator.messages import Request, Response


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table.

    Attributes:
        name: As in Google's discovery document, without the leading ``calendar.``.
        method: The HTTP method.
        path: The path below ``/calendar/v3`` with ``{name}`` for a segment.
        run: What answers it.
    """

    name: str
    method: str
    path: str
    run: Callable[[Call], Response]

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        """The decoded segments if the request is for this endpoint."""
        if method != self.method:
            return None
        found = re.fullmatch(re.sub(r"\{\w+\}", "([^/]+)", self.path), path)
        return tuple(unquote(part) for part in found.groups()) if found else None


_EVENTS: Final = "/calendars/{calendarId}/events"
_EVENT: Final = "/calendars/{calendarId}/events/{eventId}"
_LIST: Final = "/users/me/calendarList"

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("calendarList.list", "GET", _LIST, reading.list_calendars),
    Endpoint("calendarList.get", "GET", f"{_LIST}/{{calendarId}}", reading.get_list_entry),
    Endpoint("calendars.get", "GET", "/calendars/{calendarId}", reading.get_calendar),
    Endpoint("events.list", "GET", _EVENTS, reading.list_events),
    Endpoint("events.get", "GET", _EVENT, reading.get_event),
    Endpoint("events.instances", "GET", f"{_EVENT}/instances", reading.list_instances),
    Endpoint("events.insert", "POST", _EVENTS, writing.insert_event),
    Endpoint("events.import", "POST", f"{_EVENTS}/import", writing.import_event),
    Endpoint("events.patch", "PATCH", _EVENT, writing.patch_event),
    Endpoint("events.update", "PUT", _EVENT, writing.update_event),
    Endpoint("events.delete", "DELETE", _EVENT, writing.delete_event),
    Endpoint("events.move", "POST", f"{_EVENT}/move", writing.move_event),
    Endpoint("colors.get", "GET", "/colors", reading.get_colors),
    Endpoint("settings.get", "GET", "/users/me/settings/timezone", reading.get_timezone),
)
"""What the Calendar API answers; the token endpoint and batches are apart."""

API_PREFIX: Final = "/calendar/v3"
TOKEN_PATH: Final = "/token"


def route(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]] | None:
    """The endpoint of a request and the segments of its path."""
    below = path.removeprefix(API_PREFIX)
    if below == path:
        return None
    for endpoint in ENDPOINTS:
        arguments = endpoint.match(method, below.rstrip("/"))
        if arguments is not None:
            return endpoint, arguments
    return None


def unknown(method: str) -> ApiError:
    """No such path, or a method that the emulator does not imitate (501)."""
    if method == "GET":
        return not_found()
    spec = dataclasses.replace(
        API_ERRORS["400 badRequest"],
        status=501,
        reason="notImplemented",
        message="The emulator does not answer this method; its page lists what it answers.",
    )
    return ApiError(spec)


def name_of(request: Request, routed: tuple[Endpoint, tuple[str, ...]] | None) -> str:
    """The endpoint's name for rules and the log; ``unknown`` if there is none."""
    if request.path == TOKEN_PATH:
        return "token"
    if is_batch(request):
        return "batch"
    return routed[0].name if routed else "unknown"


def names() -> tuple[str, ...]:
    """The names that a fault rule may use as its endpoint."""
    return (*(endpoint.name for endpoint in ENDPOINTS), "batch", "token")
