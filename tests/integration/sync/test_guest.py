"""A full sync of an account that the caller brings and the workspace has not stored."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures.scene import Scene
from tests.integration.sync.proof import check_counts, ending, part_of, written
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import preview_job, run_job
from tuturuuu_jobs.sync.model import GUEST, SyncPayload, Tokens
from tuturuuu_jobs.testing.emulator import Account, Fault, FaultKind

EVE = "eve@example.test"
NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)


@pytest.fixture
def eve(any_scene: Scene) -> Account:
    """An account at Google that the workspace knows nothing of, with one event."""
    account = any_scene.emulator.add_account(EVE, primary=True)
    put(any_scene, "one")
    return account


def put(scene: Scene, event_id: str) -> None:
    end = NINE + timedelta(hours=1)
    scene.put(event_id, NINE.isoformat(), end.isoformat(), calendar=EVE, summary="One")


def payload(scene: Scene, tokens: Tokens | None, *calendars: str) -> SyncPayload:
    return SyncPayload(scene.ws_id, full=True, guest=True, tokens=tokens, calendars=calendars)


def given(account: Account, *, access: str | None = None) -> Tokens:
    return Tokens(access or account.access_token, account.refresh_token, None)


def run(scene: Scene, tokens: Tokens | None, *calendars: str) -> Result:
    job = scene.job(full=True)
    result = run_job(
        job, payload(scene, tokens, *calendars), RunRequest(attempts=1), scene.runtime()
    )
    check_counts(result)
    return result


def test_rows_are_written_and_nothing_of_the_account_is_kept(
    any_scene: Scene, eve: Account
) -> None:
    scene = any_scene
    before = written(scene)
    result = run(scene, given(eve))
    assert ending(result) == (0, "succeeded")
    assert part_of(result, EVE)["account_id"] == str(GUEST)
    assert scene.titles(EVE) == {"one": "One"}
    after = written(scene)
    assert (after.tokens, after.edges, after.accounts) == (
        before.tokens,
        before.edges,
        before.accounts,
    )


def test_the_second_run_lists_all_again_and_changes_nothing(any_scene: Scene, eve: Account) -> None:
    run(any_scene, given(eve))
    rows = any_scene.physical()
    put(any_scene, "two")
    any_scene.emulator.delete_event(EVE, "one")
    any_scene.emulator.delete_event(EVE, "two")
    put(any_scene, "three")
    assert part_of(run(any_scene, given(eve)), EVE)["swept"] == 1
    rows = any_scene.physical()
    assert part_of(run(any_scene, given(eve)), EVE)["mode"] == "full"
    assert any_scene.physical() == rows


def test_its_tokens_are_in_no_book_and_no_result(any_scene: Scene, eve: Account) -> None:
    scene = any_scene
    result = run(scene, given(eve))
    books = scene.connection.execute(
        "select r::text from jobs.runs r union all select e::text from jobs.events e"
    ).fetchall()
    told = f"{dataclasses.asdict(result)}{books}"
    assert eve.access_token not in told
    assert eve.refresh_token not in told
    assert str(scene.ws_id) in told


def test_a_stale_access_token_is_refreshed_and_not_stored(any_scene: Scene, eve: Account) -> None:
    result = run(any_scene, given(eve, access="stale"))
    assert ending(result) == (0, "succeeded")
    assert any_scene.connection.execute("select count(*) from calendar_auth_tokens").fetchone() == (
        1,
    )


def test_a_refused_guest_switches_nobody_off(any_scene: Scene, eve: Account) -> None:
    any_scene.emulator.revoke(EVE)
    assert ending(run(any_scene, given(eve))) == (77, "grant_revoked")
    rows = any_scene.connection.execute("select is_active from calendar_auth_tokens").fetchall()
    assert rows == [(True,)]


def test_a_stored_account_is_taken_as_stored(any_scene: Scene) -> None:
    scene = any_scene
    scene.put("one", NINE.isoformat(), (NINE + timedelta(hours=1)).isoformat())
    ada = scene.emulator.account("ada@example.test")
    result = run(scene, given(ada))
    assert part_of(result)["account_id"] == str(scene.accounts["ada@example.test"])
    assert len(scene.tokens()) == 1


def test_a_named_calendar_is_taken_instead_of_the_primary(any_scene: Scene, eve: Account) -> None:
    scene = any_scene
    scene.emulator.add_calendar("eves@group.test", owner=EVE)
    scene.put("two", NINE.isoformat(), NINE.isoformat(), calendar="eves@group.test")
    result = run(scene, given(eve), "eves@group.test")
    assert [part["calendar_id"] for part in result.data["calendars"]] == ["eves@group.test"]


def test_a_replay_without_the_tokens_is_refused(any_scene: Scene, eve: Account) -> None:
    result = run(any_scene, None)
    assert ending(result) == (1, "tokens_not_kept")
    assert any_scene.emulator.requests == ()


def test_a_failed_page_writes_nothing(any_scene: Scene, eve: Account) -> None:
    any_scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="503 backendError"))
    assert run(any_scene, given(eve)).exit_code == 69
    assert any_scene.titles(EVE) == {}


def test_a_preview_shows_what_a_guest_would_bring(any_scene: Scene, eve: Account) -> None:
    before = written(any_scene)
    job = any_scene.job(full=True)
    result = preview_job(job, payload(any_scene, given(eve)), RunRequest(), any_scene.runtime())
    assert part_of(result, EVE)["inserted"] == 1
    assert written(any_scene) == before
