"""The body of a write: read, merged into what is stored, and refused where Google refuses it.

Nothing here knows HTTP or changes a calendar. Fields that only Google sets are never taken from a
body, and names that the resource does not have are dropped.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, bad_request
from tuturuuu_jobs.testing.emulator.fields import resource_fields
from tuturuuu_jobs.testing.emulator.model import Json, series_of
from tuturuuu_jobs.testing.emulator.moments import edge_instant, zone_named
from tuturuuu_jobs.testing.emulator.query import EVENT_TYPES
from tuturuuu_jobs.testing.emulator.recurrence import occurrences

SET_BY_GOOGLE: Final = frozenset(
    {
        "kind",
        "etag",
        "id",
        "iCalUID",
        "htmlLink",
        "created",
        "updated",
        "creator",
        "organizer",
        "recurringEventId",
        "originalStartTime",
        "hangoutLink",
        "locked",
        "privateCopy",
        "endTimeUnspecified",
        "attendeesOmitted",
    }
)
"""Fields of a stored event that no patch or update changes."""

_ONE_S_OWN: Final = frozenset(
    {"attendees", "reminders", "colorId", "eventLabelId", "transparency", "visibility", "status"}
    | {"extendedProperties", "sequence"}
    | SET_BY_GOOGLE
)
"""What an invited person may change on the own copy."""

_OBJECTS: Final = frozenset(
    {"birthdayProperties", "conferenceData", "creator", "end", "extendedProperties"}
    | {"focusTimeProperties", "gadget", "organizer", "originalStartTime"}
    | {"outOfOfficeProperties", "reminders", "source", "start", "workingLocationProperties"}
)
_ARRAYS: Final = frozenset({"attachments", "attendees", "recurrence"})
_FLAGS: Final = frozenset(
    {"anyoneCanAddSelf", "attendeesOmitted", "endTimeUnspecified", "guestsCanInviteOthers"}
    | {"guestsCanModify", "guestsCanSeeOtherGuests", "locked", "privateCopy"}
)
_NUMBERS: Final = frozenset({"sequence"})
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "status": frozenset({"confirmed", "tentative", "cancelled"}),
    "transparency": frozenset({"opaque", "transparent"}),
    "visibility": frozenset({"default", "public", "private", "confidential"}),
    "eventType": EVENT_TYPES - {"fromGmail"},
}
_ID: Final = re.compile(r"[a-v0-9]{5,1024}")
_OURS: Final = re.compile(r"[a-v0-9]{5,1024}(_R\d{8}(T\d{6})?)?")
_LINE: Final = re.compile(r"(RRULE|RDATE|EXDATE)[;:]", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """The calendar that a write is for, as far as its events show it.

    Attributes:
        id: The calendar's id.
        owner: Its owner's address.
        summary: Its title.
        zone: Its zone.
        user: Who writes.
    """

    id: str
    owner: str
    summary: str
    zone: tzinfo
    user: str

    @property
    def organizer(self) -> Json:
        """The calendar as an organiser; a secondary one shows its title."""
        named = {"displayName": self.summary} if self.id.lower() != self.owner.lower() else {}
        return {"email": self.id, **named, "self": True}

    @property
    def creator(self) -> Json:
        """Who writes, as a creator."""
        return {"email": self.user, **({"self": True} if self.user == self.id else {})}


def known_fields(body: Any) -> Json:
    """The body without names that an event does not have; ApiError 400 if it is no such object."""
    if not isinstance(body, dict):
        raise ApiError(API_ERRORS["400 parseError"])
    fields = resource_fields("Event", body)
    for name, value in fields.items():
        is_kind = isinstance(value, kind_of(name)) and isinstance(value, bool) == (name in _FLAGS)
        if value is not None and not is_kind:
            raise bad_request("invalid", f"Invalid value for {name}.")
    return fields


def kind_of(name: str) -> type:
    """What JSON holds a field of an event."""
    kinds = ((_OBJECTS, dict), (_ARRAYS, list), (_FLAGS, bool), (_NUMBERS, int))
    return next((kind for names, kind in kinds if name in names), str)


def check_id(event_id: Any) -> str:
    """An id that a client may choose; ApiError 400 for any other."""
    if not isinstance(event_id, str) or _ID.fullmatch(event_id) is None:
        raise bad_request("invalid", "Invalid resource id value.")
    return event_id


def import_id(ical_uid: str) -> str:
    """The id of an imported event, which its iCalUID decides."""
    local, _, domain = ical_uid.rpartition("@")
    if domain == "google.com" and _OURS.fullmatch(local):
        return local
    text = base64.b32hexencode(ical_uid.encode(errors="surrogatepass")).decode().rstrip("=").lower()
    return f"_{text}"[:1024]


def fresh(body: Json, event_id: str, host: Host) -> Json:
    """A new event: the body, and what Google says of every event at its birth."""
    eid = base64.urlsafe_b64encode(f"{event_id} {host.id}".encode()).decode().rstrip("=")
    own = merged({}, body)
    return {
        "reminders": {"useDefault": True},
        **{name: value for name, value in own.items() if name not in SET_BY_GOOGLE},
        **({"iCalUID": own["iCalUID"]} if "iCalUID" in own else {}),
        "id": event_id,
        "htmlLink": f"https://www.google.com/calendar/event?eid={eid}",
        "creator": host.creator,
        "organizer": host.organizer,
    }


def merged(old: Any, changes: Any) -> Any:
    """Patch semantics: objects are merged, null takes a field away, arrays are replaced."""
    if not isinstance(changes, dict):
        return changes
    out: Json = dict(old) if isinstance(old, dict) else {}
    for name, value in changes.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merged(out.get(name), value)
    return out


def patched(old: Json, changes: Json, host: Host) -> Json:
    """The event after a patch."""
    allowed = {name: value for name, value in changes.items() if name not in SET_BY_GOOGLE}
    return _with_sequence(old, merged(old, allowed), host.zone)


def replaced(old: Json, body: Json, kept: frozenset[str], host: Host) -> Json:
    """The event after an update: what the body leaves out is gone, but for `kept`."""
    carried = SET_BY_GOOGLE | kept | {"sequence", "eventType"}
    given = merged({}, body).items()
    return _with_sequence(
        old,
        {
            "status": "confirmed",
            **{name: value for name, value in old.items() if name in carried},
            **{name: value for name, value in given if name not in SET_BY_GOOGLE | kept},
        },
        host.zone,
    )


def _with_sequence(old: Json, new: Json, zone: tzinfo) -> Json:
    """The iCalendar revision: it never falls, and rises with the times, the rule, the status."""
    before = int(old.get("sequence", 0))
    given = int(new.get("sequence", before))
    changed = _schedule(old, zone) != _schedule(new, zone)
    return {**new, "sequence": max(before + changed, given)}


def _schedule(body: Json, zone: tzinfo) -> tuple[Any, ...]:
    """What guests must know of; the same moment may be written in several ways."""
    edges: list[Any] = []
    for name in ("start", "end"):
        edge: Any = body.get(name)
        try:
            edges.append(("date" in edge, edge_instant(edge, zone), edge.get("timeZone")))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            edges.append(edge)
    return (*edges, body.get("recurrence"), body.get("status"))


def checked(body: Json, host: Host) -> Json:
    """The event if Google would take it, its attendees completed; ApiError 400 otherwise."""
    for name, words in _WORDS.items():
        if name in body and body[name] not in words:
            raise bad_request("invalid", f"Invalid value for {name}.")
    if body.get("sequence", 0) < 0:
        raise bad_request("invalid", "Invalid value for sequence.")
    if body.get("status") != "cancelled":
        _check_times(body, host.zone)
        _check_recurrence(body, host.zone)
    if body.get("eventType") == "birthday" and "extendedProperties" in body:
        raise bad_request("invalid", "Birthday events have no extended properties.")
    if "attendees" not in body:
        return body
    return {**body, "attendees": [_attendee(person, host) for person in body["attendees"]]}


def check_organizer(old: Json, new: Json) -> None:
    """An invited person changes only what is the own copy's; ApiError 403 otherwise."""
    organizer = old.get("organizer") or {}
    if organizer.get("self", not organizer) or old.get("guestsCanModify"):
        return
    shared = (set(old) | set(new)) - _ONE_S_OWN
    if any(old.get(name) != new.get(name) for name in shared):
        raise ApiError(API_ERRORS["403 forbiddenForNonOrganizer"])


def _attendee(person: Any, host: Host) -> Json:
    if not isinstance(person, dict) or not person.get("email"):
        raise bad_request("required", "Missing attendee email.")
    shown: Json = {"responseStatus": "needsAction", **person}
    shown.pop("self", None)
    if str(shown["email"]).lower() == host.id.lower():
        shown["self"] = True
    return shown


def _check_times(body: Json, zone: tzinfo) -> None:
    start, end = (_edge(body, name, zone) for name in ("start", "end"))
    if ("date" in body["start"]) != ("date" in body["end"]):
        raise bad_request("invalid", "Start and end times must either both be date or dateTime.")
    if end < start:
        raise ApiError(dataclasses.replace(API_ERRORS["400 timeRangeEmpty"], location=None))


def _edge(body: Json, name: str, zone: tzinfo) -> datetime:
    edge: Any = body.get(name)
    if edge is None:
        raise bad_request("required", f"Missing {name} time.")
    if not isinstance(edge, dict) or ("date" in edge) == ("dateTime" in edge):
        raise bad_request("invalid", f"Invalid {name} time.")
    if "timeZone" in edge:
        _parsed(
            lambda: zone_named(edge["timeZone"]), f"Invalid time zone definition for {name} time."
        )
    elif "dateTime" in edge and ("recurrence" in body or _is_naive(edge["dateTime"], name)):
        raise bad_request("required", f"Missing time zone definition for {name} time.")
    moment: datetime = _parsed(lambda: edge_instant(edge, zone), f"Invalid {name} time.")
    return moment


def _is_naive(text: Any, name: str) -> bool:
    moment: datetime = _parsed(lambda: datetime.fromisoformat(text), f"Invalid {name} time.")
    return moment.tzinfo is None


def _check_recurrence(body: Json, zone: tzinfo) -> None:
    if "recurrence" not in body:
        return
    lines: Any = body["recurrence"]
    readable = isinstance(lines, list) and all(
        isinstance(line, str) and _LINE.match(line)
        for line in lines  # pyright: ignore[reportUnknownVariableType]  # JSON
    )
    if not readable or not lines or "recurringEventId" in body:
        raise bad_request("invalid", "Invalid recurrence rule.")
    never = datetime.min.replace(tzinfo=UTC)
    _parsed(
        lambda: next(occurrences(series_of(body, zone), never, 1), None),
        "Invalid recurrence rule.",
    )


def _parsed(read: Callable[[], Any], message: str) -> Any:
    try:
        return read()
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise bad_request("invalid", message) from error
