"""The sync token and what is kept beside it: one transaction, compared with what was read."""

from __future__ import annotations

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    TRUE_STATE,
    check_heals,
    check_quiet,
    dashboard,
    ending,
    part_of,
    put_many,
    run,
    synced,
    written,
)
from tuturuuu_jobs.sync.plan import FINGERPRINT
from tuturuuu_jobs.testing.emulator import Fault, FaultKind


def test_a_token_is_kept_under_the_listing_the_account_and_the_calendar(any_scene: Scene) -> None:
    scene = any_scene
    scene.connection.execute(
        "insert into calendar_sync_states (ws_id, calendar_id, sync_token)"
        " values (%s, 'primary', 'the-apps-own')",
        (scene.ws_id,),
    )
    assert run(scene).exit_code == 0
    account = scene.accounts["ada@example.test"]
    key = f"jobs:{FINGERPRINT}:{account}:{CALENDAR}"
    tokens = scene.tokens()
    assert set(tokens) == {"primary", key}
    assert tokens["primary"] == "the-apps-own"
    check_quiet(scene)
    assert scene.tokens()["primary"] == "the-apps-own"


def test_a_token_of_another_listing_is_not_used(scene: Scene) -> None:
    assert run(scene).exit_code == 0
    scene.connection.execute(
        "update calendar_sync_states set calendar_id = replace(calendar_id, %s, 'older')",
        (FINGERPRINT,),
    )
    assert part_of(run(scene))["why_full"] == "no_sync_token"


@pytest.mark.parametrize("mode", ["incremental", "full", "first"])
def test_a_run_that_another_one_overtook_writes_nothing(any_scene: Scene, mode: str) -> None:
    scene = any_scene
    synced(scene)
    key = next(iter(scene.tokens()))
    if mode == "first":
        scene.connection.execute("delete from calendar_sync_states")

    def overtake() -> None:
        scene.connection.execute("delete from calendar_sync_states")
        scene.connection.execute(
            "insert into calendar_sync_states (ws_id, calendar_id, sync_token)"
            " values (%s, %s, 'newer')",
            (scene.ws_id, key),
        )

    scene.emulator.add_fault(
        Fault(kind=FaultKind.MUTATE, endpoint="events.list", action=overtake, times=1)
    )
    before = written(scene)
    result = run(scene, full=mode == "full", attempts=3)
    assert ending(result) == (1, "sync_token_moved")
    assert (result.attempts, part_of(result)["committed"]) == (1, False)
    after = written(scene)
    assert (after.rows, after.edges, after.events) == (before.rows, before.edges, before.events)
    assert after.tokens == {key: "newer"}
    check_heals(scene, TRUE_STATE)


def test_a_database_without_newer_columns_is_served_alike(any_scene: Scene) -> None:
    scene = any_scene
    synced(scene)
    scene.emulator.delete_event(CALENDAR, "two")
    result = run(scene)
    part = part_of(result)
    assert (part["updated"], part["deleted"]) == (1, 1)
    check_heals(scene, {"one": "After"})
    full = run(scene, full=True)
    assert part_of(full)["unchanged"] == 1


def test_the_dashboard_tells_of_runs_that_did_something_and_of_no_others(scene: Scene) -> None:
    synced(scene)
    assert run(scene).exit_code == 0
    assert dashboard(scene) == [("completed", None)] * 2
    row = scene.connection.execute(
        "select inserted_events, updated_events, deleted_events, events_fetched_total,"
        " google_api_calls_count, google_api_pages_fetched, google_api_retry_count,"
        " calendar_ids_synced, calendar_connection_count, sync_token_used, triggered_by, type"
        " from calendar_sync_dashboard order by updated_at desc limit 1"
    ).fetchone()
    assert row == (0, 1, 0, 1, 1, 1, 0, [CALENDAR], 1, True, scene.user_id, "background")
    check_quiet(scene)
    assert len(dashboard(scene)) == 2
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="404 notFound"))
    assert run(scene).exit_code == 77
    assert dashboard(scene)[2] == ("failed", "calendar_not_found")


def test_a_dashboard_that_cannot_be_written_is_a_warning(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, summary="One")
    scene.connection.execute("alter table calendar_sync_dashboard add check (false) not valid")
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 1)
    assert [warning.code for warning in result.warnings] == ["dashboard_not_written"]


def test_books_that_cannot_be_written_leave_the_rows_unwritten_too(scene: Scene) -> None:
    synced(scene)
    before = written(scene)
    scene.connection.execute(
        "alter table jobs.calendar_windows add constraint off check (false) not valid"
    )
    result = run(scene)
    assert result.exit_code in {1, 69}
    assert written(scene).calendar == before.calendar
    scene.connection.execute("alter table jobs.calendar_windows drop constraint off")
    check_heals(scene, TRUE_STATE)


def test_no_transaction_is_open_while_a_page_is_pending(scene: Scene) -> None:
    put_many(scene, 30)
    seen: list[tuple[str, ...]] = []

    def look() -> None:
        rows = scene.connection.execute(
            "select state from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid() and backend_type = 'client backend'"
        ).fetchall()
        seen.append(tuple(row[0] for row in rows))

    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP))
    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, endpoint="events.list", action=look))
    assert run(scene).exit_code == 0
    put_many(scene, 20, day="2026-12-12")
    assert run(scene).exit_code == 0
    assert len(seen) >= 9
    assert all(states for states in seen)
    # The page before may just be written, in a statement of its own.
    assert {state for states in seen for state in states} <= {"idle", "active"}
