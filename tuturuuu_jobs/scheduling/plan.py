"""What is to happen to every event of the scope's habits and tasks, and why. Pure.

The whole story on one screen: sort the snapshot into demands, keep what stands well, place what
has no place, make room for what found none, look for better places, and do it again until nothing
changes; then tell what differs from the table and what does not fit. The same snapshot gives the
same plan, in whatever order its parts come.
"""

from __future__ import annotations

import dataclasses
from typing import Final

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.constructing import construct
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.demands import Owner
from tuturuuu_jobs.scheduling.diff import difference
from tuturuuu_jobs.scheduling.findings import findings_of
from tuturuuu_jobs.scheduling.gathering import Demands, gather
from tuturuuu_jobs.scheduling.keeping import keep
from tuturuuu_jobs.scheduling.model import Snapshot
from tuturuuu_jobs.scheduling.polish import polish
from tuturuuu_jobs.scheduling.rearranging import rearrange
from tuturuuu_jobs.scheduling.repair import repair
from tuturuuu_jobs.scheduling.score import buffer_misses, held, score_of, wanted
from tuturuuu_jobs.scheduling.window import Window, window_of

ROUNDS: Final = 6
"""How often a result is looked at again; the second look nearly always finds nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class Solution:
    """Demands with their seats."""

    demands: Demands
    board: Board
    owners: tuple[Owner, ...]


def plan(snapshot: Snapshot) -> Plan:
    """Plan one scope of a workspace; :mod:`tuturuuu_jobs.scheduling.costs` says what is better."""
    window = window_of(snapshot)
    solution = _solve(snapshot, window, keeping=True)
    if snapshot.force:
        afresh = _solve(snapshot, window, keeping=False)
        solution = afresh if afresh.board.score > solution.board.score else solution
    return _told(snapshot, solution)


def _solve(snapshot: Snapshot, window: Window, *, keeping: bool) -> Solution:
    """Find places until a further look at the result changes nothing.

    Each round takes the places of the one before as given, as a later run will; so what is applied
    is not planned differently the next time.
    """
    demands = gather(snapshot, window)
    owners: tuple[Owner, ...] = (*demands.occurrences, *demands.works)
    board = Board(demands, snapshot.buffers, force=snapshot.force)
    if keeping:
        keep(board, snapshot, owners)
        board.count_moves(owners)
    for _ in range(ROUNDS):
        mark = board.mark()
        _improve(board, demands, owners, fresh=not (keeping and snapshot.force))
        if board.mark() == mark:
            break
        board.settle(owners)
    return Solution(demands, board, owners)


def _improve(board: Board, demands: Demands, owners: tuple[Owner, ...], *, fresh: bool) -> None:
    construct(board, demands.occurrences, demands.works)
    repair(board, owners)
    if fresh:
        rearrange(board, owners)
    polish(board, owners)


def _told(snapshot: Snapshot, solution: Solution) -> Plan:
    demands, board, owners = solution.demands, solution.board, solution.owners
    found = difference(snapshot, demands, board, owners)
    return Plan(
        found.items,
        found.changes,
        findings_of(snapshot, demands, board, owners),
        score_of(board, owners, found.moves),
        placed=sum([held(owner) for owner in owners]),
        required=sum([wanted(owner) for owner in owners]),
        bumped=sum([each.bumped and each.missing > 0 for each in demands.occurrences]),
        buffer_misses=buffer_misses(board),
    )
