"""A fan-out by the fleet: one request for each workspace, and, if wanted, the wait for all of them.

Invariant: all workspaces are asked for or none. Whatever ends the waiting takes nothing back.
"""

from __future__ import annotations

import dataclasses
import logging
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from tuturuuu_jobs.errors import Interruption
from tuturuuu_jobs.fleet.reports import Standing, left_unfinished, report_of
from tuturuuu_jobs.fleet.requests import refused
from tuturuuu_jobs.orchestration.audience import Audience
from tuturuuu_jobs.orchestration.model import (
    ChildReport,
    Ending,
    FanOutData,
    FanOutPayload,
    Halt,
    Planned,
)
from tuturuuu_jobs.runtime.database import translate, translated_errors
from tuturuuu_jobs.runtime.interrupts import DEADLINE
from tuturuuu_jobs.runtime.job import Progress, RunContext

_RESERVE_S: Final = 2.0
"""Kept back from the deadline, to record what happened."""

_POLL_S: Final = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Dispatch:
    """How a fan-out is handed to the fleet.

    Attributes:
        job: What each request is for.
        audience: Who watches the waiting.
        collect: Whether to wait until all are done.
        slot: The instant that the fan-out stands for: of each workspace asked for once.
        expires: How old the slot may be when a run begins.
    """

    job: str
    audience: Audience
    collect: bool = False
    slot: datetime | None = None
    expires: timedelta | None = None

    def run(
        self,
        ordered: tuple[Planned, ...],
        payload: FanOutPayload,
        ctx: RunContext[FanOutData],
        previous: FanOutData | None,
    ) -> FanOutData:
        """Ask for all; what an earlier attempt has asked for is only looked at again.

        Raises:
            UsageError: The database refuses the payload.
            UnavailableError: The database cannot answer now.
        """
        known = previous.children if previous else ()
        if not known:
            with ctx.shield():
                known = self._ask(ordered, payload, ctx)
        ctx.checkpoint(FanOutData(known))
        return _Collecting(self, ctx, known).run() if self.collect else FanOutData(known)

    def _ask(
        self, ordered: tuple[Planned, ...], payload: FanOutPayload, ctx: RunContext[FanOutData]
    ) -> tuple[ChildReport, ...]:
        workspaces = [one.ws_id for one in ordered]
        ids = _ask_for_all(
            ctx.connection,
            {
                "job": self.job,
                "options": Jsonb(payload.options),
                "workspaces": workspaces,
                "slot": self.slot,
                "prefix": f"slot/{self.slot.isoformat()}/" if self.slot else None,
                "expires": self._time_left(ctx),
                "parent": ctx.run_id,
            },
        )
        found = {one.request_id: one for one in _load(ctx.connection, ids, ctx.run_id)}
        return tuple(report_of(found[run_id]) for run_id in ids if run_id in found)

    def _time_left(self, ctx: RunContext[FanOutData]) -> timedelta | None:
        if self.slot is None or self.expires is None:
            return None
        return max(timedelta(seconds=1), self.slot + self.expires - ctx.clock.now())


class _Collecting:
    """The wait for what was asked for."""

    def __init__(
        self, dispatch: Dispatch, ctx: RunContext[FanOutData], known: tuple[ChildReport, ...]
    ) -> None:
        self._dispatch = dispatch
        self._ctx = ctx
        self._open = {one.run_id: one for one in known if one.ending is Ending.QUEUED}
        self._done = [one for one in known if one.ending is not Ending.QUEUED]
        self._total = len(known)
        self._seen_at_work: set[UUID] = set()

    def run(self) -> FanOutData:
        """Wait until all are done, the time is over, or somebody says stop."""
        self._dispatch.audience.expect(self._total, self._total)
        for report in self._done:
            self._dispatch.audience.ended(report)
        try:
            return self._data(self._wait())
        except Interruption as wish:
            return self._data(_halt_by(wish.reason))

    def _wait(self) -> Halt | None:
        ctx = self._ctx
        while True:
            with ctx.shield():
                ids = [run_id for run_id in self._open if run_id]
                for standing in _load(ctx.connection, ids, ctx.run_id):
                    self._take_note(standing)
                ctx.checkpoint(self._data(None))
            if not self._open:
                return None
            remaining = ctx.deadline.remaining() - _RESERVE_S
            if remaining <= 0:
                return Halt.DEADLINE
            ctx.clock.sleep(min(_POLL_S, remaining))

    def _take_note(self, standing: Standing) -> None:
        report = report_of(standing)
        if report.ending is Ending.QUEUED:
            self._open[standing.request_id] = report
            if standing.state == "running" and standing.request_id not in self._seen_at_work:
                self._seen_at_work.add(standing.request_id)
                left_s = self._ctx.deadline.remaining()
                self._dispatch.audience.started(standing.ws_id, left_s)
            return
        del self._open[standing.request_id]
        self._done.append(report)
        self._dispatch.audience.ended(report)
        done = len(self._done)
        self._ctx.progress(Progress(f"workspace {report.ws_id}", done, self._total))
        told = report.status if report.code == report.status else f"{report.status} ({report.code})"
        self._ctx.log.log(logging.INFO, "%d/%d %s %s", done, self._total, report.ws_id, told)

    def _data(self, halt: Halt | None) -> FanOutData:
        rest = list(self._open.values())
        if halt is not None:
            rest = [left_unfinished(report) for report in rest]
        # Behind the last one there is nothing that was given up.
        return FanOutData((*self._done, *rest), halt if self._open else None)


def _halt_by(reason: str) -> Halt:
    if reason == DEADLINE:
        return Halt.DEADLINE
    return Halt.SIGINT if reason == "SIGINT" else Halt.SIGTERM


_ASK_FOR_ALL: Final[LiteralString] = """
select jobs.enqueue(
    %(job)s, %(options)s || jsonb_build_object('ws_id', wanted.ws_id),
    idempotency_key => %(prefix)s || wanted.ws_id, expires => %(expires)s,
    parent_run_id => %(parent)s, slot => %(slot)s
)
from unnest(%(workspaces)s::uuid[]) with ordinality wanted (ws_id, n)
order by n
"""


def _ask_for_all(connection: psycopg.Connection[Any], fields: dict[str, Any]) -> list[UUID]:
    try:
        return [row[0] for row in connection.execute(_ASK_FOR_ALL, fields).fetchall()]
    except psycopg.errors.InvalidParameterValue as error:
        raise refused(error) from None
    except psycopg.Error as error:
        raise translate(error) from None


_LOAD: Final[LiteralString] = """
select request.id as request_id, request.ws_id, request.state, request.status, request.code,
       request.parent_run_id is not distinct from %(parent)s as is_ours,
       run.id as run_id, run.status as run_status, run.exit_code,
       run.error ->> 'message' as message, run.error ->> 'hint' as hint,
       extract(epoch from run.finished_at - run.started_at)::float8 as duration_s
from jobs.requests request
left join jobs.runs run on run.id = request.current_run
where request.id = any(%(ids)s)
"""


def _load(connection: psycopg.Connection[Any], ids: list[UUID], parent: UUID) -> list[Standing]:
    with translated_errors(), connection.cursor(row_factory=class_row(Standing)) as cursor:
        return cursor.execute(_LOAD, {"ids": ids, "parent": parent}).fetchall()
