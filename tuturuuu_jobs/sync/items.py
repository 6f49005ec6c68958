"""Google's event resources, as text from outside, into values.

Every item is parsed on its own: one that is odd becomes a ``Rejected`` and never takes its page
with it. Unknown fields and unknown enum members pass (the API adds some every year).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any, Final, cast

from tuturuuu_jobs.sync.model import Item, RejectCode, Rejected, Tombstone

MAX_ID: Final = 1000
"""Characters that ``external_event_id`` holds; Google's own limit is 1024."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_WITHOUT_DETAILS: Final = frozenset({"freeBusyReader", "none"})
_WITHOUT_PRIVATE: Final = frozenset({"reader", "writerWithoutPrivateAccess"})
_FREE_TYPES: Final = frozenset({"workingLocation", "birthday"})


def clean_text(text: str) -> str:
    """The same text with what Postgres cannot store (NUL, lone surrogates) replaced by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text) if _UNSTORABLE.search(text) else text


def parse_item(raw: object, access_role: str | None) -> Item | Tombstone | Rejected:
    """One element of ``items``; ``access_role`` is the account's role on the calendar.

    The status is looked at first: a cancelled item may hold nothing but its id.
    """
    if not isinstance(raw, dict):
        return Rejected("", RejectCode.NOT_AN_OBJECT)
    fields = cast("dict[str, Any]", raw)
    event_id = fields.get("id")
    if not isinstance(event_id, str) or not event_id:
        return Rejected("", RejectCode.NO_ID)
    if len(event_id) > MAX_ID or _UNSTORABLE.search(event_id):
        return Rejected(clean_text(event_id[:64]), RejectCode.ID_TOO_LONG)
    updated = _instant_or_none(fields.get("updated"))
    if fields.get("status") == "cancelled":
        return Tombstone(event_id, _text(fields, "recurringEventId"), updated)
    return _parse_living(event_id, updated, fields, access_role)


def _parse_living(
    event_id: str, updated: datetime | None, fields: dict[str, Any], access_role: str | None
) -> Item | Rejected:
    start, end = _moment(fields.get("start")), _moment(fields.get("end"))
    if isinstance(start, RejectCode):
        return Rejected(event_id, start)
    if isinstance(end, RejectCode):
        return Rejected(event_id, end)
    if isinstance(start, datetime) != isinstance(end, datetime):
        return Rejected(event_id, RejectCode.MIXED_TIMES)
    if start.isoformat() > end.isoformat():
        return Rejected(event_id, RejectCode.INVERTED_TIMES)
    title = _text(fields, "summary")
    return Item(
        event_id=event_id,
        updated=updated,
        start=start,
        end=end,
        title=title,
        description=_text(fields, "description"),
        location=_text(fields, "location"),
        color_id=_text(fields, "colorId"),
        text_hidden=title is None and _text_hidden(fields, access_role),
        busy=_is_busy(fields),
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return clean_text(value) if isinstance(value, str) else None


def _text_hidden(fields: dict[str, Any], access_role: str | None) -> bool:
    """Whether missing text means "not for this account" and not "empty"."""
    if access_role in _WITHOUT_DETAILS:
        return True
    private = _text(fields, "visibility") in {"private", "confidential"}
    return private and access_role in _WITHOUT_PRIVATE


def _is_busy(fields: dict[str, Any]) -> bool:
    if fields.get("transparency") == "transparent" or _text(fields, "eventType") in _FREE_TYPES:
        return False
    attendees = fields.get("attendees")
    if not isinstance(attendees, list):
        return True
    return not any(
        isinstance(attendee, dict)
        and cast("dict[str, Any]", attendee).get("self") is True
        and cast("dict[str, Any]", attendee).get("responseStatus") == "declined"
        for attendee in cast("list[object]", attendees)
    )


def _moment(raw: object) -> datetime | date | RejectCode:
    """A ``start`` or ``end`` object: an instant in UTC, or a date of an all-day event.

    The offset inside ``dateTime`` is right for that date; ``timeZone`` beside it is ignored.
    """
    if not isinstance(raw, dict):
        return RejectCode.NO_TIMES
    fields = cast("dict[str, Any]", raw)
    moment, day = fields.get("dateTime"), fields.get("date")
    if isinstance(moment, str):
        return _instant_or_none(moment) or RejectCode.BAD_TIMES
    if isinstance(day, str):
        try:
            return date.fromisoformat(day)
        except ValueError:
            return RejectCode.BAD_TIMES
    return RejectCode.NO_TIMES


def _instant_or_none(text: object) -> datetime | None:
    """An RFC 3339 time as an instant in UTC; None for anything else, naive times included."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
