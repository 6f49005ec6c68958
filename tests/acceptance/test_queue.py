"""``enqueue`` and ``worker`` as processes: what is asked for is done, once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.acceptance import processes
from tests.acceptance.fleet import Fleet, build, check_nothing_left
from tests.acceptance.forked import run
from tests.acceptance.working import Working
from tests.fixtures.scene import Scene
from tuturuuu_jobs.runtime.locks import advisory_key
from tuturuuu_jobs.testing.emulator import Fault, FaultKind


@pytest.fixture
def fleet(scene: Scene) -> Fleet:
    return build(scene, 3)


class Held:
    """The first listing at Google, which comes to an end only when it is let go."""

    def __init__(self, scene: Scene) -> None:
        self._here, self._go_on = threading.Event(), threading.Event()
        scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=self._hold))

    def _hold(self) -> None:
        self._here.set()
        self._go_on.wait(60)

    def wait(self) -> None:
        """Until somebody asks for it."""
        assert self._here.wait(60)

    def release(self) -> None:
        """Let it come to its end."""
        self._go_on.set()


@pytest.fixture
def held(fleet: Fleet) -> Iterator[Held]:
    made = Held(fleet.scene)
    yield made
    made.release()


def wait_until(holds: Callable[[], bool]) -> bool:
    """Whether it comes true; a worker is taken for dead after twenty seconds."""
    return processes.wait_until(holds, within_s=60)


def ask(fleet: Fleet, *arguments: str, stdin: str = "") -> list[UUID]:
    """Ask for runs; gives their ids."""
    ended = run("enqueue", *arguments, "--json", stdin=stdin, **fleet.environ)
    assert ended.returncode == 0, ended.stderr
    return [UUID(one["run_id"]) for one in json.loads(ended.stdout)["runs"]]


def drain(fleet: Fleet, *arguments: str) -> dict[str, Any]:
    """Let one worker do what there is; gives what it says of that."""
    ended = run("worker", "--drain", "--json", *arguments, **fleet.environ)
    assert ended.stdout, ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    assert ended.returncode == (0 if said["done"].keys() <= {"succeeded", "expired"} else 3)
    return said


def standing(fleet: Fleet, run_id: UUID) -> dict[str, Any]:
    ((told,),) = fleet.ask(f"select jobs.run_status('{run_id}')")
    return dict(told)


def test_what_was_asked_for_is_done_and_its_result_is_there_to_read(fleet: Fleet) -> None:
    asked = ask(fleet, "full-sync", "--all", "--tag", "why=test")
    assert [standing(fleet, one)["state"] for one in asked] == ["queued"] * 4
    assert drain(fleet) == {"done": {"succeeded": 4}, "handed_back": 0}

    assert fleet.unsynced() == set()
    for run_id in asked:
        told = standing(fleet, run_id)
        assert (told["state"], told["status"]) == ("done", "succeeded")
        assert told["result"]["run_id"] == str(run_id)
    rows = fleet.ask("select id, trigger, tags, job from jobs.runs")
    assert {row[0] for row in rows} == set(asked)
    assert {(row[1], row[2]["why"], row[3]) for row in rows} == {("queue", "test", "full-sync")}
    assert fleet.ask("select from jobs_queue.procrastinate_jobs") == []
    check_nothing_left(fleet)


def test_work_for_later_stands_in_nobodys_way_and_no_drain_waits_for_it(fleet: Fleet) -> None:
    ws = str(next(iter(fleet.calendars)))
    (later,) = ask(fleet, "sync", "--ws", ws, "--in", "1h")
    (now,) = ask(fleet, "sync", "--ws", ws)
    assert later != now
    assert drain(fleet)["done"] == {"succeeded": 1}
    assert (standing(fleet, later)["state"], standing(fleet, now)["state"]) == ("queued", "done")


def test_what_waited_too_long_is_not_begun(fleet: Fleet) -> None:
    ws = str(next(iter(fleet.calendars)))
    (run_id,) = ask(fleet, "sync", "--ws", ws, "--expires", "1s")
    fleet.ask("update jobs.requests set expires_at = now() - interval '1 second' returning id")
    drain(fleet)
    told = standing(fleet, run_id)
    assert (told["state"], told["status"], told["result"]) == ("done", "expired", None)
    assert fleet.runs() == {}


def test_a_key_that_is_held_makes_the_work_wait_and_leaves_no_run_behind(fleet: Fleet) -> None:
    ws_id = next(iter(fleet.calendars))
    (run_id,) = ask(fleet, "sync", "--ws", str(ws_id))
    other = ask(fleet, "sync", "--ws", str(list(fleet.calendars)[1]))[0]
    with Working(fleet.environ, "--drain") as worker, fleet.scene.database.connect() as holder:
        holder.execute(
            "select pg_advisory_lock(%s)", (advisory_key(f"google-calendar-sync-{ws_id}"),)
        )
        worker.start()
        assert wait_until(lambda: standing(fleet, other)["state"] == "done")
        assert standing(fleet, run_id)["state"] == "queued"
        holder.close()
        assert worker.wait() == 0
    assert fleet.runs() == {run_id: "succeeded", other: "succeeded"}


def test_a_failure_is_kept_frees_the_key_and_is_told_by_the_exit_code(fleet: Fleet) -> None:
    fleet.scene.connection.execute(
        "update calendar_auth_tokens set refresh_token = 'dead', access_token = 'dead'"
    )
    ws = str(next(iter(fleet.calendars)))
    (run_id,) = ask(fleet, "sync", "--ws", ws, "--idempotency-key", "k")
    ended = run("worker", "--drain", "--json", **fleet.environ)
    assert (json.loads(ended.stdout)["done"], ended.returncode) == ({"rejected": 1}, 3)
    line = json.loads(ended.stderr)
    assert (line["level"], line["run_id"], line["ws_id"]) == ("error", str(run_id), ws)
    assert "refresh token" in line["msg"]
    told = standing(fleet, run_id)
    assert (told["state"], told["status"]) == ("done", "rejected")
    assert ask(fleet, "sync", "--ws", ws, "--idempotency-key", "k") != [run_id]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("sink", "--all"), "", "no job sink"),
        (("sync",), "", "no workspace is named"),
        (("sync", "--all", "--at", "noon"), "", "--at"),
        (("sync", "--all", "--at", "2026-03-02T03:15:00Z", "--in", "1h"), "", "two moments"),
        (("full-sync", "--all", "--payload", "-"), '{"access_token": "canary"}', "access_token"),
        (("schedule", "--all", "--payload", "-"), '{"windowDays": "x"}', "windowDays"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_line(
    fleet: Fleet, arguments: tuple[str, ...], stdin: str, words: str
) -> None:
    ended = run("enqueue", *arguments, stdin=stdin, **fleet.environ)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert words in ended.stderr
    assert "canary" not in ended.stderr
    assert fleet.ask("select from jobs.requests") == []
