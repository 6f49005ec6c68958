"""The events of the demo, as Google's JSON. Pure: the same day and seed give the same events."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

Json = dict[str, Any]

TITLES: Final = (
    *("Design review", "Lunch with Mai", "Interview", "Focus", "Bài tập tiếng Việt", "Café ☕"),
    *("Call with customer", "Pairing", "Planning", "Budget", "Physio", "Flight to Đà Nẵng ✈️"),
)
PLACES: Final = ("Room 3", "https://meet.example.test/abc", "Hồ Chí Minh City", "Main St. 5\nYard")
MORNING: Final = time(9)


def one_offs(prefix: str, count: int, today: date, rng: random.Random) -> Iterator[Json]:
    """Ordinary single events over the whole window, a few all-day, free or declined."""
    for number in range(count):
        day = today + timedelta(days=rng.randrange(-80, 170))
        body: Json = {"id": f"{prefix}{number:05d}", "summary": rng.choice(TITLES)}
        if number % 3 == 0:
            body["location"] = rng.choice(PLACES)
        if number % 4 == 0:
            body["description"] = "<p>Agenda</p>" * rng.randrange(1, 9)
        if number % 5 == 0:
            body["colorId"] = str(rng.randrange(1, 12))
        if number % 12 == 0:
            # Google makes all-day events free unless somebody says otherwise.
            free = {} if number % 180 == 0 else {"transparency": "transparent"}
            yield body | all_day(day, rng.randrange(1, 4)) | free
            continue
        start = datetime.combine(day, time(rng.randrange(6, 20), rng.choice((0, 15, 30))), UTC)
        body |= timed(start, timedelta(minutes=rng.choice((15, 30, 45, 60, 90))))
        if number % 25 == 1:
            body["transparency"] = "transparent"
        if number % 31 == 1:
            body |= declined("me@example.test")
        yield body


def series(prefix: str, today: date, zone: ZoneInfo) -> Iterator[Json]:
    """Recurring events of every kind; some cross a clock change in a zone of their own."""
    begin = today - timedelta(days=120)
    monday = begin - timedelta(days=begin.weekday())

    def event(name: str, start: date, at: time, rule: str, **more: Any) -> Json:
        own = more.pop("zone", zone)
        times = timed(datetime.combine(start, at, own), timedelta(minutes=30), own)
        return {"id": f"{prefix}{name}", "summary": name.title(), **times} | {
            "recurrence": [rule, *more.pop("lines", ())],
            **more,
        }

    yield event("standup", monday, MORNING, "RRULE:FREQ=DAILY;INTERVAL=1")
    yield event("weekly", monday, time(14), "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR")
    yield event("sprint", monday, time(10), "RRULE:FREQ=WEEKLY;INTERVAL=2")
    yield event("legacy", monday, time(16), "RRULE:FREQ=WEEKLY;BYDAY=TU", colorId="4")
    yield event("payroll", monday, time(8), "RRULE:FREQ=MONTHLY;BYDAY=-1FR")
    yield event("course", today, time(18), "RRULE:FREQ=WEEKLY;COUNT=12")
    end = datetime.combine(today + timedelta(days=60), time(), UTC)
    yield event("trial", monday, time(7), f"RRULE:FREQ=WEEKLY;UNTIL={end:%Y%m%dT%H%M%SZ}")
    skipped = datetime.combine(monday + timedelta(days=140), MORNING)
    lines = (f"EXDATE;TZID=America/New_York:{skipped:%Y%m%dT%H%M%S}",)
    away = ZoneInfo("America/New_York")
    yield event("overseas", monday, MORNING, "RRULE:FREQ=WEEKLY", zone=away, lines=lines)
    yield event("night", monday, time(2, 30), "RRULE:FREQ=DAILY;INTERVAL=3")
    rent = {"id": f"{prefix}rent", "summary": "Rent", "recurrence": ["RRULE:FREQ=MONTHLY"]}
    yield rent | all_day(begin.replace(day=1), 1)
    birthday = {"id": f"{prefix}birthday", "eventType": "birthday", "summary": "Birthday 🎂"}
    yield (
        birthday | all_day(today - timedelta(days=3650), 1) | {"recurrence": ["RRULE:FREQ=YEARLY"]}
    )


def featured(prefix: str, today: date) -> Iterator[Json]:
    """The single events that something will happen to."""
    noon = datetime.combine(today + timedelta(days=3), time(12), UTC)
    hour = timedelta(hours=1)
    for number, name in enumerate(("dentist", "gym", "club", "handover", "party", "review")):
        start = noon + timedelta(days=number)
        yield {"id": f"{prefix}{name}", "summary": name.title(), **timed(start, hour)}
    yield {"id": f"{prefix}dayoff", "summary": "Day off"} | all_day(today + timedelta(days=9), 2)


def odd(prefix: str, today: date) -> Iterator[Json]:
    """What has been seen in the wild, to be stored as it is; the last two can be no row."""
    noon = datetime.combine(today + timedelta(days=2), time(12), UTC)
    stamp = datetime.combine(today - timedelta(days=1), time(8), UTC)
    hour = timedelta(hours=1)

    def event(name: str, times: Json, **more: Any) -> Json:
        fixed = {"id": f"{prefix}{name}", "status": "confirmed", "etag": '"1"'}
        return fixed | {"updated": f"{stamp:%Y-%m-%dT%H:%M:%S}.000Z", **times, **more}

    yield event("no-title", timed(noon, hour))
    yield event("empty-title", timed(noon, hour), summary="")
    yield event("emoji", timed(noon, hour), summary="\U0001f389" * 300)
    yield event("long-text", timed(noon, hour), summary="L", description="<p>long</p>" * 1900)
    yield event("long-place", timed(noon, hour), summary="P", location="é" * 1500)
    yield event("nul", timed(noon, hour), summary="a\x00b")
    yield event("half-pair", timed(noon, hour), summary="a\ud83cb")
    yield event("new-type", timed(noon, hour), summary="T", eventType="teleport")
    yield event("new-colour", timed(noon, hour), summary="C", colorId="42")
    yield event("no-length", timed(noon, timedelta()), summary="Reminder")
    yield event("tentative", timed(noon, hour), summary="Maybe", status="tentative")
    yield event("office", all_day(noon.date(), 1), summary="Home", eventType="workingLocation")
    yield event("declined", timed(noon, hour), summary="No", **declined("me@example.test"))
    yield event("far-future", timed(datetime(2099, 12, 31, 12, tzinfo=UTC), hour), summary="2099")
    yield {"id": f"{prefix}stub", "status": "cancelled"}
    yield event("backwards", timed(noon, -hour), summary="Ends before it starts")
    mixed = {"start": {"date": f"{noon:%Y-%m-%d}"}, "end": {"dateTime": noon.isoformat()}}
    yield event("two-kinds", mixed, summary="A date and a time")


def timed(start: datetime, length: timedelta, zone: ZoneInfo | None = None) -> Json:
    """Start and end of a timed event."""
    named = {"timeZone": zone.key} if zone else {}
    end = start.astimezone(UTC) + length
    return {
        "start": {"dateTime": start.isoformat(), **named},
        "end": {"dateTime": (end.astimezone(zone) if zone else end).isoformat(), **named},
    }


def all_day(day: date, days: int) -> Json:
    """Start and end of an event over whole days."""
    end = day + timedelta(days=days)
    return {"start": {"date": day.isoformat()}, "end": {"date": end.isoformat()}}


def declined(email: str) -> Json:
    """An invitation that the calendar's owner turned down."""
    other = {"email": "host@example.test", "responseStatus": "accepted"}
    return {"attendees": [other, {"email": email, "self": True, "responseStatus": "declined"}]}


def instance_id(event_id: str, day: date, at: time, zone: ZoneInfo) -> str:
    """The id of a series' occurrence on that day."""
    start = datetime.combine(day, at, zone).astimezone(UTC)
    return f"{event_id}_{start:%Y%m%dT%H%M%SZ}"
