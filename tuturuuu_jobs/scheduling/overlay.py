"""A team's habits as a dry run planned them, put where the members' plans will find them. Pure."""

from __future__ import annotations

import dataclasses

from tuturuuu_jobs.scheduling.decisions import Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import Blocker, BlockerKind, Snapshot


def with_habits(snapshot: Snapshot, habits: Plan | None) -> Snapshot:
    """The snapshot that a member's plan would be made from once the habits' plan is written."""
    if habits is None:
        return snapshot
    touched = {
        change.item.event_id if isinstance(change, Update) else change.event_id
        for change in habits.changes
        if not isinstance(change, Insert)
    }
    kept = tuple(blocker for blocker in snapshot.blockers if blocker.event_id not in touched)
    written = tuple(
        Blocker(change.item.start, change.item.end, BlockerKind.OTHER_SCOPE, change.item.event_id)
        for change in habits.changes
        if isinstance(change, Insert | Update)
    )
    return dataclasses.replace(snapshot, blockers=kept + written)
