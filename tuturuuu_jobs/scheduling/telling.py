"""What a written plan tells the event log: each change with its reason, no names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tuturuuu_jobs.scheduling.decisions import Change, Delete, Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import Scope

_EVENT: Final[LiteralString] = """
insert into jobs.events (run_id, type, data) values (%(run)s, 'schedule.applied', %(data)s)
"""


def tell_changes(
    connection: psycopg.Connection[Any],
    run_id: UUID,
    scope: Scope,
    plan: Plan,
    made: Sequence[UUID],
) -> None:
    """Record what was written, in the transaction that wrote it; nothing if nothing was.

    Args:
        connection: In that transaction.
        run_id: The run that writes.
        scope: Whose plan it is.
        plan: What was applied.
        made: The ids of the new events, in the order of the plan's inserts.
    """
    if not plan.changes:
        return
    data = {
        "scope": scope.kind.value,
        "user_id": str(scope.user_id) if scope.user_id else None,
        "changes": list(_told(plan.changes, iter(made))),
    }
    connection.execute(_EVENT, {"run": run_id, "data": Jsonb(data)})


def _told(changes: Sequence[Change], made: Iterator[UUID]) -> Iterator[dict[str, Any]]:
    for change in changes:
        row: tuple[str, UUID | None, UUID]
        match change:
            case Insert():
                row = "inserted", next(made), change.item.id
            case Update():
                row = "updated", change.item.event_id, change.item.id
            case Delete():
                row = "deleted", change.event_id, change.id
        did, event_id, owner = row
        yield {
            "change": did,
            "id": str(event_id),
            "of": str(owner),
            "reason": change.reason.cause.value,
        }
