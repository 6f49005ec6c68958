"""What the end of a child means for what was asked for: over, or once more, and at whose cost."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import pytest

from tuturuuu_jobs.fleet.requests import MOST_TRIES, Claimed
from tuturuuu_jobs.fleet.verdict import weigh
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Stop
from tuturuuu_jobs.runtime.outcome import Problem, Result, Status
from tuturuuu_jobs.runtime.settling import UNSETTLED

RUN = UUID(int=1)
CLAIMED = Claimed(
    id=RUN,
    job="sync",
    ws_id=UUID(int=2),
    payload={},
    tags={},
    slot=None,
    parent_run_id=None,
    replay_of=None,
    run_id=RUN,
    delivery=1,
    tries=0,
)
SPEC = ChildSpec(RUN, "", (), b"", 60.0)


def said(status: str, exit_code: int, code: str = "", *warnings: str) -> ChildEnd:
    """A child that left a result."""
    result = Result(
        version=1,
        job="sync",
        run_id=str(RUN),
        ws_id=None,
        key=None,
        success=exit_code == 0,
        status=Status(status),
        code=code or status,
        exit_code=exit_code,
        error=None,
        errors=(),
        warnings=tuple(Problem(warning, "words") for warning in warnings),
        attempts=1,
        trigger="queue",
        slot=None,
        started_at="",
        finished_at="",
        duration_s=0.0,
        data={},
    )
    return ChildEnd(SPEC, exit_code, result, None, None, 1.0)


KILLED = ChildEnd(SPEC, -9, None, None, None, 1.0)


@pytest.mark.parametrize(
    ("end", "waits_s", "spent"),
    [
        (said("succeeded", 0), None, False),
        (said("failed", 1), None, False),
        (said("rejected", 77), None, False),
        (said("skipped", 75), 1.0, False),
        (said("skipped", 75, "paused"), 5.0, False),
        (said("unavailable", 69), 2.0, True),
        # Nobody could tell the ledger: it was not the run's fault, however long that takes.
        (said("unavailable", 69, "database_unavailable", UNSETTLED), 5.0, False),
        (said("interrupted", 143), 2.0, True),
        (KILLED, 2.0, True),
        (dataclasses.replace(KILLED, out_of_memory=True), None, False),
        # It was told to end because its worker was.
        (dataclasses.replace(said("interrupted", 143), stopped=Stop.DRAIN), 0.0, False),
        (dataclasses.replace(KILLED, stopped=Stop.DRAIN), 0.0, False),
        (dataclasses.replace(said("succeeded", 0), stopped=Stop.DRAIN), None, False),
    ],
)
def test_what_is_begun_anew_and_when(end: ChildEnd, waits_s: float | None, *, spent: bool) -> None:
    verdict = weigh(end, CLAIMED, 0.0)
    assert (verdict.again_s, verdict.spent) == (waits_s, spent)
    if waits_s:
        assert weigh(end, CLAIMED, 1.0).again_s == 2 * waits_s


def test_tries_have_an_end_and_their_waits_a_bound() -> None:
    waits = [
        weigh(said("unavailable", 69), dataclasses.replace(CLAIMED, tries=tries), 1.0).again_s
        for tries in range(MOST_TRIES)
    ]
    assert waits == [4.0, 8.0, 16.0, 32.0, None]
