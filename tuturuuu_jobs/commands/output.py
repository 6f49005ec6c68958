"""What leaves the process: data on standard output, everything said to people on standard error.

With ``--json`` the document is the only thing on standard output, whatever a library prints.
"""

from __future__ import annotations

import json
import logging
import os
import select
import stat
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.errors import FailedError, JobError, UsageError
from tuturuuu_jobs.runtime.logs import priority
from tuturuuu_jobs.runtime.outcome import ExitCode, Problem, exit_code, kind_of

_STDOUT: Final = 1
_STDERR: Final = 2


class _Document:
    """The one place for JSON: the original standard output, once it is kept for that."""

    def __init__(self) -> None:
        self.descriptor = _STDOUT
        self.emitted = False


_document = _Document()


def reserve_stdout() -> None:
    """Keep standard output for the document; later prints of anybody go to standard error."""
    if _document.descriptor == _STDOUT:
        sys.stdout.flush()
        _document.descriptor = os.dup(_STDOUT)
        os.dup2(_STDERR, _STDOUT)


def document_emitted() -> bool:
    """Whether the document was already written."""
    return _document.emitted


def encode_json(value: object) -> bytes:
    """One UTF-8 line that ends with a newline; lone surrogates become JSON escapes."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def emit_json(value: object) -> None:
    """Write the document. A reader that has gone away is no error: the work is done.

    Raises:
        FailedError: Standard output takes nothing more, for example because a disk is full.
    """
    _document.emitted = True
    sys.stdout.flush()
    rest = memoryview(encode_json(value))
    try:
        while rest:
            rest = rest[os.write(_document.descriptor, rest) :]
    except BrokenPipeError:
        return
    except OSError as error:
        raise unwritable_stdout(error) from None


def unwritable_stdout(error: OSError) -> FailedError:
    """What to say when standard output takes nothing more."""
    return FailedError(f"standard output: {error.strerror or 'cannot be written'}")


def check_result_file(path: Path) -> None:
    """Refuse, before any work, a place where no file can be made. Raises UsageError."""
    place = path if _is_in_place(path) else path.parent
    if not path.parent.is_dir() or not os.access(place, os.W_OK) or path.is_dir():
        raise UsageError(
            f"--result-file: {path} cannot be written",
            subject="--result-file",
            hint="name a file in a writable directory",
        )


def write_result_file(path: Path, value: object) -> Problem | None:
    """Replace the file as a whole; a warning if that was not possible after all."""
    from tuturuuu_jobs.runtime.files import write_atomically

    write = Path.write_bytes if _is_in_place(path) else write_atomically
    try:
        write(path, encode_json(value))
    except OSError as error:
        message = f"the result could not be written to {path}: {error.strerror or 'error'}"
        return Problem("result_file", message, subject="--result-file")
    return None


def _is_in_place(path: Path) -> bool:
    """Whether it must be written where it is: replacing a device or a link would destroy it."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def printable(text: object) -> str:
    """Text of others made safe for a terminal: one line, no control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def say(line: str, level: int = logging.ERROR) -> None:
    """Tell a person; standard error that is closed is no reason to fail.

    Args:
        line: What is said.
        level: Its level in systemd's journal; away from a terminal little but errors is said.
    """
    mark = priority(level) if wiring.process.stderr_is_journal() else ""
    try:
        print(mark + line, file=sys.stderr, flush=True)  # noqa: T201 - this is the place that prints.
    except OSError:
        return


def problem_line(problem: Problem) -> str:
    """What is wrong and what to do, in one line."""
    hint = f" ({problem.hint})" if problem.hint else ""
    return printable(f"tuturuuu-jobs: error: {problem.message}{hint}")


def error_line(error: JobError) -> str:
    """The same for an error."""
    return problem_line(Problem.of(error))


def exit_code_of(error: JobError) -> ExitCode:
    """The exit code of a command that this error ended."""
    return exit_code(kind_of(error))


def fail(error: JobError) -> NoReturn:
    """Say the error and end the command with its exit code."""
    say(error_line(error))
    raise typer.Exit(exit_code_of(error))


def table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[str]:
    """Lines of left-aligned columns under a heading; a missing value is empty."""
    cells = [
        [printable(row.get(name) if row.get(name) is not None else "") for name in columns]
        for row in rows
    ]
    lines = [list(columns), *cells]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def reader_has_gone() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    look = select.poll()
    look.register(_STDOUT, 0)
    return bool(look.poll(0))


def print_lines(lines: list[str]) -> None:
    """Data for people on standard output.

    Raises:
        BrokenPipeError: Its reader has gone away.
        FailedError: It takes nothing more, for example because a disk is full.
    """
    try:
        for line in lines:
            print(line)  # noqa: T201 - this is the place that prints.
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        raise unwritable_stdout(error) from None


def give_up_stdout() -> None:
    """Keep later flushes, the interpreter's own at exit too, from failing once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
