"""What people do at Google between two runs: every kind of change once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tuturuuu_jobs.testing.demo import events
from tuturuuu_jobs.testing.demo.google import Google
from tuturuuu_jobs.testing.demo.world import BERLIN, EVES, MINE, NEW_YORK, OLD_PROJECT

Change = tuple[str, str, str, dict[str, Any]]
"""Calendar, what happens in words, control command, its arguments."""


def changes(today: date) -> tuple[Change, ...]:
    """The changes, in order."""
    return (*_at_ada(today), *_at_the_team(today), *_at_the_others())


def make_changes(google: Google, today: date) -> list[tuple[str, str]]:
    """Make them all; gives calendar and words of each."""
    done: list[tuple[str, str]] = []
    for calendar_id, words, command, arguments in changes(today):
        google.call(command, **arguments)
        done.append((calendar_id, words))
    return done


def _at_ada(today: date) -> Iterator[Change]:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")

    def standup(days: int) -> str:
        return events.instance_id("astandup", today + timedelta(days=days), events.MORNING, zone)

    def patch(event_id: str, **fields: Any) -> dict[str, Any]:
        return {"calendar_id": MINE, "event_id": event_id, "changes": fields}

    soon = datetime.combine(today + timedelta(days=5), time(15, 30), UTC)
    hour = timedelta(hours=1)
    new = patch("adentist", summary="Dentist (moved) 🦷", colorId="11", **events.timed(soon, hour))
    yield MINE, "an event gets another title, colour and time", "patch-event", new
    yield MINE, "an event is deleted", "delete-event", {"calendar_id": MINE, "event_id": "agym"}
    one = {"calendar_id": MINE, "instance_id": standup(4)}
    yield MINE, "one occurrence of a series is cancelled", "cancel-instance", one
    near = one | {"instance_id": standup(6), **events.timed(soon + hour, hour)}
    yield MINE, "one occurrence moves to another time", "move-instance", near
    far = events.timed(soon + timedelta(days=400), hour)
    away = one | {"instance_id": standup(8), **far}
    yield MINE, "one occurrence moves out of the window", "move-instance", away
    back = patch("aclub", status="confirmed")
    yield MINE, "an event deleted long ago is restored", "patch-event", back
    days = events.all_day(today + timedelta(days=11), 3)
    yield MINE, "an all-day event moves and grows", "patch-event", patch("adayoff", **days)
    no = patch("aparty", **events.declined(MINE))
    yield MINE, "an invitation is declined", "patch-event", no
    free = patch("areview", transparency="transparent", **events.all_day(soon.date(), 1))
    yield MINE, "an event becomes all-day and free", "patch-event", free


def _at_the_team(today: date) -> Iterator[Change]:
    zone = ZoneInfo("Europe/Berlin")
    begin = today - timedelta(days=120)
    monday = begin - timedelta(days=begin.weekday())
    at = datetime.combine(monday + timedelta(days=14 * 11), time(10), zone)
    later = events.timed(at + timedelta(hours=3), timedelta(minutes=45), zone)
    split = {"calendar_id": BERLIN, "event_id": "bsprint", "at": at.isoformat()}
    new = split | {"changes": {"summary": "Sprint, new time", **later}}
    yield BERLIN, "a series changes from one occurrence on", "split-series", new
    same = split | {"event_id": "bstandup", "changes": {"location": "Room 4"}}
    at_nine = datetime.combine(at.date(), events.MORNING, zone)
    same["at"] = at_nine.isoformat()
    yield BERLIN, "another does so without changing its time", "split-series", same
    move = {"calendar_id": BERLIN, "event_id": "bhandover", "to_calendar": NEW_YORK}
    yield BERLIN, "an event moves to the New York calendar", "move-event", move
    old = {"calendar_id": BERLIN, "event_id": "blegacy"}
    yield BERLIN, "a whole series is deleted", "delete-event", old
    start = datetime.combine(today + timedelta(days=1), time(17), zone)
    retro = {"id": "bretro", "summary": "Retro", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=20"]}
    put = {"body": retro | events.timed(start, timedelta(hours=1), zone)}
    yield BERLIN, "a new series begins", "put-event", {"calendar_id": BERLIN, **put}
    york = ZoneInfo("America/New_York")
    times = events.timed(datetime.combine(monday, time(14, 15), york), timedelta(hours=1), york)
    late = {"calendar_id": NEW_YORK, "event_id": "nweekly", "changes": times}
    yield NEW_YORK, "a whole series starts a quarter later", "patch-event", late
    forget = {"calendar_id": NEW_YORK}
    yield NEW_YORK, "Google forgets the sync tokens (410)", "invalidate-sync-tokens", forget


def _at_the_others() -> Iterator[Change]:
    yield EVES, "Eve takes back her consent", "revoke", {"email": EVES}
    yield OLD_PROJECT, "the calendar is deleted", "remove-calendar", {"calendar_id": OLD_PROJECT}
