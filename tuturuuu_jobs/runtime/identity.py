"""Who a process is, so that a later one can tell whether it still lives.

A pid alone is no identity: after a crash or a reboot it belongs to somebody else. Invariant: the
answer "dead" is given only on proof; age and silence prove nothing.
"""

from __future__ import annotations

import dataclasses
import os
import pwd
import random
import socket
import time
from pathlib import Path
from typing import Final
from uuid import UUID

from tuturuuu_jobs.runtime.clock import Clock

_PROC: Final = Path("/proc")
_BOOT_TIME_PREFIX: Final = "boottime-"
_BOOT_TIME_SLACK_S: Final = 30


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot of one host.

    Attributes:
        host: The host's name.
        boot_id: The kernel's id of this boot, or ``boottime-<seconds>`` where that is hidden.
        pid: As seen inside ``pid_ns``.
        pid_start: Clock ticks between boot and the start of the process, or None if unreadable.
        pid_ns: Inode of the pid namespace, or None if unreadable.
    """

    host: str
    boot_id: str
    pid: int
    pid_start: int | None
    pid_ns: int | None


def read_identity(proc: Path = _PROC) -> ProcessIdentity:
    """The identity of this process."""
    pid = os.getpid()
    return ProcessIdentity(
        host=socket.gethostname(),
        boot_id=_read_boot_id(proc),
        pid=pid,
        pid_start=_read_start(proc, pid),
        pid_ns=_read_namespace(proc),
    )


def is_alive(identity: ProcessIdentity, here: ProcessIdentity, proc: Path = _PROC) -> bool | None:
    """Whether that process still runs; None if it cannot be told from here.

    Args:
        identity: The process asked about, as its run recorded it.
        here: The identity of the asking process.
        proc: Where the proc file system is mounted.
    """
    if identity.host != here.host or identity.pid_ns != here.pid_ns:
        return None
    if _other_boot(identity.boot_id, here.boot_id):
        return False
    # A zombie has ended; only its parent has not looked yet.
    if not _exists(identity.pid) or _read_stat(proc, identity.pid)[:1] == ["Z"]:
        return False
    start = _read_start(proc, identity.pid)
    if start is None or identity.pid_start is None:
        return None
    if start != identity.pid_start:
        return False
    # Another boot, or a clock that was set: that pid and that start would be a strange accident.
    return None if _other_boot_time(identity.boot_id, here.boot_id) else True


def new_run_id(clock: Clock, rng: random.Random) -> UUID:
    """A version 7 UUID: sorts by the moment it was made, to the millisecond."""
    milliseconds = int(clock.now().timestamp() * 1000) & ((1 << 48) - 1)
    head, tail = rng.getrandbits(12), rng.getrandbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | head << 64 | 0b10 << 62 | tail)


def _read_boot_id(proc: Path) -> str:
    try:
        return (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        # systemd's ProcSubset=pid hides the file; the moment of the boot identifies it as well.
        monotonic = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
        booted = time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(monotonic)
        return f"{_BOOT_TIME_PREFIX}{round(booted)}"


def _other_boot(one: str, other: str) -> bool:
    # If one of the two could not read the id, that says nothing about the boot.
    return not any(boot.startswith(_BOOT_TIME_PREFIX) for boot in (one, other)) and one != other


def _other_boot_time(one: str, other: str) -> bool:
    """Whether two hidden boots began at different moments, by the wall clock of each."""
    if not all(boot.startswith(_BOOT_TIME_PREFIX) for boot in (one, other)):
        return False
    began, also = (int(boot.removeprefix(_BOOT_TIME_PREFIX)) for boot in (one, other))
    return abs(began - also) > _BOOT_TIME_SLACK_S


def _read_start(proc: Path, pid: int) -> int | None:
    fields = _read_stat(proc, pid)
    return int(fields[19]) if len(fields) > 19 else None


def _read_stat(proc: Path, pid: int) -> list[str]:
    """The fields of ``stat`` from the third on: state first, start time at index 19."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return []
    # The second field is the command in parentheses and may itself hold spaces and parentheses.
    return stat[stat.rindex(")") + 1 :].split()


def _read_namespace(proc: Path) -> int | None:
    try:
        return (proc / "self/ns/pid").stat().st_ino
    except OSError:
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def read_user() -> str:
    """Who runs this process, for people: the user's name, or number, at the host."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
