"""The time a plan is about: which dates, from when to when, and the hours on each.

Invariant: computed once from the snapshot's instant, zone and weekly tables; local time becomes
minutes here and nowhere else in planning.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling.daytime import DAY, blocks_of, merged, midnights, minute_at
from tuturuuu_jobs.scheduling.hours import DEFAULT_WEEK
from tuturuuu_jobs.scheduling.model import (
    GRID,
    HoursType,
    Snapshot,
    ceil_minute,
    floor_minute,
    instant_of,
)

Block = tuple[int, int]

MIN_DAYS, MAX_DAYS = 7, 90


def up(minute: int, grid: int = GRID) -> int:
    """The first multiple of ``grid`` that is not before ``minute``."""
    return -(-minute // grid) * grid


def down(minute: int, grid: int = GRID) -> int:
    """The last multiple of ``grid`` that is not after ``minute``."""
    return minute - minute % grid


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """Local dates from today on.

    Attributes:
        now: The minute in which the snapshot was read.
        start: The first minute of the grid that is not before it; nothing is placed earlier.
        dates: Today and the dates after it.
        midnights: Where each date begins, and where the window ends.
        blocks: Per hours type in use and date, the allowed intervals anchored on that date, cut
            off at the end of the window; one that runs over midnight belongs to its first date.
        anchored: The same, not cut off.
        masks: Per hours type in use, its allowed time as one sorted list with yesterday's rest.
    """

    zone: ZoneInfo
    now: int
    start: int
    dates: tuple[date, ...]
    midnights: list[int]
    blocks: Mapping[HoursType, list[list[Block]]]
    anchored: Mapping[HoursType, list[list[Block]]]
    masks: Mapping[HoursType, list[Block]]

    @property
    def end(self) -> int:
        """Nothing is placed after this minute."""
        return self.midnights[-1]

    def minute(self, day: int, minute_of_day: int) -> int:
        """The instant at which clocks show a minute of the ``day``-th date."""
        begin = self.midnights[day]
        if self.midnights[day + 1] - begin == DAY and minute_of_day <= DAY:
            return begin + minute_of_day
        return minute_at(self.zone, self.dates[day], minute_of_day)

    def local(self, minute: int) -> datetime:
        """What clocks show at a minute since the epoch."""
        return instant_of(minute).astimezone(self.zone)


def window_of(snapshot: Snapshot) -> Window:
    """Dates, midnights and hours of a snapshot; its length is cut to 7 to 90 days."""
    zone = ZoneInfo(snapshot.zone)
    days = min(max(snapshot.window_days, MIN_DAYS), MAX_DAYS)
    today = snapshot.now.astimezone(zone).date()
    dates = tuple(today + timedelta(days=index) for index in range(days))
    limits = midnights(zone, today, days + 1)
    blocks: dict[HoursType, list[list[Block]]] = {}
    anchored: dict[HoursType, list[list[Block]]] = {}
    masks: dict[HoursType, list[Block]] = {}
    used = {habit.hours for habit in snapshot.habits} | {task.hours for task in snapshot.tasks}
    for kind in sorted(used):
        week = snapshot.hours.get(kind, DEFAULT_WEEK)
        anchored[kind] = [blocks_of(week, zone, day) for day in dates]
        blocks[kind] = [_cut(day, limits[-1]) for day in anchored[kind]]
        yesterday = blocks_of(week, zone, today - timedelta(days=1))
        masks[kind] = merged(block for day in (yesterday, *blocks[kind]) for block in day)
    start = up(ceil_minute(snapshot.now))
    return Window(zone, floor_minute(snapshot.now), start, dates, limits, blocks, anchored, masks)


def _cut(blocks: list[Block], end: int) -> list[Block]:
    if not blocks or blocks[-1][1] <= end:
        return blocks
    return [(start, min(stop, end)) for start, stop in blocks if start < end]
