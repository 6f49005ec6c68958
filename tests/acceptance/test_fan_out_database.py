"""The database leaves a fan-out alone: sessions ended, a server away for a while, a pooler.

What was committed is told to the ledger in the end, and the exit code says what is known.
"""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from tests.acceptance import forked
from tests.acceptance.command import document
from tests.acceptance.fleet import Fleet, build, check_honest, check_nothing_left
from tests.acceptance.processes import children_of
from tests.fixtures.scene import Scene
from tests.integration.runtime.pgbouncer import PROGRAM, pgbouncer
from tests.integration.runtime.test_database import pooled
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy

FAN_OUT = ("orchestrate", "sync", "--json")
SETTLE = b"update jobs.runs"


class Google:
    """Answers nobody until it is let go."""

    def __init__(self, fleet: Fleet) -> None:
        self._asked = threading.Semaphore(0)
        self._over = threading.Event()
        fault = Fault(kind=FaultKind.MUTATE, action=self._hold, endpoint="events.list")
        fleet.scene.emulator.add_fault(fault)

    def _hold(self) -> None:
        self._asked.release()
        self._over.wait(60)

    def await_asked(self, number: int) -> bool:
        """Whether so many have asked."""
        return all(self._asked.acquire(timeout=60) for _ in range(number))

    def let_go(self) -> None:
        """Answer everybody from now on."""
        self._over.set()


class Server(FaultProxy):
    """A database server that leaves, once, and comes back.

    Attributes:
        knocks: How many have tried to reach it while it was away.
        leave_at: Words of a client, not heard any more, at which it leaves.
        leave_behind: Or so many sessions, at the next of which it leaves.
        patience: How many knocks bring it back.
    """

    def __init__(
        self,
        tcp_dsn: str,
        *,
        leave_at: bytes | None = None,
        leave_behind: int | None = None,
        patience: int,
    ) -> None:
        parts = conninfo_to_dict(tcp_dsn)
        self.knocks = 0
        self.leave_at = leave_at
        self.leave_behind = leave_behind
        self.patience = patience
        self._away = threading.Event()
        super().__init__(str(parts["host"]), int(str(parts["port"])))

    def _leave(self) -> None:
        if not self._away.is_set():
            self._away.set()
            self.cut()

    @override
    def _connect(self, client: Any) -> None:
        if self.connections - 1 == self.leave_behind:
            self._leave()
        if self._away.is_set() and self.knocks < self.patience:
            self.knocks += 1
            client.close()
            return
        super()._connect(client)

    @override
    def _sprung_by(self, before: bytes, chunk: bytes) -> Any:
        if self.leave_at is not None and self.leave_at in chunk:
            self._leave()
        return super()._sprung_by(before, chunk)


def fan_out_through(server: Server, fleet: Fleet, *options: str) -> forked.Running:
    dsn = server.dsn(fleet.scene.database.tcp_dsn)
    return forked.start(*FAN_OUT, *options, **fleet.environ | {"DATABASE_URL": dsn})


def check_all_true(fleet: Fleet) -> None:
    assert fleet.unsynced() == set()
    check_nothing_left(fleet)


def warnings(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def end_sessions(fleet: Fleet, pattern: str = "tuturuuu-jobs/%") -> int:
    """End the sessions of these applications, as an administrator does; how many there were."""
    rows = fleet.scene.connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and application_name like %s",
        (pattern,),
    )
    return len(rows.fetchall())


@pytest.mark.parametrize("launcher", ["fork", "exec"])
def test_sessions_that_are_ended_during_the_fetch_cost_an_attempt(
    empty_scene: Scene, launcher: str
) -> None:
    fleet = build(empty_scene, 2)
    google = Google(fleet)
    running = forked.start(*FAN_OUT, "--launcher", launcher, **fleet.environ)
    assert google.await_asked(2)
    # The parent's, and one of each child.
    assert end_sessions(fleet) == 3
    google.let_go()
    result = check_honest(fleet, running.end())

    assert (result["exit_code"], result["data"]["succeeded"]) == (0, 2)
    attempts = fleet.ask("select job, attempt from jobs.runs order by job, attempt")
    assert attempts == [("orchestrate-sync", 1), ("sync", 2), ("sync", 2)]
    check_all_true(fleet)


def test_a_server_that_is_away_while_a_child_records_its_end_is_waited_for(
    empty_scene: Scene,
) -> None:
    fleet = build(empty_scene, 2)
    with Server(fleet.scene.database.tcp_dsn, leave_at=SETTLE, patience=3) as server:
        result = check_honest(fleet, fan_out_through(server, fleet).end())
        assert server.knocks == 3

    assert result["exit_code"] == 0
    assert Counter(fleet.runs().values()) == {"succeeded": 3}
    check_all_true(fleet)


def test_a_server_that_is_away_for_all_children_hears_of_them_with_the_next_fan_out(
    empty_scene: Scene,
) -> None:
    fleet = build(empty_scene, 2)
    # Behind the parent's session, for one knock of each child.
    with Server(fleet.scene.database.tcp_dsn, leave_behind=1, patience=2) as server:
        ended = fan_out_through(server, fleet, "--attempts", "1").end()
        result, told_by_itself = document(ended), Counter(fleet.runs().values())
        again = check_honest(fleet, fan_out_through(server, fleet).end())

    assert (result["exit_code"], result["code"]) == (69, "database_unavailable"), ended
    assert result["data"]["unavailable"] == 2
    assert told_by_itself == {"unavailable": 1}
    assert again["exit_code"] == 0
    check_honest(fleet, ended)
    assert Counter(fleet.runs().values()) == {"unavailable": 3, "succeeded": 3}
    check_all_true(fleet)


@pytest.mark.soak
def test_a_server_that_stays_away_longer_than_anybody_waits_hears_it_from_the_spool(
    empty_scene: Scene,
) -> None:
    fleet = build(empty_scene, 2)
    with Server(fleet.scene.database.tcp_dsn, leave_at=SETTLE, patience=1000) as server:
        ended = fan_out_through(server, fleet).end()
        result, told_by_itself = document(ended), set(fleet.runs().values())
        server.patience = 0
        again = check_honest(fleet, fan_out_through(server, fleet).end())

    # The work of at least one child was done; that nobody could record it is a warning.
    assert result["exit_code"] in {0, 3}, ended
    assert "unsettled" in warnings(result)
    assert told_by_itself == {"running"}
    done = [row["run_id"] for row in result["data"]["results"] if row["success"]]
    assert again["exit_code"] == 0
    check_honest(fleet, ended)
    assert {str(run): status for run, status in fleet.runs().items()}[done[0]] == "succeeded"
    check_all_true(fleet)


def test_behind_a_transaction_pooler_nobody_is_started(empty_scene: Scene) -> None:
    fleet = build(empty_scene, 2)
    with pooled(fleet.scene.database, sessions=2) as dsn:
        ended = forked.run(*FAN_OUT, **fleet.environ | {"DATABASE_URL": dsn})
    result = document(ended)

    assert (result["exit_code"], result["code"]) == (78, "transaction_pooler")
    assert "5432" in ended.stderr
    assert (fleet.scene.emulator.requests, fleet.runs()) == ((), {})
    # What is spooled waits for that address: behind another one there may be another database.
    check_honest(fleet, forked.run(*FAN_OUT, **fleet.environ))
    assert Counter(fleet.runs().values()) == {"succeeded": 3}
    assert fleet.unsynced() == set()


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
def test_behind_a_pgbouncer_that_keeps_sessions_all_is_as_without(
    empty_scene: Scene, tmp_path: Path
) -> None:
    fleet = build(empty_scene, 2)
    with pgbouncer(fleet.scene.database, tmp_path, mode="session") as dsn:
        check_honest(fleet, forked.run(*FAN_OUT, **fleet.environ | {"DATABASE_URL": dsn}))
    assert Counter(fleet.runs().values()) == {"succeeded": 3}
    assert fleet.unsynced() == set()


def test_a_child_that_dies_while_the_parent_has_no_session_is_settled_by_the_next_fan_out(
    empty_scene: Scene,
) -> None:
    fleet = build(empty_scene, 1)
    google = Google(fleet)
    running = forked.start(*FAN_OUT, "--launcher", "exec", **fleet.environ)
    assert google.await_asked(1)
    assert end_sessions(fleet, "tuturuuu-jobs/orchestrate-sync/%") == 1
    (child,) = children_of(running.pid)
    child.kill()
    ended = running.end()
    google.let_go()

    result = document(ended)
    assert (result["exit_code"], result["data"]["crashed"]) == (1, 1)
    assert warnings(result) == ["child_unsettled"]
    again = check_honest(fleet, forked.run(*FAN_OUT, **fleet.environ))
    assert again["exit_code"] == 0
    assert Counter(fleet.runs().values()) == {"failed": 1, "lost": 1, "succeeded": 2}
    check_all_true(fleet)
