"""What a schedule's work amounts to: outcome, numbers, JSON, the app's own books. Pure.

Habits and tasks are named by id: a result may be logged, what somebody calls their habits may not.
What found no place is no failure; only a scope that could not be written is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, kind_of, status_of
from tuturuuu_jobs.scheduling.decisions import (
    Change,
    Delete,
    Finding,
    Insert,
    ItemKind,
    Level,
    Plan,
    Update,
)
from tuturuuu_jobs.scheduling.model import Scope, instant_of
from tuturuuu_jobs.scheduling.work import ScheduleData, ScopeReport

MOST_FINDINGS: Final = 500
"""A result must stay readable, also for a parent that reads it from a pipe."""

_MESSAGE_CHARACTERS: Final = 512


def failed(scope: Scope, error: JobError, plan: Plan | None = None) -> ScopeReport:
    """The report of a scope that was not written."""
    problem = Problem.of(error, subject=_name(scope))
    return ScopeReport(scope, plan, problem=problem, kind=kind_of(error))


def _name(scope: Scope) -> str:
    return scope.kind.value if scope.user_id is None else f"{scope.kind.value}/{scope.user_id}"


def conclude(data: ScheduleData) -> Outcome:
    """How a run with these scopes ends."""
    problems = tuple(report.problem for report in data.scopes if report.problem is not None)
    kind = _kind(data.scopes)
    codes = {problem.code for problem in problems}
    code = codes.pop() if len(codes) == 1 else kind.value
    return Outcome(kind, code, problems, data.warnings, to_json(data))


def _kind(reports: Sequence[ScopeReport]) -> Kind:
    kinds = {report.kind for report in reports if report.problem is not None}
    if not kinds:
        return Kind.SUCCEEDED
    if any(report.problem is None for report in reports):
        return Kind.PARTIAL
    return kinds.pop() if len(kinds) == 1 else Kind.FAILED


def plan_status(reports: Sequence[ScopeReport]) -> str:
    """``success``, ``partial`` if something found no place or a scope failed, or ``failed``."""
    if reports and all(report.problem is not None for report in reports):
        return "failed"
    unsound = any(report.problem is not None for report in reports)
    return "partial" if unsound or any(_troubles(reports)) else "success"


def message(reports: Sequence[ScopeReport]) -> str:
    """The same for the app's books: one line, cut at a word, without anybody's names."""
    told = Counter(finding.code.value for finding in _troubles(reports))
    told.update(report.problem.code for report in reports if report.problem is not None)
    text = ", ".join(f"{count} {code.replace('_', ' ')}" for code, count in sorted(told.items()))
    return _at_word(text or "everything found its place")


def _at_word(text: str) -> str:
    if len(text) <= _MESSAGE_CHARACTERS:
        return text
    return text[: _MESSAGE_CHARACTERS + 1].rpartition(" ")[0]


def _troubles(reports: Sequence[ScopeReport]) -> Iterator[Finding]:
    for report in reports:
        for finding in report.plan.findings if report.plan else ():
            if finding.level is not Level.INFORMATION:
                yield finding


def summary(reports: Sequence[ScopeReport]) -> dict[str, int]:
    """The numbers, under the names of the app's own answer; failed scopes count nothing."""
    plans = [report.plan for report in reports if report.plan and report.problem is None]
    items = [item for plan in plans for item in plan.items]
    changes = [change for plan in plans for change in plan.changes]
    updated = [change for change in changes if isinstance(change, Update)]
    inserted = sum(isinstance(change, Insert) for change in changes)
    return {
        "habitsScheduled": len({item.id for item in items if item.kind is ItemKind.HABIT}),
        "tasksScheduled": len({item.id for item in items if item.kind is ItemKind.TASK}),
        "eventsTotal": len(items),
        "eventsCreated": inserted,
        "eventsUpdated": len(updated),
        "eventsDeleted": sum(isinstance(change, Delete) for change in changes),
        "eventsReused": len(items) - inserted - len(updated),
        "bumpedHabits": sum(plan.bumped for plan in plans),
        # Each scope looks at the same calendar.
        "ignoredAllDay": max((report.ignored_all_day for report in reports), default=0),
    }


def to_json(data: ScheduleData) -> dict[str, Any]:
    """The job's part of the result."""
    reports = data.scopes
    problems = [report.problem for report in reports if report.problem is not None]
    findings = _by_weight(reports)
    told = findings[:MOST_FINDINGS]
    document: dict[str, Any] = {
        "ws_id": str(data.ws_id),
        "status": _status(reports),
        "plan_status": plan_status(reports),
        "reason": problems[0].code if problems else None,
        "window_days": data.window_days,
        "force": data.force,
        "dry_run": data.dry_run,
        "zone": data.zone,
        "scopes": [_scope_json(report) for report in reports],
        "summary": summary(reports),
        "score": _score_json(reports),
        "unplaced": [_unplaced_json(one) for one in told if one.level is not Level.INFORMATION],
        "findings": [_finding_json(one) for one in told],
        "findings_left_out": len(findings) - len(told),
    }
    if data.dry_run:
        document["changes"] = [
            change_json(change)
            for report in reports
            for change in (report.plan.changes if report.plan else ())
        ]
    return document


_LEVELS: Final = (Level.ERROR, Level.WARNING, Level.INFORMATION)


def _by_weight(reports: Sequence[ScopeReport]) -> list[Finding]:
    """All findings, the most serious first, otherwise as the plans tell them."""
    findings = [one for report in reports if report.plan for one in report.plan.findings]
    return sorted(findings, key=lambda one: _LEVELS.index(one.level))


_REFUSALS: Final = frozenset({Kind.REJECTED, Kind.CONFIG})


def _status(reports: Sequence[ScopeReport]) -> str:
    status = plan_status(reports)
    refused = all(r.kind in _REFUSALS or _is_guarded(r) for r in reports)
    return "refused" if status == "failed" and refused else status


def _is_guarded(report: ScopeReport) -> bool:
    return report.problem is not None and report.problem.code == "mass_delete_refused"


def _scope_json(report: ScopeReport) -> dict[str, Any]:
    return {
        "scope": report.scope.kind.value,
        "user_id": str(report.scope.user_id) if report.scope.user_id else None,
        "status": status_of(report.kind).value,
        "code": report.problem.code if report.problem else None,
        "committed": report.committed,
        "replanned": report.replanned,
        "ms": report.duration_ms,
        "planned_at": report.planned_at.isoformat() if report.planned_at else None,
        "inputs": report.inputs,
        "changes": report.changes,
    }


def _score_json(reports: Sequence[ScopeReport]) -> dict[str, int]:
    plans = [report.plan for report in reports if report.plan]
    return {
        "S": sum(plan.score.total for plan in plans),
        "placed": sum(plan.placed for plan in plans),
        "required": sum(plan.required for plan in plans),
        "late": sum(item.late for plan in plans for item in plan.items),
        "moves": sum(
            isinstance(change, Update) and change.moves for plan in plans for change in plan.changes
        ),
        "buffer_misses": sum(plan.buffer_misses for plan in plans),
    }


def _unplaced_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "id": str(finding.id),
        "date": str(finding.date) if finding.date else None,
        "minutes": finding.minutes,
        "reason": finding.code.value,
        "detail": finding.text,
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    remedy = finding.remedy
    return {
        "kind": finding.kind.value,
        "id": str(finding.id),
        "date": str(finding.date) if finding.date else None,
        "code": finding.code.value,
        "level": finding.level.value,
        "minutes": finding.minutes,
        "text": finding.text,
        "in_the_way": [str(event_id) for event_id in finding.in_the_way],
        "remedy": {"kind": remedy.kind.value, "value": remedy.value, "text": remedy.text}
        if remedy
        else None,
    }


def change_json(change: Change) -> dict[str, Any]:
    """A change with its times before and after, and why."""
    before = None if isinstance(change, Insert) else (change.start, change.end)
    after = None if isinstance(change, Delete) else (change.item.start, change.item.end)
    of = change if isinstance(change, Delete) else change.item
    return {
        "action": _ACTIONS[type(change)],
        "kind": of.kind.value,
        "id": str(of.id),
        "date": str(of.date) if of.date else None,
        "event_id": str(of.event_id) if of.event_id else None,
        "start": _instant(after, 0),
        "end": _instant(after, 1),
        "old_start": _instant(before, 0),
        "old_end": _instant(before, 1),
        "cause": change.reason.cause.value,
        "reason": change.reason.text,
    }


_ACTIONS: Final[dict[type[Change], str]] = {
    Insert: "insert",
    Update: "update",
    Delete: "delete",
}


def _instant(span: tuple[int, int] | None, end: int) -> str | None:
    return None if span is None else instant_of(span[end]).isoformat()
