"""What the table must hold after a complete sync, worked out a second time from Google's side.

The proof beside the program: it reads what a calendar stores (masters, exceptions, tombstones) and
derives every owned column of every row, without the sync's planning and without the emulator's
listings. The only parts it shares with them are python-dateutil and the time zone database.
"""

from __future__ import annotations

import dataclasses
import heapq
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, LiteralString, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from dateutil.rrule import rrule, rrulestr
from psycopg.rows import dict_row

Json = Mapping[str, Any]
Row = dict[str, Any]

# The colours of Google's colorId 1 to 11 in the app's palette; anything else is the last of them.
_PALETTE: Final = (
    *("RED", "GREEN", "GRAY", "PINK", "YELLOW", "ORANGE"),
    *("BLUE", "CYAN", "PURPLE", "INDIGO", "BLUE"),
)
_UTC: Final = ZoneInfo("UTC")
_LIMITS: Final = {"title": 255, "description": 10_000, "location": 1_000}
_LONGEST_ID: Final = 1_000
_MARKER_KEYS: Final = ("v", "busy", "all_day")
_SPLIT: Final = re.compile(r"_R\d{8}(T\d{6})?$")
_NEVER_BUSY: Final = ("workingLocation", "birthday")


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """The half-open span that a sync keeps complete; aware instants."""

    start: datetime
    end: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """The rows of one calendar by event id.

    Attributes:
        inside: Rows that must be there.
        outside: Living events that need no row because they do not touch the window (in one of
            the two zones that bound an all-day event); a row that is there must look like this.
        window: What they were sorted by.
    """

    inside: dict[str, Row]
    outside: dict[str, Row]
    window: Window

    def is_edge(self, row: Row, slack: timedelta) -> bool:
        """Whether a row is not wholly inside the window less ``slack`` at both ends."""
        first, last = self.window.start + slack, self.window.end - slack
        return bool(row["start_at"] < first or row["end_at"] > last)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a calendar's rows belong and how its dates are read.

    Attributes:
        calendar_id: Google's id, resolved.
        calendar_zone: The calendar's IANA zone.
        workspace_zone: The workspace's, or None if it names none.
        source_calendar_id: The workspace calendar that the connection names, or None.
        sync_columns: Whether the table has ``sync_status`` and its siblings.
    """

    calendar_id: str
    calendar_zone: str
    workspace_zone: str | None = None
    source_calendar_id: UUID | None = None
    sync_columns: bool = True

    @property
    def day_zone(self) -> ZoneInfo:
        """The zone whose midnight begins an all-day event."""
        return ZoneInfo(self.workspace_zone or self.calendar_zone)


def expected_rows(
    masters: Sequence[Json],
    *,
    calendar_id: str,
    calendar_zone: str,
    workspace_zone: str | None,
    window_start: datetime,
    window_end: datetime,
    fallen: Collection[str] = (),
) -> dict[str, Row]:
    """The rows that must be there, by event id: the short form of :func:`expect`."""
    place = Place(calendar_id, calendar_zone, workspace_zone)
    return expect(masters, place, Window(window_start, window_end), fallen=fallen).inside


def expect(
    masters: Sequence[Json], place: Place, window: Window, *, fallen: Collection[str] = ()
) -> Expected:
    """Everything the table must, and may, hold of a calendar.

    Args:
        masters: What the calendar stores, as ``Emulator.masters`` gives it.
        place: Whose rows they are.
        window: From the run's past edge to the edge that was listed.
        fallen: Ids of exceptions that fell with an earlier rule of their series. The stored data
            do not tell them from cancelled ones, which hide their instance.
    """
    inside: dict[str, Row] = {}
    outside: dict[str, Row] = {}
    for event in _living(masters, ZoneInfo(place.calendar_zone), window.end, fallen):
        row = _row(event, place)
        if row is None:
            continue
        needed = _is_listed(event, place, window) and _touches(row, window)
        (inside if needed else outside)[str(event["id"])] = row
    return Expected(inside, outside, window)


def _living(
    masters: Sequence[Json], zone: ZoneInfo, until: datetime, fallen: Collection[str]
) -> Iterator[Json]:
    """Everything that exists, series taken apart, up to that moment."""
    hidden = {
        (body.get("recurringEventId"), body["id"])
        for body in masters
        if "recurringEventId" in body and body["id"] not in fallen
    }
    for body in masters:
        if body.get("status") == "cancelled":
            continue
        if "recurrence" not in body:
            yield body
            continue
        for instance in _instances(body, zone, until):
            if (body["id"], instance["id"]) not in hidden:
                yield instance


def _instances(master: Json, calendar_zone: ZoneInfo, until: datetime) -> Iterator[Json]:
    base = _SPLIT.sub("", master["id"])
    shared = {name: value for name, value in master.items() if name != "recurrence"}
    if "date" in master["start"]:
        first = date.fromisoformat(master["start"]["date"])
        days = date.fromisoformat(master["end"]["date"]) - first
        for start in _starts(master["recurrence"], datetime.combine(first, time()), _UTC):
            if start > until + timedelta(days=1):
                return
            day = start.date()
            yield {
                **shared,
                "id": f"{base}_{day:%Y%m%d}",
                "start": {"date": day.isoformat()},
                "end": {"date": (day + days).isoformat()},
            }
        return
    begin, finish = (_instant(master[edge], calendar_zone) for edge in ("start", "end"))
    named = master["start"].get("timeZone")
    zone = ZoneInfo(named) if named else calendar_zone
    wall = begin.astimezone(zone).replace(tzinfo=None)
    for start in _starts(master["recurrence"], wall, zone):
        if start > until:
            return
        yield {
            **shared,
            "id": f"{base}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            "start": {"dateTime": _to_second(start)},
            "end": {"dateTime": _to_second(start + (finish - begin))},
        }


def _starts(lines: Sequence[str], first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of a series in UTC, in order: the rule walks the wall clock of the zone.

    The ends of rules and the exclusions are compared as instants, not handed to the rule.
    """
    rules: list[tuple[rrule, datetime | None]] = []
    extra: set[datetime] = set()
    excluded: set[datetime] = set()
    for line in lines:
        head, _, value = line.partition(":")
        if head == "RRULE":
            rules.append(_rule(value, first, zone))
        else:
            moments = {_exact(text, head, first, zone) for text in value.split(",")}
            (excluded if head.startswith("EXDATE") else extra).update(moments)
    if not rules:
        extra.add(first.replace(tzinfo=zone).astimezone(UTC))
    for start in _merged(rules, extra, zone):
        if start not in excluded:
            yield start


def _merged(
    rules: Sequence[tuple[rrule, datetime | None]], extra: set[datetime], zone: ZoneInfo
) -> Iterator[datetime]:
    """Rule dates and single dates in order, each once."""
    latest: datetime | None = None
    for start in heapq.merge(*(_until(*rule, zone) for rule in rules), sorted(extra)):
        if start != latest:
            yield start
        latest = start


def _until(rule: rrule, last: datetime | None, zone: ZoneInfo) -> Iterator[datetime]:
    for wall in rule:
        start = wall.replace(tzinfo=zone).astimezone(UTC)
        if last is not None and start > last:
            return
        yield start


def _rule(value: str, first: datetime, zone: ZoneInfo) -> tuple[rrule, datetime | None]:
    parts = dict(part.split("=") for part in value.split(";"))
    until = parts.pop("UNTIL", None)
    rule = rrulestr(";".join(f"{name}={text}" for name, text in parts.items()), dtstart=first)
    if until is None:
        return cast("rrule", rule), None
    if "T" in until:
        return cast("rrule", rule), _exact(until, "", first, zone)
    whole_day = datetime.combine(datetime.fromisoformat(until).date(), time(23, 59, 59))
    return cast("rrule", rule), whole_day.replace(tzinfo=zone).astimezone(UTC)


def _exact(text: str, head: str, first: datetime, zone: ZoneInfo) -> datetime:
    """A moment of a recurrence line; a bare date means the series' own time on that day."""
    moment = datetime.fromisoformat(text)
    if "T" not in text:
        moment = datetime.combine(moment.date(), first.time())
    if moment.tzinfo is None:
        named = re.search(r"TZID=([^;:]+)", head)
        moment = moment.replace(tzinfo=ZoneInfo(named[1]) if named else zone)
    return moment.astimezone(UTC)


def _to_second(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _instant(edge: Json, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(edge["dateTime"])
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _row(event: Json, place: Place) -> Row | None:
    """Every column that the sync owns; None for an event that no row can hold."""
    event_id = event["id"]
    span = _span(event, place.day_zone)
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


def _span(event: Json, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
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


def _is_listed(event: Json, place: Place, window: Window) -> bool:
    """Whether Google lists it: dates count from midnight of the calendar's own zone."""
    span = _span(event, ZoneInfo(place.calendar_zone))
    return span is not None and span[1] > window.start and span[0] < window.end


def _touches(row: Row, window: Window) -> bool:
    return bool(row["end_at"] > window.start and row["start_at"] < window.end)


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


_ROWS: Final[LiteralString] = """
select * from public.workspace_calendar_events
where ws_id = %(ws)s and provider = 'google' and external_calendar_id = %(calendar)s
"""


def load_rows(connection: psycopg.Connection[Any], ws_id: UUID, calendar_id: str) -> dict[str, Row]:
    """A calendar's rows as the table holds them, by event id; ``marker`` beside the columns."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(_ROWS, {"ws": ws_id, "calendar": calendar_id}).fetchall()
    return {row["external_event_id"]: {**row, "marker": _marker(row)} for row in rows}


def _marker(row: Row) -> dict[str, Any] | None:
    """The sync's part of ``scheduling_metadata``; keys of others are not its business."""
    metadata: dict[str, Any] = row["scheduling_metadata"] or {}
    return {name: metadata[name] for name in _MARKER_KEYS if name in metadata} or None


def differences(
    rows: Mapping[str, Row], expected: Mapping[str, Row], *, limit: int = 50
) -> list[str]:
    """What is wrong with the rows, one line each, at most ``limit``; empty if nothing is."""
    return _limited(_all_differences(rows, expected, expected), limit)


def deviations(
    rows: Mapping[str, Row], expected: Expected, *, slack: timedelta = timedelta(), limit: int = 50
) -> list[str]:
    """As :func:`differences`, for a table with a history.

    Rows of living events outside the window may be there. So may rows of vanished events at the
    edge, within ``slack`` of it or beyond: nothing proves those gone, and a sweep leaves them.
    """
    stale = leftovers(rows, expected, slack)
    looked_at = {key: row for key, row in rows.items() if key not in stale}
    allowed = expected.outside | expected.inside
    return _limited(_all_differences(looked_at, expected.inside, allowed), limit)


def leftovers(rows: Mapping[str, Row], expected: Expected, slack: timedelta) -> list[str]:
    """The ids of vanished events whose rows lie at the edge."""
    living = expected.inside.keys() | expected.outside.keys()
    return [key for key, row in rows.items() if key not in living and expected.is_edge(row, slack)]


def _all_differences(
    rows: Mapping[str, Row], needed: Mapping[str, Row], allowed: Mapping[str, Row]
) -> list[str]:
    lines = [f"{key}: missing" for key in sorted(needed.keys() - rows.keys())]
    for key in sorted(rows):
        if key not in allowed:
            lines.append(f"{key}: a row for an event that does not exist")
            continue
        lines += [
            f"{key}: {column} is {_short(rows[key].get(column))}, should be {_short(value)}"
            for column, value in allowed[key].items()
            if rows[key].get(column) != value
        ]
    return lines


def _limited(lines: list[str], limit: int) -> list[str]:
    more = len(lines) - limit
    return lines if more <= 0 else [*lines[:limit], f"and {more} more"]


def _short(value: object) -> str:
    text = str(value) if isinstance(value, datetime) else ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
