"""What the units forbid against what the program does: its system calls, one by one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.command import COMMAND
from tests.acceptance.scenery import put_tomorrow, settings_of
from tests.fixtures.scene import Scene

UNIT = Path(__file__).parents[2] / "systemd" / "tuturuuu-sync.service"
# Denied with EPERM, and done without: a limit or a priority that cannot be set is no failure.
DONE_WITHOUT: frozenset[str] = frozenset()
FAMILIES = {"AF_INET", "AF_INET6", "AF_UNIX"}


def can_trace() -> bool:
    """Whether strace is here and may be used."""
    if shutil.which("strace") is None or shutil.which("systemd-analyze") is None:
        return False
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace or systemd-analyze is not usable")


@cache
def members(group: str) -> frozenset[str]:
    """The calls of one of systemd's sets, with those of the sets in it."""
    told = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter", group],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [line.strip() for line in told.splitlines() if re.fullmatch(r"\s+[@a-z_0-9-]+", line)]
    return frozenset().union(*(members(name) if name.startswith("@") else {name} for name in names))


def allowed() -> frozenset[str]:
    """What the unit's filters leave, in their order."""
    left: frozenset[str] = frozenset()
    for line in UNIT.read_text().splitlines():
        if line.startswith("SystemCallFilter=~"):
            for name in line.partition("~")[2].split():
                left -= members(name) if name.startswith("@") else {name}
        elif line.startswith("SystemCallFilter="):
            for name in line.partition("=")[2].split():
                left |= members(name) if name.startswith("@") else {name}
    return left | members("@default")


@pytest.fixture
def trace(scene: Scene, tmp_path: Path) -> str:
    """Every system call of a whole fan-out, children included."""
    environ = settings_of(scene)
    put_tomorrow(scene, "standup")
    log = tmp_path / "trace"
    command = [str(COMMAND), "orchestrate", "full-sync", "--slot", "auto", "--every", "1m"]
    ended = subprocess.run(
        ["strace", "-f", "-qq", "-e", "signal=none", "-o", str(log), *command],
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert set(scene.titles()) == {"standup"}
    return log.read_text(errors="replace")


def test_a_fan_out_needs_nothing_that_the_units_forbid(trace: str) -> None:
    called = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", trace, re.MULTILINE))
    families = set(re.findall(r"socket\((AF_[A-Z0-9]+)", trace))
    both = re.findall(r"(?:mmap|mprotect)\([^)]*PROT_WRITE\|PROT_EXEC", trace)

    assert {"execve", "flock", "connect"} <= called
    assert called - allowed() <= DONE_WITHOUT
    # The resolver asks for AF_NETLINK to sort addresses, and does without.
    assert families - {"AF_NETLINK"} <= FAMILIES
    assert both == [], "memory that is writable and executable"
