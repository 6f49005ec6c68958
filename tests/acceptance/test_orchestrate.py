"""Whole fan-outs of the installed command, on a real database and the emulator over HTTP."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from tests.acceptance.command import COMMAND, document
from tests.acceptance.forked import run
from tests.acceptance.scenery import with_standup
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.locks import file_lock
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy
from tuturuuu_jobs.testing.tuturuuu import seed


@pytest.fixture
def environ(scene: Scene) -> dict[str, str]:
    return with_standup(scene)


def add_workspace(scene: Scene, number: int, *, email: str = "ada@example.test") -> UUID:
    """One more workspace that has the account connected; ids rise with the number."""
    ws_id = UUID(f"ffffffff-0000-4000-8000-{number:012d}")
    seed.create_workspace(scene.connection, scene.user_id, ws_id=ws_id)
    account = scene.emulator.account(email)
    account_id = seed.create_account(
        scene.connection,
        ws_id,
        scene.user_id,
        access_token=account.access_token,
        refresh_token=account.refresh_token,
        email=email,
    )
    seed.create_connection(scene.connection, ws_id, account_id, CALENDAR)
    return ws_id


def reject(scene: Scene, ws_id: UUID) -> None:
    """Google answers this workspace's account that its grant is dead."""
    scene.connection.execute(
        "update calendar_auth_tokens set refresh_token = 'dead', access_token = 'dead'"
        " where ws_id = %s",
        (ws_id,),
    )


def runs(scene: Scene) -> list[tuple[Any, ...]]:
    return scene.connection.execute(
        "select job, ws_id, status, trigger, parent_run_id, id from jobs.runs order by created_at"
    ).fetchall()


@pytest.mark.parametrize("launcher", ["fork", "exec"])
def test_one_fine_one_rejected_one_busy(
    scene: Scene, environ: dict[str, str], launcher: str
) -> None:
    rejected, busy = add_workspace(scene, 1), add_workspace(scene, 2)
    reject(scene, rejected)
    key = f"google-calendar-sync-{busy}"
    with file_lock(scene.state_dir / "locks", key, run_id="x", taken_at=SystemClock().now()):
        ended = run("orchestrate", "sync", "--launcher", launcher, "--json", **environ)

    result = document(ended)
    data = result["data"]
    assert (ended.returncode, result["status"]) == (3, "partial")
    assert ended.stderr.count("\n") == 1
    assert str(rejected) in ended.stderr
    assert (data["total"], data["succeeded"], data["rejected"], data["busy"]) == (3, 1, 1, 1)
    assert [row["ws_id"] for row in data["results"]] == sorted(
        [str(scene.ws_id), str(rejected), str(busy)]
    )
    codes = {row["ws_id"]: (row["status"], row["exit_code"]) for row in data["results"]}
    assert codes == {
        str(scene.ws_id): ("succeeded", 0),
        str(rejected): ("rejected", 77),
        str(busy): ("skipped", 75),
    }
    assert [error["subject"] for error in result["errors"]] == [str(rejected)]
    assert scene.titles() == {"standup": "S"}


def test_children_have_their_own_rows_under_their_parent(
    scene: Scene, environ: dict[str, str]
) -> None:
    result = document(run("orchestrate", "full-sync", "--past", "30d", "--json", **environ))

    (child,) = result["data"]["results"]
    by_job = {row[0]: row[1:] for row in runs(scene)}
    assert by_job["orchestrate-full-sync"] == (
        None,
        "succeeded",
        "timer",
        None,
        UUID(result["run_id"]),
    )
    assert by_job["full-sync"] == (
        scene.ws_id,
        "succeeded",
        "orchestrator",
        UUID(result["run_id"]),
        UUID(child["run_id"]),
    )
    assert (result["ws_id"], result["key"]) == (None, "orchestrate-full-sync")
    payload = scene.connection.execute(
        "select payload from jobs.runs where job = 'full-sync'"
    ).fetchone()
    assert payload is not None
    assert "30" in json.dumps(payload[0]["past"])


def test_from_cron_a_fan_out_is_silent_and_v_tells_each_child(
    scene: Scene, environ: dict[str, str]
) -> None:
    plain = run("orchestrate", "sync", **environ)
    with FaultProxy.before(scene.database.tcp_dsn) as proxy:
        # The child's own row: it tells of another attempt.
        proxy.cut_before(b"insert into jobs.runs", skip=1)
        environ["DATABASE_URL"] = proxy.dsn(scene.database.tcp_dsn)
        told = run("orchestrate", "sync", "-vv", **environ)

    assert (plain.returncode, plain.stdout, plain.stderr) == (0, "", "")
    assert (told.returncode, told.stdout) == (0, "")
    lines = [json.loads(line) for line in told.stderr.splitlines()]
    (own,) = (line for line in lines if line["msg"].startswith(f"1/1 {scene.ws_id} succeeded"))
    assert (own["job"], own["attempt"]) == ("orchestrate-sync", 1)
    children = {line["run_id"] for line in lines if line.get("job") == "sync"}
    assert children == {str(row[-1]) for row in runs(scene) if row[4] == UUID(own["run_id"])}
    assert all(line["ws_id"] == str(scene.ws_id) for line in lines if line.get("job") == "sync")


def test_at_a_terminal_the_log_is_prose_that_names_the_run(
    scene: Scene, environ: dict[str, str]
) -> None:
    ours, theirs = pty.openpty()
    command = [str(COMMAND), "orchestrate", "sync", "--json", "-vv"]
    with os.fdopen(ours, "rb", buffering=0) as terminal, os.fdopen(theirs, "wb") as stderr:
        ended = subprocess.run(
            command,
            env=environ | {"TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=True,
        )
        said = terminal.read(65536).decode()

    run_id = json.loads(ended.stdout)["run_id"]
    assert f"INFO: 1/1 {scene.ws_id} succeeded" in said
    assert f"(job orchestrate-sync, run_id {run_id}, attempt 1)" in said.replace("\r\n", "")


def test_an_unchanged_partial_is_told_once(scene: Scene, environ: dict[str, str]) -> None:
    line = ("orchestrate", "sync", "--ws", str(scene.ws_id), "--ws")
    lost = "ffffffff-0000-4000-8000-00000000dead"

    first, second = run(*line, lost, **environ), run(*line, lost, **environ)

    assert (first.returncode, second.returncode) == (3, 3), first.stderr
    assert lost in first.stderr
    assert "no such workspace" in first.stderr
    assert second.stderr == ""


def test_a_dry_run_lists_the_children_with_reasons_and_starts_none(
    scene: Scene, environ: dict[str, str]
) -> None:
    run("sync", "--ws", str(scene.ws_id), **environ)
    later = add_workspace(scene, 1)
    before = runs(scene)

    ended = run("orchestrate", "sync", "--dry-run", **environ)

    head, first, second = ended.stdout.splitlines()
    assert head.split() == ["position", "ws_id", "reason"]
    assert first.split(maxsplit=2) == ["1", str(later), "no success on record"]
    assert second.split(maxsplit=2)[:2] == ["2", str(scene.ws_id)]
    assert "last success" in second
    assert runs(scene) == before


def test_a_list_that_cannot_be_trusted_is_an_error_and_never_empty(
    scene: Scene, environ: dict[str, str]
) -> None:
    hidden = environ | {"DATABASE_URL": scene.database.dsn_as("jobs_without_bypass")}
    away = environ | {"DATABASE_URL": "postgresql://nobody:canary-77@127.0.0.1:1/none"}

    blind = run("orchestrate", "sync", "--json", "--dry-run", **hidden)
    lost = run("orchestrate", "sync", "--json", "--dry-run", **away)

    assert (blind.returncode, document(blind)["status"]) == (78, "failed")
    assert (lost.returncode, document(lost)["status"]) == (69, "unavailable")
    assert "canary-77" not in lost.stdout + lost.stderr


def test_without_any_workspace_it_succeeds_and_says_so(
    empty_scene: Scene,
) -> None:
    scene = empty_scene
    result = document(
        run(
            "orchestrate",
            "sync",
            "--json",
            DATABASE_URL=scene.database.dsn,
            GOOGLE_CLIENT_ID="id",
            GOOGLE_CLIENT_SECRET="secret",
            TUTURUUU_JOBS_STATE_DIR=str(scene.state_dir),
        )
    )

    assert (result["exit_code"], result["data"]["total"]) == (0, 0)
    assert [warning["code"] for warning in result["warnings"]] == ["no_workspaces"]


def test_a_slot_is_done_once_and_its_children_stand_for_it(
    scene: Scene, environ: dict[str, str]
) -> None:
    line = ("orchestrate", "sync", "--slot", "2026-11-25T03:00:00Z", "--json")

    first, second = document(run(*line, **environ)), document(run(*line, **environ))

    assert (first["code"], second["code"], second["exit_code"]) == ("succeeded", "already", 0)
    slots = scene.connection.execute(
        "select distinct slot::text, count(*) from jobs.runs group by 1"
    )
    assert slots.fetchall() == [("2026-11-25 03:00:00+00", 2)]


def test_a_cancelled_fan_out_stops_its_children(scene: Scene, environ: dict[str, str]) -> None:
    held = Held(scene)
    with subprocess.Popen(
        [COMMAND, "orchestrate", "sync", "--json"], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert held.asked.wait(60)
        parent = next(row[5] for row in runs(scene) if row[1] is None)
        asked = run("runs", "cancel", str(parent), **environ)
        out, _ = process.communicate(timeout=60)
        held.over.set()

    result = document(subprocess.CompletedProcess([], process.returncode, out, ""))
    assert asked.returncode == 0
    assert (result["status"], result["data"]["interrupted"]) == ("cancelled", 1)
    assert sorted(row[2] for row in runs(scene)) == ["cancelled", "interrupted"]


@pytest.mark.parametrize("content", ["1", "rubbish", ""])
def test_what_a_dead_holder_left_in_a_lock_file_stops_no_fan_out(
    scene: Scene, environ: dict[str, str], content: str
) -> None:
    run("orchestrate", "sync", **environ)
    files = list((scene.state_dir / "locks").iterdir())
    for path in files:
        path.write_text(content, encoding="utf-8")

    assert files
    assert document(run("orchestrate", "sync", "--json", **environ))["status"] == "succeeded"


def test_a_state_directory_that_cannot_be_written_is_a_setting_to_correct(
    scene: Scene, environ: dict[str, str]
) -> None:
    environ["TUTURUUU_JOBS_STATE_DIR"] = "/proc/nowhere"

    ended = run("orchestrate", "sync", "--json", **environ)

    assert (ended.returncode, document(ended)["status"]) == (78, "failed")
    assert "/proc/nowhere" in ended.stderr


def test_a_second_fan_out_stands_aside(scene: Scene, environ: dict[str, str]) -> None:
    key = "orchestrate-sync"
    with file_lock(scene.state_dir / "locks", key, run_id="x", taken_at=SystemClock().now()):
        ended = run("orchestrate", "sync", "--json", **environ)

    assert (ended.returncode, document(ended)["code"]) == (75, "busy")


class Held:
    """The emulator holds every answer, so that children are at work until the test lets go."""

    def __init__(self, scene: Scene) -> None:
        self.asked, self.over = threading.Event(), threading.Event()
        scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=self._hold))

    def _hold(self) -> None:
        self.asked.set()
        self.over.wait(60)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_signal_drains_and_still_gives_one_complete_result(
    scene: Scene, environ: dict[str, str], signum: signal.Signals
) -> None:
    others = [add_workspace(scene, number) for number in range(1, 4)]
    held = Held(scene)
    with subprocess.Popen(
        [COMMAND, "orchestrate", "sync", "--json", "--limit", "1"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert held.asked.wait(60)
        process.send_signal(signum)
        out, err = process.communicate(timeout=60)
        held.over.set()

    result = document(subprocess.CompletedProcess([], process.returncode, out, err))
    data = result["data"]
    assert process.returncode == 128 + signum
    assert (result["status"], data["total"]) == ("interrupted", 1 + len(others))
    assert (data["interrupted"], data["not_started"]) == (1, 3)
    assert {row[2] for row in runs(scene)} == {"interrupted"}


@pytest.mark.parametrize("launcher", ["fork", "exec"])
def test_a_signal_to_every_process_at_once_ends_as_well_as_one_to_the_parent(
    scene: Scene, environ: dict[str, str], launcher: str
) -> None:
    held = Held(scene)
    line = [str(COMMAND), "orchestrate", "sync", "--json", "--launcher", launcher]
    with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert held.asked.wait(60)
        parent = psutil.Process(process.pid)
        for one in (*parent.children(recursive=True), parent):
            one.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        held.over.set()

    result = document(subprocess.CompletedProcess([], process.returncode, out, ""))
    assert (process.returncode, result["data"]["interrupted"]) == (143, 1)
    assert {row[2] for row in runs(scene)} == {"interrupted"}


@pytest.mark.parametrize("launcher", ["fork", "exec"])
def test_a_killed_parent_leaves_no_child_and_the_next_fan_out_heals(
    scene: Scene, environ: dict[str, str], launcher: str
) -> None:
    held = Held(scene)
    line = [str(COMMAND), "orchestrate", "sync", "--launcher", launcher]
    with subprocess.Popen(line, env=environ) as process:
        assert held.asked.wait(60)
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    psutil.wait_procs(family, timeout=20)
    held.over.set()
    again = run("orchestrate", "sync", "--json", **environ)

    assert family
    assert not any(one.is_running() for one in family)
    assert document(again)["status"] == "succeeded"
    assert sorted(row[2] for row in runs(scene)) == ["lost", "lost", "succeeded", "succeeded"]


def test_a_killed_child_is_recorded_as_crashed_by_its_parent(
    scene: Scene, environ: dict[str, str]
) -> None:
    held = Held(scene)
    with subprocess.Popen(
        [COMMAND, "orchestrate", "sync", "--json"], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert held.asked.wait(60)
        *_, child = psutil.Process(process.pid).children(recursive=True)
        child.kill()
        out, _ = process.communicate(timeout=60)
        held.over.set()

    result = document(subprocess.CompletedProcess([], process.returncode, out, ""))
    (row,) = result["data"]["results"]
    assert (row["status"], row["code"], row["exit_code"]) == ("crashed", "killed", None)
    assert (process.returncode, result["data"]["crashed"]) == (1, 1)
    assert sorted(row[2] for row in runs(scene)) == ["crashed", "failed"]


def test_a_killed_template_takes_its_child_and_the_fan_out_goes_on(
    scene: Scene, environ: dict[str, str]
) -> None:
    add_workspace(scene, 1)
    held = Held(scene)
    with subprocess.Popen(
        [COMMAND, "orchestrate", "sync", "--json", "--limit", "1"],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert held.asked.wait(60)
        (template,) = psutil.Process(process.pid).children()
        template.kill()
        held.over.set()
        out, _ = process.communicate(timeout=60)

    result = document(subprocess.CompletedProcess([], process.returncode, out, ""))
    data = result["data"]
    assert (result["status"], data["crashed"], data["succeeded"]) == ("partial", 1, 1)
    assert sorted(row[2] for row in runs(scene)) == ["crashed", "partial", "succeeded"]


def test_when_every_child_is_rejected_a_person_is_wanted(
    scene: Scene, environ: dict[str, str]
) -> None:
    reject(scene, scene.ws_id)
    ended = run("orchestrate", "sync", "--json", **environ)
    assert (ended.returncode, document(ended)["status"]) == (77, "rejected")


# As a table that has lost a column answers, but for one workspace only.
BREAK_ONE = """
create function refuse() returns trigger language plpgsql as
$$ begin raise exception 'no such column' using errcode = '42703'; end $$;
create trigger refuse before insert on workspace_calendar_events
for each row when (new.ws_id = '{}') execute function refuse();
"""


def test_a_bug_in_one_child_is_a_bug_of_the_whole(scene: Scene, environ: dict[str, str]) -> None:
    add_workspace(scene, 1)
    scene.put("event1", "2026-12-01T10:00:00Z", "2026-12-01T10:15:00Z")
    scene.connection.execute(BREAK_ONE.format(scene.ws_id).encode())
    ended = run("orchestrate", "sync", "--json", **environ)
    data = document(ended)["data"]
    assert ended.returncode == 70
    assert (data["bug"], data["succeeded"]) == (1, 1)


def test_without_time_for_a_child_the_fan_out_is_late(
    scene: Scene, environ: dict[str, str]
) -> None:
    ended = run("orchestrate", "sync", "--deadline", "16s", "--json", **environ)
    result = document(ended)
    assert (ended.returncode, result["code"]) == (124, "deadline")
    assert result["data"]["not_started"] == 1
    assert scene.emulator.requests == ()


def test_when_all_fail_alike_the_rest_is_not_started(scene: Scene, environ: dict[str, str]) -> None:
    for number in range(1, 8):
        add_workspace(scene, number)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="403 dailyLimitExceeded"))

    result = document(run("orchestrate", "sync", "--json", "--limit", "1", **environ))

    data = result["data"]
    # One met the refusal; those behind it know of it and do not ask.
    assert (result["exit_code"], result["code"]) == (69, "quota_wait")
    assert "daily_limit_exceeded" in {error["code"] for error in result["errors"]}
    asked = [request.endpoint for request in scene.emulator.requests]
    assert asked.count("events.list") == 1
    assert (data["unavailable"], data["not_started"], data["total"]) == (6, 2, 8)


@pytest.mark.parametrize("launcher", ["fork", "exec"])
def test_no_secret_stands_on_a_command_line(
    scene: Scene, environ: dict[str, str], launcher: str
) -> None:
    held = Held(scene)
    line = [str(COMMAND), "orchestrate", "sync", "--launcher", launcher]
    with subprocess.Popen(line, env=environ) as process:
        assert held.asked.wait(60)
        family = psutil.Process(process.pid).children(recursive=True)
        lines = " ".join(word for one in family for word in one.cmdline())
        held.over.set()

    assert "tuturuuu_jobs.runtime" in lines
    assert environ["DATABASE_URL"] not in lines
    assert environ["GOOGLE_CLIENT_SECRET"] not in lines


def test_at_a_terminal_the_children_at_work_are_shown(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    held = Held(scene)
    ours, theirs = pty.openpty()
    said = b""
    with (
        os.fdopen(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(
            [COMMAND, "orchestrate", "sync", "--json"],
            env=environ | {"TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        ) as process,
    ):
        while process.poll() is None and not (
            str(scene.ws_id).encode() in said and b"0 of 1 workspaces" in said
        ):
            said += terminal.read(4096)
        held.over.set()
        while b"orchestrate-sync: succeeded" not in said:
            said += terminal.read(4096)
        out, _ = process.communicate(timeout=60)
        os.close(theirs)

    assert process.returncode == 0
    assert json.loads(out)["success"] is True


@pytest.mark.parametrize(
    "words",
    [["sync", "--ws", "nonsense"], ["sync", "--limit", "0"], ["full-sync", "--wait", "soon"]],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_is_answered_with_a_document(words: list[str]) -> None:
    ended = run("orchestrate", *words, "--json")

    assert (ended.returncode, document(ended)["code"]) == (2, "usage")
