"""Whether this machine's part is sound: the state directory, its locks, zone data.

Invariant: looking makes nothing and changes nothing that a run would find; a directory that root
made by looking would lock the jobs' own user out.
"""

from __future__ import annotations

import dataclasses
import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from stat import S_IMODE
from typing import Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.diagnosis.findings import Finding, note, ok, serious, warning
from tuturuuu_jobs.runtime.state import StateDirectory

_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORK: Final = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "nfs", "nfs4", "smb3"})
_SWEPT: Final = (Path("/tmp"), Path("/var/tmp"), Path("/run"), Path("/dev/shm"))  # noqa: S108 - named to warn about them.
_LEAST_FREE_BYTES: Final = 100 << 20
_ZONES: Final = ("Europe/Berlin", "America/New_York", "Asia/Ho_Chi_Minh")


@dataclasses.dataclass(frozen=True, slots=True)
class StateFacts:
    """What is so about the state directory.

    Attributes:
        path: Where it is, or would be.
        uid: Who asks.
        owner: User id of its owner; None if it does not exist.
        mode: Its permission bits.
        writable: Whether the asking user can make files in it, or make it.
        file_system: Type of the file system it lies on; empty if unknown.
        locking: Whether a lock keeps a second taker out; None if that was not tried.
        free_bytes: Room left for this user.
        unsettled: Results that the ledger has not been told.
        unreadable: Spooled files that are no documents.
    """

    path: Path
    uid: int
    owner: int | None
    mode: int
    writable: bool
    file_system: str
    locking: bool | None
    free_bytes: int
    unsettled: int
    unreadable: int


def look_at_state(path: Path) -> StateFacts:
    """Look; a lock is tried on a file of its own that is gone afterwards."""
    there = _nearest(path)
    about = there.stat()
    found, uid = there == path, os.geteuid()
    room = os.statvfs(there)
    writable = os.access(there, os.W_OK | os.X_OK, effective_ids=True)
    tried = found and writable and about.st_uid == uid
    spool = StateDirectory(path).spool
    return StateFacts(
        path=path,
        uid=uid,
        owner=about.st_uid if found else None,
        mode=S_IMODE(about.st_mode),
        writable=writable,
        file_system=file_system_of(there.resolve(), _read_mounts()),
        locking=_try_lock(path) if tried else None,
        free_bytes=room.f_bavail * room.f_frsize,
        unsettled=_count(spool, ".json"),
        unreadable=_count(spool, ".unreadable"),
    )


def file_system_of(path: Path, mounts: str) -> str:
    """The type of the file system that holds a path, by the kernel's table of mounts.

    Of several mounts on one place the last one is seen.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = Path(_unescape(fields[1]))
        if path.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), fields[2]
    return kind


def _unescape(text: str) -> str:
    for code, char in (("040", " "), ("011", "\t"), ("012", "\n"), ("134", "\\")):
        text = text.replace("\\" + code, char)
    return text


def _read_mounts() -> str:
    try:
        return _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _nearest(path: Path) -> Path:
    """The path itself or its closest parent that exists."""
    return next(place for place in (path, *path.parents) if os.path.lexists(place))


def _try_lock(directory: Path) -> bool:
    with tempfile.NamedTemporaryFile(dir=directory, prefix=".doctor.") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            with Path(file.name).open("rb") as other:
                fcntl.flock(other.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def _count(directory: Path, ending: str) -> int:
    try:
        return sum(entry.suffix == ending for entry in directory.iterdir())
    except OSError:
        return 0


def judge_state(facts: StateFacts) -> Iterator[Finding]:
    """Whether runs can take their locks there and leave their results."""
    yield from _judge_place(facts)
    yield from _judge_file_system(facts)
    yield from _judge_content(facts)


def _judge_place(facts: StateFacts) -> Iterator[Finding]:
    where = str(facts.path)
    if not facts.writable:
        yield serious(
            "state_not_writable",
            f"this user cannot write to the state directory {where}",
            why="no run can take its file lock or leave its result",
            action="run as the user of the jobs, or name another directory with "
            "TUTURUUU_JOBS_STATE_DIR",
            subject=where,
        )
    elif facts.owner is None:
        yield note(
            "state_absent",
            f"the state directory {where} does not exist yet",
            why="the first run makes it, for the user that it runs as",
            action="if runs have been made already, this is another user or another setting: "
            "compare TUTURUUU_JOBS_STATE_DIR",
            subject=where,
        )
    elif facts.owner != facts.uid:
        yield warning(
            "state_of_another_user",
            f"the state directory {where} belongs to user id {facts.owner}, this is {facts.uid}",
            why="files that a run leaves there as this user lock the jobs' own user out",
            action="run as the owner, for example with: sudo -u tuturuuu-jobs",
            subject=where,
        )
    elif facts.mode & 0o022:
        yield warning(
            "state_open_to_others",
            f"other users may write to the state directory {where} (mode {facts.mode:04o})",
            why="whoever can put files there can hold the jobs up",
            action=f"chmod 0700 {where}",
            subject=where,
        )
    else:
        yield ok("state_directory", f"{where} is this user's own and writable", subject=where)


def _judge_file_system(facts: StateFacts) -> Iterator[Finding]:
    where, kind = str(facts.path), facts.file_system
    if facts.locking is False:
        yield serious(
            "locks_do_not_hold",
            f"a file lock in {where} does not keep a second taker out",
            why="two runs of one workspace could work at once",
            action="use a local file system, or set TUTURUUU_JOBS_LOCKS=advisory",
            subject=where,
        )
    elif facts.locking:
        yield ok("locks_hold", f"file locks hold in {where}", subject=where)
    if kind in _NETWORK or kind.startswith("fuse"):
        yield warning(
            "locks_on_network",
            f"{where} lies on a network or user-space file system ({kind})",
            why="there a lock can be lost without its holder noticing",
            action="use a local file system, or set TUTURUUU_JOBS_LOCKS=advisory",
            subject=where,
        )
    if any(facts.path.is_relative_to(place) for place in _SWEPT):
        yield warning(
            "state_may_vanish",
            f"{where} lies where files are cleaned up or gone after a restart",
            why="a lock file that is removed while held locks nothing",
            action="use a directory that lasts, such as /var/lib/tuturuuu-jobs",
            subject=where,
        )


def _judge_content(facts: StateFacts) -> Iterator[Finding]:
    where = str(facts.path)
    if facts.free_bytes < _LEAST_FREE_BYTES:
        yield warning(
            "disk_almost_full",
            f"{facts.free_bytes >> 20} MB are left for {where}",
            why="results of runs whose database is away would be lost",
            action="make room",
            subject=where,
        )
    if facts.unsettled:
        yield note(
            "results_unsettled",
            f"{facts.unsettled} results wait in {where}/spool until the ledger takes them",
            why="until then the ledger calls those runs running or lost",
            action="nothing, if runs get through to the database again: they hand them over",
            subject=where,
        )
    if facts.unreadable:
        yield warning(
            "results_unreadable",
            f"{facts.unreadable} spooled results in {where}/spool are damaged",
            why="the ledger will never know how those runs ended",
            action=f"look at {where}/spool/*.unreadable, then remove them",
            subject=where,
        )


def look_at_metrics(directory: Path) -> bool:
    """Whether metrics can be left there."""
    return directory.is_dir() and os.access(directory, os.W_OK | os.X_OK, effective_ids=True)


def judge_metrics(directory: Path, *, writable: bool) -> Iterator[Finding]:
    """Whether the monitor hears of runs; no run fails because of it."""
    if writable:
        yield ok("metrics_directory", f"metrics can be left in {directory}")
    else:
        yield warning(
            "metrics_not_writable",
            f"this user cannot write metrics to {directory}",
            why="runs go on, but the monitor sees old figures or none",
            action="make the directory writable for this user; in a systemd unit add it to "
            "ReadWritePaths=",
            subject="TUTURUUU_JOBS_METRICS_DIR",
        )


def look_for_zones(names: Iterable[str] = _ZONES) -> list[str]:
    """Those of the time zones that are unknown here."""
    missing: list[str] = []
    for name in names:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            missing.append(name)
    return missing


def judge_zones(missing: list[str]) -> Iterator[Finding]:
    """Whether time zones are known at all."""
    if missing:
        yield serious(
            "zone_data_missing",
            f"time zones are unknown on this machine: {', '.join(missing)}",
            why="all-day events cannot be put at the right midnight",
            action="install the Python package tzdata beside tuturuuu-jobs",
        )
    else:
        yield ok("zone_data", f"time zones are known (tzdata {metadata.version('tzdata')})")
