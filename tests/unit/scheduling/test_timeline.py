"""What is free, found a date at a time and forgotten in time, against portion's intervals."""

from __future__ import annotations

import random
from typing import Any

import portion
import pytest

from tests.unit.scheduling.building import T, busy, snapshot
from tuturuuu_jobs.scheduling.gathering import gather
from tuturuuu_jobs.scheduling.intervals import Lane, Timeline
from tuturuuu_jobs.scheduling.model import Buffers
from tuturuuu_jobs.scheduling.window import window_of

DAY = 1440
AIR = 15
MIDNIGHTS = [DAY * day for day in range(5)]
EVERY_DAY = [(DAY * day + 420, DAY * day + 1380) for day in range(4)]
THROUGH_MIDNIGHT = [(0, 120), (1320, 1560), (2760, 3000), (4200, 5760)]
ALWAYS = [(0, 4 * DAY)]


def expected_gaps(
    allowed: list[tuple[int, int]], busy: list[tuple[int, int]], floor: int
) -> list[tuple[Any, Any]]:
    """What portion leaves of each allowed interval."""
    taken = union(busy)
    parts = [portion.closedopen(max(start, floor), end) - taken for start, end in allowed]
    return [(gap.lower, gap.upper) for part in parts for gap in part if not gap.empty]


def union(intervals: list[tuple[int, int]]) -> portion.Interval:
    whole = portion.empty()
    for start, end in intervals:
        whole |= portion.closedopen(start, end)
    return whole


@pytest.mark.parametrize("allowed", [EVERY_DAY, THROUGH_MIDNIGHT, ALWAYS])
@pytest.mark.parametrize("seed", range(6))
def test_gaps_are_right_after_any_seats_came_and_went(
    allowed: list[tuple[int, int]], seed: int
) -> None:
    rng = random.Random(seed)
    blocked = [(DAY * day + 600, DAY * day + 660) for day in range(4)]
    lane, floor = Lane(allowed, MIDNIGHTS), 435
    timeline: Timeline[str] = Timeline(MIDNIGHTS, floor, (lane,), blocked, AIR)
    seats: list[tuple[int, int]] = []
    for _ in range(40):
        start = rng.randrange(floor, 4 * DAY - 200, 5)
        end = start + rng.choice((5, 30, 90, 200))
        if timeline.is_free(start, end):
            timeline.insert(start, end, "seat")
            seats.append((start, end))
        elif seats:
            gone = seats.pop(rng.randrange(len(seats)))
            timeline.remove(*gone)
        busy = sorted([*blocked, *seats])
        found = [gap for day in range(4) for gap in timeline.gaps(lane, day)]
        assert [gap[:2] for gap in found] == expected_gaps(allowed, busy, floor)
        for start in range(0, 4 * DAY, 355):
            free = (union(busy) & portion.closedopen(start, start + 45)).empty
            assert timeline.is_free(start, start + 45) == free
        for start_of, end_of, before, after in found:
            left = max((end for _, end in busy if end <= start_of), default=before)
            right = min((begin for begin, _ in busy if begin >= end_of), default=after)
            # A neighbour is felt up to the preferred distance; farther away any will do.
            assert min(start_of - before, AIR) == min(start_of - left, AIR)
            assert min(after - end_of, AIR) == min(right - end_of, AIR)


def test_a_date_knows_its_longest_gap_and_the_longest_with_air_on_both_sides() -> None:
    lane = Lane([(420, 1380)], MIDNIGHTS)
    timeline: Timeline[str] = Timeline(MIDNIGHTS, 0, (lane,), [(480, 600), (700, 1380)], 15)
    timeline.gaps(lane, 0)
    assert lane.longest[0] == 100
    assert lane.airy[0] == 70


def test_an_allowed_interval_holds_only_what_lies_inside_it() -> None:
    lane = Lane([(420, 480), (480 + 60, 600)], MIDNIGHTS)
    assert lane.covers(420, 480)
    assert not lane.covers(420, 481)
    assert not lane.covers(480, 540)


def test_what_lies_outside_the_hours_changes_nothing_by_joining_what_does_not() -> None:
    late, early = busy("Jan 5 22:30-23:35"), busy("Jan 6 06:25-07:20")
    between = busy("Jan 5 23:32-30:28")
    apart, joined = (
        snapshot(T("A", 60), *blockers, buffers=Buffers(0, 30))
        for blockers in ((late, early), (late, between, early))
    )
    blocked = gather(apart, window_of(apart)).blocked
    assert len(blocked) == 2
    assert gather(joined, window_of(joined)).blocked == blocked
