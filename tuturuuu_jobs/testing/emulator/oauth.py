"""Accounts and the token endpoint: refresh grants, access tokens that expire, refusals."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, TOKEN_ERRORS, ApiError

SCOPE: Final = (
    "https://www.googleapis.com/auth/calendar.readonly "
    "https://www.googleapis.com/auth/calendar.events"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """What a client needs to act for somebody. The representation shows no secret.

    Attributes:
        email: The account's address, also the id of its primary calendar.
        access_token: The bearer token of the moment.
        refresh_token: The grant.
        client_id: The OAuth client that the grant belongs to.
        client_secret: That client's secret.
        expires_at: When the access token ends, by the emulator's clock.
    """

    email: str
    access_token: str = dataclasses.field(repr=False)
    refresh_token: str = dataclasses.field(repr=False)
    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    expires_at: datetime


class Authority:
    """Who may do what as whom. Not thread-safe: the emulator's lock guards it."""

    def __init__(self, seed: int, lifetime: timedelta) -> None:
        self._seed = seed
        self._minted = 0
        self.lifetime = lifetime
        self.clients: dict[str, str] = {}
        self.accounts: dict[str, Account] = {}
        self._grants: dict[str, str] = {}
        self._bearers: dict[str, tuple[str, datetime]] = {}

    def mint(self, kind: str, email: str) -> str:
        """A secret that is the same in every run with this seed, and never repeats in one."""
        self._minted += 1
        text = f"{self._seed} {self._minted} {kind} {email}"
        return f"{kind}.{hashlib.blake2b(text.encode(), digest_size=24).hexdigest()}"

    def add(
        self, email: str, now: datetime, client: tuple[str, str], refresh_token: str | None
    ) -> Account:
        """Open an account with a grant and a fresh access token."""
        self.clients[client[0]] = client[1]
        grant = refresh_token or self.mint("1//refresh", email)
        self._grants[grant] = email
        account = Account(email, self.mint("ya29", email), grant, *client, now)
        self.accounts[email] = account
        self.adopt(email, account.access_token, now)
        return self.accounts[email]

    def adopt(self, email: str, access_token: str, now: datetime) -> None:
        """Accept this text as the account's bearer token from now on."""
        expires_at = now + self.lifetime
        self._bearers[access_token] = (email, expires_at)
        self.accounts[email] = dataclasses.replace(
            self.accounts[email], access_token=access_token, expires_at=expires_at
        )

    def revoke(self, email: str) -> None:
        """Take back the grant and every access token, as a user does in the account settings."""
        self._grants = {grant: who for grant, who in self._grants.items() if who != email}
        self.expire(email)

    def expire(self, email: str) -> None:
        """End every access token of the account; the grant stays."""
        self._bearers = {text: kept for text, kept in self._bearers.items() if kept[0] != email}

    def user_of(self, authorization: str | None, now: datetime) -> str:
        """The account behind a header; ApiError 401 without a living token."""
        if not authorization:
            raise ApiError(API_ERRORS["401 required"])
        email, expires_at = self._bearers.get(authorization.removeprefix("Bearer "), ("", now))
        if not email or expires_at <= now:
            raise ApiError(API_ERRORS["401 authError"])
        return email

    def owner_of(self, refresh_token: str | None) -> str | None:
        """The account of a grant."""
        return self._grants.get(refresh_token or "")

    def refresh(self, form: Mapping[str, str], now: datetime, *, rotate: bool) -> dict[str, Any]:
        """Answer a refresh; ApiError with the flat bodies of the token endpoint."""
        if form.get("grant_type") != "refresh_token":
            raise _refused("400 unsupported_grant_type")
        if not form.get("refresh_token"):
            raise _refused("400 invalid_request")
        client_id = form.get("client_id", "")
        if client_id not in self.clients or self.clients[client_id] != form.get("client_secret"):
            raise _refused("401 invalid_client")
        email = self._grants.get(form["refresh_token"])
        if email is None:
            raise _refused("400 invalid_grant")
        if self.accounts[email].client_id != client_id:
            raise _refused("401 unauthorized_client")
        if not set(form.get("scope", "").split()) <= set(SCOPE.split()):
            raise _refused("400 invalid_scope")
        return self._granted(email, form["refresh_token"], now, rotate=rotate)

    def _granted(self, email: str, grant: str, now: datetime, *, rotate: bool) -> dict[str, Any]:
        access_token = self.mint("ya29", email)
        self.adopt(email, access_token, now)
        answer: dict[str, Any] = {
            "access_token": access_token,
            "expires_in": int(self.lifetime.total_seconds()),
            "scope": SCOPE,
            "token_type": "Bearer",
        }
        if rotate:
            del self._grants[grant]
            fresh = answer["refresh_token"] = self.mint("1//refresh", email)
            self._grants[fresh] = email
            self.accounts[email] = dataclasses.replace(self.accounts[email], refresh_token=fresh)
        return answer


def _refused(name: str) -> ApiError:
    return ApiError(TOKEN_ERRORS[name])
