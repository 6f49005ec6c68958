"""``enqueue`` and ``worker`` as processes: what is asked for is done, once, whatever dies."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.acceptance import processes
from tests.acceptance.command import run
from tests.acceptance.fleet import Fleet, build, check_nothing_left
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


def listening(fleet: Fleet) -> bool:
    """Whether a worker has both of its connections."""
    return (
        len(
            fleet.ask(
                "select from pg_stat_activity where application_name = 'tuturuuu-jobs/worker' "
                "and datname = current_database()"
            )
        )
        == 2
    )


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


def test_a_worker_that_is_told_to_end_hands_back_what_it_holds(fleet: Fleet, held: Held) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    with Working(fleet.environ) as worker:
        worker.start()
        held.wait()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
        held.release()
    assert standing(fleet, run_id)["state"] == "queued"
    assert fleet.runs()[run_id] == "interrupted"
    assert drain(fleet)["done"] == {"succeeded": 1}
    told = standing(fleet, run_id)
    assert (told["status"], told["result"]["status"]) == ("succeeded", "succeeded")
    assert told["current_run"] != str(run_id)
    check_nothing_left(fleet)


def test_what_a_killed_worker_held_is_done_by_another_before_long(fleet: Fleet, held: Held) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    with Working(fleet.environ) as victim, Working(fleet.environ) as heir:
        victim.start()
        held.wait()
        heir.start()
        # A twin of the work that stalls waits beside it and is no obstacle.
        (twin,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
        assert twin != run_id
        victim.signal(signal.SIGKILL)
        held.release()
        assert wait_until(lambda: standing(fleet, run_id)["state"] == "done")
        assert wait_until(lambda: standing(fleet, twin)["state"] == "done")
        heir.signal(signal.SIGTERM)
        assert heir.wait() == 0
    assert standing(fleet, run_id)["status"] == "succeeded"
    assert fleet.runs()[run_id] == "lost"
    check_nothing_left(fleet)


@pytest.mark.parametrize(
    "waits", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["aged", "waited for"]
)
def test_a_stopped_worker_whose_work_was_handed_on_writes_nothing_when_it_goes_on(
    fleet: Fleet, held: Held, *, waits: bool
) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    with Working(fleet.environ) as victim, Working(fleet.environ) as heir:
        victim.start()
        held.wait()
        victim.signal(signal.SIGSTOP)
        if not waits:
            # As if it had given no sign of life for long: the others do not look at the reason.
            fleet.ask(
                "update jobs_queue.procrastinate_workers"
                " set last_heartbeat = now() - interval '1 minute' returning id"
            )
        # Its child comes to its end by itself; nobody is there to note it.
        held.release()
        heir.start()
        assert wait_until(lambda: standing(fleet, run_id)["state"] == "done")
        told = standing(fleet, run_id)
        assert (told["status"], told["current_run"]) == ("succeeded", str(run_id))
        fleet.ask("update jobs.requests set code = 'as it was' returning id")
        victim.signal(signal.SIGCONT)
        victim.signal(signal.SIGTERM)
        heir.signal(signal.SIGTERM)
        assert (victim.wait(), heir.wait()) == (0, 0)
    assert standing(fleet, run_id)["code"] == "as it was"
    assert len(fleet.runs()) == 1


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.soak)])
def test_killed_backends_cost_nothing(fleet: Fleet, held: Held, times: int) -> None:
    asked = ask(fleet, "sync", "--all")
    with Working(fleet.environ) as worker:
        worker.start()
        held.wait()
        for _ in range(times):
            fleet.ask(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'tuturuuu-jobs/worker'"
            )
            assert wait_until(lambda: listening(fleet))
        held.release()
        assert wait_until(lambda: all(standing(fleet, one)["state"] == "done" for one in asked))
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert {standing(fleet, one)["status"] for one in asked} == {"succeeded"}
    assert fleet.unsynced() == set()


def test_a_worker_whose_row_is_deleted_goes_on_under_another_number(
    fleet: Fleet, held: Held
) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    with Working(fleet.environ) as worker:
        worker.start()
        held.wait()
        fleet.ask("delete from jobs_queue.procrastinate_workers returning id")
        assert wait_until(lambda: fleet.ask("select from jobs_queue.procrastinate_workers") != [])
        held.release()
        assert wait_until(lambda: standing(fleet, run_id)["state"] == "done")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert fleet.runs() == {run_id: "succeeded"}
    assert fleet.ask("select from jobs_queue.procrastinate_jobs") == []


def test_a_worker_that_was_taken_for_dead_does_what_comes_next(fleet: Fleet) -> None:
    ws = str(next(iter(fleet.calendars)))
    connection = fleet.scene.connection
    with Working(fleet.environ) as worker:
        worker.start()
        assert wait_until(lambda: listening(fleet))
        # Told of the one by the other's commit, it has no time for a sign of life.
        with connection.transaction():
            connection.execute("delete from jobs_queue.procrastinate_workers")
            ((run_id,),) = connection.execute(
                "select jobs.enqueue('sync', jsonb_build_object('ws_id', %s::text))", (ws,)
            ).fetchall()
        assert wait_until(lambda: standing(fleet, run_id)["state"] == "done")
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    assert fleet.runs() == {run_id: "succeeded"}


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
