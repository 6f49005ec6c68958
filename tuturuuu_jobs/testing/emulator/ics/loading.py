"""From a file's calendar to a calendar of a running emulator."""

from __future__ import annotations

import dataclasses
import re

from tuturuuu_jobs.testing.emulator.ics.reading import IcsCalendar
from tuturuuu_jobs.testing.emulator.server import Emulator


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """A calendar that was made from a file.

    Attributes:
        events: How many events, series and exceptions were stored.
        unread: How many things in the file were not.
    """

    id: str
    summary: str
    time_zone: str
    events: int
    unread: int


def load_calendar(emulator: Emulator, calendar: IcsCalendar, *, owner: str, stem: str) -> Loaded:
    """Make a calendar of what a file says.

    Args:
        emulator: Where it goes.
        calendar: What the file says.
        owner: The account whose calendar it becomes.
        stem: The file's name without its ending; names the calendar if the file does not.
    """
    slug = re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-") or "calendar"
    taken = {known.lower() for known in emulator.calendar_ids}
    names = (slug if not number else f"{slug}-{number + 1}" for number in range(len(taken) + 1))
    ids = (f"{name}@group.calendar.google.com" for name in names)
    calendar_id = next(one for one in ids if one not in taken)
    summary = calendar.name or stem
    emulator.add_calendar(calendar_id, owner=owner, time_zone=calendar.time_zone, summary=summary)
    emulator.put_events(calendar_id, calendar.events)
    return Loaded(
        calendar_id, summary, calendar.time_zone, len(calendar.events), len(calendar.unread)
    )
