"""A signal at an exact moment of the installed command: state recorded, one document, one code."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from typing_extensions import override

from tests.acceptance.command import COMMAND, document
from tests.acceptance.scenery import ACCOUNT, put_tomorrow, settings_of
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.locks import advisory_key
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.proxy import FaultProxy
from tuturuuu_jobs.testing.tuturuuu import seed

OTHER = "other@group.test"
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
SIGNALS = pytest.mark.parametrize("signum", CODES, ids=lambda signum: signum.name)


class Bell(FaultProxy):
    """Rings when the client sends these bytes for the n-th time, before the server sees them."""

    def __init__(self, tcp_dsn: str, needle: bytes, nth: int, ring: Callable[[], object]) -> None:
        parts = conninfo_to_dict(tcp_dsn)
        self._needle = needle
        self._left = nth
        self._ring = ring
        super().__init__(str(parts["host"]), int(str(parts["port"])))

    @override
    def _sprung_by(self, before: bytes, chunk: bytes) -> Any:
        if self._needle in chunk:
            self._left -= 1
            if self._left == 0:
                self._ring()
        return super()._sprung_by(before, chunk)


class Run:
    """The installed command, started at once."""

    def __init__(self, scene: Scene, *options: str, **environ: str) -> None:
        self.scene = scene
        line = [str(COMMAND), "sync", "--ws", str(scene.ws_id), "--json", *options]
        self.process = subprocess.Popen(
            line,
            env=settings_of(scene) | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self) -> dict[str, Any]:
        """The one document, whose exit code is the process's and whose row is the ledger's."""
        out, err = self.process.communicate(timeout=60)
        ended = subprocess.CompletedProcess([], self.process.returncode, out, err)
        result = document(ended)
        assert "Traceback" not in err
        rows = self.scene.connection.execute(
            "select id::text, status, exit_code from jobs.runs order by created_at desc limit 1"
        ).fetchall()
        assert rows == [(result["run_id"], result["status"], ended.returncode)]
        return result


def committed(result: dict[str, Any]) -> list[str]:
    """The calendars that the document says are committed."""
    calendars = result["data"].get("calendars", [])
    return [part["calendar_id"] for part in calendars if part["committed"]]


@pytest.fixture
def two(scene: Scene) -> Scene:
    """Two calendars with an event each; they are synced in the order of their connections."""
    scene.emulator.add_calendar(OTHER, owner=ACCOUNT)
    seed.create_connection(scene.connection, scene.ws_id, scene.accounts[ACCOUNT], OTHER)
    settings_of(scene)
    put_tomorrow(scene, "first", summary="First")
    put_tomorrow(scene, "second", OTHER, summary="Second")
    return scene


def check_heals(scene: Scene) -> None:
    """The next run does the rest."""
    scene.emulator.clear_faults()
    assert scene.sync().exit_code == 0
    assert (scene.titles(), scene.titles(OTHER)) == ({"first": "First"}, {"second": "Second"})


@SIGNALS
@pytest.mark.parametrize("often", [1, 3])
def test_a_signal_while_a_page_is_pending_ends_the_run_and_keeps_what_is_committed(
    two: Scene, signum: signal.Signals, often: int
) -> None:
    asked, over = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        over.wait(60)

    two.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=hold, calendar=OTHER))
    run = Run(two)
    assert asked.wait(60)
    for _ in range(often):
        run.process.send_signal(signum)
    result = run.end()
    over.set()
    assert (result["exit_code"], result["status"]) == (CODES[signum], "interrupted")
    assert committed(result) == [CALENDAR]
    assert result["errors"][0]["message"] == f"the run was stopped by {signum.name}"
    assert two.titles(OTHER) == {}
    check_heals(two)


@SIGNALS
def test_a_signal_during_a_commit_lets_it_finish_and_tells_of_it(
    two: Scene, signum: signal.Signals
) -> None:
    result = ring(two, b"COMMIT", 1, signum)
    assert (result["exit_code"], result["status"]) == (CODES[signum], "interrupted")
    assert committed(result) == [CALENDAR]
    assert (two.titles(), two.titles(OTHER)) == ({"first": "First"}, {})
    check_heals(two)


def ring(scene: Scene, needle: bytes, nth: int, *signums: signal.Signals) -> dict[str, Any]:
    """A run that gets signals when it sends these bytes to the database."""
    runs: list[Run] = []
    started = threading.Event()

    def ring_once() -> None:
        assert started.wait(60)
        for signum in signums:
            runs[0].process.send_signal(signum)

    with Bell(scene.database.tcp_dsn, needle, nth, ring_once) as bell:
        runs.append(Run(scene, DATABASE_URL=bell.dsn(scene.database.tcp_dsn)))
        started.set()
        return runs[0].end()


@SIGNALS
def test_a_signal_inside_the_transaction_before_its_commit_undoes_it(
    two: Scene, signum: signal.Signals
) -> None:
    result = ring(two, b"insert into public.workspace_calendar_events as e", 1, signum)
    assert (result["exit_code"], result["status"]) == (CODES[signum], "interrupted")
    assert (committed(result), two.rows(), two.tokens()) == ([], {}, {})
    check_heals(two)


@SIGNALS
def test_a_signal_that_comes_while_the_run_is_recorded_is_too_late(
    two: Scene, signum: signal.Signals
) -> None:
    result = ring(two, b"with settled as", 1, signum, signum)
    assert (result["exit_code"], result["status"]) == (0, "succeeded")
    assert committed(result) == [CALENDAR, OTHER]


@SIGNALS
def test_a_signal_while_the_connection_is_being_made_is_recorded_too(
    two: Scene, signum: signal.Signals
) -> None:
    result = ring(two, b"application_name", 1, signum)
    assert (result["exit_code"], result["status"]) == (CODES[signum], "interrupted")
    assert two.rows() == {}
    check_heals(two)


def test_a_second_signal_of_the_other_kind_changes_nothing(two: Scene) -> None:
    result = ring(two, b"COMMIT", 1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    assert result["exit_code"] in CODES.values()
    assert (result["status"], committed(result)) == ("interrupted", [CALENDAR])


def test_a_signal_while_waiting_for_the_key_ends_the_wait(two: Scene) -> None:
    key = advisory_key(f"google-calendar-sync-{two.ws_id}")
    with two.database.connect() as holder:
        holder.execute("select pg_advisory_lock(%s)", (key,))
        run = Run(two, "--on-busy", "wait")
        while two.connection.execute(
            "select count(*) from pg_locks where not granted and locktype = 'advisory'"
        ).fetchone() == (0,):
            assert run.process.poll() is None
        run.process.send_signal(signal.SIGTERM)
        result = run.end()
    assert (result["exit_code"], result["status"]) == (143, "interrupted")
    check_heals(two)


def test_a_signal_while_a_refusal_is_waited_out_ends_the_wait(two: Scene) -> None:
    asked = threading.Event()
    two.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="503 backendError", retry_after="600"))
    two.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=asked.set))
    run = Run(two)
    assert asked.wait(60)
    run.process.send_signal(signal.SIGTERM)
    assert run.end()["exit_code"] == 143
    check_heals(two)
