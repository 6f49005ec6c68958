"""``orchestrate --via queue``: the fleet does what children of one process would do."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from typing import Any

import pytest

from tests.acceptance.command import COMMAND, document
from tests.acceptance.fleet import Fleet, check_nothing_left
from tests.acceptance.forked import run
from tests.acceptance.test_queue import Held, drain, fleet, held, wait_until
from tests.acceptance.working import Working

__all__ = ["fleet", "held"]


def orchestrate(fleet: Fleet, *arguments: str, job: str = "sync") -> tuple[int, dict[str, Any]]:
    """Exit code and result of a fan-out by the fleet."""
    ended = run("orchestrate", job, "--via", "queue", "--json", *arguments, **fleet.environ)
    return ended.returncode, document(ended)


def told(result: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    """So much of each workspace's part of a result."""
    return [tuple(row[name] for name in names) for row in result["data"]["results"]]


def states(fleet: Fleet) -> list[str]:
    return [row[0] for row in fleet.ask("select state from jobs.requests order by created_at, id")]


def test_it_is_over_at_once_and_asks_once_however_often_cron_starts_it(fleet: Fleet) -> None:
    code, first = orchestrate(fleet)
    assert (code, first["status"], first["data"]["total"], first["data"]["queued"]) == (
        *(0, "succeeded", 4, 4),
    )
    assert (
        told(first, "status", "code", "exit_code", "error")
        == [("queued", "queued", None, None)] * 4
    )
    _, second = orchestrate(fleet)
    assert told(second, "status", "code") == [("queued", "already")] * 4
    assert told(second, "ws_id", "run_id") == told(first, "ws_id", "run_id")
    assert states(fleet) == ["queued"] * 4

    assert drain(fleet)["done"] == {"succeeded": 4}
    assert fleet.unsynced() == set()
    parents = fleet.ask("select distinct parent_run_id::text from jobs.runs where job = 'sync'")
    assert parents == [(first["run_id"],)]
    check_nothing_left(fleet)


def test_the_work_of_a_slot_is_asked_for_once_and_done_once_whoever_does_it(fleet: Fleet) -> None:
    slot = ("--slot", "2026-03-02T03:15:00Z")
    ws = str(next(iter(fleet.calendars)))
    _, first = orchestrate(fleet, *slot)
    fleet.ask("update jobs.runs set idempotency_key = null returning id")
    _, second = orchestrate(fleet, *slot)
    assert told(second, "run_id", "code") == [
        (run_id, "already") for (run_id,) in told(first, "run_id")
    ]
    assert drain(fleet)["done"] == {"succeeded": 4}
    by_hand = document(run("sync", "--ws", ws, *slot, "--json", **fleet.environ))
    assert by_hand["code"] == "already"
    fleet.ask("update jobs.runs set idempotency_key = null where job <> 'sync' returning id")
    _, third = orchestrate(fleet, *slot, "--collect")
    assert third["data"]["succeeded"] == third["data"]["total"] == 4


def test_a_slot_that_is_too_old_by_the_time_of_a_worker_is_let_go(fleet: Fleet) -> None:
    code, _ = orchestrate(fleet, "--slot", "auto", "--every", "1s", "--expires", "1h")
    assert code == 0
    ends = "select every(expires_at between slot + interval '59m' and slot + interval '61m')"
    assert fleet.ask(f"{ends} from jobs.requests") == [(True,)]


def test_who_collects_gets_what_children_would_have_given(fleet: Fleet) -> None:
    lost = next(iter(fleet.calendars))
    fleet.ask(
        "update calendar_auth_tokens set refresh_token = 'dead', access_token = 'dead'"
        f" where ws_id = '{lost}' returning id"
    )
    with Working(fleet.environ) as worker:
        worker.start()
        code, collected = orchestrate(fleet, "--collect")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    fleet.ask("update calendar_auth_tokens set is_active = true returning id")
    ended = run("orchestrate", "sync", "--json", **fleet.environ)
    own = document(ended)

    assert (code, ended.returncode) == (3, 3)
    names = ("ws_id", "status", "code", "success", "exit_code", "error")
    assert told(collected, *names) == told(own, *names)
    for part in ("status", "code", "errors", "success"):
        assert collected[part] == own[part]
    counts = {name: value for name, value in own["data"].items() if name != "results"}
    assert {name: collected["data"][name] for name in counts} == counts
    assert fleet.unsynced() == {lost}
    assert {row[0] for row in told(collected, "run_id")} <= {str(one) for one in fleet.runs()}


@pytest.mark.parametrize(
    ("signum", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_who_stops_waiting_says_what_is_unfinished_and_loses_nothing(
    fleet: Fleet, held: Held, signum: signal.Signals, exit_code: int
) -> None:
    command = [str(COMMAND), "orchestrate", "sync", "--via", "queue", "--collect", "--json"]
    with Working(fleet.environ, "--concurrency", "1") as worker:
        worker.start()
        with subprocess.Popen(
            command, env=fleet.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as waiting:
            held.wait()
            assert wait_until(lambda: "running" in states(fleet))
            waiting.send_signal(signum)
            stdout, stderr = waiting.communicate(timeout=60)
        result = document(subprocess.CompletedProcess(command, waiting.returncode, stdout, stderr))
        assert (waiting.returncode, result["data"]["queued"]) == (exit_code, 4)
        assert "4 workspaces are left to the workers" in result["error"]
        assert {row[0] for row in told(result, "status")} <= {"queued", "running"}
        assert all("a worker does it" in row[0] for row in told(result, "error"))
        held.release()
        assert wait_until(lambda: states(fleet) == ["done"] * 4)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert fleet.unsynced() == set()


def test_a_deadline_ends_the_waiting_and_not_the_work(fleet: Fleet) -> None:
    code, result = orchestrate(fleet, "--collect", "--deadline", "5s")
    assert (code, result["code"], result["data"]["queued"]) == (124, "deadline", 4)
    assert "tuturuuu-jobs doctor" in result["errors"][0]["hint"]
    shown = json.loads(run("runs", "show", result["run_id"], "--json", **fleet.environ).stdout)
    assert [child["status"] for child in shown["children"]] == ["queued"] * 4
    assert drain(fleet)["done"] == {"succeeded": 4}


def test_a_connection_that_is_lost_while_waiting_is_opened_anew(fleet: Fleet, held: Held) -> None:
    command = [str(COMMAND), "orchestrate", "sync", "--via", "queue", "--collect", "--json"]
    with Working(fleet.environ) as worker:
        worker.start()
        with subprocess.Popen(
            command, env=fleet.environ, stdout=subprocess.PIPE, text=True
        ) as waiting:
            held.wait()
            fleet.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name like 'tuturuuu-jobs/orchestrate-sync%'"
            )
            held.release()
            stdout, _ = waiting.communicate(timeout=60)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    result = document(subprocess.CompletedProcess(command, waiting.returncode, stdout, ""))
    assert (waiting.returncode, result["data"]["succeeded"], result["attempts"]) == (0, 4, 2)
    assert len(states(fleet)) == 4


def test_at_a_terminal_it_is_shown_who_is_at_work(fleet: Fleet, held: Held) -> None:
    ours, theirs = pty.openpty()
    said = b""
    command = [str(COMMAND), "orchestrate", "sync", "--via", "queue", "--collect"]
    with (
        Working(fleet.environ, "--concurrency", "1") as worker,
        os.fdopen(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(
            command,
            env=fleet.environ | {"TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stderr=theirs,
        ) as process,
    ):
        worker.start()
        held.wait()
        ((at_work,),) = fleet.ask("select ws_id::text from jobs.requests where state = 'running'")
        while at_work.encode() not in said or b"of 4 workspaces" not in said:
            said += terminal.read(4096)
        held.release()
        while b"orchestrate-sync: succeeded" not in said:
            said += terminal.read(4096)
        assert process.wait(60) == 0
        os.close(theirs)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--collect",),
        ("--via", "queue", "--limit", "3"),
        ("--via", "queue", "--attempts", "1"),
        ("--via", "queue", "--child-deadline", "5m"),
    ],
)
def test_options_that_mean_nothing_there_are_refused(
    fleet: Fleet, arguments: tuple[str, ...]
) -> None:
    ended = run("orchestrate", "sync", *arguments, **fleet.environ)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert states(fleet) == []


def test_the_fields_of_a_job_travel_with_it(fleet: Fleet) -> None:
    code, _ = orchestrate(fleet, "--past", "30d", "--allow-mass-delete", job="full-sync")
    assert code == 0
    payloads = fleet.ask("select payload - 'ws_id' from jobs.requests")
    assert payloads == [({"past": "30d", "allow_mass_delete": True},)] * 4
    assert drain(fleet)["done"] == {"succeeded": 4}


def test_a_rehearsal_asks_for_nothing(fleet: Fleet) -> None:
    ended = run("orchestrate", "sync", "--via", "queue", "--dry-run", **fleet.environ)
    assert (ended.returncode, ended.stdout.count("\n")) == (0, 5)
    assert states(fleet) == []


@pytest.mark.parametrize("arguments", [(), ("--collect",)], ids=["at once", "collected"])
def test_nobody_to_ask_for_is_said(fleet: Fleet, arguments: tuple[str, ...]) -> None:
    code, result = orchestrate(fleet, *arguments, job="schedule")
    assert (code, result["data"]["total"]) == (0, 0)
    assert [warning["code"] for warning in result["warnings"]] == ["no_workspaces"]
