"""The payload of schedule: options, the document, and a saved dry run."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.commands.payload import Given
from tuturuuu_jobs.commands.schedule_payload import clamp_window, read_applied, read_schedule
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind
from tuturuuu_jobs.scheduling.work import Engine, SavedPlan, SavedScope, SchedulePayload

WS = UUID("7e9a9d05-6e6e-4f3e-a6d3-0d2b0f0b8a11")
USER = UUID("0f0b8a11-6e6e-4f3e-a6d3-7e9a9d050d2b")
DIGEST = "ab" * 32


def read(document: object, **options: Any) -> Given[SchedulePayload]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return read_schedule("-", **({"ws_id": None} | options))


def test_options_alone_make_a_payload_with_the_documented_defaults() -> None:
    assert read_schedule(None, ws_id=WS) == Given(SchedulePayload(WS, window_days=30))


def test_both_spellings_of_every_field_mean_the_same() -> None:
    snake = {
        "ws_id": str(WS),
        "window_days": 14,
        "force_reschedule": True,
        "user_id": str(USER),
        "timezone": "Asia/Ho_Chi_Minh",
        "allow_mass_delete": True,
        "engine": "app",
    }
    camel = {
        "wsId": str(WS),
        "windowDays": 14,
        "forceReschedule": True,
        "userId": str(USER),
        "clientTimezone": "Asia/Ho_Chi_Minh",
        "allowMassDelete": True,
        "engine": "app",
    }

    assert read(snake) == read(camel)
    assert read(snake).payload == SchedulePayload(
        WS,
        window_days=14,
        force=True,
        user_id=USER,
        timezone="Asia/Ho_Chi_Minh",
        allow_mass_delete=True,
        engine=Engine.APP,
    )


def test_an_option_wins_over_the_same_field() -> None:
    document = {"ws_id": str(WS), "windowDays": 14, "timezone": "UTC", "engine": "app"}

    payload = read(document, window_days=60, timezone="Europe/Berlin", engine="local").payload

    assert (payload.window_days, payload.timezone) == (60, "Europe/Berlin")
    assert payload.engine is Engine.LOCAL


@pytest.mark.parametrize(("asked", "planned"), [(3, 7), (7, 7), (30, 30), (90, 90), (400, 90)])
def test_the_window_is_brought_into_its_bounds_at_either_door(asked: int, planned: int) -> None:
    assert read({"ws_id": str(WS), "windowDays": asked}).payload.window_days == planned
    assert read_schedule(None, ws_id=WS, window_days=asked).payload.window_days == planned


@given(st.integers())
def test_any_number_of_days_makes_a_window(days: int) -> None:
    assert 7 <= clamp_window(days) <= 90


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("windowDays", "x"),
        ("windowDays", "30"),
        ("windowDays", 7.5),
        ("windowDays", True),
        ("forceReschedule", 1),
        ("timezone", "Berlin time"),
        ("timezone", "../../etc/passwd"),
        ("clientTimezone", ""),
        ("userId", "me"),
        ("engine", "steam"),
    ],
)
def test_a_wrong_type_is_a_usage_error_that_names_the_field(field: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        read({"ws_id": str(WS), field: value})

    assert field.lower() in f"{caught.value.subject}".lower().replace("_", "")
    assert "\n" not in caught.value.message


def test_unknown_fields_of_the_apps_own_route_are_named_and_kept_out() -> None:
    given = read({"ws_id": str(WS), "previewEvents": [], "mode": "safe-apply"})

    assert given.payload == SchedulePayload(WS)
    assert [warning.subject for warning in given.warnings] == ["mode", "previewEvents"]


@given(st.binary())
def test_any_bytes_are_a_payload_or_a_usage_error(content: bytes) -> None:
    try:
        read(content)
    except UsageError as error:
        assert "\n" not in error.message  # noqa: PT017 - either end is right.


def saved(**changes: Any) -> dict[str, Any]:
    """The document of a dry run, as far as it matters."""
    scope = {
        "scope": "joint",
        "user_id": str(USER),
        "planned_at": "2026-01-05T08:00:00+00:00",
        "inputs": DIGEST,
        "changes": DIGEST[::-1],
    }
    data = {
        "ws_id": str(WS),
        "window_days": 14,
        "force": True,
        "dry_run": True,
        "zone": "Asia/Ho_Chi_Minh",
        "scopes": [scope],
    }
    return {"job": "schedule", "success": True, "data": data | changes}


def write(folder: Path, document: object) -> Path:
    path = folder / "plan.json"
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def apply(path: Path, ws_id: UUID | None = None, option: str = "") -> SchedulePayload:
    given = {option: "x"} if option else {}
    return read_applied(path, given=given, ws_id=ws_id, allow_mass_delete=False).payload


def test_a_saved_plan_brings_its_own_options(tmp_path: Path) -> None:
    path = write(tmp_path, saved())

    assert apply(path) == SchedulePayload(
        WS,
        window_days=14,
        force=True,
        timezone="Asia/Ho_Chi_Minh",
        saved=SavedPlan(
            datetime(2026, 1, 5, 8, tzinfo=UTC),
            (SavedScope(Scope(ScopeKind.JOINT, USER), DIGEST, DIGEST[::-1]),),
        ),
    )
    assert apply(path, WS) == apply(path)


@pytest.mark.parametrize("option", ["--window-days", "--engine", "--payload"])
def test_an_option_that_goes_against_the_saved_plan_is_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply(write(tmp_path, saved()), option=option)

    assert caught.value.subject == option


def test_another_workspace_than_the_saved_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two workspaces"):
        apply(write(tmp_path, saved()), USER)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "EOF"),
        (b"[]", "object"),
        (b"\xff", "Invalid"),
        ({}, "job"),
        (saved() | {"job": "sync"}, "job"),
        (saved() | {"success": False}, "success"),
        (saved(dry_run=False), "dry_run"),
        (saved(window_days=400), "window_days"),
        (saved(scopes=[]), "scopes"),
        (saved(scopes=[{"scope": "joint"}]), "scopes.0"),
        (saved(ws_id="x"), "ws_id"),
    ],
    ids=str,
)
def test_a_file_that_is_no_saved_plan_is_told_in_one_line(
    tmp_path: Path, document: object, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        apply(write(tmp_path, document))

    assert "\n" not in caught.value.message
    assert caught.value.subject == "--apply-plan"
    assert "--dry-run --json" in str(caught.value.hint)


def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(UsageError, match=str(path)):
            apply(path)


@given(st.binary(max_size=200))
def test_any_file_is_a_saved_plan_or_a_usage_error(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: io.BytesIO(content))
        with pytest.raises(UsageError):
            apply(Path("plan"))


def test_a_plan_of_one_members_tasks_is_applied_for_that_member(tmp_path: Path) -> None:
    document = saved()
    document["data"]["scopes"][0]["scope"] = "tasks"

    assert apply(write(tmp_path, document)).user_id == USER
    assert apply(write(tmp_path, saved())).user_id is None
