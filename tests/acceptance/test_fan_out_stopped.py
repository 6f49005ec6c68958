"""A fan-out that is asked to stop, by one signal and by two, with a child that hears neither."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from tests.acceptance import forked
from tests.acceptance.fleet import Fleet, build, check_honest, check_nothing_left
from tests.acceptance.processes import children_of, is_at_work, wait_until
from tests.fixtures.scene import Scene
from tuturuuu_jobs.runtime.supervisor import GRACE_S, REPEAT_S
from tuturuuu_jobs.testing.emulator import Fault, FaultKind

LAUNCHERS = pytest.mark.parametrize("launcher", ["fork", "exec"])


class AtWork:
    """A fan-out of three workspaces, two children of which wait for Google."""

    def __init__(self, scene: Scene, launcher: str) -> None:
        self.fleet: Fleet = build(scene, 3)
        self._asked, self._over = threading.Semaphore(0), threading.Event()
        scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=self._hold))
        line = ("orchestrate", "sync", "--json", "--limit", "2", "--launcher", launcher)
        self.running = forked.start(*line, **self.fleet.environ)
        assert all(self._asked.acquire(timeout=60) for _ in range(2))
        parent = self.running.pid
        below = children_of(parent)
        self.children = below if launcher == "exec" else children_of(below[0].pid)

    def _hold(self) -> None:
        self._asked.release()
        self._over.wait(60)

    def send(self, signum: signal.Signals) -> None:
        """To the parent alone."""
        os.kill(self.running.pid, signum)

    def check_end(self, *signals: signal.Signals) -> dict[str, str]:
        """One complete result that names one of these; gives the code of each workspace.

        And nothing is left.
        """
        ended = self.running.end()
        self._over.set()
        result = check_honest(self.fleet, ended)
        assert ended.returncode in {128 + signum for signum in signals}
        assert result["status"] == "interrupted"
        assert result["data"]["total"] == 3
        check_nothing_left(self.fleet)
        return {row["ws_id"]: row["code"] for row in result["data"]["results"]}


def has_heard(process: psutil.Process, signum: signal.Signals) -> bool:
    """Whether a signal waits for a process that does not run, or has brought about its end."""
    if not is_at_work(process):
        return True
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (pending,) = (line for line in status.splitlines() if line.startswith("ShdPnd"))
    return bool(int(pending.split()[1], 16) & 1 << (signum - 1))


@LAUNCHERS
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_one_signal_lets_every_child_tell_its_end(
    empty_scene: Scene, launcher: str, signum: signal.Signals
) -> None:
    here = AtWork(empty_scene, launcher)
    here.send(signum)
    codes = here.check_end(signal.SIGTERM)

    assert sorted(codes.values()) == ["not_started", "terminated", "terminated"]
    assert sorted(here.fleet.runs().values()) == ["interrupted"] * 3


@LAUNCHERS
def test_a_signal_that_is_sent_twice_at_once_is_one(empty_scene: Scene, launcher: str) -> None:
    here = AtWork(empty_scene, launcher)
    here.send(signal.SIGINT)
    here.send(signal.SIGTERM)
    # Nobody promises which of two that wait is heard first.
    codes = here.check_end(signal.SIGINT, signal.SIGTERM)

    assert sorted(codes.values()) == ["not_started", "terminated", "terminated"]


@LAUNCHERS
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_second_signal_ends_a_child_that_hears_nothing_and_its_row_is_settled(
    empty_scene: Scene, launcher: str, second: signal.Signals
) -> None:
    here = AtWork(empty_scene, launcher)
    deaf = here.children[0]
    deaf.suspend()
    # Until it stands still a later signal may overtake this one.
    assert wait_until(lambda: deaf.status() == psutil.STATUS_STOPPED)
    here.send(signal.SIGTERM)
    assert wait_until(lambda: has_heard(deaf, signal.SIGTERM))
    # The others have had their chance to tell.
    psutil.wait_procs(here.children[1:], timeout=GRACE_S / 2)
    time.sleep(2 * REPEAT_S)
    began = time.monotonic()
    here.send(second)
    codes = here.check_end(signal.SIGTERM)

    assert time.monotonic() - began < GRACE_S
    assert sorted(codes.values()) == ["killed", "not_started", "terminated"]
    assert sorted(here.fleet.runs().values()) == ["crashed", "interrupted", "interrupted"]
