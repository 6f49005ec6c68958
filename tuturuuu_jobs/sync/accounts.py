"""The accounts of one attempt: a session each, and what is learnt of them written back.

Refreshed tokens are stored as soon as somebody asks; a dead grant is marked once; an account that
Google refused is not asked again.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.errors import CheckViolation

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
from tuturuuu_jobs.sync.model import Account, SyncData, Tokens
from tuturuuu_jobs.sync.prefetch import ask_owner
from tuturuuu_jobs.sync.quota import Meter, open_meter
from tuturuuu_jobs.sync.refusals import AccountRejectedError, GrantRevokedError, ProjectQuotaError


class Accounts:
    """Every account of the workspace, its session opened when first used."""

    def __init__(
        self,
        google: GoogleClient,
        ctx: RunContext[SyncData],
        accounts: Iterable[Account],
        *,
        dry_run: bool,
    ) -> None:
        self._google = google
        self._ctx = ctx
        self._dry_run = dry_run
        self._expected = Counter[UUID]()
        self._meters: dict[UUID, Meter] = {}
        self._accounts = {account.id: account for account in accounts}
        self._sessions: dict[UUID, AccountSession] = {}
        self._refused: dict[UUID, JobError] = {}
        self._stopped: JobError | None = None

    def session(self, account_id: UUID) -> AccountSession:
        """The account's session.

        Raises:
            JobError: Google refused the account, or the whole project, earlier in this attempt.
        """
        known = self._stopped or self._refused.get(account_id)
        if known is not None:
            raise known
        if account_id not in self._sessions:
            ctx, account = self._ctx, self._accounts[account_id]
            self._sessions[account_id] = self._google.open(
                account,
                clock=ctx.clock,
                rng=ctx.rng,
                deadline=ctx.deadline,
                meter=self._meter(account),
            )
        return self._sessions[account_id]

    @property
    def quota_wait_s(self) -> float:
        """Seconds that requests waited for Google's quota."""
        return sum(meter.waited_s for meter in self._meters.values())

    def expect(self, account_ids: Iterable[UUID]) -> None:
        """Whose requests come next, one for each calendar in which nothing has changed."""
        self._expected.update(account_ids)

    def return_unused(self) -> None:
        """Let other runs have the requests that these accounts did not need after all."""
        for meter in self._meters.values():
            meter.close()

    def _meter(self, account: Account) -> Meter | None:
        meter = open_meter(
            self._google.quotas,
            self._google.client_id,
            account,
            self._ctx,
            ask=ask_owner,
            expected=self._expected[account.id],
            shared=not self._dry_run,
        )
        if meter is not None:
            self._meters[account.id] = meter
        return meter

    def close(self) -> None:
        """Hang up every session."""
        for session in self._sessions.values():
            session.close()

    def note_failure(self, account_id: UUID, error: JobError) -> Problem | None:
        """Remember what an error says of the account or the project; a warning if that fails.

        A dead grant marks the account inactive, unless this is a preview.
        """
        if isinstance(error, ProjectQuotaError):
            self._stopped = error
        if not isinstance(error, AccountRejectedError) or account_id in self._refused:
            return None
        self._refused[account_id] = error
        account = self._accounts[account_id]
        if isinstance(error, GrantRevokedError) and not (self._dry_run or account.guest):
            return _deactivate(self._ctx.connection, account)
        return None

    def keep_tokens(self, account_id: UUID) -> Problem | None:
        """Store what was refreshed; a preview stores only a refresh token that was replaced.

        Returns:
            A warning if it could not be stored; the session goes on with it in memory.
        """
        account, session = self._accounts[account_id], self._sessions.get(account_id)
        if session is None or account.guest:
            return None
        old, new = account.tokens, session.tokens
        if new == old or (self._dry_run and new.refresh_token == old.refresh_token):
            return None
        self._accounts[account_id] = dataclasses.replace(account, tokens=new)
        try:
            return _store_tokens(self._ctx.connection, account, new)
        except JobError as error:
            return Problem("tokens_not_stored", error.message, subject=str(account_id))


_KEEP_TOKENS: Final[LiteralString] = """
update public.calendar_auth_tokens
set access_token = %(access)s, refresh_token = %(refresh)s, expires_at = %(expires)s
where id = %(account)s and access_token = %(old_access)s and refresh_token = %(old_refresh)s
"""


def _store_tokens(
    connection: psycopg.Connection[Any], account: Account, tokens: Tokens
) -> Problem | None:
    """Write refreshed tokens back, unless somebody else changed them first (theirs are as good).

    Returns:
        A warning if the table cannot hold them; the run goes on with those in memory.
    """
    values = {
        "account": account.id,
        "access": tokens.access_token,
        "refresh": tokens.refresh_token,
        "expires": tokens.expires_at,
        "old_access": account.tokens.access_token,
        "old_refresh": account.tokens.refresh_token,
    }
    return _update_account(connection, _KEEP_TOKENS, values, account)


_DEACTIVATE: Final[LiteralString] = """
update public.calendar_auth_tokens set is_active = false
where id = %(account)s and is_active and refresh_token = %(refused)s
"""


def _deactivate(connection: psycopg.Connection[Any], account: Account) -> Problem | None:
    """Mark an account whose grant is dead, unless it was reconnected meanwhile."""
    values = {"account": account.id, "refused": account.tokens.refresh_token}
    return _update_account(connection, _DEACTIVATE, values, account)


def _update_account(
    connection: psycopg.Connection[Any],
    statement: LiteralString,
    values: dict[str, Any],
    account: Account,
) -> Problem | None:
    """A row that already breaks the table's length limits refuses every update."""
    with translated_errors():
        try:
            connection.execute(statement, values)
        except CheckViolation:
            return Problem(
                "account_not_updated",
                "the account's row is over the table's limits and could not be updated",
                subject=str(account.id),
                hint="tokens over 2048 characters do not fit calendar_auth_tokens",
            )
    return None
