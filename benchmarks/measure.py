"""Timing in rounds, and the table that is made of it.

Within a round the subjects take turns, so that a ratio survives the drift of a shared machine.
Quote medians and ratios, never a single time.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        subject: What was measured.
        baseline: What it is compared with, or "" if with nothing.
        figures: The measured values, one per round, in ``unit``.
        ratios: Subject by baseline, round by round.
        bar: The goal in words, or "".
        met: Whether the median meets the goal; None without one.
    """

    subject: str
    baseline: str
    unit: str
    figures: list[float]
    ratios: list[float]
    bar: str = ""
    met: bool | None = None

    def markdown(self) -> str:
        """The line as Markdown."""
        ratio = f"{statistics.median(self.ratios):.2f}" if self.ratios else ""
        met = {True: "yes", False: "**no**", None: ""}[self.met]
        value = f"{statistics.median(self.figures):.3g} {self.unit}"
        return f"| {self.subject} | {value} | {self.baseline} | {ratio} | {self.bar} | {met} |"


def in_turn(subjects: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each subject once per round, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(rounds + 1):
        for name, subject in subjects.items():
            seconds = subject()
            if number:
                times[name].append(seconds)
    return times


def ratios(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """A by b, round by round."""
    return [x / y for x, y in zip(a, b, strict=True)]


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@dataclasses.dataclass(frozen=True, slots=True)
class ProcessFigures:
    """A finished process: wall and CPU seconds, peak memory in MB."""

    wall: float
    cpu: float
    peak_mb: float
    returncode: int


def run_process(command: Sequence[str], environment: Mapping[str, str]) -> ProcessFigures:
    """Run a command to its end, by the operating system's own accounting of it."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    complaint = process.stderr.read()
    process.stderr.close()
    _, status, usage = _reap(process)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{command[1:4]} ended with {status}: {complaint.decode()[-500:]}")
    return ProcessFigures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, status)


def _reap(process: subprocess.Popen[bytes]) -> tuple[int, int, resource.struct_rusage]:
    import os

    pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return pid, process.returncode, usage


def write(name: str, title: str, rows: Sequence[Row]) -> None:
    """Keep the raw rounds, and put the table into the README between its markers."""
    raw: dict[str, Any] = {
        "machine": {"python": platform.python_version(), "system": platform.platform()},
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(raw, indent=1) + "\n")
    table = [
        f"### {title}",
        "",
        "| what | median | against | ratio | bar | met |",
        "| --- | --- | --- | --- | --- | --- |",
        *(row.markdown() for row in rows),
    ]
    page = HERE / "README.md"
    text = page.read_text()
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, _, rest = text.partition(begin)
    _, _, tail = rest.partition(end)
    page.write_text(f"{head}{begin}\n" + "\n".join(table) + f"\n{end}{tail}")
    print("\n".join(table))
