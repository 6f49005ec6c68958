"""How much of each task can be done in time: the heaviest first, as much as capacity allows.

Invariant: for splittable work under one weekly table this is the most weighted work that any
schedule can finish in time. Where tables overlap, start dates bite or pieces have a shortest
length it promises too much; placing and repair find out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.demands import Work
from tuturuuu_jobs.scheduling.intervals import FAR, Lane
from tuturuuu_jobs.scheduling.window import down


def admit(board: Board, works: Sequence[Work]) -> dict[int, int]:
    """Minutes that each task (by its order) is to do before its deadline.

    A task that is not to be split is taken whole or not at all. Tasks without a deadline are left
    out: they are never late.
    """
    accepted: dict[int, int] = {}
    timed = [work for work in works if work.due < FAR and work.missing]
    if not timed:
        return accepted
    dues = sorted({work.due for work in timed})
    slacks: dict[int, list[int]] = {}
    timed.sort(key=lambda work: (-work.weight, work.due, work.task.created_at, work.order))
    for work in timed:
        slack = slacks.get(id(work.lane))
        if slack is None:
            slack = slacks[id(work.lane)] = _capacity(board, work.lane, dues)
        index = bisect_left(dues, work.due)
        missing = work.missing
        amount = max(0, min(missing, *slack[index:]))
        if amount < missing:
            amount = _whole_pieces(work, amount, missing)
        if amount:
            accepted[work.order] = amount
            slack[index:] = [each - amount for each in slack[index:]]
    return accepted


def _whole_pieces(work: Work, amount: int, missing: int) -> int:
    """As much of ``amount`` as leaves a rest that can be placed later."""
    if not work.task.splittable or amount < work.least:
        return 0
    return down(max(0, min(amount, missing - work.least)))


def _capacity(board: Board, lane: Lane, dues: Sequence[int]) -> list[int]:
    """The free minutes of ``lane`` before each of the sorted ``dues``."""
    timeline = board.timeline
    found: list[int] = []
    total = 0
    index = 0
    for day in range(len(timeline.midnights) - 1):
        for start, end, _, _ in timeline.gaps(lane, day):
            while index < len(dues) and dues[index] <= end:
                found.append(total + max(0, dues[index] - start))
                index += 1
            total += end - start
    return found + [total] * (len(dues) - index)
