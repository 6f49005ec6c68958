"""``sync`` and ``full-sync``: a workspace's Google calendars into the table, one after another."""

from __future__ import annotations

import dataclasses
from typing import Final
from uuid import UUID

from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.outcome import Outcome
from tuturuuu_jobs.sync import report as reports
from tuturuuu_jobs.sync.attempt import Attempt
from tuturuuu_jobs.sync.google import GoogleClient
from tuturuuu_jobs.sync.model import SyncData, SyncPayload

QUEUE: Final = "calendar-sync"
KEY_PREFIX: Final = "google-calendar-sync-"


@dataclasses.dataclass(frozen=True, slots=True)
class SyncJob:
    """Both jobs; ``full-sync`` is a payload that asks for the whole window.

    Attributes:
        master_key: Opens the keys of encrypted workspaces; None if there are none.
    """

    google: GoogleClient
    full: bool = False
    master_key: str | None = dataclasses.field(default=None, repr=False)

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
        return self._begin(payload, ctx, previous).run()

    def preview(self, payload: SyncPayload, ctx: RunContext[SyncData]) -> SyncData:
        """What :meth:`attempt` would write; only a rotated refresh token is stored."""
        return self._begin(payload, ctx, None, dry_run=True).run()

    def conclude(self, data: SyncData) -> Outcome:
        """How a run with these calendars ends."""
        return reports.conclude(data)

    def _begin(
        self,
        payload: SyncPayload,
        ctx: RunContext[SyncData],
        previous: SyncData | None,
        *,
        dry_run: bool = False,
    ) -> Attempt:
        return Attempt(
            self.google, payload, ctx, previous, master_key=self.master_key, dry_run=dry_run
        )
