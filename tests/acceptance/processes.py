"""Which processes belong to a fan-out, and which of them speaks, as the kernel knows it."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

# What the kernel calls an established connection in /proc/net/tcp.
_ESTABLISHED = "01"


def owner_of(port: int) -> int | None:
    """The process at work behind a local port of this machine; None if it is gone already."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        local, state, inode = fields[1], fields[3], fields[9]
        if int(local.rpartition(":")[2], 16) == port and state == _ESTABLISHED:
            return _holder_of(f"socket:[{inode}]")
    return None


def _holder_of(name: str) -> int | None:
    for folder in _processes():
        with contextlib.suppress(OSError):
            for descriptor in (folder / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) == name:
                        return int(folder.name)
    return None


def _processes() -> Iterator[Path]:
    """The newest first: whoever is asked for was started a moment ago."""
    folders = [folder for folder in Path("/proc").iterdir() if folder.name.isdecimal()]
    return iter(sorted(folders, key=lambda folder: -int(folder.name)))


def relatives(state_dir: Path) -> list[psutil.Process]:
    """Every process that was started with this state directory and has not ended."""
    mark = f"TUTURUUU_JOBS_STATE_DIR={state_dir}\0".encode()
    found: list[psutil.Process] = []
    for folder in _processes():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            if mark in (folder / "environ").read_bytes():
                found.append(psutil.Process(int(folder.name)))
    return found


def children_of(pid: int) -> list[psutil.Process]:
    """The children of a process that are at work, oldest first."""
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(pid).children()
        return [child for child in children if is_at_work(child)]
    return []


def descendants_of(pid: int) -> list[int]:
    """All processes below one, without a look at any other; cheap enough to be asked always."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            found += [int(child), *descendants_of(int(child))]
    return found


def is_at_work(process: psutil.Process) -> bool:
    """Whether it could still do something: a zombie could not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def catches(pid: int, signum: signal.Signals) -> bool:
    """Whether a process has something of its own to do at this signal by now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (caught,) = (line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) & 1 << (signum - 1))


def start_of(pid: int) -> int | None:
    """Clock ticks from the boot to the start of a process at work; None if it is at work no more.

    Unlike a moment of the wall clock it is the same each time that it is asked for.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    state, *fields = stat[stat.rindex(")") + 1 :].split()
    return None if state in {"Z", "X"} else int(fields[18])


def wait_until(holds: Callable[[], bool], within_s: float = 20.0) -> bool:
    """Whether it comes true: for what only the kernel or the server knows the moment of."""
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
