"""Which calendars a run takes up, and which states of a workspace it refuses."""

from __future__ import annotations

import dataclasses

import pytest
from psycopg import sql

from tests.fixtures.postgres import Database
from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_heals,
    check_quiet,
    dashboard,
    ending,
    listings,
    part_of,
    run,
    written,
)
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

ADA, BOB = "ada@example.test", "bob@example.test"


def codes(result: Result) -> list[str]:
    return [warning.code for warning in result.warnings]


def test_a_workspace_without_account_has_nothing_to_sync(empty_scene: Scene) -> None:
    scene = empty_scene
    result = run(scene)
    assert (ending(result), codes(result)) == ((0, "succeeded"), ["no_active_account"])
    assert scene.emulator.requests == ()
    assert dashboard(scene) == []


def test_an_inactive_account_is_not_asked(scene: Scene) -> None:
    scene.connection.execute("update calendar_auth_tokens set is_active = false")
    result = run(scene)
    assert (ending(result), codes(result)) == ((0, "succeeded"), ["no_active_account"])
    assert scene.emulator.requests == ()


@pytest.mark.parametrize("column", ["is_enabled", "sync_inbound_enabled"])
def test_a_calendar_that_is_switched_off_is_not_listed_and_keeps_its_rows(
    scene: Scene, column: str
) -> None:
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    before = written(scene)
    scene.emulator.delete_event(CALENDAR, "one")
    statement = sql.SQL("update calendar_connections set {} = false")
    scene.connection.execute(statement.format(sql.Identifier(column)))
    scene.emulator.clear_requests()
    for full in (False, True):
        result = run(scene, full=full)
        assert (ending(result), result.data["calendars"]) == ((0, "succeeded"), [])
    assert scene.emulator.requests == ()
    assert written(scene) == before


def test_an_owner_who_switched_inbound_off_is_obeyed(scene: Scene) -> None:
    preferences = seed.Preferences(inbound=False)
    seed.create_preferences(scene.connection, scene.user_id, scene.ws_id, preferences)
    result = run(scene)
    assert (ending(result), codes(result)) == ((0, "succeeded"), ["inbound_disabled"])
    assert scene.emulator.requests == ()


def test_preferences_of_the_owner_that_allow_inbound_change_nothing(scene: Scene) -> None:
    seed.create_preferences(scene.connection, scene.user_id, scene.ws_id, seed.Preferences())
    other = seed.create_user(scene.connection)
    seed.add_member(scene.connection, scene.ws_id, other)
    off = seed.Preferences(inbound=False)
    seed.create_preferences(scene.connection, other, scene.ws_id, off)
    scene.put("one", *DAY_ONE)
    assert part_of(run(scene))["inserted"] == 1


def test_a_connection_without_account_is_skipped_and_told(scene: Scene) -> None:
    seed.create_connection(scene.connection, scene.ws_id, None, "lost@group.test")
    seed.create_connection(scene.connection, scene.ws_id, None, "off@group.test", is_enabled=False)
    scene.put("one", *DAY_ONE)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 1)
    assert [(w.code, w.subject) for w in result.warnings] == [
        ("connection_without_account", "lost@group.test")
    ]


def test_accounts_and_calendars_of_another_provider_are_not_ours(scene: Scene) -> None:
    seed.create_account(scene.connection, scene.ws_id, scene.user_id, provider="microsoft")
    seed.create_connection(
        scene.connection, scene.ws_id, scene.accounts[ADA], "theirs", provider="microsoft"
    )
    scene.put("one", *DAY_ONE)
    result = run(scene)
    assert (ending(result), len(result.data["calendars"])) == ((0, "succeeded"), 1)


def test_an_account_without_connections_brings_its_primary_calendar(empty_scene: Scene) -> None:
    scene = empty_scene
    scene.add_account(ADA, primary=True)
    scene.put("one", *DAY_ONE, calendar=ADA, summary="One")
    first = run(scene)
    assert (ending(first), part_of(first, ADA)["inserted"]) == ((0, "succeeded"), 1)
    assert list(scene.rows()) == [(ADA, "one")]
    assert all(key.endswith(f":{ADA}") for key in scene.tokens())
    check_quiet(scene)


def test_primary_and_its_own_id_are_the_same_calendar(empty_scene: Scene) -> None:
    scene = empty_scene
    scene.add_account(ADA, primary=True)
    account = scene.accounts[ADA]
    seed.create_connection(scene.connection, scene.ws_id, account, "primary")
    seed.create_connection(scene.connection, scene.ws_id, account, ADA.upper())
    scene.put("one", *DAY_ONE, calendar=ADA)
    result = run(scene)
    assert (ending(result), len(result.data["calendars"])) == ((0, "succeeded"), 1)
    assert len(scene.rows()) == 1


def test_a_primary_calendar_that_cannot_be_resolved_fails_and_heals(empty_scene: Scene) -> None:
    scene = empty_scene
    scene.add_account(ADA, primary=True)
    scene.put("one", *DAY_ONE, calendar=ADA, summary="One")
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="503 backendError", endpoint="calendars.get")
    )
    result = run(scene)
    assert ending(result) == (69, "google_unavailable")
    assert result.errors[0].subject == "primary"
    check_heals(scene, {"one": "One"}, ADA)


def test_a_spent_daily_quota_stops_every_account_at_once(empty_scene: Scene) -> None:
    scene = empty_scene
    scene.add_account(ADA, "a@group.test", "a-too@group.test")
    scene.add_account(BOB, primary=True)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="403 dailyLimitExceeded"))
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((69, "daily_limit_exceeded"), 1)
    assert len(result.errors) == 3
    assert len(scene.emulator.requests) == 1


def test_a_spent_daily_quota_also_ends_the_look_up_of_primary_calendars(
    empty_scene: Scene,
) -> None:
    scene = empty_scene
    scene.add_account(ADA, primary=True)
    scene.add_account(BOB, primary=True)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="403 dailyLimitExceeded"))
    result = run(scene)
    assert (ending(result), len(result.errors)) == ((69, "daily_limit_exceeded"), 2)
    assert len(scene.emulator.requests) == 1


def test_a_primary_calendar_that_is_refused_is_not_looked_up_in_every_attempt(
    empty_scene: Scene,
) -> None:
    scene = empty_scene
    scene.add_account(ADA, primary=True)
    scene.add_account(BOB, "b@group.test")
    error = FaultKind.ERROR
    scene.emulator.add_fault(Fault(kind=error, error="403 forbidden", endpoint="calendars.get"))
    scene.emulator.add_fault(Fault(kind=error, error="503 html", calendar="b@group.test", times=5))
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((3, "calendar_forbidden"), 2)
    assert [part["calendar_id"] for part in result.data["calendars"]] == ["primary", "b@group.test"]
    assert sum(request.endpoint == "calendars.get" for request in scene.emulator.requests) == 1


def test_a_database_that_is_not_tuturuuus_is_a_setting_to_change(scene: Scene) -> None:
    scene.connection.execute("alter table workspace_calendar_events rename to something_else")
    for result in (scene.sync(), scene.preview()):
        assert ending(result) == (78, "not_tuturuuu")
    assert scene.emulator.requests == ()


def test_a_spent_calendar_quota_leaves_the_other_calendars(scene: Scene) -> None:
    scene.add_account(BOB, "b@group.test")
    scene.put("one", *DAY_ONE, calendar="b@group.test")
    fault = Fault(kind=FaultKind.ERROR, error="403 quotaExceeded", calendar=CALENDAR)
    scene.emulator.add_fault(fault)
    result = run(scene)
    assert (ending(result), listings(scene)) == ((3, "quota_exceeded"), 3)
    assert part_of(result, "b@group.test")["inserted"] == 1


def test_a_refused_account_is_asked_once_and_the_others_go_on(scene: Scene) -> None:
    seed.create_connection(scene.connection, scene.ws_id, scene.accounts[ADA], "two@group.test")
    scene.add_account(BOB, "b@group.test")
    scene.put("one", *DAY_ONE, calendar="b@group.test")
    fault = Fault(kind=FaultKind.ERROR, error="403 insufficientPermissions", user=ADA)
    scene.emulator.add_fault(fault)
    result = run(scene)
    assert ending(result) == (3, "insufficient_scope")
    assert [problem.subject for problem in result.errors] == [CALENDAR, "two@group.test"]
    assert part_of(result, "b@group.test")["inserted"] == 1
    assert sum(request.user == ADA for request in scene.emulator.requests) == 1


@pytest.mark.parametrize("state", ["deleted", "unknown"])
def test_a_workspace_that_is_gone_is_rejected(scene: Scene, state: str) -> None:
    if state == "deleted":
        scene.connection.execute("update workspaces set deleted = true")
    else:
        scene.ws_id = scene.user_id
    result = run(scene)
    assert (ending(result), scene.emulator.requests) == ((77, "workspace_not_found"), ())
    assert ending(scene.preview()) == (77, "workspace_not_found")


def test_only_the_calendars_that_are_named_are_synced(scene: Scene) -> None:
    scene.emulator.add_calendar("two@group.test", owner=ADA)
    seed.create_connection(scene.connection, scene.ws_id, scene.accounts[ADA], "two@group.test")
    scene.put("one", *DAY_ONE)
    scene.put("two", *DAY_ONE, calendar="two@group.test")
    result = run(scene, calendars=("TWO@group.test",))
    assert (ending(result), len(result.data["calendars"])) == ((0, "succeeded"), 1)
    assert list(scene.rows()) == [("two@group.test", "two")]


def test_a_calendar_that_is_not_connected_is_a_usage_error(scene: Scene) -> None:
    result = run(scene, calendars=(CALENDAR, "nowhere@group.test"))
    assert ending(result) == (2, "calendar_not_connected")
    assert result.errors[0].subject == "nowhere@group.test"
    assert scene.emulator.requests == ()


def test_a_role_from_which_row_security_hides_rows_is_a_setting_to_change(
    scene: Scene, database: Database
) -> None:
    for schema in ("public", "private", "jobs"):
        for grant in ("usage on schema {}", "select, insert, update on all tables in schema {}"):
            statement = sql.SQL("grant " + grant + " to jobs_without_bypass")
            scene.connection.execute(statement.format(sql.Identifier(schema)))
    scene.database = dataclasses.replace(database, dsn=database.dsn_as("jobs_without_bypass"))
    assert ending(scene.preview()) == (78, "row_security")
    assert ending(run(scene)) == (78, "row_security")
    assert scene.emulator.requests == ()


def test_the_zone_of_a_workspace_that_is_no_zone_is_a_warning(scene: Scene) -> None:
    scene.connection.execute("update workspaces set timezone = 'Middle/Earth'")
    scene.put("day", "2026-12-01", "2026-12-02")
    result = run(scene)
    assert (ending(result), codes(result)) == ((0, "succeeded"), ["workspace_zone_unknown"])
    assert part_of(result)["inserted"] == 1
