"""What a command costs before it does anything."""

from __future__ import annotations

import os
import sys

from benchmarks.measure import Row, in_turn, ratios, run_process, write


def main(rounds: int = 15) -> None:
    """``--help`` and ``--version`` against a bare ``import typer``."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}

    def command(*arguments: str) -> float:
        return run_process([sys.executable, *arguments], environment).wall

    times = in_turn(
        {
            "typer": lambda: command("-c", "import typer"),
            "help": lambda: command("-m", "tuturuuu_jobs", "--help"),
            "version": lambda: command("-m", "tuturuuu_jobs", "--version"),
            "sync --help": lambda: command("-m", "tuturuuu_jobs", "sync", "--help"),
        },
        rounds,
    )
    rows = []
    for name in ("help", "version", "sync --help"):
        against = ratios(times[name], times["typer"])
        bar = "at most 2.5" if name == "help" else ""
        met = sorted(against)[len(against) // 2] <= 2.5 if bar else None
        label = f"`{name}`" if " " in name else f"`--{name}`"
        rows.append(Row(label, "`import typer`", "s", times[name], against, bar, met))
    write("startup", "Start-up", rows)
