"""The endpoints that write events: who may, under which condition, and what the answer is.

``sendUpdates`` and its old form are read and checked, and nothing is sent to anybody.
"""

from __future__ import annotations

import json
from typing import Final

from tuturuuu_jobs.testing.emulator import drafts
from tuturuuu_jobs.testing.emulator.api_errors import (
    API_ERRORS,
    WRITE_ERRORS,
    ApiError,
    bad_request,
    not_found,
)
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.call import Call
from tuturuuu_jobs.testing.emulator.drafts import Host
from tuturuuu_jobs.testing.emulator.messages import Response
from tuturuuu_jobs.testing.emulator.model import Item, Json, Role
from tuturuuu_jobs.testing.emulator.moving import move
from tuturuuu_jobs.testing.emulator.rendering import Body

_AUDIENCES: Final = frozenset({"all", "externalOnly", "none"})


def insert_event(call: Call) -> Response:
    """Create an event, under an id of the client's choice or a new one."""
    calendar, role = call.writable()
    body = _body(call)
    if "iCalUID" in body:
        if "id" in body:
            raise bad_request("invalid", "Invalid resource id value.")
        if calendar.with_uid(str(body["iCalUID"])):
            raise ApiError(API_ERRORS["409 duplicate"])
    event_id = drafts.check_id(body["id"]) if "id" in body else call.world.new_id()
    if event_id in calendar.entries:
        raise ApiError(API_ERRORS["409 duplicate"])
    return _stored(call, calendar, role, drafts.fresh(body, event_id, _host(call, calendar)))


def import_event(call: Call) -> Response:
    """Add a private copy of an event that has an iCalUID of its own."""
    calendar, role = call.writable()
    body = _body(call)
    uid = body.get("iCalUID")
    if not isinstance(uid, str) or not uid:
        raise bad_request("required", "Missing iCalUID.")
    known = calendar.with_uid(uid)
    if known is not None and not call.world.switches.import_replaces:
        raise ApiError(API_ERRORS["409 duplicate"])
    host = _host(call, calendar)
    event = {**drafts.fresh(body, known or drafts.import_id(uid), host), "eventType": "default"}
    if "organizer" in body:
        event |= _foreign(body, host)
    return _stored(call, calendar, role, event)


def _foreign(body: Json, host: Host) -> Json:
    """The organiser of an import; the calendar must be that or an attendee."""

    def is_host(person: object) -> bool:
        return isinstance(person, dict) and str(person.get("email", "")).lower() == host.id.lower()

    if is_host(body["organizer"]):
        return {"organizer": {**body["organizer"], "self": True}}
    if not any(is_host(person) for person in body.get("attendees") or ()):
        raise ApiError(WRITE_ERRORS["400 participantIsNeitherOrganizerNorAttendee"])
    return {"organizer": body["organizer"], "privateCopy": True}


def patch_event(call: Call) -> Response:
    """Change the fields that the body names, of an event, a series, or one instance."""
    calendar, role = call.writable()
    item = _existing(call, calendar, role)
    new = drafts.patched(item.body, _body(call), _host(call, calendar))
    return _changed(call, calendar, role, item.body, new)


def update_event(call: Call) -> Response:
    """Replace an event, a series, or one instance; what the body leaves out is cleared."""
    calendar, role = call.writable()
    item = _existing(call, calendar, role)
    new = drafts.replaced(item.body, _body(call), _ignored(call), _host(call, calendar))
    return _changed(call, calendar, role, item.body, new)


def delete_event(call: Call) -> Response:
    """Delete an event, a series with its exceptions, or one instance; 410 the second time."""
    calendar, role = call.writable()
    item = _existing(call, calendar, role)
    # The organiser's tombstone keeps what the event was, so that it can be restored.
    details = "recurringEventId" not in item.body
    calendar.delete(call.arguments[1], call.world.stamp(), call.world.horizon(), details=details)
    return Response(204, Body(b""))


def move_event(call: Call) -> Response:
    """Move an event with its exceptions to another calendar; a bare tombstone stays behind."""
    calendar, role = call.writable()
    destination = call.request.one("destination")
    if not destination:
        raise bad_request("required", "Required parameter: destination", "destination")
    item = _existing(call, calendar, role)
    target, target_role = call.writable(destination)
    if item.cancelled:
        raise not_found()
    if "recurringEventId" in item.body:
        raise ApiError(WRITE_ERRORS["400 cannotChangeOrganizerOfInstance"])
    if item.body.get("eventType", "default") != "default" or target is calendar:
        raise ApiError(WRITE_ERRORS["400 cannotChangeOrganizer"])
    if target.living(item.id):
        raise ApiError(API_ERRORS["409 duplicate"])
    organizer = _host(call, target).organizer
    stamp, horizon = call.world.stamp(), call.world.horizon()
    moved = move(calendar, target, item.id, organizer, stamp=stamp, horizon=horizon)
    return call.event(moved.item, target_role)


def _body(call: Call) -> Json:
    audience = call.request.one("sendUpdates")
    if audience is not None and audience not in _AUDIENCES:
        raise bad_request("invalidParameter", "Invalid value for sendUpdates.", "sendUpdates")
    call.request.flag("sendNotifications")
    try:
        body = drafts.known_fields(json.loads(call.request.body))
    except ValueError as error:
        raise ApiError(API_ERRORS["400 parseError"]) from error
    return {name: value for name, value in body.items() if name not in _ignored(call)}


def _ignored(call: Call) -> frozenset[str]:
    """Fields that a client must say it understands before it may write them."""
    ignored = {"colorId"} if call.request.one("eventLabelVersion") == "1" else {"eventLabelId"}
    if call.request.one("conferenceDataVersion") != "1":
        ignored.add("conferenceData")
    if call.request.flag("supportsAttachments") is not True:
        ignored.add("attachments")
    return frozenset(ignored)


def _host(call: Call, calendar: Calendar) -> Host:
    return Host(calendar.id, calendar.owner, calendar.summary, calendar.zone, call.user)


def _existing(call: Call, calendar: Calendar, role: Role) -> Item:
    """The event of the path, if the request's condition holds and the caller may change it."""
    item = calendar.restorable(call.arguments[1], call.world.horizon())
    if item is None:
        raise not_found()
    wanted = call.request.headers.get("if-match")
    if wanted is not None and "*" not in wanted:
        tags = {tag.strip() for tag in wanted.split(",")}
        if item.body.get("etag") not in tags:
            raise ApiError(API_ERRORS["412 conditionNotMet"])
    private = item.body.get("visibility") in {"private", "confidential"}
    if private and role is Role.WRITER_WITHOUT_PRIVATE_ACCESS:
        raise ApiError(API_ERRORS["403 forbidden"])
    return item


def _changed(call: Call, calendar: Calendar, role: Role, old: Json, new: Json) -> Response:
    if new.get("eventType", "default") != old.get("eventType", "default"):
        raise ApiError(WRITE_ERRORS["400 eventTypeRestriction"])
    drafts.check_organizer(old, new)
    return _stored(call, calendar, role, new)


def _stored(call: Call, calendar: Calendar, role: Role, event: Json) -> Response:
    body = drafts.checked(event, _host(call, calendar))
    stored = calendar.put(body, call.world.stamp())
    return call.event(stored.item, role)
