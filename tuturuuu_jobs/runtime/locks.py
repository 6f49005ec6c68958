"""The two locks behind a concurrency key: a file of this machine, and a lock of the database.

Both hold one contract: at most one holder per key; free at once when the holder dies, however it
dies; held is what the kernel or the server says, never what a file's existence or content says.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Generator
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString

from tuturuuu_jobs.errors import BusyError, SettingsError, UnavailableError
from tuturuuu_jobs.runtime.files import entry_name

if TYPE_CHECKING:
    import psycopg

_APPLICATION: Final = "tuturuuu-jobs/"
_POLL_S: Final = 0.05


class LockMode(StrEnum):
    """Which of the two locks a run takes."""

    BOTH = "both"
    ADVISORY = "advisory"
    FILE = "file"

    @property
    def uses_file(self) -> bool:
        """Whether the file lock is taken."""
        return self is not LockMode.ADVISORY

    @property
    def uses_database(self) -> bool:
        """Whether the advisory lock is taken."""
        return self is not LockMode.FILE


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """What is known about a lock's holder; a hint for people, never a reason to decide.

    Attributes:
        run_id: The holder's run, or None if unknown.
        pid: Its process on this machine (file) or its server process (advisory).
        since: When it took the lock or opened its session.
    """

    run_id: str | None = None
    pid: int | None = None
    since: datetime | None = None


class KeyHeldError(BusyError):
    """Another run holds the key.

    Attributes:
        holder: Who holds it, as far as known.
    """

    def __init__(self, key: str, holder: Holder) -> None:
        named = f" by run {holder.run_id}" if holder.run_id else ""
        since = f" since {holder.since:%Y-%m-%d %H:%M:%S} UTC" if holder.since else ""
        super().__init__(f"{key} is held{named}{since}", subject=key)
        self.holder = holder


def lock_path(directory: Path, key: str) -> Path:
    """The lock file of a key."""
    return directory / f"{entry_name(key)}.lock"


@contextlib.contextmanager
def file_lock(
    directory: Path, key: str, *, run_id: str, taken_at: datetime, wait_s: float = 0.0
) -> Generator[None]:
    """Hold the key among the processes of this machine.

    Raises KeyHeldError if somebody else holds it after ``wait_s`` seconds, and SettingsError if the
    directory or the file cannot be used.

    Args:
        directory: Made with mode 0700 if missing; the same for all runs of this machine.
        key: The concurrency key.
        run_id: Left in the file as a hint for a person who finds the key held.
        taken_at: As ``run_id``.
        wait_s: Seconds to wait; 0 tries once.
    """
    import filelock

    path = lock_path(directory, key)
    hint = {"run_id": run_id, "pid": os.getpid(), "started_at": taken_at.isoformat()}
    with _usable(path):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = filelock.FileLock(
        path,
        mode=0o600,
        is_singleton=False,
        thread_local=False,
        # A lock that silently means less is worse than none.
        fallback_to_soft=False,
        on_acquired=lambda descriptor: _claim(path, descriptor, hint),
    )
    _acquire(lock, path, key, wait_s)
    try:
        yield
    finally:
        lock.release()


class _ReplacedError(Exception):
    """The file was replaced while we waited: our lock guards a name that is gone."""


def _acquire(lock: Any, path: Path, key: str, wait_s: float) -> None:
    import filelock

    while True:
        try:
            with _usable(path):
                lock.acquire(timeout=wait_s, poll_interval=_POLL_S, blocking=wait_s > 0)
        except _ReplacedError:
            continue
        except filelock.Timeout:
            raise KeyHeldError(key, _file_holder(path)) from None
        return


def _claim(path: Path, descriptor: int, hint: dict[str, Any]) -> None:
    ours = os.fstat(descriptor)
    try:
        named = path.stat()
    except FileNotFoundError:
        raise _ReplacedError from None
    if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
        raise _ReplacedError
    # Only a hint: on a full disk the lock is held all the same.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(hint) + "\n").encode(), 0)


@contextlib.contextmanager
def _usable(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, TimeoutError):
            raise
        lacking = "is not writable" if isinstance(error, PermissionError) else "cannot be used"
        what = path.parent if not path.exists() else path
        raise SettingsError(
            f"the lock directory {path.parent} {lacking}: {what}: {error.strerror or 'error'}",
            code="lock_directory",
            subject=str(path.parent),
            hint="give this user the right to write there (mode 0700), or name another directory "
            "with TUTURUUU_JOBS_STATE_DIR",
        ) from None


def _file_holder(path: Path) -> Holder:
    try:
        hint = json.loads(path.read_text())
        since = datetime.fromisoformat(hint["started_at"])
        return Holder(run_id=str(hint["run_id"]), pid=int(hint["pid"]), since=since)
    except (OSError, ValueError, TypeError, KeyError):
        return Holder()


def seat_key(queue: str, seat: int) -> str:
    """What one of a queue's seats is called as a lock; seats count from 0."""
    return f"seat/{queue}/{seat}"


def advisory_key(key: str) -> int:
    """The number that stands for a key in the database, shared by every version and language."""
    digest = hashlib.sha256(f"{_APPLICATION}{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_TRY_LOCK: Final[LiteralString] = "select pg_try_advisory_lock(%(key)s)"

# In a transaction of its own: behind a transaction pooler the lock stays with another backend.
_IS_OURS: Final[LiteralString] = """
select exists (
    select from pg_locks
    where locktype = 'advisory' and objsubid = 1 and granted and pid = pg_backend_pid()
      and (classid::bigint << 32) | objid::bigint = %(key)s
)
"""

_UNLOCK: Final[LiteralString] = "select pg_advisory_unlock(%(key)s)"


@contextlib.contextmanager
def advisory_lock(
    connection: psycopg.Connection[Any], key: str, *, wait_s: float = 0.0
) -> Generator[None]:
    """Hold the key among all clients of the database, as long as this connection lives.

    Raises KeyHeldError if another session holds it after ``wait_s`` seconds. The connection must be
    in autocommit mode and must not hold the key already (the server would count it twice).
    """
    from tuturuuu_jobs.runtime.database import translated_errors

    number = advisory_key(key)
    with translated_errors():
        taken = _wait_for(connection, number, wait_s) if wait_s > 0 else _try(connection, number)
        if not taken:
            raise KeyHeldError(key, _session_holder(connection, number))
        if not _ask(connection, _IS_OURS, number):
            raise SettingsError(
                "an advisory lock did not stay with its connection: a transaction pooler",
                code="transaction_pooler",
                subject="DATABASE_URL",
                hint="use the direct connection, or the pooler's session mode",
            )
    try:
        yield
    finally:
        _unlock(connection, number)


@contextlib.contextmanager
def seat_lock(connection: psycopg.Connection[Any], name: str) -> Generator[None]:
    """Hold a seat on a connection that holds its key, and so has proved to keep its locks.

    Raises KeyHeldError if the seat is taken.
    """
    from tuturuuu_jobs.runtime.database import translated_errors

    number = advisory_key(name)
    with translated_errors():
        if not _try(connection, number):
            raise KeyHeldError(name, Holder())
    try:
        yield
    finally:
        _unlock(connection, number)


_UNLOCK_ALL: Final[LiteralString] = "select pg_advisory_unlock_all()"


def release_all(connection: psycopg.Connection[Any]) -> None:
    """Give up every lock of this session and the session itself.

    A session that merely hangs up keeps its locks until the server notices.
    """
    import psycopg

    with contextlib.suppress(psycopg.Error):
        if not connection.closed:
            connection.execute(_UNLOCK_ALL)
    connection.close()


def is_held(connection: psycopg.Connection[Any], key: str) -> bool:
    """Whether this very session holds the key in the database, as the server sees it."""
    return _ask(connection, _IS_OURS, advisory_key(key))


def _ask(connection: psycopg.Connection[Any], statement: LiteralString, number: int) -> bool:
    row = connection.execute(statement, {"key": number}).fetchone()
    return bool(row and row[0])


def _try(connection: psycopg.Connection[Any], number: int) -> bool:
    return _ask(connection, _TRY_LOCK, number)


_WAIT_LOCK: Final[LiteralString] = "select pg_advisory_lock(%(key)s)"
_SET_TIMEOUTS: Final[LiteralString] = """
select set_config('lock_timeout', %(lock_ms)s, false),
       set_config('statement_timeout', %(statement_ms)s, false)
"""
_TIMEOUTS: Final[LiteralString] = """
select current_setting('lock_timeout'), current_setting('statement_timeout')
"""


def _wait_for(connection: psycopg.Connection[Any], number: int, wait_s: float) -> bool:
    """Queue up in the server, which is fair; False if the time is over."""
    from psycopg import errors

    before = connection.execute(_TIMEOUTS).fetchone() or ("5s", "60s")
    wait_ms = max(1, min(int(wait_s * 1000), 2**31 - 1))
    connection.execute(_SET_TIMEOUTS, {"lock_ms": str(wait_ms), "statement_ms": "0"})
    try:
        connection.execute(_WAIT_LOCK, {"key": number})
    except errors.LockNotAvailable:
        return False
    finally:
        if not connection.closed:
            connection.execute(_SET_TIMEOUTS, {"lock_ms": before[0], "statement_ms": before[1]})
    return True


def _unlock(connection: psycopg.Connection[Any], number: int) -> None:
    import psycopg

    if connection.closed:
        return
    try:
        held = _ask(connection, _UNLOCK, number)
    except psycopg.Error:
        # The session ends with its locks; nothing is left to release.
        connection.close()
        return
    if not held:
        # Somebody below ran DISCARD or changed the backend: do not reuse such a session.
        connection.close()
        raise UnavailableError("the advisory lock was lost before its release", code="lock_lost")


_SESSION_HOLDER: Final[LiteralString] = """
select activity.application_name, locks.pid, activity.backend_start
from pg_locks locks
join pg_stat_activity activity on activity.pid = locks.pid
where locks.locktype = 'advisory' and locks.objsubid = 1 and locks.granted
  and (locks.classid::bigint << 32) | locks.objid::bigint = %(key)s
"""


def _session_holder(connection: psycopg.Connection[Any], number: int) -> Holder:
    row = connection.execute(_SESSION_HOLDER, {"key": number}).fetchone()
    if row is None:
        return Holder()
    application, pid, since = row
    # application_name is tuturuuu-jobs/<job>/<run>
    parts = str(application or "").split("/")
    run_id = parts[2] if len(parts) == 3 and parts[0] == "tuturuuu-jobs" else None
    return Holder(run_id=run_id, pid=int(pid), since=since)
