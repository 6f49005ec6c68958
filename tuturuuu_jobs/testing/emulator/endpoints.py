"""The endpoints of the Calendar API: a table of paths, and one function behind each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import unquote

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, not_found
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.faults import Fault
from tuturuuu_jobs.testing.emulator.fields import apply_mask, mask_for
from tuturuuu_jobs.testing.emulator.listing import Pager
from tuturuuu_jobs.testing.emulator.messages import Request, Response, json_response
from tuturuuu_jobs.testing.emulator.model import Json, Role
from tuturuuu_jobs.testing.emulator.moments import render_updated, zone_named
from tuturuuu_jobs.testing.emulator.query import parse_query
from tuturuuu_jobs.testing.emulator.rendering import Body, View, events_body, item_text
from tuturuuu_jobs.testing.emulator.switches import Switches

COLORS: Final[Json] = {
    "kind": "calendar#colors",
    "updated": "2026-01-01T00:00:00.000Z",
    "calendar": {"1": {"background": "#ac725e", "foreground": "#1d1d1d"}},
    "event": {
        str(number): {"background": background, "foreground": "#1d1d1d"}
        for number, background in enumerate(
            (
                "#a4bdfc",
                "#7ae7bf",
                "#dbadff",
                "#ff887c",
                "#fbd75b",
                "#ffb878",
                "#46d6db",
                "#e1e1e1",
                "#5484ed",
                "#51b749",
                "#dc2127",
            ),
            start=1,
        )
    },
}


class World(Protocol):
    """What endpoints may see of the emulator."""

    @property
    def calendars(self) -> dict[str, Calendar]:
        """Every calendar by lower-case id."""
        ...

    @property
    def pager(self) -> Pager:
        """Makes the pages of listings."""
        ...

    @property
    def switches(self) -> Switches:
        """The choices of the moment."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request at an endpoint."""

    world: World
    request: Request
    arguments: tuple[str, ...]
    user: str
    now: datetime
    faults: Sequence[Fault]

    def reachable(self) -> tuple[Calendar, Role]:
        """The calendar of the path and the caller's role; ApiError 404 without access."""
        key = resolve_id(self.arguments[0], self.user)
        calendar = self.world.calendars.get(key.lower())
        if calendar is None:
            raise not_found()
        role = calendar.roles.get(self.user.lower(), Role.NONE)
        if role is Role.NONE:
            raise not_found()
        return calendar, role

    def answer(self, resource: str, value: Json) -> Response:
        """The resource, reduced to the fields that were asked for."""
        mask = mask_for(resource, self.request.one("fields"))
        return json_response(apply_mask(value, mask), pretty=self.request.pretty)

    def view(self, role: Role, *, nested: bool) -> View:
        """How this request wants events rendered."""
        zone = self.request.one("timeZone")
        return View(
            role=role,
            fields=self.request.one("fields"),
            zone=zone_named(zone) if zone else None,
            max_attendees=self.request.number("maxAttendees", least=1),
            pretty=self.request.pretty,
            nested=nested,
        )


def resolve_id(calendar_id: str, user: str) -> str:
    """The id behind the alias ``primary``, which is the caller's own address."""
    return user if calendar_id == "primary" else calendar_id


def get_calendar(call: Call) -> Response:
    """The calendar's own data; resolves the alias."""
    calendar, _ = call.reachable()
    body = {
        "kind": "calendar#calendar",
        "etag": f'"{calendar.id}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
    }
    return call.answer("Calendar", body)


def _entry(calendar: Calendar, user: str) -> Json:
    role = calendar.roles[user.lower()]
    body: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": f'"{calendar.id}"',
        "id": calendar.id,
        "summary": calendar.summary,
        "timeZone": calendar.time_zone,
        "colorId": "1",
        "backgroundColor": "#ac725e",
        "foregroundColor": "#000000",
        "selected": True,
        "accessRole": role.text,
        "defaultReminders": [],
        "dataOwner": calendar.owner,
    }
    return body | ({"primary": True} if calendar.id.lower() == user.lower() else {})


def get_list_entry(call: Call) -> Response:
    """One calendar as the caller has it in the list, with the role."""
    calendar, _ = call.reachable()
    return call.answer("CalendarListEntry", _entry(calendar, call.user))


def list_calendars(call: Call) -> Response:
    """Every calendar the caller may see, in the order of creation, in pages."""
    least = Role.parse(call.request.one("minAccessRole") or "freeBusyReader")
    mine = [
        calendar
        for calendar in call.world.calendars.values()
        if calendar.roles.get(call.user.lower(), Role.NONE) >= least
    ]
    size = min(call.request.number("maxResults", least=1) or 100, 250)
    begin = int(call.request.one("pageToken") or 0)
    body: Json = {
        "kind": "calendar#calendarList",
        "etag": '"list"',
        "items": [_entry(calendar, call.user) for calendar in mine[begin : begin + size]],
    }
    if begin + size < len(mine):
        body["nextPageToken"] = str(begin + size)
    return call.answer("CalendarList", body)


def list_events(call: Call) -> Response:
    """A page of a full listing or of a delta."""
    calendar, role = call.reachable()
    query = parse_query(call.request)
    view = call.view(role, nested=True)
    mask_for("Events", view.fields)
    page = call.world.pager.page(calendar, call.user, query, call.now, call.faults)
    top = _top(calendar, role, call)
    if page.next_page_token is not None:
        top["nextPageToken"] = page.next_page_token
    if page.next_sync_token is not None:
        top["nextSyncToken"] = page.next_sync_token
    return Response(200, events_body(top, page.items, view))


def _top(calendar: Calendar, role: Role, call: Call) -> Json:
    return {
        "kind": "calendar#events",
        "etag": f'"{calendar.seq}"',
        "summary": calendar.summary,
        "description": "",
        "updated": render_updated(call.now),
        "timeZone": call.request.one("timeZone") or calendar.time_zone,
        "accessRole": role.text,
        "defaultReminders": [],
    }


def get_event(call: Call) -> Response:
    """One event or instance, tombstones too."""
    calendar, role = call.reachable()
    horizon = call.world.switches.horizon_at(call.now)
    item = calendar.find(call.arguments[1], horizon)
    if item is None:
        raise not_found()
    return Response(200, Body(item_text(item, call.view(role, nested=False))))


def list_instances(call: Call) -> Response:
    """The instances of one series with its exceptions, in one page of up to 2,500."""
    calendar, role = call.reachable()
    horizon = call.world.switches.horizon_at(call.now)
    items = calendar.instances(call.arguments[1], horizon)
    if call.request.flag("showDeleted") is not True:
        items = [item for item in items if not item.cancelled]
    return Response(
        200, events_body(_top(calendar, role, call), items, call.view(role, nested=True))
    )


def get_colors(call: Call) -> Response:
    """The palette that ``colorId`` refers to."""
    return call.answer("Colors", COLORS)


def get_timezone(call: Call) -> Response:
    """The account's zone: that of its primary calendar."""
    primary = call.world.calendars.get(call.user.lower())
    body = {
        "kind": "calendar#setting",
        "etag": '"timezone"',
        "id": "timezone",
        "value": primary.time_zone if primary else "UTC",
    }
    return call.answer("Setting", body)


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


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("calendarList.list", "GET", "/users/me/calendarList", list_calendars),
    Endpoint("calendarList.get", "GET", "/users/me/calendarList/{calendarId}", get_list_entry),
    Endpoint("calendars.get", "GET", "/calendars/{calendarId}", get_calendar),
    Endpoint("events.list", "GET", "/calendars/{calendarId}/events", list_events),
    Endpoint("events.get", "GET", "/calendars/{calendarId}/events/{eventId}", get_event),
    Endpoint(
        "events.instances",
        "GET",
        "/calendars/{calendarId}/events/{eventId}/instances",
        list_instances,
    ),
    Endpoint("colors.get", "GET", "/colors", get_colors),
    Endpoint("settings.get", "GET", "/users/me/settings/timezone", get_timezone),
)
"""What the Calendar API answers so far; the token endpoint is apart."""

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
    """No such path, or a method the emulator does not speak yet."""
    if method == "GET":
        return not_found()
    spec = dataclasses.replace(
        API_ERRORS["400 badRequest"],
        status=501,
        reason="notImplemented",
        message="The emulator does not write yet.",
    )
    return ApiError(spec)


def names() -> tuple[str, ...]:
    """The names that a fault rule may use as its endpoint."""
    return (*(endpoint.name for endpoint in ENDPOINTS), "token")
