"""One attempt at a workspace's calendars.

A known failure of one calendar or account is a value in the result and leaves the others
committed; what concerns the installation as a whole is raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime

from tuturuuu_jobs.errors import FailedError, JobError
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync import dashboard, plan, store
from tuturuuu_jobs.sync import report as reports
from tuturuuu_jobs.sync.adoption import (
    Leftovers,
    all_accounts_active,
    find_old_rows,
    sweep_leftovers,
)
from tuturuuu_jobs.sync.calendar import CalendarSync
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
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
from tuturuuu_jobs.sync.reach import WHOLE_RUN, Failure, Reach, calendar_key, key_of
from tuturuuu_jobs.workspaces.keys import key_missing, load_encryption


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
        self._finished = _finished(previous)
        self._reports = list(self._finished.values())
        warnings = previous.warnings if previous is not None else ()
        self._reach = Reach(
            google, ctx, self._workspace, self._shape, dry_run=dry_run, warnings=warnings
        )
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
            self._reach.return_unused()
            return data
        finally:
            self._reach.close()

    def _run(self) -> SyncData:
        if self._reach.is_idle():
            return self._data()
        calendars = self._reach.calendars(self._payload.calendars, self._finished, self._fail)
        try:
            for number, routes in enumerate(calendars):
                step = Progress(f"calendar {routes[0].calendar_id}", number, len(calendars))
                self._ctx.progress(step)
                if key_of(routes[0]) in self._finished:
                    continue
                failure = self._reach.visit(routes, self._sync)
                if failure is not None:
                    self._fail(failure)
            if self._old_rows is not None and not self._payload.guest:
                self._sweep_old_rows(self._old_rows, calendars)
        except WHOLE_RUN as error:
            self._write_dashboard(error)
            raise
        self._write_dashboard()
        return self._data()

    def _sync(
        self, calendar: Calendar, session: AccountSession, keep_tokens: Callable[[], None]
    ) -> None:
        sync = CalendarSync(
            self._ctx,
            payload=self._payload,
            workspace=self._workspace,
            shape=self._shape,
            calendar=calendar,
            session=session,
            keep_tokens=keep_tokens,
            cipher=self._cipher,
            old_rows=self._old_rows is not None,
        )
        if self._dry_run:
            self._done(sync.preview())
        else:
            sync.run(self._done)

    def _fail(self, failure: Failure) -> None:
        """Keep a calendar's failure as a value."""
        self._done(reports.failed(*failure))

    def _sweep_old_rows(self, began: datetime, calendars: list[tuple[Calendar, ...]]) -> None:
        """Rows under ``primary`` that no primary calendar lists any more.

        Only if every account of the workspace is active and the primary calendar of each was
        completely listed in this run; otherwise they may be of one that was not asked.
        """
        connection, workspace = self._ctx.connection, self._workspace
        listed = {r.calendar_id.lower(): r for r in self._reports if r.absence is not None}
        if not listed or not all_accounts_active(connection, workspace.id):
            return
        primaries: dict[str, Window] = {}
        for account in workspace.accounts:
            try:
                primary_id = self._reach.primary_id(account.id)
            except JobError as error:
                if isinstance(error, WHOLE_RUN):
                    raise
                return
            report = listed.get(primary_id.lower())
            if report is None or report.absence is None:
                return
            primaries[report.calendar_id] = report.absence
        area = plan.shared_area(primaries.values())
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
            self._reach.warn(
                "old_rows_kept",
                f"{refused} rows under 'primary' belong to no calendar any more; they stay",
                "look with full-sync --dry-run, then run full-sync --allow-mass-delete",
            )

    def _done(self, report: CalendarReport) -> None:
        self._reports.append(report)
        self._ctx.checkpoint(self._data())

    def _data(self) -> SyncData:
        return SyncData(
            self._payload.ws_id,
            tuple(self._reports),
            tuple(self._reach.warnings),
            self._old_rows_swept,
            self._waited_s + self._reach.quota_wait_s,
        )

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
            self._reach.warn("dashboard_not_written", message)


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


def _finished(previous: SyncData | None) -> dict[str, CalendarReport]:
    """The calendars that another attempt would not change; their accounts may be gone by now."""
    if previous is None:
        return {}
    return {
        calendar_key(report.calendar_id, report.account_id): report
        for report in previous.calendars
        if report.problem is None or not report.problem.retryable
    }
