"""The shipped crontab on the days on which a zone changes its clocks: no slot twice, none lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.crontab import CRONTAB, Entry, read_crontab
from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.runtime.slots import SlotChoice, resolve_slot

MINUTE = timedelta(minutes=1)
LINES = [
    entry
    for entry in read_crontab(CRONTAB.read_text("utf-8")).entries
    if "sync" in entry.command or "schedule" in entry.command
]
CHANGE_DAYS = {
    "UTC": [date(2026, 3, 29)],
    "Europe/Berlin": [date(2026, 3, 29), date(2026, 10, 25)],
    "America/New_York": [date(2026, 3, 8), date(2026, 11, 1)],
    "Australia/Sydney": [date(2026, 4, 5), date(2026, 10, 4)],
}
DAYS = [(zone, day) for zone, days in CHANGE_DAYS.items() for day in days]


def every(entry: Entry) -> timedelta:
    """The cadence that a line names."""
    return parse_duration(entry.command.partition("--every ")[2].split()[0])


def matches(field: str, number: int) -> bool:
    """Whether a field of a line means this number; ranges and steps as in cron(5)."""
    span, _, step = field.partition("/")
    first, _, last = span.partition("-")
    if span == "*":
        return number % int(step or 1) == 0
    low, high = int(first), int(last or first)
    return low <= number <= high and (number - low) % int(step or 1) == 0


def span(zone: ZoneInfo, day: date) -> tuple[datetime, datetime]:
    """A local day in UTC, its end excluded."""
    midnights = (datetime.combine(day + timedelta(days), time(), zone) for days in (0, 1))
    start, end = (midnight.astimezone(UTC) for midnight in midnights)
    return start, end


def fires(entry: Entry, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """When cron starts a line on a local day; what a change skips is made up for behind it.

    A doubled hour is gone through twice, as by a cron that knows nothing of change days.
    """
    minute, hour, *_ = entry.fields
    moment, end = span(zone, day)
    wall = datetime.combine(day, time())
    while moment < end:
        local = moment.astimezone(zone).replace(tzinfo=None)
        passed = [local] if hour == "*" else list(_minutes(min(wall, local), local))
        if any(matches(minute, one.minute) and matches(hour, one.hour) for one in passed):
            yield moment
        wall, moment = local + MINUTE, moment + MINUTE


def _minutes(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += MINUTE


@pytest.mark.parametrize(("zone", "day"), DAYS)
@pytest.mark.parametrize("entry", LINES, ids=lambda entry: entry.command.split()[2])
def test_each_slot_of_a_change_day_is_named_and_none_for_two_instants(
    zone: str, day: date, entry: Entry
) -> None:
    choice, late = SlotChoice("auto", every(entry)), timedelta(seconds=3)
    slots = [
        resolve_slot(choice, now=moment + late, timer_usec=None)
        for moment in fires(entry, ZoneInfo(zone), day)
    ]

    start, end = span(ZoneInfo(zone), day)
    if every(entry) == timedelta(days=1):
        # Where the fixed time comes twice, both stand for one instant.
        assert len(set(slots)) == 1
    else:
        assert len(slots) == len(set(slots)) == (end - start) // every(entry)
