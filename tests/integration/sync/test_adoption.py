"""Rows of an earlier sync under the alias ``primary``, taken over or swept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.scene import Scene
from tests.integration.sync.proof import check_quiet, ending, part_of, run, written
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

ADA, BOB = "ada.primary@example.test", "bob@example.test"
NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)


@pytest.fixture
def scene(any_scene: Scene) -> Scene:
    """A workspace whose one account has its primary calendar to sync."""
    any_scene.connection.execute("delete from calendar_connections")
    any_scene.connection.execute("delete from calendar_auth_tokens")
    any_scene.accounts.clear()
    any_scene.add_account(ADA, primary=True)
    return any_scene


def put(scene: Scene, event_id: str, calendar: str = ADA, **body: Any) -> None:
    scene.put(event_id, NINE.isoformat(), TEN.isoformat(), calendar=calendar, **body)


def old_row(scene: Scene, event_id: str, **columns: Any) -> UUID:
    """A row as the earlier sync left it."""
    given = {"start_at": NINE, "end_at": TEN, **columns}
    return seed.create_google_event(scene.connection, scene.ws_id, "primary", event_id, **given)


def own_row(scene: Scene, event_id: str, **columns: Any) -> UUID:
    """A row under Google's own id, as the app's newer sync left it."""
    given = {"start_at": NINE, "end_at": TEN, **columns}
    return seed.create_google_event(scene.connection, scene.ws_id, ADA, event_id, **given)


def keys(scene: Scene) -> dict[tuple[str, str], UUID]:
    """Row ids by calendar and event id."""
    return {key: row["id"] for key, row in scene.rows().items()}


def link_habit(scene: Scene, event_id: UUID, name: str = "Read") -> UUID:
    habit = seed.create_habit(scene.connection, scene.ws_id, name)
    scene.connection.execute(
        "insert into habit_calendar_events (habit_id, event_id, occurrence_date)"
        " values (%s, %s, '2026-12-01')",
        (habit, event_id),
    )
    return habit


def linked(scene: Scene) -> list[tuple[UUID, UUID]]:
    return scene.connection.execute(
        "select habit_id, event_id from habit_calendar_events order by 1"
    ).fetchall()


def codes(result: Result) -> list[str]:
    return [warning.code for warning in result.warnings]


@pytest.mark.parametrize("full", [False, True])
def test_an_old_row_keeps_its_id_under_the_calendars_own_key(scene: Scene, *, full: bool) -> None:
    row = old_row(scene, "one", title="Old title")
    put(scene, "one", summary="New title")
    result = run(scene, full=full)
    assert (ending(result), part_of(result, ADA)["updated"]) == ((0, "succeeded"), 1)
    assert keys(scene) == {(ADA, "one"): row}
    assert scene.titles(ADA) == {"one": "New title"}
    assert scene.rows()[ADA, "one"]["google_calendar_id"] == ADA
    check_quiet(scene)


def test_an_old_row_that_differs_in_nothing_is_taken_over_all_the_same(scene: Scene) -> None:
    put(scene, "one", summary="Same")
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set external_calendar_id = 'primary'"
        ", google_calendar_id = 'primary'"
    )
    before = keys(scene)["primary", "one"]
    assert part_of(run(scene, full=True), ADA)["updated"] == 1
    assert keys(scene) == {(ADA, "one"): before}


def test_a_preview_tells_of_the_taking_over_and_does_nothing(scene: Scene) -> None:
    old_row(scene, "one")
    old_row(scene, "gone")
    put(scene, "one", summary="One")
    before = written(scene)
    result = scene.preview()
    changes = part_of(result, ADA)["changes"]
    assert [(c["action"], c["reason"]) for c in changes] == [
        ("update", "taken over from 'primary'")
    ]
    assert result.data["totals"]["swept"] == 1
    assert written(scene) == before


@pytest.mark.parametrize("full", [False, True])
def test_a_tombstone_finds_the_row_under_either_key(scene: Scene, *, full: bool) -> None:
    for event_id in ("one", "two", "stays"):
        put(scene, event_id)
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update workspace_calendar_events set external_calendar_id = 'primary'"
        " where external_event_id = 'two'"
    )
    for event_id in ("one", "two"):
        scene.emulator.delete_event(ADA, event_id)
    result = run(scene, full=full)
    assert ending(result) == (0, "succeeded")
    assert keys(scene).keys() == {(ADA, "stays")}


@pytest.mark.parametrize("holder", ["old", "own", "both", "none"])
def test_of_two_rows_the_linked_one_survives_else_the_older(scene: Scene, holder: str) -> None:
    day = timedelta(days=1)
    old = old_row(scene, "one", created_at=NINE - 2 * day)
    own = own_row(scene, "one", created_at=NINE - day)
    habits = {
        link_habit(scene, row, name)
        for name, row in (("old", old), ("own", own))
        if holder in {name, "both"}
    }
    put(scene, "one", summary="One")
    assert run(scene).exit_code == 0
    survivor = own if holder == "own" else old
    assert keys(scene) == {(ADA, "one"): survivor}
    assert {tuple(link) for link in linked(scene)} == {(habit, survivor) for habit in habits}
    check_quiet(scene)


def test_everything_that_pointed_at_the_dropped_row_points_at_the_survivor(scene: Scene) -> None:
    old = old_row(scene, "one", created_at=NINE - timedelta(days=2))
    own = own_row(scene, "one", created_at=NINE - timedelta(days=1))
    habit = link_habit(scene, old)
    scene.connection.execute(
        "insert into habit_calendar_events (habit_id, event_id, occurrence_date)"
        " values (%s, %s, '2026-12-01')",
        (habit, own),
    )
    scene.connection.execute(
        "insert into habit_completions (habit_id, occurrence_date, event_id)"
        " values (%s, '2026-12-01', %s)",
        (habit, own),
    )
    scene.connection.execute(
        "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date, source_event_id)"
        " values (%s, %s, '2026-12-02', %s)",
        (scene.ws_id, habit, own),
    )
    board = seed.create_board(scene.connection, scene.ws_id, scene.user_id)
    task = seed.create_task(scene.connection, board, "Write")
    scene.connection.execute(
        "insert into task_calendar_events (task_id, event_id) values (%s, %s)", (task, own)
    )
    put(scene, "one")
    assert run(scene).exit_code == 0
    assert linked(scene) == [(habit, old)]
    for query in (
        "select event_id from task_calendar_events",
        "select event_id from habit_completions",
        "select source_event_id from habit_skipped_occurrences",
    ):
        assert scene.connection.execute(query.encode()).fetchall() == [(old,)]


def test_an_event_of_two_accounts_is_taken_over_once(scene: Scene) -> None:
    row = old_row(scene, "invited")
    scene.add_account(BOB, primary=True)
    put(scene, "invited", ADA, summary="Ours")
    put(scene, "invited", BOB, summary="Ours")
    assert run(scene).exit_code == 0
    assert keys(scene).keys() == {(ADA, "invited"), (BOB, "invited")}
    assert row in keys(scene).values()
    check_quiet(scene)


def test_what_no_primary_calendar_lists_is_swept(scene: Scene) -> None:
    old_row(scene, "gone")
    put(scene, "one")
    result = run(scene)
    assert (ending(result), result.data["totals"]["swept"]) == ((0, "succeeded"), 1)
    assert keys(scene).keys() == {(ADA, "one")}


@pytest.mark.parametrize(
    "doubt", ["inactive", "not listed", "failed", "outside", "incremental", "empty", "no consent"]
)
def test_what_nobody_claims_stays_while_absence_is_not_proved(scene: Scene, doubt: str) -> None:
    put(scene, "one")
    times: dict[str, datetime] = {}
    match doubt:
        case "inactive":
            scene.add_account(BOB, primary=True)
            scene.connection.execute(
                "update calendar_auth_tokens set is_active = false where id = %s",
                (scene.accounts[BOB],),
            )
        case "not listed":
            scene.add_account(BOB, "other@group.test", primary=True)
        case "failed":
            scene.add_account(BOB, primary=True)
            scene.emulator.add_fault(
                Fault(kind=FaultKind.ERROR, error="503 backendError", user=BOB)
            )
        case "outside":
            times = {"start_at": NINE - timedelta(days=400), "end_at": TEN - timedelta(days=400)}
        case "incremental":
            assert run(scene).exit_code == 0
        case "empty":
            scene.emulator.add_fault(Fault(kind=FaultKind.EMPTY_LISTING))
        case _:
            seed.create_connection(
                scene.connection, scene.ws_id, scene.accounts[ADA], ADA, access_role="owner"
            )
            columns = scene.connection.execute(
                "select from pg_attribute where attrelid = 'calendar_connections'::regclass"
                " and attname = 'sync_delete_enabled'"
            ).rowcount
            if not columns:
                pytest.skip("these tables have no such switch")
            scene.connection.execute("update calendar_connections set sync_delete_enabled = false")
    row = old_row(scene, "unclaimed", **times)
    run(scene)
    assert keys(scene)["primary", "unclaimed"] == row


def test_so_many_unclaimed_rows_are_not_deleted_unasked(scene: Scene) -> None:
    put(scene, "one")
    for number in range(25):
        old_row(scene, f"gone{number}")
    result = run(scene)
    assert (ending(result), codes(result)) == ((0, "succeeded"), ["old_rows_kept"])
    assert len(keys(scene)) == 26
    assert run(scene, full=True, allow_mass_delete=True).data["totals"]["swept"] == 25
    assert keys(scene).keys() == {(ADA, "one")}


def test_an_old_row_with_a_change_that_waits_for_google_is_left_alone(scene: Scene) -> None:
    if not scene.connection.execute(
        "select from pg_attribute where attrelid = 'workspace_calendar_events'::regclass"
        " and attname = 'sync_status'"
    ).rowcount:
        pytest.skip("these tables know no pending changes")
    seed.create_connection(scene.connection, scene.ws_id, scene.accounts[ADA], ADA, outbound=True)
    row = old_row(scene, "one", title="Mine", sync_status="conflict")
    put(scene, "one", summary="Theirs")
    result = run(scene)
    assert part_of(result, ADA)["skipped"] == {"local_change_pending": 1}
    assert keys(scene) == {("primary", "one"): row}
