"""A long run's sign of life, and its ear for a request to stop.

Invariant: a run that is over soon opens no second connection; a beat that fails is only missed. Who
declares a run dead asks for more proof than silence.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self
from uuid import UUID

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.database import translated_errors

if TYPE_CHECKING:
    import psycopg

PERIOD_S: Final = 15.0
_GOODBYE_S: Final = 2.0

# The moment is the database's, so that one clock decides how old a beat is.
_BEAT: Final[LiteralString] = """
update jobs.runs set heartbeat_at = now()
where id = %(id)s and status = 'running'
returning cancel_requested_at is not null
"""


class Heartbeat:
    """Beats from a thread and a connection of its own until the block ends.

    The run's own connection cannot do it: it may be inside one long statement.
    """

    def __init__(
        self,
        run_id: UUID,
        connect: Callable[[str], psycopg.Connection[Any]],
        cancel: Callable[[], None],
        period_s: float = PERIOD_S,
    ) -> None:
        self._run_id = run_id
        self._connect = connect
        self._cancel = cancel
        self._period_s = period_s
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Wait for :meth:`start`."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; a beat that hangs on a dead link is left to end with the process."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(_GOODBYE_S)

    def start(self) -> None:
        """Beat from one period from now on; idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        connection: psycopg.Connection[Any] | None = None
        with contextlib.ExitStack() as opened:
            while not self._over.wait(self._period_s):
                with contextlib.suppress(JobError):
                    if connection is None or connection.closed:
                        connection = self._connect(f"tuturuuu-jobs/heartbeat/{self._run_id}")
                        opened.callback(connection.close)
                    if not self._goes_on(connection):
                        return

    def _goes_on(self, connection: psycopg.Connection[Any]) -> bool:
        with translated_errors():
            row = connection.execute(_BEAT, {"id": self._run_id}).fetchone()
        if row is not None and row[0]:
            self._cancel()
        # Settled, or declared lost by somebody: settling finds out.
        return row is not None and not row[0]
