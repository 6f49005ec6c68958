"""Better arrangements of what is new: take a few neighbours out, put them back in another order.

Greedy placing fills gaps one by one; which task of two fills a gap, and which goes without, it
cannot weigh. Here a small group around one event is taken out and placed again, over and over; the
best arrangement seen is kept. Invariants: only seats that no row holds are touched; the number of
steps is fixed, and the dice are the same in every run, so the same demands end the same way.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Seat
from tuturuuu_jobs.scheduling.intervals import FAR

STEPS: Final = 300
STEPS_PER_SEAT: Final = 12
EFFORT: Final = 60_000
"""Steps times demands: a large calendar gets fewer steps, so that planning stays quick."""

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
        """Remove a few loose neighbours; whose they were."""
        board, dice = self._board, self._dice
        seats, hungry = board.timeline.seats, self._hungry
        size = dice.choice((2, 3, 4, 6))
        center = dice.randrange(len(seats))
        if hungry and dice.random() < 0.4:
            owner = hungry[dice.randrange(len(hungry))]
            if isinstance(owner, Occurrence):
                center = board.timeline.index_after(owner.aims[0].at)
        group: list[Seat] = []
        left, right = center, center + 1
        while len(group) < size and (left > 0 or right < len(seats)):
            for index in (left, right):
                seat = seats[index] if 0 < index < len(seats) else None
                if seat is not None and not seat.kept and dice.random() < 0.7:
                    group.append(seat)
            left, right = left - 1, right + 1
            if right - left > 60:
                break
        owners: list[Owner] = []
        whole = dice.random() < 0.5
        for seat in group:
            if seat.owner not in owners:
                owners.append(seat.owner)
        for owner in owners:
            for seat in tuple(owner.seats):
                if not seat.kept and (whole or seat in group):
                    board.remove(seat)
        return owners

    def _put_back(self, group: list[Owner]) -> list[Owner]:
        board, dice = self._board, self._dice
        guests = [owner for owner in self._hungry if owner not in group]
        if guests:
            count = min(len(guests), dice.randrange(4))
            group = [*group, *dice.sample(guests, count)]
        mode = dice.random()
        if mode < 0.4:
            dice.shuffle(group)
        elif mode < 0.7:
            group.sort(key=lambda owner: -owner.weight * (1 + 0.3 * dice.random()))
        else:
            group.sort(key=lambda owner: -owner.missing * (1 + 0.3 * dice.random()))
        for owner in group:
            if isinstance(owner, Occurrence):
                habits.place(board, owner)
                continue
            if owner.due < FAR and dice.random() < 0.5:
                tasks.place(board, owner, owner.missing, owner.due)
            tasks.place(board, owner, owner.missing, FAR)
        return group


def is_hungry(owner: Owner) -> bool:
    """Whether it lacks minutes that one more seat could hold."""
    if isinstance(owner, Occurrence):
        return habits.is_hungry(owner)
    return owner.missing > 0
