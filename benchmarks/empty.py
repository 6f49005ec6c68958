"""A fan-out over children that do nothing: what starting and ending one costs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_WIDTH: Final = 10
_PRELOAD: Final = ("tuturuuu_jobs.cli:warm_up", "tuturuuu_jobs.sync.job", "benchmarks.empty")


def nothing() -> None:
    """The child: started, and over."""


def fan_out(launcher: str, size: int) -> None:
    """Run so many of them."""
    from uuid import UUID

    from tuturuuu_jobs import wiring
    from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec, Program
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.fanout import FanOut

    root = str(Path(__file__).parents[1])
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "MALLOC_ARENA_MAX": "2"}
    program = Program("benchmarks.empty:nothing", environ, _PRELOAD)
    spec = ChildSpec(UUID(int=0), "", (), b"", 60.0)

    def ended(end: ChildEnd) -> bool:
        return end.returncode == 0

    def say(_spec: ChildSpec, line: str) -> None:
        print(line, file=sys.stderr)

    with wiring.children.build_launcher(launcher, program) as started:
        FanOut(started, SystemClock(), _WIDTH, say, ended).run(iter([spec] * size))


if __name__ == "__main__":
    fan_out(sys.argv[1], int(sys.argv[2]))
