"""The plan being made: seats on one timeline, with its score kept up to date.

Invariants: no seat overlaps anything; ``score`` equals the sum of its terms after every call;
:meth:`Board.undo` restores everything as it was, so that a trial costs only what it touches.
"""

from __future__ import annotations

from collections.abc import Iterable

from tuturuuu_jobs.scheduling.costs import FRAGMENT, habit_worth, moved, nearness, task_worth
from tuturuuu_jobs.scheduling.demands import (
    Aim,
    Occurrence,
    Owner,
    Seat,
    Work,
    assign,
    closest,
)
from tuturuuu_jobs.scheduling.gathering import Demands
from tuturuuu_jobs.scheduling.intervals import Timeline
from tuturuuu_jobs.scheduling.model import FREEZE, Buffers

OVERRUN = 10
"""For every minute that a run of work without a break is too long."""


class Board:
    """Owners' seats on a timeline. All changes go through :meth:`add` and :meth:`remove`.

    ``near`` is the cost of a gap below the preferred buffer, ``tight`` the least cost of both gaps
    around an event that together are below twice that.
    """

    __slots__ = (
        "_log", "break_every", "break_length", "force", "frozen_until", "minimum", "near", "now",
        "preferred", "score", "tight", "timeline", "tries", "window",
    )  # fmt: skip

    def __init__(self, demands: Demands, buffers: Buffers, *, force: bool) -> None:
        self.window = demands.window
        self.timeline: Timeline[Seat] = Timeline(
            demands.window.midnights,
            demands.window.start,
            tuple(demands.lanes.values()),
            demands.blocked,
            buffers.preferred,
        )
        self.now = demands.window.start
        self.frozen_until = demands.window.now + FREEZE
        self.force = force
        self.near = nearness(buffers)
        halves = [*self.near, 0]
        self.tight = [
            halves[slack // 2] + halves[slack - slack // 2]
            for slack in range(2 * buffers.preferred)
        ]
        self.minimum, self.preferred = buffers.minimum, buffers.preferred
        self.break_every, self.break_length = buffers.break_every, buffers.break_length
        self.score = 0
        self.tries = 0
        self._log: list[tuple[Seat, bool, int]] = []

    def seat_habit(self, owner: Occurrence, aim: Aim, start: int, length: int) -> Seat:
        """A seat for an instance, not yet on the board."""
        worth = habit_worth(owner.weight, aim, start, length)
        return Seat(owner, start, length, worth, aim)

    def seat_task(self, owner: Work, start: int, length: int) -> Seat:
        """A seat for a piece, not yet on the board."""
        return Seat(
            owner, start, length, task_worth(owner.weight, owner.due, self.now, start, length)
        )

    def add(self, seat: Seat) -> None:
        """Take a free place."""
        self._log.append((seat, True, self.score))
        index = self.timeline.insert(seat.start, seat.start + seat.length, seat)
        owner = seat.owner
        owner.seats.append(seat)
        owner.missing -= seat.length
        self.score += seat.worth - self._squeeze(index)
        if len(owner.seats) > owner.thrift:
            self.score -= FRAGMENT
        if owner.stakes:
            self._count_moves(owner)

    def remove(self, seat: Seat) -> None:
        """Give a place back."""
        self._log.append((seat, False, self.score))
        timeline = self.timeline
        self.score -= seat.worth - self._squeeze(self.index_of(seat))
        timeline.remove(seat.start, seat.start + seat.length)
        owner = seat.owner
        if len(owner.seats) > owner.thrift:
            self.score += FRAGMENT
        owner.seats.remove(seat)
        owner.missing += seat.length
        if owner.stakes:
            self._count_moves(owner)

    def index_of(self, seat: Seat) -> int:
        """Where a seat is on the timeline, until the next change."""
        return self.timeline.index_at(seat.start)

    def mark(self) -> int:
        """A point to come back to."""
        return len(self._log)

    def undo(self, mark: int) -> None:
        """Take back everything since ``mark``."""
        log, timeline = self._log, self.timeline
        while len(log) > mark:
            seat, added, score = log.pop()
            end = seat.start + seat.length
            if added:
                timeline.remove(seat.start, end)
                seat.owner.seats.remove(seat)
                seat.owner.missing += seat.length
            else:
                timeline.insert(seat.start, end, seat)
                seat.owner.seats.append(seat)
                seat.owner.missing -= seat.length
            if seat.owner.stakes:
                seat.owner.toll = self._toll(seat.owner)
            self.score = score

    def may_move(self, seat: Seat, weight: int) -> bool:
        """Whether something of ``weight`` may send ``seat`` elsewhere.

        What stands where the user last saw it yields only to something heavier, and not at all if
        it is about to begin; the rest yields to its equals too.
        """
        if not seat.kept or self.force:
            return seat.owner.weight <= weight
        return seat.owner.weight < weight and seat.start >= self.frozen_until

    def count_moves(self, owners: Iterable[Owner]) -> None:
        """Charge what the owners' stakes lost so far; from now on it is kept up to date."""
        for owner in owners:
            if not all(valid for _, _, valid in owner.stakes):
                self._count_moves(owner)

    def settle(self, owners: Iterable[Owner]) -> None:
        """Take the present places for those of the table: from now on leaving them costs."""
        for owner in owners:
            self.score += owner.toll
            owner.toll = 0
            owner.stakes = []
            if isinstance(owner, Occurrence) and len(owner.aims) > 1:
                self._aim_anew(owner)
            owner.seats.sort(key=lambda seat: seat.start)
            owner.stakes = [(seat.start, seat.length, True) for seat in owner.seats]
            for seat in owner.seats:
                seat.kept = True

    def _aim_anew(self, owner: Occurrence) -> None:
        """Let each of several instances stand for the aim that a later run will see in it."""
        seats = sorted(owner.seats, key=lambda seat: seat.start)
        chosen = assign(owner.aims, [(seat.start, seat.length) for seat in seats], closest)
        for seat, index in zip(seats, chosen, strict=True):
            if seat.aim != owner.aims[index]:
                self.remove(seat)
                self.add(self.seat_habit(owner, owner.aims[index], seat.start, seat.length))

    def squeeze(self, before: int, after: int, start: int, end: int) -> int:
        """What neighbours ending at ``before`` and beginning at ``after`` cost ``[start, end)``."""
        cost = 0
        if start - before < self.preferred:
            cost = self.near[start - before]
        if after - end < self.preferred:
            cost += self.near[after - end]
        return cost

    def _squeeze(self, index: int) -> int:
        """What the seat at ``index`` costs by its neighbours, less what they cost without it."""
        timeline = self.timeline
        starts, ends, seats = timeline.starts, timeline.ends, timeline.seats
        before, after = ends[index - 1], starts[index + 1]
        cost = self.squeeze(before, after, starts[index], ends[index])
        if after - before < self.preferred and (seats[index - 1] or seats[index + 1]):
            cost -= self.near[after - before]
        if self.break_every is not None:
            cost += self.overrun(index, index + 1, starts[index], ends[index])
        return cost

    def overrun(self, left: int, right: int, start: int, end: int) -> int:
        """What work at ``[start, end)``, between those indices, adds to runs without a break."""
        every = self.break_every
        if every is None:
            return 0
        first, last = self._run_before(left, start), self._run_after(right, end)
        cost = max(0, last[1] - first[0] - every)
        before, after = first[1] - first[0], last[1] - last[0]
        if before and after and last[0] - first[1] < self.break_length:
            return OVERRUN * (cost - max(0, last[1] - first[0] - every))
        return OVERRUN * (cost - max(0, before - every) - max(0, after - every))

    def _run_before(self, index: int, start: int) -> tuple[int, int]:
        """The run of work that ends less than a break before ``start``, or an empty one there."""
        timeline = self.timeline
        low, high = start, 0
        index -= 1
        while low - timeline.ends[index] < self.break_length:
            if timeline.seats[index] is not None:
                high = high or timeline.ends[index]
                low = timeline.starts[index]
            index -= 1
        return low, high or start

    def _run_after(self, index: int, end: int) -> tuple[int, int]:
        """The run of work that begins less than a break after ``end``, or an empty one there."""
        timeline = self.timeline
        low, high = 0, end
        while timeline.starts[index] - high < self.break_length:
            if timeline.seats[index] is not None:
                low = low or timeline.starts[index]
                high = timeline.ends[index]
            index += 1
        return low or end, high

    def _count_moves(self, owner: Owner) -> None:
        toll = self._toll(owner)
        self.score += owner.toll - toll
        owner.toll = toll

    def _toll(self, owner: Owner) -> int:
        if self.force:
            return 0
        return moved(owner.stakes, [(seat.start, seat.length) for seat in owner.seats])
