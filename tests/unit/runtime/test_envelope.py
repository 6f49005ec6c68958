"""What a parent believes of what a child printed."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.runtime.envelope import EnvelopeError, read_envelope
from tuturuuu_jobs.runtime.outcome import ExitCode, Kind, exit_code, status_of

RUN_ID = UUID(int=1)

ENVELOPE: dict[str, Any] = {
    "version": 1,
    "job": "sync",
    "run_id": str(RUN_ID),
    "ws_id": None,
    "key": None,
    "success": True,
    "status": "succeeded",
    "code": "succeeded",
    "exit_code": 0,
    "error": None,
    "errors": [],
    "warnings": [{"code": "c", "message": "m", "retryable": False, "subject": None, "hint": None}],
    "attempts": 1,
    "trigger": "orchestrator",
    "slot": None,
    "started_at": "2026-11-25T00:00:00.000Z",
    "finished_at": "2026-11-25T00:00:00.000Z",
    "duration_s": 0.5,
    "data": {"calendars": []},
}


def read(output: bytes, returncode: int = 0) -> Any:
    return read_envelope(output, complete=True, run_id=RUN_ID, returncode=returncode)


@pytest.mark.parametrize("kind", Kind)
def test_every_way_of_ending_is_believed(kind: Kind) -> None:
    code = exit_code(kind)
    document = ENVELOPE | {
        "status": status_of(kind),
        "exit_code": code,
        "success": code is ExitCode.SUCCESS,
    }

    result = read(json.dumps(document).encode(), code)

    assert (result.exit_code, result.status) == (code, status_of(kind))
    assert result.to_json() == document


@pytest.mark.parametrize(
    "changes",
    [
        {"code": ["no", "word"]},
        {"exit_code": "0"},
        {"exit_code": False},
        {"success": 1},
        {"status": "fine"},
        {"error": {"a": 1}},
        {"errors": None},
        {"errors": [{"code": "c"}]},
        {"data": []},
        {"run_id": 7},
    ],
    ids=str,
)
def test_a_field_of_another_type_is_no_result(changes: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError, match="no result"):
        read(json.dumps(ENVELOPE | changes).encode())


@pytest.mark.parametrize("name", ENVELOPE)
def test_a_missing_field_is_no_result(name: str) -> None:
    rest = {key: value for key, value in ENVELOPE.items() if key != name}

    with pytest.raises(EnvelopeError, match="no result"):
        read(json.dumps(rest).encode())


@pytest.mark.parametrize(
    "output",
    [b"[" * 500_000, b'{"a":' * 100_000, b"\xff\xfe", b"\0", b'"\\ud800"', b"1e999999", b"null"],
    ids=lambda output: str(output[:8]),
)
def test_hostile_output_is_refused_and_harms_nobody(output: bytes) -> None:
    with pytest.raises(EnvelopeError):
        read(output)


@given(st.binary(max_size=200))
def test_whatever_is_printed_there_is_a_verdict(output: bytes) -> None:
    with pytest.raises(EnvelopeError):
        read(output)


def test_no_refusal_quotes_what_was_printed() -> None:
    for output in (b"canary-77", b'{"canary-77": 1}', json.dumps(ENVELOPE).encode() + b"canary-77"):
        with pytest.raises(EnvelopeError) as caught:
            read(output)
        assert "canary" not in str(caught.value)
