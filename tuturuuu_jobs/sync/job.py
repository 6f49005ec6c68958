"""``sync`` and ``full-sync``: a workspace's Google calendars into the table, one after another.

A known failure of one calendar or account is a value in the result and leaves the others
committed; what concerns the installation as a whole is raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
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
from tuturuuu_jobs.runtime.outcome import Outcome, Problem
from tuturuuu_jobs.sync import report as reports
from tuturuuu_jobs.sync import store
from tuturuuu_jobs.sync.calendar import CalendarSync
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
from tuturuuu_jobs.sync.model import (
    Account,
    Calendar,
    CalendarReport,
    Mode,
    SyncData,
    SyncPayload,
    Workspace,
)
from tuturuuu_jobs.sync.refusals import AccountRejectedError, GrantRevokedError, ProjectQuotaError

QUEUE: Final = "calendar-sync"
KEY_PREFIX: Final = "google-calendar-sync-"

_WHOLE_RUN: Final = (SettingsError, DeadlineError, BugError)


@dataclasses.dataclass(frozen=True, slots=True)
class SyncJob:
    """Both jobs; ``full-sync`` is a payload that asks for the whole window."""

    google: GoogleClient
    full: bool = False

    @property
    def name(self) -> str:
        """``sync`` or ``full-sync``."""
        return "full-sync" if self.full else "sync"

    @property
    def queue(self) -> str:
        """The queue that both share."""
        return QUEUE

    def ws_id(self, payload: SyncPayload) -> UUID:
        """The workspace the payload names."""
        return payload.ws_id

    def concurrency_key(self, payload: SyncPayload) -> str:
        """Both jobs write the same rows, so they share the key."""
        return f"{KEY_PREFIX}{payload.ws_id}"

    def attempt(
        self, payload: SyncPayload, ctx: RunContext[SyncData], previous: SyncData | None
    ) -> SyncData:
        """List and commit every calendar that ``previous`` did not finish.

        Raises:
            JobError: Something that concerns every calendar of the workspace.
        """
        return _Attempt(self.google, payload, ctx, previous).run()

    def preview(self, payload: SyncPayload, ctx: RunContext[SyncData]) -> SyncData:
        """What :meth:`attempt` would write; only a rotated refresh token is stored."""
        return _Attempt(self.google, payload, ctx, None, dry_run=True).run()

    def conclude(self, data: SyncData) -> Outcome:
        """How a run with these calendars ends."""
        return reports.conclude(data)


class _Attempt:
    """The state of one attempt: sessions, what is done, what need not be asked any more."""

    def __init__(
        self,
        google: GoogleClient,
        payload: SyncPayload,
        ctx: RunContext[SyncData],
        previous: SyncData | None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._google = google
        self._payload = payload
        self._ctx = ctx
        self._dry_run = dry_run
        self._started = ctx.clock.now()
        self._shape = store.load_shape(ctx.connection)
        self._sessions: dict[UUID, AccountSession] = {}
        self._accounts: dict[UUID, Account] = {}
        self._refused: dict[UUID, JobError] = {}
        self._stopped: JobError | None = None
        self._finished = _finished(previous)
        self._reports = list(self._finished.values())
        self._warnings = list(previous.warnings) if previous is not None else []

    def run(self) -> SyncData:
        try:
            return self._run()
        finally:
            for session in self._sessions.values():
                session.close()

    def _run(self) -> SyncData:
        workspace = store.load_workspace(self._ctx.connection, self._payload.ws_id, self._shape)
        store.refuse_unsupported(self._ctx.connection, workspace.id)
        self._accounts = {account.id: account for account in workspace.accounts}
        self._note(*workspace.warnings)
        if not workspace.inbound_enabled:
            self._warn("inbound_disabled", "the owner has switched inbound sync off")
            return self._data()
        if not workspace.accounts:
            self._warn("no_active_account", "the workspace has no active Google account")
            return self._data()
        calendars = self._select(self._resolve(workspace.calendars))
        try:
            for number, calendar in enumerate(calendars):
                step = Progress(f"calendar {calendar.calendar_id}", number, len(calendars))
                self._ctx.progress(step)
                self._sync(workspace, calendar)
        except _WHOLE_RUN as error:
            self._write_dashboard(workspace, error)
            raise
        self._write_dashboard(workspace)
        return self._data()

    def _resolve(self, calendars: Iterable[Calendar]) -> list[Calendar]:
        """The calendars under Google's own ids; an account may name its primary one twice."""
        resolved: dict[tuple[UUID, str], Calendar] = {}
        for calendar in calendars:
            named = calendar
            if calendar.calendar_id == "primary":
                if (calendar.account_id, "primary") in self._finished:
                    continue
                try:
                    named = dataclasses.replace(calendar, calendar_id=self._primary_id(calendar))
                except JobError as error:
                    self._fail(calendar, error)
                    continue
            resolved.setdefault((named.account_id, named.calendar_id.lower()), named)
        owners: dict[str, UUID] = {}
        for account_id, calendar_id in resolved:
            if owners.setdefault(calendar_id, account_id) != account_id:
                raise FailedError(
                    "two accounts of the workspace have this calendar connected",
                    code="shared_calendar_unsupported",
                    subject=calendar_id,
                    hint="switch one of the two connections off; nothing was written",
                )
        return list(resolved.values())

    def _primary_id(self, calendar: Calendar) -> str:
        known = self._stopped or self._refused.get(calendar.account_id)
        if known is not None:
            raise known
        session = self._session(calendar)
        try:
            return session.primary_id()
        finally:
            self._keep_tokens(calendar.account_id, session)

    def _select(self, calendars: list[Calendar]) -> list[Calendar]:
        wanted = {calendar_id.lower() for calendar_id in self._payload.calendars}
        if not wanted:
            return calendars
        chosen = [c for c in calendars if c.calendar_id.lower() in wanted]
        missing = wanted - {c.calendar_id.lower() for c in chosen}
        if missing:
            raise UsageError(
                "the workspace has no such calendar to sync",
                code="calendar_not_connected",
                subject=min(missing),
                hint="check --calendar against the calendars connected in Tuturuuu",
            )
        return chosen

    def _sync(self, workspace: Workspace, calendar: Calendar) -> None:
        if (calendar.account_id, calendar.calendar_id) in self._finished:
            return
        known = self._stopped or self._refused.get(calendar.account_id)
        if known is not None:
            self._fail(calendar, known)
            return
        try:
            session = self._session(calendar)
            sync = CalendarSync(
                self._ctx,
                payload=self._payload,
                workspace=workspace,
                shape=self._shape,
                calendar=calendar,
                session=session,
                keep_tokens=lambda: self._keep_tokens(calendar.account_id, session),
            )
            try:
                if self._dry_run:
                    self._done(sync.preview())
                else:
                    sync.run(self._done)
            finally:
                self._keep_tokens(calendar.account_id, session)
        except JobError as error:
            self._fail(calendar, error)

    def _session(self, calendar: Calendar) -> AccountSession:
        account_id, ctx = calendar.account_id, self._ctx
        if account_id not in self._sessions:
            self._sessions[account_id] = self._google.open(
                self._accounts[account_id], clock=ctx.clock, rng=ctx.rng, deadline=ctx.deadline
            )
        return self._sessions[account_id]

    def _fail(self, calendar: Calendar, error: JobError) -> None:
        """Keep a calendar's failure as a value; raise what ends the whole run."""
        if isinstance(error, _WHOLE_RUN):
            raise error
        if isinstance(error, ProjectQuotaError):
            self._stopped = error
        if isinstance(error, AccountRejectedError):
            self._refuse(calendar.account_id, error)
        self._done(reports.failed(calendar, error))

    def _refuse(self, account_id: UUID, error: AccountRejectedError) -> None:
        if account_id in self._refused:
            return
        self._refused[account_id] = error
        if isinstance(error, GrantRevokedError) and not self._dry_run:
            warning = store.deactivate_account(self._ctx.connection, self._accounts[account_id])
            self._note(warning)

    def _keep_tokens(self, account_id: UUID, session: AccountSession) -> None:
        """Store what was refreshed; a preview stores only a refresh token that was replaced."""
        account = self._accounts[account_id]
        old, new = account.tokens, session.tokens
        if new == old or (self._dry_run and new.refresh_token == old.refresh_token):
            return
        self._accounts[account_id] = dataclasses.replace(account, tokens=new)
        try:
            warning = store.store_tokens(self._ctx.connection, account, new)
        except JobError as error:
            warning = Problem("tokens_not_stored", error.message, subject=str(account_id))
        self._note(warning)

    def _done(self, report: CalendarReport) -> None:
        self._reports.append(report)
        self._ctx.checkpoint(self._data())

    def _data(self) -> SyncData:
        return SyncData(self._payload.ws_id, tuple(self._reports), tuple(self._warnings))

    def _warn(self, code: str, message: str) -> None:
        self._note(Problem(code, message, subject=str(self._payload.ws_id)))

    def _note(self, *warnings: Problem | None) -> None:
        """Keep warnings, each once however many attempts meet it."""
        self._warnings += [w for w in warnings if w is not None and w not in self._warnings]

    def _write_dashboard(self, workspace: Workspace, ended_by: JobError | None = None) -> None:
        data = self._data()
        if self._dry_run or workspace.owner_id is None:
            return
        if ended_by is None and not reports.changed_anything(data):
            return
        failures = [report.problem for report in data.calendars if report.problem is not None]
        failures += [Problem.of(ended_by)] if ended_by is not None else []
        entry = _dashboard_entry(
            self._ctx.run_id, data, workspace.owner_id, self._started, failures
        )
        try:
            store.write_dashboard(self._ctx.connection, entry)
        except JobError as error:
            message = f"the app's dashboard was not written: {error.message}"
            self._warn("dashboard_not_written", message)


def _finished(previous: SyncData | None) -> dict[tuple[UUID, str], CalendarReport]:
    """The calendars that another attempt would not change; their accounts may be gone by now."""
    if previous is None:
        return {}
    return {
        (report.account_id, report.calendar_id): report
        for report in previous.calendars
        if report.problem is None or not report.problem.retryable
    }


def _dashboard_entry(
    run_id: UUID, data: SyncData, owner_id: UUID, started: datetime, failures: Sequence[Problem]
) -> store.DashboardEntry:
    counts = [report.counts for report in data.calendars]
    traffic = [report.traffic for report in data.calendars]
    return store.DashboardEntry(
        id=run_id,
        ws_id=data.ws_id,
        triggered_by=owner_id,
        start_time=started,
        status="failed" if failures else "completed",
        inserted=sum(c.inserted for c in counts),
        updated=sum(c.updated for c in counts),
        deleted=sum(c.deleted for c in counts) + sum(r.swept for r in data.calendars),
        fetched=sum(c.fetched for c in counts),
        filtered_out=sum(sum(c.skipped.values()) for c in counts),
        requests=sum(t.requests for t in traffic),
        pages=sum(t.pages for t in traffic),
        retries=sum(t.retries for t in traffic),
        calendars=[report.calendar_id for report in data.calendars if report.committed],
        token_used=any(report.mode is Mode.INCREMENTAL for report in data.calendars),
        error_message=failures[0].message if failures else None,
        error_type=failures[0].code if failures else None,
    )
