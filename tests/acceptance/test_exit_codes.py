"""Every exit code from the situation that a cron job meets, with the document that goes with it."""

from __future__ import annotations

import subprocess
import threading
from typing import Any

import psutil
import pytest

from tests.acceptance import command, forked
from tests.acceptance.command import document
from tests.acceptance.processes import is_at_work
from tests.acceptance.scenery import add_lost_calendar, put_tomorrow, settings_of
from tests.acceptance.situations import CASES, STALL_S, perform
from tests.fixtures.scene import Scene
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.locks import file_lock
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.testing.emulator import Fault, FaultKind


@pytest.mark.parametrize("name", CASES)
def test_the_code_says_what_to_do_and_the_document_agrees(scene: Scene, name: str) -> None:
    case = CASES[name]
    ended = perform(scene, name, "--json")
    result = document(ended)
    assert (ended.returncode, result["status"], result["code"]) == (
        case.exit_code,
        case.status,
        case.code,
    )
    assert result["duration_s"] < STALL_S / 2
    check_said(ended, quiet=case.exit_code in {ExitCode.SUCCESS, ExitCode.BUSY})


def check_said(ended: subprocess.CompletedProcess[str], *, quiet: bool) -> None:
    """Nothing, or what is wrong and what to do, with nothing of the program's inside."""
    assert (ended.stderr == "") == quiet
    assert "Traceback" not in ended.stderr
    if not quiet:
        assert ended.stderr.startswith("tuturuuu-jobs: ")


def test_six_situations_have_six_codes() -> None:
    situations = [
        "fine",
        "one calendar of two is gone",
        "the only calendar is gone",
        "the address of the database is none",
        "an option is unknown",
        "another run is at work",
    ]
    assert len({CASES[name].exit_code for name in situations}) == len(situations)


def test_every_exit_code_has_its_situation() -> None:
    assert {case.exit_code for case in CASES.values()} == set(ExitCode)


def test_the_installed_command_ends_with_the_same_code_as_a_forked_one(scene: Scene) -> None:
    add_lost_calendar(scene)
    environ = settings_of(scene)
    line = ("sync", "--ws", str(scene.ws_id), "--json")
    codes = [command.run(*line, **environ).returncode, forked.run(*line, **environ).returncode]
    assert codes == [ExitCode.PARTIAL, ExitCode.PARTIAL]


def test_ten_busy_rounds_pile_up_nothing(scene: Scene) -> None:
    environ = settings_of(scene)
    line = ("sync", "--ws", str(scene.ws_id))
    key = f"google-calendar-sync-{scene.ws_id}"
    with file_lock(scene.state_dir / "locks", key, run_id="x", taken_at=SystemClock().now()):
        rounds = [forked.run(*line, **environ) for _ in range(10)]
        assert children() == []
    assert {(ended.returncode, ended.stdout, ended.stderr) for ended in rounds} == {(75, "", "")}
    rows = scene.connection.execute(
        "select status, code, exit_code, count(*), count(finished_at) from jobs.runs "
        "group by 1, 2, 3"
    ).fetchall()
    assert rows == [("skipped", "busy", 75, 10, 10)]
    assert scene.connection.execute("select count(*) from jobs.exhausted").fetchone() == (0,)
    assert len(list((scene.state_dir / "locks").iterdir())) == 1
    assert list((scene.state_dir / "spool").glob("*")) == []
    assert forked.run(*line, **environ).returncode == 0


def children() -> list[psutil.Process]:
    """Processes that commands left behind: none is called like that while no command runs."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if is_at_work(process)
        if any("tuturuuu-jobs" in word for word in process.cmdline())
    ]


def test_a_minute_cron_over_a_job_that_takes_longer_is_told_so_quietly(scene: Scene) -> None:
    environ = settings_of(scene)
    put_tomorrow(scene, "standup", summary="S")
    asked, over = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        over.wait(60)

    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=hold))
    line = ("sync", "--ws", str(scene.ws_id))
    first = forked.start(*line, **environ)
    assert asked.wait(60)
    second = forked.run(*line, "--json", **environ)
    over.set()
    assert first.end().returncode == 0
    result: dict[str, Any] = document(second)
    assert (second.returncode, second.stderr, result["code"]) == (75, "", "busy")
    assert result["data"]["holder"]["pid"] == first_pid(scene)


def first_pid(scene: Scene) -> int:
    """The process of the run that succeeded."""
    row = scene.connection.execute("select pid from jobs.runs where status = 'succeeded'")
    found = row.fetchone()
    assert found is not None
    return int(found[0])
