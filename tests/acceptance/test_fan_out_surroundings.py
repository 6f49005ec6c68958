"""A fan-out where the machine has no room: on the disk, for open files, for processes."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.acceptance.command import shell
from tests.acceptance.fleet import Fleet, build, check_nothing_left
from tests.fixtures.scene import Scene

LAUNCHERS = pytest.mark.parametrize("launcher", ["fork", "exec"])
FAN_OUT = '"$JOBS" orchestrate sync --json --launcher'
# Enough for the parent and some of six children, not for all.
FEW_FILES = 26


def can_mount() -> bool:
    """Whether a file system of one's own can be had, as root of a name space."""
    line = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        return subprocess.run(line, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def warnings(document: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in document["warnings"]]


@LAUNCHERS
def test_a_disk_that_takes_no_byte_more_costs_the_records_only(
    empty_scene: Scene, launcher: str
) -> None:
    fleet = build(empty_scene, 2)
    # Every write to a file fails, as on a full disk; pipes and sockets go on.
    result = json.loads(shell(f"ulimit -f 0; {FAN_OUT} {launcher} | cat", **fleet.environ).stdout)

    check_only_records_are_missing(fleet, result)


@pytest.mark.skipif(not can_mount(), reason="needs root and a mount name space")
def test_a_disk_that_is_full_indeed_costs_the_records_only(empty_scene: Scene) -> None:
    fleet = build(empty_scene, 2)
    state = fleet.scene.state_dir
    state.mkdir()
    fill = f"mount -t tmpfs -o size=64k none {state} && cat /dev/zero > {state}/big 2> /dev/null"
    line = f"unshare --mount sh -c '{fill}; {FAN_OUT} fork' | cat"
    result = json.loads(shell(line, **fleet.environ).stdout)

    check_only_records_are_missing(fleet, result)


def check_only_records_are_missing(fleet: Fleet, result: dict[str, Any]) -> None:
    assert (result["exit_code"], warnings(result)) == (0, ["state_directory"])
    assert result["data"]["succeeded"] == 2
    assert fleet.unsynced() == set()
    assert set(fleet.runs().values()) == {"succeeded"}
    check_nothing_left(fleet)


@LAUNCHERS
def test_with_too_few_open_files_those_that_could_start_come_to_their_end(
    empty_scene: Scene, launcher: str
) -> None:
    fleet = build(empty_scene, 6)
    line = f"ulimit -n {FEW_FILES}; {FAN_OUT} {launcher} | cat"
    result = json.loads(shell(line, **fleet.environ).stdout)

    data = result["data"]
    assert (result["exit_code"], result["code"]) == (69, "no_process")
    assert data["succeeded"] == len(fleet.calendars) - len(fleet.unsynced()) > 0
    assert data["succeeded"] + data["not_started"] == data["total"] == 6
    assert sorted(fleet.runs().values()) == ["succeeded"] * data["succeeded"] + ["unavailable"]
    check_nothing_left(fleet)


@LAUNCHERS
def test_with_hardly_any_open_files_nobody_starts_and_all_are_reported(
    empty_scene: Scene, launcher: str
) -> None:
    fleet = build(empty_scene, 3)
    line = f"ulimit -n 13; {FAN_OUT} {launcher} | cat"
    result = json.loads(shell(line, **fleet.environ).stdout)

    assert (result["exit_code"], result["data"]["not_started"]) == (69, 3)
    check_nothing_left(fleet)
