"""One scope of one run: read, plan and write in one transaction, again if somebody interfered.

Invariant: what is reported as committed is committed, and a scope that failed wrote nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.errors import FailedError, JobError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.scheduling import statements as sql
from tuturuuu_jobs.scheduling.apply import apply_plan, refuse_plain_text
from tuturuuu_jobs.scheduling.books import keep_books
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.digest import digest_changes, digest_inputs
from tuturuuu_jobs.scheduling.guard import finding_of, refused_deletions
from tuturuuu_jobs.scheduling.model import Scope, Snapshot
from tuturuuu_jobs.scheduling.saved import check_applied
from tuturuuu_jobs.scheduling.store import Reading, Request, load_reading
from tuturuuu_jobs.scheduling.telling import tell_changes
from tuturuuu_jobs.scheduling.work import ScheduleData, SchedulePayload, ScopeReport
from tuturuuu_jobs.scheduling.workspace import Workspace
from tuturuuu_jobs.workspaces.keys import Encryption


class MassDeleteError(FailedError):
    """More events would go than anything explains (exit 1).

    Attributes:
        plan: What was refused, with the finding that says so.
    """

    default_code = "mass_delete_refused"

    def __init__(self, message: str, plan: Plan, **details: Any) -> None:
        super().__init__(message, **details)
        self.plan = plan


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What all scopes of one run share.

    Attributes:
        plan: The planner.
        keeps_books: Whether the app wants to know of schedules.
        instant: What all scopes are planned for, if they must agree: in a dry run, or when one is
            applied. None: each is planned for the moment it is read.
    """

    payload: SchedulePayload
    workspace: Workspace
    encryption: Encryption
    plan: Callable[[Snapshot], Plan]
    keeps_books: bool
    instant: datetime | None = None

    def request(self, scope: Scope, now: datetime) -> Request:
        """What is to be read for this scope, at ``now`` unless all scopes must agree."""
        payload, when = self.payload, self.instant or now
        return Request(
            self.workspace, scope, when, payload.window_days, payload.force, self.encryption
        )


class ScopeRun:
    """One scope; write it, or only see what would be written."""

    def __init__(
        self, ctx: RunContext[ScheduleData], work: Work, scope: Scope, before: Sequence[ScopeReport]
    ) -> None:
        self._ctx = ctx
        self._work = work
        self._scope = scope
        self._before = before
        self._started = ctx.clock.monotonic()

    def write(self, done: Callable[[ScopeReport, Reading], None]) -> None:
        """Plan and commit; ``done`` is told inside the commit's shield what is committed.

        Somebody else's edit makes it plan again from fresh data.

        Raises:
            JobError: Nothing was written.
        """
        tries: Counter[str] = Counter()
        while True:
            try:
                self._write_once(tries.total(), done)
            except JobError as error:
                tries[error.code] += 1
                if tries[error.code] > _TRIES.get(error.code, 0):
                    raise
                self._ctx.log.info("%s: planning again", error.code)
            else:
                return

    def rehearse(self, overlay: Callable[[Snapshot], Snapshot]) -> tuple[ScopeReport, Reading]:
        """The report of what would be written, with what a picture of it needs.

        Args:
            overlay: Puts what earlier scopes would have written into the snapshot.

        Raises:
            JobError: It would not be written.
        """
        connection, ctx = self._ctx.connection, self._ctx
        request = self._work.request(self._scope, ctx.clock.now())
        with translated_errors(), connection.transaction():
            connection.execute(sql.ISOLATED_READ)
            reading = load_reading(connection, request)
        snapshot = overlay(reading.snapshot)
        reading = dataclasses.replace(reading, snapshot=snapshot)
        plan = self._plan(reading)
        self._check(reading, plan)
        report = dataclasses.replace(
            self._report(reading, plan),
            blockers=snapshot.blockers,
            names={habit.id: habit.name for habit in snapshot.habits}
            | {task.id: task.name for task in snapshot.tasks},
        )
        return report, reading

    def _write_once(self, replanned: int, done: Callable[[ScopeReport, Reading], None]) -> None:
        connection, ctx = self._ctx.connection, self._ctx
        request = self._work.request(self._scope, ctx.clock.now())
        with contextlib.ExitStack() as shielded, translated_errors():
            with connection.transaction():
                connection.execute(sql.ISOLATED)
                reading = load_reading(connection, request)
                plan = self._plan(reading)
                now = ctx.clock.now()
                report = dataclasses.replace(
                    self._report(reading, plan), committed=True, replanned=replanned
                )
                self._check(reading, plan)
                check_applied(self._work.payload.saved, report, plan, now)
                made = apply_plan(connection, reading, plan, now=now, new_id=self._new_id)
                tell_changes(connection, ctx.run_id, self._scope, plan, made)
                if self._work.keeps_books:
                    keep_books(connection, self._work.payload, (*self._before, report))
                shielded.enter_context(ctx.shield())
            done(dataclasses.replace(report, duration_ms=self._elapsed_ms()), reading)

    def _plan(self, reading: Reading) -> Plan:
        return self._work.plan(reading.snapshot)

    def _check(self, reading: Reading, plan: Plan) -> None:
        refuse_plain_text(reading, plan)
        refused = refused_deletions(reading.snapshot, plan)
        if refused and not self._work.payload.allow_mass_delete:
            told = dataclasses.replace(plan, findings=(*plan.findings, finding_of(refused)))
            raise MassDeleteError(
                f"{len(refused)} events would be removed without a cause; nothing was written",
                told,
                hint="look with --dry-run; if that is right, repeat with --allow-mass-delete",
            )

    def _report(self, reading: Reading, plan: Plan) -> ScopeReport:
        return ScopeReport(
            scope=self._scope,
            plan=plan,
            planned_at=reading.snapshot.now,
            inputs=digest_inputs(reading.snapshot),
            changes=digest_changes(plan),
            duration_ms=self._elapsed_ms(),
            ignored_all_day=reading.snapshot.ignored_all_day,
        )

    def _elapsed_ms(self) -> int:
        return round((self._ctx.clock.monotonic() - self._started) * 1000)

    def _new_id(self) -> UUID:
        return UUID(int=self._ctx.rng.getrandbits(128), version=4)


_TRIES: Final = {"serialization_failure": 3, "calendar_moved": 1, "database_23503": 1}
"""How often each sign of somebody else's edit makes us plan again."""
