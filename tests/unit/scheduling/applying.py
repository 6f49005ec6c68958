"""What the tables hold once a plan is applied, without tables."""

from __future__ import annotations

import dataclasses
from uuid import UUID, uuid5

from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Item, ItemKind, Plan, Update
from tuturuuu_jobs.scheduling.model import Instance, Piece, Snapshot, State


def applied(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """The snapshot that would be read right after the plan was written.

    Raises:
        AssertionError: A change does not fit the rows it was made from.
    """
    instances = {row.event_id: row for row in snapshot.instances}
    pieces = {row.event_id: row for row in snapshot.pieces}
    for change in plan.changes:
        match change:
            case Insert():
                assert change.item.event_id is None
                _put(change.item, _new_id(change.item), instances, pieces)
            case Update():
                assert change.item.event_id is not None
                row = _take(change.item.kind, change.item.event_id, instances, pieces)
                assert (row.start, row.end, row.state) == (change.start, change.end, State.OPEN)
                kept = change.item if change.title else _titled(change.item, row.title)
                _put(kept, change.item.event_id, instances, pieces)
            case Delete():
                row = _take(change.kind, change.event_id, instances, pieces)
                assert (row.start, row.end, row.state) == (change.start, change.end, State.OPEN)
    return dataclasses.replace(
        snapshot, instances=tuple(instances.values()), pieces=tuple(pieces.values())
    )


def _new_id(item: Item) -> UUID:
    return uuid5(item.id, f"{item.date} {item.start} {item.end}")


def _take(
    kind: ItemKind, event_id: UUID, instances: dict[UUID, Instance], pieces: dict[UUID, Piece]
) -> Instance | Piece:
    return instances.pop(event_id) if kind is ItemKind.HABIT else pieces.pop(event_id)


def _put(
    item: Item, event_id: UUID, instances: dict[UUID, Instance], pieces: dict[UUID, Piece]
) -> None:
    if item.kind is ItemKind.TASK:
        pieces[event_id] = Piece(
            event_id,
            item.id,
            item.start,
            item.end,
            State.OPEN,
            item.end - item.start,
            title=item.title,
        )
        return
    assert item.date is not None
    instances[event_id] = Instance(
        event_id, item.id, item.date, item.start, item.end, State.OPEN, item.title
    )


def _titled(item: Item, title: str | None) -> Item:
    return item if title is None else dataclasses.replace(item, title=title)
