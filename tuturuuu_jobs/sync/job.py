"""``sync`` and ``full-sync``: a workspace's Google calendars into the table, one after another.

A known failure of one calendar or account is a value in the result and leaves the others
committed; what concerns the installation as a whole is raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
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
from tuturuuu_jobs.sync import dashboard, store
from tuturuuu_jobs.sync import report as reports
from tuturuuu_jobs.sync.accounts import Accounts
from tuturuuu_jobs.sync.calendar import CalendarSync
from tuturuuu_jobs.sync.google import GoogleClient
from tuturuuu_jobs.sync.model import Calendar, CalendarReport, SyncData, SyncPayload

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
    """One attempt: the workspace as it is, its accounts, and what is done so far."""

    def __init__(
        self,
        google: GoogleClient,
        payload: SyncPayload,
        ctx: RunContext[SyncData],
        previous: SyncData | None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._payload = payload
        self._ctx = ctx
        self._dry_run = dry_run
        self._started = ctx.clock.now()
        self._shape = store.load_shape(ctx.connection)
        self._workspace = store.load_workspace(ctx.connection, payload.ws_id, self._shape)
        self._accounts = Accounts(google, ctx, self._workspace.accounts, dry_run=dry_run)
        self._finished = _finished(previous)
        self._reports = list(self._finished.values())
        self._warnings = list(previous.warnings) if previous is not None else []

    def run(self) -> SyncData:
        try:
            return self._run()
        finally:
            self._accounts.close()

    def _run(self) -> SyncData:
        workspace = self._workspace
        store.refuse_unsupported(self._ctx.connection, workspace.id)
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
                self._sync(calendar)
        except _WHOLE_RUN as error:
            self._write_dashboard(error)
            raise
        self._write_dashboard()
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
        try:
            return self._accounts.session(calendar.account_id).primary_id()
        finally:
            self._note(self._accounts.keep_tokens(calendar.account_id))

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

    def _sync(self, calendar: Calendar) -> None:
        if (calendar.account_id, calendar.calendar_id) in self._finished:
            return
        account_id = calendar.account_id
        try:
            sync = CalendarSync(
                self._ctx,
                payload=self._payload,
                workspace=self._workspace,
                shape=self._shape,
                calendar=calendar,
                session=self._accounts.session(account_id),
                keep_tokens=lambda: self._note(self._accounts.keep_tokens(account_id)),
            )
            try:
                if self._dry_run:
                    self._done(sync.preview())
                else:
                    sync.run(self._done)
            finally:
                self._note(self._accounts.keep_tokens(account_id))
        except JobError as error:
            self._fail(calendar, error)

    def _fail(self, calendar: Calendar, error: JobError) -> None:
        """Keep a calendar's failure as a value; raise what ends the whole run."""
        if isinstance(error, _WHOLE_RUN):
            raise error
        self._note(self._accounts.note_failure(calendar.account_id, error))
        self._done(reports.failed(calendar, error))

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


def _finished(previous: SyncData | None) -> dict[tuple[UUID, str], CalendarReport]:
    """The calendars that another attempt would not change; their accounts may be gone by now."""
    if previous is None:
        return {}
    return {
        (report.account_id, report.calendar_id): report
        for report in previous.calendars
        if report.problem is None or not report.problem.retryable
    }
