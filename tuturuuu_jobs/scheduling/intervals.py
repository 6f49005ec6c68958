"""What is busy, and what is free under a weekly table.

Invariant: the busy intervals are disjoint, half-open and sorted; each is either blocked for good or
holds one seat. Free gaps are derived from them a local date at a time and forgotten when a seat
comes or goes there, so finding the first gap that is long enough skips whole dates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

FAR: Final = 1 << 40
"""A minute that no plan reaches; it stands for "nothing before" and, negated, "nothing after"."""

UNKNOWN: Final = -1

T = TypeVar("T")


Gap = tuple[int, int, int, int]
"""Free time within the hours: its start, its end, where the last busy interval before it ends, and
where the next one begins. The latter two may lie outside the hours: neighbours are felt across the
edge of a block.
"""


class Lane:
    """The allowed intervals of one weekly table, with what is known to be free of them.

    ``longest`` is the longest gap that begins on each date, or ``UNKNOWN``; ``airy`` is the longest
    that is left of one if its busy neighbours are kept at a distance.
    """

    __slots__ = ("airy", "ends", "gaps", "longest", "starts", "through")

    def __init__(self, allowed: Sequence[tuple[int, int]], midnights: Sequence[int]) -> None:
        self.starts = [start for start, _ in allowed]
        self.ends = [end for _, end in allowed]
        self.through = [self._covers(minute) for minute in midnights]
        self.longest = [UNKNOWN] * (len(midnights) - 1)
        self.airy = [UNKNOWN] * len(self.longest)
        self.gaps: list[list[Gap]] = [[] for _ in self.longest]

    def _covers(self, minute: int) -> bool:
        index = bisect_left(self.starts, minute) - 1
        return index >= 0 and self.ends[index] > minute

    def covers(self, start: int, end: int) -> bool:
        """Whether one allowed interval holds ``[start, end)``."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]


class Timeline(Generic[T]):
    """One person's time: what is blocked, and the seats taken in it."""

    __slots__ = (
        "_days", "_known", "air", "ends", "floor", "lanes", "midnights", "seats", "starts",
    )  # fmt: skip

    def __init__(
        self,
        midnights: Sequence[int],
        floor: int,
        lanes: Sequence[Lane],
        blocked: Sequence[tuple[int, int]],
        air: int = 0,
    ) -> None:
        """Start with ``blocked``, which is sorted and disjoint; nothing is free before ``floor``.

        ``midnights`` are where the local dates begin, and where the last one ends; ``air`` is the
        distance from neighbours that is preferred.
        """
        self.air = air
        self.midnights = midnights
        self._days = len(midnights) - 1
        self._known = False
        self.floor = floor
        self.lanes = lanes
        self.starts = [-FAR, *(start for start, _ in blocked), FAR]
        self.ends = [-FAR, *(end for _, end in blocked), FAR]
        self.seats: list[T | None] = [None] * len(self.starts)

    def day_of(self, minute: int) -> int:
        """Which date of the window a minute belongs to, cut off at its ends."""
        day = bisect_right(self.midnights, minute) - 1
        if 0 <= day < self._days:
            return day
        return 0 if day < 0 else self._days - 1

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing is in ``[start, end)``."""
        index = bisect_right(self.ends, start)
        return self.starts[index] >= end

    def index_at(self, start: int) -> int:
        """The index of the busy interval that begins at ``start``."""
        return bisect_left(self.starts, start)

    def index_after(self, minute: int) -> int:
        """The index of the first busy interval that ends after ``minute``."""
        return bisect_right(self.ends, minute)

    def insert(self, start: int, end: int, seat: T) -> int:
        """Take ``[start, end)``, which must be free; the index it has until the next change."""
        index = bisect_right(self.starts, start)
        self.starts.insert(index, start)
        self.ends.insert(index, end)
        self.seats.insert(index, seat)
        if self._known:
            self._forget(start, end, self.ends[index - 1])
        return index

    def remove(self, start: int, end: int) -> int:
        """Give ``[start, end)`` back; the index it had."""
        index = bisect_left(self.starts, start)
        del self.starts[index], self.ends[index], self.seats[index]
        if self._known:
            self._forget(start, end, self.ends[index - 1])
        return index

    def _forget(self, start: int, end: int, before: int) -> None:
        """Drop the gaps that a change of ``[start, end)`` can touch, or be felt in.

        A gap belongs to the date on which it begins. The one that holds ``start`` may have begun
        on an earlier date, if hours and free time run through midnight.
        """
        first, midnights, air = self.day_of(start), self.midnights, self.air
        simple = (
            before >= midnights[first]
            and start - air >= midnights[first]
            and end + air < midnights[first + 1]
        )
        for lane in self.lanes:
            longest = lane.longest
            longest[first] = UNKNOWN
            if simple:
                continue
            day = first
            if first and start - air < midnights[first]:
                longest[first - 1] = UNKNOWN
            while before < midnights[day] and day and lane.through[day]:
                day -= 1
                longest[day] = UNKNOWN
            for later in range(first + 1, self.day_of(end + air) + 1):
                longest[later] = UNKNOWN

    def gaps(self, lane: Lane, day: int) -> list[Gap]:
        """The free gaps of ``lane`` that begin on that date, in order."""
        if lane.longest[day] == UNKNOWN:
            self._find(lane, day)
        return lane.gaps[day]

    def _find(self, lane: Lane, day: int) -> None:
        self._known = True
        first, last = self.midnights[day], self.midnights[day + 1]
        starts, ends, air = self.starts, self.ends, self.air
        gaps: list[Gap] = []
        longest = airy = 0
        for index in range(bisect_right(lane.ends, max(first, self.floor)), len(lane.starts)):
            position, stop = lane.starts[index], lane.ends[index]
            if position >= last:
                break
            position = max(position, self.floor)
            if position < first:
                busy = bisect_left(ends, first)
                position = ends[busy]
                busy += 1
            else:
                busy = bisect_right(ends, position)
                if starts[busy] <= position:
                    position = ends[busy]
                    busy += 1
            while position < last and position < stop:
                after = starts[busy]
                end = after if after < stop else stop
                size = end - position
                if size > 0:
                    before = ends[busy - 1]
                    gaps.append((position, end, before, after))
                    if size > longest:
                        longest = size
                    if size > airy:
                        high = after - air
                        low = before + air
                        room = (end if end < high else high) - (position if position > low else low)
                        if room > airy:
                            airy = room
                if after >= stop:
                    break
                position = ends[busy]
                busy += 1
        lane.gaps[day], lane.longest[day], lane.airy[day] = gaps, longest, airy
