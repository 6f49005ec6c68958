"""A file of calendars as one calendar of the emulator, and what of it could not be read.

A file may hold several VCALENDARs; they become one calendar. Series come before their exceptions,
so that they can be stored in this order.
"""

from __future__ import annotations

import collections
import dataclasses
import re
import warnings
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from icalendar import Calendar, Event, Timezone
from icalendar.cal.component import Component

from tuturuuu_jobs.testing.emulator.drafts import import_id
from tuturuuu_jobs.testing.emulator.ics.events import ESSENTIAL, Reader, check_series, words
from tuturuuu_jobs.testing.emulator.ics.unread import (
    Unread,
    UnreadableError,
    first,
    one_line,
    text,
    unread,
)
from tuturuuu_jobs.testing.emulator.ics.zones import Zones
from tuturuuu_jobs.testing.emulator.model import Json, base_id
from tuturuuu_jobs.testing.emulator.moments import zone_named

# What the library raises, by and by, for texts that are no iCalendar.
_LIBRARY_S_WAYS_OUT: Final = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
_ALARM: Final = re.compile(r"(?ims)^BEGIN:VALARM\s*$.*?^END:VALARM\s*$\n?")
# Under its own name the library would build each zone as it reads: one that is broken would cost
# the file, and one that is not would be remembered for the files that come after.
_ZONE_NAME: Final = re.compile(
    r"(?ims)(^BEGIN:VTIMEZONE\s*$(?:(?!^END:VTIMEZONE).)*?)^TZID(?=[:;])"
)
_SET_ASIDE: Final = "X-ZONE-NAME"
_BEGIN: Final = re.compile(r"(?im)^BEGIN:VCALENDAR\s*$")


class NotACalendarError(ValueError):
    """A file holds no complete calendar; the text says what is wrong."""


@dataclasses.dataclass(frozen=True, slots=True)
class IcsCalendar:
    """What a file says.

    Attributes:
        name: The calendar's name in the file, or None.
        time_zone: Its zone, a name of the tz database.
        events: Resources to store in this order.
        unread: What could not be read.
    """

    name: str | None
    time_zone: str
    events: tuple[Json, ...]
    unread: tuple[Unread, ...]


def read_calendar(data: bytes) -> IcsCalendar:
    """Read the bytes of a file; NotACalendarError if they hold no complete calendar."""
    calendars = _parsed(data)
    components = [one for calendar in calendars for one in calendar.subcomponents]
    zones = Zones(one for one in components if isinstance(one, Timezone))
    time_zone, notes = _time_zone(calendars, components, zones)
    found = _Found(Reader(zones, time_zone), time_zone)
    for uid, revisions in _by_uid(components, found).items():
        found.read(uid, revisions)
    return IcsCalendar(
        name=_name(calendars),
        time_zone=time_zone,
        events=tuple(found.events),
        unread=(*notes, *zones.notes, *found.unread),
    )


def _parsed(data: bytes) -> list[Calendar]:
    try:
        # Alarms are not events, and one that is broken must not cost the calendar.
        source = _ALARM.sub("", data.decode("utf-8-sig"))
        source = _ZONE_NAME.sub(rf"\1{_SET_ASIDE}", source)
        with warnings.catch_warnings():
            # It guesses at names of zones, and says so; here they are resolved by other rules.
            warnings.simplefilter("ignore")
            parsed: list[Component] = [*Calendar.from_ical(source, multiple=True)]
    except UnicodeDecodeError as error:
        raise NotACalendarError(f"it is not UTF-8 at byte {error.start}") from error
    except _LIBRARY_S_WAYS_OUT as error:
        raise NotACalendarError(one_line(str(error)) or "it cannot be parsed") from error
    calendars = [one for one in parsed if isinstance(one, Calendar)]
    begun = len(_BEGIN.findall(source))
    if not calendars or len(calendars) < begun:
        raise NotACalendarError("it holds no complete VCALENDAR")
    for zone in (one for calendar in calendars for one in calendar.walk("VTIMEZONE")):
        if _SET_ASIDE in zone:
            zone["TZID"] = _unescaped(str(zone.pop(_SET_ASIDE)))
    return calendars


def _unescaped(words: str) -> str:
    """A text as it was meant; the library leaves properties that it does not know as they stand."""
    return re.sub(r"\\(.)", r"\1", words).strip()


def _name(calendars: list[Calendar]) -> str | None:
    for calendar in calendars:
        name = text(calendar, "X-WR-CALNAME") or text(calendar, "NAME")
        if name:
            return _unescaped(name)
    return None


def _time_zone(
    calendars: list[Calendar], components: list[Component], zones: Zones
) -> tuple[str, list[Unread]]:
    """What the calendar says, else what most events say, else UTC; and what was said in vain."""
    notes: list[Unread] = []
    for calendar in calendars:
        name = text(calendar, "X-WR-TIMEZONE")
        if name:
            try:
                return zones.resolve(name), notes
            except UnreadableError as error:
                notes.append(unread(calendar, f"X-WR-TIMEZONE: {error}"))
    starts: list[Any] = [first(one, "DTSTART") for one in components if isinstance(one, Event)]
    told = collections.Counter(
        str(start.params["TZID"])
        for start in starts
        if start is not None and "TZID" in start.params
    )
    for name, _ in told.most_common():
        try:
            return zones.resolve(name), notes
        except UnreadableError:
            continue
    return "UTC", notes


Revisions = dict[str, Event]
"""The latest revision of a series or event under "", and of each exception under its original."""


def _by_uid(components: Iterable[Component], found: _Found) -> dict[str, Revisions]:
    groups: dict[str, Revisions] = {}
    for component in components:
        if isinstance(component, Timezone):
            continue
        uid = text(component, "UID")
        if not isinstance(component, Event):
            found.leave_out(component, "only events are read")
        elif not uid:
            found.leave_out(component, "it has no UID")
        elif found.is_whole(component):
            group = groups.setdefault(uid, {})
            key = _original_key(component)
            older = group.get(key)
            if older is not None:
                older, component = sorted((older, component), key=_revision)  # noqa: PLW2901
                found.leave_out(older, "a later revision of it is in the file")
            group[key] = component
        elif not _original_key(component):
            found.broken.add(uid)
    return groups


def _original_key(event: Event) -> str:
    value: Any = first(event, "RECURRENCE-ID")
    return "" if value is None else f"{value.params.get('TZID')} {getattr(value, 'dt', value)}"


def _revision(event: Event) -> tuple[int, str]:
    sequence = text(event, "SEQUENCE") or ""
    stamps: list[Any] = [first(event, name) for name in ("LAST-MODIFIED", "DTSTAMP")]
    moments = [getattr(stamp, "dt", None) for stamp in stamps]
    stamp = next((moment for moment in moments if isinstance(moment, datetime)), None)
    return int(sequence) if sequence.isdecimal() else 0, stamp.isoformat() if stamp else ""


class _Found:
    """Events and their troubles, as they are read.

    Attributes:
        broken: UIDs whose series cannot be read.
    """

    def __init__(self, reader: Reader, time_zone: str) -> None:
        self._reader = reader
        self._zone = zone_named(time_zone)
        self.broken: set[str] = set()
        self.events: list[Json] = []
        self.unread: list[Unread] = []

    def leave_out(self, component: Component, reason: str) -> None:
        """Note that something was not read."""
        self.unread.append(unread(component, reason))

    def is_whole(self, event: Event) -> bool:
        """Whether what makes the event can be read; whatever cannot is noted."""
        whole = True
        for name, reason in event.errors:
            self.leave_out(event, f"{name or 'a line'}: {reason}")
            whole = whole and name not in ESSENTIAL
        return whole

    def read(self, uid: str, revisions: Revisions) -> None:
        """Read an event or series, then its exceptions."""
        event_id = import_id(uid)
        series = revisions.pop("", None)
        body: Json | None = None
        if series is not None:
            body = self._event(series, {"id": event_id, "iCalUID": uid})
        if uid in self.broken or (series is not None and body is None):
            # Without the series nobody knows what its exceptions are exceptions of.
            for exception in revisions.values():
                self.leave_out(exception, "its series could not be read")
            return
        for exception in revisions.values():
            self._exception(exception, event_id, uid, body["start"] if body else None)

    def _event(self, event: Event, own: Json) -> Json | None:
        try:
            body = {**words(event), **self._reader.times(event), **own}
            lines = list(self._reader.recurrence(event, body["start"]))
            if lines:
                body["recurrence"] = lines
                for edge in ("start", "end"):
                    if "dateTime" in body[edge]:
                        body[edge].setdefault("timeZone", "UTC")
                check_series(body, self._zone)
        except UnreadableError as error:
            self.leave_out(event, str(error))
            return None
        self.events.append(body)
        return body

    def _exception(self, event: Event, event_id: str, uid: str, start: Json | None) -> None:
        try:
            times = self._reader.times(event)
            original, stamp = self._reader.original(event, start or times["start"])
            body = {
                **words(event),
                **times,
                "id": f"{base_id(event_id)}_{stamp}",
                "iCalUID": uid,
                "recurringEventId": event_id,
                "originalStartTime": original,
            }
        except UnreadableError as error:
            self.leave_out(event, str(error))
            return
        self.events.append(body)
