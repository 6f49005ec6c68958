"""One fan-out under way: who has ended how, and whether the next child may start.

Invariant: every workspace of the list is reported exactly once, started or not.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.errors import Interruption, JobError, UnavailableError
from tuturuuu_jobs.orchestration.audience import Audience
from tuturuuu_jobs.orchestration.judging import judge, not_started
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
from tuturuuu_jobs.orchestration.weighing import is_hopeless
from tuturuuu_jobs.runtime import ledger
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Launcher
from tuturuuu_jobs.runtime.fanout import FanOut
from tuturuuu_jobs.runtime.identity import new_run_id
from tuturuuu_jobs.runtime.interrupts import DEADLINE
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.memory import MemoryKills
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.runtime.redact import scrub

# Behind the child's own deadline, so that it can say itself that its time is over.
_PATIENCE_S: Final = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Children:
    """What all children of a fan-out have in common.

    Attributes:
        job: Their subcommand, ``sync`` or ``full-sync``.
        options: What each is told about its run.
        open_launcher: Makes the way to start them.
        audience: Who watches.
        kills: Tells who was killed for want of memory.
    """

    job: str
    options: ChildOptions
    open_launcher: Callable[[], AbstractContextManager[Launcher]]
    audience: Audience
    kills: MemoryKills = dataclasses.field(default_factory=MemoryKills)


class WorkspaceFanOut:
    """The state of one fan-out."""

    def __init__(
        self,
        children: Children,
        payload: FanOutPayload,
        ctx: RunContext[FanOutData],
        width: int,
        warning: Problem | None,
    ) -> None:
        self._children = children
        self._payload = payload
        self._ctx = ctx
        self._width = width
        self._warnings = [warning] if warning else []
        self._started: dict[UUID, UUID] = {}
        self._reports: list[ChildReport] = []
        self._halt: Halt | None = None
        self._failure: Problem | None = None
        self._total = 0

    def run(self, ordered: tuple[Planned, ...]) -> FanOutData:
        """Run the children in their order; only a bug or a late signal is raised."""
        self._total = len(ordered)
        try:
            if ordered:
                self._children.audience.expect(self._total, self._width)
                self._run_children(ordered)
            return self._close(ordered)
        except Interruption as late:
            # Before the first child or behind the last one, where nothing drains.
            self._halt = self._halt or self._halt_by(late.reason)
            self._close(ordered)
            raise

    def _close(self, ordered: tuple[Planned, ...]) -> FanOutData:
        self._report_the_rest(ordered)
        data = self._data()
        self._ctx.checkpoint(data)
        return data

    def _report_the_rest(self, ordered: tuple[Planned, ...]) -> None:
        reported = {report.ws_id for report in self._reports}
        rest = [one.ws_id for one in ordered if one.ws_id not in reported]
        if rest:
            self._halt = self._halt or Halt.DEADLINE
            self._reports += [not_started(ws_id, self._halt) for ws_id in rest]
        elif self._halt is Halt.BREAKER:
            # It opened behind the last one: nothing was given up.
            self._halt = None

    def _run_children(self, ordered: tuple[Planned, ...]) -> None:
        with self._children.open_launcher() as launcher:
            fan_out = FanOut(
                launcher,
                self._ctx.clock,
                self._width,
                say=lambda spec, line: self._children.audience.said(spec.label, scrub(line)),
                on_end=self._ended,
                kills=self._children.kills,
            )
            try:
                stopped_by = fan_out.run(self._specs(ordered))
            except UnavailableError as error:
                # Not raised: what the others did until then is the result.
                self._failure, self._halt = Problem.of(error), Halt.LAUNCH
                return
        if stopped_by is not None:
            self._halt = self._halt_by(stopped_by)

    def _halt_by(self, signal_name: str) -> Halt:
        if signal_name == DEADLINE:
            return Halt.DEADLINE
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
            deadline_s = min(self._children.options.deadline.total_seconds(), remaining)
            run_id = new_run_id(self._ctx.clock, self._ctx.rng)
            self._started[run_id] = one.ws_id
            self._children.audience.started(one.ws_id, deadline_s)
            yield self._spec(one.ws_id, run_id, deadline_s)

    def _spec(self, ws_id: UUID, run_id: UUID, deadline_s: float) -> ChildSpec:
        fields: dict[str, Any] = {"ws_id": str(ws_id)} | self._payload.options
        return ChildSpec(
            run_id=run_id,
            label=str(ws_id),
            arguments=(
                self._children.job,
                *("--payload", "-", "--json", "--quiet"),
                *("--run-id", str(run_id)),
                *("--parent-run-id", str(self._ctx.run_id)),
                *("--deadline", f"{max(1, int(deadline_s))}s"),
                *self._children.options.arguments,
            ),
            stdin=json.dumps(fields).encode(),
            deadline_s=deadline_s + _PATIENCE_S,
        )

    def _ended(self, end: ChildEnd) -> bool:
        """Take note of an end; whether the next child may start."""
        report = judge(self._started[end.spec.run_id], end)
        self._reports.append(report)
        if end.result is None:
            self._settle(end, report)
        self._ctx.checkpoint(self._data())
        self._children.audience.ended(report)
        self._tell(report)
        if is_hopeless(self._reports):
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
        reports, warnings = tuple(self._reports), tuple(self._warnings)
        return FanOutData(reports, self._halt, warnings, failure=self._failure)
