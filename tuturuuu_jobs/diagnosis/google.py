"""Whether Google can be reached and takes this installation's OAuth client.

The client is tried with a refresh token that nobody has: ``invalid_grant`` then says that the
client itself is fine. No account is touched.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, Final, cast
from urllib.parse import urlsplit

import httplib2

from tuturuuu_jobs.diagnosis.findings import Finding, of_error, ok, serious, warning
from tuturuuu_jobs.errors import JobError, UnavailableError
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.settings import Settings
from tuturuuu_jobs.sync.grants import Grant
from tuturuuu_jobs.sync.model import Tokens
from tuturuuu_jobs.sync.refusals import GrantRevokedError

TIMEOUT_S: Final = 10.0
_NOBODYS_TOKEN: Final = "1//tuturuuu-jobs-doctor"  # noqa: S105 - belongs to no account, by design.
_WHY: Final = "no calendar can be read while Google does not answer this machine"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one of Google's hosts.

    Attributes:
        host: Who was asked.
        status: HTTP status; 0 if there was no HTTP answer.
        trouble: Kind of the failure below HTTP, or empty.
        error: What a refused token request means, or None.
    """

    host: str
    status: int = 0
    trouble: str = ""
    error: JobError | None = None


def ask_for_token(settings: Settings, clock: Clock) -> Answer:
    """Ask the token endpoint for what it must refuse."""
    host = urlsplit(settings.google_token_url).hostname or ""
    with contextlib.closing(_transport(host)) as http:
        grant = Grant(
            Tokens(access_token="", refresh_token=_NOBODYS_TOKEN, expires_at=None),
            token_url=settings.google_token_url,
            client=settings.require_google_client(),
            clock=clock,
            http=http,
        )
        try:
            grant.refresh(None)
        except JobError as error:
            return Answer(host, error=error)
        except (OSError, httplib2.HttpLib2Error, HTTPException) as error:
            return Answer(host, trouble=describe_trouble(error))
    return Answer(host, status=200)


def ask_api(settings: Settings) -> Answer:
    """Ask the Calendar API for something without saying who asks."""
    host = urlsplit(settings.google_api_url).hostname or ""
    url = settings.google_api_url.rstrip("/") + "/calendar/v3/users/me/calendarList"
    with contextlib.closing(_transport(host)) as http:
        try:
            response, _ = cast("Any", http).request(url, "GET")
        except (OSError, httplib2.HttpLib2Error, HTTPException) as error:
            return Answer(host, trouble=describe_trouble(error))
    return Answer(host, status=int(response.status))


def _transport(host: str) -> httplib2.Http:
    """A proxy of the environment is not asked for addresses of this machine."""
    if host in {"127.0.0.1", "localhost", "::1"}:
        return httplib2.Http(timeout=TIMEOUT_S, proxy_info=None)
    return httplib2.Http(timeout=TIMEOUT_S)


def describe_trouble(error: Exception) -> str:
    """What kept an answer away, without the text of foreign errors."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted here"
    if isinstance(error, httplib2.ServerNotFoundError | socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__


def judge_client(answer: Answer) -> Iterator[Finding]:
    """Whether the token endpoint took the client."""
    if answer.trouble:
        yield _unreachable(answer)
    elif isinstance(answer.error, GrantRevokedError):
        yield ok("google_client_accepted", f"{answer.host} takes this installation's OAuth client")
    elif isinstance(answer.error, UnavailableError):
        yield _not_serving(answer.host, answer.error.message)
    elif answer.error is not None:
        yield of_error(answer.error, why="no account's access can be refreshed with this client")
    else:
        yield warning(
            "google_token_granted",
            f"{answer.host} gave a token for a refresh token that nobody has",
            why="that is not how Google answers: something else answers in its place",
            action="check TUTURUUU_JOBS_GOOGLE_TOKEN_URL and any proxy in between",
            subject=answer.host,
        )


def judge_api(answer: Answer) -> Iterator[Finding]:
    """Whether the Calendar API is there; refusing somebody unknown is the right answer."""
    if answer.trouble:
        yield _unreachable(answer)
    elif answer.status in {401, 403}:
        yield ok("google_reachable", f"{answer.host} answers")
    elif answer.status == 429 or answer.status >= 500:
        yield _not_serving(answer.host, f"it answered {answer.status}")
    else:
        yield warning(
            "google_odd_answer",
            f"{answer.host} answered {answer.status} where 401 is expected",
            why="something else answers in Google's place",
            action="check TUTURUUU_JOBS_GOOGLE_API_URL and any proxy in between",
            subject=answer.host,
        )


def _unreachable(answer: Answer) -> Finding:
    return serious(
        "google_unreachable",
        f"{answer.host} cannot be reached: {answer.trouble}",
        why=_WHY,
        action="check name resolution, firewall, proxy variables and the certificates here",
        subject=answer.host,
    )


def _not_serving(host: str, message: str) -> Finding:
    return warning(
        "google_not_serving",
        f"{host} is there but does not serve: {message}",
        why="runs repeat their requests and end as unavailable until it serves again",
        action="look again in some minutes; https://www.google.com/appsstatus knows of outages",
        subject=host,
    )
