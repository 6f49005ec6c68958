"""Everything that is asked of Google, through google-api-python-client.

Requests are repeated here, under the run's one deadline and its clock, because the client's own
retry looks at neither, ignores Retry-After, and takes a cut JSON body for an answer. Tokens are
refreshed before they expire and after a 401; who owns the database stores them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.client
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import urlsplit

import google_auth_httplib2
import httplib2
from google.auth.exceptions import GoogleAuthError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tuturuuu_jobs.errors import JobError, UnavailableError
from tuturuuu_jobs.runtime import retry
from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.sync.grants import Grant
from tuturuuu_jobs.sync.items import parse_item
from tuturuuu_jobs.sync.model import Account, Page, Tokens, Traffic, Window
from tuturuuu_jobs.sync.plan import LISTING
from tuturuuu_jobs.sync.quota import Meter, Quotas
from tuturuuu_jobs.sync.refusals import NextRunError, classify, read_refusal

TRIES: Final = 5
"""How often one request is sent before its failure is the calendar's."""

REFRESH_AHEAD: Final = timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, slots=True)
class GoogleClient:
    """An OAuth client and the endpoints it talks to.

    Attributes:
        api_root: Where the APIs live, for example ``https://www.googleapis.com/``.
        timeout_s: Seconds of silence after which a request is given up; per read, not in all.
        quotas: Google's limits on requests, kept by all runs together.
    """

    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    api_root: str
    token_url: str
    timeout_s: float = 30.0
    quotas: Quotas = dataclasses.field(default_factory=Quotas)

    def open(
        self,
        account: Account,
        *,
        clock: Clock,
        rng: random.Random,
        deadline: Deadline,
        meter: Meter | None = None,
    ) -> AccountSession:
        """A session of one account; nothing is sent yet."""
        return AccountSession(self, account, clock=clock, rng=rng, deadline=deadline, meter=meter)


class AccountSession:
    """The requests of one account. Used by one thread at a time.

    Attributes:
        requests: Requests sent, repeated ones included.
        retries: Requests that were repeated.
    """

    def __init__(
        self,
        client: GoogleClient,
        account: Account,
        *,
        clock: Clock,
        rng: random.Random,
        deadline: Deadline,
        meter: Meter | None = None,
    ) -> None:
        self.requests = 0
        self.retries = 0
        self._closed = False
        self._clock = clock
        self._rng = rng
        self._deadline = deadline
        self._meter = meter
        self._blocked_s = 0.0
        transport = _transport(client.api_root, client.timeout_s)
        token_transport = _transport(client.token_url, client.timeout_s)
        self._transports = (transport, token_transport)
        self._grant = Grant(
            account.tokens,
            token_url=client.token_url,
            client=(client.client_id, client.client_secret),
            clock=clock,
            http=token_transport,
        )
        self._http = google_auth_httplib2.AuthorizedHttp(self._grant, http=transport)
        self._calendars, self._events = build_methods(client.api_root)

    @property
    def tokens(self) -> Tokens:
        """The account's tokens as they are now."""
        return self._grant.tokens

    def close(self) -> None:
        """Hang up for good, even while another thread still waits for an answer."""
        self._closed = True
        for transport in self._transports:
            _wake_reader(transport)
            transport.close()

    def traffic(self, since: Traffic, pages: int) -> Traffic:
        """What was sent since ``since`` was taken."""
        return Traffic(self.requests - since.requests, pages, self.retries - since.retries)

    def primary_id(self) -> str:
        """Google's own id of the account's primary calendar."""
        answer = self._execute(self._calendars.get(calendarId="primary", fields="id"))
        calendar_id = answer.get("id")
        if not isinstance(calendar_id, str):
            raise _bad_answer()
        return calendar_id

    def list_window(self, calendar_id: str, window: Window) -> Iterator[Page]:
        """All events of a window, page by page.

        Raises:
            PageTokenRejectedError: Begin the listing again.
            JobError: Any other refusal, or no answer within the tries and the deadline.
        """
        bounds = {"timeMin": _rfc3339(window.start), "timeMax": _rfc3339(window.end)}
        return self._pages(calendar_id, bounds)

    def list_delta(self, calendar_id: str, sync_token: str) -> Iterator[Page]:
        """All changes since a sync token, page by page; never with bounds (Google forbids it).

        Raises:
            SyncTokenRejectedError: List the window instead.
            PageTokenRejectedError: Begin the listing again.
            JobError: Any other refusal, or no answer within the tries and the deadline.
        """
        return self._pages(calendar_id, {"syncToken": sync_token})

    def is_gone(self, calendar_id: str, event_id: str) -> bool:
        """Whether Google itself says that this one event no longer exists."""
        request = self._events.get(calendarId=calendar_id, eventId=event_id, fields="id,status")
        try:
            return self._execute(request).get("status") == "cancelled"
        except JobError as error:
            if error.code in {"calendar_not_found", "gone"}:
                return True
            raise

    def _pages(self, calendar_id: str, selection: dict[str, str]) -> Iterator[Page]:
        page_token: str | None = None
        known: set[str] = set()
        while True:
            request = self._events.list(
                calendarId=calendar_id,
                prettyPrint=False,
                pageToken=page_token,
                **LISTING,
                **selection,
            )
            answer = self._execute(
                request,
                sync_token="syncToken" in selection,
                page_token=page_token is not None,
                listing=True,
            )
            page_token = _text(answer, "nextPageToken")
            yield _page(answer)
            if page_token is None:
                return
            if page_token in known:
                raise UnavailableError(
                    "Google repeated a page token; the listing would never end",
                    code="google_bad_answer",
                )
            known.add(page_token)

    def _execute(
        self,
        request: Any,
        *,
        sync_token: bool = False,
        page_token: bool = False,
        listing: bool = False,
    ) -> dict[str, Any]:
        """Send a GET until it is answered, refused, or not worth another try."""
        failures = 0
        while True:
            self._deadline.check()
            if self._meter is not None:
                self._meter.spend()
            try:
                self._refresh_if_due()
                answer = self._send(request, failures, sync_token=sync_token, page_token=page_token)
                if not listing or _is_listing(answer):
                    return answer
                raise _bad_answer()
            except UnavailableError as error:
                failures += 1
                wait = retry.with_retry_after(
                    retry.request_wait(failures, self._rng), error.retry_after_s, self._rng
                )
                wait = max(wait, self._blocked_s)
                if not error.retryable or self._closed:
                    raise
                if failures >= TRIES or not retry.fits(wait, self._deadline.remaining()):
                    raise _given_up(error) from None
            self.retries += 1
            self._clock.sleep(wait)

    def _send(
        self, request: Any, failures: int, *, sync_token: bool, page_token: bool
    ) -> dict[str, Any]:
        self.requests += 1
        self._blocked_s = 0.0
        try:
            answer = request.execute(http=self._http, num_retries=0)
        except HttpError as error:
            headers = {str(k).lower(): str(v) for k, v in error.resp.items()}
            refusal = read_refusal(error.status_code, headers, error.content)
            if self._meter is not None:
                self._blocked_s = self._meter.note(refusal, failures + 1)
            raise classify(refusal, sync_token=sync_token, page_token=page_token) from None
        except (GoogleAuthError, http.client.HTTPException, httplib2.HttpLib2Error, OSError) as e:
            message = f"no answer from Google ({type(e).__name__})"
            raise UnavailableError(message, code="google_unreachable") from None
        except (ValueError, RecursionError):
            raise _bad_answer() from None
        if not isinstance(answer, dict):
            raise _bad_answer()
        return cast("dict[str, Any]", answer)

    def _refresh_if_due(self) -> None:
        """Refresh a token that ends within five minutes; an unknown expiry waits for the 401."""
        expires_at = self.tokens.expires_at
        if expires_at is None or expires_at - self._clock.now() > REFRESH_AHEAD:
            return
        try:
            self._grant.refresh(None)
        except (http.client.HTTPException, httplib2.HttpLib2Error, OSError) as e:
            message = f"no answer from Google's token endpoint ({type(e).__name__})"
            raise UnavailableError(message, code="google_unreachable") from None


@functools.cache
def build_methods(api_root: str) -> tuple[Any, Any]:
    """The API's methods for calendars and for events, built from Google's description of it.

    That takes longer than a run with nothing to do, so they are built once per process. They hold
    no connection: each request is sent through that of its account.
    """
    service: Any = cast("Any", build)(
        "calendar",
        "v3",
        http=httplib2.Http(),
        static_discovery=True,
        client_options={"api_endpoint": api_root.rstrip("/") + "/calendar/v3/"},
    )
    return service.calendars(), service.events()


def _transport(url: str, timeout_s: float) -> httplib2.Http:
    """An HTTP client; a proxy from the environment is never used for this machine's addresses."""
    if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}:
        return httplib2.Http(timeout=timeout_s, proxy_info=None)
    return httplib2.Http(timeout=timeout_s)


def _wake_reader(transport: httplib2.Http) -> None:
    """End a read in progress: close() would wait for it, as long as the other side is silent."""
    for connection in list(transport.connections.values()):
        if connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)


def _is_listing(answer: dict[str, Any]) -> bool:
    """Whether an answer is a whole page; an empty page still names a token."""
    tokens = _text(answer, "nextPageToken") or _text(answer, "nextSyncToken")
    return isinstance(answer.get("items", []), list) and ("items" in answer or bool(tokens))


def _page(answer: dict[str, Any]) -> Page:
    role = _text(answer, "accessRole")
    return Page(
        items=tuple(parse_item(raw, role) for raw in answer.get("items", [])),
        zone_name=_text(answer, "timeZone"),
        access_role=role,
        sync_token=_text(answer, "nextSyncToken"),
        last="nextPageToken" not in answer,
    )


def _text(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    return value if isinstance(value, str) and value else None


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _given_up(error: UnavailableError) -> UnavailableError:
    """The same failure; a run that was told how long to wait must not try again sooner."""
    if error.retry_after_s is None:
        return error
    return NextRunError(error.message, code=error.code, retry_after_s=error.retry_after_s)


def _bad_answer() -> UnavailableError:
    return UnavailableError("Google's answer was cut short or no JSON", code="google_bad_answer")
