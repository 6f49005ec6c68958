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
    best: tuple[int, Places] = (0, [])
    for manner in MANNERS:
        if not work.task.splittable and not manner.full:
            continue
        worth, places, perfect = _lay(board, work, amount, until, manner)
        if places and (not best[1] or worth > best[0]):
            best = worth, places
        if perfect:
            break
    return best[1]


def _lay(
    board: Board, work: Work, amount: int, until: int, manner: Manner
) -> tuple[int, Places, bool]:
    """Fill gaps from the first on; what the pieces are worth, and whether none could be better."""
    timeline, lane = board.timeline, work.lane
    run = _Run(board, work, amount, until, manner)
    for day in range(timeline.day_of(work.start), len(timeline.midnights) - 1):
        longest, gaps = timeline.gaps(lane, day)
        if longest < run.need:
            run.delayed = run.delayed or longest >= work.least
            continue
        for gap in gaps:
            if gap.start + run.need > until:
                return run.result()
            if gap.end - gap.start < run.need:
                run.delayed = run.delayed or gap.end - max(gap.start, work.start) >= work.least
                continue
            while run.take(gap):
                if run.done:
                    return run.result()
    return run.result()


class _Run:
    """One way through the gaps, a piece at a time, nothing of it on the board yet."""

    __slots__ = (
        "amount", "board", "cost", "delayed", "last", "manner", "most", "need", "pause", "places",
        "position", "rest", "until", "work",
    )  # fmt: skip

    def __init__(self, board: Board, work: Work, amount: int, until: int, manner: Manner) -> None:
        self.board, self.work, self.manner = board, work, manner
        self.rest, self.amount, self.until = work.missing, amount, until
        self.position, self.last = work.start, -FAR
        self.pause, self.most = work.sep, work.most
        every = board.break_every
        if every is not None and work.task.splittable:
            self.pause = max(work.sep, board.break_length)
            self.most = every if work.least <= every < work.most else work.most
        self.places: Places = []
        self.cost = 0
        self.delayed = False
        self.need = self._need()

    @property
    def done(self) -> bool:
        """Whether no further piece is to be placed."""
        return not self.need

    def result(self) -> tuple[int, Places, bool]:
        """Worth, pieces, and whether all went into the first gaps there are."""
        placed = sum([length for _, length in self.places])
        extra = len(self.work.seats) + len(self.places) - self.work.thrift
        extra = min(extra, len(self.places))
        worth = PLACED * self.work.weight * placed - self.cost - FRAGMENT * max(0, extra)
        return worth, self.places, not self.delayed and self.done

    def _need(self) -> int:
        """The shortest room worth a look; 0 when there is nothing more to place."""
        least = min(self.work.least, self.rest)
        if not self.rest or self.amount < least:
            return 0
        if not self.manner.full:
            return least
        return cut(self.rest, self.amount, self.work.least, self.most) or least

    def take(self, gap: Gap) -> bool:
        """Put one piece into a gap, if there is room for it as the manner wants it."""
        work = self.work
        start, end = max(gap.start, self.position), min(gap.end, self.until)
        if end - start < self.need:
            self.delayed = self.delayed or end - start >= work.least
            return False
        before = max(gap.before, self.last)
        if work.seats or work.fixed:
            start, end = _apart(work, start, end)
        if self.manner.airy:
            start = max(start, before + self.board.preferred)
            end = min(end, gap.after - self.board.preferred)
        start = up(start)
        room = end - start
        length = cut(self.rest, min(room, self.amount), work.least, self.most) if room > 0 else 0
        if length < self.need:
            self.delayed = True
            return False
        cost, at = self._start((start, end - length), length, (before, gap.after))
        self.places.append((at, length))
        self.cost += cost
        self.rest -= length
        self.amount -= length
        self.last = at + length
        self.position = self.last + self.pause
        self.need = self._need()
        return True

    def _start(self, room: Block, length: int, neighbours: Block) -> tuple[int, int]:
        """The cheapest start in ``room`` with its cost; the earliest of equals."""
        board, work = self.board, self.work
        (low, high), (before, after) = room, neighbours
        preferred, near, size = board.preferred, board.near, work.weight * length
        best = (FAR, low)
        for start in self._candidates(low, before):
            if start > high:
                break
            cost = size * (start - board.now) // DAY
            if start % QUARTER:
                cost += UNTIDY
            if start - before < preferred:
                cost += near[start - before]
            if after - start - length < preferred:
                cost += near[after - start - length]
            if start + length > work.due:
                cost += LATE * work.weight * late_minutes(start, length, work.due)
            if board.break_every is not None:
                index = board.timeline.index_after(start)
                cost += board.overrun(index, index, start, start + length)
            if cost < best[0]:
                best = cost, start
        return best

    def _candidates(self, low: int, before: int) -> list[int]:
        """The first start, and the first ones with more air before them, on the quarter or not."""
        board = self.board
        gaps = [0, board.minimum, board.preferred]
        if board.break_every is not None:
            gaps.append(board.break_length)
        earliest = {up(max(low, before + gap)) for gap in gaps}
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
