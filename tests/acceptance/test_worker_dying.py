"""A worker that is stopped, killed, cut off or forgotten: what it held is done, and done once."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance import processes
from tests.acceptance.fleet import Fleet, check_nothing_left
from tests.acceptance.test_queue import Held, ask, drain, fleet, held, standing, wait_until
from tests.acceptance.working import Working

__all__ = ["fleet", "held"]


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
        ((child,),) = fleet.ask(f"select pid from jobs.runs where id = '{run_id}'")
        victim.signal(signal.SIGKILL)
        # The kernel ends the child too; before, it could still come to its end.
        assert wait_until(lambda: processes.start_of(child) is None)
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


def test_a_worker_that_cannot_go_on_hands_back_what_it_holds(fleet: Fleet, held: Held) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    taking = "function jobs_queue.procrastinate_fetch_job_v2"
    with Working(fleet.environ) as worker:
        worker.start()
        held.wait()
        # As a schema that is not the one it knows.
        fleet.scene.connection.execute(f"alter {taking} rename to away".encode())
        fleet.ask("select pg_notify('procrastinate_any_queue_v1', '{}')")
        assert worker.wait() == 70
        held.release()
    fleet.scene.connection.execute(
        b"alter function jobs_queue.away rename to procrastinate_fetch_job_v2"
    )
    assert standing(fleet, run_id)["state"] == "queued"
    assert fleet.ask("select from jobs_queue.procrastinate_workers") == []
    assert drain(fleet)["done"] == {"succeeded": 1}
    check_nothing_left(fleet)
