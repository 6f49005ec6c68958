"""Which rows may stay where they are, and why the others may not.

Invariant: rows are looked at heaviest first, so of two that overlap the heavier stays. A row that
may stay takes its own place as a kept seat; one that only has the wrong length is cut or stretched
where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.decisions import Cause
from tuturuuu_jobs.scheduling.demands import (
    Aim,
    Occurrence,
    Owner,
    Row,
    Seat,
    Work,
    assign,
    closest,
)
from tuturuuu_jobs.scheduling.habits import free_aims
from tuturuuu_jobs.scheduling.model import Snapshot
from tuturuuu_jobs.scheduling.window import down


def keep(board: Board, snapshot: Snapshot, owners: Sequence[Owner]) -> None:
    """Seat every row that still stands well; the others learn their cause."""
    rows = [(owner, row) for owner in owners for row in owner.rows]
    rows.sort(key=lambda each: (-each[0].weight, each[1].start, each[1].event.event_id.int))
    for owner, row in rows:
        if isinstance(owner, Occurrence):
            _keep_instance(board, owner, row)
        else:
            _keep_piece(board, owner, row)
    for owner in owners:
        if isinstance(owner, Work) and owner.seats:
            _settle(board, owner)
        if owner.rows:
            owner.stakes = [(row.start, row.length, row.valid) for row in owner.rows]
    _name_blockers(snapshot, rows)


def _keep_instance(board: Board, owner: Occurrence, row: Row) -> None:
    shape = owner.shape
    aim = _aim_of(owner, row)
    if aim is None or owner.missing < shape.shortest:
        row.cause = Cause.SURPLUS
        return
    length = min(max(row.length, shape.shortest), shape.longest, owner.missing)
    cause = _why_not(board, owner, aim, row.start, row.start + length)
    if cause is not None:
        row.cause = cause
        return
    if length != row.length:
        row.cause = Cause.WRONG_LENGTH
    row.valid = length == row.length
    seat = board.seat_habit(owner, aim, row.start, length)
    seat.kept = True
    board.add(seat)


def _aim_of(owner: Occurrence, row: Row) -> Aim | None:
    """Which of several instances a row stands for: by time, or one that no other row can be."""
    if len(owner.aims) == 1:
        return None if owner.seats else owner.aims[0]
    places = [(each.start, each.length) for each in owner.rows]
    chosen = assign(owner.aims, places, closest)
    index = owner.rows.index(row)
    free = free_aims(owner)
    if index < len(chosen) and owner.aims[chosen[index]] in free:
        return owner.aims[chosen[index]]
    return free[0] if free else None


def _why_not(board: Board, owner: Occurrence, aim: Aim, start: int, end: int) -> Cause | None:
    """Why an instance may not be at ``[start, end)``."""
    low, high = owner.span()
    for begin, finish in owner.blocks:
        if begin <= start and end <= finish:
            break
    else:
        return Cause.OUTSIDE_HOURS
    if not board.timeline.is_free(start, end) or not _is_apart(owner, start, end):
        return Cause.CONFLICT
    near = aim.admits(start, end - start) or any(
        other.admits(start, end - start) for other in owner.aims
    )
    if not near or start < low or end > high:
        return Cause.BETTER_PLACE
    return None


def _is_apart(owner: Owner, start: int, end: int) -> bool:
    """Whether the owner's other events are far enough away."""
    if not owner.seats and not owner.fixed:
        return True
    taken = [(event.start, event.end) for event in owner.fixed]
    taken += [*((seat.start, seat.start + seat.length) for seat in owner.seats)]
    return all(end + owner.sep <= first or last + owner.sep <= start for first, last in taken)


def _keep_piece(board: Board, owner: Work, row: Row) -> None:
    if not owner.minutes:
        row.cause = Cause.SURPLUS
        return
    length = min(max(row.length, owner.least), owner.most)
    cause = _why_not_piece(board, owner, row.start, row.start + length)
    if cause is not None:
        row.cause = cause
        return
    if length != row.length:
        row.cause = Cause.WRONG_LENGTH
    row.valid = length == row.length
    _seat(board, owner, row.start, length)


def _why_not_piece(board: Board, owner: Work, start: int, end: int) -> Cause | None:
    """Why a piece may not be at ``[start, end)``."""
    early = owner.task.start is not None and start < owner.task.start
    if early or not owner.lane.covers(start, end):
        return Cause.OUTSIDE_HOURS
    if not board.timeline.is_free(start, end) or not _is_apart(owner, start, end):
        return Cause.CONFLICT
    return None


def _seat(board: Board, owner: Work, start: int, length: int) -> None:
    seat = board.seat_task(owner, start, length)
    seat.kept = True
    board.add(seat)


def _settle(board: Board, owner: Work) -> None:
    """Make the kept pieces add up: no more than is left to do, no rest that is too short."""
    while owner.missing < 0:
        last = max(owner.seats, key=lambda seat: seat.start)
        shorter = last.length + owner.missing
        board.remove(last)
        _release(owner, last, Cause.SURPLUS)
        if shorter >= owner.least:
            _seat(board, owner, last.start, shorter)
            _release(owner, last, Cause.WRONG_LENGTH)
    rest = owner.missing
    if not 0 < rest < owner.least:
        return
    last = max(owner.seats, key=lambda seat: seat.start)
    end = last.start + last.length
    board.remove(last)
    longer = last.length + rest
    if (
        longer <= owner.most
        and owner.lane.covers(last.start, end + rest)
        and board.timeline.is_free(last.start, end + rest)
    ):
        _seat(board, owner, last.start, longer)
        _release(owner, last, Cause.WRONG_LENGTH)
        return
    _release(owner, last, Cause.SURPLUS if down(longer) < owner.least else Cause.WRONG_LENGTH)


def _release(owner: Work, seat: Seat, cause: Cause) -> None:
    """The row that stood at ``seat`` cannot stay as it is."""
    for row in owner.rows:
        if row.start == seat.start:
            row.valid = False
            row.cause = cause


def _name_blockers(snapshot: Snapshot, rows: list[tuple[Owner, Row]]) -> None:
    """Find what the rows in conflict overlap, for the reasons."""
    hit = [row for _, row in rows if row.cause is Cause.CONFLICT]
    if not hit:
        return
    blockers = sorted((each.start, each.end, each.kind) for each in snapshot.blockers)
    for row in hit:
        end = row.start + row.length
        kinds = [kind for first, last, kind in blockers if first < end and row.start < last]
        row.blocker = kinds[0] if kinds else None
