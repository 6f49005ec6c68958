"""The locks of one concurrency key and the connection that carries them, for one run.

Invariant: while ``connection`` is handed out, every lock of the run's mode is held. A lock of the
database that was lost is taken again before the next attempt, or the attempt does not happen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg.pq import TransactionStatus

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime import locks
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.state import StateDirectory

_OWN_LOCK_S: Final = 5.0
"""How long the lock of a connection that we lost is waited for."""


class KeySession:
    """Exclusive use of a key; a context manager that releases whatever was taken."""

    def __init__(
        self,
        facts: RunFacts,
        state: StateDirectory,
        open_connection: Callable[[str], psycopg.Connection[Any]],
    ) -> None:
        self._facts = facts
        self._state = state
        self._open_connection = open_connection
        self._mode = locks.LockMode(facts.locks)
        self._file = contextlib.ExitStack()
        self._file_held = False
        self._database = contextlib.ExitStack()
        self._holds_advisory = False
        self._seated = False
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        """Take nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release everything, the file last; what cannot be released ends with the process."""
        with contextlib.suppress(JobError, psycopg.Error, OSError):
            if self._connection is not None and self._is_idle():
                locks.release_all(self._connection)
            self._database.close()
        with contextlib.suppress(OSError):
            self._file.close()

    def take(self, wait: Callable[[], float]) -> psycopg.Connection[Any]:
        """Take what is not held yet: file, then connection and its lock; idempotent.

        Raises BusyError if another run holds the key.

        Args:
            wait: Seconds that may still be waited for a lock; asked before each.
        """
        if self._mode.uses_file and not self._file_held:
            self._file.enter_context(self._file_lock(self._facts.key, wait()))
            self._file_held = True
        connection = self.connect()
        if self._mode.uses_database and not self._holds_advisory:
            self._database.enter_context(
                locks.advisory_lock(connection, self._facts.key, wait_s=wait())
            )
            self._holds_advisory = True
        return connection

    def take_seat(self, queue: str, seats: Sequence[int]) -> bool:
        """Take one of a queue's seats, the first that is free; idempotent.

        The key must be held already: who waits for a key must not occupy a seat.
        """
        for seat in () if self._seated else seats:
            name = locks.seat_key(queue, seat)
            with contextlib.suppress(locks.KeyHeldError):
                if self._mode.uses_database:
                    self._database.enter_context(locks.seat_lock(self.connect(), name))
                else:
                    self._file.enter_context(self._file_lock(name, 0.0))
                self._seated = True
                break
        return self._seated

    def _file_lock(self, key: str, wait_s: float) -> AbstractContextManager[None]:
        return locks.file_lock(
            self._state.locks,
            key,
            run_id=str(self._facts.id),
            taken_at=self._facts.started_at,
            wait_s=wait_s,
        )

    def connect(self) -> psycopg.Connection[Any]:
        """The session's connection, in no transaction, opened if there is none.

        No lock is taken.
        """
        if self._connection is not None and self._is_idle():
            return self._connection
        self.detach()
        name = f"tuturuuu-jobs/{self._facts.job}/{self._facts.id}"
        connection = self._open_connection(name)
        self._database.callback(connection.close)
        self._connection = connection
        return connection

    def _is_idle(self) -> bool:
        connection = self._connection
        if connection is None or connection.closed:
            return False
        # What an interrupted job left open would swallow everything written after it.
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
        return connection.info.transaction_status == TransactionStatus.IDLE

    def detach(self) -> None:
        """Give up the connection, and with it the database's lock."""
        # Closed first: asking a broken link to unlock would only wait for it.
        if self._connection is not None:
            self._connection.close()
        stack, self._database = self._database, contextlib.ExitStack()
        self._connection, self._holds_advisory = None, False
        # A seat that is a file does not go with the connection.
        self._seated = self._seated and not self._mode.uses_database
        with contextlib.suppress(JobError, psycopg.Error):
            stack.close()

    def retake(self) -> psycopg.Connection[Any]:
        """The connection for another attempt: looked at, and replaced with its lock if broken.

        The server may still be about to notice that our lost connection is gone: its lock is waited
        for a moment.

        Raises BusyError if another run took the key meanwhile.
        """
        if not self._is_sound():
            self.detach()
        return self.take(lambda: _OWN_LOCK_S)

    def _is_sound(self) -> bool:
        connection = self._connection
        if connection is None or not self._is_idle():
            return False
        with contextlib.suppress(JobError), translated_errors():
            if self._holds_advisory:
                return locks.is_held(connection, self._facts.key)
            connection.execute("select")
            return True
        return False
