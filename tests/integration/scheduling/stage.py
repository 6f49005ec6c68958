"""A database on which ``schedule`` runs, and what the tables say before and after."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import namedtuple_row

from tests.fixtures.postgres import Database
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import Runtime, preview_job, run_job
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.job import ScheduleJob
from tuturuuu_jobs.scheduling.model import Snapshot
from tuturuuu_jobs.scheduling.plan import plan
from tuturuuu_jobs.scheduling.work import ScheduleData, SchedulePayload
from tuturuuu_jobs.testing.clock import VirtualClock

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)

_PHYSICAL = {
    "event": "select id, ctid::text, xmin::text from workspace_calendar_events",
    "habit link": "select id, ctid::text, xmin::text from habit_calendar_events",
    "task link": "select id, ctid::text, xmin::text from task_calendar_events",
    "skip": "select id, ctid::text, xmin::text from habit_skipped_occurrences",
}

_OWN = """
select e.id, e.ws_id, e.title, e.description, e.location, e.start_at, e.end_at, e.color, e.locked,
       e.is_encrypted, e.provider::text, e.scheduling_source::text as source,
       e.scheduling_metadata as metadata, c.calendar_type::text as calendar,
       coalesce(h.habit_id, t.task_id) as item, h.occurrence_date as date,
       t.scheduled_minutes as minutes, coalesce(h.scheduling_reason, t.scheduling_reason) as reason,
       coalesce(e.provider, 'tuturuuu') <> 'tuturuuu' or e.external_event_id is not null as external
from workspace_calendar_events e
left join habit_calendar_events h on h.event_id = e.id
left join task_calendar_events t on t.event_id = e.id
left join private.workspace_calendars c on c.id = e.source_calendar_id
where h.id is not null or t.id is not null
order by e.start_at, e.id
"""


@dataclasses.dataclass
class Stage:
    """A database, a clock, and the job under test.

    Attributes:
        seen: The snapshots that were planned and their plans, in order.
        before_plan: Called with each snapshot before it is planned.
    """

    database: Database
    state_dir: Path
    clock: VirtualClock = dataclasses.field(default_factory=lambda: VirtualClock(NOW))
    planner: Callable[[Snapshot], Plan] = plan
    suggest: Callable[[Snapshot, Plan], Plan] = lambda _snapshot, made: made
    master_key: str | None = None
    rng: random.Random = dataclasses.field(default_factory=lambda: random.Random(1))
    seen: list[tuple[Snapshot, Plan]] = dataclasses.field(
        default_factory=list[tuple[Snapshot, Plan]]
    )
    before_plan: Callable[[Snapshot], None] = lambda _snapshot: None

    def __post_init__(self) -> None:
        self.connection: psycopg.Connection[Any] = self.database.connect()

    def close(self) -> None:
        self.connection.close()

    def job(self) -> ScheduleJob:
        """The real job, watched."""

        def watched(snapshot: Snapshot) -> Plan:
            self.before_plan(snapshot)
            made = self.planner(snapshot)
            self.seen.append((snapshot, made))
            return made

        return ScheduleJob(watched, self.suggest, self.master_key)

    def runtime(self, **changes: Any) -> Runtime:
        """The real surroundings of a run, on the test's clock."""
        runtime = Runtime(
            connect=lambda name: connect(self.database.dsn, application_name=name),
            state_dir=self.state_dir,
            lock_mode=LockMode.BOTH,
            clock=self.clock,
            rng=self.rng,
            new_id=lambda: new_run_id(self.clock, self.rng),
            identity=read_identity(),
        )
        return dataclasses.replace(runtime, **changes)

    def run(self, ws_id: UUID, *, attempts: int = 1, **payload: Any) -> Result:
        """Run the job once and give its result."""
        given = SchedulePayload(ws_id, **{"window_days": 7, **payload})
        return run_job(self.job(), given, RunRequest(attempts=attempts), self.runtime())

    def preview(self, ws_id: UUID, **payload: Any) -> Result:
        """Rehearse the job and give its result."""
        given = SchedulePayload(ws_id, **{"window_days": 7, **payload})
        return preview_job(self.job(), given, RunRequest(), self.runtime())

    def own(self, ws_id: UUID | None = None) -> list[Any]:
        """Every event with a link, one row for each link, by start."""
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            rows: list[Any] = cursor.execute(_OWN).fetchall()
        return [row for row in rows if ws_id is None or row.ws_id == ws_id]

    def times(self, ws_id: UUID | None = None) -> list[str]:
        """``Title 01-05 09:00-10:00`` of every event with a link, by start."""
        return [
            f"{row.title} {row.start_at:%m-%d %H:%M}-{row.end_at:%H:%M}" for row in self.own(ws_id)
        ]

    def physical(self) -> dict[tuple[str, UUID], tuple[str, str]]:
        """ctid and xmin of every row: equal before and after means that nothing was written."""
        return {
            (table, row[0]): (row[1], row[2])
            for table, query in _PHYSICAL.items()
            for row in self.connection.execute(query.encode())
        }

    def books(self, ws_id: UUID) -> Any:
        """The app's own row about schedules, or None."""
        with self.connection.cursor(row_factory=namedtuple_row) as cursor:
            query = "select * from private.workspace_scheduling_metadata where ws_id = %s"
            return cursor.execute(query, (ws_id,)).fetchone()


def data_of(result: Result) -> dict[str, Any]:
    """The job's part, of a run that came to an end of its own."""
    assert result.exit_code == 0, (result.code, result.error)
    return result.data


__all__ = ["NOW", "ScheduleData", "Stage", "data_of"]
