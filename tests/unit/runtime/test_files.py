import os
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
def test_who_reads_a_file_that_is_written_anew_reads_the_old_one_to_its_end(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "x.prom"
    write(path, b"the old one")
    with path.open("rb", buffering=0) as reader:
        begun = reader.read(4)
        write(path, b"new")
        assert begun + reader.read() == b"the old one"
        assert path.stat().st_ino != os.fstat(reader.fileno()).st_ino


@pytest.mark.parametrize("write", [write_whole, write_atomically])
def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    (tmp_path / "x.json" / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"x\.json"):
        write(tmp_path / "x.json", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]
