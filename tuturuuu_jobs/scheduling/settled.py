"""What would be read right after a plan was written. Pure.

Invariant: a new event gets the same id from the same plan, though not the one that the table would
give it.
"""

from __future__ import annotations

import dataclasses
from uuid import UUID, uuid5

from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Item, ItemKind, Plan
from tuturuuu_jobs.scheduling.model import Instance, Piece, Snapshot, State


def settled(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """The snapshot with the changes of its plan made."""
    instances = {row.event_id: row for row in snapshot.instances}
    pieces = {row.event_id: row for row in snapshot.pieces}
    for change in plan.changes:
        if isinstance(change, Delete):
            instances.pop(change.event_id, None)
            pieces.pop(change.event_id, None)
            continue
        item = change.item
        event_id = item.event_id or _new_id(item)
        title: str | None = item.title
        if not isinstance(change, Insert) and change.title is None:
            old = instances.get(event_id) or pieces.get(event_id)
            title = old.title if old is not None and old.title is not None else title
        if item.kind is ItemKind.HABIT and item.date is not None:
            instances[event_id] = Instance(
                event_id, item.id, item.date, item.start, item.end, State.OPEN, title
            )
        else:
            length = item.end - item.start
            pieces[event_id] = Piece(
                event_id, item.id, item.start, item.end, State.OPEN, length, title=title
            )
    return dataclasses.replace(
        snapshot, instances=tuple(instances.values()), pieces=tuple(pieces.values())
    )


def _new_id(item: Item) -> UUID:
    return uuid5(item.id, f"{item.date} {item.start} {item.end}")
