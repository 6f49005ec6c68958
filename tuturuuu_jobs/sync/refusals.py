"""Google's refusals, sorted by what to do next.

Google says "slow down", "not allowed" and "no more today" with the same 403; the reason inside the
body decides. Sources: "Handle API errors" of the Calendar API for the API's own bodies, RFC 6749
section 5.2 for the token endpoint's.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

from tuturuuu_jobs.errors import (
    FailedError,
    JobError,
    QuotaSpentError,
    RejectedError,
    SettingsError,
    UnavailableError,
)

_SLOW_DOWN: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
_API_OFF: Final = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_SCOPE: Final = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_NOT_OUR_TOKEN: Final = frozenset({"invalid_client", "unauthorized_client"})
_ACCOUNT: Final = frozenset({"invalid_scope", "admin_policy_enforced", "access_denied"})
_TOKEN_MISUSE: Final = frozenset(
    {"syncTokenWithRequestRestrictions", "syncTokenWithNonDefaultOrdering"}
)

RECONNECT: Final = "reconnect the Google account in Tuturuuu's calendar settings"


class SyncTokenRejectedError(FailedError):
    """Google no longer takes the sync token: list the whole window instead, once."""

    default_code = "sync_token_rejected"


class PageTokenRejectedError(FailedError):
    """Google no longer takes the page token: begin this listing again, once."""

    default_code = "page_token_rejected"


class NextRunError(UnavailableError):
    """The same call may work in a later run, but trying again in this one is no use (exit 69)."""

    retryable = False


class AccessLostError(RejectedError):
    """The account cannot read the calendar any more; another account of the workspace may."""

    default_code = "calendar_forbidden"


class AccountRejectedError(AccessLostError):
    """The account as a whole is refused; its other calendars need not be asked."""

    default_code = "google_unauthorized"


class GrantRevokedError(AccountRejectedError):
    """The refresh token is dead (a parsed ``invalid_grant``); only the person can renew it."""

    default_code = "grant_revoked"


class ProjectQuotaError(QuotaSpentError):
    """The project's quota is spent; no account of the installation gets further today."""

    default_code = "daily_limit_exceeded"


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer of the API, read from its body and headers.

    Attributes:
        reason: The first ``errors[].reason``, else ``details[].reason``, else ``status``.
        about_sync_token: Whether the message or location speaks of the sync token.
        retry_after_s: What the Retry-After header asks for, in seconds.
    """

    status: int
    reason: str
    location: str
    about_sync_token: bool
    retry_after_s: float | None


def read_refusal(status: int, headers: Mapping[str, str], content: bytes) -> Refusal:
    """An error answer; a body that is no JSON (a proxy's HTML) has no reason."""
    error = _error_object(content)
    first = _first(error.get("errors"))
    reason = first.get("reason") or _first(error.get("details")).get("reason")
    reason = _word(reason or error.get("status"))
    location = str(first.get("location") or "")
    message = str(error.get("message") or first.get("message") or "")
    about = location == "syncToken" or "sync token" in message.lower()
    return Refusal(status, reason, location, about, _retry_after(headers))


def _error_object(content: bytes) -> dict[str, Any]:
    error = _error_of(content)
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}


def _error_of(content: bytes) -> object:
    """The ``error`` of a body; None if it has none or is no JSON that can be read."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None


def _word(reason: object) -> str:
    """A reason as Google spells them; anything else might be text that no message may repeat."""
    return reason if isinstance(reason, str) and re.fullmatch(r"[A-Za-z_]{1,64}", reason) else ""


def _first(values: object) -> dict[str, Any]:
    """The first object of a list that has a reason, else an empty one."""
    if not isinstance(values, list):
        return {}
    for value in cast("list[object]", values):
        if isinstance(value, dict) and "reason" in value:
            return cast("dict[str, Any]", value)
    return {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, or an HTTP date held against the answer's own Date (RFC 9110, 10.2.3)."""
    text = headers.get("retry-after")
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip()):
        return float(text)
    try:
        at, date = parsedate_to_datetime(text), parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return max(0.0, (_aware(at) - _aware(date)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def classify(refusal: Refusal, *, sync_token: bool, page_token: bool) -> JobError:
    """What an error answer means; the flags say which tokens the request carried."""
    status, reason = refusal.status, refusal.reason
    if status in {400, 410} and (refusal.about_sync_token or status == 410) and sync_token:
        if reason in _TOKEN_MISUSE:
            return FailedError(
                f"Google refused the parameters beside the sync token ({reason})",
                code="google_bad_request",
            )
        return SyncTokenRejectedError("Google no longer takes the sync token")
    if status in {400, 410} and page_token and refusal.location in {"pageToken", ""}:
        return PageTokenRejectedError("Google no longer takes the page token")
    if status == 403:
        return _classify_forbidden(refusal)
    if status == 401:
        return AccountRejectedError(
            "Google refused the access token, also after a refresh", hint=RECONNECT
        )
    if status == 404:
        return AccessLostError(
            "the calendar is gone, or no longer shared with the account",
            code="calendar_not_found",
            hint="share it again, or switch its connection off in Tuturuuu",
        )
    if status == 410:
        return FailedError("Google says that it was deleted", code="gone")
    if status in {408, 429} or status >= 500:
        code = "rate_limited" if status == 429 else "google_unavailable"
        message = f"Google answered {status}" + (f" ({reason})" if reason else "")
        return UnavailableError(message, code=code, retry_after_s=refusal.retry_after_s)
    return FailedError(
        f"Google refused the request: {status} {reason}".rstrip(), code="google_bad_request"
    )


def _classify_forbidden(refusal: Refusal) -> JobError:
    reason = refusal.reason
    if reason in _SLOW_DOWN:
        return UnavailableError(
            f"Google asks to slow down ({reason})",
            code="rate_limited",
            retry_after_s=refusal.retry_after_s,
        )
    if reason == "dailyLimitExceeded":
        return ProjectQuotaError("the Google project's daily quota is spent")
    if reason == "quotaExceeded":
        return QuotaSpentError("Google's usage limit for this calendar is spent for some hours")
    if reason in _API_OFF:
        return SettingsError(
            "the Google project of this OAuth client has no access to the Calendar API",
            code="google_api_disabled",
            subject="GOOGLE_CLIENT_ID",
            hint="enable the Google Calendar API in that project",
        )
    if reason in _SCOPE:
        return AccountRejectedError(
            "the account did not grant access to its calendars",
            code="insufficient_scope",
            hint=RECONNECT + " and tick the calendar permission",
        )
    return AccessLostError(
        "the account may not read this calendar" + (f" ({reason})" if reason else ""),
        hint="share it again, or switch its connection off in Tuturuuu",
    )


def classify_refresh(status: int, headers: Mapping[str, str], content: bytes) -> JobError:
    """What a refused token refresh means.

    Only ``invalid_grant`` says that the person must reconnect. A refused client is a fault of the
    installation and touches no account.
    """
    if status in {408, 429} or status >= 500:
        return UnavailableError(
            f"Google's token endpoint answered {status}",
            code="rate_limited" if status == 429 else "google_unavailable",
            retry_after_s=_retry_after(headers),
        )
    code = _oauth_code(content)
    if code == "invalid_grant":
        return GrantRevokedError(
            "Google no longer takes the account's refresh token",
            hint=RECONNECT + "; grants of a client in status Testing end after 7 days",
        )
    if code in _NOT_OUR_TOKEN:
        return SettingsError(
            f"Google refused this installation's OAuth client ({code})",
            code="google_client_rejected",
            subject="GOOGLE_CLIENT_ID",
            hint="check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET against the Google project",
        )
    if code in _ACCOUNT:
        return AccountRejectedError(f"Google refused to refresh the token ({code})", hint=RECONNECT)
    return FailedError(
        f"Google's token endpoint refused the request: {status} {code}".rstrip(),
        code="google_bad_request",
    )


def _oauth_code(content: bytes) -> str:
    """The ``error`` of a flat body, if it is a plain word (RFC 6749, 5.2)."""
    return _word(_error_of(content))
