"""Make room for what found no place, or a late one: send something lighter elsewhere.

Invariant: a trial is accepted only if the score rises, moves included, and is taken back entirely
otherwise. Every trial is counted, so that the work is bounded and the same on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final

from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import PLACED, habit_worth
from tuturuuu_jobs.scheduling.demands import Aim, Occurrence, Owner, Seat, Work, cut
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.model import GRID
from tuturuuu_jobs.scheduling.window import down, up

TRIES_PER_ITEM: Final = 8
TRIES: Final = 120
TRIES_OF_KEPT: Final = 48
"""When all that has a place is kept, there is little that may move."""

MOST_ROOMS: Final = 120
NEIGHBOURS: Final = 6
"""How many events on either side of its wanted time an instance may ask to go."""
MOST_VICTIMS: Final = 2

Option = tuple[int, int, int, list[Seat]]
"""Estimated loss, start, length, what must go."""


def repair(board: Board, owners: Sequence[Owner]) -> bool:
    """Try to help everything unplaced or late, the heaviest first; whether anything changed."""
    changed = False
    loose = any(not seat.kept for owner in owners for seat in owner.seats)
    budget = board.tries + (TRIES if loose else TRIES_OF_KEPT)
    needy = [owner for owner in owners if owner.missing > 0 or owner.is_late()]
    for owner in sorted(needy, key=_rank):
        if board.tries >= budget:
            break
        if isinstance(owner, Work):
            changed = help_work(board, owner) or changed
        elif habits.is_hungry(owner):
            changed = help_occurrence(board, owner) or changed
    return changed


def _rank(owner: Owner) -> tuple[int, int, int]:
    if isinstance(owner, Occurrence):
        return -owner.weight, owner.day, owner.order
    return -owner.weight, owner.due, owner.order


def help_occurrence(board: Board, owner: Occurrence) -> bool:
    """Find a place for a missing instance at the cost of others."""
    helped = False
    for aim in habits.free_aims(owner):
        length = habits.wanted(owner)
        for size in {length: None, owner.shape.shortest: None}:
            if size >= owner.shape.shortest and _try(
                board, owner, _around(board, owner, aim, size), aim
            ):
                helped = True
                break
    return helped


def help_work(board: Board, owner: Work) -> bool:
    """Find places for missing minutes of a task, or earlier ones for late minutes."""
    helped = False
    while owner.missing and _try(board, owner, _openings(board, owner), None):
        helped = True
        if owner.missing:
            tasks.place(board, owner, owner.missing, FAR)
    for seat in sorted(owner.seats, key=lambda each: -each.start):
        if seat.start + seat.length <= owner.due:
            break
        if seat.kept and seat.start < board.frozen_until and not board.force:
            continue
        mark, before = board.mark(), board.score
        board.remove(seat)
        if _try(board, owner, _openings(board, owner), None, before):
            helped = True
        else:
            board.undo(mark)
    return helped


def _try(
    board: Board,
    owner: Owner,
    options: Iterable[Option],
    aim: Aim | None,
    before: int | None = None,
) -> bool:
    """Take the first option that raises the score."""
    goal = board.score if before is None else before
    for _, start, length, victims in sorted(options, key=lambda each: each[:3])[:TRIES_PER_ITEM]:
        if aim is None and isinstance(owner, Work):
            seat = board.seat_task(owner, start, length)
        elif aim is not None and isinstance(owner, Occurrence):
            seat = board.seat_habit(owner, aim, start, length)
        else:
            return False
        mark = board.mark()
        gain = _swap(board, seat, victims) - goal
        followers = _followers(board, owner, victims)
        if followers:
            board.undo(mark)
            if _swap(board, seat, [*victims, *followers]) - goal <= gain:
                board.undo(mark)
                _swap(board, seat, victims)
        if board.score > goal:
            _count_bumped(owner, victims)
            return True
        board.undo(mark)
    return False


def _swap(board: Board, seat: Seat, victims: Sequence[Seat]) -> int:
    """Put ``seat`` in the place of others and these elsewhere; the score then."""
    board.tries += 1
    for victim in victims:
        board.remove(victim)
    board.add(seat)
    if isinstance(seat.owner, Work) and seat.owner.missing:
        tasks.place(board, seat.owner, seat.owner.missing, FAR)
    replace(board, victims)
    return board.score


def _followers(board: Board, owner: Owner, victims: Sequence[Seat]) -> list[Seat]:
    """Habits that come after one that lost its place, and may give way to it."""
    found: list[Seat] = []
    for victim in victims:
        lost = victim.owner
        if isinstance(lost, Occurrence) and not lost.seats:
            found += [
                seat
                for after in lost.followers
                for seat in after.seats
                if after is not owner and board.may_move(seat, owner.weight)
            ]
    return [seat for seat in dict.fromkeys(found) if seat not in victims]


def _count_bumped(owner: Owner, victims: Sequence[Seat]) -> None:
    """Remember which habits lost their place of the date to a task."""
    for victim in victims:
        other = victim.owner
        if isinstance(owner, Work) and isinstance(other, Occurrence):
            other.bumped = victim not in other.seats and other.missing > 0


def replace(board: Board, victims: Sequence[Seat]) -> None:
    """Give those that were sent away another place: what others follow first, then by weight."""
    for seat in sorted(victims, key=_standing):
        owner = seat.owner
        if isinstance(owner, Occurrence):
            found = None if seat.aim is None else habits.best_seat(board, owner, seat.aim)
            if found is not None:
                board.add(found)
        elif owner.missing:
            tasks.place(board, owner, owner.missing, FAR)


def _standing(seat: Seat) -> tuple[bool, int, int]:
    follows = isinstance(seat.owner, Occurrence) and bool(seat.owner.leaders)
    return follows, -seat.owner.weight, seat.start


def victims_of(board: Board, start: int, end: int, weight: int, owner: Owner) -> list[Seat] | None:
    """The seats in ``[start, end)`` if all of them may move and they are few, else None."""
    timeline = board.timeline
    index = bisect_right(timeline.ends, start)
    found: list[Seat] = []
    while timeline.starts[index] < end:
        seat = timeline.seats[index]
        if seat is None or seat.owner is owner or len(found) == MOST_VICTIMS:
            return None
        if not board.may_move(seat, weight):
            return None
        found.append(seat)
        index += 1
    return found


def _around(board: Board, owner: Occurrence, aim: Aim, length: int) -> list[Option]:
    """Places within tolerance that become free when one or two others go."""
    board.tries += 1
    low, high = owner.span()
    timeline = board.timeline
    options: list[Option] = []
    for begin, finish in owner.blocks:
        first = max(begin, aim.first, board.now, low)
        last = min(finish, aim.until, high) - length
        last = min(last, aim.last)
        if first > last:
            continue
        near = min(max(aim.at, first), last)
        starts = {up(first), down(last), up(near)}
        begun = bisect_right(timeline.ends, first)
        begun = max(begun, bisect_right(timeline.ends, near) - NEIGHBOURS)
        for index in range(begun, min(begun + 2 * NEIGHBOURS, len(timeline.starts) - 1)):
            if timeline.starts[index] >= last + length:
                break
            starts |= {up(timeline.ends[index]), down(timeline.starts[index] - length)}
            starts.add(up(timeline.starts[index]))
        for start in sorted(starts):
            if not first <= start <= last or not _apart(owner, start, start + length):
                continue
            victims = victims_of(board, start, start + length, owner.weight, owner)
            if victims is not None:
                gain = habit_worth(owner.weight, aim, start, length)
                options.append((_loss(victims) - gain, start, length, victims))
    return options


def _apart(owner: Occurrence, start: int, end: int) -> bool:
    taken = [(event.start, event.end) for event in owner.fixed]
    taken += [(seat.start, seat.start + seat.length) for seat in owner.seats]
    return all(end + owner.sep <= first or last + owner.sep <= start for first, last in taken)


def _loss(victims: Sequence[Seat]) -> int:
    """How much it is likely to cost to send them away."""
    return sum([10 * seat.owner.weight * seat.length + 100 for seat in victims])


def _openings(board: Board, owner: Work) -> list[Option]:
    """Places before the deadline, or anywhere without one, that others could leave to a task."""
    board.tries += 1
    timeline = board.timeline
    starts, ends, seats = timeline.starts, timeline.ends, timeline.seats
    rest, weight = owner.missing, owner.weight
    least = min(rest, owner.least)
    until = owner.due if owner.due > board.now else FAR
    rooms: list[tuple[int, int, int, list[Seat]]] = []
    for index in range(bisect_right(ends, owner.start), len(starts) - 1):
        if starts[index] >= until or len(rooms) >= MOST_ROOMS:
            break
        seat = seats[index]
        if seat is None or seat.owner is owner or not board.may_move(seat, weight):
            continue
        low, high, other = ends[index - 1], starts[index + 1], seats[index + 1]
        if high - low >= least:
            loss = _loss((seat,)) - PLACED * weight * min(rest, high - low)
            rooms.append((loss, low, high, [seat]))
        if other is None or other.owner is owner or not board.may_move(other, weight):
            continue
        if starts[index + 2] - low >= least:
            loss = _loss((seat, other)) - PLACED * weight * min(rest, starts[index + 2] - low)
            rooms.append((loss, low, starts[index + 2], [seat, other]))
    rooms.sort(key=lambda room: room[:3])
    options: list[Option] = []
    for loss, low, high, victims in rooms[: 2 * TRIES_PER_ITEM]:
        lane = owner.lane
        parts = lane_cut(lane.starts, lane.ends, max(low, owner.start), min(high, until))
        opening = _opening(owner, parts, rest)
        if opening is not None:
            options.append((loss, *opening, victims))
    return options


def lane_cut(lows: list[int], highs: list[int], low: int, high: int) -> list[tuple[int, int]]:
    """The allowed parts of ``[low, high)``."""
    index = bisect_right(highs, low)
    found: list[tuple[int, int]] = []
    while index < len(lows) and lows[index] < high:
        found.append((max(low, lows[index]), min(high, highs[index])))
        index += 1
    return found


def _opening(owner: Work, rooms: list[tuple[int, int]], rest: int) -> tuple[int, int] | None:
    best: tuple[int, int] | None = None
    taken = [(piece.start, piece.end) for piece in owner.fixed]
    taken += [(seat.start, seat.start + seat.length) for seat in owner.seats]
    for begin, finish in rooms:
        start, stop = up(begin), finish
        for first, last in taken:
            if first < start:
                start = max(start, up(last + owner.sep))
            else:
                stop = min(stop, first - owner.sep)
        length = cut(rest, stop - start, owner.least, owner.most) if stop - start >= GRID else 0
        if length and (best is None or length > best[1]):
            best = start, length
    return best
