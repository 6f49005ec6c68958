"""In which order habits are placed, and which of them wait for another.

Invariant: "B after A" and "A before B" are one edge from A to B. The edges inside a cycle are
ignored, all of them, so what is left has an order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from uuid import UUID

from tuturuuu_jobs.scheduling.model import DependencyKind, Habit

Edge = tuple[UUID, UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Precedence:
    """What the dependencies of habits come to.

    Attributes:
        order: The habits to be planned, earlier ones first: those that others wait for, then by
            weight, those with an ideal time, those with a part of the day, age, id.
        edges: First and second habit, without those in cycles.
        cycles: The habits of each cycle, by id.
    """

    order: tuple[Habit, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[tuple[UUID, ...], ...]


def precedence_of(habits: Sequence[Habit]) -> Precedence:
    """Order the habits; a dependency on one that is not planned counts for nothing."""
    planned = sorted((each for each in habits if each.ending is None), key=lambda each: each.id.int)
    known = {habit.id for habit in planned}
    edges = sorted({edge for habit in planned for edge in _edges(habit, known)}, key=_by_ids)
    cycles = _cycles(edges)
    looped = {edge for edge in edges for cycle in cycles if edge[0] in cycle and edge[1] in cycle}
    kept = tuple(edge for edge in edges if edge not in looped)
    depth = _depths(kept)
    order = sorted(
        planned,
        key=lambda each: (
            depth.get(each.id, 0),
            -each.weight,
            each.ideal is None,
            each.band is None,
            each.created_at,
        ),
    )
    return Precedence(tuple(order), kept, cycles)


def _edges(habit: Habit, known: Collection[UUID]) -> list[Edge]:
    dependency = habit.dependency
    if dependency is None or dependency.habit_id not in known or dependency.habit_id == habit.id:
        return []
    if dependency.kind is DependencyKind.AFTER:
        return [(dependency.habit_id, habit.id)]
    return [(habit.id, dependency.habit_id)]


def _by_ids(edge: Edge) -> tuple[int, int]:
    return edge[0].int, edge[1].int


def _reachable(start: UUID, follow: dict[UUID, list[UUID]]) -> set[UUID]:
    seen: set[UUID] = set()
    todo = [start]
    while todo:
        for other in follow.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def _cycles(edges: Sequence[Edge]) -> tuple[tuple[UUID, ...], ...]:
    """The groups of habits that can all be reached from each other."""
    follow: dict[UUID, list[UUID]] = {}
    for first, second in edges:
        follow.setdefault(first, []).append(second)
    reach = {habit: _reachable(habit, follow) for habit in follow}
    groups = {
        tuple(sorted((other for other in seen if habit in reach.get(other, ())), key=_by_int))
        for habit, seen in reach.items()
        if habit in seen
    }
    return tuple(sorted(groups, key=lambda group: group[0].int))


def _by_int(habit: UUID) -> int:
    return habit.int


def _depths(edges: Sequence[Edge]) -> dict[UUID, int]:
    """How many habits come before each, along the longest chain."""
    depth: dict[UUID, int] = {}
    for _ in range(len(edges)):
        for first, second in edges:
            depth[second] = max(depth.get(second, 0), depth.get(first, 0) + 1)
    return depth
