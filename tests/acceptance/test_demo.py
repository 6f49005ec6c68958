"""The demo as a process: what it shows, what it leaves running, and that nothing else is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.command import COMMAND, document, run, shell
from tuturuuu_jobs.commands.week import LEGEND


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A temporary directory with a path short enough for sockets, open to every user."""
    folder = Path(tempfile.mkdtemp(prefix="tjd", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def environ(scratch: Path) -> dict[str, str]:
    """A user's environment, far away from the real one."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    return {"TMPDIR": str(temporary), "XDG_STATE_HOME": str(scratch / "state")}


def left_in(scratch: Path) -> list[str]:
    return sorted(str(path.relative_to(scratch)) for path in scratch.rglob("*"))


def is_alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_the_demo_compares_thousands_of_rows_and_leaves_nothing(
    scratch: Path, environ: dict[str, str]
) -> None:
    ended = run("demo", **environ)

    assert (ended.returncode, ended.stderr) == (0, "")
    compared = re.search(r"^  (\d+) rows compared, 0 differ$", ended.stdout, re.MULTILINE)
    assert compared is not None
    assert int(compared[1]) > 5000
    for command in ("db migrate", "full-sync --ws $WS_TEAM --json", "sync --ws $WS_GONE --json"):
        assert f"  $ tuturuuu-jobs {command}\n" in ended.stdout
    assert "  $ tuturuuu-jobs schedule --ws $WS_TEAM --json\n" in ended.stdout
    assert ended.stdout.count(LEGEND) >= 3
    assert "rows lie where they lay" in ended.stdout.partition("Schedule both")[2]
    assert "\x1b" not in ended.stdout
    assert left_in(scratch) == ["tmp"]


def put_event(control_url: str, body: dict[str, Any]) -> None:
    arguments = {"calendar_id": "ada@example.test", "body": body}
    request = urllib.request.Request(f"{control_url}/put-event", json.dumps(arguments).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        assert response.status == 200


def exported(env_file: Path) -> dict[str, str]:
    """What a shell has after reading the file."""
    line = f'. "{env_file}" && env -0'
    ended = subprocess.run(["/bin/sh", "-c", line], env={}, capture_output=True, check=True)
    pairs = (pair.partition("=") for pair in ended.stdout.decode().split("\0") if pair)
    return {name: value for name, _, value in pairs}


def test_a_kept_demo_can_be_used_by_hand_and_be_stopped(
    scratch: Path, environ: dict[str, str]
) -> None:
    env_file = scratch / "env"

    kept = run("demo", "--keep", "--env-file", str(env_file), "--json", **environ)

    told = json.loads(kept.stdout)
    assert (kept.returncode, kept.stderr) == (0, "")
    assert (told["ok"], told["rows_differ"], told["env_file"]) == (True, 0, str(env_file))
    assert all(entry["as_expected"] for entry in (*told["runs"], *told["schedules"]))
    assert [(entry["new"] > 0, entry["kept"] > 0) for entry in told["schedules"]] == [
        *((True, False), (True, False), (False, True), (False, True))
    ]
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    settings = exported(env_file)
    note = json.loads((Path(settings["TUTURUUU_JOBS_STATE_DIR"]) / "demo.json").read_text())
    postmaster = Path(note["postgres"], "data/postmaster.pid").read_text().splitlines()[0]
    pids = [note["emulator"]["pid"], int(postmaster)]
    assert all(map(is_alive, pids))

    again = run("demo", "--keep", "--env-file", str(scratch / "other"), **environ)
    assert (again.returncode, again.stdout) == (2, "")
    assert str(env_file) in again.stderr

    when = {"dateTime": told_day(settings)}
    put_event(settings["DEMO_GOOGLE_CONTROL_URL"], {"id": "mine", "start": when, "end": when})
    by_hand = shell(f'. "{env_file}" && "$JOBS" sync --ws "$WS_PERSONAL" --json')
    assert document(by_hand)["data"]["totals"]["inserted"] == 1

    stopped = shell(f'. "{env_file}" && "$JOBS" demo --stop')
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert not any(map(is_alive, pids))
    assert left_in(scratch) == ["tmp"]
    assert run("demo", "--stop", **environ).stdout == "no demo is running\n"


def told_day(settings: dict[str, str]) -> str:
    """The emulator's own time."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"{settings['DEMO_GOOGLE_CONTROL_URL']}/clock"
    with opener.open(url, data=b"{}", timeout=10) as response:
        now: str = json.load(response)["now"]
    return now


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_cleans_up(
    scratch: Path, environ: dict[str, str], number: int, code: int
) -> None:
    with subprocess.Popen(
        [COMMAND, "demo"],
        env=environ | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Full sync" in line:
                break
        os.killpg(process.pid, number)
        process.stdout.read()

    assert process.returncode == code
    assert left_in(scratch) == ["tmp"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--keep"], "--env-file"),
        (["--env-file", "x"], "--keep"),
        (["--stop", "--keep"], "--stop"),
        (["--keep", "--env-file", "/nowhere/env"], "cannot be written"),
        (["--keep", "--env-file", "/etc/passwd"], "exists"),
    ],
)
def test_wrong_options_are_one_line_before_any_work(
    options: list[str], said: str, environ: dict[str, str], scratch: Path
) -> None:
    ended = run("demo", *options, **environ)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert left_in(scratch) == ["tmp"]


def test_without_the_extra_it_says_which_to_install() -> None:
    program = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'dateutil' else real(name, *a)\n"
        "sys.argv[1:] = ['demo']\n"
        "from tuturuuu_jobs import cli; cli.main()"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (78, "")
    assert "tuturuuu-jobs[demo]" in ended.stderr
    assert ended.stderr.count("\n") == 1
