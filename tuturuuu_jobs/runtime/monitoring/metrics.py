"""Metrics for the textfile collector of Prometheus' node exporter: one file per job.

A file per job keeps two jobs from overwriting each other. Workspaces are no labels: their number
is not bounded. The thing to alert on is the age of the last success.
"""

from __future__ import annotations

import dataclasses
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.files import write_atomically
from tuturuuu_jobs.runtime.outcome import Result, Status

_READABLE: Final = 0o644
_PREFIX: Final = "tuturuuu_job_"
_SAMPLE: Final = re.compile(rf"^{_PREFIX}(\w+)\{{[^}}]*\}} (\S+)$", re.MULTILINE)
_HELP: Final = {
    "last_run_timestamp_seconds": "When the last run of the job ended.",
    "last_success_timestamp_seconds": "When the job last succeeded.",
    "last_duration_seconds": "How long the last run took.",
    "last_exit_code": "The exit code of the last run.",
    "skipped_consecutive": "Runs in a row that found their key held.",
    "children": "Children of the last fan-out by how they ended.",
}


@dataclasses.dataclass(frozen=True, slots=True)
class TextfileMetrics:
    """Writes the file of a run's job when the run is over.

    Attributes:
        directory: The one that the collector reads.
    """

    directory: Path

    def started(self, facts: RunFacts) -> None:
        """Nothing to tell yet."""

    def finished(self, facts: RunFacts, result: Result) -> None:
        """Replace the job's file. Raises OSError."""
        path = self.directory / f"tuturuuu_jobs_{facts.job}.prom"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        write_atomically(path, render_metrics(result, before).encode(), mode=_READABLE)


def render_metrics(result: Result, before: str = "") -> str:
    """The samples after a run; what it does not tell anew is taken from the file before it."""
    ended = datetime.fromisoformat(result.finished_at).timestamp()
    known = dict(_SAMPLE.findall(before))
    samples: dict[str, Any] = {"last_run_timestamp_seconds": f"{ended:.3f}"}
    if result.status is Status.SUCCEEDED:
        samples["last_success_timestamp_seconds"] = f"{ended:.3f}"
    elif (earlier := _number(known.get("last_success_timestamp_seconds"))) is not None:
        samples["last_success_timestamp_seconds"] = f"{earlier:.3f}"
    skipped = int(_number(known.get("skipped_consecutive")) or 0) + 1
    samples |= {
        "last_duration_seconds": f"{result.duration_s:.3f}",
        "last_exit_code": result.exit_code,
        "skipped_consecutive": skipped if result.status is Status.SKIPPED else 0,
    }
    lines: list[str] = []
    for name, value in samples.items():
        lines += [*_head(name), f'{_PREFIX}{name}{{job="{result.job}"}} {value}']
    return "\n".join(lines + _children_lines(result)) + "\n"


def _children_lines(result: Result) -> list[str]:
    # Beside the total of a fan-out stand its parts, one for each way of ending.
    parts = result.data if "total" in result.data else {}
    lines = [
        f'{_PREFIX}children{{job="{result.job}",status="{status}"}} {count}'
        for status, count in parts.items()
        if isinstance(count, int) and status != "total"
    ]
    return [*_head("children"), *lines] if lines else []


def _head(name: str) -> list[str]:
    return [f"# HELP {_PREFIX}{name} {_HELP[name]}", f"# TYPE {_PREFIX}{name} gauge"]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None
