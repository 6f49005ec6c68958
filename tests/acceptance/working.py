"""A worker as a process of its own."""

from __future__ import annotations

import signal
import subprocess
from typing import Self

from tests.acceptance.command import COMMAND
from tests.acceptance.processes import catches, wait_until

ENDS_WITHIN_S = 45


class Working:
    """A worker as a process of its own; what is left of it is killed in the end.

    Args:
        environ: All that it finds in its environment.
        arguments: Behind ``worker``.
    """

    def __init__(self, environ: dict[str, str], *arguments: str) -> None:
        self._environ, self._arguments = environ, arguments
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen([COMMAND, "worker", *self._arguments], env=self._environ)

    def await_ready(self) -> None:
        """Wait until it can be told to end in order."""
        assert wait_until(lambda: catches(self.pid, signal.SIGTERM), within_s=60)

    def signal(self, signum: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(signum)

    def wait(self, within_s: float = ENDS_WITHIN_S) -> int:
        """Its exit code, once it has ended."""
        assert self._process is not None
        return self._process.wait(within_s)
