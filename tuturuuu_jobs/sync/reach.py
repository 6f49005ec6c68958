"""A workspace's calendars, and the accounts that reach them.

A failure of one account is learnt here and told to the caller as a value; what concerns the
installation as a whole is raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.errors import BugError, DeadlineError, JobError, SettingsError, UsageError
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync import store
from tuturuuu_jobs.sync.accounts import Accounts
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
from tuturuuu_jobs.sync.model import Calendar, Workspace
from tuturuuu_jobs.sync.refusals import AccessLostError
from tuturuuu_jobs.sync.routes import plan_routes

WHOLE_RUN: Final = (SettingsError, DeadlineError, BugError)
"""What concerns every calendar of every workspace."""

Routes = tuple[Calendar, ...]
Failure = tuple[Calendar, JobError]
Visit = Callable[[Calendar, AccountSession, Callable[[], None]], None]
"""Work on one calendar through one account; the last argument stores refreshed tokens."""


class Reach:
    """The accounts of one attempt. Close it.

    Attributes:
        warnings: What was learnt on the way; grows.
    """

    def __init__(
        self,
        google: GoogleClient,
        ctx: RunContext[Any],
        workspace: Workspace,
        shape: store.Shape,
        *,
        dry_run: bool,
        warnings: Iterable[Problem] = (),
    ) -> None:
        self._ctx = ctx
        self._workspace = workspace
        self._shape = shape
        self._accounts = Accounts(google, ctx, workspace.accounts, dry_run=dry_run)
        self.warnings = list(warnings)
        self.note(*workspace.warnings)

    @property
    def quota_wait_s(self) -> float:
        """Seconds that requests waited for Google's quota."""
        return self._accounts.quota_wait_s

    def close(self) -> None:
        """Hang up every session."""
        self._accounts.close()

    def return_unused(self) -> None:
        """Let other runs have the requests that were not needed after all."""
        self._accounts.return_unused()

    def is_idle(self) -> bool:
        """Whether the workspace has nothing to list, which is then a warning."""
        if not self._workspace.inbound_enabled:
            self.warn("inbound_disabled", "the owner has switched inbound sync off")
        elif not self._workspace.accounts:
            self.warn(
                "no_active_account",
                "the workspace has no active Google account",
                hint="its owner reconnects one in Tuturuuu, if it is to be synced",
            )
        else:
            return False
        return True

    def calendars(
        self, only: Iterable[str], known: Container[str], fail: Callable[[Failure], None]
    ) -> list[Routes]:
        """The calendars to list under Google's own ids, each with the accounts that can do it.

        Args:
            only: Ids, if not all are wanted.
            known: Keys of calendars that need no further look (see :func:`key_of`).
            fail: Told of each account whose primary calendar could not be named.

        Raises:
            UsageError: One of the wanted calendars is not connected.
        """
        named: list[Calendar] = []
        for calendar in self._workspace.calendars:
            if calendar.calendar_id != "primary":
                named.append(calendar)
            elif key_of(calendar) not in known:
                try:
                    primary_id = self.primary_id(calendar.account_id)
                except JobError as error:
                    self._learn(calendar, error)
                    fail((calendar, error))
                else:
                    named.append(dataclasses.replace(calendar, calendar_id=primary_id))
        seen = store.load_roles(self._ctx.connection, self._workspace.id, self._shape)
        chosen = _select(plan_routes(named, seen), only)
        self._accounts.expect(routes[0].account_id for routes in chosen)
        return chosen

    def primary_id(self, account_id: UUID) -> str:
        """Google's own id of the account's primary calendar. Raises JobError."""
        try:
            return self._accounts.session(account_id).primary_id()
        finally:
            self._keep_tokens(account_id)

    def visit(self, routes: Routes, work: Visit) -> Failure | None:
        """Work on one calendar through the first account that still reaches it.

        Another account stands in only where access is lost, never where Google is merely slow or
        away: a lesser account sees less.

        Returns:
            None if it was done, else through which account it failed and why.
        """
        lost: list[Failure] = []
        for route in routes:
            try:
                self._visit(route, work)
            except AccessLostError as error:
                self._learn(route, error)
                lost.append((route, error))
            except JobError as error:
                self._learn(route, error)
                return route, error
            else:
                self.note(*(_stood_in_for(*failure) for failure in lost))
                return None
        return lost[0]

    def _visit(self, route: Calendar, work: Visit) -> None:
        account_id = route.account_id
        session = self._accounts.session(account_id)
        try:
            work(route, session, lambda: self._keep_tokens(account_id))
        finally:
            self._keep_tokens(account_id)

    def _keep_tokens(self, account_id: UUID) -> None:
        self.note(self._accounts.keep_tokens(account_id))

    def _learn(self, calendar: Calendar, error: JobError) -> None:
        """What a failure says of its account; raise what ends the whole run."""
        if isinstance(error, WHOLE_RUN):
            raise error
        self.note(self._accounts.note_failure(calendar.account_id, error))

    def warn(self, code: str, message: str, hint: str | None = None) -> None:
        """Keep a warning about the workspace."""
        self.note(Problem(code, message, subject=str(self._workspace.id), hint=hint))

    def note(self, *warnings: Problem | None) -> None:
        """Keep warnings, each once however many attempts meet it."""
        self.warnings += [w for w in warnings if w is not None and w not in self.warnings]


def key_of(calendar: Calendar) -> str:
    """What names a calendar within its workspace; ``primary`` is another one for each account."""
    return calendar_key(calendar.calendar_id, calendar.account_id)


def calendar_key(calendar_id: str, account_id: UUID) -> str:
    """As :func:`key_of`, of a calendar that is known by its ids only."""
    return f"primary of {account_id}" if calendar_id == "primary" else calendar_id.lower()


def _select(calendars: Iterable[Routes], only: Iterable[str]) -> list[Routes]:
    wanted = {calendar_id.lower() for calendar_id in only}
    if not wanted:
        return list(calendars)
    chosen = [routes for routes in calendars if routes[0].calendar_id.lower() in wanted]
    missing = wanted - {routes[0].calendar_id.lower() for routes in chosen}
    if missing:
        raise UsageError(
            "the workspace has no such calendar to sync",
            code="calendar_not_connected",
            subject=min(missing),
            hint="check --calendar against the calendars connected in Tuturuuu",
        )
    return chosen


def _stood_in_for(calendar: Calendar, error: JobError) -> Problem:
    return Problem(
        "other_account_used",
        f"an account lost access ({error.code}); another one of the workspace stood in",
        subject=str(calendar.account_id),
        hint=error.hint,
    )
