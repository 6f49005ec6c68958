import json
import stat
from pathlib import Path
from uuid import UUID

from tuturuuu_jobs.runtime.state import KEPT, StateDirectory, write_atomically


def test_a_result_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    assert state.save_result(UUID(int=1), {"run_id": "x"}) is None
    assert state.load_result(UUID(int=1)) == {"run_id": "x"}
    path = state.results / f"{UUID(int=1)}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(state.results.stat().st_mode) == 0o700


def test_only_the_newest_results_are_kept(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.results.mkdir()
    for number in range(KEPT + 3):
        (state.results / f"{UUID(int=number)}.json").write_text("{}")
    state.save_result(UUID(int=KEPT + 3), {})
    kept = sorted(path.stem for path in state.results.iterdir())
    assert kept == [str(UUID(int=number)) for number in range(4, KEPT + 4)]


def test_a_directory_that_cannot_be_made_is_a_warning_not_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state = StateDirectory(tmp_path / "file")
    warning = state.save_result(UUID(int=1), {})
    assert warning is not None
    assert warning.code == "state_directory"
    assert str(tmp_path / "file") in warning.message


def test_a_disk_that_is_full_is_a_warning_and_leaves_no_half_file() -> None:
    state = StateDirectory(Path("/dev/full"))
    warning = state.save_unsettled(UUID(int=1), {})
    assert warning is not None


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_what_is_spooled_comes_back_oldest_first_and_rubbish_is_put_aside(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    for number in (2, 1):
        state.save_unsettled(UUID(int=number), {"n": number})
    (state.spool / f"{UUID(int=0)}.json").write_text('{"half":')
    (state.spool / f"{UUID(int=3)}.json").write_text(json.dumps([1]))
    assert [document["n"] for _, document in state.unsettled()] == [1, 2]
    aside = sorted(path.name for path in state.spool.glob("*.unreadable"))
    assert aside == [f"{UUID(int=0)}.unreadable", f"{UUID(int=3)}.unreadable"]


def test_a_missing_directory_holds_nothing(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "missing")
    assert list(state.unsettled()) == []
    assert state.load_result(UUID(int=1)) is None
