"""The log on standard error: prose for a person at a terminal, JSON lines for everything else.

Invariant: every line, traceback included, passes through the scrubber.
"""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import UTC, datetime
from typing import Final, TextIO
from uuid import UUID

from typing_extensions import override

from tuturuuu_jobs.runtime.redact import scrub

LOGGER: Final = "tuturuuu_jobs"

_FIELDS: Final = ("job", "run_id", "attempt", "ws_id", "code")


class _HumanFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(levelname)s: %(message)s")

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        told = ((name, getattr(record, name, None)) for name in _FIELDS)
        where = ", ".join(f"{name} {value}" for name, value in told if value)
        return super().formatMessage(record) + (f" ({where})" if where else "")

    @override
    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class _JsonFormatter(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "msg": scrub(record.getMessage()),
        }
        line |= {name: value for name in _FIELDS if (value := getattr(record, name, None))}
        if record.exc_info:
            line["traceback"] = scrub(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class _JournalFormatter(logging.Formatter):
    """Another format whose every line starts with its priority, as sd-daemon(3) says."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    @override
    def format(self, record: logging.LogRecord) -> str:
        text = self._lines.format(record)
        return "\n".join(priority(record.levelno) + line for line in text.splitlines())


def priority(level: int) -> str:
    """The mark of a line in systemd's journal: ``<3>`` for an error, ``<7>`` for the least."""
    marks = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
    return f"<{next((number for least, number in marks if level >= least), 7)}>"


def level_of(line: str) -> tuple[int, bool]:
    """The level of a line of another process's log, and whether it is one in JSON.

    What is no log line is what a command says at its end: an error.
    """
    levels = logging.getLevelNamesMapping()
    if line.startswith("{"):
        with contextlib.suppress(ValueError, AttributeError):
            return levels.get(str(json.loads(line).get("level")).upper(), logging.ERROR), True
    return levels.get(line.partition(":")[0], logging.ERROR), False


def configure(level: str, *, json_lines: bool, stream: TextIO, priorities: bool = False) -> None:
    """Send the log of this process to one stream; a second call replaces the first.

    Args:
        level: A level's name in any case, for example ``warning``.
        json_lines: One JSON object per line instead of prose.
        stream: Usually standard error; standard output carries data only.
        priorities: Mark each line with its priority, for systemd's journal.
    """
    handler = logging.StreamHandler(stream)
    formatter = _JsonFormatter() if json_lines else _HumanFormatter()
    handler.setFormatter(_JournalFormatter(formatter) if priorities else formatter)
    logging.basicConfig(handlers=[handler], force=True)
    _set_level("root", level.upper())
    # It warns about every answer that we already turn into an error of our own, URI included.
    _set_level("googleapiclient.http", "ERROR")
    _set_level("filelock", "WARNING")


def _set_level(name: str, level: str) -> None:
    """Set a logger's level if it has another one: each change makes every logger forget its own."""
    logger = logging.getLogger(name)
    if logging.getLevelName(logger.level) != level:
        logger.setLevel(level)


def run_logger(
    job: str, run_id: UUID, ws_id: UUID | None, attempt: int = 0
) -> logging.LoggerAdapter[logging.Logger]:
    """A logger whose records say which run they belong to."""
    fields: dict[str, object] = {"job": job, "run_id": str(run_id), "attempt": attempt}
    if ws_id is not None:
        fields["ws_id"] = str(ws_id)
    return logging.LoggerAdapter(logging.getLogger(LOGGER), fields)
