"""The score of a finished plan, term by term.

Invariant: computed anew from the seats, not from what the board counted on the way; a test holds
the two together. Events that may not be written count in ``placed`` and ``late`` and are neighbours
like any blocker; the other terms are about what this plan decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tuturuuu_jobs.scheduling.board import OVERRUN, Board
from tuturuuu_jobs.scheduling.costs import FRAGMENT, LATE, PLACED, QUARTER, UNTIDY
from tuturuuu_jobs.scheduling.daytime import DAY
from tuturuuu_jobs.scheduling.decisions import Score
from tuturuuu_jobs.scheduling.demands import (
    Aim,
    Occurrence,
    Owner,
    Place,
    Seat,
    Work,
    assign,
    late_minutes,
)


def score_of(board: Board, owners: Sequence[Owner], moves: int) -> Score:
    """All terms and their total; ``moves`` is what leaving the table's places costs."""
    placed = late = distance = delay = fragments = untidy = 0
    for owner in owners:
        placed += owner.weight * held(owner)
        if isinstance(owner, Work):
            late += owner.weight * late_of(owner)
            fragments += FRAGMENT * max(0, len(owner.seats) - owner.thrift)
            for seat in owner.seats:
                delay += owner.weight * seat.length * (seat.start - board.now) // DAY
        else:
            distance += owner.weight * _distance(owner)
        for seat in owner.seats:
            if seat.start % QUARTER:
                untidy += UNTIDY
    buffers = sum(_squeezed(board)) + _overruns(board)
    gain = PLACED * placed - LATE * late - 2 * distance
    total = gain - delay - fragments - buffers - untidy - moves
    return Score(total, placed, late, distance, delay, fragments, buffers, untidy, moves)


def _distance(owner: Occurrence) -> int:
    """Minutes times quarters of an hour that its instances are away from their aims.

    Which of several aims an instance stands for is settled by time, and so that it costs least.
    """
    if not owner.seats:
        return 0
    if len(owner.seats) == 1 == len(owner.aims):
        seat = owner.seats[0]
        away = owner.aims[0].distance(seat.start, seat.length)
        return seat.length * -(-away // QUARTER)
    places = sorted([(seat.start, seat.length) for seat in owner.seats])
    aims = owner.aims
    return sum(
        [
            _away(aims[index], place)
            for index, place in zip(assign(aims, places, _away), places, strict=False)
        ]
    )


def _away(aim: Aim, place: Place) -> int:
    return place[1] * -(-aim.distance(*place) // QUARTER)


def held(owner: Owner) -> int:
    """Minutes that an owner has in the plan, fixed events included, up to what it asks for."""
    minutes = owner.minutes - owner.missing
    if owner.fixed:
        minutes += sum([event.end - event.start for event in owner.fixed])
    most = wanted(owner)
    return min(most, minutes)


def wanted(owner: Owner) -> int:
    """Minutes that an owner asks for, fixed events included."""
    if isinstance(owner, Occurrence):
        return owner.shape.minutes
    return owner.total


def late_of(work: Work) -> int:
    """Minutes of a task after its deadline, fixed pieces included."""
    if not work.fixed:
        return work.late
    fixed = [late_minutes(each.start, each.end - each.start, work.due) for each in work.fixed]
    return work.late + sum(fixed)


def buffer_misses(board: Board) -> int:
    """How many neighbours are closer than the preferred buffer."""
    return sum(1 for _ in _squeezed(board))


def _squeezed(board: Board) -> Iterable[int]:
    """The cost of every pair of neighbours that are too close, one of them a seat."""
    timeline = board.timeline
    starts, ends, seats = timeline.starts, timeline.ends, timeline.seats
    for index in range(1, len(starts)):
        gap = starts[index] - ends[index - 1]
        if gap < board.preferred and (seats[index - 1] or seats[index]):
            yield board.near[gap]


def _overruns(board: Board) -> int:
    """What runs of work without a break cost."""
    every = board.break_every
    if every is None:
        return 0
    cost = 0
    first = last = -board.break_length
    for seat in _seats(board):
        if seat.start - last >= board.break_length:
            cost += max(0, last - first - every)
            first = seat.start
        last = seat.start + seat.length
    return OVERRUN * (cost + max(0, last - first - every))


def _seats(board: Board) -> Iterable[Seat]:
    return (seat for seat in board.timeline.seats if seat is not None)
