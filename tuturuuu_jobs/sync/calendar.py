"""One calendar from its stored state to its committed transaction.

Read pages, plan each, stage what changes, and apply everything at once; nothing is written before
the listing is complete. Invariant: no transaction is open while Google is asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.runtime.database import statement_timeout
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Kind, Problem
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.google import AccountSession
from tuturuuu_jobs.sync.model import (
    Calendar,
    CalendarReport,
    Decision,
    Mode,
    Page,
    Rejected,
    SkipReason,
    SyncPayload,
    Traffic,
    Verdict,
    Window,
    Workspace,
)
from tuturuuu_jobs.sync.prefetch import prefetched
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
MAX_SYNC_TOKEN: Final = 2048
CONFIRM: Final = 5
"""How many missing events Google is asked about when a listing is suddenly empty."""

_WRITES: Final = frozenset({Verdict.INSERT, Verdict.UPDATE, Verdict.DELETE})


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
        self._keep_tokens = keep_tokens
        self._payload = payload
        self._workspace = workspace
        self._calendar = calendar
        self._session = session
        self._shape = shape
        self._encrypted = cipher is not None
        self._staging = Staging(
            ctx.connection, shape, workspace.id, calendar, cipher=cipher, old_rows=old_rows
        )
        self._before = Traffic(session.requests, 0, session.retries)
        self._reading = _Reading()
        self._changes: list[Decision] | None = None

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
        self._changes = []
        listed = self._list_twice_at_most()
        refused = self._staging.refused_sweep(self._prepare(listed))
        swept: list[str] = []
        if listed.area is not None and not refused:
            swept = self._staging.sweep_ids(listed.area)
        self._changes += [
            Decision(event_id, Verdict.DELETE, "not in the complete listing", None, living=False)
            for event_id in swept
        ]
        applied = Applied(0, 0, 0, len(swept), refused, self._staging.verdicts())
        report = self._report(listed, applied, written=False)
        return dataclasses.replace(report, committed=False, changes=tuple(self._changes))

    def _list_twice_at_most(self) -> _Listed:
        """A page token that is refused starts the listing over, once."""
        try:
            return self._list()
        except PageTokenRejectedError:
            return self._list()

    def _list(self) -> _Listed:
        calendar, payload = self._calendar, self._payload
        self._forget()
        state = load_state(self._ctx.connection, self._workspace.id, calendar, self._shape)
        now = self._ctx.clock.now()
        why = plan.why_full(payload, state, now)
        token: str | None = None
        if why is None and state.token is not None:
            window = plan.delta_window(payload, state, now)
            try:
                pages = self._session.list_delta(calendar.calendar_id, state.token)
                token = self._read(pages, window)
            except SyncTokenRejectedError:
                why = "sync_token_rejected"
                self._forget()
            else:
                reading = self._reading
                orphaned = self._staging.is_orphaning(reading.unknown)
                why = plan.why_escalate(reading.cancelled_series, orphaned=orphaned)
                if why is not None:
                    self._keep_tombstones()
        if why is None:
            return _Listed(Mode.INCREMENTAL, None, state.token, token)
        window = plan.listing_window(payload, state, now)
        return self._list_window(why, state.token, window)

    def _list_window(self, why: str, old_token: str | None, window: Window) -> _Listed:
        """The whole window, and then at once what changed while it was listed."""
        calendar_id = self._calendar.calendar_id
        before = self._reading.fetched
        self._staging.begin_window()
        token = self._read(self._session.list_window(calendar_id, window), window)
        nothing = self._reading.fetched == before
        if token is None:
            return _Listed(Mode.FULL, why, old_token, None)
        try:
            token = self._read(self._session.list_delta(calendar_id, token), window) or token
        except SyncTokenRejectedError:
            raise NextRunError(
                "Google refused the sync token it had just given",
                code="sync_token_refused",
                subject=calendar_id,
            ) from None
        sweepable = may_sweep(self._calendar, self._reading.access_role)
        area = plan.sweep_area(window) if sweepable and self._calendar.delete_enabled else None
        return _Listed(Mode.FULL, why, old_token, token, window.end, area, nothing)

    def _read(self, pages: Iterator[Page], window: Window) -> str | None:
        """Plan and stage page by page; the sync token of the last page, if it has a usable one."""
        token: str | None = None
        with prefetched(pages) as stream:
            for page in stream:
                self._ctx.deadline.check()
                # A run that dies later must not take the only copy of a rotated token with it.
                self._keep_tokens()
                self._plan_page(page, window)
                token = page.sync_token
        return token if token is not None and len(token) <= MAX_SYNC_TOKEN else None

    def _plan_page(self, page: Page, window: Window) -> None:
        reading, scope = self._reading, self._scope(page, window)
        rows, earlier = self._staging.load(
            [i.event_id for i in page.items if not isinstance(i, Rejected) or i.event_id]
        )
        planned = plan.plan_page(page.items, rows, earlier, scope)
        self._staging.stage(planned)
        reading.pages += 1
        reading.fetched += len(page.items)
        reading.repeated += planned.repeated
        reading.nameless += planned.nameless
        reading.access_role = page.access_role
        reading.cancelled_series.update(planned.cancelled_series)
        reading.unknown |= {
            d.event_id for d in planned.decisions if d.reason == SkipReason.UNKNOWN_TOMBSTONE
        }
        if self._changes is not None:
            replaced = set(planned.replaces)
            self._changes = [c for c in self._changes if c.event_id not in replaced]
            self._changes += [d for d in planned.decisions if d.verdict in _WRITES]
        name = self._calendar.calendar_id
        self._ctx.progress(Progress(f"listing {name}", reading.fetched))

    def _scope(self, page: Page, window: Window) -> plan.Scope:
        name = self._workspace.zone_name or page.zone_name or "UTC"
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        return plan.Scope(window, zone, self._calendar.delete_enabled, self._encrypted)

    def _forget(self) -> None:
        self._staging.reset()
        self._reading = _Reading(pages=self._reading.pages)
        if self._changes is not None:
            self._changes = []

    def _keep_tombstones(self) -> None:
        """Of a delta that a full listing follows, only the deletions are kept.

        What lives is listed again, and may be deleted before it is; what is gone will not be
        mentioned again, and a sweep reaches only what lies fully inside the window.
        """
        self._staging.keep_tombstones()
        kept = sum(self._staging.verdicts().values())
        self._reading = _Reading(pages=self._reading.pages, fetched=kept)
        if self._changes is not None:
            self._changes = [c for c in self._changes if c.verdict is Verdict.DELETE]

    def _prepare(self, listed: _Listed) -> Commit:
        """Everything the transaction needs to know; an empty listing is doubted here."""
        commit = Commit(
            run_id=self._ctx.run_id,
            old_token=listed.old_token,
            new_token=listed.new_token,
            edge=listed.edge,
            area=listed.area,
            allow_mass_delete=self._payload.allow_mass_delete,
            listed_nothing=listed.nothing,
            role=self._reading.access_role,
        )
        if listed.area is None or not listed.nothing:
            return commit
        missing = self._staging.sweep_ids(listed.area, limit=CONFIRM)
        calendar_id = self._calendar.calendar_id
        confirmed = all(self._session.is_gone(calendar_id, event_id) for event_id in missing)
        return dataclasses.replace(commit, confirmed=confirmed)

    def _report(self, listed: _Listed, applied: Applied, *, written: bool = True) -> CalendarReport:
        reading = self._reading
        counts = count(
            applied.verdicts,
            fetched=reading.fetched,
            repeated=reading.repeated,
            nameless=len(reading.nameless),
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
            rejected=(*rejected, *reading.nameless)[:MAX_NAMED],
            kind=Kind.PARTIAL if problem else Kind.SUCCEEDED,
            problem=problem,
            committed=True,
            traffic=self._session.traffic(self._before, reading.pages),
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


@dataclasses.dataclass(slots=True)
class _Reading:
    """What the pages read so far amount to; grows while they come."""

    pages: int = 0
    fetched: int = 0
    repeated: int = 0
    nameless: tuple[Rejected, ...] = ()
    access_role: str | None = None
    cancelled_series: Counter[str] = dataclasses.field(default_factory=Counter[str])
    unknown: set[str] = dataclasses.field(default_factory=set[str])


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
