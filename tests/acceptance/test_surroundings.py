"""The command in poor surroundings: no environment, odd locales and zones, no rights, no disk."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import forked
from tests.acceptance.command import COMMAND, document, run, shell
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.locks import lock_path

NOBODY = "65534"
# Root may read the interpreter below its home; this user may too, and write nowhere.
AS_NOBODY = [
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"),
    *(f"--{kind}=-all,+dac_read_search" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
]
UNPRIVILEGED = AS_NOBODY if os.geteuid() == 0 else []

ROWS = """
select string_agg(row::text, E'\\n' order by external_calendar_id, external_event_id) from (
    select external_calendar_id, external_event_id, google_event_id, google_calendar_id, provider,
           title, description, location, start_at, end_at, color, locked, is_encrypted,
           source_calendar_id, scheduling_metadata, external_updated_at, sync_status, sync_error
    from workspace_calendar_events
) row
"""


def as_nobody(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The installed command as a user without any right to write."""
    return subprocess.run(
        [*UNPRIVILEGED, str(COMMAND), *arguments],
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def environ(scene: Scene) -> dict[str, str]:
    """Settings of a run; Google has events of every kind of time, and text of every kind."""
    settings = settings_of(scene)
    settings["DATABASE_URL"] = scene.database.tcp_dsn
    put_tomorrow(scene, "standup", summary="Stand-up ☀️ d'été", location="日本 \u202e")
    day = (scene.clock.now() + timedelta(days=2)).date()
    scene.put("holiday", f"{day}", f"{day + timedelta(days=1)}", summary="All day")
    series = {
        "id": "series",
        "start": {"dateTime": f"{day}T23:30:00", "timeZone": "America/Sao_Paulo"},
        "end": {"dateTime": f"{day + timedelta(days=1)}T00:30:00", "timeZone": "America/Sao_Paulo"},
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=150"],
    }
    scene.emulator.put_event(CALENDAR, series)
    return settings


def dump(scene: Scene) -> str:
    """The rows as text, without what names the run that wrote them."""
    found = scene.connection.execute(ROWS.encode()).fetchone()
    assert found is not None
    return str(found[0])


def forget(scene: Scene) -> None:
    """As if no run had ever been."""
    scene.connection.execute(
        "truncate workspace_calendar_events, calendar_sync_states, jobs.calendar_windows cascade"
    )


SURROUNDINGS: dict[str, dict[str, str]] = {
    "C": {"LC_ALL": "C"},
    "POSIX, no bytes above 127": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "a locale that does not exist": {"LC_ALL": "xx_XX.UTF-8"},
    "east of everything": {"TZ": "Pacific/Kiritimati"},
    "west with summer time": {"TZ": "America/St_Johns"},
    "a zone that does not exist": {"TZ": ":Moon/Tycho"},
    "a zone by rule": {"TZ": "<-03>3"},
    "the client's own zone": {"PGTZ": "Asia/Tokyo", "PGDATESTYLE": "SQL, DMY"},
    "the client's own encoding": {"PGCLIENTENCODING": "LATIN1"},
}


def test_the_role_s_own_settings_change_nothing(scene: Scene, environ: dict[str, str]) -> None:
    """As an administrator's ``alter database ... set`` does."""
    line = ("full-sync", "--ws", str(scene.ws_id))
    assert forked.run(*line, **environ).returncode == 0
    wanted = dump(scene)
    forget(scene)
    name = scene.connection.info.dbname
    for setting in (
        "datestyle = 'SQL, DMY'",
        "timezone = 'Asia/Tokyo'",
        "client_encoding = latin1",
    ):
        scene.connection.execute(f"alter database {name} set {setting}".encode())
    assert forked.run(*line, **environ).returncode == 0
    assert dump(scene) == wanted


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_rows_are_the_same_to_the_byte_in_any_surroundings(
    scene: Scene, environ: dict[str, str], name: str
) -> None:
    line = ("full-sync", "--ws", str(scene.ws_id))
    assert forked.run(*line, **environ).returncode == 0
    wanted = dump(scene)
    assert wanted.count("\n") == 151
    forget(scene)
    ended = run(*line, "--json", **environ, **SURROUNDINGS[name])
    assert document(ended)["data"]["totals"]["inserted"] == 152
    assert dump(scene) == wanted


def test_an_empty_environment_and_a_configuration_file_are_enough(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    keys = {name.removeprefix("TUTURUUU_JOBS_").lower(): value for name, value in environ.items()}
    config = tmp_path / "jobs.toml"
    config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items()))
    ended = shell(f'env -i "$JOBS" --config {config} sync --ws {scene.ws_id}')
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert len(scene.rows()) == 152


def test_a_user_without_a_home_is_told_where_state_may_live(
    scene: Scene, environ: dict[str, str]
) -> None:
    del environ["TUTURUUU_JOBS_STATE_DIR"]
    ended = as_nobody("sync", "--ws", str(scene.ws_id), "--json", **environ)
    result = document(ended)
    assert (ended.returncode, result["code"]) == (78, "lock_directory")
    assert "TUTURUUU_JOBS_STATE_DIR" in ended.stderr
    assert scene.rows() == {}


def test_a_home_that_is_read_only_does_not_matter_if_the_state_lives_elsewhere(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    state = open_directory(tmp_path / "open")
    environ |= {"TUTURUUU_JOBS_STATE_DIR": str(state), "HOME": "/", "XDG_STATE_HOME": "/proc"}
    ended = as_nobody("sync", "--ws", str(scene.ws_id), "--json", **environ)
    assert (ended.returncode, document(ended)["warnings"]) == (0, [])
    assert {path.name for path in state.iterdir()} == {"locks", "results"}
    assert (state / "locks").stat().st_mode & 0o077 == 0


def open_directory(path: Path) -> Path:
    """A directory that the unprivileged user may write; whatever leads to it, it may pass."""
    path.mkdir(mode=0o777)
    path.chmod(0o777)
    return path


def leave_a_living_pid(lock: Path) -> None:
    lock.write_text(json.dumps({"run_id": "x", "pid": os.getpid(), "started_at": "2026"}))


def leave_a_plain_pid(lock: Path) -> None:
    lock.write_text(f"{os.getpid()}\n")


def leave_rubbish(lock: Path) -> None:
    lock.write_bytes(b"\xff\x00{" * 500)


def leave_nothing(lock: Path) -> None:
    lock.touch()


@pytest.mark.parametrize(
    "leave", [leave_a_living_pid, leave_a_plain_pid, leave_rubbish, leave_nothing]
)
def test_what_a_lock_file_says_never_stops_a_run(
    scene: Scene, environ: dict[str, str], leave: Callable[[Path], None]
) -> None:
    lock = lock_of(scene, scene.state_dir)
    lock.parent.mkdir(parents=True)
    leave(lock)
    assert forked.run("sync", "--ws", str(scene.ws_id), **environ).returncode == 0
    assert len(scene.rows()) == 152


def lock_of(scene: Scene, state: Path) -> Path:
    """The lock file of the scene's workspace."""
    return lock_path(state / "locks", f"google-calendar-sync-{scene.ws_id}")


@pytest.mark.parametrize("mode", [0o400, 0o444])
def test_a_lock_file_of_somebody_else_is_a_setting_and_not_busy(
    scene: Scene, environ: dict[str, str], tmp_path: Path, mode: int
) -> None:
    state = open_directory(tmp_path / "open")
    lock = lock_of(scene, state)
    lock.parent.mkdir()
    lock.touch()
    lock.chmod(mode)
    environ["TUTURUUU_JOBS_STATE_DIR"] = str(state)
    ended = as_nobody("sync", "--ws", str(scene.ws_id), "--json", **environ)
    result = document(ended)
    assert (ended.returncode, result["code"]) == (78, "lock_directory")
    assert str(lock.parent) in result["error"]
    assert "writ" in result["error"] + result["errors"][0]["hint"]
    assert scene.rows() == {}


def test_a_directory_of_results_that_cannot_be_written_costs_the_record_only(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    state = open_directory(tmp_path / "open")
    open_directory(state / "locks")
    (state / "results").mkdir(mode=0o555)
    environ["TUTURUUU_JOBS_STATE_DIR"] = str(state)
    ended = as_nobody("sync", "--ws", str(scene.ws_id), "--json", **environ)
    result = document(ended)
    assert (ended.returncode, codes(result)) == (0, ["state_directory"])
    assert len(scene.rows()) == 152


def codes(result: dict[str, Any]) -> list[str]:
    """What the warnings are about."""
    return [warning["code"] for warning in result["warnings"]]


def test_a_disk_that_takes_no_byte_more_costs_the_record_only(
    scene: Scene, environ: dict[str, str], tmp_path: Path
) -> None:
    # Every write to a file fails, as on a full disk; pipes and sockets go on.
    copy = tmp_path / "result.json"
    line = f'ulimit -f 0; "$JOBS" sync --ws {scene.ws_id} --json --result-file {copy} | cat'
    ended = shell(line, **environ)
    result = json.loads(ended.stdout)
    assert (result["exit_code"], codes(result)) == (0, ["state_directory", "result_file"])
    assert len(scene.rows()) == 152
    assert list(tmp_path.rglob("*.tmp")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("target", ["/dev/full", "/dev/null", "/dev/stderr"])
def test_a_result_file_that_is_a_device_is_written_and_never_replaced(
    scene: Scene, environ: dict[str, str], tmp_path: Path, target: str
) -> None:
    # A link, so that a program that renames over its target cannot harm this machine.
    link = tmp_path / "result"
    link.symlink_to(target)
    ended = run("sync", "--ws", str(scene.ws_id), "--json", "--result-file", str(link), **environ)
    result = document(ended)
    assert (ended.returncode, codes(result)) == (0, ["result_file"] * (target == "/dev/full"))
    assert link.is_symlink()
    if target == "/dev/stderr":
        assert json.loads(ended.stderr) == result


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "> /dev/null"])
def test_closed_streams_do_not_stop_the_work(
    scene: Scene, environ: dict[str, str], closed: str
) -> None:
    ended = shell(f'"$JOBS" sync --ws {scene.ws_id} --json {closed}', **environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(scene.rows()) == 152
    assert scene.connection.execute("select status from jobs.runs").fetchall() == [("succeeded",)]


def test_a_reader_that_leaves_early_does_not_stop_the_work(
    scene: Scene, environ: dict[str, str]
) -> None:
    line = f'{{ "$JOBS" sync --ws {scene.ws_id} --json; echo "code $?" >&2; }} | true'
    ended = shell(line, **environ)
    assert ended.stderr == "code 0\n"
    assert len(scene.rows()) == 152


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_standard_output_fails_after_the_work(
    scene: Scene, environ: dict[str, str]
) -> None:
    ended = shell(f'"$JOBS" sync --ws {scene.ws_id} --json > /dev/full', **environ)
    assert ended.returncode == 1
    assert "No space left" in ended.stderr
    assert len(scene.rows()) == 152
    assert scene.connection.execute("select status from jobs.runs").fetchall() == [("succeeded",)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["runs list", "queues list", "doctor"])
def test_a_full_disk_under_a_table_is_no_bug_of_ours(environ: dict[str, str], words: str) -> None:
    ended = shell(f'"$JOBS" {words} > /dev/full', **environ)
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "tuturuuu-jobs: error: standard output: No space left on device"
    ]


@pytest.mark.parametrize("words", ["runs tail", "events read --consumer mail --for 1h"])
def test_who_follows_ends_when_nobody_reads_any_more(environ: dict[str, str], words: str) -> None:
    ended = shell(f'{{ "$JOBS" {words}; echo "code $?" >&2; }} | true', **environ)
    assert ended.stderr == "code 0\n"
