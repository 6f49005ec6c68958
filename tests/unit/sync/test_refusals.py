"""Google's refusals: the table of reasons, row by row, and bodies that are none of Google's."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sync.strategies import UNHURRIED
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, kind_of
from tuturuuu_jobs.sync.refusals import (
    AccountRejectedError,
    GrantRevokedError,
    PageTokenRejectedError,
    ProjectQuotaError,
    Refusal,
    SyncTokenRejectedError,
    classify,
    classify_refresh,
    read_refusal,
)

HTML: Final = b"<!DOCTYPE html><html><title>Error 502 (Server Error)!!1</title></html>"


def body(code: int, reason: str, **first: str) -> bytes:
    """An error body of the Calendar API."""
    error = {"domain": "global", "reason": reason, "message": "Words.", **first}
    whole = {"code": code, "message": error["message"], "errors": [error]}
    return json.dumps({"error": whole}).encode()


def new_style(code: int, status: str, *reasons: str) -> bytes:
    """An error body of Google's newer front ends."""
    details: list[dict[str, Any]] = [{"@type": "type.googleapis.com/google.rpc.Help", "links": []}]
    details += [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": r} for r in reasons]
    error = {"code": code, "message": "Words.", "status": status, "details": details}
    return json.dumps({"error": error}).encode()


def about_token(code: int, reason: str) -> bytes:
    return body(code, reason, locationType="parameter", location="syncToken")


def refused(status: int, content: bytes, **tokens: bool) -> JobError:
    refusal = read_refusal(status, {}, content)
    given_tokens = {"sync_token": False, "page_token": False, **tokens}
    return classify(refusal, **given_tokens)


def meaning(error: JobError) -> tuple[str, str, bool]:
    return error.code, kind_of(error).value, error.retryable


FAILED: Final = ("google_bad_request", "failed", False)
SLOW_DOWN: Final = ("rate_limited", "unavailable", True)
DOWN: Final = ("google_unavailable", "unavailable", True)
FORBIDDEN: Final = ("calendar_forbidden", "rejected", False)
API_OFF: Final = ("google_api_disabled", "config", False)
NO_SCOPE: Final = ("insufficient_scope", "rejected", False)


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (400, body(400, "badRequest"), FAILED),
        (400, body(400, "invalid"), FAILED),
        (400, body(400, "required"), FAILED),
        (400, body(400, "invalidParameter"), FAILED),
        (400, body(400, "timeRangeEmpty"), FAILED),
        (400, body(400, "parseError"), FAILED),
        (400, new_style(400, "INVALID_ARGUMENT"), FAILED),
        (401, body(401, "authError"), ("google_unauthorized", "rejected", False)),
        (401, new_style(401, "UNAUTHENTICATED"), ("google_unauthorized", "rejected", False)),
        (403, body(403, "userRateLimitExceeded"), SLOW_DOWN),
        (403, body(403, "rateLimitExceeded"), SLOW_DOWN),
        (403, new_style(403, "PERMISSION_DENIED", "RATE_LIMIT_EXCEEDED"), SLOW_DOWN),
        (403, body(403, "quotaExceeded"), ("quota_exceeded", "unavailable", False)),
        (403, body(403, "dailyLimitExceeded"), ("daily_limit_exceeded", "unavailable", False)),
        (403, body(403, "accessNotConfigured"), API_OFF),
        (403, new_style(403, "PERMISSION_DENIED", "SERVICE_DISABLED"), API_OFF),
        (403, body(403, "insufficientPermissions"), NO_SCOPE),
        (403, new_style(403, "PERMISSION_DENIED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"), NO_SCOPE),
        (403, body(403, "forbidden"), FORBIDDEN),
        (403, body(403, "requiredAccessLevel"), FORBIDDEN),
        (403, body(403, "forbiddenForNonOrganizer"), FORBIDDEN),
        (403, new_style(403, "PERMISSION_DENIED"), FORBIDDEN),
        (403, HTML, FORBIDDEN),
        (404, body(404, "notFound"), ("calendar_not_found", "rejected", False)),
        (404, HTML, ("calendar_not_found", "rejected", False)),
        (409, body(409, "conflict"), FAILED),
        (410, body(410, "deleted"), ("gone", "failed", False)),
        (412, body(412, "conditionNotMet"), FAILED),
        (408, HTML, DOWN),
        (429, body(429, "rateLimitExceeded"), SLOW_DOWN),
        (429, new_style(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED"), SLOW_DOWN),
        (429, b"", SLOW_DOWN),
        (500, body(500, "backendError"), DOWN),
        (500, body(500, "internalError"), DOWN),
        (502, HTML, DOWN),
        (503, body(503, "backendError"), DOWN),
        (504, b"", DOWN),
        (599, HTML, DOWN),
        (302, b"", FAILED),
        (418, HTML, FAILED),
    ],
)
def test_the_table_of_refusals(
    status: int, content: bytes, expected: tuple[str, str, bool]
) -> None:
    assert meaning(refused(status, content)) == expected


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (410, body(410, "fullSyncRequired")),
        (410, about_token(410, "fullSyncRequired")),
        (410, body(410, "updatedMinTooLongAgo")),
        (410, HTML),
        (400, about_token(400, "invalid")),
        (400, body(400, "invalid", message="Invalid sync token value.")),
        (400, json.dumps({"error": {"message": "Sync token is no longer valid"}}).encode()),
    ],
)
def test_a_dead_sync_token_asks_for_a_full_listing(status: int, content: bytes) -> None:
    assert isinstance(refused(status, content, sync_token=True), SyncTokenRejectedError)
    both = refused(status, content, sync_token=True, page_token=True)
    assert isinstance(both, SyncTokenRejectedError)


@pytest.mark.parametrize("content", [about_token(400, "invalid"), body(400, "invalid")])
def test_a_request_without_a_sync_token_cannot_have_a_dead_one(content: bytes) -> None:
    assert meaning(refused(400, content)) == FAILED


@pytest.mark.parametrize(
    "reason", ["syncTokenWithRequestRestrictions", "syncTokenWithNonDefaultOrdering"]
)
@pytest.mark.parametrize("make", [body, about_token])
def test_parameters_beside_a_sync_token_are_our_mistake_and_keep_it(reason: str, make: Any) -> None:
    assert meaning(refused(400, make(400, reason), sync_token=True)) == FAILED


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (400, body(400, "invalid", location="pageToken")),
        (400, body(400, "badRequest")),
        (400, HTML),
        (410, body(410, "invalid")),
        (410, b""),
    ],
)
def test_a_dead_page_token_asks_to_begin_again(status: int, content: bytes) -> None:
    assert isinstance(refused(status, content, page_token=True), PageTokenRejectedError)


def test_a_refusal_of_another_parameter_does_not_begin_again() -> None:
    content = body(400, "invalid", location="timeMin")

    assert meaning(refused(400, content, page_token=True)) == FAILED


def test_what_stops_an_account_or_the_installation_has_a_class_of_its_own() -> None:
    assert isinstance(refused(401, b""), AccountRejectedError)
    assert isinstance(refused(403, body(403, "insufficientPermissions")), AccountRejectedError)
    assert isinstance(refused(403, body(403, "dailyLimitExceeded")), ProjectQuotaError)
    for content in (body(403, "quotaExceeded"), body(403, "forbidden")):
        assert not isinstance(refused(403, content), AccountRejectedError | ProjectQuotaError)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (new_style(403, "PERMISSION_DENIED", "FIRST", "SECOND"), "FIRST"),
        (new_style(403, "PERMISSION_DENIED"), "PERMISSION_DENIED"),
        (body(403, "one"), "one"),
        (b'{"error": {"errors": [{}, {"reason": "second"}], "status": "S"}}', "second"),
        (b'{"error": {"errors": [null, 7], "status": "S"}}', "S"),
        (b'{"error": {"errors": [{"reason": ""}], "details": [{"reason": "D"}]}}', "D"),
        (b'{"error": {"errors": {"reason": "x"}}}', ""),
        (b'{"error": {"errors": [{"reason": ["x"]}]}}', ""),
        (b'{"error": {"errors": [{"reason": "ya29.a0-token, and words"}]}}', ""),
        (b'{"error": {"errors": [{"reason": "' + b"x" * 65 + b'"}]}}', ""),
        (b'{"error": "invalid_grant"}', ""),
        (b'{"error": null}', ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b'{"error": {"code": 403', ""),
        (HTML, ""),
        (b"", ""),
    ],
)
def test_the_reason_is_the_first_word_that_google_gives(content: bytes, reason: str) -> None:
    assert read_refusal(403, {}, content) == Refusal(403, reason, "", False, None)


DATE: Final = "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("0", None, 0.0),
        ("120", None, 120.0),
        (" 120 ", None, 120.0),
        ("999999999", None, 999_999_999.0),
        ("Tue, 24 Nov 2026 12:02:00 GMT", DATE, 120.0),
        ("Tuesday, 24-Nov-26 12:02:00 GMT", DATE, 120.0),
        ("Tue Nov 24 12:02:00 2026", DATE, 120.0),
        ("Tue, 24 Nov 2026 13:02:00 +0100", DATE, 120.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", DATE, 0.0),
        ("Tue, 24 Nov 2026 12:02:00 GMT", None, None),
        ("Tue, 24 Nov 2026 12:02:00 GMT", "nonsense", None),
        ("Tue, 24 Nov 99999999999999999999 12:02:00 GMT", DATE, None),
        ("Tue, 99 Nov 2026 12:02:00 GMT", DATE, None),
        ("-5", DATE, None),
        ("1.5", DATE, None),
        ("\u00b2", DATE, None),
        ("9" * 400, DATE, None),
        ("soon", DATE, None),
        ("", DATE, None),
        (None, DATE, None),
    ],
)
def test_retry_after_in_both_its_forms(
    retry_after: str | None, date: str | None, seconds: float | None
) -> None:
    headers = {"retry-after": retry_after, "date": date}
    present = {name: value for name, value in headers.items() if value is not None}

    assert read_refusal(503, present, HTML).retry_after_s == seconds


@pytest.mark.parametrize("status", [429, 503, 403])
def test_a_wait_that_google_asks_for_is_handed_on(status: int) -> None:
    content = body(status, "rateLimitExceeded")
    refusal = read_refusal(status, {"retry-after": "7"}, content)

    error = classify(refusal, sync_token=False, page_token=False)

    assert error.retry_after_s == 7.0
    assert classify_refresh(429, {"retry-after": "7"}, b"").retry_after_s == 7.0


def flat(code: str) -> bytes:
    return json.dumps({"error": code, "error_description": "Words of ya29.secret."}).encode()


REVOKED: Final = ("grant_revoked", "rejected", False)
CLIENT: Final = ("google_client_rejected", "config", False)
ACCOUNT: Final = ("google_unauthorized", "rejected", False)


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (400, flat("invalid_grant"), REVOKED),
        (400, b'{"error": "invalid_grant", "error_subtype": "invalid_rapt"}', REVOKED),
        (401, flat("invalid_client"), CLIENT),
        (400, flat("unauthorized_client"), CLIENT),
        (401, flat("unauthorized_client"), CLIENT),
        (400, flat("invalid_scope"), ACCOUNT),
        (400, flat("admin_policy_enforced"), ACCOUNT),
        (403, flat("access_denied"), ACCOUNT),
        (400, flat("invalid_request"), FAILED),
        (400, flat("unsupported_grant_type"), FAILED),
        (400, flat("words about invalid_grant"), FAILED),
        (400, b'{"error": {"message": "invalid_grant"}}', FAILED),
        (400, b'{"error": ["invalid_grant"]}', FAILED),
        (400, b"invalid_grant", FAILED),
        (400, b"[" * 100_000, FAILED),
        (400, HTML, FAILED),
        (404, HTML, FAILED),
        (503, flat("invalid_grant"), DOWN),
        (500, HTML, DOWN),
        (408, b"", DOWN),
        (429, flat("invalid_grant"), SLOW_DOWN),
    ],
)
def test_the_table_of_refused_refreshes(
    status: int, content: bytes, expected: tuple[str, str, bool]
) -> None:
    error = classify_refresh(status, {}, content)

    assert meaning(error) == expected
    assert isinstance(error, GrantRevokedError) == (expected == REVOKED)
    assert "secret" not in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (401, b""),
        (403, body(403, "insufficientPermissions")),
        (403, body(403, "accessNotConfigured")),
        (403, body(403, "forbidden")),
        (404, b""),
    ],
)
def test_whoever_can_act_is_told_how(status: int, content: bytes) -> None:
    assert refused(status, content).hint


BODIES: Final = st.one_of(
    st.binary(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "errors", "details", "reason", "status", "message"]),
                inner,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
HEADERS: Final = st.dictionaries(
    st.sampled_from(["retry-after", "date"]),
    st.text(max_size=12) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ [\d:]+ [+-]?\d*"),
)


@UNHURRIED
@given(
    status=st.integers(300, 599),
    content=BODIES,
    headers=HEADERS,
    sync_token=st.booleans(),
    page_token=st.booleans(),
)
@example(status=503, content=b"", headers={"retry-after": "²"}, sync_token=False, page_token=False)
def test_whatever_is_answered_it_is_a_known_failure_of_one_line(
    status: int, content: bytes, headers: dict[str, str], *, sync_token: bool, page_token: bool
) -> None:
    refusal = read_refusal(status, headers, content)

    for error in (
        classify(refusal, sync_token=sync_token, page_token=page_token),
        classify_refresh(status, headers, content),
    ):
        assert kind_of(error) in {Kind.FAILED, Kind.UNAVAILABLE, Kind.REJECTED, Kind.CONFIG}
        assert error.message.isprintable()
        wait = error.retry_after_s
        assert wait is None or 0 <= wait < 10**12
