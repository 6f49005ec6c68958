"""Fan-outs of made-up children under a real ledger."""
# ruff: noqa: ARG002 - the protocol of an audience names its parameters.

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.contract.test_launchers import ROOT
from tests.fixtures.postgres import Database
from tests.integration.runtime.parts import runtime_for
from tuturuuu_jobs import wiring
from tuturuuu_jobs.orchestration.fan_out import Children
from tuturuuu_jobs.orchestration.job import OrchestrateJob
from tuturuuu_jobs.orchestration.model import ChildOptions, ChildReport, FanOutPayload
from tuturuuu_jobs.runtime.children import Launcher, Program
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.testing.tuturuuu import seed

IDS = [UUID(f"ffffffff-0000-4000-8000-{number:012d}") for number in range(1, 9)]

CHILD_ENVIRON = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}


class Watcher:
    """Keeps what an audience is told."""

    def __init__(self) -> None:
        self.order: list[UUID] = []
        self.said_lines: list[tuple[str, str]] = []
        self.width = 0
        self.at_work = self.most_at_work = 0

    def expect(self, total: int, width: int) -> None:
        self.width = width

    def started(self, ws_id: UUID, deadline_s: float) -> None:
        self.order.append(ws_id)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)

    def ended(self, report: ChildReport) -> None:
        self.at_work -= 1

    def said(self, label: str, line: str) -> None:
        self.said_lines.append((label, line))


class FanOuts:
    """Runs fan-outs over workspaces whose children behave as the test says."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.watcher = Watcher()

    def add_workspaces(self, *ids: UUID) -> None:
        with self.database.connect() as connection:
            user_id = seed.create_user(connection)
            for ws_id in ids:
                seed.create_workspace(connection, user_id, ws_id=ws_id)
                seed.create_account(connection, ws_id, user_id, access_token="a", refresh_token="r")

    def execute(self, statement: str, *values: Any) -> None:
        with self.database.connect() as connection:
            connection.execute(statement.encode(), values)

    def run(
        self,
        default: str = "well",
        *,
        limit: int | None = None,
        deadline_s: float = 600.0,
        child_deadline_s: float = 60.0,
        others: dict[UUID, str] | None = None,
        open_launcher: Callable[[], AbstractContextManager[Launcher]] | None = None,
        clock: Clock | None = None,
        slot: datetime | None = None,
    ) -> Result:
        choice = self.folder / "choice.json"
        chosen = {str(ws_id): name for ws_id, name in (others or {}).items()}
        known = {"default": default, "dsn": self.database.dsn}
        choice.write_text(json.dumps(known | chosen), encoding="utf-8")
        program = Program("tests.integration.orchestration.child:main", CHILD_ENVIRON)
        children = Children(
            job="sync",
            options=ChildOptions(timedelta(seconds=child_deadline_s), (str(choice),)),
            open_launcher=open_launcher
            or (lambda: wiring.children.build_launcher("fork", program)),
            audience=self.watcher,
        )
        job = OrchestrateJob(
            children=children,
            queue_of_children="calendar-sync",
            successes=("sync",),
            key_prefix="google-calendar-sync-",
            here=read_identity(),
        )
        runtime = runtime_for(self.database.dsn, self.folder / "state", clock=clock)
        payload = FanOutPayload(limit=limit)
        return run_job(job, payload, RunRequest(deadline_s=deadline_s, slot=slot), runtime)


@pytest.fixture
def fan_outs(database: Database, tmp_path: Path) -> FanOuts:
    return FanOuts(database, tmp_path)


def test_children_start_in_order_and_never_more_than_the_width(fan_outs: FanOuts) -> None:
    fan_outs.add_workspaces(*IDS)
    fan_outs.execute("update jobs.queues set total_limit = 2")

    result = fan_outs.run(limit=5)

    assert (result.status, result.data["succeeded"]) == ("succeeded", 8)
    assert fan_outs.watcher.order == IDS
    assert (fan_outs.watcher.width, fan_outs.watcher.most_at_work) == (2, 2)


def test_a_child_that_breaks_its_contract_is_the_only_one_that_suffers(
    fan_outs: FanOuts,
) -> None:
    fan_outs.add_workspaces(*IDS[:3])

    result = fan_outs.run(others={IDS[1]: "two_documents"})

    assert (result.exit_code, result.code) == (70, "bad_envelope")
    assert (result.data["succeeded"], result.data["bug"]) == (2, 1)
    assert [error.subject for error in result.errors] == [str(IDS[1])]


def test_the_row_of_a_child_that_died_at_work_is_settled_as_crashed(fan_outs: FanOuts) -> None:
    fan_outs.add_workspaces(*IDS[:2])

    result = fan_outs.run(others={IDS[0]: "dies_at_work"})

    first, second = result.data["results"]
    assert (first["status"], first["code"], second["status"]) == ("crashed", "killed", "succeeded")
    assert result.status == "partial"
    with fan_outs.database.connect() as connection:
        found = connection.execute(
            "select status, code, epoch from jobs.runs where id = %s", [first["run_id"]]
        ).fetchall()
    assert found == [("crashed", "killed", 0)]


def test_a_child_at_its_deadline_is_timed_out_and_the_others_are_not(
    fan_outs: FanOuts,
) -> None:
    fan_outs.add_workspaces(*IDS[:2])

    result = fan_outs.run(child_deadline_s=0.5, others={IDS[0]: "answers_term"})

    first, second = result.data["results"]
    assert (first["status"], first["code"], first["exit_code"]) == ("timed_out", "deadline", 143)
    assert second["status"] == "succeeded"
    assert result.status == "partial"


def test_without_time_nobody_is_started_and_that_is_not_their_failure(
    fan_outs: FanOuts,
) -> None:
    fan_outs.add_workspaces(*IDS[:3])

    result = fan_outs.run(deadline_s=16.0)

    assert (result.exit_code, result.code) == (124, "deadline")
    assert result.data["not_started"] == 3
    assert [error.subject for error in result.errors] == [None]


def test_five_alike_stop_the_rest(fan_outs: FanOuts) -> None:
    fan_outs.add_workspaces(*IDS)

    result = fan_outs.run("unavailable", limit=1)

    assert (result.exit_code, result.code) == (69, "away")
    assert (result.data["unavailable"], result.data["not_started"]) == (5, 3)
    assert result.attempts == 1


def test_five_alike_at_the_very_end_give_nothing_up(fan_outs: FanOuts) -> None:
    fan_outs.add_workspaces(*IDS[:6])

    result = fan_outs.run("unavailable", limit=1, others={IDS[0]: "well"})

    assert (result.exit_code, result.status) == (3, "partial")


def test_a_machine_that_can_start_no_process_reports_every_workspace(
    fan_outs: FanOuts,
) -> None:
    fan_outs.add_workspaces(*IDS[:3])
    # More than a child's environment may hold: the kernel refuses to start it.
    program = Program("nowhere:main", {"TOO_LONG": "x" * (1 << 20)})

    result = fan_outs.run(open_launcher=lambda: wiring.children.build_launcher("exec", program))

    assert (result.exit_code, result.code, result.attempts) == (69, "no_process", 1)
    assert (result.data["total"], result.data["not_started"]) == (3, 3)


@pytest.mark.parametrize("moment", ["before the first child", "behind the last one"])
def test_a_signal_that_nothing_drains_still_reports_every_workspace(
    fan_outs: FanOuts, moment: str
) -> None:
    fan_outs.add_workspaces(*IDS)

    @contextlib.contextmanager
    def interrupted() -> Generator[Launcher]:
        program = Program("tests.integration.orchestration.child:main", CHILD_ENVIRON)
        with wiring.children.build_launcher("fork", program) as launcher:
            if moment == "before the first child":
                signal.raise_signal(signal.SIGTERM)
            yield launcher
        signal.raise_signal(signal.SIGTERM)

    result = fan_outs.run("unavailable", limit=1, open_launcher=interrupted)

    began = 0 if moment == "before the first child" else 5
    assert (result.exit_code, result.status) == (143, "interrupted")
    assert (result.data["unavailable"], result.data["not_started"]) == (began, 8 - began)


def test_a_paused_queue_starts_nobody(fan_outs: FanOuts) -> None:
    fan_outs.add_workspaces(IDS[0])
    fan_outs.execute("update jobs.queues set paused_until = now() + interval '1 hour'")

    result = fan_outs.run()

    assert (result.exit_code, result.code) == (75, "paused")
    assert fan_outs.watcher.order == []


def test_what_children_say_is_told_under_their_name_and_without_secrets(
    fan_outs: FanOuts,
) -> None:
    fan_outs.add_workspaces(IDS[0])

    fan_outs.run("leaks_a_token")

    assert fan_outs.watcher.said_lines == [(str(IDS[0]), "Authorization: [redacted] [redacted]")]
