"""Whole runs of the installed command, on a real database and the emulator over HTTP."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.command import COMMAND, document
from tests.acceptance.forked import run
from tests.acceptance.scenery import add_lost_calendar, with_standup
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.locks import file_lock
from tuturuuu_jobs.testing.emulator import Fault, FaultKind


@pytest.fixture
def environ(scene: Scene) -> dict[str, str]:
    return with_standup(scene)


def test_a_run_from_cron_is_silent_and_the_rows_are_there(
    scene: Scene, environ: dict[str, str]
) -> None:
    ended = run("sync", "--ws", str(scene.ws_id), **environ)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert scene.titles() == {"standup": "S"}


def test_json_and_result_file_are_the_result_on_disk(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "result.json"
    payload = json.dumps({"wsId": str(scene.ws_id), "priority": "high"})

    ended = run(
        "full-sync",
        "--payload",
        "-",
        "--json",
        "--result-file",
        str(path),
        stdin=payload,
        **environ,
    )

    result = document(ended)
    assert (result["job"], result["status"], result["trigger"]) == (
        "full-sync",
        "succeeded",
        "timer",
    )
    assert [warning["subject"] for warning in result["warnings"]] == ["priority"]
    assert json.loads(path.read_text(encoding="utf-8")) == result
    (kept,) = (scene.state_dir / "results").rglob(f"{result['run_id']}.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["data"] == result["data"]
    assert ended.stderr == ""


def test_a_dry_run_prints_the_plan_and_leaves_nothing_behind(
    scene: Scene, environ: dict[str, str]
) -> None:
    ended = run("full-sync", "--ws", str(scene.ws_id), "--dry-run", **environ)

    head, line = ended.stdout.splitlines()
    assert head.split()[:3] == ["calendar", "action", "event_id"]
    assert line.split()[:3] == [CALENDAR, "insert", "standup"]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert scene.rows() == {}
    assert not scene.state_dir.exists()


def test_a_partial_run_is_told_once_and_again_when_it_changes(
    scene: Scene, environ: dict[str, str]
) -> None:
    add_lost_calendar(scene)
    line = ("sync", "--ws", str(scene.ws_id))

    first, second = run(*line, **environ), run(*line, **environ)
    scene.connection.execute("delete from calendar_connections where calendar_name = 'Lost'")
    whole = run(*line, **environ)
    add_lost_calendar(scene)
    back = run(*line, **environ)

    assert [first.returncode, second.returncode, whole.returncode, back.returncode] == [3, 3, 0, 3]
    run_id = max(path.stem for path in (scene.state_dir / "results").rglob("*.json"))
    assert "lost@example.test" in first.stderr
    assert f"run {run_id}" in back.stderr
    assert second.stderr == ""
    assert whole.stderr == ""
    assert "lost@example.test" in back.stderr


def test_at_a_terminal_a_run_ends_with_a_summary(scene: Scene, environ: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        ended = subprocess.run(
            [COMMAND, "sync", "--ws", str(scene.ws_id)],
            env=environ | {"TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=False,
        )
        said = terminal.read(65_536).decode()
        os.close(theirs)

    assert (ended.returncode, ended.stdout) == (0, b"")
    assert f"sync {scene.ws_id}: succeeded" in said
    assert "inserted 1" in said


@pytest.mark.parametrize(("choice", "code"), [("skip", 75), ("fail", 1), ("wait", 75)], ids=str)
def test_a_busy_workspace_is_met_as_the_caller_chose(
    scene: Scene, environ: dict[str, str], choice: str, code: int
) -> None:
    line = ("sync", "--ws", str(scene.ws_id), "--on-busy", choice, "--wait", "1s")
    key = f"google-calendar-sync-{scene.ws_id}"
    with file_lock(scene.state_dir / "locks", key, run_id="x", taken_at=SystemClock().now()):
        plain = run(*line, **environ)
        told = document(run(*line, "--json", **environ))

    assert (plain.returncode, plain.stdout) == (code, "")
    assert (plain.stderr == "") == (code == 75)
    assert (told["exit_code"], told["code"], told["attempts"]) == (code, "busy", 0)
    assert scene.rows() == {}


def test_sigterm_in_the_middle_is_answered_and_recorded(
    scene: Scene, environ: dict[str, str]
) -> None:
    asked, over = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        over.wait(60)

    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=hold))
    with subprocess.Popen(
        [COMMAND, "sync", "--ws", str(scene.ws_id), "--json"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert asked.wait(60)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        over.set()

    result = document(subprocess.CompletedProcess([], process.returncode, out, err))
    assert (process.returncode, result["status"]) == (143, "interrupted")
    recorded = scene.connection.execute(
        "select status from jobs.runs where id = %s", (result["run_id"],)
    ).fetchone()
    assert recorded == ("interrupted",)


def test_at_a_terminal_a_long_run_shows_how_far_it_is(
    scene: Scene, environ: dict[str, str]
) -> None:
    shown = threading.Event()
    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=lambda: shown.wait(60)))
    ours, theirs = pty.openpty()
    said = b""
    with (
        os.fdopen(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(
            [COMMAND, "sync", "--ws", str(scene.ws_id), "--json"],
            env=environ | {"TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        ) as process,
    ):
        while CALENDAR.encode() not in said:
            said += terminal.read(4096)
        shown.set()
        while f"sync {scene.ws_id}: succeeded".encode() not in said:
            said += terminal.read(4096)
        out, _ = process.communicate(timeout=60)
        os.close(theirs)

    assert process.returncode == 0
    assert json.loads(out)["success"] is True


def test_the_machine_s_time_zone_changes_no_row(scene: Scene, environ: dict[str, str]) -> None:
    today = SystemClock().now().date()
    scene.put("holiday", f"{today}", f"{today + timedelta(days=1)}", summary="All day")
    line = ("full-sync", "--ws", str(scene.ws_id))

    wrote = run(*line, TZ="Pacific/Kiritimati", **environ)
    before = scene.rows()
    again = run(*line, "--dry-run", TZ="America/Los_Angeles", **environ)

    assert wrote.returncode == 0
    assert before[CALENDAR, "holiday"]["start_at"].isoformat() == f"{today}T00:00:00+00:00"
    assert (again.returncode, again.stdout) == (0, "nothing to change\n")


def test_an_unwritable_state_directory_is_a_setting_to_correct(
    scene: Scene, environ: dict[str, str]
) -> None:
    environ["TUTURUUU_JOBS_STATE_DIR"] = "/proc/nowhere"

    ended = run("sync", "--ws", str(scene.ws_id), "--json", **environ)

    assert ended.returncode == 78
    assert "/proc/nowhere" in ended.stderr
    assert document(ended)["status"] == "failed"
    assert scene.rows() == {}


def test_an_unknown_workspace_is_rejected_with_its_own_code(environ: dict[str, str]) -> None:
    ws_id = "00000000-0000-4000-8000-000000000001"

    ended = run("sync", "--ws", ws_id, "--json", **environ)

    assert (ended.returncode, document(ended)["code"]) == (77, "workspace_not_found")


def test_a_database_that_does_not_answer_is_unavailable(environ: dict[str, str]) -> None:
    closed = {"DATABASE_URL": "postgresql://nobody:canary-77@127.0.0.1:1/none"}
    ws_id = "00000000-0000-4000-8000-000000000001"

    ended = run("sync", "--ws", ws_id, "--json", "--attempts", "1", **(environ | closed))

    assert ended.returncode == 69
    assert document(ended)["status"] == "unavailable"
    assert "canary-77" not in ended.stdout + ended.stderr
