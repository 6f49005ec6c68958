"""Standard error that leads into systemd's journal carries priorities."""

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.command import COMMAND


@pytest.mark.parametrize("ours", [True, False], ids=["the journal", "another stream"])
def test_lines_carry_a_priority_only_in_the_journal(tmp_path: Path, *, ours: bool) -> None:
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        status = log.stat()
        stream = f"{status.st_dev}:{status.st_ino if ours else status.st_ino + 1}"
        environ = {"JOURNAL_STREAM": stream, "HOME": str(tmp_path)}
        ended = subprocess.run([COMMAND, "runs", "list"], env=environ, stderr=stderr, check=False)
    assert ended.returncode == 78
    assert log.read_text().startswith("<3>tuturuuu-jobs: error: " if ours else "tuturuuu-jobs: ")
