"""What the tables hold once a plan is applied, without tables."""

from __future__ import annotations

from tuturuuu_jobs.scheduling.decisions import Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import Instance, Piece, Snapshot, State
from tuturuuu_jobs.scheduling.settled import settled


def applied(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """The snapshot that would be read right after the plan was written.

    Raises:
        AssertionError: A change does not fit the rows it was made from.
    """
    own: tuple[Instance | Piece, ...] = (*snapshot.instances, *snapshot.pieces)
    rows = {row.event_id: row for row in own}
    for change in plan.changes:
        if isinstance(change, Insert):
            assert change.item.event_id is None
            continue
        event_id = change.item.event_id if isinstance(change, Update) else change.event_id
        assert event_id is not None
        row = rows.pop(event_id)
        assert (row.start, row.end, row.state) == (change.start, change.end, State.OPEN)
    after = settled(snapshot, plan)
    inserts = sum(isinstance(change, Insert) for change in plan.changes)
    updates = sum(isinstance(change, Update) for change in plan.changes)
    assert len(after.instances) + len(after.pieces) == len(rows) + updates + inserts
    return after
