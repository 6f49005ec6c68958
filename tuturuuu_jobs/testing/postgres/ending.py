"""How servers end, ours and those that others left, and what goes with them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from tuturuuu_jobs.testing.postgres.folder import abandoned_folders, remove_folder

PATIENCE_S: Final = 30.0
POLL_S: Final = 0.001


def stop_detached(folder: Path) -> None:
    """Stop the server of that folder, if it runs, and remove the folder; gone already is fine."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = postmaster_of(folder)
        if _works_in(pid, folder / "data"):
            os.kill(pid, signal.SIGQUIT)
            _wait_for_end_of(folder / "data" / "postmaster.pid")
    remove_folder(folder)


def remove_abandoned(mine: Path) -> None:
    """Remove what killed owners left beside this folder, servers included."""
    for folder in abandoned_folders(mine.parent, mine.stat().st_uid):
        stop_detached(folder)


def end_child(process: subprocess.Popen[bytes]) -> None:
    """Stop a server that is our own child, and wait for its end."""
    # SIGQUIT skips the last checkpoint: 1 ms instead of 100, and the data are thrown away anyway.
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def postmaster_of(folder: Path) -> int:
    """Process id of a folder's server. Raises FileNotFoundError if none runs."""
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def _works_in(pid: int, data: Path) -> bool:
    """Whether that process is this folder's server, not a later one that got its number."""
    proc = Path("/proc")
    # Without /proc the number has to do.
    return not proc.is_dir() or (proc / str(pid) / "cwd").resolve() == data


def _wait_for_end_of(state: Path) -> None:
    patience = time.monotonic() + PATIENCE_S
    # The last thing a postmaster does is to remove this file.
    while state.exists() and time.monotonic() < patience:
        time.sleep(POLL_S)
