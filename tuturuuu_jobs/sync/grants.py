"""An account's access token: one refresh is one request.

google-auth's own refresh repeats and sleeps by itself, knows an expiry by the machine's clock only
and keeps some answers of the token endpoint to itself. Here whoever asks for a refresh decides
whether to ask again.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode

import httplib2
from google.oauth2.credentials import Credentials
from typing_extensions import override

from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.sync.model import Tokens
from tuturuuu_jobs.sync.refusals import RECONNECT, AccountRejectedError, classify_refresh

_FORM: Final = {"content-type": "application/x-www-form-urlencoded"}


class Grant(Credentials):
    """Credentials that the client library uses and, after a 401, refreshes.

    They never expire by themselves for the library: ``tokens`` knows when they end, and who owns
    the session looks ahead.

    Attributes:
        tokens: As they are now.
    """

    def __init__(
        self,
        tokens: Tokens,
        *,
        token_url: str,
        client: tuple[str, str],
        clock: Clock,
        http: httplib2.Http,
    ) -> None:
        super().__init__(token=tokens.access_token)  # type: ignore[no-untyped-call]  # google-auth is untyped
        self.tokens = tokens
        self._url = token_url
        self._client = client
        self._clock = clock
        self._http = http

    @override
    def refresh(self, request: object) -> None:
        """Ask the token endpoint once.

        Raises:
            JobError: It refused, or gave no usable answer.
            OSError, HttpLib2Error, HTTPException: It could not be reached.
        """
        if not self.tokens.refresh_token:
            raise AccountRejectedError("the account has no refresh token", hint=RECONNECT)
        client_id, client_secret = self._client
        form = {
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": client_secret,
            "refresh_token": self.tokens.refresh_token,
        }
        response, content = cast("Any", self._http).request(
            self._url, "POST", body=urlencode(form), headers=_FORM
        )
        if response.status != 200:
            headers = {str(name).lower(): str(value) for name, value in response.items()}
            raise classify_refresh(response.status, headers, content)
        self.tokens = self._granted(content)
        self.token = self.tokens.access_token

    def _granted(self, content: bytes) -> Tokens:
        """The answer's tokens; the refresh token turns over only if the answer names one."""
        try:
            answer: Any = json.loads(content)
            return Tokens(
                access_token=_named(answer["access_token"]),
                refresh_token=_named(answer.get("refresh_token") or self.tokens.refresh_token),
                expires_at=self._end(answer.get("expires_in")),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            raise UnavailableError(
                "Google's token endpoint gave no usable answer", code="google_bad_answer"
            ) from None

    def _end(self, expires_in: object) -> datetime | None:
        """When a token given now ends; None if the answer does not say."""
        if expires_in is None:
            return None
        return self._clock.now() + timedelta(seconds=float(cast("Any", expires_in)))


def _named(token: object) -> str:
    if not isinstance(token, str) or not token:
        raise ValueError("no token")
    return token
