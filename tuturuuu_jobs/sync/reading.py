"""A calendar's listing, planned and staged page by page.

Invariant: no transaction is open while Google is asked, and nothing but temporary tables is
written.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.model import (
    Calendar,
    Decision,
    Page,
    Rejected,
    SkipReason,
    Verdict,
    Window,
    Workspace,
)
from tuturuuu_jobs.sync.prefetch import prefetched
from tuturuuu_jobs.sync.staging import Staging

MAX_SYNC_TOKEN: Final = 2048

_WRITES: Final = frozenset({Verdict.INSERT, Verdict.UPDATE, Verdict.DELETE})


@dataclasses.dataclass(slots=True)
class Tally:
    """What the pages read so far amount to; grows while they come."""

    pages: int = 0
    fetched: int = 0
    repeated: int = 0
    nameless: tuple[Rejected, ...] = ()
    access_role: str | None = None
    cancelled_series: Counter[str] = dataclasses.field(default_factory=Counter[str])
    unknown: set[str] = dataclasses.field(default_factory=set[str])


class Reader:
    """Reads pages of one calendar. Begin with :meth:`forget`.

    Attributes:
        tally: Of everything read since.
        changes: Every change that was planned since, if they are to be remembered.
    """

    def __init__(
        self,
        ctx: RunContext[Any],
        workspace: Workspace,
        calendar: Calendar,
        staging: Staging,
        keep_tokens: Callable[[], None],
    ) -> None:
        self.tally = Tally()
        self.changes: list[Decision] | None = None
        self._ctx = ctx
        self._workspace = workspace
        self._calendar = calendar
        self._staging = staging
        self._keep_tokens = keep_tokens

    def remember(self) -> None:
        """Remember every change that is planned from now on."""
        self.changes = []

    def forget(self) -> None:
        """Forget everything that was read, and what is staged; pages are counted on."""
        self._staging.reset()
        self.tally = Tally(pages=self.tally.pages)
        if self.changes is not None:
            self.changes = []

    def keep_tombstones(self) -> None:
        """Of a delta that a full listing follows, only the deletions are kept.

        What lives is listed again, and may be deleted before it is; what is gone will not be
        mentioned again, and a sweep reaches only what lies fully inside the window.
        """
        self._staging.keep_tombstones()
        kept = sum(self._staging.verdicts().values())
        self.tally = Tally(pages=self.tally.pages, fetched=kept)
        if self.changes is not None:
            self.changes = [c for c in self.changes if c.verdict is Verdict.DELETE]

    def read(self, pages: Iterator[Page], window: Window) -> str | None:
        """Plan and stage page by page; the sync token of the last page, if it has a usable one.

        Raises:
            JobError: A page could not be had, or not be staged.
        """
        token: str | None = None
        with prefetched(pages, lambda page: page.last) as stream:
            for page in stream:
                self._ctx.deadline.check()
                # A run that dies later must not take the only copy of a rotated token with it.
                self._keep_tokens()
                self._plan_page(page, window)
                token = page.sync_token
        return token if token is not None and len(token) <= MAX_SYNC_TOKEN else None

    def _plan_page(self, page: Page, window: Window) -> None:
        tally, scope = self.tally, self._scope(page, window)
        rows, earlier = self._staging.load(
            [i.event_id for i in page.items if not isinstance(i, Rejected) or i.event_id]
        )
        planned = plan.plan_page(page.items, rows, earlier, scope)
        self._staging.stage(planned)
        tally.pages += 1
        tally.fetched += len(page.items)
        tally.repeated += planned.repeated
        tally.nameless += planned.nameless
        tally.access_role = page.access_role
        tally.cancelled_series.update(planned.cancelled_series)
        tally.unknown |= {
            d.event_id for d in planned.decisions if d.reason == SkipReason.UNKNOWN_TOMBSTONE
        }
        if self.changes is not None:
            replaced = set(planned.replaces)
            self.changes = [c for c in self.changes if c.event_id not in replaced]
            self.changes += [d for d in planned.decisions if d.verdict in _WRITES]
        name = self._calendar.calendar_id
        self._ctx.progress(Progress(f"listing {name}", tally.fetched))

    def _scope(self, page: Page, window: Window) -> plan.Scope:
        name = self._workspace.zone_name or page.zone_name or "UTC"
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            zone = ZoneInfo("UTC")
        encrypted = self._staging.encrypted
        return plan.Scope(window, zone, self._calendar.delete_enabled, encrypted)
