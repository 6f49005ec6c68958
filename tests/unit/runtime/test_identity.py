import dataclasses
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tuturuuu_jobs.runtime.identity import (
    ProcessIdentity,
    is_alive,
    new_run_id,
    read_identity,
)
from tuturuuu_jobs.testing.clock import VirtualClock


def identity_of(pid: int) -> ProcessIdentity:
    stat = Path(f"/proc/{pid}/stat").read_text()
    start = int(stat[stat.rindex(")") + 1 :].split()[19])
    return dataclasses.replace(read_identity(), pid=pid, pid_start=start)


def test_this_process_is_alive() -> None:
    here = read_identity()
    assert here.pid == os.getpid()
    assert is_alive(here, here) is True


def test_a_process_that_ended_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = identity_of(child.pid)
        assert is_alive(identity, read_identity()) is True
        child.kill()
        child.wait()
    assert is_alive(identity, read_identity()) is False


def test_a_process_that_ended_is_dead_before_its_parent_looks() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = identity_of(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_alive(identity, read_identity()) is False


def test_a_pid_that_now_belongs_to_somebody_else_proves_the_first_owner_dead() -> None:
    here = read_identity()
    assert here.pid_start is not None
    earlier = dataclasses.replace(here, pid_start=here.pid_start - 1)
    assert is_alive(earlier, here) is False


def test_another_boot_proves_death() -> None:
    here = read_identity()
    assert is_alive(dataclasses.replace(here, boot_id="another"), here) is False


def test_nothing_can_be_said_about_another_host_or_container() -> None:
    here = read_identity()
    assert is_alive(dataclasses.replace(here, host="elsewhere"), here) is None
    assert is_alive(dataclasses.replace(here, pid_ns=1), here) is None


def test_a_hidden_boot_id_says_nothing_about_the_boot(tmp_path: Path) -> None:
    hidden = read_identity(tmp_path)
    assert hidden.boot_id.startswith("boottime-")
    here = read_identity()
    seen_by_hand = dataclasses.replace(here, boot_id=hidden.boot_id)
    assert is_alive(seen_by_hand, here) is True


def test_a_clock_that_was_set_right_is_no_other_boot() -> None:
    here = dataclasses.replace(read_identity(), boot_id="boottime-10000")
    assert is_alive(dataclasses.replace(here, boot_id="boottime-10012"), here) is True


@pytest.mark.parametrize("hour", [-3600, 3600])
def test_a_clock_that_was_set_by_an_hour_proves_nobody_dead(hour: int) -> None:
    here = dataclasses.replace(read_identity(), boot_id="boottime-10000")
    same = dataclasses.replace(here, boot_id=f"boottime-{10000 + hour}")
    assert is_alive(same, here) is None
    assert here.pid_start is not None
    assert is_alive(dataclasses.replace(same, pid_start=here.pid_start - 1), here) is False


def test_a_process_whose_start_cannot_be_read_is_neither_alive_nor_dead(tmp_path: Path) -> None:
    here = read_identity()
    assert is_alive(here, here, proc=tmp_path) is None


def test_run_ids_are_version_7_and_sort_by_time() -> None:
    clock, rng = VirtualClock(), random.Random(1)
    ids = []
    for _ in range(50):
        ids.append(new_run_id(clock, rng))
        clock.sleep(0.001)
    assert ids == sorted(ids)
    assert {run_id.version for run_id in ids} == {7}
    assert {run_id.variant for run_id in ids} == {"specified in RFC 4122"}
