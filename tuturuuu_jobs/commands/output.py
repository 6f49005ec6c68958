"""What leaves the process: data on standard output, everything said to people on standard error.

With ``--json`` the document is the only thing on standard output, whatever a library prints.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import ExitCode, exit_code, kind_of

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
    """Write the document. A reader that has gone away is no error: the work is done."""
    _document.emitted = True
    sys.stdout.flush()
    rest = memoryview(encode_json(value))
    try:
        while rest:
            rest = rest[os.write(_document.descriptor, rest) :]
    except BrokenPipeError:
        return


def write_result_file(path: Path, value: object) -> None:
    """Replace the file as a whole: a reader sees the old document or the new one.

    Raises:
        FailedError: The file cannot be written.
    """
    from tuturuuu_jobs.errors import FailedError

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.write(encode_json(value))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        reason = error.strerror or "it cannot be written"
        raise FailedError(f"--result-file: {path}: {reason}", subject="--result-file") from None


def printable(text: object) -> str:
    """Text of others made safe for a terminal: one line, no control characters."""
    return "".join(char if char.isprintable() else " " for char in str(text))


def say(line: str) -> None:
    """Tell a person; standard error that is closed is no reason to fail."""
    try:
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is the place that prints.
    except OSError:
        return


def error_line(error: JobError) -> str:
    """What is wrong and what to do, in one line."""
    hint = f" ({error.hint})" if error.hint else ""
    return printable(f"tuturuuu-jobs: error: {error.message}{hint}")


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


def print_lines(lines: list[str]) -> None:
    """Data for people on standard output."""
    for line in lines:
        print(line)  # noqa: T201 - this is the place that prints.
