"""The shipped crontab: every line works as cron would run it, with nothing else around."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from tests.acceptance.command import COMMAND, run
from tests.acceptance.crontab import CRONTAB, Entry, read_crontab
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import Scene
from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy
from tuturuuu_jobs.testing.tuturuuu import seed

SHIPPED = read_crontab(CRONTAB.read_text())
# What cron gives a command of its own accord.
CRON = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LOGNAME": "nobody"}


def entry_id(entry: Entry) -> str:
    return "-".join(entry.command.split()[1:3])


def entry(words: str) -> Entry:
    [found] = [each for each in SHIPPED.entries if words in each.command]
    return found


@pytest.fixture
def config(scene: Scene, tmp_path: Path) -> Path:
    """The configuration file of an installation with one event to sync."""
    lines = [
        f'{name.removeprefix("TUTURUUU_JOBS_").lower()} = "{value}"'
        for name, value in settings_of(scene).items()
    ]
    put_tomorrow(scene, "standup")
    scene.state_dir.mkdir(mode=0o700)
    path = tmp_path / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def as_cron(line: Entry, config: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as cron does, with the two things changed that an operator changes."""
    environ = {**CRON, **SHIPPED.environ}
    environ |= {"JOBS": str(COMMAND), "TUTURUUU_JOBS_CONFIG": str(config)}
    return subprocess.run(
        [environ["SHELL"], "-c", line.command],
        input=line.stdin,
        env=environ,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("line", SHIPPED.entries, ids=entry_id)
def test_a_line_succeeds_without_a_word(line: Entry, scene: Scene, config: Path) -> None:
    if "doctor" in line.command:
        as_cron(entry("full-sync"), config)

    ended = as_cron(line, config)

    said = [each for each in ended.stdout.splitlines() if not each.startswith(" ")]
    # The tests keep their state directory below /tmp, and doctor dislikes that.
    assert all("state_may_vanish" in each for each in said), ended.stdout
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("words", ["orchestrate sync", "orchestrate full-sync"])
def test_a_line_does_its_work(words: str, scene: Scene, config: Path) -> None:
    as_cron(entry(words), config)

    assert scene.titles() == {"standup": "Untitled Event"}


def test_the_hourly_line_finds_time_for_a_habit(scene: Scene, config: Path) -> None:
    seed.create_habit(scene.connection, scene.ws_id, "Read")

    ended = as_cron(entry("orchestrate schedule"), config)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    counted = scene.connection.execute("select count(*) from habit_calendar_events").fetchone()
    assert counted
    assert counted[0] >= 29


@pytest.mark.parametrize("words", ["sync", "orchestrate sync"])
def test_trouble_that_passes_is_no_mail(words: str, scene: Scene) -> None:
    environ = settings_of(scene)
    named = ("--ws", str(scene.ws_id)) if words == "sync" else ()
    with FaultProxy.before(scene.database.tcp_dsn) as proxy:
        sprung = proxy.cut_before(b"insert into jobs.runs")
        environ["DATABASE_URL"] = proxy.dsn(scene.database.tcp_dsn)
        ended = run(*words.split(), *named, "--quiet", **environ)

    assert sprung.is_set()
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_trouble_is_told_in_a_mail_of_few_lines(scene: Scene, config: Path) -> None:
    scene.connection.execute("alter table calendar_auth_tokens rename to elsewhere")

    ended = as_cron(entry("orchestrate sync"), config)

    assert ended.returncode == 78
    assert ended.stdout == ""
    assert 1 <= len(ended.stderr.splitlines()) <= 3


def test_the_next_minute_ends_at_once_and_silently_while_a_run_is_at_work(
    scene: Scene, config: Path
) -> None:
    scene.emulator.add_fault(Fault(kind=FaultKind.STALL, seconds=4, endpoint="events.list"))
    first = threading.Thread(target=as_cron, args=(entry("orchestrate sync"), config))
    first.start()
    wait_for_request(scene)

    ended = as_cron(entry("orchestrate sync"), config)
    first.join()

    assert (ended.returncode, ended.stdout, ended.stderr) == (75, "", "")


def wait_for_request(scene: Scene) -> None:
    clock = SystemClock()
    until = clock.monotonic() + 60
    while clock.monotonic() < until:
        if any(request.endpoint == "events.list" for request in scene.emulator.requests):
            return
        clock.sleep(0.05)
    pytest.fail("the first run never asked Google")


def test_lines_start_at_different_minutes_but_for_the_one_of_each_minute() -> None:
    minutes = [line.fields[0] for line in SHIPPED.entries if line.fields[0] != "*"]

    assert len(minutes) == len(set(minutes)) == len(SHIPPED.entries) - 1
    assert "0" not in minutes


def test_a_run_is_over_before_the_same_night_returns() -> None:
    for line in SHIPPED.entries:
        words = line.command.split()
        if "--deadline" in words:
            assert parse_duration(words[words.index("--deadline") + 1]).days == 0


@pytest.mark.parametrize(
    "text",
    ["* * * * * true", "* * * * true\n", "every day do\n"],
    ids=["no newline", "four fields", "words"],
)
def test_what_cron_would_pass_over_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_crontab(text)


def test_a_percent_sign_is_read_as_cron_reads_it() -> None:
    [line] = read_crontab("0 1 * * * date +\\%F; cat%in%put\n").entries

    assert (line.command, line.stdin) == ("date +%F; cat", "in\nput")


@pytest.mark.skipif(shutil.which("crontab") is None, reason="cron is not installed")
def test_cron_itself_takes_the_file() -> None:
    checked = subprocess.run(
        ["crontab", "-n", CRONTAB], capture_output=True, text=True, timeout=30, check=False
    )

    assert checked.returncode == 0, checked.stderr


@pytest.mark.soak
@pytest.mark.skipif(
    shutil.which("cron") is None or os.geteuid() != 0, reason="cron is not installed, or not root"
)
def test_a_real_cron_runs_the_line_of_each_minute(scene: Scene, config: Path) -> None:
    """Up to a minute: cron knows nothing shorter."""
    table = Path("/etc/cron.d/tuturuuu-jobs-test")
    settings = {**SHIPPED.environ, "JOBS": str(COMMAND), "TUTURUUU_JOBS_CONFIG": str(config)}
    line = entry("orchestrate sync")
    lines = [f"{name}={value}" for name, value in settings.items()]
    lines.append(f"{' '.join(line.fields)} root {line.command}")
    table.write_text("\n".join(lines) + "\n")
    daemon = subprocess.Popen(["cron", "-f"])
    try:
        until = SystemClock().monotonic() + 150
        while not scene.titles() and SystemClock().monotonic() < until:
            SystemClock().sleep(1)
    finally:
        table.unlink()
        daemon.terminate()
        daemon.wait()

    assert scene.titles() == {"standup": "Untitled Event"}
