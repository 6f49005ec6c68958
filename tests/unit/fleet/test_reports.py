"""What a fan-out says of work that the fleet did, as a table."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import pytest

from tuturuuu_jobs.fleet.reports import Standing, left_unfinished, report_of
from tuturuuu_jobs.orchestration.model import Ending
from tuturuuu_jobs.runtime.outcome import Kind, Status

ASKED, RUN = UUID(int=1), UUID(int=2)
WAITS = Standing(ASKED, UUID(int=3), "queued", None, None, True, None, None, None, None, None, None)


def done(
    status: str, code: str = "", *, exit_code: int | None = None, run_status: str | None = None
) -> Standing:
    ended = dataclasses.replace(WAITS, state="done", status=status, code=code or status)
    if exit_code is None and run_status is None:
        return ended
    return dataclasses.replace(
        ended, run_id=RUN, run_status=run_status or status, exit_code=exit_code, duration_s=2.0
    )


@pytest.mark.parametrize(
    ("standing", "ending", "kind", "exit_code"),
    [
        (done("succeeded", exit_code=0), Ending.SUCCEEDED, Kind.SUCCEEDED, 0),
        (done("succeeded", "already"), Ending.SUCCEEDED, Kind.SUCCEEDED, None),
        (done("expired"), Ending.SUCCEEDED, Kind.EXPIRED, None),
        (done("partial", exit_code=3), Ending.PARTIAL, Kind.PARTIAL, 3),
        (done("failed", "config", exit_code=78), Ending.FAILED, Kind.CONFIG, 78),
        (done("failed", "bug", exit_code=70), Ending.BUG, Kind.BUG, 70),
        (done("failed", "bad_envelope", run_status="crashed"), Ending.BUG, Kind.BUG, None),
        (done("unavailable", exit_code=69), Ending.UNAVAILABLE, Kind.UNAVAILABLE, 69),
        # Its worker stopped it at the deadline; it recorded the signal.
        (
            done("timed_out", "deadline", exit_code=143, run_status="interrupted"),
            Ending.TIMED_OUT,
            Kind.TIMED_OUT,
            None,
        ),
        (done("cancelled", exit_code=130), Ending.INTERRUPTED, Kind.INTERRUPTED, 130),
        (done("cancelled"), Ending.INTERRUPTED, Kind.INTERRUPTED, None),
        (done("crashed", "killed", run_status="crashed"), Ending.CRASHED, Kind.FAILED, None),
        (done("lost", run_status="lost"), Ending.CRASHED, Kind.FAILED, None),
    ],
)
def test_what_is_done_is_told_as_a_child_would_have_told_it(
    standing: Standing, ending: Ending, kind: Kind, exit_code: int | None
) -> None:
    report = report_of(standing)
    assert (report.ending, report.kind, report.exit_code) == (ending, kind, exit_code)
    assert (report.status, report.code) == (standing.status, standing.code)
    assert report.run_id == (standing.run_id or ASKED)
    assert (report.error is None) is (ending is Ending.SUCCEEDED)


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.QUEUED, Status.RUNNING}))
def test_every_way_to_end_is_known(status: Status) -> None:
    assert report_of(done(status.value)).ending is not Ending.QUEUED


def test_what_waits_says_whether_this_fan_out_asked_for_it() -> None:
    ours, theirs = report_of(WAITS), report_of(dataclasses.replace(WAITS, is_ours=False))
    assert (ours.status, ours.code, theirs.code) == ("queued", "queued", "already")
    assert (ours.ending, ours.error, left_unfinished(ours).error is None) == (
        *(Ending.QUEUED, None, False),
    )
    at_work = report_of(dataclasses.replace(WAITS, state="running"))
    assert (at_work.status, at_work.ending) == ("running", Ending.QUEUED)
