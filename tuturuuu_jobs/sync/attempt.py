"""One attempt at a workspace's calendars.

A known failure of one calendar or account is a value in the result and leaves the others
committed; what concerns the installation as a whole is raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from tuturuuu_jobs.errors import (
    BugError,
    DeadlineError,
    FailedError,
    JobError,
    SettingsError,
    UsageError,
)
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync import dashboard, store
from tuturuuu_jobs.sync import report as reports
from tuturuuu_jobs.sync.accounts import Accounts
from tuturuuu_jobs.sync.adoption import (
    Leftovers,
    all_accounts_active,
    find_old_rows,
    shared_area,
    sweep_leftovers,
)
from tuturuuu_jobs.sync.calendar import CalendarSync
from tuturuuu_jobs.sync.google import GoogleClient
from tuturuuu_jobs.sync.model import (
    GUEST,
    Account,
    Calendar,
    CalendarReport,
    SyncData,
    SyncPayload,
    Window,
    Workspace,
)
from tuturuuu_jobs.sync.refusals import AccessLostError
from tuturuuu_jobs.sync.routes import plan_routes
from tuturuuu_jobs.workspaces.keys import key_missing, load_encryption

_WHOLE_RUN: Final = (SettingsError, DeadlineError, BugError)


class Attempt:
    """The workspace as it is, its accounts, and what is done so far."""

    def __init__(
        self,
        google: GoogleClient,
        payload: SyncPayload,
        ctx: RunContext[SyncData],
        previous: SyncData | None,
        *,
        master_key: str | None = None,
        dry_run: bool = False,
    ) -> None:
        self._payload = payload
        self._ctx = ctx
        self._dry_run = dry_run
        self._started = ctx.clock.now()
        self._shape = store.load_shape(ctx.connection)
        self._workspace = _with_guest(
            store.load_workspace(ctx.connection, payload.ws_id, self._shape), payload
        )
        encryption = load_encryption(ctx.connection, payload.ws_id, master_key, ctx.rng.randbytes)
        if encryption.locked:
            raise key_missing(payload.ws_id)
        self._cipher = encryption.cipher
        self._accounts = Accounts(google, ctx, self._workspace.accounts, dry_run=dry_run)
        self._finished = _finished(previous)
        self._reports = list(self._finished.values())
        self._warnings = list(previous.warnings) if previous is not None else []
        self._waited_s = previous.quota_wait_s if previous is not None else 0.0
        self._old_rows = find_old_rows(ctx.connection, payload.ws_id)
        self._old_rows_swept = 0

    def run(self) -> SyncData:
        """List and commit, or preview, every calendar that is not finished.

        Raises:
            JobError: Something that concerns every calendar of the workspace.
        """
        try:
            data = self._run()
            self._accounts.return_unused()
            return data
        finally:
            self._accounts.close()

    def _run(self) -> SyncData:
        workspace = self._workspace
        self._note(*workspace.warnings)
        if not workspace.inbound_enabled:
            self._warn("inbound_disabled", "the owner has switched inbound sync off")
            return self._data()
        if not workspace.accounts:
            self._warn("no_active_account", "the workspace has no active Google account")
            return self._data()
        calendars = self._select(self._resolve(workspace.calendars))
        self._accounts.expect(routes[0].account_id for routes in calendars)
        try:
            for number, routes in enumerate(calendars):
                step = Progress(f"calendar {routes[0].calendar_id}", number, len(calendars))
                self._ctx.progress(step)
                self._sync(routes)
            if self._old_rows is not None and not self._payload.guest:
                self._sweep_old_rows(self._old_rows, calendars)
        except _WHOLE_RUN as error:
            self._write_dashboard(error)
            raise
        self._write_dashboard()
        return self._data()

    def _resolve(self, calendars: Iterable[Calendar]) -> tuple[tuple[Calendar, ...], ...]:
        """The calendars under Google's own ids, each with the accounts that can list it."""
        named: list[Calendar] = []
        for calendar in calendars:
            if calendar.calendar_id != "primary":
                named.append(calendar)
            elif _key(calendar) not in self._finished:
                try:
                    primary_id = self._primary_id(calendar.account_id)
                except JobError as error:
                    self._fail(calendar, error)
                else:
                    named.append(dataclasses.replace(calendar, calendar_id=primary_id))
        seen = store.load_roles(self._ctx.connection, self._workspace.id, self._shape)
        return plan_routes(named, seen)

    def _primary_id(self, account_id: UUID) -> str:
        try:
            return self._accounts.session(account_id).primary_id()
        finally:
            self._note(self._accounts.keep_tokens(account_id))

    def _select(self, calendars: tuple[tuple[Calendar, ...], ...]) -> list[tuple[Calendar, ...]]:
        wanted = {calendar_id.lower() for calendar_id in self._payload.calendars}
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

    def _sync(self, routes: tuple[Calendar, ...]) -> None:
        """Sync one calendar through the first account that still reaches it.

        Another account stands in only where access is lost, never where Google is merely slow or
        away: a lesser account sees less.
        """
        if _key(routes[0]) in self._finished:
            return
        lost: list[tuple[Calendar, AccessLostError]] = []
        for route in routes:
            try:
                self._sync_through(route)
            except AccessLostError as error:
                self._learn(route, error)
                lost.append((route, error))
            except JobError as error:
                self._fail(route, error)
                break
            else:
                break
        else:
            self._done(reports.failed(*lost[0]))
            return
        self._note(*(_stood_in_for(*refusal) for refusal in lost))

    def _sync_through(self, calendar: Calendar) -> None:
        account_id = calendar.account_id
        sync = CalendarSync(
            self._ctx,
            payload=self._payload,
            workspace=self._workspace,
            shape=self._shape,
            calendar=calendar,
            session=self._accounts.session(account_id),
            keep_tokens=lambda: self._note(self._accounts.keep_tokens(account_id)),
            cipher=self._cipher,
            old_rows=self._old_rows is not None,
        )
        try:
            if self._dry_run:
                self._done(sync.preview())
            else:
                sync.run(self._done)
        finally:
            self._note(self._accounts.keep_tokens(account_id))

    def _sweep_old_rows(self, began: datetime, calendars: list[tuple[Calendar, ...]]) -> None:
        """Rows under ``primary`` that no primary calendar lists any more.

        Only if every account of the workspace is active and the primary calendar of each was
        completely listed in this run; otherwise they may be of one that was not asked.
        """
        connection, workspace = self._ctx.connection, self._workspace
        listed = {_key(report): report for report in self._reports if report.absence is not None}
        if not listed or not all_accounts_active(connection, workspace.id):
            return
        primaries: dict[str, Window] = {}
        for account in workspace.accounts:
            try:
                primary_id = self._primary_id(account.id)
            except JobError as error:
                if isinstance(error, _WHOLE_RUN):
                    raise
                return
            report = listed.get(primary_id.lower())
            if report is None or report.absence is None:
                return
            primaries[report.calendar_id] = report.absence
        area = shared_area(primaries.values())
        if area is None:
            return
        outbound = any(routes[0].outbound_enabled for routes in calendars)
        claimed = [c.event_id for report in self._reports for c in report.changes or ()]
        swept, refused = sweep_leftovers(
            connection,
            workspace.id,
            Leftovers(began, area, tuple(primaries), outbound, tuple(claimed)),
            run_id=None if self._dry_run else self._ctx.run_id,
            allow_mass_delete=self._payload.allow_mass_delete,
        )
        self._old_rows_swept = swept
        if refused:
            message = f"{refused} rows under 'primary' belong to no calendar any more; they stay"
            hint = "look with full-sync --dry-run, then run full-sync --allow-mass-delete"
            self._note(Problem("old_rows_kept", message, subject=str(workspace.id), hint=hint))

    def _learn(self, calendar: Calendar, error: JobError) -> None:
        """What a failure says of its account; raise what ends the whole run."""
        if isinstance(error, _WHOLE_RUN):
            raise error
        self._note(self._accounts.note_failure(calendar.account_id, error))

    def _fail(self, calendar: Calendar, error: JobError) -> None:
        """Keep a calendar's failure as a value."""
        self._learn(calendar, error)
        self._done(reports.failed(calendar, error))

    def _done(self, report: CalendarReport) -> None:
        self._reports.append(report)
        self._ctx.checkpoint(self._data())

    def _data(self) -> SyncData:
        return SyncData(
            self._payload.ws_id,
            tuple(self._reports),
            tuple(self._warnings),
            self._old_rows_swept,
            self._waited_s + self._accounts.quota_wait_s,
        )

    def _warn(self, code: str, message: str) -> None:
        self._note(Problem(code, message, subject=str(self._payload.ws_id)))

    def _note(self, *warnings: Problem | None) -> None:
        """Keep warnings, each once however many attempts meet it."""
        self._warnings += [w for w in warnings if w is not None and w not in self._warnings]

    def _write_dashboard(self, ended_by: JobError | None = None) -> None:
        data = self._data()
        owner_id = self._workspace.owner_id
        if self._dry_run or owner_id is None:
            return
        if ended_by is None and not reports.changed_anything(data):
            return
        failures = [report.problem for report in data.calendars if report.problem is not None]
        failures += [Problem.of(ended_by)] if ended_by is not None else []
        entry = dashboard.build_entry(self._ctx.run_id, data, owner_id, self._started, failures)
        try:
            dashboard.write_dashboard(self._ctx.connection, entry)
        except JobError as error:
            message = f"the app's dashboard was not written: {error.message}"
            self._warn("dashboard_not_written", message)


def _with_guest(workspace: Workspace, payload: SyncPayload) -> Workspace:
    """The workspace as the run is about it: all of its accounts, or only the caller's.

    A stored account with the same tokens is taken as stored.

    Raises:
        FailedError: The guest's tokens are not at hand; the ledger keeps none.
    """
    if not payload.guest:
        return workspace
    if payload.tokens is None:
        raise FailedError(
            "the run was about an account whose tokens came on standard input; none are kept",
            code="tokens_not_kept",
            hint="run full-sync --payload - with the tokens again",
        )
    given = payload.tokens
    for account in workspace.accounts:
        if account.tokens.refresh_token == given.refresh_token:
            calendars = tuple(c for c in workspace.calendars if c.account_id == account.id)
            return dataclasses.replace(workspace, accounts=(account,), calendars=calendars)
    ids = payload.calendars or ("primary",)
    return dataclasses.replace(
        workspace,
        accounts=(Account(GUEST, given),),
        calendars=tuple(Calendar(GUEST, calendar_id) for calendar_id in ids),
    )


def _stood_in_for(calendar: Calendar, error: JobError) -> Problem:
    return Problem(
        "other_account_used",
        f"an account lost access ({error.code}); another one of the workspace stood in",
        subject=str(calendar.account_id),
        hint=error.hint,
    )


def _key(calendar: Calendar | CalendarReport) -> str:
    """What names a calendar within its workspace; ``primary`` is another one for each account."""
    if calendar.calendar_id == "primary":
        return f"primary of {calendar.account_id}"
    return calendar.calendar_id.lower()


def _finished(previous: SyncData | None) -> dict[str, CalendarReport]:
    """The calendars that another attempt would not change; their accounts may be gone by now."""
    if previous is None:
        return {}
    return {
        _key(report): report
        for report in previous.calendars
        if report.problem is None or not report.problem.retryable
    }
