"""What a sync's work amounts to: outcome, counts and JSON. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, kind_of, status_of
from tuturuuu_jobs.sync.model import (
    Calendar,
    CalendarReport,
    Counts,
    Decision,
    Mode,
    SkipReason,
    SyncData,
    Verdict,
)

_SKIPS: Final = frozenset(reason.value for reason in SkipReason)


def count(
    verdicts: Mapping[str, int],
    *,
    fetched: int,
    repeated: int,
    nameless: int,
    written: tuple[int, int, int] | None = None,
) -> Counts:
    """The counts of a calendar.

    Args:
        verdicts: Ids by verdict, or by reason where they are skipped.
        fetched: Items that Google sent.
        repeated: Mentions that lost against another of the same id.
        nameless: Items without a usable id.
        written: Rows inserted, updated and deleted as the database counted them; None for a
            preview. What was planned but met an equal or vanished row is counted as such.
    """
    planned = verdicts.get(Verdict.INSERT, 0) + verdicts.get(Verdict.UPDATE, 0)
    deletes = verdicts.get(Verdict.DELETE, 0)
    inserted, updated, deleted = written or (
        verdicts.get(Verdict.INSERT, 0),
        verdicts.get(Verdict.UPDATE, 0),
        deletes,
    )
    skipped = Counter({reason: n for reason, n in verdicts.items() if reason in _SKIPS})
    skipped[SkipReason.MENTIONED_AGAIN.value] += repeated
    skipped[SkipReason.ALREADY_GONE.value] += deletes - deleted
    return Counts(
        fetched=fetched,
        inserted=inserted,
        updated=updated,
        unchanged=verdicts.get(Verdict.UNCHANGED, 0) + planned - inserted - updated,
        deleted=deleted,
        rejected=verdicts.get(Verdict.REJECT, 0) + nameless,
        skipped={reason: n for reason, n in sorted(skipped.items()) if n},
    )


def failed(calendar: Calendar, error: JobError) -> CalendarReport:
    """The report of a calendar that was not written."""
    return CalendarReport(
        calendar.calendar_id,
        calendar.account_id,
        kind=kind_of(error),
        problem=Problem.of(error, subject=calendar.calendar_id),
    )


def conclude(data: SyncData) -> Outcome:
    """How a run with these calendars ends.

    Partial as soon as one calendar is committed and one is not whole; if none was committed, the
    way they ended if that is one, else failed.
    """
    problems = tuple(r.problem for r in data.calendars if r.problem is not None)
    warnings = (*data.warnings, *_rejections(data.calendars))
    kind = _kind(data.calendars)
    codes = {problem.code for problem in problems}
    code = codes.pop() if len(codes) == 1 else kind.value
    return Outcome(kind, code, problems, warnings, to_json(data))


def _kind(reports: Sequence[CalendarReport]) -> Kind:
    kinds = {report.kind for report in reports if report.kind is not Kind.SUCCEEDED}
    if not kinds:
        return Kind.SUCCEEDED
    if any(report.committed or report.kind is Kind.SUCCEEDED for report in reports):
        return Kind.PARTIAL
    return kinds.pop() if len(kinds) == 1 else Kind.FAILED


def _rejections(reports: Sequence[CalendarReport]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "events_rejected",
            f"{report.counts.rejected} event(s) cannot be stored; data.calendars names them",
            subject=report.calendar_id,
        )
        for report in reports
        if report.counts.rejected
    )


def to_json(data: SyncData) -> dict[str, Any]:
    """The job's part of the result."""
    document: dict[str, Any] = {
        "calendars": [_calendar_json(report) for report in data.calendars],
        "totals": {
            **{
                name: sum(getattr(report.counts, name) for report in data.calendars)
                for name in ("fetched", "inserted", "updated", "unchanged", "deleted", "rejected")
            },
            "skipped": sum(sum(r.counts.skipped.values()) for r in data.calendars),
            "swept": sum(report.swept for report in data.calendars) + data.old_rows_swept,
        },
    }
    if data.quota_wait_s:
        document["quota_wait_s"] = round(data.quota_wait_s, 3)
    return document


def _calendar_json(report: CalendarReport) -> dict[str, Any]:
    counts = report.counts
    document: dict[str, Any] = {
        "calendar_id": report.calendar_id,
        "account_id": str(report.account_id),
        "status": status_of(report.kind).value,
        "code": report.problem.code if report.problem else None,
        "mode": report.mode.value if report.mode else None,
        "why_full": report.why_full,
        "committed": report.committed,
        "fetched": counts.fetched,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "deleted": counts.deleted,
        "skipped": dict(counts.skipped),
        "rejected": [
            {"event_id": item.event_id, "code": str(item.code)} for item in report.rejected
        ],
        "swept": report.swept,
        "sweep_refused": report.sweep_refused,
        "requests": report.traffic.requests,
        "pages": report.traffic.pages,
        "retries": report.traffic.retries,
    }
    if report.changes is not None:
        document["changes"] = [_change_json(change) for change in report.changes]
    return document


def _change_json(change: Decision) -> dict[str, Any]:
    """Titles stay out: a result may be logged, an event's text may not."""
    return {
        "action": change.verdict.value,
        "event_id": change.event_id,
        "start": change.event.start_at.isoformat() if change.event else None,
        "end": change.event.end_at.isoformat() if change.event else None,
        "reason": str(change.reason),
    }


def changed_anything(data: SyncData) -> bool:
    """Whether the run is worth a row on the app's dashboard."""
    return any(
        report.counts.changed or report.swept or report.problem or report.mode is Mode.FULL
        for report in data.calendars
    )
