"""The temporary folder of one cluster, and who may remove it.

A folder whose owner lives is marked by a lock on its ``owner.lock``, which the kernel lets go when
the owner dies. So what a killed process left behind is recognised with certainty and removed by
the next start. A detached cluster has no such file and is left alone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from tuturuuu_jobs.errors import SettingsError

PREFIX = "tjpg-"
LONGEST_SOCKET_PATH = 107
LONGEST_SOCKET_NAME = len("/.s.PGSQL.65535")
ATTEMPTS = 1000
PAUSE_S = 0.001


def make_folder(owner: int | None, parent: Path | None) -> Path:
    """A new private folder, owned by that user, whose path is short enough for a socket.

    Raises SettingsError if none of the parent, ``TMPDIR`` and ``/tmp`` has a short path.
    """
    for place in (parent, tempfile.gettempdir(), "/tmp"):
        if place is None:
            continue
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place)).resolve()
        if len(os.fsencode(folder)) + LONGEST_SOCKET_NAME <= LONGEST_SOCKET_PATH:
            if owner is not None:
                os.chown(folder, owner, owner)
            return folder
        folder.rmdir()
    raise SettingsError("the path of the temporary folder is too long", hint="set TMPDIR=/tmp")


def hold_folder(folder: Path) -> int:
    """Mark the folder as in use until this descriptor is closed or the process ends."""
    # Locked before it has the name the sweeper looks for: never seen without its lock.
    unnamed = folder / "owner.new"
    descriptor = os.open(unnamed, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    unnamed.rename(folder / "owner.lock")
    return descriptor


def abandoned_folders(parent: Path, owner: int) -> list[Path]:
    """Folders of that user whose owning process is dead."""
    return [
        folder
        for folder in parent.glob(f"{PREFIX}*")
        if _belongs_to(folder, owner) and _is_abandoned(folder)
    ]


def remove_folder(folder: Path) -> None:
    """Remove it with all it holds; gone already is fine.

    An ``initdb`` that was interrupted tidies up at the same time: what it removes first, or writes
    last, must not end this half-way.
    """
    for _ in range(ATTEMPTS):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not folder.exists():
                return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            time.sleep(PAUSE_S)
        else:
            return


def _belongs_to(folder: Path, owner: int) -> bool:
    with contextlib.suppress(OSError):
        return folder.lstat().st_uid == owner
    return False


def _is_abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "owner.lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
