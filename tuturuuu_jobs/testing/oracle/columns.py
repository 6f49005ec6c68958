"""One event as the columns that the sync owns."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Final, cast
from zoneinfo import ZoneInfo

from tuturuuu_jobs.testing.oracle.model import Json, Place, Row

# The colours of Google's colorId 1 to 11 in the app's palette; anything else is the last of them.
_PALETTE: Final = (
    *("RED", "GREEN", "GRAY", "PINK", "YELLOW", "ORANGE"),
    *("BLUE", "CYAN", "PURPLE", "INDIGO", "BLUE"),
)
_LIMITS: Final = {"title": 255, "description": 10_000, "location": 1_000}
_LONGEST_ID: Final = 1_000
_NEVER_BUSY: Final = ("workingLocation", "birthday")


def row_of(event: Json, place: Place) -> Row | None:
    """Every column that the sync owns; None for an event that no row can hold."""
    event_id = event["id"]
    span = span_of(event, place.day_zone)
    if span is None or not isinstance(event_id, str) or not _storable_id(event_id):
        return None
    all_day = "dateTime" not in event["start"]
    busy = _is_busy(event)
    row: Row = {
        "provider": "google",
        "external_calendar_id": place.calendar_id,
        "external_event_id": event_id,
        "google_calendar_id": place.calendar_id,
        "google_event_id": event_id,
        "title": _text(event, "summary", "title") or "Untitled Event",
        "description": _text(event, "description", "description"),
        "location": _text(event, "location", "location"),
        "start_at": span[0],
        "end_at": span[1],
        "color": _color(event.get("colorId")),
        "locked": True,
        "is_encrypted": False,
        "source_calendar_id": place.source_calendar_id,
        "marker": None if busy and not all_day else {"v": 1, "busy": busy, "all_day": all_day},
    }
    return row | {"sync_status": "synced", "sync_error": None} if place.sync_columns else row


def span_of(event: Json, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Start and end in UTC; None if they cannot be read, are of two kinds, or run backwards."""
    edges = [event.get("start"), event.get("end")]
    if not all(isinstance(edge, dict) for edge in edges):
        return None
    start, end = cast("list[Json]", edges)
    if ("dateTime" in start) != ("dateTime" in end):
        return None
    try:
        first, last = _moment(start, zone), _moment(end, zone)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return (first, last) if first <= last else None


def _moment(edge: Json, zone: ZoneInfo) -> datetime:
    if "dateTime" in edge:
        moment = datetime.fromisoformat(edge["dateTime"])
        if moment.tzinfo is None:
            raise ValueError("an instant needs its offset")
        return moment.astimezone(UTC)
    return datetime.combine(date.fromisoformat(edge["date"]), time(), zone).astimezone(UTC)


def _storable_id(event_id: str) -> bool:
    return 0 < len(event_id) <= _LONGEST_ID and _storable(event_id) == event_id


def _storable(text: str) -> str:
    """The text as JSON carries it and Postgres can hold it.

    Halves of a surrogate pair side by side are one character in JSON; alone they are none.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\ufffd")


def _text(event: Json, field: str, column: str) -> str:
    value = event.get(field)
    return _storable(value)[: _LIMITS[column]] if isinstance(value, str) else ""


def _color(color_id: object) -> str:
    text = str(color_id)
    known = text.isdecimal() and text == str(int(text)) and 1 <= int(text) <= len(_PALETTE)
    return _PALETTE[int(text) - 1] if known else _PALETTE[-1]


def _is_busy(event: Json) -> bool:
    if event.get("transparency") == "transparent" or event.get("eventType") in _NEVER_BUSY:
        return False
    mine = [person for person in event.get("attendees") or () if person.get("self") is True]
    return all(person.get("responseStatus") != "declined" for person in mine)
