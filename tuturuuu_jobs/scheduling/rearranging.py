"""Better arrangements of what is new: take a few neighbours out, put them back in another order.

Greedy placing fills gaps one by one; which task of two fills a gap, and which goes without, it
cannot weigh. Here a small group around one event is taken out and placed again, over and over; the
best arrangement seen is kept. Invariants: only seats that no row holds are touched; the number of
steps is fixed, and the dice are the same in every run, so the same demands end the same way.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Seat, Work
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.window import down, up

STEPS: Final = 400
STEPS_PER_SEAT: Final = 20
EFFORT: Final = 40_000
"""Steps times demands: a large calendar gets fewer steps, so that planning stays quick."""

FOR_HUNGRY: Final = 0.6
"""How often room is made for something that has none."""

NUDGED: Final = 0.5
SMALL: Final = 0.15
"""How often something is pushed against a neighbour, or placed with its least length."""

HEAT: Final = 0.0005
"""The first loss that is taken in the hope of more, as a share of the whole score."""


def rearrange(board: Board, owners: Sequence[Owner]) -> None:
    """Look for a better arrangement of all seats that are not kept."""
    _Search(board, owners).run()


class _Search:
    """The state of one search. The best score is known by the length of the board's history."""

    def __init__(self, board: Board, owners: Sequence[Owner]) -> None:
        self._board = board
        self._dice = random.Random(0)  # noqa: S311 - the same in every run, on purpose.
        self._loose = sum([not seat.kept for owner in owners for seat in owner.seats])
        self._steps = min(STEPS, STEPS_PER_SEAT * self._loose, EFFORT // max(1, len(owners)))
        self._hungry = [owner for owner in owners if is_hungry(owner)]

    def run(self) -> None:
        """Take out, put back, keep what is better; end with the best."""
        board = self._board
        best, at_best = board.score, board.mark()
        for step in range(self._steps):
            heat = HEAT * abs(best) * (1 - step / self._steps) + 1
            mark, before = board.mark(), board.score
            group = self._take_out()
            if not group:
                continue
            group = self._put_back(group)
            loss = before - board.score
            if loss > 0 and self._dice.random() * heat < loss:
                board.undo(mark)
                continue
            others = [owner for owner in self._hungry if owner not in group]
            self._hungry = others + [owner for owner in group if is_hungry(owner)]
            if board.score > best:
                best, at_best = board.score, board.mark()
        board.undo(at_best)

    def _take_out(self) -> list[Owner]:
        """Remove a few loose neighbours; whose they were, and whom the room is for first."""
        dice = self._dice
        if self._hungry and dice.random() < FOR_HUNGRY:
            owner = self._pick()
            group = self._clear(owner)
            if group:
                return [owner, *self._remove(group, whole=dice.random() < 0.3)]
        return self._remove(self._around(), whole=dice.random() < 0.5)

    def _pick(self) -> Owner:
        """Somebody hungry, the heavier of two."""
        one, other = self._dice.choice(self._hungry), self._dice.choice(self._hungry)
        return one if one.weight >= other.weight else other

    def _clear(self, owner: Owner) -> list[Seat]:
        """Loose seats in a row that leave room for an owner when they go."""
        if isinstance(owner, Occurrence):
            aim = self._dice.choice(owner.aims)
            low = max(owner.blocks[0][0], aim.first) if owner.blocks else aim.at
            high = min(owner.blocks[-1][1], aim.until, aim.last) if owner.blocks else aim.at
            return self._row(low, high, min(owner.missing, owner.shape.longest))
        lane, until = owner.lane, owner.due
        first = bisect_right(lane.ends, owner.start)
        last = bisect_left(lane.starts, until) if until > owner.start else len(lane.starts)
        if last <= first or self._dice.random() < 0.2:
            last = len(lane.starts)
        if last <= first:
            return []
        block = self._dice.randrange(first, last)
        low, high = max(lane.starts[block], owner.start), lane.ends[block]
        return self._row(low, high, min(owner.missing, owner.most))

    def _row(self, low: int, high: int, length: int) -> list[Seat]:
        timeline = self._board.timeline
        first, last = timeline.index_after(low), timeline.index_after(high)
        if first >= last:
            return []
        index = self._dice.randrange(first, last)
        before = timeline.ends[index - 1]
        found: list[Seat] = []
        while len(found) < 6:
            seat = timeline.seats[index]
            if seat is None or seat.kept:
                break
            found.append(seat)
            index += 1
            if timeline.starts[index] - before >= length:
                break
        return found

    def _around(self) -> list[Seat]:
        """Some of the loose seats around a random one."""
        dice, seats = self._dice, self._board.timeline.seats
        size = dice.choice((2, 3, 4, 6))
        left = dice.randrange(len(seats))
        right = left + 1
        group: list[Seat] = []
        while len(group) < size and right - left < 60:
            for index in (left, right):
                seat = seats[index] if 0 < index < len(seats) else None
                if seat is not None and not seat.kept and dice.random() < 0.7:
                    group.append(seat)
            left, right = left - 1, right + 1
        return group

    def _remove(self, group: Sequence[Seat], *, whole: bool) -> list[Owner]:
        owners: list[Owner] = []
        for seat in group:
            if seat.owner not in owners:
                owners.append(seat.owner)
        for owner in owners:
            for seat in tuple(owner.seats):
                if not seat.kept and (whole or seat in group):
                    self._board.remove(seat)
        return owners

    def _put_back(self, group: list[Owner]) -> list[Owner]:
        board, dice = self._board, self._dice
        guests = [owner for owner in self._hungry if owner not in group]
        if guests:
            count = min(len(guests), dice.randrange(4))
            group = [*group, *dice.sample(guests, count)]
        mode = dice.random()
        if mode < 0.3 and not is_hungry(group[0]):
            dice.shuffle(group)
        elif mode < 0.5:
            group = [group[0], *dice.sample(group[1:], len(group) - 1)]
        elif mode < 0.8:
            group.sort(key=lambda owner: -owner.weight * (1 + 0.3 * dice.random()))
        else:
            group.sort(key=lambda owner: -owner.missing * (1 + 0.3 * dice.random()))
        for owner in group:
            mark = board.mark()
            self._put(owner)
            if board.mark() > mark and dice.random() < NUDGED:
                self._nudge(owner.seats[-1])
        return group

    def _put(self, owner: Owner) -> None:
        """Place what an owner lacks; now and then less than it asks for."""
        board, dice = self._board, self._dice
        small = dice.random() < SMALL
        if isinstance(owner, Occurrence):
            shortest = owner.shape.shortest
            aims = habits.free_aims(owner)
            if small and aims and shortest < owner.missing:
                start = habits.best_start(board, owner, aims[0], shortest)
                if start is not None:
                    board.add(board.seat_habit(owner, aims[0], start, shortest))
                return
            habits.place(board, owner)
            return
        if small and owner.task.splittable and owner.missing > owner.least:
            tasks.place(board, owner, up(dice.choice((1, 2)) * owner.least), FAR)
            return
        if owner.due < FAR and dice.random() < 0.5:
            tasks.place(board, owner, owner.missing, owner.due)
        tasks.place(board, owner, owner.missing, FAR)

    def _nudge(self, seat: Seat) -> None:
        """Push a seat against a neighbour, so that what is free beside it is in one stretch."""
        board, owner = self._board, seat.owner
        timeline = board.timeline
        index = board.index_of(seat)
        low, high = max(timeline.ends[index - 1], board.now), timeline.starts[index + 1]
        if isinstance(owner, Occurrence):
            if len(owner.aims) > 1 or seat.aim is None:
                return
            first, last = owner.span()
            block = next(each for each in owner.blocks if each[0] <= seat.start < each[1])
            low = max(low, block[0], first, seat.aim.first)
            high = min(high, block[1], last, seat.aim.until, seat.aim.last + seat.length)
        else:
            lane = owner.lane
            block_index = bisect_right(lane.starts, seat.start) - 1
            low = max(low, lane.starts[block_index], owner.start)
            high = min(high, lane.ends[block_index])
            taken = [(each.start, each.end) for each in owner.fixed]
            taken += [(each.start, each.start + each.length) for each in owner.seats]
            for begin, end in taken:
                if begin < seat.start:
                    low = max(low, end + owner.sep)
                elif begin > seat.start:
                    high = min(high, begin - owner.sep)
        start = up(low) if self._dice.random() < 0.5 else down(high - seat.length)
        if start != seat.start and low <= start <= high - seat.length:
            board.remove(seat)
            if isinstance(owner, Occurrence) and seat.aim is not None:
                board.add(board.seat_habit(owner, seat.aim, start, seat.length))
            elif isinstance(owner, Work):
                board.add(board.seat_task(owner, start, seat.length))


def is_hungry(owner: Owner) -> bool:
    """Whether it lacks minutes that one more seat could hold."""
    if isinstance(owner, Occurrence):
        return habits.is_hungry(owner)
    return owner.missing > 0
