"""Where the pieces of a task go: early, long, with air around them.

Invariant: pieces lie in free time of the task's own hours, not before its start, apart from each
other, and never leave a rest too short to be placed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tuturuuu_jobs.scheduling.admission import admit
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import FRAGMENT, LATE, PLACED, QUARTER, UNTIDY
from tuturuuu_jobs.scheduling.daytime import DAY
from tuturuuu_jobs.scheduling.demands import Work, cut, late_minutes
from tuturuuu_jobs.scheduling.intervals import FAR, Gap
from tuturuuu_jobs.scheduling.window import Block, up

NOTHING: Final = 40
"""A gain that is not worth another way through the gaps."""

Places = list[tuple[int, int]]
"""Start and length of each piece."""


class Manner(NamedTuple):
    """How picky to be.

    Attributes:
        full: Only gaps that hold the longest piece, so that there are few pieces.
        airy: Only places that keep the preferred buffer on both sides.
    """

    full: bool
    airy: bool


MANNERS: Final = (
    Manner(True, True),
    Manner(True, False),
    Manner(False, True),
    Manner(False, False),
)
"""From the one that makes the best days to the one that finds a place most often."""


def place_all(board: Board, works: Sequence[Work]) -> None:
    """Place what can be done in time by deadline, then the rest by weight."""
    accepted = admit(board, works)
    by_due = sorted(
        (work for work in works if work.order in accepted),
        key=lambda work: (work.due, -work.weight, work.task.created_at, work.order),
    )
    for work in by_due:
        place(board, work, accepted[work.order], work.due)
    rest = sorted(
        (work for work in works if work.missing),
        key=lambda work: (-work.weight, work.due, work.task.created_at, work.order),
    )
    for work in rest:
        place(board, work, work.missing, FAR)


def place(board: Board, work: Work, amount: int, until: int) -> None:
    """Place up to ``amount`` more minutes of a task, all before ``until``, as well as possible."""
    for start, length in best_places(board, work, amount, until):
        board.add(board.seat_task(work, start, length))


def best_places(board: Board, work: Work, amount: int, until: int) -> Places:
    """The best of what the manners find."""
    if amount <= 0:
        return []
    best: tuple[int, Places] = (0, [])
    for manner in MANNERS if work.task.splittable else MANNERS[:2]:
        run = _Run(board, work, amount, until, manner)
        if run.is_done():
            break
        run.go()
        worth = run.worth()
        if run.places and (not best[1] or worth > best[0]):
            best = worth, run.places
        if run.is_fine(NOTHING if manner.airy else FRAGMENT):
            break
    return best[1]


class _Run:
    """One way through the gaps from the first on, nothing of it on the board yet."""

    __slots__ = (
        "_airy", "_amount", "_apart", "_board", "_cost", "_full", "_last", "_need", "_pause",
        "_position", "_rest", "_skipped", "_until", "_work", "most", "places",
    )  # fmt: skip

    def __init__(self, board: Board, work: Work, amount: int, until: int, manner: Manner) -> None:
        self._board, self._work = board, work
        self._full, self._airy = manner
        self._rest, self._amount, self._until = work.missing, amount, until
        self._position, self._last = work.start, -FAR
        self._pause, self.most = work.sep, work.most
        every = board.break_every
        if every is not None and work.task.splittable:
            self._pause = max(work.sep, board.break_length)
            self.most = every if work.least <= every < work.most else work.most
        self._apart = bool(work.seats or work.fixed)
        self._cost = 0
        self._skipped = FAR
        self.places: Places = []
        self._need = self._needed()

    def go(self) -> None:
        """Lay pieces until nothing is left, or no gap."""
        timeline, lane = self._board.timeline, self._work.lane
        longest, first, until = lane.longest, self._work.start, self._until
        least, airy, air = self._work.least, self._airy, self._board.preferred
        rooms = lane.airy if airy else longest
        need = self._need
        for day in range(timeline.day_of(first), len(longest)):
            gaps = timeline.gaps(lane, day) if longest[day] < 0 else lane.gaps[day]
            if rooms[day] < need:
                if self._skipped == FAR and longest[day] >= least:
                    self._skipped = max(first, gaps[0][0])
                continue
            for gap in gaps:
                start, end, before, after = gap
                if start + need > until:
                    return
                if start < first:
                    start = first
                if end - start < need:
                    if self._skipped == FAR and end - start >= least:
                        self._skipped = start
                    continue
                low, high = before + air, after - air
                room = (end if end < high else high) - (start if start > low else low)
                if airy and room < need:
                    if self._skipped == FAR:
                        self._skipped = start
                    continue
                while self._take(gap):
                    need = self._need
                    if not need:
                        return

    def is_done(self) -> bool:
        """Whether nothing is left that could be placed."""
        return not self._need

    def worth(self) -> int:
        """What the pieces add to the score."""
        work = self._work
        extra = len(work.seats) + len(self.places) - work.thrift
        fragments = FRAGMENT * max(0, min(extra, len(self.places)))
        return PLACED * work.weight * (work.missing - self._rest) - self._cost - fragments

    def is_fine(self, gain: int) -> bool:
        """Whether all is placed and being less picky could gain no more than that."""
        if self._need or not self.places:
            return False
        if self._skipped == FAR:
            return True
        late = self.places[-1][0] + self.places[-1][1] > self._work.due
        waited = self.places[-1][0] - self._skipped
        size = self._work.weight * (self._work.missing - self._rest)
        return not late and size * waited // DAY <= gain

    def _needed(self) -> int:
        """The shortest room worth a look; 0 when there is nothing more to place."""
        least = min(self._work.least, self._rest)
        if not self._rest or self._amount < least:
            return 0
        if not self._full:
            return least
        return cut(self._rest, self._amount, self._work.least, self.most) or least

    def _take(self, gap: Gap) -> bool:
        """Put one piece into a gap, if there is room for it as the manner wants it."""
        work, board = self._work, self._board
        start, end = max(gap[0], self._position), min(gap[1], self._until)
        if end - start < self._need:
            return False
        before, after = max(gap[2], self._last), gap[3]
        if self._apart:
            start, end = _apart(work, start, end)
        if self._airy:
            start = max(start, before + board.preferred)
            end = min(end, after - board.preferred)
        start = up(start)
        room = end - start
        length = cut(self._rest, min(room, self._amount), work.least, self.most) if room > 0 else 0
        if length < self._need:
            if self._skipped == FAR:
                self._skipped = max(gap[0], self._position)
            return False
        cost, at = self._start((start, end - length), length, (before, after))
        self.places.append((at, length))
        self._cost += cost
        self._rest -= length
        self._amount -= length
        self._last = at + length
        self._position = self._last + self._pause
        self._need = self._needed()
        return True

    def _start(self, room: Block, length: int, neighbours: Block) -> tuple[int, int]:
        """The cheapest start in ``room`` with its cost; the earliest of equals."""
        board, work = self._board, self._work
        (low, high), (before, after) = room, neighbours
        preferred, near, size = board.preferred, board.near, work.weight * length
        best, at = FAR, low
        limit = after - length
        for start in self._candidates(low, before):
            if start > high:
                break
            cost = size * (start - board.now) // DAY
            if cost >= best:
                break
            if start % QUARTER:
                cost += UNTIDY
            if start - before < preferred:
                cost += near[start - before]
            if limit - start < preferred:
                cost += near[limit - start]
            if start + length > work.due:
                cost += LATE * work.weight * late_minutes(start, length, work.due)
            if board.break_every is not None:
                index = board.timeline.index_after(start)
                cost += board.overrun(index, index, start, start + length)
            if cost < best:
                best, at = cost, start
        return best, at

    def _candidates(self, low: int, before: int) -> list[int]:
        """The first start, and the first ones with more air before them, on the quarter or not."""
        board = self._board
        quarter = up(low, QUARTER)
        if low - before >= board.preferred and board.break_every is None:
            return [low, quarter] if quarter > low else [low]
        gaps = [board.minimum, board.preferred]
        if board.break_every is not None:
            gaps.append(board.break_length)
        earliest = {low, *(up(max(low, before + gap)) for gap in gaps)}
        return sorted(earliest | {up(start, QUARTER) for start in earliest})


def _apart(work: Work, start: int, end: int) -> tuple[int, int]:
    """Keep two pieces of a task apart."""
    taken = [(seat.start, seat.start + seat.length) for seat in work.seats]
    taken += [(piece.start, piece.end) for piece in work.fixed]
    for first, last in taken:
        if first <= start:
            start = max(start, last + work.sep)
        else:
            end = min(end, first - work.sep)
    return start, end
