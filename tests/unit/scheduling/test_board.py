"""The score that is kept up to date, against the score counted anew."""

from __future__ import annotations

import random

import pytest

from tests.unit.scheduling.building import HIGH, LOW, H, T, locked, snapshot
from tuturuuu_jobs.scheduling import habits, tasks
from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import moved, pairs
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner
from tuturuuu_jobs.scheduling.gathering import gather
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.model import Band, Buffers
from tuturuuu_jobs.scheduling.score import score_of
from tuturuuu_jobs.scheduling.window import window_of


@pytest.mark.parametrize("breaks", [None, 90])
@pytest.mark.parametrize("seed", range(4))
def test_the_running_score_equals_the_score_counted_anew(breaks: int | None, seed: int) -> None:
    rng = random.Random(seed)
    base = snapshot(
        H("walk", 30, ideal="12:00"),
        H("read", 20, band=Band("evening")),
        H("stretch", 45, weight=HIGH),
        *(T(f"task {number}", 60 + 15 * number, split=(30, 60)) for number in range(5)),
        T("whole", 90, due="Jan 6 12:00", weight=LOW),
        locked("Jan 5 10:00-11:00"),
        locked("Jan 6 08:00-12:30"),
        buffers=Buffers(5, 15, break_every=breaks),
    )
    demands = gather(base, window_of(base))
    board = Board(demands, base.buffers, force=False)
    owners: list[Owner] = [*demands.occurrences, *demands.works]
    for _ in range(60):
        mark, before = board.mark(), board.score
        for owner in rng.sample(owners, 3):
            for seat in tuple(owner.seats):
                board.remove(seat)
            if isinstance(owner, Occurrence):
                habits.place(board, owner)
            else:
                tasks.place(board, owner, owner.missing, FAR)
        assert board.score == score_of(board, owners, 0).total
        if rng.random() < 0.3:
            board.undo(mark)
            assert board.score == before == score_of(board, owners, 0).total


def test_rows_pair_with_equal_places_first_then_with_equal_starts_then_by_start() -> None:
    rows = [(100, 30), (200, 60), (300, 30)]
    seats = [(200, 30), (300, 30), (50, 30)]
    assert sorted(pairs(rows, seats), key=str) == [(0, 2), (1, 0), (2, 1)]


def test_what_is_left_over_on_either_side_pairs_with_nothing() -> None:
    assert pairs([(100, 30), (200, 30)], [(200, 30)]) == [(1, 0), (0, None)]
    assert pairs([], [(200, 30)]) == [(None, 0)]


def test_only_a_row_that_could_stay_costs_when_it_moves() -> None:
    assert moved([(100, 30, True)], [(130, 30)]) == 600 + 2 * 30
    assert moved([(100, 30, False)], [(130, 30)]) == 0
    assert moved([(100, 30, True)], [(100, 30)]) == 0
    assert moved([(100, 30, True)], []) == 600
    assert moved([(100, 30, True)], [(5000, 30)]) == 600 + 2 * 720
