"""The first arrangement: everything that has no place gets one, in the best of a few orders.

Invariant: weight comes first, or the light would stand where the heavy no longer fit. Within a
weight no order is best for every calendar, so a small one tries them all and a large one the order
that does best on the whole; which is which depends on the number of demands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.demands import Occurrence, Work

WEIGHTS: Final = (8, 4, 2, 1)
MANY: Final = 250
"""Demands from which on only one order is tried."""

Order = Callable[[Board, Sequence[Occurrence], Sequence[Work]], None]


def construct(board: Board, occurrences: Sequence[Occurrence], works: Sequence[Work]) -> None:
    """Place what has no place, in the order after which the score is highest."""
    waiting = [each for each in occurrences if habits.is_hungry(each)]
    todo = [work for work in works if work.missing > 0]
    if not todo or len(waiting) + len(todo) > MANY:
        _tasks_first(board, waiting, todo)
        return
    mark = board.mark()
    scores: list[int] = []
    for order in ORDERS:
        order(board, waiting, todo)
        scores.append(board.score)
        board.undo(mark)
    ORDERS[scores.index(max(scores))](board, waiting, todo)


def _tasks_first(board: Board, waiting: Sequence[Occurrence], todo: Sequence[Work]) -> None:
    """By weight; tasks before habits, which find another time of the day more easily."""
    for weight in WEIGHTS:
        tasks.place_all(board, [work for work in todo if work.weight == weight])
        _place(board, [each for each in waiting if each.weight == weight])


def _whole_first(board: Board, waiting: Sequence[Occurrence], todo: Sequence[Work]) -> None:
    """By weight; what may not be split needs the long gaps, what may takes what is left."""
    for weight in WEIGHTS:
        of_weight = [work for work in todo if work.weight == weight]
        tasks.place_all(board, [work for work in of_weight if not work.task.splittable])
        _place(board, [each for each in waiting if each.weight == weight])
        tasks.place_all(board, [work for work in of_weight if work.task.splittable])


def _habits_first(board: Board, waiting: Sequence[Occurrence], todo: Sequence[Work]) -> None:
    """Habits whatever their weight, but what may not be split before them."""
    tasks.place_all(board, [work for work in todo if not work.task.splittable])
    _place(board, waiting)
    tasks.place_all(board, todo)


def _only_tasks_first(board: Board, waiting: Sequence[Occurrence], todo: Sequence[Work]) -> None:
    """Tasks whatever their weight."""
    tasks.place_all(board, todo)
    _place(board, waiting)


def _place(board: Board, waiting: Sequence[Occurrence]) -> None:
    for occurrence in waiting:
        habits.place(board, occurrence)


ORDERS: Final[tuple[Order, ...]] = (_tasks_first, _whole_first, _habits_first, _only_tasks_first)
