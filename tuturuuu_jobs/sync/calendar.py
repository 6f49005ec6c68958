"""One calendar from its stored state to its committed transaction.

Read pages, plan each, stage what changes, and apply everything at once; nothing is written before
the listing is complete. Invariant: no transaction is open while Google is asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tuturuuu_jobs.runtime.database import statement_timeout
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.outcome import Kind, Problem
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.google import AccountSession
from tuturuuu_jobs.sync.model import (
    Calendar,
    CalendarReport,
    Decision,
    Mode,
    SyncPayload,
    Traffic,
    Verdict,
    Window,
    Workspace,
)
from tuturuuu_jobs.sync.reading import Reader
from tuturuuu_jobs.sync.refusals import (
    NextRunError,
    PageTokenRejectedError,
    SyncTokenRejectedError,
)
from tuturuuu_jobs.sync.report import count
from tuturuuu_jobs.sync.routes import may_sweep
from tuturuuu_jobs.sync.staging import Applied, Commit, Staging
from tuturuuu_jobs.sync.store import Shape, load_state
from tuturuuu_jobs.workspaces.encryption import WorkspaceCipher

MAX_NAMED: Final = 100
"""How many rejected events a report names; the count is exact all the same."""
CONFIRM: Final = 5
"""How many missing events Google is asked about when a listing is suddenly empty."""


class CalendarSync:
    """The work on one calendar within one attempt."""

    def __init__(
        self,
        ctx: RunContext[Any],
        *,
        payload: SyncPayload,
        workspace: Workspace,
        shape: Shape,
        calendar: Calendar,
        session: AccountSession,
        keep_tokens: Callable[[], None],
        cipher: WorkspaceCipher | None,
        old_rows: bool,
    ) -> None:
        self._ctx = ctx
        self._payload = payload
        self._workspace = workspace
        self._calendar = calendar
        self._session = session
        self._shape = shape
        self._staging = Staging(
            ctx.connection,
            shape,
            workspace.id,
            calendar,
            run_id=ctx.run_id,
            cipher=cipher,
            old_rows=old_rows,
        )
        self._before = Traffic(session.requests, 0, session.retries)
        self._reader = Reader(ctx, workspace, calendar, self._staging, keep_tokens)

    def run(self, done: Callable[[CalendarReport], None]) -> None:
        """List, plan and commit. ``done`` is told inside the commit's shield what is committed.

        Raises:
            JobError: The calendar could not be listed or written; nothing was written.
        """
        listed = self._list_twice_at_most()
        commit = self._prepare(listed)
        with contextlib.ExitStack() as shielded, self._unhurried(commit):
            applied = self._staging.apply(
                commit, lambda: shielded.enter_context(self._ctx.shield())
            )
            done(self._report(listed, applied))

    def _unhurried(self, commit: Commit) -> contextlib.AbstractContextManager[None]:
        """Statements about events may use the whole deadline; a token alone takes no time."""
        if self._staging.is_empty and commit.area is None:
            return contextlib.nullcontext()
        return statement_timeout(self._ctx.connection, self._ctx.deadline)

    def preview(self) -> CalendarReport:
        """What :meth:`run` would do, with every change and its reason."""
        self._reader.remember()
        listed = self._list_twice_at_most()
        refused = self._staging.refused_sweep(self._prepare(listed))
        swept: list[str] = []
        if listed.area is not None and not refused:
            swept = self._staging.sweep_ids(listed.area)
        changes = [
            *(self._reader.changes or ()),
            *(Decision(i, Verdict.DELETE, plan.NOT_LISTED, None, living=False) for i in swept),
        ]
        applied = Applied(0, 0, 0, len(swept), refused, self._staging.verdicts())
        report = self._report(listed, applied, written=False)
        return dataclasses.replace(report, committed=False, changes=tuple(changes))

    def _list_twice_at_most(self) -> _Listed:
        """A page token that is refused starts the listing over, once."""
        try:
            return self._list()
        except PageTokenRejectedError:
            return self._list()

    def _list(self) -> _Listed:
        calendar, payload = self._calendar, self._payload
        self._reader.forget()
        state = load_state(self._ctx.connection, self._workspace.id, calendar, self._shape)
        now = self._ctx.clock.now()
        why = plan.why_full(payload, state, now)
        token: str | None = None
        if why is None and state.token is not None:
            window = plan.delta_window(payload, state, now)
            try:
                pages = self._session.list_delta(calendar.calendar_id, state.token)
                token = self._reader.read(pages, window)
            except SyncTokenRejectedError:
                why = "sync_token_rejected"
                self._reader.forget()
            else:
                tally = self._reader.tally
                orphaned = self._staging.is_orphaning(tally.unknown)
                why = plan.why_escalate(tally.cancelled_series, orphaned=orphaned)
                if why is not None:
                    self._reader.keep_tombstones()
        if why is None:
            return _Listed(Mode.INCREMENTAL, None, state.token, token)
        window = plan.listing_window(payload, state, now)
        return self._list_window(why, state.token, window)

    def _list_window(self, why: str, old_token: str | None, window: Window) -> _Listed:
        """The whole window, and then at once what changed while it was listed."""
        calendar_id = self._calendar.calendar_id
        before = self._reader.tally.fetched
        self._staging.begin_window()
        token = self._reader.read(self._session.list_window(calendar_id, window), window)
        nothing = self._reader.tally.fetched == before
        if token is None:
            return _Listed(Mode.FULL, why, old_token, None)
        try:
            token = self._reader.read(self._session.list_delta(calendar_id, token), window) or token
        except SyncTokenRejectedError:
            raise NextRunError(
                "Google refused the sync token it had just given",
                code="sync_token_refused",
                subject=calendar_id,
            ) from None
        sweepable = may_sweep(self._calendar, self._reader.tally.access_role)
        area = plan.sweep_area(window) if sweepable and self._calendar.delete_enabled else None
        return _Listed(Mode.FULL, why, old_token, token, window.end, area, nothing)

    def _prepare(self, listed: _Listed) -> Commit:
        """Everything the transaction needs to know; an empty listing is doubted here."""
        commit = Commit(
            old_token=listed.old_token,
            new_token=listed.new_token,
            edge=listed.edge,
            area=listed.area,
            allow_mass_delete=self._payload.allow_mass_delete,
            listed_nothing=listed.nothing,
            role=self._reader.tally.access_role,
        )
        if listed.area is None or not listed.nothing:
            return commit
        missing = self._staging.sweep_ids(listed.area, limit=CONFIRM)
        calendar_id = self._calendar.calendar_id
        confirmed = all(self._session.is_gone(calendar_id, event_id) for event_id in missing)
        return dataclasses.replace(commit, confirmed=confirmed)

    def _report(self, listed: _Listed, applied: Applied, *, written: bool = True) -> CalendarReport:
        tally = self._reader.tally
        counts = count(
            applied.verdicts,
            fetched=tally.fetched,
            repeated=tally.repeated,
            nameless=len(tally.nameless),
            written=(applied.inserted, applied.updated, applied.deleted) if written else None,
        )
        problem = self._problem(listed, applied)
        rejected = self._staging.rejected(MAX_NAMED) if counts.rejected else ()
        return CalendarReport(
            calendar_id=self._calendar.calendar_id,
            account_id=self._calendar.account_id,
            mode=listed.mode,
            why_full=listed.why_full,
            counts=counts,
            swept=applied.swept,
            sweep_refused=applied.sweep_refused,
            rejected=(*rejected, *tally.nameless)[:MAX_NAMED],
            kind=Kind.PARTIAL if problem else Kind.SUCCEEDED,
            problem=problem,
            committed=True,
            traffic=self._session.traffic(self._before, tally.pages),
            absence=None if problem or listed.nothing else listed.area,
        )

    def _problem(self, listed: _Listed, applied: Applied) -> Problem | None:
        subject = self._calendar.calendar_id
        if listed.new_token is None:
            return Problem(
                "sync_token_missing",
                "Google gave no usable sync token at the end of the listing",
                subject=subject,
                hint="nothing is lost: the next run begins where this one began",
            )
        if applied.sweep_refused:
            return Problem(
                "mass_delete_refused",
                f"{applied.sweep_refused} rows are missing from the complete listing; "
                "so many are not deleted unasked",
                subject=subject,
                hint="look with full-sync --dry-run, then run full-sync --allow-mass-delete",
            )
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class _Listed:
    """A complete listing: where its token and its proof of absence reach."""

    mode: Mode
    why_full: str | None
    old_token: str | None = dataclasses.field(repr=False)
    new_token: str | None = dataclasses.field(repr=False)
    edge: datetime | None = None
    area: Window | None = None
    nothing: bool = False
