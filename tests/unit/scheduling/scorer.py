"""The objective, computed from a snapshot and the finished items by other means than ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations, zip_longest
from uuid import UUID

from tests.unit.scheduling.reading import (
    Occurrence,
    blocker_spans,
    now_up,
    occurrences,
    wanted,
    worked,
)
from tuturuuu_jobs.scheduling.decisions import Item, ItemKind, Score
from tuturuuu_jobs.scheduling.model import Buffers, Snapshot, State, floor_minute


def score(snapshot: Snapshot, items: Iterable[Item], moves: int = 0) -> Score:
    """The parts and the total; ``moves`` is the cost of the changes, counted elsewhere.

    What may not be written counts as placed and as late, and otherwise is a neighbour like any.
    """
    everything = sorted(items, key=lambda item: (item.start, item.end))
    loose = [item for item in everything if not item.fixed]
    placed, late, delay, fragments = _tasks(snapshot, everything)
    habit_minutes, distance = _habits(snapshot, everything)
    placed += habit_minutes
    buffers = _buffers(snapshot, everything) + _breaks(snapshot.buffers, loose)
    tidiness = sum(5 for item in loose if item.start % 15)
    total = 100 * placed - 50 * late - 2 * distance - delay - fragments - buffers - tidiness
    return Score(total - moves, placed, late, distance, delay, fragments, buffers, tidiness, moves)


def _tasks(snapshot: Snapshot, items: list[Item]) -> tuple[int, int, int, int]:
    placed = late = delay = fragments = 0
    now = now_up(snapshot)
    states = {piece.event_id: piece for piece in snapshot.pieces}
    for task in snapshot.tasks:
        if task.ending:
            continue
        want = wanted(snapshot, task)
        pieces = [item for item in items if item.kind is ItemKind.TASK and item.id == task.id]
        ahead = [item for item in pieces if not (item.event_id and worked(states[item.event_id]))]
        loose = [item for item in pieces if not item.fixed]
        placed += task.weight * min(want.minutes, sum(item.end - item.start for item in ahead))
        if task.deadline is not None:
            limit = max(task.deadline, floor_minute(snapshot.now))
            late += task.weight * sum(max(0, item.end - max(item.start, limit)) for item in ahead)
        for item in loose:
            delay += task.weight * (item.end - item.start) * (item.start - now) // 1440
        least = max(1, -(-want.minutes // max(1, want.longest)) - len(ahead) + len(loose))
        fragments += 300 * max(0, len(loose) - least)
    return placed, late, delay, fragments


def _habits(snapshot: Snapshot, items: list[Item]) -> tuple[int, int]:
    placed = distance = 0
    groups: defaultdict[tuple[UUID, object], list[Item]] = defaultdict(list)
    for item in items:
        if item.kind is ItemKind.HABIT:
            groups[item.id, item.date].append(item)
    for wish in occurrences(snapshot):
        habit, group = wish.habit, groups[wish.habit.id, wish.day]
        minutes = sum(item.end - item.start for item in group)
        placed += habit.weight * min(habit.minutes, minutes)
        numbers = list(range(len(wish.lengths)))
        for number in _begun(snapshot, wish, [item for item in group if item.fixed]):
            numbers.remove(number)
        loose = [item for item in group if not item.fixed]
        for item, number in zip(loose, _numbers(wish, loose, numbers), strict=True):
            distance += _away(wish, number, item)
    return placed, distance


def _begun(snapshot: Snapshot, wish: Occurrence, fixed: list[Item]) -> list[int]:
    """Which of the wanted instances the fixed ones are, beside those that are still to come."""
    if not fixed or not wish.blocks:
        return list(range(min(len(fixed), len(wish.lengths))))
    places = [(item.start, item.start, True) for item in fixed]
    coming = [
        (each.start, each.end, False)
        for each in snapshot.instances
        if each.state is State.OPEN and (each.habit_id, each.date) == (wish.habit.id, wish.day)
    ]
    if len(places) + len(coming) <= len(wish.lengths):
        places += coming
    places.sort()
    count = min(len(places), len(wish.lengths))

    def cost(chosen: Iterable[int]) -> int:
        pairs = zip(chosen, places, strict=False)
        return sum(wish.distance(number, start, end)[0] for number, (start, end, _) in pairs)

    best = min(combinations(range(len(wish.lengths)), count), key=cost)
    return [number for number, (_, _, counts) in zip(best, places, strict=False) if counts]


def _away(wish: Occurrence, number: int, item: Item) -> int:
    away, _ = wish.distance(number, item.start, item.end)
    return wish.habit.weight * (item.end - item.start) * -(-away // 15)


def _numbers(wish: Occurrence, items: list[Item], numbers: list[int]) -> list[int]:
    """Which of the wanted instances each item is: in order, and as near as can be."""
    count = min(len(items), len(numbers))
    items = items[:count]

    def cost(chosen: Iterable[int]) -> int:
        return sum(_away(wish, number, item) for number, item in zip(chosen, items, strict=True))

    return list(min(combinations(numbers, count), key=cost))


def _buffers(snapshot: Snapshot, items: list[Item]) -> int:
    """Of each pair of neighbours, at least one of them ours to move."""
    spans = [(item.start, item.end, not item.fixed) for item in items]
    spans += [(start, end, False) for start, end in blocker_spans(snapshot.blockers)]
    cost = 0
    for start, end, loose in spans:
        if not loose:
            continue
        before = max((each for each in spans if each[1] <= start), key=_end, default=None)
        after = min((each for each in spans if each[0] >= end), default=None)
        if before is not None:
            cost += _gap(snapshot.buffers, start - before[1])
        if after is not None and not any(each[2] for each in spans if each[0] == after[0]):
            cost += _gap(snapshot.buffers, after[0] - end)
    return cost


def _end(span: tuple[int, int, bool]) -> int:
    return span[1]


def _gap(buffers: Buffers, gap: int) -> int:
    return 10 * max(0, buffers.preferred - gap) + 20 * max(0, buffers.minimum - gap)


def _breaks(buffers: Buffers, items: list[Item]) -> int:
    if buffers.break_every is None or not items:
        return 0
    cost, begin = 0, items[0].start
    for before, item in zip_longest(items, items[1:]):
        if item is None or item.start - before.end >= buffers.break_length:
            cost += 10 * max(0, before.end - begin - buffers.break_every)
            begin = item.start if item else begin
    return cost
