"""``orchestrate``: one job for all workspaces that have work, a bounded child process for each.

The fan-out itself is not tried again: each child has attempts of its own. Only the list of
workspaces is, and a list that cannot be read ends the run; it never counts as empty.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol
from uuid import UUID

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.orchestration import plan, store
from tuturuuu_jobs.orchestration.model import (
    RESERVE_S,
    USEFUL_S,
    ChildOptions,
    ChildReport,
    FanOutData,
    FanOutPayload,
    Halt,
    Planned,
)
from tuturuuu_jobs.runtime import ledger
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Launcher
from tuturuuu_jobs.runtime.fanout import FanOut
from tuturuuu_jobs.runtime.identity import ProcessIdentity, new_run_id
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Outcome, Problem
from tuturuuu_jobs.runtime.queues import load_queue
from tuturuuu_jobs.runtime.reaping import reap
from tuturuuu_jobs.runtime.redact import scrub

# Behind the child's own deadline, so that it can say itself that its time is over.
_PATIENCE_S: Final = 2.0


class Audience(Protocol):
    """Who watches a fan-out; told in the order in which things happen."""

    def expect(self, total: int, width: int) -> None:
        """So many children in all, so many at once."""
        ...

    def started(self, ws_id: UUID, deadline_s: float) -> None:
        """The child of a workspace starts, with so many seconds."""
        ...

    def ended(self, report: ChildReport) -> None:
        """A child has ended."""
        ...

    def said(self, label: str, line: str) -> None:
        """A child wrote a line to standard error."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class OrchestrateJob:
    """A fan-out of one job.

    Attributes:
        child_job: The job of each child, ``sync`` or ``full-sync``.
        queue_of_children: Whose total limit bounds the width; children take its seats themselves.
        successes: The jobs whose last success decides the order.
        key_prefix: What stands before a workspace's id in the children's concurrency key.
        global_arguments: What stands before the subcommand of every child.
        options: What every child is told about its run.
        open_launcher: Makes the way to start children.
        audience: Who watches.
        here: This process, to tell which runs of this machine are dead.
    """

    child_job: str
    queue_of_children: str
    successes: tuple[str, ...]
    key_prefix: str
    global_arguments: tuple[str, ...]
    options: ChildOptions
    open_launcher: Callable[[], Launcher]
    audience: Audience
    here: ProcessIdentity

    @property
    def name(self) -> str:
        """``orchestrate-sync`` or ``orchestrate-full-sync``."""
        return f"orchestrate-{self.child_job}"

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
            UnavailableError: The list cannot be read, or no child can be started.
            BusyError: The children's queue is paused.
        """
        if previous is not None:
            return previous
        # Rows of children that died with their parent would otherwise wait for their next turn.
        reap(ctx.connection, self.here)
        ordered = self._list(payload, ctx)
        queue = load_queue(ctx.connection, self.queue_of_children)
        width, warning = plan.plan_width(
            payload.limit,
            queue.total_limit if queue else None,
            store.count_free_connections(ctx.connection),
        )
        return _FanOut(self, payload, ctx, width, warning).run(ordered)

    def preview(self, payload: FanOutPayload, ctx: RunContext[FanOutData]) -> FanOutData:
        """Who would get a child, in which order and why."""
        return FanOutData(planned=self._list(payload, ctx))

    def conclude(self, data: FanOutData) -> Outcome:
        """What the ends of the children amount to."""
        return plan.conclude(data)

    def _list(self, payload: FanOutPayload, ctx: RunContext[FanOutData]) -> tuple[Planned, ...]:
        candidates = store.load_candidates(ctx.connection, self.successes, self.key_prefix)
        return plan.plan_order(candidates, payload.workspaces, ctx.clock.now())


class _FanOut:
    """The state of one fan-out: who has ended how, and whether the next may start."""

    def __init__(
        self,
        job: OrchestrateJob,
        payload: FanOutPayload,
        ctx: RunContext[FanOutData],
        width: int,
        warning: Problem | None,
    ) -> None:
        self._job = job
        self._payload = payload
        self._ctx = ctx
        self._width = width
        self._warnings = [warning] if warning else []
        self._started: dict[UUID, UUID] = {}
        self._reports: list[ChildReport] = []
        self._halt: Halt | None = None
        self._total = 0

    def run(self, ordered: tuple[Planned, ...]) -> FanOutData:
        self._total = len(ordered)
        if ordered:
            self._job.audience.expect(self._total, self._width)
            self._run_children(ordered)
        begun = set(self._started.values())
        unlisted = [one.ws_id for one in ordered if one.ws_id not in begun]
        if not unlisted and self._halt is Halt.BREAKER:
            # It opened behind the last one: nothing was given up.
            self._halt = None
        if unlisted:
            reason = self._halt or Halt.DEADLINE
            self._reports += [plan.not_started(ws_id, reason) for ws_id in unlisted]
            self._halt = reason
        return self._data()

    def _run_children(self, ordered: tuple[Planned, ...]) -> None:
        with self._job.open_launcher() as launcher:
            children = FanOut(
                launcher,
                self._ctx.clock,
                self._width,
                say=lambda spec, line: self._job.audience.said(spec.label, scrub(line)),
                on_end=self._ended,
            )
            stopped_by = children.run(self._specs(ordered))
        if stopped_by is not None:
            self._halt = self._halt_by(stopped_by)

    def _halt_by(self, signal_name: str) -> Halt:
        if signal_name == "SIGALRM":
            # Before its time the alarm brings a request to cancel; the run itself looks that up.
            early = self._ctx.deadline.remaining() > USEFUL_S
            return Halt.SIGTERM if early else Halt.DEADLINE
        return Halt.SIGINT if signal_name == "SIGINT" else Halt.SIGTERM

    def _specs(self, ordered: tuple[Planned, ...]) -> Iterator[ChildSpec]:
        """The children in their order, as long as there is time for one more."""
        for one in ordered:
            remaining = self._ctx.deadline.remaining() - RESERVE_S
            if remaining < USEFUL_S:
                self._halt = Halt.DEADLINE
                return
            deadline_s = min(self._job.options.deadline.total_seconds(), remaining)
            run_id = new_run_id(self._ctx.clock, self._ctx.rng)
            self._started[run_id] = one.ws_id
            self._job.audience.started(one.ws_id, deadline_s)
            yield self._spec(one.ws_id, run_id, deadline_s)

    def _spec(self, ws_id: UUID, run_id: UUID, deadline_s: float) -> ChildSpec:
        fields: dict[str, Any] = {"ws_id": str(ws_id)} | self._payload.options
        return ChildSpec(
            run_id=run_id,
            label=str(ws_id),
            arguments=(
                *self._job.global_arguments,
                self._job.child_job,
                *("--payload", "-", "--json", "--quiet"),
                *("--run-id", str(run_id)),
                *("--parent-run-id", str(self._ctx.run_id)),
                *("--deadline", f"{max(1, int(deadline_s))}s"),
                *self._job.options.arguments,
            ),
            stdin=json.dumps(fields).encode(),
            deadline_s=deadline_s + _PATIENCE_S,
        )

    def _ended(self, end: ChildEnd) -> bool:
        """Take note of an end; whether the next child may start."""
        report = plan.judge(self._started[end.spec.run_id], end)
        self._reports.append(report)
        if end.result is None:
            self._settle(end, report)
        self._ctx.checkpoint(self._data())
        self._job.audience.ended(report)
        self._tell(report)
        if plan.is_hopeless(self._reports):
            self._halt = Halt.BREAKER
        return self._halt is None

    def _settle(self, end: ChildEnd, report: ChildReport) -> None:
        """A child that said nothing may have left a row that says it is still running."""
        connection, run_id = self._ctx.connection, end.spec.run_id
        try:
            ledger.mark_crashed(connection, run_id, report.code, found_by=self._ctx.run_id)
        except JobError as error:
            message = f"the ledger could not be told that a child crashed: {error.message}"
            hint = "nothing to do: the next run of that workspace settles it"
            self._warnings.append(
                Problem("child_unsettled", message, subject=str(report.ws_id), hint=hint)
            )

    def _tell(self, report: ChildReport) -> None:
        done = len(self._reports)
        self._ctx.progress(Progress(f"workspace {report.ws_id}", done, self._total))
        self._ctx.log.log(
            logging.INFO,
            "%d/%d %s %s %d ms",
            done,
            self._total,
            report.ws_id,
            report.status if report.code == report.status else f"{report.status} ({report.code})",
            round(report.duration_s * 1000),
        )

    def _data(self) -> FanOutData:
        return FanOutData(tuple(self._reports), self._halt, tuple(self._warnings))
