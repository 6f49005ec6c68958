import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.unit.runtime.results import result_of
from tuturuuu_jobs.runtime.state import StateDirectory

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEEP = timedelta(days=90)


def test_a_directory_that_cannot_be_made_is_a_warning_not_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = StateDirectory(tmp_path / "file")
    for warning in (state.save_result(result_of("key")), state.save_unsettled(UUID(int=1), {})):
        assert warning is not None
        assert warning.code == "state_directory"
        assert str(tmp_path / "file") in warning.message


def test_a_disk_that_is_full_is_a_warning_and_leaves_no_half_file() -> None:
    state = StateDirectory(Path("/dev/full"))
    warning = state.save_unsettled(UUID(int=1), {})
    assert warning is not None


def test_what_is_spooled_comes_back_oldest_first_and_rubbish_is_put_aside(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    for number in (2, 1):
        state.save_unsettled(UUID(int=number), {"n": number})
    assert stat.S_IMODE(state.spool.stat().st_mode) == 0o700
    (state.spool / f"{UUID(int=0)}.json").write_text('{"half":')
    (state.spool / f"{UUID(int=3)}.json").write_text(json.dumps([1]))
    assert [document["n"] for _, document in state.unsettled()] == [1, 2]
    aside = sorted(path.name for path in state.spool.glob("*.unreadable"))
    assert aside == [f"{UUID(int=0)}.unreadable", f"{UUID(int=3)}.unreadable"]


def test_a_missing_directory_holds_nothing(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "missing")
    assert list(state.unsettled()) == []
    assert list(state.results.of_key("key")) == []
    assert state.prune(NOW, KEEP) == 0


def put(path: Path, age: timedelta) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    os.utime(path, (then := (NOW - age).timestamp(), then))


def test_old_files_and_what_a_killed_process_left_are_pruned(tmp_path: Path) -> None:
    state, results = StateDirectory(tmp_path), tmp_path / "results"
    hour, day = timedelta(hours=1), timedelta(days=1)
    put(results / "gone-1" / "a.json", KEEP + day)
    put(results / "gone-1" / ".b.json.7.tmp", 2 * hour)
    put(results / "kept-2" / "c.json", KEEP - day)
    put(results / "kept-2" / ".d.json.7.tmp", hour / 2)
    put(results / "as-it-was-once.json", KEEP + day)
    put(state.spool / ".e.json.7.tmp", 2 * hour)
    put(state.spool / "f.unreadable", KEEP + day)
    put(state.spool / "g.json", 2 * hour)
    put(state.locks / "h.lock", 10 * KEEP)
    assert state.prune(NOW, KEEP) == 5
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        "results/kept-2/c.json",
        "results/kept-2/.d.json.7.tmp",
        "spool/g.json",
        "locks/h.lock",
    }
    assert not (results / "gone-1").exists()
