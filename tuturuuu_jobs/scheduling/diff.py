"""From seats to rows: what is inserted, updated and deleted, and every event as it will be.

Invariant: a row is never given to another habit, date or task; equal times pair first, so that
what did not move is not written. Fixed events appear among the items and never among the changes.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import moved, pairs
from tuturuuu_jobs.scheduling.decisions import (
    Cause,
    Change,
    Delete,
    Insert,
    Item,
    ItemKind,
    Reason,
    Update,
)
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Row, Seat, late_minutes
from tuturuuu_jobs.scheduling.gathering import Demands
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.model import Instance, Piece, Snapshot
from tuturuuu_jobs.scheduling.reasons import reason_of_delete, reason_of_place, reason_of_update

Key = tuple[UUID, date | None]
Fixed = dict[Key, list[Instance | Piece]]


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """What the table lacks.

    Attributes:
        moves: The cost of leaving valid places.
    """

    items: tuple[Item, ...]
    changes: tuple[Change, ...]
    moves: int


def difference(
    snapshot: Snapshot, demands: Demands, board: Board, owners: Sequence[Owner]
) -> Difference:
    """Compare the seats with the rows that were read."""
    fixed: Fixed = defaultdict(list)
    for event in demands.fixed:
        fixed[_key_of(event)].append(event)
    result = _Changes(board, snapshot.force)
    for owner in owners:
        result.compare(owner, fixed.get(_key(owner), ()) if fixed else ())
    result.deletes += [_removal(row) for row in demands.removals]
    items = [*result.items, *_fixed_items(snapshot, demands, owners, fixed)]
    items.sort(key=_in_time)
    return Difference(tuple(items), result.in_order(), result.moves)


class _Changes:
    """Collects what differs, owner by owner."""

    def __init__(self, board: Board, force: bool) -> None:  # noqa: FBT001 - two facts, no mode.
        self.items: list[Item] = []
        self.deletes: list[Delete] = []
        self.updates: list[Update] = []
        self.inserts: list[Insert] = []
        self.moves = 0
        self._board = board
        self._force = force

    def compare(self, owner: Owner, fixed: Sequence[Instance | Piece]) -> None:
        """Pair an owner's rows with its seats."""
        seats = owner.seats
        if len(seats) > 1:
            seats = sorted(seats, key=lambda seat: seat.start)
        count = len(seats) + len(fixed)
        rows = self._partners(owner, seats) if owner.rows else (None,) * len(seats)
        for number, (seat, row) in enumerate(zip(seats, rows, strict=True), 1):
            earlier = sum(1 for event in fixed if event.start < seat.start) if fixed else 0
            item = _item(owner, seat, row, number + earlier, count)
            self.items.append(item)
            if row is None:
                self.inserts.append(Insert(item, reason_of_place(self._board, owner, seat, item)))
            else:
                self._update(owner, seat, row, item)

    def _partners(self, owner: Owner, seats: Sequence[Seat]) -> list[Row | None]:
        """The row of each seat; rows without a seat are deleted."""
        rows = owner.rows
        if len(rows) == 1 == len(seats):
            old, new = rows[0], seats[0]
            if not self._force and (old.start, old.length) != (new.start, new.length):
                self.moves += moved([(old.start, old.length, old.valid)], [(new.start, new.length)])
            return [old]
        places = [(seat.start, seat.length) for seat in seats]
        partners: list[Row | None] = [None] * len(seats)
        for at, to in pairs([(row.start, row.length) for row in owner.rows], places):
            if at is not None and to is not None:
                partners[to] = owner.rows[at]
            elif at is not None:
                self.deletes.append(_delete(owner, owner.rows[at]))
        if not self._force:
            self.moves += moved([(row.start, row.length, row.valid) for row in owner.rows], places)
        return partners

    def _update(self, owner: Owner, seat: Seat, row: Row, item: Item) -> None:
        old = row.event.title
        title = item.title if old is not None and old != item.title else None
        if title is None and (row.start, row.length) == (seat.start, seat.length):
            return
        reason = reason_of_update(self._board, owner, seat, row, item)
        self.updates.append(Update(item, reason, row.event.start, row.event.end, title))

    def in_order(self) -> tuple[Change, ...]:
        """Deletes, updates, inserts, each by start."""
        self.deletes.sort(key=lambda each: (each.start, each.event_id.int))
        self.updates.sort(key=lambda each: _in_time(each.item))
        self.inserts.sort(key=lambda each: _in_time(each.item))
        return (*self.deletes, *self.updates, *self.inserts)


def _in_time(item: Item) -> tuple[int, int, int]:
    return item.start, item.end, item.id.int


def _key(owner: Owner) -> Key:
    if isinstance(owner, Occurrence):
        return owner.habit.id, owner.date
    return owner.task.id, None


def _key_of(event: Instance | Piece) -> Key:
    if isinstance(event, Instance):
        return event.habit_id, event.date
    return event.task_id, None


def _item(owner: Owner, seat: Seat, row: Row | None, number: int, count: int) -> Item:
    event_id = None if row is None else row.event.event_id
    end = seat.start + seat.length
    if isinstance(owner, Occurrence):
        habit = owner.habit
        title = habit.name if count == 1 else f"{habit.name} ({number}/{count})"
        return Item(
            ItemKind.HABIT, habit.id, owner.date, seat.start, end, event_id, title, number, count
        )
    task = owner.task
    late = late_minutes(seat.start, seat.length, owner.due)
    return Item(
        ItemKind.TASK, task.id, None, seat.start, end, event_id, task.name, number, count, late=late
    )


def _removal(row: Row) -> Delete:
    return _deleted(row.event, reason_of_delete(row.cause or Cause.ENDED))


def _delete(owner: Owner, row: Row) -> Delete:
    if row.valid:
        cause = Cause.MADE_ROOM
    elif row.cause is Cause.SURPLUS or owner.missing <= 0:
        cause = Cause.SURPLUS
    else:
        cause = Cause.NO_PLACE
    return _deleted(row.event, reason_of_delete(cause))


def _deleted(event: Instance | Piece, reason: Reason) -> Delete:
    if isinstance(event, Instance):
        return Delete(
            ItemKind.HABIT,
            event.habit_id,
            event.date,
            event.event_id,
            event.start,
            event.end,
            reason,
        )
    return Delete(
        ItemKind.TASK, event.task_id, None, event.event_id, event.start, event.end, reason
    )


def _fixed_items(
    snapshot: Snapshot, demands: Demands, owners: Sequence[Owner], fixed: Fixed
) -> list[Item]:
    """The events of the window that may not be written."""
    if not fixed:
        return []
    names = {habit.id: habit.name for habit in snapshot.habits}
    names |= {task.id: task.name for task in snapshot.tasks}
    dues = {work.task.id: work.due for work in demands.works}
    seats = {_key(owner): owner.seats for owner in owners}
    items: list[Item] = []
    for key, events in fixed.items():
        others = [seat.start for seat in seats.get(key, ())]
        for index, event in enumerate(events, 1):
            number = index + sum(1 for start in others if start < event.start)
            item = Item(
                ItemKind.HABIT if isinstance(event, Instance) else ItemKind.TASK,
                key[0],
                key[1],
                event.start,
                event.end,
                event.event_id,
                event.title or names.get(key[0], ""),
                number,
                len(events) + len(others),
                fixed=True,
                late=late_minutes(event.start, event.end - event.start, dues.get(key[0], FAR)),
            )
            items.append(item)
    today, begin = demands.window.dates[0], demands.window.midnights[0]
    return [item for item in items if item.end > begin or (item.date and item.date >= today)]
