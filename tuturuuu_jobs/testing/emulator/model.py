"""What a calendar holds: roles, stored versions of events, and the items that listings show."""

from __future__ import annotations

import dataclasses
import enum
import math
import re
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.moments import (
    edge_instant,
    floor_ms,
    instance_stamp,
    render_edge,
    render_instant,
    render_updated,
    seconds,
    zone_named,
)
from tuturuuu_jobs.testing.emulator.recurrence import Series, occurrences

Json = dict[str, Any]
_SPLIT_PART: Final = re.compile(r"_R\d{8}(T\d{6})?$")


class Role(enum.IntEnum):
    """What an account may see of a calendar; a greater role sees more."""

    NONE = 0
    FREE_BUSY_READER = 1
    READER = 2
    WRITER_WITHOUT_PRIVATE_ACCESS = 3
    WRITER = 4
    OWNER = 5

    @property
    def text(self) -> str:
        """Google's word, as in ``accessRole``."""
        return _ROLE_TEXT[self]

    @classmethod
    def parse(cls, text: str) -> Role:
        """The role for Google's word; ValueError for any other."""
        for role, word in _ROLE_TEXT.items():
            if word == text:
                return role
        raise ValueError(f"unknown role {text!r}: use one of {', '.join(_ROLE_TEXT.values())}")


_ROLE_TEXT: Final = {
    Role.NONE: "none",
    Role.FREE_BUSY_READER: "freeBusyReader",
    Role.READER: "reader",
    Role.WRITER_WITHOUT_PRIVATE_ACCESS: "writerWithoutPrivateAccess",
    Role.WRITER: "writer",
    Role.OWNER: "owner",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Stamp:
    """The moment of a write: everything that one operation touches shares it."""

    moment: datetime

    @property
    def updated(self) -> str:
        """The text of ``updated``."""
        return render_updated(self.moment)

    @property
    def etag(self) -> str:
        """The entity tag, with its quotes."""
        return f'"{int(seconds(self.moment) * 1000)}000"'

    @classmethod
    def after(cls, last: datetime, now: datetime) -> Stamp:
        """The next stamp: now, but at least a millisecond after the last one."""
        return cls(max(floor_ms(now), last + timedelta(milliseconds=1)))


@dataclasses.dataclass(frozen=True, slots=True)
class Horizon:
    """How far series are expanded: to the end of a day, and at most so many instances each."""

    until: datetime
    max_instances: int | None


@dataclasses.dataclass(slots=True, eq=False)
class Item:
    """One entry of a listing; never changed, so its text can be kept.

    Attributes:
        id: The key.
        body: The whole resource.
        start: Seconds since 1970; minus infinity where the event has no readable time.
        end: As `start`, plus infinity.
        cancelled: Whether it is a tombstone.
        updated: Seconds since 1970 of the write behind it.
        texts: The encoded resource for each way to render it.
    """

    id: str
    body: Json
    start: float
    end: float
    cancelled: bool
    updated: float
    texts: dict[Hashable, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True, eq=False)
class Stored:
    """One version of a stored event: a one-off, a master, or an exception of a master.

    Attributes:
        seq: The calendar's counter at the write.
        first_seq: The counter when this id first appeared.
        item: The event itself.
        previous: The version before; series keep all of them, so that vanished instances are known.
        spans: Every span of time the event has had, for windows that are remembered.
        dropped: An exception that fell with its series; it hides no instance.
    """

    seq: int
    first_seq: int
    item: Item
    zone: tzinfo
    previous: Stored | None = None
    spans: frozenset[tuple[float, float]] = frozenset()
    dropped: bool = False
    _expansion: tuple[Horizon, tuple[Item, ...]] | None = None

    @property
    def id(self) -> str:
        """The event's id."""
        return self.item.id

    @property
    def recurring(self) -> bool:
        """Whether it is a living master."""
        return "recurrence" in self.item.body and not self.item.cancelled

    @property
    def ever_recurring(self) -> bool:
        """Whether any version that is kept was a living master."""
        return any(version.recurring for version in self.versions())

    def versions(self) -> Iterator[Stored]:
        """This version and those before it, as far as they are kept, newest first."""
        version: Stored | None = self
        while version is not None:
            yield version
            version = version.previous

    @property
    def master_id(self) -> str | None:
        """The master of an exception."""
        master: str | None = self.item.body.get("recurringEventId")
        return master

    def expand(self, horizon: Horizon) -> tuple[Item, ...]:
        """What this version shows in a listing of single events, exceptions not considered.

        A master gives its instances, computed once per horizon; a one-off gives itself.
        """
        if not self.recurring:
            return (self.item,)
        if self._expansion is None or self._expansion[0] != horizon:
            self._expansion = (horizon, tuple(_instances(self, horizon)))
        return self._expansion[1]


def make_item(body: Json, zone: tzinfo, updated: datetime) -> Item:
    """The item of a resource; a time that cannot be read puts it into every window."""
    try:
        start = seconds(edge_instant(body["start"], zone))
        end = seconds(edge_instant(body["end"], zone))
    except (KeyError, TypeError, ValueError, AttributeError):
        start, end = -math.inf, math.inf
    return Item(
        str(body["id"]), body, start, end, body.get("status") == "cancelled", seconds(updated)
    )


def tombstone(item: Item, stamp: Stamp, *, details: bool) -> Item:
    """What remains of a deleted event: its id, for an instance also what it was an instance of.

    `details` keeps the rest as well, so that the event can be restored.
    """
    keep = ("kind", "id", "recurringEventId", "originalStartTime")
    body = {name: item.body[name] for name in (item.body if details else keep) if name in item.body}
    body |= {"etag": stamp.etag, "status": "cancelled"}
    if details:
        body["updated"] = stamp.updated
    return Item(item.id, body, item.start, item.end, True, seconds(stamp.moment))


def base_id(event_id: str) -> str:
    """The id from which instance ids are made: without the part that a split adds."""
    return _SPLIT_PART.sub("", event_id)


def series_of(body: Mapping[str, Any], zone: tzinfo) -> Series:
    """The series of a master; ValueError if its times or lines cannot be read."""
    start = body["start"]
    all_day = "date" in start
    lines = tuple(body["recurrence"])
    if all_day:
        day = date.fromisoformat(start["date"])
        return Series(lines, datetime(day.year, day.month, day.day), UTC, True)  # noqa: DTZ001  # A wall clock.
    own = zone_named(start["timeZone"]) if "timeZone" in start else zone
    wall = edge_instant(start, zone).astimezone(own).replace(tzinfo=None)
    return Series(lines, wall, own, False)


def _instances(stored: Stored, horizon: Horizon) -> list[Item]:
    master = stored.item.body
    series = series_of(master, stored.zone)
    shared = {name: value for name, value in master.items() if name != "recurrence"}
    build = _all_day_times if series.all_day else _timed_times
    make_times = build(master, series, stored.zone)
    items: list[Item] = []
    for original in occurrences(series, horizon.until, horizon.max_instances):
        times = make_times(original)
        stamp = instance_stamp(original, all_day=series.all_day)
        body = {**shared, **times, "id": f"{base_id(stored.id)}_{stamp}"}
        body["recurringEventId"] = stored.id
        item = make_item(body, stored.zone, datetime.fromtimestamp(stored.item.updated, UTC))
        items.append(item)
    return items


def _all_day_times(master: Json, _series: Series, _zone: tzinfo) -> Any:
    length = date.fromisoformat(master["end"]["date"]) - date.fromisoformat(master["start"]["date"])

    def times(original: datetime) -> Json:
        day = original.date()
        start = {"date": day.isoformat()}
        return {
            "start": start,
            "end": {"date": (day + length).isoformat()},
            "originalStartTime": start,
        }

    return times


def _timed_times(master: Json, series: Series, zone: tzinfo) -> Any:
    length = edge_instant(master["end"], zone) - edge_instant(master["start"], zone)
    start_zone = {"timeZone": str(series.zone)}
    end_zone = {"timeZone": master["end"].get("timeZone", str(series.zone))}

    def times(original: datetime) -> Json:
        begin = original.astimezone(UTC)
        start = {"dateTime": render_instant(begin, zone), **start_zone}
        return {
            "start": start,
            "end": {"dateTime": render_instant(begin + length, zone), **end_zone},
            "originalStartTime": start,
        }

    return times


def complete_body(body: Json, old: Json | None, stamp: Stamp, owner: str, zone: tzinfo) -> Json:
    """The stored resource: what was given, and what Google adds to every event."""
    person = {"email": owner, "self": True}
    full: Json = {
        "kind": "calendar#event",
        "status": "confirmed",
        "created": old.get("created", stamp.updated) if old else stamp.updated,
        "creator": person,
        "organizer": person,
        "iCalUID": f"{body['id']}@google.com",
        "sequence": old.get("sequence", 0) + 1 if old and "sequence" in old else 0,
        "eventType": "default",
        **body,
        "etag": stamp.etag,
        "updated": stamp.updated,
    }
    for edge in ("start", "end", "originalStartTime"):
        if edge in full:
            full[edge] = render_edge(full[edge], zone)
    return full
