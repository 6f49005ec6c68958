"""One calendar's rows beside a fresh complete listing; nothing is written.

What Google reports as changed since the stored sync token is not drift: the next sync brings it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.sync import drift as drifts
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.drift import CalendarDrift, TokenState, VerifyPayload
from tuturuuu_jobs.sync.google import AccountSession
from tuturuuu_jobs.sync.model import (
    Calendar,
    CalendarState,
    Decision,
    Verdict,
    Window,
    Workspace,
)
from tuturuuu_jobs.sync.prefetch import prefetched
from tuturuuu_jobs.sync.reading import Reader
from tuturuuu_jobs.sync.refusals import PageTokenRejectedError, SyncTokenRejectedError
from tuturuuu_jobs.sync.routes import may_sweep
from tuturuuu_jobs.sync.staging import Staging
from tuturuuu_jobs.sync.store import Shape, load_state


class Comparison:
    """The comparison of one calendar."""

    def __init__(
        self,
        ctx: RunContext[Any],
        payload: VerifyPayload,
        workspace: Workspace,
        shape: Shape,
        calendar: Calendar,
        *,
        session: AccountSession,
        keep_tokens: Callable[[], None],
        staging: Staging,
    ) -> None:
        self._ctx = ctx
        self._payload = payload
        self._ws_id: UUID = workspace.id
        self._shape = shape
        self._calendar = calendar
        self._session = session
        self._staging = staging
        self._keep_tokens = keep_tokens
        self._reader = Reader(ctx, workspace, calendar, staging, keep_tokens)
        self._reader.remember()

    def run(self) -> CalendarDrift:
        """List, compare, and ask what changed since the last sync.

        Raises:
            JobError: The calendar could not be listed.
        """
        state = load_state(self._ctx.connection, self._ws_id, self._calendar, self._shape)
        decisions: list[Decision] = []
        count = 0
        whole = self._window(state)
        swept = plan.sweep_area(Window(whole.start, state.edge or whole.end))
        for part in drifts.slices_of(whole, self._payload.parts, self._ctx.clock.now()):
            decisions += self._compare(part, swept)
            count += self._reader.tally.fetched
        token, waiting = self._ask_since(state)
        drift, late = drifts.find_drift(decisions, waiting)
        return drifts.compared(self._calendar, count=count, waiting=late, drift=drift, token=token)

    def _window(self, state: CalendarState) -> Window:
        payload, now = self._payload, self._ctx.clock.now().replace(microsecond=0)
        end = now + payload.future
        return Window(now - payload.past, min(end, state.edge) if state.edge else end)

    def _compare(self, window: Window, swept: Window) -> list[Decision]:
        """What a full sync would change in this window.

        Listed wider: zones may shift days, and a row that is there too much may lie across the end.

        Args:
            window: Where rows are compared.
            swept: Where a full sync would take rows away; elsewhere an extra one is left to age.
        """
        calendar_id = self._calendar.calendar_id
        wider = Window(window.start - plan.SLACK, window.end + 2 * plan.SLACK)
        for last_try in (False, True):
            self._reader.forget()
            self._staging.begin_window()
            try:
                self._reader.read(self._session.list_window(calendar_id, wider), window)
            except PageTokenRejectedError:
                if last_try:
                    raise
            else:
                break
        found = list(self._reader.changes or ())
        sweepable = may_sweep(self._calendar, self._reader.tally.access_role)
        area = plan.shared_area((plan.sweep_area(wider), swept))
        if sweepable and self._calendar.delete_enabled and area is not None:
            found += [
                Decision(event_id, Verdict.DELETE, plan.NOT_LISTED, None, living=False)
                for event_id in self._staging.sweep_ids(area)
            ]
        return found

    def _ask_since(self, state: CalendarState) -> tuple[TokenState, set[str]]:
        """What Google says of the stored token, and the events that changed since."""
        waiting: set[str] = set()
        if state.token is None:
            return TokenState.MISSING, waiting
        pages = self._session.list_delta(self._calendar.calendar_id, state.token)
        with contextlib.suppress(SyncTokenRejectedError), prefetched(pages) as stream:
            for page in stream:
                self._ctx.deadline.check()
                self._keep_tokens()
                waiting.update(item.event_id for item in page.items)
            return TokenState.CURRENT, waiting
        return TokenState.REFUSED, waiting
