"""``orchestrate``: one job for all workspaces that have work, a bounded child process for each.

The fan-out itself is not tried again: each child has attempts of its own. Only the list of
workspaces is, and a list that cannot be read ends the run; it never counts as empty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol
from uuid import UUID

import psycopg

from tuturuuu_jobs.orchestration import plan, store, weighing
from tuturuuu_jobs.orchestration.fan_out import Children, WorkspaceFanOut
from tuturuuu_jobs.orchestration.model import Candidate, FanOutData, FanOutPayload, Planned
from tuturuuu_jobs.runtime.identity import ProcessIdentity
from tuturuuu_jobs.runtime.job import RunContext
from tuturuuu_jobs.runtime.outcome import Outcome
from tuturuuu_jobs.runtime.queues import load_queue
from tuturuuu_jobs.runtime.reaping import reap


class Fleet(Protocol):
    """What does the work of children elsewhere, beyond this process."""

    def run(
        self,
        ordered: tuple[Planned, ...],
        payload: FanOutPayload,
        ctx: RunContext[FanOutData],
        previous: FanOutData | None,
    ) -> FanOutData:
        """Hand the workspaces over, in their order; what an earlier attempt did is known."""
        ...


Find = Callable[[psycopg.Connection[Any], tuple[str, ...], str], list[Candidate]]


@dataclasses.dataclass(frozen=True, slots=True)
class OrchestrateJob:
    """A fan-out of one job.

    Attributes:
        children: What each child is and is told.
        queue_of_children: Whose total limit bounds the width; children take its seats themselves.
        successes: The jobs whose last success decides the order.
        key_prefix: What stands before a workspace's id in the children's concurrency key.
        here: This process, to tell which runs of this machine are dead.
        find: Lists the workspaces that have work, with their last success of those jobs.
        nobody: What to say if there is none.
        fleet: Does the work instead of children of this process, if given.
    """

    children: Children
    queue_of_children: str
    successes: tuple[str, ...]
    key_prefix: str
    here: ProcessIdentity
    find: Find = store.load_candidates
    nobody: str = "no workspace has an active Google account"
    fleet: Fleet | None = None

    @property
    def name(self) -> str:
        """``orchestrate-sync`` and the like."""
        return f"orchestrate-{self.children.job}"

    @property
    def queue(self) -> str:
        """Of its own: a parent must not take a seat from its children."""
        return "orchestrate"

    def ws_id(self, payload: FanOutPayload) -> UUID | None:  # noqa: ARG002 - the protocol's name.
        """None: it is about many."""
        return None

    def concurrency_key(self, payload: FanOutPayload) -> str:  # noqa: ARG002 - as above.
        """One fan-out per job at a time, whatever workspaces it names."""
        return self.name

    def attempt(
        self,
        payload: FanOutPayload,
        ctx: RunContext[FanOutData],
        previous: FanOutData | None,
    ) -> FanOutData:
        """List the workspaces and run their children.

        Raises:
            SettingsError: The list cannot be trusted.
            UnavailableError: The list cannot be read.
            BusyError: The children's queue is paused.
        """
        if previous is not None:
            # Children raise nothing that another attempt could mend.
            return self.fleet.run((), payload, ctx, previous) if self.fleet else previous
        # Rows of children that died with their parent would otherwise wait for their next turn.
        reap(ctx.connection, self.here)
        ordered = self._list(payload, ctx)
        if self.fleet is not None:
            return self.fleet.run(ordered, payload, ctx, None)
        queue = load_queue(ctx.connection, self.queue_of_children)
        width, warning = plan.plan_width(
            payload.limit,
            queue.total_limit if queue else None,
            store.count_free_connections(ctx.connection),
        )
        return WorkspaceFanOut(self.children, payload, ctx, width, warning).run(ordered)

    def preview(self, payload: FanOutPayload, ctx: RunContext[FanOutData]) -> FanOutData:
        """Who would get a child, in which order and why."""
        return FanOutData(planned=self._list(payload, ctx))

    def conclude(self, data: FanOutData) -> Outcome:
        """What the ends of the children amount to."""
        return weighing.conclude(data, self.nobody)

    def _list(self, payload: FanOutPayload, ctx: RunContext[FanOutData]) -> tuple[Planned, ...]:
        candidates = self.find(ctx.connection, self.successes, self.key_prefix)
        return plan.plan_order(candidates, payload.workspaces, ctx.clock.now())
