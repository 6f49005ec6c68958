"""Order, width, verdicts and the weighing of a fan-out, as tables."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tuturuuu_jobs.orchestration import weighing
from tuturuuu_jobs.orchestration.judging import judge, kind_of_exit, not_started
from tuturuuu_jobs.orchestration.model import (
    BREAKER,
    Candidate,
    ChildReport,
    Ending,
    FanOutData,
    Halt,
)
from tuturuuu_jobs.orchestration.plan import plan_order, plan_width
from tuturuuu_jobs.orchestration.weighing import is_hopeless
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Stop
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, Outcome, Result, Status, exit_code

NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
IDS = [UUID(int=number) for number in range(1, 30)]
RUN = UUID(int=99)


def conclude(data: FanOutData) -> Outcome:
    return weighing.conclude(data, "nobody has work")


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def child(ending: Ending, kind: Kind | None = None, code: str = "", number: int = 0) -> ChildReport:
    status = "skipped" if ending is Ending.BUSY else ending.value
    of_ending = Kind(status) if status in set(Kind) else Kind.FAILED
    kind = kind or (Kind.BUSY if ending is Ending.BUSY else of_ending)
    known = exit_code(kind)
    return ChildReport(
        IDS[number], RUN, ending, kind, status, code or kind.value, int(known), 1.0, "why"
    )


OK = child(Ending.SUCCEEDED)
BUSY = child(Ending.BUSY)
PARTIAL = child(Ending.PARTIAL)
QUEUED = child(Ending.QUEUED)
REJECTED = child(Ending.REJECTED)
CRASHED = child(Ending.CRASHED)
LATE = child(Ending.TIMED_OUT)
CONFIG = child(Ending.FAILED, Kind.CONFIG, "encryption_key_missing")
AWAY = child(Ending.UNAVAILABLE, code="database_unavailable")
BUG = child(Ending.BUG, Kind.BUG, "bad_envelope")


@pytest.mark.parametrize(
    ("children", "halt", "code", "why"),
    [
        ([], None, ExitCode.SUCCESS, "succeeded"),
        ([OK, OK], None, ExitCode.SUCCESS, "succeeded"),
        ([OK, BUSY], None, ExitCode.SUCCESS, "succeeded"),
        ([QUEUED, QUEUED], None, ExitCode.SUCCESS, "succeeded"),
        ([OK, QUEUED], Halt.DEADLINE, ExitCode.DEADLINE, "deadline"),
        ([BUSY, BUSY], None, ExitCode.BUSY, "busy"),
        ([OK, REJECTED], None, ExitCode.PARTIAL, "partial"),
        ([OK, CRASHED], None, ExitCode.PARTIAL, "partial"),
        ([PARTIAL], None, ExitCode.PARTIAL, "partial"),
        ([PARTIAL, REJECTED], None, ExitCode.PARTIAL, "partial"),
        ([REJECTED, REJECTED], None, ExitCode.REJECTED, "rejected"),
        ([REJECTED, BUSY], None, ExitCode.REJECTED, "rejected"),
        ([REJECTED, AWAY], None, ExitCode.FAILED, "failed"),
        ([CRASHED, CRASHED], None, ExitCode.FAILED, "failed"),
        ([CONFIG, CONFIG], None, ExitCode.CONFIG, "encryption_key_missing"),
        ([AWAY, AWAY], None, ExitCode.UNAVAILABLE, "database_unavailable"),
        ([LATE], None, ExitCode.DEADLINE, "timed_out"),
        ([OK, BUG], None, ExitCode.BUG, "bad_envelope"),
        ([OK, BUG], Halt.SIGTERM, ExitCode.BUG, "bad_envelope"),
        ([OK, OK], Halt.SIGTERM, ExitCode.SIGTERM, "terminated"),
        ([OK, REJECTED], Halt.SIGINT, ExitCode.SIGINT, "interrupted"),
        ([OK, REJECTED], Halt.DEADLINE, ExitCode.DEADLINE, "deadline"),
        ([OK, AWAY], Halt.BREAKER, ExitCode.UNAVAILABLE, "database_unavailable"),
        ([OK, CONFIG], Halt.BREAKER, ExitCode.CONFIG, "encryption_key_missing"),
    ],
)
def test_a_fan_out_ends_by_precedence(
    children: list[ChildReport], halt: Halt | None, code: ExitCode, why: str
) -> None:
    outcome = conclude(FanOutData(tuple(children), halt))

    assert (exit_code(outcome.kind), outcome.code) == (code, why)
    assert not outcome.retryable


def test_busy_children_never_change_how_a_fan_out_ends() -> None:
    kinds = [OK, PARTIAL, REJECTED, CRASHED, CONFIG, AWAY, BUG, LATE]
    for size in (1, 2, 3):
        for children in itertools.combinations(kinds, size):
            alone = conclude(FanOutData(children))
            crowded = conclude(FanOutData((BUSY, *children, BUSY)))
            assert (alone.kind, alone.code) == (crowded.kind, crowded.code)


def test_counts_add_up_and_results_are_sorted_by_workspace() -> None:
    children = [
        child(ending, number=number) for number, ending in enumerate(reversed(list(Ending)))
    ]
    data = conclude(FanOutData(tuple(children))).data

    assert data["total"] == len(Ending)
    assert [data[ending.value] for ending in Ending] == [1] * len(Ending)
    ids = [row["ws_id"] for row in data["results"]]
    assert ids == sorted(ids)
    assert {row["success"] for row in data["results"]} == {True, False}


def test_a_fan_out_that_stops_early_says_so_and_how_many_waited() -> None:
    rest = [not_started(ws_id, Halt.BREAKER) for ws_id in IDS[:3]]
    outcome = conclude(FanOutData((*[AWAY] * BREAKER, *rest), Halt.BREAKER))

    assert "5 workspaces in a row failed alike: why; 3 workspaces were not started" in (
        outcome.errors[0].message
    )
    assert outcome.data["not_started"] == 3
    assert {row["run_id"] for row in outcome.data["results"]} == {str(RUN), None}


def test_no_workspace_at_all_is_a_success_with_a_warning() -> None:
    outcome = conclude(FanOutData())

    assert [warning.code for warning in outcome.warnings] == ["no_workspaces"]


@pytest.mark.parametrize(
    ("last", "hopeless"),
    [
        ([AWAY] * 5, True),
        ([CONFIG] * 5, True),
        ([AWAY] * 4, False),
        ([OK, *[AWAY] * 5], True),
        ([*[AWAY] * 4, OK], False),
        ([*[AWAY] * 4, child(Ending.UNAVAILABLE, code="rate_limited")], False),
        ([REJECTED] * 5, False),
        ([CRASHED] * 9, False),
    ],
)
def test_five_alike_in_a_row_are_hopeless(last: list[ChildReport], *, hopeless: bool) -> None:
    assert is_hopeless(last) is hopeless


def test_the_longest_without_success_comes_first_with_a_reason() -> None:
    candidates = [
        Candidate(IDS[0], ago(minutes=2)),
        Candidate(IDS[1], None),
        Candidate(IDS[2], ago(days=3, hours=5)),
        Candidate(IDS[3], ago(seconds=8)),
        Candidate(IDS[4], None),
        Candidate(IDS[5], ago(hours=4)),
    ]

    planned = plan_order(candidates, (), NOW)

    assert [one.ws_id for one in planned] == [IDS[i] for i in (1, 4, 2, 5, 0, 3)]
    assert [one.reason for one in planned] == [
        "no success on record",
        "no success on record",
        "last success 3d ago",
        "last success 4h ago",
        "last success 2m ago",
        "last success 8s ago",
    ]


def test_a_clock_set_back_gives_no_negative_age() -> None:
    (one,) = plan_order([Candidate(IDS[0], ago(hours=-3))], (), NOW)

    assert one.reason == "last success 0s ago"


def test_named_workspaces_limit_the_list_and_unknown_ones_are_kept() -> None:
    candidates = [Candidate(IDS[0], ago(hours=1)), Candidate(IDS[1], None)]

    planned = plan_order(candidates, (IDS[0], IDS[7]), NOW)

    assert [one.ws_id for one in planned] == [IDS[7], IDS[0]]


@pytest.mark.parametrize(
    ("limit", "total", "free", "width", "warned"),
    [
        (None, 10, 90, 10, False),
        (3, 10, 90, 3, False),
        (30, 10, 90, 10, False),
        (None, None, 90, 10, False),
        (30, None, 90, 30, False),
        (None, 10, 22, 10, False),
        (None, 10, 21, 9, True),
        (None, 10, 5, 1, True),
        (None, 10, -3, 1, True),
        (1, 10, 4, 1, False),
    ],
)
def test_the_width_is_the_smallest_of_what_is_allowed(
    limit: int | None, total: int | None, free: int, width: int, *, warned: bool
) -> None:
    found, warning = plan_width(limit, total, free)

    assert (found, warning is not None) == (width, warned)


def end(returncode: int | None, *, stopped: Stop | None = None, **fields: object) -> ChildEnd:
    spec = ChildSpec(RUN, "label", (), b"", 1.0)
    result = None
    if "status" in fields:
        assert returncode is not None
        status = Status(str(fields["status"]))
        moment = NOW.isoformat()
        result = Result(
            version=1,
            job="sync",
            run_id=str(RUN),
            ws_id=None,
            key=None,
            success=returncode == 0,
            status=status,
            code=status.value,
            exit_code=returncode,
            error=None,
            errors=(),
            warnings=(),
            attempts=1,
            trigger="orchestrator",
            slot=None,
            started_at=moment,
            finished_at=moment,
            duration_s=0.0,
            data={},
        )
    fault = "it printed no result" if result is None and (returncode or 0) >= 0 else None
    return ChildEnd(spec, returncode, result, fault, stopped, 1.0)


@pytest.mark.parametrize(
    ("ended", "ending", "status", "code", "exit_code"),
    [
        (end(0, status="succeeded"), Ending.SUCCEEDED, "succeeded", "succeeded", 0),
        (end(0, status="expired"), Ending.SUCCEEDED, "expired", "expired", 0),
        (end(75, status="skipped"), Ending.BUSY, "skipped", "skipped", 75),
        (end(70, status="failed"), Ending.BUG, "failed", "failed", 70),
        (end(78, status="failed"), Ending.FAILED, "failed", "failed", 78),
        (end(124, status="timed_out"), Ending.TIMED_OUT, "timed_out", "timed_out", 124),
        (end(143, status="interrupted"), Ending.INTERRUPTED, "interrupted", "interrupted", 143),
        (
            end(143, stopped=Stop.DEADLINE, status="interrupted"),
            Ending.TIMED_OUT,
            "timed_out",
            "deadline",
            143,
        ),
        (end(-9), Ending.CRASHED, "crashed", "killed", None),
        (end(None), Ending.CRASHED, "crashed", "killed", None),
        (end(-9, stopped=Stop.DEADLINE), Ending.TIMED_OUT, "timed_out", "deadline", None),
        (end(-9, stopped=Stop.DRAIN), Ending.INTERRUPTED, "interrupted", "killed", None),
        (end(143, stopped=Stop.DRAIN), Ending.INTERRUPTED, "interrupted", "killed", 143),
        (end(0), Ending.BUG, "failed", "bad_envelope", 0),
        (end(1), Ending.BUG, "failed", "bad_envelope", 1),
    ],
)
def test_the_end_of_a_child_is_judged(
    ended: ChildEnd, ending: Ending, status: str, code: str, exit_code: int | None
) -> None:
    report = judge(IDS[0], ended)

    assert (report.ending, report.status, report.code) == (ending, status, code)
    assert report.exit_code == exit_code


def test_a_child_that_broke_its_contract_has_no_success_whatever_it_exited_with() -> None:
    assert judge(IDS[0], end(0)).to_json()["success"] is False


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_of_a_child_has_its_kind(code: ExitCode) -> None:
    assert exit_code(kind_of_exit(code)) is code
