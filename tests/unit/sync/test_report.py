"""What a sync's work amounts to: counts that add up, one ending, and JSON without any text."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sync.strategies import EVENT, ROW, SCOPE, UNHURRIED, item
from tuturuuu_jobs.errors import (
    BusyError,
    DeadlineError,
    FailedError,
    JobError,
    RejectedError,
    SettingsError,
    SupersededError,
    UnavailableError,
)
from tuturuuu_jobs.runtime.outcome import Kind, Problem
from tuturuuu_jobs.sync.model import (
    Calendar,
    CalendarReport,
    Counts,
    Decision,
    Mode,
    RejectCode,
    Rejected,
    SkipReason,
    SyncData,
    Traffic,
    Verdict,
)
from tuturuuu_jobs.sync.plan import decide
from tuturuuu_jobs.sync.report import changed_anything, conclude, count, failed, to_json

WS: Final = UUID(int=1)
ACCOUNT: Final = UUID(int=2)
TROUBLE: Final = Problem("mass_delete_refused", "25 rows are missing", subject="a@x")
DONE: Final = CalendarReport("a@x", ACCOUNT, Mode.INCREMENTAL, committed=True)
LIMPING: Final = dataclasses.replace(DONE, kind=Kind.PARTIAL, problem=TROUBLE)
REHEARSED: Final = dataclasses.replace(DONE, committed=False, changes=())


def lost(error: JobError) -> CalendarReport:
    return failed(Calendar(ACCOUNT, "b@x"), error)


def ending(*reports: CalendarReport) -> tuple[str, str]:
    outcome = conclude(SyncData(WS, reports))
    return outcome.kind.value, outcome.code


GONE: Final = lost(RejectedError("gone", code="calendar_not_found"))
FORBIDDEN: Final = lost(RejectedError("no access", code="calendar_forbidden"))
DOWN: Final = lost(UnavailableError("down", code="google_unavailable"))
SLOW: Final = lost(UnavailableError("slow down", code="rate_limited"))
WRONG: Final = lost(FailedError("refused", code="google_bad_request"))
MOVED: Final = lost(SupersededError("moved", code="sync_token_moved"))
LATE: Final = lost(DeadlineError("late"))
UNSET: Final = lost(SettingsError("no client", code="google_client_rejected"))
OCCUPIED: Final = lost(BusyError("busy"))
LOST: Final = [GONE, DOWN, WRONG, MOVED, LATE, UNSET, OCCUPIED]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], ("succeeded", "succeeded")),
        ([DONE], ("succeeded", "succeeded")),
        ([DONE, DONE], ("succeeded", "succeeded")),
        ([REHEARSED], ("succeeded", "succeeded")),
        ([LIMPING], ("partial", "mass_delete_refused")),
        ([DONE, LIMPING], ("partial", "mass_delete_refused")),
        ([LIMPING, LIMPING], ("partial", "mass_delete_refused")),
        ([GONE], ("rejected", "calendar_not_found")),
        ([GONE, GONE], ("rejected", "calendar_not_found")),
        ([GONE, FORBIDDEN], ("rejected", "rejected")),
        ([DOWN], ("unavailable", "google_unavailable")),
        ([DOWN, SLOW], ("unavailable", "unavailable")),
        ([WRONG], ("failed", "google_bad_request")),
        ([MOVED], ("superseded", "sync_token_moved")),
        ([LATE], ("timed_out", "deadline")),
        ([UNSET], ("config", "google_client_rejected")),
        ([GONE, DOWN], ("failed", "failed")),
        ([DOWN, WRONG], ("failed", "failed")),
        ([DONE, GONE], ("partial", "calendar_not_found")),
        ([DONE, GONE, DOWN], ("partial", "partial")),
        ([REHEARSED, DOWN], ("partial", "google_unavailable")),
        ([LIMPING, DOWN], ("partial", "partial")),
        ([LIMPING, LATE], ("partial", "partial")),
    ],
)
def test_how_a_run_with_these_calendars_ends(
    reports: list[CalendarReport], expected: tuple[str, str]
) -> None:
    assert ending(*reports) == expected
    assert ending(*reversed(reports)) == expected


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_combination_of_calendars_has_one_honest_ending(size: int) -> None:
    for reports in itertools.combinations_with_replacement([DONE, LIMPING, *LOST], size):
        kinds = {report.kind for report in reports}
        kind = conclude(SyncData(WS, reports)).kind
        assert (kind is Kind.SUCCEEDED) == (kinds == {Kind.SUCCEEDED})
        if kinds == {Kind.SUCCEEDED}:
            continue
        committed = any(report.committed for report in reports)
        assert (kind is Kind.PARTIAL) == committed
        if not committed:
            assert kind is (kinds.pop() if len(kinds) == 1 else Kind.FAILED)


def test_a_failure_is_told_by_calendar_and_may_be_tried_again() -> None:
    outcome = conclude(SyncData(WS, (DONE, DOWN, GONE)))

    assert [(p.subject, p.code, p.retryable) for p in outcome.errors] == [
        ("b@x", "google_unavailable", True),
        ("b@x", "calendar_not_found", False),
    ]
    assert outcome.retryable


def test_rejected_events_are_a_warning_after_those_of_the_workspace() -> None:
    first = Problem("no_active_account", "nothing to do")
    report = dataclasses.replace(DONE, counts=Counts(fetched=3, unchanged=1, rejected=2))

    outcome = conclude(SyncData(WS, (report, DONE), (first,)))

    assert outcome.kind is Kind.SUCCEEDED
    assert outcome.warnings[0] == first
    assert [(w.code, w.subject) for w in outcome.warnings[1:]] == [("events_rejected", "a@x")]
    assert outcome.warnings[1].message.startswith("2 event(s)")


def test_counts_of_a_preview_are_the_planned_ones() -> None:
    verdicts = {"insert": 1, "update": 2, "delete": 3, "unchanged": 4, "reject": 5, "busy": 9}

    assert count(verdicts, fetched=18, repeated=1, nameless=2) == Counts(
        fetched=18,
        inserted=1,
        updated=2,
        unchanged=4,
        deleted=3,
        rejected=7,
        skipped={"mentioned_again": 1},
    )


def test_counts_of_a_run_are_those_of_the_database() -> None:
    verdicts = {"insert": 5, "update": 5, "delete": 5, "outside_window": 2}

    counts = count(verdicts, fetched=17, repeated=0, nameless=0, written=(4, 5, 3))

    assert counts == Counts(
        fetched=17,
        inserted=4,
        updated=5,
        unchanged=1,
        deleted=3,
        skipped={"already_gone": 2, "outside_window": 2},
    )
    assert counts.changed == 12


def test_an_insert_that_met_a_row_counts_as_an_update() -> None:
    counts = count({"insert": 2}, fetched=2, repeated=0, nameless=0, written=(1, 1, 0))

    assert (counts.inserted, counts.updated, counts.unchanged) == (1, 1, 0)


VERDICTS: Final = st.dictionaries(
    st.sampled_from(
        [verdict.value for verdict in Verdict if verdict is not Verdict.SKIP]
        + [
            reason.value
            for reason in SkipReason
            if reason not in {SkipReason.MENTIONED_AGAIN, SkipReason.ALREADY_GONE}
        ]
    ),
    st.integers(0, 50),
)


@UNHURRIED
@given(
    verdicts=VERDICTS,
    repeated=st.integers(0, 9),
    nameless=st.integers(0, 9),
    written=st.none() | st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)),
)
def test_counts_add_up_whatever_was_written(
    verdicts: dict[str, int],
    repeated: int,
    nameless: int,
    written: tuple[int, int, int] | None,
) -> None:
    if written is not None:
        planned = verdicts.get("insert", 0) + verdicts.get("update", 0)
        inserted = min(written[0], planned)
        updated = min(written[1], planned - inserted)
        written = inserted, updated, min(written[2], verdicts.get("delete", 0))
    fetched = sum(verdicts.values()) + repeated + nameless

    counts = count(verdicts, fetched=fetched, repeated=repeated, nameless=nameless, written=written)

    told = [counts.inserted, counts.updated, counts.unchanged, counts.deleted, counts.rejected]
    assert min(told) >= 0
    assert all(number > 0 for number in counts.skipped.values())
    assert fetched == sum(told) + sum(counts.skipped.values())


SECRET_TEXT: Final = ("Lunch with Ada", "A private matter", "Her address")
CHANGES: Final = (
    decide(item(title=SECRET_TEXT[0], description=SECRET_TEXT[1]), ROW, SCOPE),
    decide(item(location=SECRET_TEXT[2]), None, SCOPE),
    Decision("old", Verdict.DELETE, "cancelled", None, living=False),
)
FULL: Final = CalendarReport(
    calendar_id="a@x",
    account_id=ACCOUNT,
    mode=Mode.FULL,
    why_full="requested",
    counts=Counts(9, 1, 2, 3, 1, 1, {"outside_window": 1}),
    swept=2,
    rejected=(Rejected("odd", RejectCode.BAD_TIMES), Rejected("cut", "sqlstate_22001")),
    committed=True,
    traffic=Traffic(4, 3, 1),
    changes=CHANGES,
)


def test_the_json_of_a_calendar_has_a_fixed_shape() -> None:
    assert to_json(SyncData(WS, (dataclasses.replace(FULL, changes=None),)))["calendars"] == [
        {
            "calendar_id": "a@x",
            "account_id": str(ACCOUNT),
            "status": "succeeded",
            "code": None,
            "mode": "full",
            "why_full": "requested",
            "committed": True,
            "fetched": 9,
            "inserted": 1,
            "updated": 2,
            "unchanged": 3,
            "deleted": 1,
            "skipped": {"outside_window": 1},
            "rejected": [
                {"event_id": "odd", "code": "bad_times"},
                {"event_id": "cut", "code": "sqlstate_22001"},
            ],
            "swept": 2,
            "sweep_refused": 0,
            "requests": 4,
            "pages": 3,
            "retries": 1,
        }
    ]


def test_totals_are_the_sums_of_all_calendars() -> None:
    totals = to_json(SyncData(WS, (FULL, GONE, FULL)))["totals"]

    assert totals == {
        "fetched": 18,
        "inserted": 2,
        "updated": 4,
        "unchanged": 6,
        "deleted": 2,
        "rejected": 2,
        "skipped": 2,
        "swept": 4,
    }
    assert set(to_json(SyncData(WS))["totals"].values()) == {0}


def test_the_json_is_plain_and_holds_no_text_of_any_event() -> None:
    text = json.dumps(to_json(SyncData(WS, (FULL, GONE, LIMPING))), allow_nan=False)

    for secret in (*SECRET_TEXT, EVENT.title, EVENT.description):
        assert f'"{secret}"' not in text
        assert "Ada" not in text
    changes = json.loads(text)["calendars"][0]["changes"]
    assert [(c["action"], c["event_id"], c["reason"]) for c in changes] == [
        ("update", "ev", "changed: title, description"),
        ("insert", "ev", "new"),
        ("delete", "old", "cancelled"),
    ]
    assert changes[0]["start"] == "2026-12-01T12:00:00+00:00"
    assert (changes[2]["start"], changes[2]["end"]) == (None, None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, False),
        ({"counts": Counts(fetched=5, unchanged=4, rejected=1)}, False),
        ({"counts": Counts(fetched=1, inserted=1)}, True),
        ({"counts": Counts(fetched=1, updated=1)}, True),
        ({"counts": Counts(fetched=1, deleted=1)}, True),
        ({"swept": 1}, True),
        ({"problem": TROUBLE}, True),
        ({"mode": Mode.FULL}, True),
    ],
)
def test_what_is_worth_a_row_on_the_dashboard(changes: dict[str, Any], *, told: bool) -> None:
    report = dataclasses.replace(DONE, **changes)

    assert changed_anything(SyncData(WS, (DONE, report))) is told
    assert changed_anything(SyncData(WS)) is False
