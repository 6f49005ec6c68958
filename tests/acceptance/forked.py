"""The command as a forked process with streams and environment of its own, for many combinations.

It begins where the installed command begins, in ``cli.main``; what is left out is the interpreter's
start, which the other tests of the command line go through.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import CompletedProcess

from tests.acceptance.command import PATIENCE_S
from tests.fixtures import preloaded


@dataclasses.dataclass(frozen=True)
class Running:
    """A command at work; ``end`` gives what it said."""

    process: ForkServerProcess
    folder: tempfile.TemporaryDirectory[str]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid or 0

    def end(self) -> CompletedProcess[str]:
        """Wait for it."""
        with self.folder as name:
            self.process.join(PATIENCE_S)
            code = self.process.exitcode
            out, err = (Path(name, stream).read_text("utf-8") for stream in ("out", "err"))
        assert code is not None, (out, err)
        self.process.close()
        return CompletedProcess([], code, out, err)


def nothing() -> None:
    """Nothing precedes the command."""


def start(*arguments: str, stdin: str = "", **environ: str) -> Running:
    """Begin the command with nothing in its environment but what the test puts there."""
    return start_after(nothing, arguments, environ, stdin)


def start_after(
    prepare: Callable[[], None],
    arguments: tuple[str, ...],
    environ: dict[str, str],
    stdin: str = "",
) -> Running:
    """As ``start``; something is called in its process first."""
    folder = tempfile.TemporaryDirectory()
    Path(folder.name, "in").write_text(stdin, "utf-8")
    work = preloaded.context().Process(
        target=_work, args=(arguments, environ, folder.name, prepare)
    )
    work.start()
    return Running(work, folder)


def run(*arguments: str, stdin: str = "", **environ: str) -> CompletedProcess[str]:
    """The command from beginning to end."""
    return start(*arguments, stdin=stdin, **environ).end()


def _work(
    arguments: tuple[str, ...], environ: dict[str, str], folder: str, prepare: Callable[[], None]
) -> None:
    from tuturuuu_jobs import cli

    prepare()
    os.environ.clear()
    os.environ.update(environ)
    for number, (name, flags) in enumerate(
        [("in", os.O_RDONLY), ("out", os.O_WRONLY | os.O_CREAT), ("err", os.O_WRONLY | os.O_CREAT)]
    ):
        os.dup2(os.open(Path(folder, name), flags, 0o600), number)
    sys.stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    sys.argv = ["tuturuuu-jobs", *arguments]
    cli.main()
