"""The hands that change calendars at Google, and what must be remembered of it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.testing.emulator import Emulator

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
UTC: Final = ZoneInfo("UTC")


@dataclasses.dataclass(frozen=True)
class Repeated:
    """A series whose days are fixed; its hour, length and title change.

    Attributes:
        first: The first start; a date makes it all-day.
        step: From one start to the next.
        endless: Whether it has no last occurrence.
    """

    first: datetime | date
    step: timedelta
    endless: bool = False

    def start(self, index: int, hours: int = 0) -> datetime | date:
        """When an occurrence begins: the same wall time, or the date."""
        return self.first + index * self.step + hours * HOUR

    def rule(self, count: int) -> str:
        """Its RRULE line."""
        days = self.step.days
        unit = f"WEEKLY;INTERVAL={days // 7}" if days % 7 == 0 else f"DAILY;INTERVAL={days}"
        return f"RRULE:FREQ={unit}" + ("" if self.endless else f";COUNT={count}")


SERIES: Final = {
    "weekly": Repeated(datetime(2027, 3, 15, 9, tzinfo=ZoneInfo("Europe/Berlin")), 7 * DAY),
    "daily": Repeated(datetime(2026, 12, 10, 20, tzinfo=ZoneInfo("America/New_York")), DAY),
    "days": Repeated(date(2026, 10, 20), 2 * DAY),
    "endless": Repeated(
        datetime(2026, 11, 1, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), 7 * DAY, endless=True
    ),
}
ONE_OFFS: Final = ("a", "b", "c")


@dataclasses.dataclass
class Life:
    """A series as it is now.

    Attributes:
        length: How many occurrences it was made with.
        hours: How far its start was moved from the first one.
        exceptions: Changed occurrences by index; True for one that is cancelled.
    """

    length: int = 0
    hours: int = 0
    exceptions: dict[int, bool] = dataclasses.field(default_factory=dict[int, bool])


class Hands:
    """Everything that people do to their calendars.

    A forgetful Google reports vanished occurrences only within a month, but a deleted series by
    name. Occurrences that other times or a shorter rule take away further off are then told by
    nothing, so its series keep their times and never get shorter.

    Attributes:
        fallen: By calendar, the ids of exceptions that fell with an earlier rule of their series.
    """

    def __init__(self, emulator: Emulator, calendars: Sequence[str], *, forgetful: bool) -> None:
        self._emulator = emulator
        self._calendars = calendars
        self._forgetful = forgetful
        self._homes: dict[str, str] = {}
        self._lives = {name: Life() for name in SERIES}
        self._splits: dict[str, tuple[int, str]] = {}
        self._titles = itertools.count(1)
        self.fallen: dict[str, set[str]] = {calendar: set() for calendar in calendars}

    # One-off events

    def put(self, name: str, calendar: int, day: int, hours: int) -> None:
        """Create a one-off event, bring it back, or give it other times."""
        start = self._emulator.clock().replace(microsecond=0) + day * DAY
        self._put(name, calendar, start, start + hours * HOUR)

    def put_days(self, name: str, calendar: int, day: int, days: int) -> None:
        """As `put`, for whole days."""
        first = self._emulator.clock().date() + day * DAY
        self._put(name, calendar, first, first + days * DAY)

    def _put(self, name: str, calendar: int, start: datetime | date, end: datetime | date) -> None:
        edges = {"start": _edge(start), "end": _edge(end)}
        body = {"id": name, "summary": self._title(name), **edges}
        self._emulator.put_event(self._settle_at(name, calendar), body)

    def undelete(self, name: str, calendar: int) -> None:
        """Take the deletion back, where the tombstone still says what the event was."""
        where = self._calendars[calendar]
        if name in self._homes:
            return
        for body in self._emulator.masters(where):
            if body["id"] == name and body["status"] == "cancelled" and "start" in body:
                self._homes[name] = where
                self._emulator.patch_event(where, name, {"status": "confirmed"})
                return

    # Any event

    def rename(self, name: str) -> None:
        """Another title; the exceptions of a series keep theirs."""
        if name in self._homes:
            self._emulator.patch_event(self._homes[name], name, {"summary": self._title(name)})

    def delete(self, name: str) -> None:
        """Delete an event, or a series with its exceptions: hardly more than the id is left."""
        self._delete(name, details=False)

    def discard(self, name: str) -> None:
        """Delete it so that the tombstone still says what it was."""
        self._delete(name, details=True)

    def _delete(self, name: str, *, details: bool) -> None:
        where = self._homes.pop(name, None)
        if where is not None:
            self._emulator.delete_event(where, name, details=details)
            self._lose(where, name, 0)

    def transfer(self, name: str, calendar: int) -> None:
        """Move an event or a series with its exceptions to another calendar."""
        source, target = self._homes.get(name), self._calendars[calendar]
        if source is None or source == target:
            return
        self._emulator.move_event(source, name, target)
        self._homes[name] = target
        moved = {self._id(*held) for held in self._held(name)}
        self.fallen[source] |= moved
        self.fallen[target] -= moved

    # Series

    def repeat(self, name: str, calendar: int, count: int) -> None:
        """Create a series, bring it back, or make it longer or shorter."""
        life = self._lives[name]
        if name in self._splits:
            following = self._splits[name][1]
            if name in self._homes or following in self._homes:
                return
            del self._splits[name]
        life.length = max(count, life.length) if self._forgetful else count
        where = self._settle_at(name, calendar)
        self._emulator.put_event(where, self._body(name))
        if not SERIES[name].endless:
            self._lose(where, name, life.length)

    def retime(self, name: str, hours: int) -> None:
        """Let a series begin at another hour: every occurrence gets another id."""
        timed = isinstance(SERIES[name].first, datetime)
        if self._forgetful or not timed or name in self._splits or name not in self._homes:
            return
        if self._lives[name].hours != hours:
            self._lose(self._homes[name], name, 0)
            self._lives[name].hours = hours
            self._emulator.put_event(self._homes[name], self._body(name))

    def split(self, name: str, index: int) -> None:
        """This and following."""
        holder = self._holder(name, index)
        if holder is None or index == 0 or name in self._splits:
            return
        start = self._start(name, index)
        at = start if isinstance(start, datetime) else datetime.combine(start, datetime.min.time())
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        where, title = self._homes[name], {"summary": self._title(name)}
        following = self._emulator.split_series(where, name, at, title)
        self._splits[name] = (index, following)
        self._homes[following] = where

    def following(self, name: str, verb: str, *arguments: object) -> None:
        """Do something to what "this and following" made of a series."""
        if name in self._splits:
            getattr(self, verb)(self._splits[name][1], *arguments)

    # Occurrences

    def cancel(self, name: str, index: int) -> None:
        """Take one occurrence out."""
        holder, life = self._holder(name, index), self._lives[name]
        if holder is not None and not life.exceptions.get(index):
            event_id = self._id(name, index)
            self._emulator.cancel_instance(self._homes[holder], event_id)
            self._except(holder, name, index, cancelled=True)

    def move(self, name: str, index: int, days: int) -> None:
        """Put one occurrence on another day, or bring a cancelled one back there."""
        holder = self._holder(name, index)
        if holder is None:
            return
        start = self._start(name, index) + days * DAY
        end = start + (2 * HOUR if isinstance(start, datetime) else DAY)
        changes = {
            "status": "confirmed",
            "summary": self._title(name),
            "start": _edge(start),
            "end": _edge(end),
        }
        self._emulator.patch_event(self._homes[holder], self._id(name, index), changes)
        self._except(holder, name, index, cancelled=False)

    # What is remembered

    def _title(self, name: str) -> str:
        return f"{name} {next(self._titles)}"

    def _settle_at(self, name: str, calendar: int) -> str:
        return self._homes.setdefault(name, self._calendars[calendar])

    def _start(self, name: str, index: int) -> datetime | date:
        return SERIES[name].start(index, self._lives[name].hours)

    def _id(self, name: str, index: int) -> str:
        start = self._start(name, index)
        if isinstance(start, datetime):
            return self._emulator.instance_id(name, start)
        midnight = datetime.combine(start, datetime.min.time(), UTC)
        return self._emulator.instance_id(name, midnight, all_day=True)

    def _body(self, name: str) -> dict[str, object]:
        start = self._start(name, 0)
        end = start + (HOUR if isinstance(start, datetime) else DAY)
        rule = SERIES[name].rule(self._lives[name].length)
        edges = {"start": _edge(start), "end": _edge(end)}
        return {"id": name, "summary": self._title(name), **edges, "recurrence": [rule]}

    def _holder(self, name: str, index: int) -> str | None:
        """The living series that has the occurrence: the first one or what was split off it."""
        at, following = self._splits.get(name, (None, ""))
        holder = name if at is None or index < at else following
        long_enough = SERIES[name].endless or index < self._lives[name].length
        return holder if holder in self._homes and long_enough else None

    def _held(self, master: str) -> list[tuple[str, int]]:
        """The exceptions of a series, by its name and their index."""
        for name, life in self._lives.items():
            at, following = self._splits.get(name, (None, ""))
            if master == name:
                return [(name, index) for index in life.exceptions if at is None or index < at]
            if master == following:
                return [(name, index) for index in life.exceptions if at is None or index >= at]
        return []

    def _except(self, holder: str, name: str, index: int, *, cancelled: bool) -> None:
        self._lives[name].exceptions[index] = cancelled
        self.fallen[self._homes[holder]].discard(self._id(name, index))

    def _lose(self, where: str, master: str, first: int) -> None:
        """Exceptions from that index on fell with the rule that they were exceptions of."""
        for name, index in self._held(master):
            if index >= first:
                del self._lives[name].exceptions[index]
                self.fallen[where].add(self._id(name, index))


def _edge(moment: datetime | date) -> dict[str, str]:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    wall = moment.replace(tzinfo=None).isoformat()
    return {"dateTime": wall, "timeZone": str(moment.tzinfo)}
