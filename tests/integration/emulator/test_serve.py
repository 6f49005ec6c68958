from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import pytest

from tuturuuu_jobs.commands.emulator import _announcement, serve
from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.testing.emulator import Account, Emulator
from tuturuuu_jobs.testing.emulator.ics import Loaded

EXPORTS: Final = Path(__file__).parent / "exports"
SERVE = [sys.executable, "-m", "tuturuuu_jobs", "emulator", "serve"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_names_its_addresses_and_runs_until_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        with urlopen(facts["control_url"]) as answer:
            assert answer.status == 200
        assert facts["client_id"]
        assert facts["api_url"].endswith("/calendar/v3/")
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_exported_calendars_are_served_and_what_they_hold_in_vain_is_named() -> None:
    files = ["--ics", str(EXPORTS / "google.ics"), "--ics", str(EXPORTS / "apple.ics")]
    with subprocess.Popen(
        [*SERVE, *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=20)
    assert [(one["summary"], one["events"], one["unread"]) for one in facts["calendars"]] == [
        ("Studio, Berlin", 7, 0),
        ("Home", 9, 8),
    ]
    lines = told.splitlines()
    assert len(lines) == 8
    assert f"{EXPORTS / 'apple.ics'}: VTODO todo-1: only events are read" in lines


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-calendar.ics", "is no calendar: it holds no complete VCALENDAR"),
        ("none", "cannot read"),
    ],
)
def test_a_file_that_is_no_calendar_ends_with_2(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "no-calendar.ics").write_text("")
    done = subprocess.run(
        [*SERVE, "--ics", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_at_a_terminal_the_addresses_come_line_by_line(
    emulator: Emulator, account: Account
) -> None:
    loaded = Loaded("home@group.calendar.google.com", "Home", "UTC", 3, 1)
    lines = _announcement(emulator, account, [loaded], as_json=False).splitlines()
    assert lines[0] == f"api_url        {emulator.api_url}"
    assert lines[-1] == "calendar       home@group.calendar.google.com (3 events, 1 unread)"


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*SERVE, "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 78
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize("module", ["dateutil", "icalendar"])
def test_without_a_library_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SettingsError) as caught:
        serve(ics=[EXPORTS / "google.ics"])
    assert caught.value.hint is not None
    assert "tuturuuu-jobs[demo]" in caught.value.hint
