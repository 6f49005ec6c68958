"""Console blocks as sessions: what is typed, and what must come back.

A line that begins with ``$`` is typed; so are the lines after it while a quote is open or a
backslash ends them. Everything else is output, in which ``…`` stands for any text on its line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_MARK: Final = "--- typed"


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One command and the output that the page shows under it."""

    command: str
    output: str


def fenced(page: str, language: str) -> list[str]:
    """The blocks of that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def steps(blocks: list[str]) -> Iterator[Step]:
    """The commands of these blocks, in order."""
    for block in blocks:
        command, output = "", ""
        for line in block.splitlines(keepends=True):
            if line.startswith("$ "):
                if command:
                    yield Step(command, output)
                command, output = line.removeprefix("$ "), ""
            elif _goes_on(command):
                command += line
            else:
                output += line
        yield Step(command, output)


def _goes_on(command: str) -> bool:
    return command.count("'") % 2 == 1 or command.endswith("\\\n")


def run(typed: list[Step], directory: Path, environ: Mapping[str, str]) -> list[tuple[int, str]]:
    """Exit code and output of each command, all of them in one shell."""
    lines = [f'{step.command}echo "{_MARK} $?"\n' for step in typed]
    process = subprocess.Popen(
        ["/bin/bash", "-c", "".join(lines)],
        cwd=directory,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        shown, troubles = process.communicate(timeout=120)
    finally:
        # Servers that a page starts do not outlive a page that fails.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    parts = re.split(rf"{_MARK} (\d+)\n", shown)
    assert len(parts) == 2 * len(typed) + 1, shown + troubles
    return [(int(code), text) for text, code in zip(parts[::2], parts[1::2], strict=False)]


def is_shown(output: str, step: Step) -> bool:
    """Whether the output is what the page shows."""
    pattern = ".*".join(re.escape(part) for part in step.output.rstrip("\n").split("…"))
    return re.fullmatch(pattern, output.rstrip("\n")) is not None
