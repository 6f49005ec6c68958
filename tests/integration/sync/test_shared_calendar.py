"""Two accounts of a workspace that see the same calendar."""

from __future__ import annotations

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_quiet,
    ending,
    part_of,
    run,
)
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

DAY_TWO = ("2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z")
ADA, BOB = "ada@example.test", "bob@example.test"
LOSSES = [
    Fault(kind=FaultKind.ERROR, error="404 notFound", user=ADA),
    Fault(kind=FaultKind.ERROR, error="403 forbidden", user=ADA),
    Fault(kind=FaultKind.ERROR, error="401 authError", user=ADA),
]


@pytest.fixture
def shared(any_scene: Scene) -> Scene:
    """Ada owns the team's calendar and Bob reads it."""
    return share(any_scene, "reader")


def share(scene: Scene, role: str) -> Scene:
    scene.add_account(BOB)
    scene.emulator.share(CALENDAR, BOB, role)
    bob = scene.accounts[BOB]
    seed.create_connection(scene.connection, scene.ws_id, bob, CALENDAR, access_role=role)
    scene.connection.execute(
        "update calendar_connections set access_role = 'owner' where auth_token_id = %s",
        (scene.accounts[ADA],),
    )
    return scene


def users(scene: Scene) -> set[str]:
    return {str(request.user) for request in scene.emulator.requests if "/events" in request.path}


def warned(result: Result) -> list[tuple[str, str | None]]:
    return [(warning.code, warning.subject) for warning in result.warnings]


def test_it_is_listed_once_through_the_greater_role(shared: Scene) -> None:
    shared.put("one", *DAY_ONE, summary="One", visibility="private")
    result = run(shared)
    assert ending(result) == (0, "succeeded")
    assert (users(shared), shared.titles()) == ({ADA}, {"one": "One"})
    assert len(result.data["calendars"]) == 1
    check_quiet(shared)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda fault: str(fault.error))
@pytest.mark.parametrize("full", [False, True])
def test_another_account_stands_in_where_access_is_lost(
    shared: Scene, loss: Fault, *, full: bool
) -> None:
    shared.put("one", *DAY_ONE, summary="One")
    assert run(shared).exit_code == 0
    shared.put("two", *DAY_TWO, summary="Two")
    shared.emulator.clear_requests()
    shared.emulator.add_fault(loss)
    result = run(shared, full=full)
    assert ending(result) == (0, "succeeded")
    assert warned(result) == [("other_account_used", str(shared.accounts[ADA]))]
    assert (part_of(result)["inserted"], users(shared)) == (1, {ADA, BOB})
    assert shared.titles() == {"one": "One", "two": "Two"}


def test_a_dead_grant_marks_its_account_and_the_other_one_stands_in(shared: Scene) -> None:
    shared.put("one", *DAY_ONE)
    shared.emulator.revoke(ADA)
    result = run(shared)
    assert ending(result) == (0, "succeeded")
    assert warned(result) == [("other_account_used", str(shared.accounts[ADA]))]
    active = "select is_active from calendar_auth_tokens where id = %s"
    row = shared.connection.execute(active, (shared.accounts[ADA],)).fetchone()
    assert row == (False,)
    assert warned(run(shared)) == []


@pytest.mark.parametrize("error", ["429 rateLimitExceeded", "503 backendError"])
def test_nobody_stands_in_where_google_is_only_slow_or_away(shared: Scene, error: str) -> None:
    shared.put("one", *DAY_ONE)
    shared.emulator.add_fault(Fault(kind=FaultKind.ERROR, error=error, user=ADA))
    result = run(shared)
    assert result.exit_code == 69
    assert (users(shared), shared.titles()) == ({ADA}, {})


def test_a_lesser_role_neither_blanks_nor_sweeps(shared: Scene) -> None:
    shared.put("secret", *DAY_ONE, summary="Secret", visibility="private")
    shared.put("gone", *DAY_TWO, summary="Gone")
    assert run(shared).exit_code == 0
    shared.emulator.delete_event(CALENDAR, "gone")
    shared.emulator.patch_event(CALENDAR, "secret", {"colorId": "11"})
    shared.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="404 notFound", user=ADA, times=1))
    result = run(shared, full=True)
    assert (ending(result), part_of(result)["swept"]) == ((0, "succeeded"), 0)
    assert shared.titles() == {"secret": "Secret", "gone": "Gone"}
    assert part_of(run(shared, full=True))["swept"] == 1
    assert shared.titles() == {"secret": "Secret"}


def test_an_equal_role_sweeps(any_scene: Scene) -> None:
    scene = share(any_scene, "owner")
    scene.put("gone", *DAY_ONE)
    assert run(scene).exit_code == 0
    scene.emulator.delete_event(CALENDAR, "gone")
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="404 notFound", user=ADA))
    assert part_of(run(scene, full=True))["swept"] == 1


def test_each_account_keeps_its_own_sync_token(shared: Scene) -> None:
    shared.put("one", *DAY_ONE)
    assert run(shared).exit_code == 0
    shared.emulator.add_fault(LOSSES[0])
    assert part_of(run(shared))["mode"] == "full"
    assert part_of(run(shared))["mode"] == "incremental"
    shared.emulator.clear_faults()
    shared.put("two", *DAY_TWO)
    result = run(shared)
    assert (part_of(result)["mode"], part_of(result)["inserted"]) == ("incremental", 1)
    assert len(shared.tokens()) == 2


def test_what_a_listing_told_of_roles_decides_next_time(any_scene: Scene) -> None:
    scene = share(any_scene, "freeBusyReader")
    scene.connection.execute("update calendar_connections set access_role = 'writer'")
    scene.connection.execute(
        "update calendar_auth_tokens set created_at = created_at + '1 day' where id = %s",
        (scene.accounts[ADA],),
    )
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    assert (users(scene), scene.titles()) == ({BOB}, {"one": "Untitled Event"})
    assert run(scene).exit_code == 0
    assert (users(scene), scene.titles()) == ({ADA, BOB}, {"one": "One"})


def test_if_every_account_lost_access_the_greater_role_tells_why(shared: Scene) -> None:
    shared.emulator.add_fault(LOSSES[0])
    forbidden = Fault(kind=FaultKind.ERROR, error="403 forbidden", user=BOB)
    shared.emulator.add_fault(forbidden)
    result = run(shared)
    assert ending(result) == (77, "calendar_not_found")
    assert part_of(result)["account_id"] == str(shared.accounts[ADA])


@pytest.mark.parametrize("email", [ADA, BOB])
def test_rows_stay_if_one_connection_forbids_deletion(scene: Scene, email: str) -> None:
    share(scene, "reader")
    scene.connection.execute(
        "update calendar_connections set sync_delete_enabled = false where auth_token_id = %s",
        (scene.accounts[email],),
    )
    scene.put("one", *DAY_ONE)
    assert run(scene).exit_code == 0
    scene.emulator.delete_event(CALENDAR, "one")
    assert run(scene, full=True).exit_code == 0
    assert scene.titles().keys() == {"one"}
