"""One document for every way in which a job command can end, wherever it is written."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

import jsonschema
import pytest

from tests.acceptance.command import SCHEMA
from tests.acceptance.situations import CASES, perform
from tests.fixtures.scene import Scene
from tuturuuu_jobs.runtime.outcome import Kind, Problem, Result, exit_code, status_of
from tuturuuu_jobs.runtime.report import parse_result


class Told(TypedDict):
    """One failure or warning, as a reader of version 1 may rely on it."""

    code: str
    message: str
    retryable: bool
    subject: str | None
    hint: str | None


class Envelope(TypedDict):
    """The document, as a reader of version 1 may rely on it."""

    version: int
    job: str
    run_id: str
    ws_id: str | None
    key: str | None
    success: bool
    status: str
    code: str
    exit_code: int
    error: str | None
    errors: list[Told]
    warnings: list[Told]
    attempts: int
    trigger: str
    slot: str | None
    started_at: str
    finished_at: str
    duration_s: float
    data: dict[str, Any]


KEYS = list(Envelope.__annotations__)
ENDINGS = {(exit_code(kind).value, status_of(kind).value) for kind in Kind}


def test_the_program_and_its_schema_promise_these_keys() -> None:
    assert [field.name for field in dataclasses.fields(Result)] == KEYS
    assert [field.name for field in dataclasses.fields(Problem)] == list(Told.__annotations__)
    assert list(SCHEMA["properties"]) == SCHEMA["required"] == KEYS


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["run", "rehearsal"])
def test_every_ending_gives_the_one_document(
    scene: Scene, tmp_path: Path, name: str, mode: str
) -> None:
    case = CASES[name]
    copy = tmp_path / "result.json"
    more = ["--json", *(["--dry-run"] if mode == "rehearsal" else [])]
    if "--result-file" not in case.options:
        more += ["--result-file", str(copy)]
    ended = perform(scene, name, *more, command="full-sync")
    result = json.loads(ended.stdout)
    check_document(result)
    assert ended.stdout.count("\n") == 1
    assert (ended.returncode, result["job"]) == (result["exit_code"], "full-sync")
    if copy.exists():
        assert json.loads(copy.read_text("utf-8")) == result
    if mode == "run":
        check_record(scene, result, begins=case.begins)
    else:
        # What only the lock, the ledger or the state directory could say is not said.
        assert not scene.state_dir.exists()


def check_document(result: dict[str, Any]) -> None:
    """What holds for every document."""
    jsonschema.validate(result, SCHEMA)
    assert list(result) == KEYS
    assert result["version"] == 1
    assert uuid.UUID(result["run_id"]).version == 7
    assert result["success"] == (result["exit_code"] == 0)
    assert (result["exit_code"], result["status"]) in ENDINGS
    assert bool(result["errors"]) == (not result["success"])
    assert result["error"] == (result["errors"][0]["message"] if result["errors"] else None)
    for problem in result["errors"] + result["warnings"]:
        assert list(problem) == list(Told.__annotations__)
        assert problem["code"].replace("_", "").isalnum()
        assert problem["message"]
        assert "\n" not in problem["message"] + (problem["hint"] or "")
    started, finished = (moment(result[name]) for name in ("started_at", "finished_at"))
    assert started <= finished
    assert result["duration_s"] >= 0
    assert result["attempts"] >= (1 if result["data"].get("calendars") else 0)
    assert parse_result(result).to_json() == result


def moment(text: str) -> datetime:
    """RFC 3339 in UTC, to the millisecond."""
    assert len(text) == len("2026-11-24T12:00:00.000Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - compared only.


def check_record(scene: Scene, result: dict[str, Any], *, begins: bool) -> None:
    """A run has a key and is kept on disk and in the ledger; what never began left nothing."""
    kept = list((scene.state_dir / "results").rglob(f"{result['run_id']}.*"))
    if not begins:
        assert (result["key"], result["attempts"], kept) == (None, 0, [])
        return
    assert result["key"] == f"google-calendar-sync-{scene.ws_id}"
    assert result["ws_id"] == str(scene.ws_id)
    told = [problem["code"] for problem in result["warnings"]]
    if "state_directory" not in told:
        assert same_work(json.loads(kept[0].read_text("utf-8")), result)
    if "unsettled" in told:
        return
    rows = scene.connection.execute("select status, exit_code, result from jobs.runs").fetchall()
    assert [row[:2] for row in rows] == [(result["status"], result["exit_code"])]
    assert same_work(rows[0][2], result)


def same_work(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal apart from warnings that were found out while it was written down."""
    return {**one, "warnings": 0} == {**other, "warnings": 0}
