from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import google.auth.exceptions
import pytest

from tests.integration.emulator.proof import ME, covers, items
from tuturuuu_jobs.testing.emulator import (
    TOKEN_ERRORS,
    Account,
    Emulator,
    Fault,
    FaultKind,
    VirtualClock,
)


def _code(caught: pytest.ExceptionInfo[google.auth.exceptions.RefreshError]) -> str:
    code: str = caught.value.args[1]["error"]
    return code


@covers("token")
def test_an_expired_access_token_is_refreshed_unseen(emulator: Emulator, service: Any) -> None:
    emulator.expire_access_tokens(ME)
    assert items(service) == []
    seen = [(one.endpoint, one.status, one.user) for one in emulator.requests]
    assert seen == [("events.list", 401, None), ("token", 200, ME), ("events.list", 200, ME)]


def test_access_tokens_end_by_the_clock(emulator: Emulator, service: Any) -> None:
    assert isinstance(emulator.clock, VirtualClock)
    emulator.clock.advance(timedelta(seconds=3600))
    items(service)
    assert [one.status for one in emulator.requests] == [401, 200, 200]


def test_a_revoked_grant_is_an_invalid_grant(emulator: Emulator, service: Any) -> None:
    emulator.revoke(ME)
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        items(service)
    assert _code(caught) == "invalid_grant"


def test_a_client_that_is_not_known_is_our_fault_and_not_the_account_s(
    emulator: Emulator, account: Account, google_service: Callable[[Account], Any]
) -> None:
    import dataclasses

    wrong = dataclasses.replace(account, client_secret="other", access_token="old")
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        items(google_service(wrong))
    assert _code(caught) == "invalid_client"


def test_a_grant_serves_only_the_client_it_was_given_to(
    emulator: Emulator, account: Account, google_service: Callable[[Account], Any]
) -> None:
    import dataclasses

    other = emulator.add_account("o@example.test", client_id="another", client_secret="secret")
    mixed = dataclasses.replace(other, refresh_token=account.refresh_token, access_token="old")
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        items(google_service(mixed))
    assert _code(caught) == "unauthorized_client"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password"}, 400),
        ({"grant_type": "refresh_token"}, 400),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 401),
    ],
)
def test_incomplete_forms_are_refused(emulator: Emulator, form: dict[str, str], code: int) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(emulator.token_url, data=urlencode(form).encode())
    caught.value.close()
    assert caught.value.code == code


def test_a_scope_outside_the_grant_is_refused(emulator: Emulator, account: Account) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": account.refresh_token,
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "scope": "https://www.googleapis.com/auth/drive",
    }
    with pytest.raises(HTTPError) as caught:
        urlopen(emulator.token_url, data=urlencode(form).encode())
    assert b"invalid_scope" in caught.value.read()
    caught.value.close()


@covers(
    "token error 400 invalid_*",
    "token error 400 unsupported_grant_type",
    "token error 400 admin_policy_enforced",
    "token error 401 invalid_client",
    "token error 401 unauthorized_client",
)
@pytest.mark.parametrize(
    "name", [name for name, spec in TOKEN_ERRORS.items() if spec.status not in {429, 503}]
)
def test_the_token_endpoint_can_refuse_in_every_way(
    emulator: Emulator, service: Any, name: str
) -> None:
    emulator.expire_access_tokens(ME)
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name))
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        items(service)
    if TOKEN_ERRORS[name].detail == "invalid_rapt":
        assert "Reauthentication" in str(caught.value)
    else:
        assert _code(caught) == TOKEN_ERRORS[name].reason


@covers("token error 429 rate_limited", "token error 503 server_error")
@pytest.mark.parametrize("name", ["429 rate_limited", "503 server_error"])
def test_passing_trouble_of_the_token_endpoint_is_tried_again_by_the_library(
    emulator: Emulator, service: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    emulator.expire_access_tokens(ME)
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name, times=1))
    assert items(service) == []
    assert [one.status for one in emulator.requests] == [401, int(name[:3]), 200, 200]


@covers("refresh-rotates")
def test_a_rotated_refresh_token_replaces_the_old_one(
    emulator: Emulator, account: Account, service: Any
) -> None:
    emulator.add_fault(Fault(kind=FaultKind.REFRESH_ROTATES, times=1))
    emulator.expire_access_tokens(ME)
    items(service)
    fresh = emulator.account(ME).refresh_token
    assert fresh != account.refresh_token
    emulator.expire_access_tokens(ME)
    items(service)
    assert emulator.account(ME).refresh_token == fresh


@covers("access-token-expired")
def test_an_access_token_can_end_after_some_requests(emulator: Emulator, service: Any) -> None:
    emulator.add_fault(Fault(kind=FaultKind.ACCESS_TOKEN_EXPIRED, nth=3))
    for _ in range(3):
        items(service)
    assert [one.status for one in emulator.requests] == [200, 200, 401, 200, 200]


def test_secrets_are_the_same_for_the_same_seed(emulator: Emulator, account: Account) -> None:
    other = Emulator(clock=emulator.clock).add_account(ME)
    assert other == account
    assert Emulator(clock=emulator.clock, seed=1).add_account(ME) != account
