"""A file that one process of this machine holds at a time: flock(2) on a name that stays.

Invariant: who holds the file holds it under its name. The kernel frees it with the last process
that has the descriptor; a file system without such locks is refused, never worked around.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Generator
from enum import Enum, auto, unique
from pathlib import Path
from typing import Final

from tuturuuu_jobs.errors import SettingsError
from tuturuuu_jobs.runtime.clock import Clock, Deadline, SystemClock

_POLL_S: Final = 0.05
_CLOCK: Final[Clock] = SystemClock()


@unique
class Try(Enum):
    """How one try to hold a file ended."""

    TAKEN = auto()
    HELD = auto()
    REPLACED = auto()


def hold(path: Path, wait_s: float) -> int | None:
    """A descriptor that holds the file; None if somebody else still holds it after ``wait_s``.

    Raises SettingsError if the file or its directory cannot be used.

    Args:
        path: Made with mode 0600 if missing, its directory with 0700.
        wait_s: Seconds to wait; 0 tries once.
    """
    over = Deadline.after(_CLOCK, wait_s)
    while True:
        with _usable(path):
            descriptor = _open(path)
            try:
                ended = attempt(path, descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        if ended is Try.TAKEN:
            return descriptor
        os.close(descriptor)
        if ended is Try.HELD:
            remaining = over.remaining()
            if not remaining:
                return None
            _CLOCK.sleep(min(_POLL_S, remaining))


def release(descriptor: int) -> None:
    """Let others hold it."""
    # Not left to close(): a process forked meanwhile may have the descriptor too.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def attempt(path: Path, descriptor: int) -> Try:
    """Try to hold an open file, and look whether it still has its name."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Try.HELD
    # Replaced before it was locked, it would guard a name that is gone.
    try:
        named = path.stat()
    except FileNotFoundError:
        return Try.REPLACED
    return Try.TAKEN if os.path.samestat(os.fstat(descriptor), named) else Try.REPLACED


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _usable(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        lacking = "is not writable" if isinstance(error, PermissionError) else "cannot be used"
        what = path.parent if not path.exists() else path
        raise SettingsError(
            f"the lock directory {path.parent} {lacking}: {what}: {error.strerror or 'error'}",
            code="lock_directory",
            subject=str(path.parent),
            hint="give this user the right to write there (mode 0700), or name another directory "
            "with TUTURUUU_JOBS_STATE_DIR",
        ) from None
