"""Better places for what has one: back to its ideal time, earlier, with more air.

Invariant: what stands where the user last saw it moves only for a large gain: a habit by at least
an hour nearer, a task by ending at least a day earlier; never when it is about to begin. Every
trial must raise the score, moves included, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import MOVE, PLACED
from tuturuuu_jobs.scheduling.daytime import DAY
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Seat, Work
from tuturuuu_jobs.scheduling.intervals import FAR

NEARER: Final = 60
"""Minutes by which the distance of a kept instance must be able to fall."""

TRIES: Final = 600
TRIES_OF_KEPT: Final = 100
EFFORT: Final = 12_000
"""Trials times demands: what is new in a large calendar is hardly looked at again."""


def polish(board: Board, owners: Sequence[Owner]) -> bool:
    """Go through everything once; whether anything changed."""
    changed = False
    loose = any(not seat.kept for owner in owners for seat in owner.seats)
    budget = board.tries + (min(TRIES, EFFORT // len(owners)) if loose else TRIES_OF_KEPT)
    for owner in sorted(owners, key=_is_on_time):
        if board.tries >= budget:
            break
        if isinstance(owner, Occurrence):
            for seat in tuple(owner.seats):
                changed = _nearer(board, owner, seat) or changed
        elif owner.seats:
            changed = _sooner(board, owner) or changed
    return changed


def _is_on_time(owner: Owner) -> bool:
    return not owner.is_late()


def _nearer(board: Board, owner: Occurrence, seat: Seat) -> bool:
    aim = seat.aim
    if aim is None or not _may_improve(board, owner, seat):
        return False
    board.tries += 1
    mark, before = board.mark(), board.score
    board.remove(seat)
    found = habits.best_seat(board, owner, aim)
    if found is not None:
        board.add(found)
        gain = aim.distance(seat.start, seat.length) - aim.distance(found.start, found.length)
        allowed = not seat.kept or board.force or gain >= NEARER
        if allowed and board.score > before:
            return True
    board.undo(mark)
    return False


def _may_improve(board: Board, owner: Occurrence, seat: Seat) -> bool:
    ideal = PLACED * owner.weight * seat.length
    if not seat.kept or board.force:
        index = board.index_of(seat)
        timeline = board.timeline
        return seat.worth < ideal or bool(
            board.squeeze(
                timeline.ends[index - 1],
                timeline.starts[index + 1],
                seat.start,
                seat.start + seat.length,
            )
        )
    return (
        seat.start >= board.frozen_until
        and seat.aim is not None
        and seat.aim.distance(seat.start, seat.length) >= NEARER
        and ideal - seat.worth > MOVE
    )


def _sooner(board: Board, owner: Work) -> bool:
    """Lay out a task anew."""
    free = board.force or not any(seat.kept for seat in owner.seats)
    last = max([seat.start + seat.length for seat in owner.seats])
    if not free and not _is_worth_moving(board, owner, last):
        return False
    board.tries += 1
    mark, before = board.mark(), board.score
    for seat in tuple(owner.seats):
        if free or seat.start >= board.frozen_until or not seat.kept:
            board.remove(seat)
    tasks.place(board, owner, owner.missing, FAR)
    ends = max([seat.start + seat.length for seat in owner.seats], default=FAR)
    allowed = free or last > owner.due or ends <= last - DAY
    if allowed and board.score > before:
        return True
    board.undo(mark)
    return False


def _is_worth_moving(board: Board, owner: Work, last: int) -> bool:
    """Whether waiting costs more than a move would, or minutes are late."""
    if last > owner.due:
        return _has_room(board, owner, last)
    waiting = sum(
        owner.weight * seat.length * (seat.start - owner.start) // DAY for seat in owner.seats
    )
    return last - DAY > owner.start and waiting > MOVE


def _has_room(board: Board, owner: Work, until: int) -> bool:
    """Whether any gap before ``until`` holds a piece."""
    timeline, lane = board.timeline, owner.lane
    for day in range(timeline.day_of(owner.start), timeline.day_of(until) + 1):
        timeline.gaps(lane, day)
        if lane.longest[day] >= owner.least:
            return True
    return False
