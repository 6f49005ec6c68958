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
    missing, longest = owner.missing, owner.shape.longest
    left = len(owner.aims) - len(owner.seats)
    if left <= 1:
        return missing if missing < longest else longest
    share, over = divmod(missing, GRID)
    share = -(-share // left) * GRID + over
    return min(missing, max(owner.shape.shortest, min(share, longest)))


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
    low, high = max(aim.first, board.now, low), min(aim.until, high)
    search = _Search(board, owner, aim, length)
    for begin, finish in owner.blocks:
        first = begin if begin > low else low
        last = min((finish if finish < high else high) - length, aim.last)
        if up(first) <= last:
            search.between(first, last)
    return None if search.cost == FAR else search.start


class _Search:
    """The cheapest start found so far for one instance of one length."""

    __slots__ = (
        "_aim", "_board", "_breaks", "_ends", "_gaps", "_left", "_length", "_near", "_owner",
        "_preferred", "_right", "_several", "_starts", "_tight", "_unit", "cost", "start",
    )  # fmt: skip

    def __init__(self, board: Board, owner: Occurrence, aim: Aim, length: int) -> None:
        self._board, self._owner, self._aim, self._length = board, owner, aim, length
        self._starts, self._ends = board.timeline.starts, board.timeline.ends
        self._preferred = board.preferred
        self._near, self._tight = board.near, board.tight
        self._gaps = (0, board.minimum, board.preferred)
        self._several = len(owner.aims) > 1
        self._breaks = board.break_every is not None
        self._unit = 2 * owner.weight * length
        self.cost, self.start = FAR, FAR
        self._left, self._right = -FAR, FAR

    def between(self, first: int, last: int) -> None:
        """Look at the gaps that allow starts from ``first`` to ``last``, nearest to the aim first.

        Distance only grows on the way outward, so each direction ends where distance alone costs
        more than the best place known.
        """
        starts, ends, length = self._starts, self._ends, self._length
        at = self._aim.at
        near = first if at < first else min(at, last)
        middle = index = bisect_right(ends, near)
        stop = last + length
        before = ends[index - 1]
        while before <= last and before <= self._right:
            after = starts[index]
            if after - before >= length:
                low = before if before > first else first
                high = after - length if after < stop else last
                if low <= high:
                    self._look(index, low, high)
            if after >= stop:
                break
            before = ends[index]
            index += 1
        index = middle - 1
        after = starts[index]
        while after > first and after - length >= self._left:
            before = ends[index - 1]
            if after - before >= length:
                low = before if before > first else first
                high = after - length if after < stop else last
                if low <= high:
                    self._look(index, low, high)
            index -= 1
            after = starts[index]

    def _look(self, index: int, low: int, high: int) -> None:
        """Look at the starts from ``low`` to ``high`` in the gap before ``index``."""
        length, preferred, near, unit = self._length, self._preferred, self._near, self._unit
        if self._several:
            low, high = _apart(self._owner, low, high, length)
        low += -low % GRID
        if low > high:
            return
        before, limit = self._ends[index - 1], self._starts[index] - length
        at, scale, edge, brim, _, _, _ = self._aim
        brim -= length
        best, found = self.cost, self.start
        away = (low - at if at < low else at - high if at > high else 0) // scale
        least = unit * -(-away // QUARTER)
        if limit - before < 2 * preferred:
            least += self._tight[limit - before]
        if least > best:
            return
        for start in self._candidates(low, high - high % GRID, before, limit):
            if start < low or start > high:
                continue
            away = (start - at if start > at else at - start) // scale
            if start < edge:
                away += edge - start
            if start > brim:
                away += start - brim
            cost = unit * -(-away // QUARTER)
            if start % QUARTER:
                cost += UNTIDY
            if cost > best:
                continue
            if start - before < preferred:
                cost += near[start - before]
            if limit - start < preferred:
                cost += near[limit - start]
            if self._breaks:
                cost += self._board.overrun(index, index, start, start + length)
            if cost < best or (cost == best and start < found):
                best, found = cost, start
        if found != self.start:
            self.cost, self.start = best, found
            reach = (best // unit * QUARTER + 1) * scale
            self._left, self._right = at - reach, at + reach

    def _candidates(self, low: int, high: int, before: int, limit: int) -> list[int]:
        """Starts worth a look, some perhaps out of range or told twice.

        The wanted start itself is enough where it has air on both sides; else the cost has its
        corners by the neighbours. ``limit`` is the latest start that the neighbour after allows.
        """
        at, preferred = self._aim.at, self._preferred
        near = low if at < low else high if at > high else at
        found: list[int] = []
        crowded = limit - before < 2 * preferred
        if crowded or near - before < preferred:
            for gap in self._gaps:
                early = before + gap
                if early < low:
                    early = low
                early += -early % GRID
                found.append(early)
                if early % QUARTER:
                    found.append(early + -early % QUARTER)
        if crowded or limit - near < preferred:
            for gap in self._gaps:
                late = limit - gap
                if late > high:
                    late = high
                late -= late % GRID
                found.append(late)
                if late % QUARTER:
                    found.append(late - late % QUARTER)
        if near % QUARTER:
            early, late = near - near % GRID, near + -near % GRID
            found += (early, late, near - near % QUARTER, near + -near % QUARTER)
        else:
            found.append(near)
        return found


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
