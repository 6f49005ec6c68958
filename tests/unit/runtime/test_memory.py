"""Who was killed for want of memory, read from files that stand still."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuturuuu_jobs.runtime.endings import as_job_error
from tuturuuu_jobs.runtime.memory import MemoryKills, find_memory_events
from tuturuuu_jobs.runtime.outcome import Kind, kind_of

UNIT = "system.slice/tuturuuu-sync.service"


def write_events(folder: Path, kills: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "memory.events"
    path.write_text(f"low 0\nhigh 3\nmax 9\noom 5\noom_kill {kills}\noom_group_kill 0\n")
    return path


def membership(folder: Path, text: str) -> Path:
    path = folder / "cgroup"
    path.write_text(text)
    return path


def test_the_count_of_the_own_group_is_found(tmp_path: Path) -> None:
    events = write_events(tmp_path / "fs" / UNIT, 2)
    here = membership(tmp_path, f"1:name=systemd:/x\n0::/{UNIT}\n")

    assert find_memory_events(here, tmp_path / "fs") == events
    assert MemoryKills(events).count() == 2


def test_in_a_name_space_of_its_own_the_group_is_the_root(tmp_path: Path) -> None:
    events = write_events(tmp_path / "fs", 0)

    assert find_memory_events(membership(tmp_path, "0::/\n"), tmp_path / "fs") == events


@pytest.mark.parametrize("text", ["", "4:memory:/group\n", "0::/elsewhere\n", "rubbish\n"])
def test_without_a_count_nobody_was_killed_for_that(tmp_path: Path, text: str) -> None:
    found = find_memory_events(membership(tmp_path, text), tmp_path / "fs")

    assert found is None
    assert not MemoryKills(found).explain(0)


def test_nothing_is_known_where_not_even_the_membership_can_be_read(tmp_path: Path) -> None:
    assert find_memory_events(tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize("content", ["", "oom_kill\n", "oom_kill many\n", "oom 4\n"])
def test_a_count_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "memory.events"
    path.write_text(content)

    assert MemoryKills(path).count() == 0
    assert MemoryKills(tmp_path / "gone").count() == 0


def test_one_kill_explains_one_end(tmp_path: Path) -> None:
    kills = MemoryKills(write_events(tmp_path, 3))
    before = kills.count()

    assert not kills.explain(before)
    write_events(tmp_path, 5)
    assert [kills.explain(before) for _ in range(3)] == [True, True, False]


def test_a_kill_before_the_child_began_does_not_explain_its_end(tmp_path: Path) -> None:
    kills = MemoryKills(write_events(tmp_path, 0))
    write_events(tmp_path, 1)

    assert not kills.explain(kills.count())


def test_memory_that_the_run_itself_misses_is_a_failure_and_no_bug() -> None:
    error = as_job_error(MemoryError())

    assert (error.code, kind_of(error), error.retryable) == ("out_of_memory", Kind.FAILED, False)
