import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.unit.runtime.results import result_of
from tuturuuu_jobs.commands.previous import load_previous
from tuturuuu_jobs.runtime.outcome import Status
from tuturuuu_jobs.runtime.results import KEPT, Results


def kept(results: Results, key: str) -> list[str]:
    return [document["run_id"] for document in results.of_key(key)]


def test_a_result_is_kept_for_its_owner_only(tmp_path: Path) -> None:
    results = Results(tmp_path / "state" / "results")
    result = result_of("sync-1")
    results.save(result)
    assert list(results.of_key("sync-1")) == [result.to_json()]
    [directory] = results.path.iterdir()
    [path] = directory.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(place.stat().st_mode) for place in (results.path, directory)} == {0o700}


def test_the_newest_of_each_key_are_kept_however_many_keys_have_runs(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save(result_of("parent"))
    for number in range(KEPT + 3):
        for child in range(60):
            results.save(result_of(f"child-{child}", 100 * number + child))
    assert kept(results, "parent") == [result_of("parent").run_id]
    assert len(kept(results, "child-7")) == KEPT
    assert kept(results, "child-7")[0] == result_of("", 100 * (KEPT + 2) + 7).run_id


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.EXPIRED])
def test_runs_that_stand_aside_push_no_work_out(tmp_path: Path, status: Status) -> None:
    results = Results(tmp_path)
    results.save(result_of("key"))
    for number in range(2, 3 * KEPT):
        results.save(result_of("key", number, status))
    assert kept(results, "key") == [result_of("key").run_id]
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == KEPT + 1


def test_keys_that_read_alike_are_apart(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save(result_of("a/b", 1))
    results.save(result_of("a_b", 2))
    assert [kept(results, key) for key in ("a/b", "a_b", "ab")] == [
        [result_of("", 1).run_id],
        [result_of("", 2).run_id],
        [],
    ]


def test_the_previous_result_is_the_newest_but_one_of_the_key(tmp_path: Path) -> None:
    results = Results(tmp_path / "results")
    for number, status in ((3, Status.PARTIAL), (2, Status.PARTIAL), (1, Status.SKIPPED)):
        results.save(result_of("key", number, status))
        for path in (tmp_path / "results").rglob(f"{result_of('', number).run_id}.*"):
            os.utime(path, (10 - number, 10 - number))
    (next((tmp_path / "results").iterdir()) / "notes.json").write_text("no result")
    previous = load_previous(tmp_path, result_of("key", 2))
    assert previous is not None
    assert previous["run_id"] == result_of("key", 3).run_id
    assert load_previous(tmp_path, result_of("other")) is None


def test_a_directory_that_was_cleared_meanwhile_is_made_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save(result_of("key", 1))
    shutil.rmtree(next(tmp_path.iterdir()))
    results.save(result_of("key", 2))
    assert kept(results, "key") == [result_of("key", 2).run_id]
