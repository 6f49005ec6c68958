"""Local days and hours as minutes since the epoch.

Invariant: wall time becomes an instant by the rule of RFC 5545, ``fold=0`` everywhere. In a gap the
offset before it holds, so 02:30 becomes 03:30; of an hour that comes twice the first is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling.model import WeekHours, floor_minute

DAY: Final = 1440
"""Minutes of a day on the clock, whatever its real length."""


def minute_at(zone: ZoneInfo, day: date, minute_of_day: int) -> int:
    """The instant at which clocks in ``zone`` show that minute of ``day``.

    Minutes from 1440 on are those of the days after, read on their clocks.
    """
    days, minute = divmod(minute_of_day, DAY)
    wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone)
    return floor_minute(wall + timedelta(days=days) if days else wall)


def midnights(zone: ZoneInfo, first: date, count: int) -> list[int]:
    """Where ``count`` successive dates begin, from ``first`` on.

    A date lasts until the next one begins: mostly 24 hours, 23 or 25 at a change of clocks, and
    none at all where a zone jumped over a date.
    """
    return [minute_at(zone, first, DAY * index) for index in range(count)]


def blocks_of(week: WeekHours, zone: ZoneInfo, day: date) -> list[tuple[int, int]]:
    """The allowed intervals anchored on ``day``, sorted and disjoint; some may end the day after.

    A block that a change of clocks swallows is left out, and so are all of a date that a zone
    jumped over.
    """
    blocks = week[day.weekday()]
    if not blocks or minute_at(zone, day, 0) == minute_at(zone, day, DAY):
        return []
    return merged((minute_at(zone, day, a), minute_at(zone, day, b)) for a, b in blocks)


def merged(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same minutes as sorted intervals that neither overlap nor touch; empty ones are gone."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
