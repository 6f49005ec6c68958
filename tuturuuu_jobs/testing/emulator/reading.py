"""The endpoints that read: calendars, events, colours, settings."""

from __future__ import annotations

from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import bad_request, not_found
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.call import Call
from tuturuuu_jobs.testing.emulator.fields import mask_for
from tuturuuu_jobs.testing.emulator.messages import Response
from tuturuuu_jobs.testing.emulator.model import Json, Role
from tuturuuu_jobs.testing.emulator.moments import render_updated
from tuturuuu_jobs.testing.emulator.query import parse_instances_query, parse_query
from tuturuuu_jobs.testing.emulator.rendering import Body, events_body

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
    least = _least_role(call)
    mine = [
        calendar
        for calendar in call.world.calendars.values()
        if calendar.roles.get(call.user.lower(), Role.NONE) >= least
    ]
    size = min(call.request.number("maxResults", least=1) or 100, 250)
    begin = call.request.number("pageToken", least=1) or 0
    body: Json = {
        "kind": "calendar#calendarList",
        "etag": '"list"',
        "items": [_entry(calendar, call.user) for calendar in mine[begin : begin + size]],
    }
    if begin + size < len(mine):
        body["nextPageToken"] = str(begin + size)
    return call.answer("CalendarList", body)


def _least_role(call: Call) -> Role:
    try:
        return Role.parse(call.request.one("minAccessRole") or "freeBusyReader")
    except ValueError as error:
        message = "Invalid value for minAccessRole."
        raise bad_request("invalidParameter", message, "minAccessRole") from error


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
    """One event or instance, tombstones too; 304 if the client has it already."""
    calendar, role = call.reachable()
    item = calendar.find(call.arguments[1], call.world.horizon())
    if item is None:
        raise not_found()
    answer = call.event(item, role)
    known = call.request.headers.get("if-none-match", "")
    if answer.headers.get("ETag") in {tag.strip() for tag in known.split(",")}:
        return Response(304, Body(b""), headers=answer.headers)
    return answer


def list_instances(call: Call) -> Response:
    """The instances of one series with its exceptions, in pages."""
    calendar, role = call.reachable()
    query = parse_instances_query(call.request)
    items = calendar.instances(call.arguments[1], call.world.horizon())
    chosen = [item for item in items if query.wants(item)]
    page = call.world.pager.live_page(chosen, query, call.now)
    top = _top(calendar, role, call)
    if page.next_page_token is not None:
        top["nextPageToken"] = page.next_page_token
    return Response(200, events_body(top, page.items, call.view(role, nested=True)))


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
