"""Children as fresh interpreters: total isolation, at the price of a start-up each."""

from __future__ import annotations

import os
import subprocess
import sys
from types import TracebackType
from typing import Self

from typing_extensions import override

from tuturuuu_jobs.runtime.children import Launcher, Process, Program, no_process


class _ExecProcess:
    """A child of this very process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.pid = process.pid
        try:
            self.pidfd = os.pidfd_open(process.pid)
        except OSError:
            # Nobody would see it end.
            process.kill()
            process.wait()
            raise

    def reap(self) -> int | None:
        returncode = self._process.wait()
        os.close(self.pidfd)
        return returncode


class ExecLauncher(Launcher):
    """Starts each child as ``python -P -m tuturuuu_jobs.runtime.child``."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._command = (
            sys.executable,
            # The current directory is no place to import from.
            "-P",
            "-m",
            "tuturuuu_jobs.runtime.child",
            str(os.getpid()),
            str(program.memory),
            program.entry,
        )

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing to close: each child is reaped on its own."""

    @override
    def start(self, arguments: tuple[str, ...], *, stdin: int, stdout: int, stderr: int) -> Process:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell.
                [*self._command, *arguments],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=dict(self._program.environ),
                start_new_session=True,
                close_fds=True,
            )
            return _ExecProcess(process)
        except OSError as error:
            raise no_process(error) from None
