"""Access tokens that end, refresh tokens that die or turn over, and what is kept of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    TRUE_STATE,
    check_heals,
    ending,
    part_of,
    run,
    synced,
    written,
)
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.api_errors import TOKEN_ERRORS

ADA = "ada@example.test"


class Ending(NamedTuple):
    """What a run reports, and whether the account stays active."""

    exit_code: ExitCode
    code: str
    active: bool = True
    tries: int = 1


DEAD = Ending(ExitCode.REJECTED, "grant_revoked", active=False)
CLIENT = Ending(ExitCode.CONFIG, "google_client_rejected")
ACCOUNT = Ending(ExitCode.REJECTED, "google_unauthorized")
ODD = Ending(ExitCode.FAILED, "google_bad_request")
DOWN = Ending(ExitCode.UNAVAILABLE, "google_unavailable", tries=5)

ENDINGS = {
    "400 invalid_grant": DEAD,
    "400 invalid_rapt": DEAD,
    "401 invalid_client": CLIENT,
    "401 unauthorized_client": CLIENT,
    "400 invalid_request": ODD,
    "400 unsupported_grant_type": ODD,
    "400 invalid_scope": ACCOUNT,
    "400 admin_policy_enforced": ACCOUNT,
    "429 rate_limited": Ending(ExitCode.UNAVAILABLE, "rate_limited", tries=5),
    "503 server_error": DOWN,
}


def test_every_refusal_of_the_token_endpoint_is_in_this_table() -> None:
    assert set(ENDINGS) == set(TOKEN_ERRORS)


def account_row(scene: Scene, email: str = ADA) -> Any:
    return scene.connection.execute(
        "select access_token, refresh_token, expires_at, is_active from calendar_auth_tokens"
        " where id = %s",
        (scene.accounts[email],),
    ).fetchone()


def expire(scene: Scene, moment: datetime | None) -> None:
    """What the database knows of the access token's end."""
    scene.connection.execute("update calendar_auth_tokens set expires_at = %s", (moment,))


def refreshes(scene: Scene) -> int:
    return sum(request.endpoint == "token" for request in scene.emulator.requests)


@pytest.mark.parametrize("found_out", ["ahead", "after a 401"])
@pytest.mark.parametrize("name", ENDINGS)
def test_a_refused_refresh_fails_its_account_and_writes_nothing(
    scene: Scene, name: str, found_out: str
) -> None:
    wanted = ENDINGS[name]
    synced(scene)
    scene.emulator.expire_access_tokens(ADA)
    expire(scene, scene.clock.now() if found_out == "ahead" else None)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name))
    before = written(scene)
    result = run(scene)
    assert ending(result) == wanted[:2]
    assert len(result.errors) == 1
    assert refreshes(scene) == wanted.tries
    assert len(scene.clock.sleeps) == wanted.tries - 1
    after = written(scene)
    assert after.calendar[:4] == before.calendar[:4]
    assert account_row(scene)[3] is wanted.active
    scene.connection.execute("update calendar_auth_tokens set is_active = true")
    check_heals(scene, TRUE_STATE)


def test_the_token_endpoint_is_not_asked_again_before_its_retry_after(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="429 rate_limited", retry_after="40", times=1)
    )
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert [40 <= wait <= 72 for wait in scene.clock.sleeps] == [True]
    assert (refreshes(scene), part_of(result)["retries"]) == (2, 1)


@pytest.mark.parametrize("seconds", [-3600, 0, 299])
def test_a_token_that_ends_within_five_minutes_is_refreshed_ahead_and_kept(
    scene: Scene, seconds: int
) -> None:
    synced(scene)
    expire(scene, scene.clock.now() + timedelta(seconds=seconds))
    old = account_row(scene)
    assert run(scene).exit_code == 0
    new = account_row(scene)
    assert refreshes(scene) == 1
    assert new[0] == scene.emulator.account(ADA).access_token != old[0]
    assert new[1] == old[1]
    assert new[2] == scene.clock.now() + timedelta(seconds=3599)
    check_heals(scene, TRUE_STATE)
    assert refreshes(scene) == 1


@pytest.mark.parametrize("end", [datetime(2027, 1, 1, tzinfo=UTC), None], ids=["far", "unknown"])
def test_a_token_that_ended_unexpectedly_is_refreshed_after_a_401(
    scene: Scene, end: datetime | None
) -> None:
    synced(scene)
    expire(scene, end)
    scene.emulator.expire_access_tokens(ADA)
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert [(r.endpoint, r.status) for r in scene.emulator.requests] == [
        ("events.list", 401),
        ("token", 200),
        ("events.list", 200),
    ]
    assert account_row(scene)[0] == scene.emulator.account(ADA).access_token
    check_heals(scene, TRUE_STATE)
    assert refreshes(scene) == 1


@pytest.mark.parametrize("found_out", ["ahead", "after a 401"])
def test_a_refresh_token_that_turned_over_is_kept_even_if_the_calendar_fails(
    scene: Scene, found_out: str
) -> None:
    synced(scene)
    scene.emulator.expire_access_tokens(ADA)
    expire(scene, scene.clock.now() if found_out == "ahead" else None)
    old = account_row(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.REFRESH_ROTATES))
    nth = 1 if found_out == "ahead" else 2
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="404 notFound", endpoint="events.list", nth=nth)
    )
    assert ending(run(scene)) == (77, "calendar_not_found")
    new = account_row(scene)
    assert new[1] == scene.emulator.account(ADA).refresh_token != old[1]
    check_heals(scene, TRUE_STATE)


def test_a_dry_run_keeps_a_refresh_token_that_turned_over_and_nothing_else(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    scene.emulator.add_fault(Fault(kind=FaultKind.REFRESH_ROTATES, times=1))
    before = written(scene)
    assert scene.preview().exit_code == 0
    after = written(scene)
    assert after.calendar[:4] == before.calendar[:4]
    assert after.dashboard == before.dashboard
    assert account_row(scene)[1] == scene.emulator.account(ADA).refresh_token
    expire(scene, scene.clock.now())
    kept = written(scene)
    assert scene.preview().exit_code == 0
    assert written(scene) == kept


def test_refreshed_tokens_do_not_overwrite_those_of_a_reconnected_account(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())

    def reconnect() -> None:
        scene.connection.execute(
            "update calendar_auth_tokens set access_token = 'theirs', refresh_token = 'theirs-too'"
        )

    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, endpoint="token", action=reconnect))
    result = run(scene)
    assert (ending(result), result.warnings) == ((0, "succeeded"), ())
    assert account_row(scene)[:2] == ("theirs", "theirs-too")


def test_a_dead_grant_does_not_switch_off_an_account_that_was_reconnected(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    scene.emulator.revoke(ADA)

    def reconnect() -> None:
        scene.connection.execute("update calendar_auth_tokens set refresh_token = 'fresh'")

    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, endpoint="token", action=reconnect))
    assert ending(run(scene)) == (77, "grant_revoked")
    assert account_row(scene)[1:4:2] == ("fresh", True)


def test_a_dead_grant_switches_off_exactly_its_account(scene: Scene) -> None:
    scene.add_account("bob@example.test", "bob@group.test", "bob-too@group.test")
    synced(scene)
    scene.put("b", *DAY_ONE, calendar="bob@group.test", summary="Bob")
    scene.emulator.revoke("bob@example.test")
    result = run(scene)
    assert ending(result) == (3, "grant_revoked")
    assert part_of(result)["updated"] == 1
    assert [p.subject for p in result.errors] == ["bob@group.test", "bob-too@group.test"]
    assert refreshes(scene) == 1
    assert account_row(scene)[3] is True
    assert account_row(scene, "bob@example.test")[3] is False
    after = run(scene)
    assert (ending(after), after.warnings) == ((0, "succeeded"), ())


def test_a_dead_grant_is_still_told_when_another_account_needed_a_second_attempt(
    scene: Scene,
) -> None:
    scene.add_account("bob@example.test", "bob@group.test")
    synced(scene)
    scene.emulator.revoke(ADA)
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="503 backendError", calendar="bob@group.test", times=5)
    )
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((3, "grant_revoked"), 2)
    assert [problem.subject for problem in result.errors] == [CALENDAR]
    assert part_of(result, "bob@group.test")["committed"]


def test_an_account_without_refresh_token_is_refused_and_not_asked_for_ever(scene: Scene) -> None:
    synced(scene)
    scene.connection.execute("update calendar_auth_tokens set refresh_token = ''")
    scene.emulator.expire_access_tokens(ADA)
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((77, "google_unauthorized"), 1)
    assert account_row(scene)[3] is True


def test_a_token_too_long_for_the_table_is_a_warning_and_the_run_goes_on(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    old = account_row(scene)
    long = "x" * 2049
    scene.emulator.add_account(ADA, access_token=long, refresh_token=old[1], primary=False)
    body = f'{{"access_token": "{long}", "expires_in": 3599, "token_type": "Bearer"}}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    raw = f"{head}\r\n\r\n{body}".encode()
    scene.emulator.add_fault(Fault(kind=FaultKind.RAW, endpoint="token", raw=raw))
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert [warning.code for warning in result.warnings] == ["account_not_updated"]
    assert long not in str(result)
    assert account_row(scene) == old
    expire(scene, None)
    check_heals(scene, TRUE_STATE)


def test_tokens_that_cannot_be_stored_are_a_warning_and_the_run_goes_on(scene: Scene) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    scene.connection.execute(
        "create function refuse() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$;"
        "create trigger refuse before update on calendar_auth_tokens"
        " for each row execute function refuse()"
    )
    old = account_row(scene)
    result = run(scene)
    assert (ending(result), part_of(result)["updated"]) == ((0, "succeeded"), 1)
    assert [warning.code for warning in result.warnings] == ["tokens_not_stored"]
    assert account_row(scene) == old


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"access_token": 7}', '{"access_token": ""}'])
def test_a_useless_answer_of_the_token_endpoint_is_asked_for_again(scene: Scene, body: str) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}"
    raw = f"{head}\r\n\r\n{body}".encode()
    scene.emulator.add_fault(Fault(kind=FaultKind.RAW, endpoint="token", raw=raw, times=1))
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 1)
    check_heals(scene, TRUE_STATE)


@pytest.mark.parametrize("kind", [FaultKind.CLOSE, FaultKind.RESET, FaultKind.HALF_BODY])
def test_a_token_endpoint_that_hangs_up_is_asked_again(scene: Scene, kind: FaultKind) -> None:
    synced(scene)
    expire(scene, scene.clock.now())
    scene.emulator.add_fault(Fault(kind=kind, endpoint="token", times=2))
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    check_heals(scene, TRUE_STATE)
