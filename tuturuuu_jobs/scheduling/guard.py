"""Deletions that nothing explains are refused in masses: they are what a fault looks like.

Pure. The causes are looked up in the snapshot, independently of the reasons that the plan gives.
"""

from __future__ import annotations

from typing import Final

from tuturuuu_jobs.scheduling.decisions import (
    Code,
    Delete,
    Finding,
    ItemKind,
    Level,
    Plan,
)
from tuturuuu_jobs.scheduling.model import Snapshot, State
from tuturuuu_jobs.scheduling.recurrence import is_due

_FEW: Final = 20
_SHARE: Final = 0.5
_NAMED: Final = 5


def refused_deletions(snapshot: Snapshot, plan: Plan) -> tuple[Delete, ...]:
    """The unexplained deletions, if there are more of them than the greater of 20 and half.

    Explained are those of an occurrence that is skipped, done or not due, of an ended or finished
    item, and those in conflict with something that blocks.
    """
    unexplained = tuple(
        change
        for change in plan.changes
        if isinstance(change, Delete) and not _is_explained(snapshot, change)
    )
    standing = sum(instance.state is State.OPEN for instance in snapshot.instances)
    standing += sum(piece.state is State.OPEN for piece in snapshot.pieces)
    return unexplained if len(unexplained) > max(_FEW, _SHARE * standing) else ()


def finding_of(refused: tuple[Delete, ...]) -> Finding:
    """What the result says of a refusal."""
    first = refused[0]
    return Finding(
        kind=first.kind,
        id=first.id,
        date=first.date,
        code=Code.REFUSED_MASS_DELETE,
        level=Level.ERROR,
        minutes=sum(change.end - change.start for change in refused),
        text=f"{len(refused)} events would be removed without a cause; nothing was written.",
        in_the_way=tuple(change.event_id for change in refused[:_NAMED]),
    )


def _is_explained(snapshot: Snapshot, change: Delete) -> bool:
    in_conflict = any(
        blocker.start < change.end and change.start < blocker.end for blocker in snapshot.blockers
    )
    return in_conflict or _is_over(snapshot, change)


def _is_over(snapshot: Snapshot, change: Delete) -> bool:
    if change.kind is ItemKind.TASK:
        return any(
            task.id == change.id and (task.ending is not None or task.done >= task.minutes)
            for task in snapshot.tasks
        )
    if change.date is None:
        return False
    key = (change.id, change.date)
    if key in snapshot.skips or key in snapshot.completions:
        return True
    return any(
        habit.id == change.id
        and (
            habit.ending is not None
            or not is_due(habit.rule, habit.start_date, habit.end_date, change.date)
        )
        for habit in snapshot.habits
    )
