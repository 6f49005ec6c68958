"""What an operator does about work in the queue while a real worker does it."""

from __future__ import annotations

import json
import signal
from uuid import UUID

from tests.acceptance.fleet import Fleet, check_nothing_left
from tests.acceptance.forked import run
from tests.acceptance.test_queue import Held, ask, drain, fleet, held, standing, wait_until
from tests.acceptance.working import Working

__all__ = ["fleet", "held"]


def test_what_failed_is_put_back_and_done_as_another_run_that_names_it(fleet: Fleet) -> None:
    ws = str(next(iter(fleet.calendars)))
    fleet.ask("update calendar_auth_tokens set refresh_token = 'd' || refresh_token returning id")
    fleet.ask("update calendar_auth_tokens set access_token = 'd' || access_token returning id")
    (run_id,) = ask(fleet, "sync", "--ws", ws, "--tag", "why=test")
    assert drain(fleet)["done"] == {"rejected": 1}
    fleet.ask(
        "update calendar_auth_tokens set is_active = true, access_token = substr(access_token, 2),"
        " refresh_token = substr(refresh_token, 2) returning id"
    )

    ended = run("runs", "retry", "--exhausted", "--json", **fleet.environ)
    assert ended.returncode == 0, ended.stderr
    (row,) = json.loads(ended.stdout)["queued"]
    assert row["replay_of"] == str(run_id)
    assert drain(fleet)["done"] == {"succeeded": 1}
    assert standing(fleet, UUID(row["run_id"]))["status"] == "succeeded"
    assert standing(fleet, run_id)["status"] == "rejected"
    query = f"select replay_of, tags ->> 'why', trigger from jobs.runs where id = '{row['run_id']}'"
    assert fleet.ask(query) == [(run_id, "test", "queue")]
    shown = run("runs", "list", "--exhausted", "--json", **fleet.environ)
    assert json.loads(shown.stdout) == {"runs": []}
    check_nothing_left(fleet)


def test_a_run_at_work_is_cancelled_and_not_begun_anew(fleet: Fleet, held: Held) -> None:
    (run_id,) = ask(fleet, "sync", "--ws", str(next(iter(fleet.calendars))))
    with Working(fleet.environ) as worker:
        worker.start()
        held.wait()
        ended = run("runs", "cancel", str(run_id), "--json", **fleet.environ)
        assert json.loads(ended.stdout)["reached"] == "signalled"
        assert wait_until(lambda: standing(fleet, run_id)["state"] == "done")
        held.release()
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0
    told = standing(fleet, run_id)
    assert (told["status"], told["result"]["code"]) == ("cancelled", "cancelled")
    assert fleet.runs() == {run_id: "cancelled"}
    assert fleet.ask("select from jobs_queue.procrastinate_jobs") == []
    check_nothing_left(fleet)
