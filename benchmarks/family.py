"""The CPU time of a fan-out, apart for its parent, its template, and its children."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.workspaces import check_all_succeeded

_TICKS = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.02


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """CPU seconds of the processes of one fan-out, and its wall seconds.

    Attributes:
        template: Of the process that forked children are copied from; 0 under exec.
    """

    wall: float
    parent: float
    template: float
    children: float

    @property
    def together(self) -> float:
        """All of it."""
        return self.parent + self.template + self.children

    def per_child(self, smaller: Family, more: int) -> Family:
        """What one more child costs, by the difference to a fan-out with fewer."""
        return Family(
            *(
                (ours - theirs) / more
                for ours, theirs in zip(
                    dataclasses.astuple(self), dataclasses.astuple(smaller), strict=True
                )
            )
        )


def run_family(command: Sequence[str], environment: Mapping[str, str], size: int | None) -> Family:
    """Run a fan-out to its end.

    Args:
        command: Prints a fan-out's result, if ``size`` is given.
        environment: All of it.
        size: How many children must have succeeded; None: nobody looks.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    watched = _Watched(process.pid)
    watching = threading.Thread(target=watched.watch)
    watching.start()
    assert process.stdout is not None
    assert process.stderr is not None
    out, said = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    watching.join()
    if size is not None:
        check_all_succeeded(out, size, said)
    together = usage.ru_utime + usage.ru_stime
    return Family(
        wall, watched.parent, watched.template, together - watched.parent - watched.template
    )


class _Watched:
    """What a parent and its template have used themselves, looked at again and again.

    Attributes:
        parent: CPU seconds of the parent.
        template: CPU seconds of the template; 0 if there was none.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._template: int | None = None
        self.parent = self.template = 0.0

    def watch(self) -> None:
        """Until the parent is gone."""
        while True:
            try:
                self.parent = _used(self._pid)
            except (OSError, ValueError):
                return
            with contextlib.suppress(OSError, ValueError):
                self._template = self._template or self._find()
                if self._template is not None:
                    self.template = _used(self._template)
            time.sleep(_LOOK_S)

    def _find(self) -> int | None:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        for child in children:
            if b"runtime.template" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None


def _used(pid: int) -> float:
    """User and system time, without those of children: proc_pid_stat(5)."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    user, system = map(int, stat[stat.rindex(")") + 2 :].split()[11:13])
    return (user + system) / _TICKS
