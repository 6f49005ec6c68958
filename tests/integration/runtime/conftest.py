"""Child processes that run a job, and what the ledger says afterwards."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.fixtures.postgres import Database
from tuturuuu_jobs.runtime.locks import LockMode

ROOT = Path(__file__).parents[3]


class Victim:
    """A process that runs one job; it waits for :meth:`go` first."""

    def __init__(self, dsn: str, state_dir: Path, mode: LockMode, behaviour: str) -> None:
        module = "tests.integration.runtime.victim"
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, dsn, str(state_dir), mode.value, behaviour],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def start_holding(self) -> None:
        assert self.read() == "ready"
        self.go()
        assert self.read() == "holding"

    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.read())
        assert self.process.wait(30) == document["exit_code"]
        return document

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()


StartVictim = Callable[..., Victim]


@pytest.fixture
def start_victim(database: Database, tmp_path: Path) -> Iterator[StartVictim]:
    victims: list[Victim] = []

    def start(behaviour: str = "hold", mode: LockMode = LockMode.BOTH) -> Victim:
        victims.append(Victim(database.dsn, tmp_path, mode, behaviour))
        return victims[-1]

    yield start
    for victim in victims:
        victim.end()


LoadRows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def rows(database: Database) -> LoadRows:
    """The answer to a query on the test's database."""

    def load(query: str) -> list[tuple[Any, ...]]:
        with database.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    return load


Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def invoke(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Invoke:
    """Exit code, standard output and standard error of a command."""

    def call(database: Database, app: typer.Typer, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("DATABASE_URL", database.dsn)
        monkeypatch.setenv("TUTURUUU_JOBS_STATE_DIR", str(tmp_path))
        done = CliRunner().invoke(app, arguments)
        written, said = capfd.readouterr()
        return done.exit_code, done.stdout + written, done.stderr + said

    return call
