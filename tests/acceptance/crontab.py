"""The shipped crontab as cron reads it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

CRONTAB = Path(__file__).parents[2] / "crontab.example"
_FIELD = r"(?:\*|\d+(?:-\d+)?)(?:/\d+)?"
_LINE = re.compile(rf"({_FIELD})\s+({_FIELD})\s+({_FIELD})\s+({_FIELD})\s+({_FIELD})\s+(\S.*)")
_ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A line that cron runs.

    Attributes:
        fields: Minute, hour, day of month, month, day of week.
        command: What the shell gets.
        stdin: What follows an unescaped percent sign.
    """

    fields: tuple[str, ...]
    command: str
    stdin: str


@dataclasses.dataclass(frozen=True, slots=True)
class Crontab:
    """Assignments, taken as they stand, and entries."""

    environ: dict[str, str]
    entries: tuple[Entry, ...]


def read_crontab(text: str) -> Crontab:
    """Read as cron(5) says; ValueError for a line that cron would refuse or pass over."""
    if not text.endswith("\n"):
        raise ValueError("cron passes over a last line without a newline")
    environ: dict[str, str] = {}
    entries: list[Entry] = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if assigned := _ASSIGNMENT.fullmatch(line):
            environ[assigned[1]] = assigned[2].strip("\"'")
        elif entry := _LINE.fullmatch(line):
            *fields, command = entry.groups()
            command, _, stdin = re.sub(r"(?<!\\)%", "\n", command).partition("\n")
            entries.append(Entry(tuple(fields), command.replace(r"\%", "%"), stdin))
        else:
            raise ValueError(line)
    return Crontab(environ, tuple(entries))
