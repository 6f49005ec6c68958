from collections.abc import Callable
from pathlib import Path

import pytest

from tuturuuu_jobs.runtime.files import write_atomically, write_whole


@pytest.mark.parametrize("write", [write_whole, write_atomically])
def test_a_file_is_replaced_whole(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "x.json"
    write(path, b"old")
    write(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("write", [write_whole, write_atomically])
def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    (tmp_path / "x.json" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"x\.json"):
        write(tmp_path / "x.json", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]
