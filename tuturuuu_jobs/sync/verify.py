"""``verify``: is the table what Google shows, and what exactly is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import cast
from uuid import UUID

from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Outcome
from tuturuuu_jobs.sync import drift as drifts
from tuturuuu_jobs.sync import store
from tuturuuu_jobs.sync.adoption import find_old_rows
from tuturuuu_jobs.sync.attempt import Attempt
from tuturuuu_jobs.sync.comparison import Comparison
from tuturuuu_jobs.sync.drift import CalendarDrift, VerifyData, VerifyPayload
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
from tuturuuu_jobs.sync.job import KEY_PREFIX, QUEUE
from tuturuuu_jobs.sync.model import Calendar, SyncData, SyncPayload
from tuturuuu_jobs.sync.reach import Failure, Reach, calendar_key, key_of
from tuturuuu_jobs.sync.staging import Staging
from tuturuuu_jobs.workspaces.keys import key_missing, load_encryption


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyJob:
    """Compares every calendar of a workspace with a fresh listing.

    Attributes:
        master_key: Opens the keys of encrypted workspaces; None if there are none.
    """

    google: GoogleClient
    master_key: str | None = dataclasses.field(default=None, repr=False)

    @property
    def name(self) -> str:
        """``verify``."""
        return "verify"

    @property
    def queue(self) -> str:
        """That of the syncs."""
        return QUEUE

    def ws_id(self, payload: VerifyPayload) -> UUID:
        """The workspace the payload names."""
        return payload.ws_id

    def concurrency_key(self, payload: VerifyPayload) -> str:
        """That of the syncs: rows must not change while they are compared."""
        return f"{KEY_PREFIX}{payload.ws_id}"

    def attempt(
        self, payload: VerifyPayload, ctx: RunContext[VerifyData], previous: VerifyData | None
    ) -> VerifyData:
        """Compare what ``previous`` could not, and mend if that was asked for.

        Raises:
            JobError: Something that concerns every calendar of the workspace.
        """
        data = _Round(self, payload, ctx, previous).run()
        if not payload.repair or all(calendar.clean for calendar in data.calendars):
            return data
        ctx.checkpoint(data)
        wanted = SyncPayload(
            payload.ws_id,
            full=True,
            calendars=payload.calendars,
            past=payload.past,
            future=payload.future,
        )
        # The mending tells nobody of its parts: the comparison is what this run is about.
        mending = cast("RunContext[SyncData]", dataclasses.replace(ctx, checkpoint=_untold))
        done = previous.repair if previous is not None else None
        mended = Attempt(self.google, wanted, mending, done, master_key=self.master_key).run()
        return dataclasses.replace(data, repair=mended)

    def preview(self, payload: VerifyPayload, ctx: RunContext[VerifyData]) -> VerifyData:
        """Compare; mend nothing."""
        return _Round(self, payload, ctx, None, dry_run=True).run()

    def conclude(self, data: VerifyData) -> Outcome:
        """How a run that found this ends."""
        return drifts.conclude(data)


def _untold(_: object) -> None:
    pass


class _Round:
    """One attempt at all calendars."""

    def __init__(
        self,
        job: VerifyJob,
        payload: VerifyPayload,
        ctx: RunContext[VerifyData],
        previous: VerifyData | None,
        *,
        dry_run: bool = False,
    ) -> None:
        connection = ctx.connection
        self._payload = payload
        self._ctx = ctx
        self._shape = store.load_shape(connection)
        self._workspace = store.load_workspace(connection, payload.ws_id, self._shape)
        encryption = load_encryption(connection, payload.ws_id, job.master_key, ctx.rng.randbytes)
        if encryption.locked:
            raise key_missing(payload.ws_id)
        self._cipher = encryption.cipher
        self._old_rows = find_old_rows(connection, payload.ws_id) is not None
        self._known = _known(previous)
        self._reports = list(self._known.values())
        warnings = previous.warnings if previous is not None else ()
        self._reach = Reach(
            job.google, ctx, self._workspace, self._shape, dry_run=dry_run, warnings=warnings
        )

    def run(self) -> VerifyData:
        try:
            if not self._reach.is_idle():
                self._run()
            self._reach.return_unused()
        finally:
            self._reach.close()
        return VerifyData(self._payload.ws_id, tuple(self._reports), tuple(self._reach.warnings))

    def _run(self) -> None:
        calendars = self._reach.calendars(self._payload.calendars, self._known, self._fail)
        for number, routes in enumerate(calendars):
            step = Progress(f"comparing {routes[0].calendar_id}", number, len(calendars))
            self._ctx.progress(step)
            if key_of(routes[0]) in self._known:
                continue
            failure = self._reach.visit(routes, self._compare)
            if failure is not None:
                self._fail(failure)

    def _fail(self, failure: Failure) -> None:
        self._reports.append(drifts.failed(*failure))

    def _compare(
        self, calendar: Calendar, session: AccountSession, keep_tokens: Callable[[], None]
    ) -> None:
        staging = Staging(
            self._ctx.connection,
            self._shape,
            self._workspace.id,
            calendar,
            run_id=self._ctx.run_id,
            cipher=self._cipher,
            old_rows=self._old_rows,
        )
        comparison = Comparison(
            self._ctx,
            self._payload,
            self._workspace,
            self._shape,
            calendar,
            session=session,
            keep_tokens=keep_tokens,
            staging=staging,
        )
        self._reports.append(comparison.run())


def _known(previous: VerifyData | None) -> dict[str, CalendarDrift]:
    """The calendars that another attempt would not change."""
    if previous is None:
        return {}
    return {
        calendar_key(calendar.calendar_id, calendar.account_id): calendar
        for calendar in previous.calendars
        if calendar.problem is None or not calendar.problem.retryable
    }
