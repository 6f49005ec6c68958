"""The shipped units: what systemd makes of them, offline, and what they promise."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from tests.acceptance.command import run
from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.fleet.engine import BEAT_S
from tuturuuu_jobs.fleet.worker import LONGEST_END_S
from tuturuuu_jobs.settings import load_settings

UNITS = Path(__file__).parents[2] / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))
TIMERS = sorted(UNITS.glob("*.timer"))
JOBS = [path for path in SERVICES if "alert" not in path.name]
ONCE = [path for path in JOBS if "worker" not in path.name]
PROGRAM = "/opt/tuturuuu-jobs/bin/tuturuuu-jobs"
WS_ID = "11111111-2222-3333-4444-555555555555"
EXPOSURE_AT_MOST = 15  # Ten times the figure that systemd shows.

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def unit_id(path: Path) -> str:
    return path.name


def keys(path: Path) -> dict[str, list[str]]:
    """The values of each key, in order; sections do not share keys here."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


def seconds(value: str) -> float:
    return float(value) if value.isdecimal() else parse_duration(value).total_seconds()


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as installed, instances included, with a program that is there on any machine."""
    for path in [*SERVICES, *TIMERS]:
        text = path.read_text().replace(PROGRAM, "/bin/true")
        (tmp_path / path.name).write_text(text)
        if "@." in path.name:
            instance = WS_ID if "sync" in path.name else "tuturuuu-sync.service"
            (tmp_path / path.name.replace("@.", f"@{instance}.")).write_text(text)
    return tmp_path


@needs_systemd
def test_systemd_finds_no_fault_in_any_unit(installed: Path) -> None:
    units = [path for path in installed.iterdir() if "@." not in path.name]

    checked = analyze("verify", "--recursive-errors=no", "--man=no", *units)

    assert (checked.returncode, checked.stderr) == (0, "")


@needs_systemd
def test_the_check_would_find_a_misspelt_key(installed: Path) -> None:
    unit = installed / "tuturuuu-sync.service"
    unit.write_text(unit.read_text().replace("KillMode=", "KilMode="))

    checked = analyze("verify", "--recursive-errors=no", "--man=no", unit)

    assert checked.returncode == 1
    assert "KilMode" in checked.stderr


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES, ids=unit_id)
def test_a_service_is_exposed_little(unit: Path) -> None:
    checked = analyze("security", "--offline=true", f"--threshold={EXPOSURE_AT_MOST}", unit)

    assert checked.returncode == 0, checked.stdout[-2000:]


@needs_systemd
@pytest.mark.parametrize("unit", TIMERS, ids=unit_id)
def test_a_timer_fires_at_moments_given_in_utc(unit: Path) -> None:
    [moment] = keys(unit)["OnCalendar"]

    checked = analyze("calendar", "--iterations=3", moment)

    assert moment.endswith(" UTC")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("UTC") >= 3


@pytest.mark.parametrize("unit", TIMERS, ids=unit_id)
def test_a_timer_is_exact_spread_over_hosts_and_has_its_service(unit: Path) -> None:
    timer = keys(unit)

    assert seconds(timer["AccuracySec"][0].replace("min", "m")) <= 60
    assert timer["RandomizedDelaySec"]
    assert timer["FixedRandomDelay"] == ["yes"]
    assert unit.with_suffix(".service").exists()


@pytest.mark.parametrize("unit", ONCE, ids=unit_id)
def test_a_job_ends_before_systemd_ends_it_and_failure_is_told(unit: Path) -> None:
    service = keys(unit)
    [command] = service["ExecStart"]
    deadline = re.search(r"--deadline (\S+)", command)

    assert service["Type"] == ["oneshot"]
    assert service["User"] == ["tuturuuu-jobs"]
    assert service["KillMode"] == ["mixed"]
    assert service["OnFailure"] == ["tuturuuu-alert@%n.service"]
    if deadline:
        allowed = parse_duration(deadline[1]).total_seconds() + 60
        assert float(service["TimeoutStartSec"][0]) == allowed
        assert service["SuccessExitStatus"] == ["75"]


def test_a_worker_is_watched_comes_back_and_has_the_time_to_hand_back_its_work() -> None:
    service = keys(UNITS / "tuturuuu-worker.service")

    assert (service["Type"], service["NotifyAccess"]) == (["notify"], ["main"])
    assert float(service["WatchdogSec"][0]) > 4 * BEAT_S
    assert (service["Restart"], service["StartLimitIntervalSec"]) == (["always"], ["0"])
    assert service["KillMode"] == ["mixed"]
    assert float(service["TimeoutStopSec"][0]) > LONGEST_END_S
    assert service["OnFailure"] == ["tuturuuu-alert@%n.service"]
    assert service["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("unit", JOBS, ids=unit_id)
def test_a_units_command_line_is_one_that_the_program_takes(unit: Path) -> None:
    [command] = keys(unit)["ExecStart"]
    program, *arguments = command.replace("%i", WS_ID).split()

    # Everything is settled before the first setting is missed.
    ended = run(*arguments, HOME="/nonexistent", TUTURUUU_JOBS_STATE_DIR="/nonexistent")

    assert program == PROGRAM
    assert ended.returncode == 78, ended.stderr


@pytest.mark.parametrize("program", ["#!/bin/sh\necho told $1 $MONITOR_EXIT_STATUS\n", None])
def test_a_failure_is_noted_and_told_to_the_operators_own_program(
    program: str | None, tmp_path: Path
) -> None:
    alert = tmp_path / "alert"
    if program is not None:
        alert.write_text(program)
        alert.chmod(0o755)
    [command] = keys(UNITS / "tuturuuu-alert@.service")["ExecStart"]
    command = command.replace("/etc/tuturuuu-jobs/alert", str(alert)).replace("$$", "$")

    told = subprocess.run(
        shlex.split(command.replace("%i", "tuturuuu-sync.service")),
        env={"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "78"},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    noted = "<2>tuturuuu-sync.service failed: exit-code 78; look with: journalctl -u"
    assert told.stdout.splitlines()[0].startswith(noted)
    assert told.stdout.splitlines()[1:] == (["told tuturuuu-sync.service 78"] if program else [])


def test_every_service_is_hardened_alike() -> None:
    hardening = {
        path.read_text().partition("# What the program may do")[2].partition("\n[Install]")[0]
        for path in SERVICES
    }

    assert len(hardening) == 1


@pytest.mark.parametrize("unit", JOBS, ids=unit_id)
def test_the_credentials_are_those_that_the_settings_look_for(unit: Path, tmp_path: Path) -> None:
    service = keys(unit)
    for credential in service["LoadCredential"]:
        name, _, source = credential.partition(":")
        assert source == f"/etc/tuturuuu-jobs/secrets/{name}"
        (tmp_path / name).write_text(f"postgresql://planted-{name}\n")

    settings = load_settings(
        {
            "CREDENTIALS_DIRECTORY": str(tmp_path),
            "STATE_DIRECTORY": f"/var/lib/{service['StateDirectory'][0]}",
        }
    )

    assert settings.require_database_url() == "postgresql://planted-database-url"
    speaks_to_google = "google-client-secret" in str(service["LoadCredential"])
    assert (settings.google_client_secret is not None) == speaks_to_google
    assert speaks_to_google == ("schedule" not in unit.name)
    assert settings.state_dir == Path("/var/lib/tuturuuu-jobs")
    assert service["Environment"] == ["TUTURUUU_JOBS_CONFIG=/etc/tuturuuu-jobs/config.toml"]


def cadence(calendar: str) -> timedelta:
    """Of the forms of OnCalendar= that the timers use: each minute, so many minutes, hour, day."""
    _, clock, zone = calendar.split()
    hour, minute, second = clock.split(":")
    assert (second, zone) == ("00", "UTC")
    if minute == "*" or "/" in minute:
        return timedelta(minutes=int(minute.partition("/")[2] or 1))
    return timedelta(hours=1) if hour == "*" else timedelta(days=1)


SLOTTED = [path for path in ONCE if "sync" in path.name or "schedule" in path.name]


@pytest.mark.parametrize("path", SLOTTED, ids=unit_id)
def test_what_a_timer_starts_stands_for_the_instant_of_the_timer(path: Path) -> None:
    timer = keys(path.with_suffix(".timer"))
    [command], [calendar] = keys(path)["ExecStart"], timer["OnCalendar"]
    words = shlex.split(command)
    assert words[words.index("--slot") + 1] == "auto"
    every = parse_duration(words[words.index("--every") + 1])
    assert every == cadence(calendar)
    # Later than that, and the slot would be the next one's.
    assert parse_duration(timer["RandomizedDelaySec"][0].replace("min", "m")) < every
