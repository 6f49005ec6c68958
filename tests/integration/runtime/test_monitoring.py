"""What monitoring is told about runs, and that telling it never changes how they end."""

import dataclasses
import json
import random
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typing_extensions import override

from tests.fixtures.postgres import Database
from tests.integration.runtime.conftest import StartVictim
from tests.integration.runtime.parts import Data, ScriptedJob, runtime_for, succeed
from tuturuuu_jobs.errors import FailedError
from tuturuuu_jobs.runtime.job import RunContext, RunRequest
from tuturuuu_jobs.runtime.monitoring import Observer
from tuturuuu_jobs.runtime.monitoring.metrics import TextfileMetrics
from tuturuuu_jobs.runtime.monitoring.pings import Pings
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.testing.clock import VirtualClock

TIMER = RunRequest(attempts=1, trigger="timer")


def fail(_ctx: RunContext[Data], _previous: Data | None) -> Data:
    raise FailedError("no")


class Monitor(ThreadingHTTPServer):
    """A monitor that remembers its pings and answers as it is told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.pings: list[tuple[str, bytes]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/secret/{{job}}"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Monitor)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.pings.append((self.path, body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    with Monitor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run_with(
    observer: Observer,
    database: Database,
    state_dir: Path,
    step: Any = succeed,
    request: RunRequest = TIMER,
) -> Result:
    runtime = runtime_for(database.dsn, state_dir)
    runtime = dataclasses.replace(runtime, observers=(observer,))
    return run_job(ScriptedJob([step]), {}, request, runtime)


def pings_to(url: str) -> Pings:
    return Pings(url, VirtualClock(), random.Random(1))


def test_a_timers_run_pings_its_start_and_its_success(
    database: Database, tmp_path: Path, monitor: Monitor
) -> None:
    result = run_with(pings_to(monitor.url), database, tmp_path)
    assert [path for path, _ in monitor.pings] == [
        f"/secret/sync/start?rid={result.run_id}",
        f"/secret/sync?rid={result.run_id}",
    ]
    document = result.to_json()
    del document["data"]
    assert json.loads(monitor.pings[1][1]) == document


def test_a_failure_pings_its_exit_code(
    database: Database, tmp_path: Path, monitor: Monitor
) -> None:
    result = run_with(pings_to(monitor.url), database, tmp_path, fail)
    assert monitor.pings[-1][0] == f"/secret/sync/1?rid={result.run_id}"


def test_a_run_that_stands_aside_is_only_noted(
    database: Database, tmp_path: Path, monitor: Monitor, start_victim: StartVictim
) -> None:
    start_victim().start_holding()
    result = run_with(pings_to(monitor.url), database, tmp_path)
    assert result.exit_code == 75
    assert monitor.pings[-1][0] == f"/secret/sync/log?rid={result.run_id}"


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest(trigger="hand"),
        RunRequest(trigger="replay"),
        RunRequest(trigger="timer", parent_run_id=UUID(int=1)),
    ],
    ids=["hand", "replay", "child"],
)
def test_only_a_timer_shows_that_it_lives(
    database: Database, tmp_path: Path, monitor: Monitor, request_: RunRequest
) -> None:
    run_with(pings_to(monitor.url), database, tmp_path, request=request_)
    assert monitor.pings == []


def test_a_monitor_in_trouble_is_asked_three_times(
    database: Database, tmp_path: Path, monitor: Monitor
) -> None:
    def wait_for_start(_ctx: RunContext[Data], _previous: Data | None) -> Data:
        while not monitor.pings:
            pass
        monitor.answers = [500, 503, 200]
        return {}

    assert run_with(pings_to(monitor.url), database, tmp_path, wait_for_start).exit_code == 0
    assert len(monitor.pings) == 4


def test_a_monitor_that_knows_no_such_check_is_not_asked_again(
    database: Database, tmp_path: Path, monitor: Monitor
) -> None:
    monitor.answers = [404, 404]
    assert run_with(pings_to(monitor.url), database, tmp_path).exit_code == 0
    assert len(monitor.pings) == 2


def test_a_monitor_that_is_away_changes_nothing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/canary"
        result = run_with(pings_to(url), database, tmp_path)
    assert (result.exit_code, result.warnings) == (0, ())
    assert "a ping did not arrive" in caplog.text
    assert "canary" not in caplog.text


def samples(directory: Path) -> dict[str, str]:
    text = (directory / "tuturuuu_jobs_sync.prom").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert text.endswith("\n")
    return {line.partition("{")[0].removeprefix("tuturuuu_job_"): line.split()[1] for line in lines}


def test_metrics_tell_of_the_last_run_and_of_the_last_success(
    database: Database, tmp_path: Path, start_victim: StartVictim
) -> None:
    metrics = TextfileMetrics(tmp_path)
    run_with(metrics, database, tmp_path, fail)
    assert "last_success_timestamp_seconds" not in samples(tmp_path)
    run_with(metrics, database, tmp_path)
    success = samples(tmp_path)
    assert success["last_success_timestamp_seconds"] == success["last_run_timestamp_seconds"]
    assert (success["last_exit_code"], success["skipped_consecutive"]) == ("0", "0")
    start_victim().start_holding()
    run_with(metrics, database, tmp_path)
    run_with(metrics, database, tmp_path)
    skipped = samples(tmp_path)
    assert (skipped["last_exit_code"], skipped["skipped_consecutive"]) == ("75", "2")
    assert skipped["last_success_timestamp_seconds"] == success["last_success_timestamp_seconds"]
    assert (tmp_path / "tuturuuu_jobs_sync.prom").stat().st_mode & 0o777 == 0o644
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_directory_that_is_missing_changes_nothing(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = TextfileMetrics(tmp_path / "missing")
    result = run_with(metrics, database, tmp_path)
    assert (result.exit_code, result.warnings) == (0, ())
    assert "TextfileMetrics failed: FileNotFoundError" in caplog.text
