"""A dry run that is to be applied: whether it still holds. Pure."""

from __future__ import annotations

from datetime import datetime

from tuturuuu_jobs.errors import RejectedError
from tuturuuu_jobs.scheduling.decisions import Change, Delete, Insert, Plan
from tuturuuu_jobs.scheduling.model import instant_of
from tuturuuu_jobs.scheduling.work import SavedPlan, SavedScope, ScopeReport


def check_applied(saved: SavedPlan | None, report: ScopeReport, plan: Plan, now: datetime) -> None:
    """Raise RejectedError unless the plan is the one that was shown and none of it has begun.

    Args:
        saved: What was shown; None where nothing was.
        report: The scope as it is planned now, for the instant of the dry run.
        plan: What would be written.
        now: The real instant.
    """
    if saved is None:
        return
    if not matches(saved, report) or any(_has_begun(change, now) for change in plan.changes):
        raise outdated()


def matches(saved: SavedPlan, report: ScopeReport) -> bool:
    """Whether a scope was seen and decided as the dry run showed."""
    return SavedScope(report.scope, report.inputs, report.changes) in saved.scopes


def outdated() -> RejectedError:
    """The dry run does not hold any more."""
    return RejectedError(
        "the calendar, its habits or its tasks have changed since the dry run, or a part of the "
        "plan has begun",
        code="plan_outdated",
        hint="make a new dry run; nothing was written",
    )


def _has_begun(change: Change, now: datetime) -> bool:
    starts = [] if isinstance(change, Insert) else [change.start]
    starts += [] if isinstance(change, Delete) else [change.item.start]
    return any(instant_of(start) <= now for start in starts)
