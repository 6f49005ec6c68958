"""What a place is worth: the terms of the score that belong to one event or one pair of neighbours.

Invariant: whole numbers, no state. The score of a plan, to be made large, is::

    100 * placed - 50 * late - 2 * distance - delay - fragments - buffers - tidiness - moves

Weights are 8 (critical), 4, 2 and 1 (low). ``placed`` and ``late`` are weighted minutes, so that a
late minute is worth half and an unplaced one nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuturuuu_jobs.scheduling.daytime import DAY
from tuturuuu_jobs.scheduling.demands import Aim, late_minutes
from tuturuuu_jobs.scheduling.model import Buffers

PLACED: Final = 100
LATE: Final = 50
QUARTER: Final = 15
UNTIDY: Final = 5
"""For a start that is not on a quarter hour."""

FRAGMENT: Final = 300
"""For every piece more than a task takes at least."""

MOVE: Final = 600
SHIFT: Final = 2
MOST_SHIFT: Final = 720
"""For a valid event that does not stay, and for every minute of its shift up to twelve hours."""


def habit_worth(weight: int, aim: Aim, start: int, length: int) -> int:
    """Of an instance: its minutes, less the quarters of an hour that it is away from its aim."""
    quarters = -(-aim.distance(start, length) // QUARTER)
    worth = weight * length * (PLACED - 2 * quarters)
    return worth - UNTIDY if start % QUARTER else worth


def task_worth(weight: int, due: int, now: int, start: int, length: int) -> int:
    """Of a piece: its minutes, half for late ones, less its weight for each day of waiting."""
    worth = weight * (PLACED * length - LATE * late_minutes(start, length, due))
    worth -= weight * length * (start - now) // DAY
    return worth - UNTIDY if start % QUARTER else worth


def nearness(buffers: Buffers) -> list[int]:
    """The cost of a gap between neighbours, for every gap below the preferred buffer."""
    return [
        10 * (buffers.preferred - gap) + 20 * max(0, buffers.minimum - gap)
        for gap in range(buffers.preferred)
    ]


def moved(rows: Sequence[tuple[int, int, bool]], seats: Sequence[tuple[int, int]]) -> int:
    """What it costs that rows (start, length, valid) become seats (start, length).

    Pairs as :func:`pairs` makes them; a row that could not stay anyway costs nothing.
    """
    if len(rows) == 1 == len(seats):
        start, length, valid = rows[0]
        if not valid or seats[0] == (start, length):
            return 0
        return MOVE + SHIFT * min(MOST_SHIFT, abs(start - seats[0][0]))
    cost = 0
    for row, seat in pairs([row[:2] for row in rows], seats):
        if row is None or not rows[row][2] or (seat is not None and rows[row][:2] == seats[seat]):
            continue
        shift = 0 if seat is None else abs(rows[row][0] - seats[seat][0])
        cost += MOVE + SHIFT * min(MOST_SHIFT, shift)
    return cost


def pairs(
    rows: Sequence[tuple[int, int]], seats: Sequence[tuple[int, int]]
) -> list[tuple[int | None, int | None]]:
    """Which row becomes which seat, by index.

    Equal ones first, then those that only change their length, then the rest in order of start. A
    row or a seat that finds no partner is paired with None.
    """
    if len(rows) == 1 == len(seats):
        return [(0, 0)]
    found: list[tuple[int | None, int | None]] = []
    rest = sorted(range(len(rows)), key=lambda index: rows[index])
    left = sorted(range(len(seats)), key=lambda index: seats[index])
    for parts in (2, 1):
        free: dict[tuple[int, ...], list[int]] = {}
        for seat in reversed(left):
            free.setdefault(seats[seat][:parts], []).append(seat)
        for row in tuple(rest):
            same = free.get(rows[row][:parts])
            if same:
                seat = same.pop()
                found.append((row, seat))
                rest.remove(row)
                left.remove(seat)
    found += zip(rest, left, strict=False)
    found += ((row, None) for row in rest[len(left) :])
    found += ((None, seat) for seat in left[len(rest) :])
    return found
