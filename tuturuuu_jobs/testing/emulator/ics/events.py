"""One VEVENT as Google's JSON: times, rule, people, words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from icalendar import Event

from tuturuuu_jobs.testing.emulator.ics.unread import UnreadableError, every, first, text
from tuturuuu_jobs.testing.emulator.ics.zones import Zones
from tuturuuu_jobs.testing.emulator.model import Json, series_of
from tuturuuu_jobs.testing.emulator.moments import (
    edge_instant,
    instance_stamp,
    render_edge,
    render_instant,
    render_updated,
    zone_named,
)
from tuturuuu_jobs.testing.emulator.recurrence import occurrences

ESSENTIAL: Final = frozenset(
    {"DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID"}
)
"""Properties without which an event would be another one."""

_DAY: Final = timedelta(days=1)
_ANSWERS: Final = {"ACCEPTED": "accepted", "DECLINED": "declined", "TENTATIVE": "tentative"}


@dataclasses.dataclass(frozen=True, slots=True)
class Moment:
    """A date, or an aware time with the zone in which the file tells it.

    Attributes:
        zone: A name of the tz database; None for dates and for times in UTC.
    """

    at: date | datetime
    zone: str | None = None

    @property
    def day(self) -> date:
        """The date, or that of the time in its own zone."""
        return self.at.date() if isinstance(self.at, datetime) else self.at

    def edge(self) -> Json:
        """As a ``start`` or ``end``."""
        if not isinstance(self.at, datetime):
            return {"date": self.at.isoformat()}
        named = {"timeZone": self.zone} if self.zone else {}
        return {"dateTime": render_instant(self.at, self.at.tzinfo or UTC), **named}


class Reader:
    """Reads the events of one file.

    Args:
        zones: The file's zones.
        floating: The zone of times that name none.
    """

    def __init__(self, zones: Zones, floating: str) -> None:
        self._zones = zones
        self._floating = floating

    def times(self, event: Event) -> Json:
        """``start`` and ``end``; UnreadableError if they cannot be told."""
        try:
            return self._edges(event)
        except OverflowError as error:
            raise UnreadableError("its times are out of range") from error

    def _edges(self, event: Event) -> Json:
        start = self._moment(first(event, "DTSTART"), "DTSTART")
        end = self._end(event, start)
        if isinstance(start.at, datetime) != isinstance(end.at, datetime):
            raise UnreadableError("DTSTART and DTEND are not of one kind")
        start, end = _as_whole_days(event, start, end) or (start, end)
        edges = {"start": start.edge(), "end": end.edge()}
        zone = zone_named(self._floating)
        begin, finish = (edge_instant(render_edge(edge, zone), zone) for edge in edges.values())
        if finish < begin:
            raise UnreadableError("it ends before it starts")
        return edges

    def _end(self, event: Event, start: Moment) -> Moment:
        if "DTEND" in event:
            end = self._moment(first(event, "DTEND"), "DTEND")
            is_empty_day = end == start and not isinstance(end.at, datetime)
            return dataclasses.replace(end, at=end.at + _DAY) if is_empty_day else end
        length: Any = getattr(first(event, "DURATION"), "dt", None)
        if not isinstance(start.at, datetime):
            return Moment(start.at + (length if isinstance(length, timedelta) else _DAY))
        length = length if isinstance(length, timedelta) else timedelta(0)
        return Moment((start.at.astimezone(UTC) + length).astimezone(start.at.tzinfo), start.zone)

    def _moment(self, value: Any, name: str) -> Moment:
        if value is None:
            raise UnreadableError(f"it has no {name}")
        return self._of(getattr(value, "dt", None), value.params.get("TZID"), name)

    def _of(self, told: Any, tzid: str | None, name: str) -> Moment:
        if isinstance(told, datetime):
            if told.tzinfo is not None and tzid is None:
                return Moment(told.astimezone(UTC))
            zone = self._zones.resolve(tzid) if tzid else self._floating
            return Moment(told.replace(tzinfo=zone_named(zone)), zone)
        if isinstance(told, date):
            return Moment(told)
        raise UnreadableError(f"{name} is no date or time")

    def recurrence(self, event: Event, start: Json) -> list[str]:
        """The lines of ``recurrence``; UnreadableError if they cannot be expanded."""
        if "EXRULE" in event:
            raise UnreadableError("EXRULE cannot be expanded")
        rules: list[Any] = every(event, "RRULE")
        lines = [f"RRULE:{rule.to_ical().decode()}" for rule in rules]
        for name in ("RDATE", "EXDATE"):
            for value in every(event, name):
                lines += self._dates(name, value, start)
        return lines

    def _dates(self, name: str, value: Any, start: Json) -> Iterator[str]:
        for one in getattr(value, "dts", [value]):
            told = getattr(one, "dt", None)
            if isinstance(told, tuple):
                raise UnreadableError(f"{name} with periods cannot be expanded")
            moment = self._of(told, value.params.get("TZID"), name)
            if not isinstance(moment.at, datetime) or "date" in start:
                yield f"{name};VALUE=DATE:{moment.day:%Y%m%d}"
            else:
                yield f"{name}:{moment.at.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def original(self, event: Event, start: Json) -> tuple[Json, str]:
        """``originalStartTime`` of an exception, and the end of its id.

        `start` is that of the series; it decides between dates and times.
        """
        value: Any = first(event, "RECURRENCE-ID")
        if value.params.get("RANGE"):
            raise UnreadableError("RECURRENCE-ID with RANGE is not understood")
        moment = self._moment(value, "RECURRENCE-ID")
        zone_name = start.get("timeZone") or moment.zone or self._floating
        zone = zone_named(zone_name)
        if "date" in start:
            midnight = datetime.combine(moment.day, time(), UTC)
            return {"date": moment.day.isoformat()}, instance_stamp(midnight, all_day=True)
        instant = moment.at
        if not isinstance(instant, datetime):
            wall = edge_instant(start, zone).astimezone(zone).time()
            instant = datetime.combine(instant, wall, zone)
        edge = {"dateTime": render_instant(instant, zone), "timeZone": zone_name}
        return edge, instance_stamp(instant, all_day=False)


def check_series(body: Json, zone: tzinfo) -> None:
    """UnreadableError for a rule that the emulator cannot expand."""
    try:
        never = datetime.min.replace(tzinfo=UTC)
        next(occurrences(series_of(body, zone), never, 1), None)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableError(f"its rule cannot be expanded: {error}") from error


def _as_whole_days(event: Event, start: Moment, end: Moment) -> tuple[Moment, Moment] | None:
    """Outlook's whole days: midnights with a mark."""
    if text(event, "X-MICROSOFT-CDO-ALLDAYEVENT") != "TRUE" or end.day <= start.day:
        return None
    edges = (start.at, end.at)
    if any(not isinstance(edge, datetime) or edge.time() != time() for edge in edges):
        return None
    return Moment(start.day), Moment(end.day)


def words(event: Event) -> Json:
    """Everything that is neither time nor rule."""
    named = {"SUMMARY": "summary", "DESCRIPTION": "description", "LOCATION": "location"}
    body: Json = {key: told for name, key in named.items() if (told := text(event, name))}
    if (text(event, "CLASS") or "").upper() in {"PUBLIC", "PRIVATE", "CONFIDENTIAL"}:
        body["visibility"] = str(text(event, "CLASS")).lower()
    busy = text(event, "TRANSP") or text(event, "X-MICROSOFT-CDO-BUSYSTATUS") or ""
    if busy.upper() in {"TRANSPARENT", "FREE"}:
        body["transparency"] = "transparent"
    status = (text(event, "STATUS") or "").lower()
    if status in {"confirmed", "tentative", "cancelled"}:
        body["status"] = status
    sequence = text(event, "SEQUENCE") or ""
    if sequence.isdecimal():
        body["sequence"] = int(sequence)
    made: Any = getattr(first(event, "CREATED"), "dt", None)
    if isinstance(made, datetime) and made.tzinfo is not None:
        body["created"] = render_updated(made)
    return body | _people(event)


def _people(event: Event) -> Json:
    body: Json = {}
    attendees = [_attendee(one) for one in every(event, "ATTENDEE")]
    found = [one for one in attendees if "email" in one]
    if found:
        body["attendees"] = found
    organizer = _person(first(event, "ORGANIZER"))
    if "email" in organizer:
        # Whoever loads a file wants to change its events, invitations among them.
        body |= {"organizer": organizer, "guestsCanModify": True}
    return body


def _attendee(value: Any) -> Json:
    params = value.params
    answer = _ANSWERS.get(str(params.get("PARTSTAT", "")).upper(), "needsAction")
    optional = {"optional": True} if params.get("ROLE") == "OPT-PARTICIPANT" else {}
    resource = {"resource": True} if params.get("CUTYPE") in {"RESOURCE", "ROOM"} else {}
    return {**_person(value), "responseStatus": answer, **optional, **resource}


def _person(value: Any) -> Json:
    email = str(value or "").rpartition(":")[2].strip()
    if value is None or "@" not in email:
        return {}
    name = str(value.params.get("CN", ""))
    return {"email": email} | ({"displayName": name} if name and name != email else {})
