"""One contract for every way to start children, proved on children that break every rule."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from typing_extensions import override

from tuturuuu_jobs import wiring
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Program, Stop
from tuturuuu_jobs.runtime.clock import Clock, SystemClock
from tuturuuu_jobs.runtime.fanout import FanOut
from tuturuuu_jobs.runtime.memory import MemoryKills

ROOT = Path(__file__).parents[2]
RUN_ID = UUID("00000000-0000-4000-8000-000000000001")
PROGRAM = Program(
    entry="tests.contract.behaviours:main",
    environ={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
    preload=("tests.contract.behaviours",),
)


class HastyClock(SystemClock):
    """Every look at it is a second after the one before."""

    def __init__(self) -> None:
        self._looks = itertools.count()

    @override
    def monotonic(self) -> float:
        return float(next(self._looks))


class Parent:
    """Runs children under one launcher and keeps what they said."""

    def __init__(self, launcher: str, folder: Path) -> None:
        self.launcher = launcher
        self.note = folder / "note"
        self.lines: list[str] = []
        self.events = folder / "memory.events"
        self.grace_s = 0.3
        self.clock: Clock = SystemClock()

    def run(self, *behaviours: str, deadline_s: float = 30.0, width: int = 1) -> list[ChildEnd]:
        ends: list[ChildEnd] = []

        def on_end(end: ChildEnd) -> bool:
            ends.append(end)
            return True

        with wiring.children.build_launcher(self.launcher, PROGRAM) as launcher:
            children = FanOut(
                launcher,
                self.clock,
                width,
                self._say,
                on_end,
                grace_s=self.grace_s,
                kills=MemoryKills(self.events),
            )
            self.stopped_by = children.run(self._specs(behaviours, deadline_s))
        return ends

    def one(self, behaviour: str, deadline_s: float = 30.0) -> ChildEnd:
        (end,) = self.run(behaviour, deadline_s=deadline_s)
        return end

    def noted(self) -> Any:
        return json.loads(self.note.read_text(encoding="utf-8"))

    def _say(self, _spec: ChildSpec, line: str) -> None:
        self.lines.append(line)

    def _specs(self, behaviours: tuple[str, ...], deadline_s: float) -> Iterator[ChildSpec]:
        for behaviour in behaviours:
            arguments = (behaviour, str(RUN_ID), str(self.note))
            yield ChildSpec(RUN_ID, behaviour, arguments, b"a payload", deadline_s)


@pytest.fixture(params=["exec", "fork"])
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Parent:
    return Parent(request.param, tmp_path)


def await_note(path: Path) -> Any:
    """Poll for a file that appears by rename; the only moment a child without a voice can name."""
    ticks = threading.Event()
    while not path.exists():
        ticks.wait(0.01)
    return json.loads(path.read_text(encoding="utf-8"))


def open_descriptors() -> list[str]:
    return sorted(entry.name for entry in Path("/proc/self/fd").iterdir())


def is_gone(pid: int) -> bool:
    """Ended, if not yet reaped by whoever inherited it; waits a moment for the kernel."""
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


def test_a_child_that_keeps_the_contract_is_believed(parent: Parent) -> None:
    well, failed = parent.run("well", "failed")

    assert (well.returncode, well.fault, well.stopped) == (0, None, None)
    assert well.result is not None
    assert well.result.success
    assert (failed.returncode, failed.fault) == (1, None)
    assert failed.result is not None
    assert failed.result.error == "it failed"


@pytest.mark.parametrize(
    ("behaviour", "fault"),
    [
        ("flood", "it printed more than 1 MiB"),
        ("closes_stdout", "it printed no result"),
        ("nothing", "it printed no result"),
        ("rubbish", "what it printed is no JSON"),
        ("two_documents", "it printed more than its result"),
        ("failed_with_0", "its result says 1, it exited with 0"),
        ("contradiction", "its result contradicts itself: failed with 0"),
        ("other_run", "its result belongs to another run"),
        ("other_version", "its result has another version"),
    ],
)
def test_a_child_that_breaks_the_contract_is_found_out(
    parent: Parent, behaviour: str, fault: str
) -> None:
    end = parent.one(behaviour)

    assert (end.returncode, end.result, end.fault) == (0, None, fault)
    assert not end.crashed


def test_what_a_child_tells_people_passes_line_by_line_and_its_end_is_kept(
    parent: Parent,
) -> None:
    end = parent.one("flood_of_words")

    assert end.result is not None
    assert len(parent.lines) == 20_001
    assert parent.lines[-1] == "no end"
    assert len(end.stderr) == 64 * 1024
    assert end.stderr.endswith(b"line 19999\nno end")


def test_a_grandchild_that_holds_the_pipes_makes_nobody_wait(parent: Parent) -> None:
    end = parent.one("grandchild")

    assert end.result is not None
    assert end.duration_s < 10
    assert is_gone(parent.noted())


def test_a_grandchild_beyond_the_group_s_reach_costs_a_second(parent: Parent) -> None:
    end = parent.one("escaped_grandchild")

    try:
        assert end.result is not None
        assert end.duration_s < 10
    finally:
        os.kill(parent.noted(), signal.SIGKILL)


def test_at_its_deadline_a_child_goes_with_its_descendants(parent: Parent) -> None:
    end = parent.one("waits_for_grandchild", deadline_s=1.0)

    assert end.stopped is Stop.DEADLINE
    assert end.crashed
    assert is_gone(parent.noted())


def test_a_child_that_answers_the_polite_signal_is_heard(parent: Parent) -> None:
    parent.grace_s = 30.0
    end = parent.one("answers_term", deadline_s=1.0)

    assert (end.returncode, end.stopped) == (143, Stop.DEADLINE)
    assert end.result is not None


def test_a_child_that_ignores_the_polite_signal_is_killed_after_the_grace(
    parent: Parent,
) -> None:
    end = parent.one("ignores_term", deadline_s=1.0)

    assert (end.returncode, end.stopped) == (-signal.SIGKILL, Stop.DEADLINE)
    assert end.crashed


def test_a_child_killed_from_outside_has_crashed(parent: Parent) -> None:
    end = parent.one("killed")

    assert (end.returncode, end.stopped) == (-signal.SIGKILL, None)
    assert end.crashed


def test_a_child_that_hears_nothing_any_more_is_killed_after_the_grace(parent: Parent) -> None:
    end = parent.one("stopped", deadline_s=1.0)

    assert (end.returncode, end.stopped) == (-signal.SIGKILL, Stop.DEADLINE)


def test_a_child_that_never_stops_talking_is_ended_in_time_and_little_of_it_is_kept(
    parent: Parent,
) -> None:
    end = parent.one("flood_without_end", deadline_s=0.5)

    assert (end.returncode, end.stopped) == (-signal.SIGKILL, Stop.DEADLINE)
    assert end.duration_s < 10
    assert len(end.stderr) == 64 * 1024


def test_half_a_result_of_a_child_that_a_signal_ended_is_no_result(parent: Parent) -> None:
    broken_off, well = parent.run("broken_off", "well")

    assert (broken_off.returncode, broken_off.result) == (-signal.SIGSEGV, None)
    assert broken_off.crashed
    assert well.result is not None


def test_a_child_killed_for_want_of_memory_is_told_from_one_killed_by_hand(
    parent: Parent,
) -> None:
    by_hand, by_kernel, after = parent.run("killed", "killed_for_memory", "killed")

    assert [end.returncode for end in (by_hand, by_kernel, after)] == [-signal.SIGKILL] * 3
    assert [end.out_of_memory for end in (by_hand, by_kernel, after)] == [False, True, False]


def test_an_exception_ends_the_child_alone_and_its_traceback_is_told(parent: Parent) -> None:
    raised, well = parent.run("raises", "well")

    assert raised.returncode not in {0, None}
    assert raised.fault == "it printed no result"
    assert "RuntimeError: on purpose" in parent.lines
    assert well.result is not None


def test_a_child_s_memory_is_bounded(parent: Parent) -> None:
    end = parent.one("eats_memory")

    assert end.result is not None
    assert end.returncode == 70


def test_a_child_sees_what_it_is_given_and_nothing_else(
    parent: Parent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", "of the parent")
    signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with Path(os.devnull).open("rb") as held:
        os.set_inheritable(held.fileno(), True)
        end = parent.one("surroundings")

    assert end.result is not None
    seen = end.result.data
    assert seen["environ"] == dict(PROGRAM.environ) | {
        name: seen["environ"][name] for name in ("LC_CTYPE",) if name in seen["environ"]
    }
    # The fourth is the listing of the directory itself.
    assert seen["descriptors"][:3] == [0, 1, 2]
    assert len(seen["descriptors"]) == 4
    assert (seen["group"], seen["session"], seen["core"]) == (True, True, 0)
    assert (seen["term"], seen["int"], seen["blocked"]) == (True, True, [])
    assert (seen["stdin"], seen["argv"], seen["threads"]) == ("a payload", ["surroundings"], 1)


def test_children_run_side_by_side_up_to_the_width(parent: Parent) -> None:
    ends = parent.run(*["well"] * 6, width=3)

    assert all(end.result is not None for end in ends)
    assert len(ends) == 6


def test_a_signal_ends_all_and_starts_no_more(parent: Parent) -> None:
    def stop() -> None:
        await_note(parent.note)
        os.kill(os.getpid(), signal.SIGTERM)

    parent.grace_s = 30.0
    watcher = threading.Thread(target=stop)
    watcher.start()
    ends = parent.run("answers_term", "well")
    watcher.join()

    assert parent.stopped_by == "SIGTERM"
    assert [(end.returncode, end.stopped) for end in ends] == [(143, Stop.DRAIN)]


def test_a_second_signal_shortens_the_grace(parent: Parent) -> None:
    def stop() -> None:
        await_note(parent.note)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    # Otherwise two that come so soon after each other are one wish.
    parent.clock = HastyClock()
    parent.grace_s = 300.0
    watcher = threading.Thread(target=stop)
    watcher.start()
    ends = parent.run("ignores_term", "well")
    watcher.join()

    assert [(end.returncode, end.stopped) for end in ends] == [(-signal.SIGKILL, Stop.DRAIN)]


LONE_PARENT = """
import sys
from pathlib import Path
from tests.contract.test_launchers import Parent
Parent(sys.argv[1], Path(sys.argv[2])).run("ignores_term", deadline_s=300.0)
"""


def test_a_killed_parent_leaves_no_child(parent: Parent, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LONE_PARENT, parent.launcher, str(tmp_path)], cwd=ROOT
    ) as process:
        child = psutil.Process(await_note(parent.note))
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()

    assert child.pid in {one.pid for one in family}
    assert all(is_gone(one.pid) for one in family)


def test_a_launcher_leaves_neither_process_nor_descriptor(parent: Parent) -> None:
    parent.run("well")
    before, family = open_descriptors(), psutil.Process().children()
    parent.run("well", "grandchild", "killed")

    assert open_descriptors() == before
    assert psutil.Process().children() == family
