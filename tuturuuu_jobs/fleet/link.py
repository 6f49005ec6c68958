"""A worker's way to the database: statements on a thread of their own, and word of new work.

Invariant: the loop never waits for the database, so that children are supervised and systemd's
watchdog is fed whatever the database does. A broken connection is opened anew with the next
question.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psycopg

from tuturuuu_jobs.errors import JobError, UnavailableError
from tuturuuu_jobs.fleet import engine
from tuturuuu_jobs.runtime.database import translate

T = TypeVar("T")
Connection = psycopg.Connection[Any]

_LISTEN: Final = f"listen {engine.CHANNEL}"


class Link:
    """One connection for questions, one that listens; both are this worker's own.

    Args:
        connect: Opens a connection; called on the link's thread.
        listens: Whether to be told of new work; else it is found by looking.
    """

    def __init__(self, connect: Callable[[], Connection], *, listens: bool = True) -> None:
        self._connect = connect
        self._listens = listens
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection: Connection | None = None
        self._listener: Connection | None = None
        self._watched: int | None = None
        self.told = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close both connections."""
        self._unwatch()
        await self._on_thread(self._close)
        self._thread.shutdown()

    async def ask(self, question: Callable[[Connection], T]) -> T:
        """Have the question answered; raises JobError."""
        return await self._on_thread(lambda: self._answer(question))

    async def listen(self) -> None:
        """Listen, or go on listening; raises JobError."""
        if not self._listens or self._watched is not None:
            return
        descriptor = await self._on_thread(self._open_listener)
        asyncio.get_running_loop().add_reader(descriptor, self._hear)
        self._watched = descriptor
        # What came before is not told any more.
        self.told.set()

    def _hear(self) -> None:
        """Something was said, or the connection is gone: either way it is time for a look."""
        listener = self._listener
        try:
            if listener is None:
                raise psycopg.OperationalError
            for _ in listener.notifies(timeout=0):
                pass
        except psycopg.Error:
            self._unwatch()
            if listener is not None:
                listener.close()
        self.told.set()

    def _unwatch(self) -> None:
        if self._watched is not None:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = None

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _answer(self, question: Callable[[Connection], T]) -> T:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
                engine.prepare(self._connection)
            return question(self._connection)
        except UnavailableError:
            # Whatever state it is in: a fresh one has none.
            self._drop_connection()
            raise
        except psycopg.Error as error:
            self._drop_connection()
            raise translate(error) from None

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _open_listener(self) -> int:
        self._listener = self._connect()
        try:
            self._listener.execute(_LISTEN.encode())
            return self._listener.fileno()
        except psycopg.Error as error:
            self._listener.close()
            raise translate(error) from None

    def _close(self) -> None:
        for connection in (self._connection, self._listener):
            if connection is not None:
                with contextlib.suppress(psycopg.Error, JobError):
                    connection.close()
