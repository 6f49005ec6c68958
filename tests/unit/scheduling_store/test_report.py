"""What a schedule's result says, and how a run with these scopes ends."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tuturuuu_jobs.errors import FailedError, JobError, RejectedError, UnavailableError
from tuturuuu_jobs.runtime.envelope import STDOUT_LIMIT
from tuturuuu_jobs.runtime.outcome import Kind, Problem
from tuturuuu_jobs.scheduling.decisions import (
    Cause,
    Code,
    Delete,
    Finding,
    Insert,
    Item,
    ItemKind,
    Level,
    Plan,
    Reason,
    Remedy,
    RemedyKind,
    Score,
    Update,
)
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind
from tuturuuu_jobs.scheduling.report import (
    MOST_FINDINGS,
    conclude,
    failed,
    message,
    plan_status,
    summary,
    to_json,
)
from tuturuuu_jobs.scheduling.work import ScheduleData, ScopeReport

WS, HABIT, TASK, EVENT = (UUID(int=number) for number in range(1, 5))
HABITS, MEMBER = Scope(ScopeKind.HABITS), Scope(ScopeKind.TASKS, UUID(int=9))
REASON = Reason(Cause.AT_IDEAL, "At your ideal time 09:00.")
DAY = date(2026, 1, 6)


def item(kind: ItemKind = ItemKind.HABIT, start: int = 60, event: UUID | None = EVENT) -> Item:
    habit = kind is ItemKind.HABIT
    return Item(
        kind, HABIT if habit else TASK, DAY if habit else None, start, start + 30, event, "Secret"
    )


def finding(level: Level, code: Code = Code.LATE, **changes: Any) -> Finding:
    made = Finding(ItemKind.TASK, TASK, None, code, level, 30, "Too late.")
    return dataclasses.replace(made, **changes)


FULL = Plan(
    items=(item(), item(start=120, event=None), item(ItemKind.TASK, 180), item(start=240)),
    changes=(
        Delete(ItemKind.TASK, TASK, None, EVENT, 300, 330, REASON),
        Update(item(ItemKind.TASK, 180), REASON, 150, 180),
        Update(item(start=240), REASON, 240, 270, title="Secret"),
        Insert(item(start=120, event=None), REASON),
    ),
    findings=(finding(Level.INFORMATION), finding(Level.WARNING)),
    score=Score(total=500),
    placed=120,
    required=150,
    bumped=1,
    buffer_misses=2,
)


def data(*reports: ScopeReport, dry_run: bool = False, **more: Any) -> ScheduleData:
    return ScheduleData(WS, 30, False, dry_run, zone="UTC", scopes=reports, **more)


def done(plan: Plan = Plan(), scope: Scope = HABITS, **more: Any) -> ScopeReport:  # noqa: B008
    return ScopeReport(scope, plan, committed=True, **more)


def test_the_numbers_have_the_names_of_the_apps_answer() -> None:
    assert summary([done(FULL, ignored_all_day=3), done(scope=MEMBER, ignored_all_day=3)]) == {
        "habitsScheduled": 1,
        "tasksScheduled": 1,
        "eventsTotal": 4,
        "eventsCreated": 1,
        "eventsUpdated": 2,
        "eventsDeleted": 1,
        "eventsReused": 1,
        "bumpedHabits": 1,
        "ignoredAllDay": 3,
    }


def test_a_scope_that_was_not_written_counts_nothing() -> None:
    report = failed(HABITS, FailedError("no"), FULL)
    assert summary([report])["eventsCreated"] == 0
    assert to_json(data(report))["findings"]


def test_the_document_is_json_without_names() -> None:
    text = json.dumps(to_json(data(done(FULL, names={HABIT: "Secret"}), dry_run=True)))
    assert "Secret" not in text
    document = json.loads(text)
    assert set(document) == {
        *("ws_id", "status", "plan_status", "reason", "window_days", "force", "dry_run", "zone"),
        *("scopes", "summary", "score", "unplaced", "findings", "findings_left_out", "changes"),
    }
    assert document["score"] == {
        "S": 500,
        "placed": 120,
        "required": 150,
        "late": 0,
        "moves": 1,
        "buffer_misses": 2,
    }
    assert document["unplaced"] == [
        {
            "kind": "task",
            "id": str(TASK),
            "date": None,
            "minutes": 30,
            "reason": "late",
            "detail": "Too late.",
        }
    ]


def test_changes_stand_in_a_dry_run_only() -> None:
    assert "changes" not in to_json(data(done(FULL)))
    changes = to_json(data(done(FULL), dry_run=True))["changes"]
    assert [change["action"] for change in changes] == ["delete", "update", "update", "insert"]
    moved = changes[1]
    assert (moved["start"], moved["old_start"]) == (
        "1970-01-01T03:00:00+00:00",
        "1970-01-01T02:30:00+00:00",
    )
    assert (moved["cause"], moved["reason"]) == ("at_ideal", REASON.text)
    assert (changes[0]["start"], changes[3]["old_start"]) == (None, None)
    assert (changes[3]["date"], changes[3]["event_id"]) == ("2026-01-06", None)


def test_a_finding_carries_what_is_in_the_way_and_what_would_help() -> None:
    remedy = Remedy(RemedyKind.LATER_DEADLINE, "2026-01-09", "Move the deadline.")
    told = finding(Level.ERROR, Code.NO_FREE_TIME, in_the_way=(EVENT,), remedy=remedy)
    [found] = to_json(data(done(Plan(findings=(told,)))))["findings"]
    assert found["in_the_way"] == [str(EVENT)]
    assert found["remedy"] == {
        "kind": "later_deadline",
        "value": "2026-01-09",
        "text": "Move the deadline.",
    }
    assert (found["code"], found["level"]) == ("no_free_time", "error")


@pytest.mark.parametrize(
    ("level", "status"),
    [
        (None, "success"),
        (Level.INFORMATION, "success"),
        (Level.WARNING, "partial"),
        (Level.ERROR, "partial"),
    ],
)
def test_what_found_no_place_makes_a_plan_partial_and_the_run_a_success(
    level: Level | None, status: str
) -> None:
    report = done(Plan(findings=() if level is None else (finding(level),)))
    outcome = conclude(data(report))
    assert (outcome.kind, outcome.errors) == (Kind.SUCCEEDED, ())
    assert outcome.data["plan_status"] == outcome.data["status"] == status
    assert plan_status([report]) == status


GUARDED = FailedError("no", code="mass_delete_refused")
OUTDATED = RejectedError("no", code="plan_outdated")


@pytest.mark.parametrize(
    ("errors", "committed", "kind", "code", "status"),
    [
        ([UnavailableError("no")], True, Kind.PARTIAL, "unavailable", "partial"),
        ([UnavailableError("no")], False, Kind.UNAVAILABLE, "unavailable", "failed"),
        ([UnavailableError("no"), FailedError("no")], False, Kind.FAILED, "failed", "failed"),
        ([UnavailableError("no"), GUARDED], True, Kind.PARTIAL, "partial", "partial"),
        ([GUARDED], False, Kind.FAILED, "mass_delete_refused", "refused"),
        ([OUTDATED], False, Kind.REJECTED, "plan_outdated", "refused"),
    ],
)
def test_a_run_is_partial_only_if_one_scope_failed_and_another_did_not(
    *, errors: list[JobError], committed: bool, kind: Kind, code: str, status: str
) -> None:
    reports = [failed(MEMBER, error) for error in errors]
    outcome = conclude(data(*([done()] if committed else []), *reports))
    assert (outcome.kind, outcome.code) == (kind, code)
    assert len(outcome.errors) == len(errors)
    assert outcome.data["status"] == status
    assert outcome.data["reason"] == errors[0].code


def test_the_subject_of_a_problem_is_the_scope() -> None:
    for scope, subject in ((HABITS, "habits"), (MEMBER, f"tasks/{MEMBER.user_id}")):
        report = failed(scope, UnavailableError("no"))
        assert report.problem is not None
        assert (report.problem.subject, report.problem.retryable) == (subject, True)


def test_warnings_are_the_runs_own() -> None:
    warning = Problem("hours_unsound", "no")
    assert conclude(data(done(), warnings=(warning,))).warnings == (warning,)


def test_the_apps_books_hold_counts_and_no_names() -> None:
    assert message([done()]) == "everything found its place"
    reports = [done(FULL), failed(MEMBER, FailedError("no"))]
    assert message(reports) == "1 failed, 1 late"


def test_a_long_message_is_cut_between_words() -> None:
    codes = [f"code_number_{number:03}" for number in range(60)]
    reports = [failed(MEMBER, FailedError("no", code=code)) for code in codes]
    text = message(reports)
    assert len(text) <= 512
    assert text.rsplit(" ", 1)[-1].isdigit() or text.endswith(("code", ",", "number"))
    whole = ", ".join(f"1 {code.replace('_', ' ')}" for code in codes)
    assert whole.startswith(text)
    assert whole[len(text)] == " "


def test_of_very_many_findings_the_most_serious_are_told() -> None:
    many = [finding(Level.INFORMATION)] * MOST_FINDINGS
    serious = [finding(Level.WARNING), finding(Level.ERROR)]
    document = to_json(data(done(Plan(findings=(*many, *serious)))))
    assert [one["level"] for one in document["findings"]][:3] == ["error", "warning", "information"]
    assert len(document["findings"]) == MOST_FINDINGS
    assert document["findings_left_out"] == 2
    assert len(document["unplaced"]) == 2
    assert document["plan_status"] == "partial"


def test_the_largest_document_fits_what_a_parent_reads() -> None:
    remedy = Remedy(RemedyKind.LATER_DEADLINE, "2026-01-09T10:00:00+00:00", "x" * 200)
    one = finding(Level.ERROR, text="x" * 512, in_the_way=(EVENT,) * 5, remedy=remedy)
    document = to_json(data(done(Plan(findings=(one,) * 5000))))
    assert len(json.dumps(document)) < STDOUT_LIMIT
