"""SIGKILL at any step of a fan-out, to any of its processes, and a fan-out at once.

Never two children of one workspace at work, no result lost, no row that runs for ever, no process
and no lock left; and then all is true.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance import forked, stepping
from tests.acceptance.fleet import (
    Fleet,
    build,
    check_honest,
    check_nothing_left,
    check_whole_or_empty,
)
from tests.acceptance.processes import children_of
from tests.acceptance.stepping import BIRTH, Moment, Steps, Turnstile, Wire
from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Databases
from tests.fixtures.scene import build_scene
from tuturuuu_jobs.testing.emulator import Emulator, Switches, VirtualClock
from tuturuuu_jobs.testing.tuturuuu import Shape

# A fan-out takes more steps than the lower number and fewer than the other.
FEWEST, MOST = 60, 1000
# Who finds a key held comes again; a dying process holds it no longer than that.
PATIENCE = 3


class Target(StrEnum):
    """Which process of a fan-out is ended."""

    PARENT = "parent"
    TEMPLATE = "template"
    CHILD = "child"


@dataclasses.dataclass(frozen=True)
class Killing:
    """What to do to a fan-out, and when."""

    launcher: str
    target: Target
    moment: Moment


class Executioner:
    """Ends one process of a fan-out.

    Attributes:
        parent: To be set as soon as it is known.
        fell: Whether there was such a process.
    """

    def __init__(self, killing: Killing) -> None:
        self._killing = killing
        self.parent = 0
        self.fell = False

    def strike(self, speaker: int | None) -> None:
        """End the target; of several children the one that speaks, else the newest."""
        pid = self._find(speaker)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.fell = True

    def _find(self, speaker: int | None) -> int | None:
        if self._killing.target is Target.PARENT:
            return self.parent
        # Under fork these are the template alone.
        children = [child.pid for child in children_of(self.parent)]
        if self._killing.launcher == "fork":
            if self._killing.target is Target.TEMPLATE:
                return children[0] if children else None
            children = [one.pid for pid in children for one in children_of(pid)]
        if speaker in children:
            return speaker
        return children[-1] if children else None


@dataclasses.dataclass(frozen=True)
class Place:
    """A fleet whose every word passes through here."""

    fleet: Fleet
    steps: Steps
    turnstile: Turnstile
    environ: dict[str, str]

    def fan_out(self, launcher: str) -> subprocess.CompletedProcess[str]:
        """The next fan-out, from beginning to end."""
        return forked.run("orchestrate", "sync", "--launcher", launcher, "--json", **self.environ)


@contextlib.contextmanager
def place(fleet: Fleet, steps: Steps) -> Generator[Place]:
    google = urlsplit(fleet.scene.emulator.base_url)
    tcp_dsn = fleet.scene.database.tcp_dsn
    with (
        Wire.to_database(tcp_dsn, steps) as wire,
        Turnstile(str(google.hostname), google.port or 0, steps) as turnstile,
    ):
        way = f"http://127.0.0.1:{turnstile.port}"
        environ = fleet.environ | {
            "DATABASE_URL": wire.dsn(tcp_dsn),
            "TUTURUUU_JOBS_GOOGLE_API_URL": way,
            "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": fleet.scene.emulator.token_url.replace(
                fleet.scene.emulator.base_url, way
            ),
        }
        yield Place(fleet, steps, turnstile, environ)


def kill(fleet: Fleet, killing: Killing) -> tuple[bool, Steps]:
    """One fan-out that loses a process, others at once, and what must be true then.

    Whether a process fell, and the steps.
    """
    executioner = Executioner(killing)
    steps = Steps(killing.moment, executioner.strike)
    with place(fleet, steps) as here:
        line = ("orchestrate", "sync", "--launcher", killing.launcher, "--limit", "2", "--json")
        # Held until the parent is known.
        with steps.held():
            births = killing.moment.needle == BIRTH
            first = stepping.start(steps, line, here.environ, births=births)
            executioner.parent = first.running.pid
        steps.wait(first.thread)
        if not executioner.fell:
            check_honest(fleet, first.end())
            return False, steps
        check_heals(here, killing, first)
    return True, steps


def check_heals(here: Place, killing: Killing, first: stepping.Watched) -> None:
    at_once = here.fan_out(killing.launcher)
    ended = first.end()
    if ended.returncode == -signal.SIGKILL:
        assert killing.target is Target.PARENT
        check_whole_or_empty(ended)
    else:
        # The parent's own end may overtake a strike at its last word.
        assert ended.returncode in ({0} if killing.target is Target.PARENT else {0, 1, 3}), ended
        check_honest(here.fleet, ended)
    assert at_once.returncode in {0, 75}, at_once
    check_honest(here.fleet, at_once)
    rounds = (check_honest(here.fleet, here.fan_out(killing.launcher)) for _ in range(PATIENCE))
    assert any(is_whole(result) for result in rounds)
    assert here.turnstile.overlaps == []
    assert here.fleet.unsynced() == set()
    check_nothing_left(here.fleet)


def is_whole(result: dict[str, Any]) -> bool:
    """Whether a fan-out did the work of every workspace."""
    return (result["exit_code"], result["data"].get("busy")) == (0, 0)


# Of two workspaces: each COMMIT is a calendar's. A parent that has opened its row looks for silent
# runs; whoever has recorded its end gives up its locks, the parent last.
ASKED, DONE = b"sql> Q\0\0\0\x0bCOMMIT", b"sql< C\0\0\0\x0bCOMMIT"
SILENT, UNLOCK = b"as silent_s", b"select pg_advisory_unlock_all"
START, ASK = b"call subprocess.Popen", b"call socket.sendmsg"
SAMPLE = {
    "fork, parent, its row is open": ("fork", Target.PARENT, Moment(SILENT)),
    "fork, parent, the template is born": ("fork", Target.PARENT, Moment(BIRTH)),
    "fork, parent, the first child is born": ("fork", Target.PARENT, Moment(BIRTH, 2)),
    "fork, parent, a calendar is committed": ("fork", Target.PARENT, Moment(DONE)),
    "fork, parent, a child has ended": ("fork", Target.PARENT, Moment(b"call os.killpg")),
    "fork, parent, its end is recorded": ("fork", Target.PARENT, Moment(UNLOCK, 3)),
    "fork, template, it is born": ("fork", Target.TEMPLATE, Moment(BIRTH)),
    "fork, template, the first child is born": ("fork", Target.TEMPLATE, Moment(BIRTH, 2)),
    "fork, template, Google is asked": ("fork", Target.TEMPLATE, Moment(b"http> ")),
    "fork, template, a calendar is committed": ("fork", Target.TEMPLATE, Moment(DONE)),
    "fork, template, a child has ended": ("fork", Target.TEMPLATE, Moment(ASK, 3)),
    "fork, child, it is born": ("fork", Target.CHILD, Moment(BIRTH, 2)),
    "fork, child, it has its lock": ("fork", Target.CHILD, Moment(b"pg_try_advisory_lock", 4)),
    "fork, child, a COMMIT is under way": ("fork", Target.CHILD, Moment(ASKED)),
    "fork, child, its end is recorded": ("fork", Target.CHILD, Moment(UNLOCK)),
    "exec, parent, the second child starts": ("exec", Target.PARENT, Moment(START, 2)),
    "exec, parent, Google is asked": ("exec", Target.PARENT, Moment(b"http> ", 2)),
    "exec, child, it is born": ("exec", Target.CHILD, Moment(BIRTH)),
    "exec, child, Google has answered": ("exec", Target.CHILD, Moment(b"http< ")),
    "exec, child, it has no more to record": ("exec", Target.CHILD, Moment(UNLOCK)),
}


@pytest.mark.parametrize("name", SAMPLE)
def test_after_a_sigkill_a_fan_out_at_once_makes_all_true(
    databases: Databases, tmp_path: Path, name: str
) -> None:
    with fresh_fleet(databases, tmp_path) as fleet:
        fell, _ = kill(fleet, Killing(*SAMPLE[name]))
        assert fell


@pytest.mark.soak
@pytest.mark.parametrize(
    ("launcher", "target"),
    [
        ("fork", Target.PARENT),
        ("fork", Target.TEMPLATE),
        ("fork", Target.CHILD),
        ("exec", Target.PARENT),
        ("exec", Target.CHILD),
    ],
)
def test_after_a_sigkill_at_every_step_a_fan_out_at_once_makes_all_true(
    databases: Databases, tmp_path: Path, launcher: str, target: Target
) -> None:
    fallen = 0
    for number in range(1, MOST):
        killing = Killing(launcher, target, Moment(nth=number))
        with fresh_fleet(databases, tmp_path / f"{number}") as fleet:
            fell, steps = kill(fleet, killing)
        fallen += fell
        if not steps.struck.is_set():
            assert fallen > FEWEST
            return
    pytest.fail("the fan-out never came to its end")


@contextlib.contextmanager
def fresh_fleet(databases: Databases, folder: Path, count: int = 2) -> Generator[Fleet]:
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(databases.fresh(Shape.CURRENT, jobs_schema=True))
        clock, switches = VirtualClock(EMULATOR_START), Switches(strict=True)
        emulator = stack.enter_context(Emulator(clock=clock, switches=switches))
        scene = build_scene(database, emulator, folder / "state")
        stack.callback(scene.connection.close)
        yield build(scene, count)
        assert emulator.violations == ()


ASK_ONCE = """
import http.client, sys
google = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
google.request("GET", "/calendar/v3/calendars/one/events")
print(google.getresponse().status, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("together", [False, True])
def test_two_at_work_on_one_calendar_would_be_seen(emulator: Emulator, *, together: bool) -> None:
    steps, google = Steps(Moment(b"never"), lambda _: None), urlsplit(emulator.base_url)
    with (
        contextlib.ExitStack() as at_work,
        Turnstile(str(google.hostname), google.port or 0, steps) as turnstile,
    ):
        for _ in range(2):
            line = [sys.executable, "-c", ASK_ONCE, str(turnstile.port)]
            asker = at_work.enter_context(
                subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            assert asker.stdout is not None
            assert asker.stdout.readline() == b"401\n"
            if not together:
                asker.communicate()
        assert turnstile.overlaps == (["one"] if together else [])
