"""Where an instance of a habit goes: near its ideal time, with air around it, on a quarter hour.

Invariant: only free places inside the blocks of the occurrence's own date are considered, within
its tolerance and in its order among the habits it depends on.
"""

from __future__ import annotations

from bisect import bisect_right

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import QUARTER, UNTIDY
from tuturuuu_jobs.scheduling.demands import Aim, Occurrence, Seat
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.model import GRID
from tuturuuu_jobs.scheduling.window import down, up


def place(board: Board, owner: Occurrence) -> None:
    """Give an occurrence the seats it still lacks, each at its best free place.

    With its wanted length where that fits anywhere within tolerance, else with the greatest that
    does.
    """
    for aim in free_aims(owner):
        if owner.missing < owner.shape.shortest:
            return
        seat = best_seat(board, owner, aim)
        if seat is not None:
            board.add(seat)


def is_hungry(owner: Occurrence) -> bool:
    """Whether it lacks minutes that one more instance could hold."""
    return owner.missing >= owner.shape.shortest and len(owner.seats) < len(owner.aims)


def free_aims(owner: Occurrence) -> list[Aim]:
    """The aims that no seat has taken yet."""
    if not owner.seats:
        return list(owner.aims)
    taken = [seat.aim for seat in owner.seats]
    return [aim for aim in owner.aims if aim not in taken]


def wanted(owner: Occurrence) -> int:
    """The length of the next instance: an equal share of the missing minutes, within bounds."""
    missing = owner.missing
    left = max(1, len(owner.aims) - len(owner.seats))
    if left == 1:
        return min(missing, owner.shape.longest)
    share, over = divmod(missing, GRID)
    share = -(-share // left) * GRID + over
    return min(missing, max(owner.shape.shortest, min(share, owner.shape.longest)))


def best_seat(board: Board, owner: Occurrence, aim: Aim) -> Seat | None:
    """The best free seat for one instance, or None if not even the shortest fits."""
    length = wanted(owner)
    shortest = owner.shape.shortest
    if length < shortest:
        return None
    start = best_start(board, owner, aim, length)
    if start is None and length > shortest:
        room = _largest_room(board, owner, aim, shortest)
        length = max(down(min(room, length - 1)), shortest)
        start = best_start(board, owner, aim, length) if room >= shortest else None
    return None if start is None else board.seat_habit(owner, aim, start, length)


def best_start(board: Board, owner: Occurrence, aim: Aim, length: int) -> int | None:
    """Where an instance of ``length`` costs least; the earliest such start."""
    low, high = owner.span()
    search = _Search(board, owner, aim, length)
    for begin, finish in owner.blocks:
        first = max(begin, aim.first, board.now, low)
        last = min(min(finish, aim.until, high) - length, aim.last)
        if up(first) <= last:
            search.between(first, last)
    return None if search.cost == FAR else search.start


class _Search:
    """The cheapest start found so far for one instance of one length."""

    __slots__ = (
        "aim",
        "board",
        "breaks",
        "cost",
        "ends",
        "length",
        "owner",
        "preferred",
        "start",
        "starts",
        "unit",
    )  # fmt: skip

    def __init__(self, board: Board, owner: Occurrence, aim: Aim, length: int) -> None:
        self.board, self.owner, self.aim, self.length = board, owner, aim, length
        self.starts, self.ends = board.timeline.starts, board.timeline.ends
        self.preferred = board.preferred
        self.breaks = board.break_every is not None
        self.unit = 2 * owner.weight * length
        self.cost, self.start = FAR, FAR

    def between(self, first: int, last: int) -> None:
        """Look at the gaps that allow starts from ``first`` to ``last``, nearest to the aim first.

        Distance only grows on the way outward, so each direction ends where distance alone costs
        more than the best place known.
        """
        starts, ends, length = self.starts, self.ends, self.length
        near = min(max(self.aim.at, first), last)
        middle = index = bisect_right(ends, near)
        while ends[index - 1] <= last and self._least(max(near, ends[index - 1])) < self.cost:
            low, high = max(first, ends[index - 1]), min(last, starts[index] - length)
            if low <= high:
                self._look(index, low, high)
            if starts[index] >= last + length:
                break
            index += 1
        index = middle - 1
        while index > 0 and starts[index] > first:
            low, high = max(first, ends[index - 1]), min(last, starts[index] - length)
            if low <= high:
                if self._least(high) > self.cost:
                    break
                self._look(index, low, high)
            index -= 1

    def _least(self, start: int) -> int:
        return self.unit * -(-self.aim.distance(start, self.length) // QUARTER)

    def _look(self, index: int, low: int, high: int) -> None:
        """Look at the starts from ``low`` to ``high`` in the gap before ``index``."""
        length, preferred, near = self.length, self.preferred, self.board.near
        if len(self.owner.aims) > 1:
            low, high = _apart(self.owner, low, high, length)
        before, limit = self.ends[index - 1], self.starts[index] - length
        at, scale, edge, brim, _, _, _ = self.aim
        brim -= length
        for start in self._candidates(up(low), down(high), before, limit):
            away = abs(start - at) // scale
            if start < edge:
                away += edge - start
            if start > brim:
                away += start - brim
            cost = self.unit * -(-away // QUARTER)
            if start % QUARTER:
                cost += UNTIDY
            if start - before < preferred:
                cost += near[start - before]
            if limit - start < preferred:
                cost += near[limit - start]
            if self.breaks:
                cost += self.board.overrun(index, index, start, start + length)
            if cost < self.cost or (cost == self.cost and start < self.start):
                self.cost, self.start = cost, start
                if not cost:
                    return

    def _candidates(self, low: int, high: int, before: int, limit: int) -> list[int]:
        """Starts worth a look: by the aim, then by the neighbour on either side.

        The wanted start itself is enough where it has air on both sides. ``limit`` is the latest
        start that the neighbour after allows.
        """
        if low > high:
            return []
        at, preferred = self.aim.at, self.preferred
        near = low if at < low else min(at, high)
        airy = near - before >= preferred and limit - near >= preferred
        if airy and near % QUARTER == 0:
            return [near]
        found = {down(near), up(near), down(near, QUARTER), up(near, QUARTER)}
        if not airy:
            for gap in (0, self.board.minimum, preferred):
                early, late = up(max(low, before + gap)), down(min(high, limit - gap))
                found |= {early, up(early, QUARTER), late, down(late, QUARTER)}
        return sorted([each for each in found if low <= each <= high])


def _apart(owner: Occurrence, low: int, high: int, length: int) -> tuple[int, int]:
    """Keep two instances of a date apart."""
    taken = [(event.start, event.end) for event in owner.fixed]
    taken += [(seat.start, seat.start + seat.length) for seat in owner.seats]
    for start, end in taken:
        if start <= low:
            low = max(low, end + owner.sep)
        else:
            high = min(high, start - owner.sep - length)
    return low, high


def _largest_room(board: Board, owner: Occurrence, aim: Aim, shortest: int) -> int:
    """The most minutes that one instance could have anywhere within tolerance."""
    low, high = owner.span()
    timeline = board.timeline
    most = 0
    for begin, finish in owner.blocks:
        first, until = max(begin, aim.first, board.now, low), min(finish, aim.until, high)
        index = bisect_right(timeline.ends, first)
        while timeline.ends[index - 1] <= until:
            start = up(max(first, timeline.ends[index - 1]))
            stop = min(until, timeline.starts[index])
            if len(owner.aims) > 1:
                start, stop = _apart(owner, start, stop, 0)
                start = up(start)
            if start <= aim.last and stop - start >= shortest:
                most = max(most, stop - start)
            if timeline.starts[index] >= until:
                break
            index += 1
    return most
