"""``schedule``: one workspace's habits and tasks into free time, scope by scope.

A scope that fails is a value in the result and leaves the others committed; what concerns the
workspace as a whole is raised.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Final
from uuid import UUID

from tuturuuu_jobs.errors import BugError, DeadlineError, JobError, SettingsError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Outcome, Problem
from tuturuuu_jobs.scheduling import report as reports
from tuturuuu_jobs.scheduling.books import has_books, keep_books
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind, Snapshot
from tuturuuu_jobs.scheduling.overlay import with_habits
from tuturuuu_jobs.scheduling.people import load_scopes
from tuturuuu_jobs.scheduling.saved import matches, outdated
from tuturuuu_jobs.scheduling.scope_run import MassDeleteError, ScopeRun, Work
from tuturuuu_jobs.scheduling.store import Reading
from tuturuuu_jobs.scheduling.work import (
    KEY_PREFIX,
    QUEUE,
    ScheduleData,
    SchedulePayload,
    ScopeReport,
)
from tuturuuu_jobs.scheduling.workspace import load_workspace, require_readable
from tuturuuu_jobs.workspaces.keys import load_encryption

_LEISURE_S: Final = 10.0
"""With less time left nobody is kept waiting for advice."""

_WHOLE_RUN: Final = (SettingsError, DeadlineError, BugError)


def no_remedies(_snapshot: Snapshot, plan: Plan) -> Plan:
    """The plan as it is."""
    return plan


@dataclasses.dataclass(frozen=True, slots=True)
class ScheduleJob:
    """The job, with the planner that it trusts.

    Attributes:
        plan: The planner; pure.
        suggest: Adds to a plan what would help those that found no place; pure.
        master_key: Opens the keys of encrypted workspaces, if the installation has one.
    """

    plan: Callable[[Snapshot], Plan]
    suggest: Callable[[Snapshot, Plan], Plan] = no_remedies
    master_key: str | None = dataclasses.field(default=None, repr=False)

    @property
    def name(self) -> str:
        """``schedule``."""
        return "schedule"

    @property
    def queue(self) -> str:
        """Its own."""
        return QUEUE

    def ws_id(self, payload: SchedulePayload) -> UUID:
        """The workspace the payload names."""
        return payload.ws_id

    def concurrency_key(self, payload: SchedulePayload) -> str:
        """One schedule of a workspace at a time, whoever's tasks it is about."""
        return f"{KEY_PREFIX}{payload.ws_id}"

    def attempt(
        self, payload: SchedulePayload, ctx: RunContext[ScheduleData], previous: ScheduleData | None
    ) -> ScheduleData:
        """Plan and commit every scope that ``previous`` did not finish.

        Raises:
            JobError: Something that concerns the whole workspace.
        """
        attempt = _Attempt(self, payload, ctx, previous)
        if payload.saved is not None and previous is None:
            attempt.check_saved()
        return attempt.run()

    def preview(self, payload: SchedulePayload, ctx: RunContext[ScheduleData]) -> ScheduleData:
        """What :meth:`attempt` would write; nothing is written."""
        return _Attempt(self, payload, ctx, None, dry_run=True).rehearse()

    def conclude(self, data: ScheduleData) -> Outcome:
        """How a run with these scopes ends."""
        return reports.conclude(data)


class _Attempt:
    """One attempt: the workspace as it is, its scopes, and what is done so far."""

    def __init__(
        self,
        job: ScheduleJob,
        payload: SchedulePayload,
        ctx: RunContext[ScheduleData],
        previous: ScheduleData | None,
        *,
        dry_run: bool = False,
    ) -> None:
        self._job = job
        self._ctx = ctx
        self._dry_run = dry_run
        connection = ctx.connection
        require_readable(connection)
        workspace = load_workspace(connection, payload.ws_id, payload.timezone)
        encryption = load_encryption(connection, payload.ws_id, job.master_key, ctx.rng.randbytes)
        now = payload.saved.planned_at if payload.saved else ctx.clock.now()
        self._work = Work(
            payload,
            workspace,
            encryption,
            job.plan,
            keeps_books=has_books(connection),
            instant=now if dry_run or payload.saved else None,
        )
        with translated_errors():
            self._scopes = load_scopes(connection, workspace, payload.user_id, now)
        self._reports = _finished(previous)
        self._snapshots: dict[Scope, Snapshot] = {}
        self._warnings = list(previous.warnings) if previous is not None else []

    def run(self) -> ScheduleData:
        for number, scope in enumerate(self._scopes):
            if scope not in self._reports:
                self._tell(scope, number)
                self._write(scope)
        self._advise()
        return self._data()

    def rehearse(self) -> ScheduleData:
        habits: Plan | None = None
        for number, scope in enumerate(self._scopes):
            self._tell(scope, number)
            try:
                report, reading = self._see(scope, habits)
            except JobError as error:
                self._fail(scope, error)
                continue
            habits = report.plan if scope.kind is ScopeKind.HABITS else habits
            self._keep(report, reading)
        self._advise()
        return self._data()

    def check_saved(self) -> None:
        """Raise RejectedError unless every scope still is what the dry run showed."""
        saved, habits = self._work.payload.saved, None
        if saved is None or {scope.scope for scope in saved.scopes} != set(self._scopes):
            raise outdated()
        for scope in self._scopes:
            report, _ = self._see(scope, habits)
            if not matches(saved, report):
                raise outdated()
            habits = report.plan if scope.kind is ScopeKind.HABITS else habits

    def _see(self, scope: Scope, habits: Plan | None) -> tuple[ScopeReport, Reading]:
        def overlay(snapshot: Snapshot) -> Snapshot:
            return with_habits(snapshot, habits)

        return ScopeRun(self._ctx, self._work, scope, ()).rehearse(overlay)

    def _write(self, scope: Scope) -> None:
        before = tuple(self._reports.values())
        try:
            ScopeRun(self._ctx, self._work, scope, before).write(self._keep)
        except JobError as error:
            self._fail(scope, error)

    def _keep(self, report: ScopeReport, reading: Reading) -> None:
        self._snapshots[report.scope] = reading.snapshot
        self._note(*reading.warnings)
        self._done(report)

    def _advise(self) -> None:
        """Look for what would help those that found no place, now that all scopes are written."""
        for scope, snapshot in self._snapshots.items():
            plan = self._reports[scope].plan
            if plan is None or not plan.findings or self._ctx.deadline.remaining() < _LEISURE_S:
                continue
            advised = self._job.suggest(snapshot, plan)
            self._done(dataclasses.replace(self._reports[scope], plan=advised))

    def _fail(self, scope: Scope, error: JobError) -> None:
        """Keep a scope's failure as a value; raise what ends the whole run."""
        if isinstance(error, _WHOLE_RUN):
            raise error
        plan = error.plan if isinstance(error, MassDeleteError) else None
        self._done(reports.failed(scope, error, plan))
        if self._dry_run or not self._work.keeps_books:
            return
        with contextlib.suppress(JobError):
            keep_books(self._ctx.connection, self._work.payload, tuple(self._reports.values()))

    def _done(self, report: ScopeReport) -> None:
        self._reports[report.scope] = report
        if not self._dry_run:
            self._ctx.checkpoint(self._data())

    def _data(self) -> ScheduleData:
        payload, work = self._work.payload, self._work
        return ScheduleData(
            ws_id=payload.ws_id,
            window_days=payload.window_days,
            force=payload.force,
            dry_run=self._dry_run,
            zone=work.workspace.zone,
            encrypted=work.encryption.on,
            scopes=tuple(self._reports.values()),
            warnings=tuple(self._warnings),
        )

    def _note(self, *warnings: Problem) -> None:
        """Keep warnings, each once however many scopes and attempts meet it."""
        self._warnings += [warning for warning in warnings if warning not in self._warnings]

    def _tell(self, scope: Scope, number: int) -> None:
        step = scope.kind.value if scope.user_id is None else f"{scope.kind.value} {scope.user_id}"
        self._ctx.progress(Progress(step, number, len(self._scopes)))


def _finished(previous: ScheduleData | None) -> dict[Scope, ScopeReport]:
    """The scopes that another attempt would not change.

    Members' plans go around the team's habits: if those are planned again, so is everything.
    """
    reports = previous.scopes if previous is not None else ()
    again = {r.scope.kind for r in reports if r.problem is not None and r.problem.retryable}
    if ScopeKind.HABITS in again:
        return {}
    return {
        report.scope: report
        for report in reports
        if report.problem is None or not report.problem.retryable
    }
