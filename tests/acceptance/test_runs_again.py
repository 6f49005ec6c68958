"""A run once more: the same payload through the same wrapper, with today's code."""

import json
from typing import Any

from tests.acceptance.command import document
from tests.acceptance.forked import run
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import CALENDAR, Scene

QUERY = """
select status, trigger, replay_of::text, payload ->> 'calendars' from jobs.runs order by id
"""


def ledger(scene: Scene) -> list[tuple[Any, ...]]:
    return scene.connection.execute(QUERY).fetchall()


def break_account(scene: Scene) -> None:
    scene.connection.execute("alter table calendar_auth_tokens rename to hidden_tokens")


def repair_account(scene: Scene) -> None:
    scene.connection.execute("alter table hidden_tokens rename to calendar_auth_tokens")


def failed_sync(scene: Scene, environ: dict[str, str]) -> str:
    break_account(scene)
    workspace = ["--ws", str(scene.ws_id), "--calendar", CALENDAR, "--tag", "batch=7"]
    ended = run("sync", *workspace, "--attempts", "1", "--json", **environ)
    repair_account(scene)
    failed = document(ended)
    assert not failed["success"]
    return str(failed["run_id"])


def test_a_run_is_replayed_with_its_payload(scene: Scene) -> None:
    environ = settings_of(scene)
    put_tomorrow(scene, "meeting")
    run_id = failed_sync(scene, environ)
    again = document(run("runs", "replay", run_id, "--json", **environ))
    assert (again["success"], again["trigger"], again["ws_id"]) == (
        True,
        "replay",
        str(scene.ws_id),
    )
    payload = json.dumps([CALENDAR])
    assert ledger(scene) == [
        ("failed", "timer", None, payload),
        ("succeeded", "replay", run_id, payload),
    ]
    assert list(scene.titles()) == ["meeting"]
    shown = json.loads(run("runs", "show", again["run_id"], "--json", **environ).stdout)
    assert (shown["replay_of"], shown["tags"]) == (run_id, {"batch": "7"})
    assert "run.replayed" in [event["type"] for event in shown["events"]]


def test_what_failed_is_retried_once_and_then_there_is_nothing_to_do(scene: Scene) -> None:
    environ = settings_of(scene)
    run_id = failed_sync(scene, environ)
    failed_sync(scene, environ)
    seen = json.loads(run("runs", "retry", "--dry-run", "--json", **environ).stdout)["runs"]
    assert len(seen) == 1
    assert seen[0]["run_id"] != run_id
    assert "payload" not in seen[0]

    ended = run("runs", "retry", "--json", **environ)
    assert ended.returncode == 0
    [result] = json.loads(ended.stdout)["results"]
    assert result["status"] == "succeeded"
    assert len(ledger(scene)) == 3
    assert run("runs", "retry", "--dry-run", **environ).stdout == "nothing to retry\n"
    ended = run("runs", "retry", **environ)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_a_retry_that_fails_again_says_so_with_its_exit_code(scene: Scene) -> None:
    environ = settings_of(scene)
    failed_sync(scene, environ)
    break_account(scene)
    ended = run("runs", "retry", **environ)
    repair_account(scene)
    assert ended.returncode not in {0, 3}
    assert "tuturuuu-jobs: sync" in ended.stderr


def test_what_cannot_be_replayed_is_refused_with_a_reason(scene: Scene) -> None:
    environ = settings_of(scene)
    insert = (
        "insert into jobs.runs (id, job, concurrency_key, status, trigger, payload, finished_at)"
        " values (gen_random_uuid(), %s, 'k', 'failed', 'timer', %s, now()) returning id::text"
    )
    foreign = scene.connection.execute(insert, ["orchestrate-sync", "{}"]).fetchone()
    too_big = scene.connection.execute(insert, ["sync", '{"_omitted_bytes": 9000}']).fetchone()
    assert foreign
    assert too_big
    ended = run("runs", "replay", foreign[0], **environ)
    assert ended.returncode == 2
    assert "cannot be replayed" in ended.stderr
    ended = run("runs", "replay", too_big[0], **environ)
    assert ended.returncode == 1
    assert "ws_id" in ended.stderr
    assert run("runs", "retry", "--job", "nonsense", **environ).returncode == 2
    assert run("runs", "retry", "--job", "orchestrate-sync", **environ).returncode == 2


def test_a_retry_of_what_does_not_fit_any_more_is_no_success(scene: Scene) -> None:
    environ = settings_of(scene)
    scene.connection.execute(
        "insert into jobs.runs (id, job, concurrency_key, status, trigger, payload, finished_at)"
        " values (gen_random_uuid(), 'sync', 'k', 'failed', 'timer', '{}', now())"
    )
    ended = run("runs", "retry", "--json", **environ)
    [refused] = json.loads(ended.stdout)["results"]
    assert (ended.returncode, refused["code"], refused["attempts"]) == (1, "payload_outdated", 0)
    failed_sync(scene, environ)
    ended = run("runs", "retry", "--json", **environ)
    assert ended.returncode == 3
    assert len(json.loads(ended.stdout)["results"]) == 2
