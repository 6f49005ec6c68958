"""Whom the kernel killed for want of memory, as the control group of this process counts it.

Invariant: one kill explains the end of one child. Where no such count can be read nobody was killed
for that reason, as far as anybody knows.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

_MEMBERSHIP: Final = Path("/proc/self/cgroup")
_HIERARCHY: Final = Path("/sys/fs/cgroup")
_KILLS: Final = "oom_kill"


def find_memory_events(membership: Path = _MEMBERSHIP, hierarchy: Path = _HIERARCHY) -> Path | None:
    """The ``memory.events`` of this process's control group, version 2; None if there is none.

    Source: cgroup-v2 in the kernel's documentation; the line of version 2 begins with ``0::``.
    """
    with contextlib.suppress(OSError):
        for line in membership.read_text().splitlines():
            number, _, path = line.partition("::")
            events = hierarchy / path.lstrip("/") / "memory.events"
            if number == "0" and events.is_file():
                return events
    return None


class MemoryKills:
    """How many processes of a control group the kernel has killed, and which ends that explains.

    Args:
        events: Its ``memory.events``; None if nobody counts.
    """

    def __init__(self, events: Path | None = None) -> None:
        self._events = events
        self._explained = 0

    def count(self) -> int:
        """Kills so far; 0 if that cannot be read."""
        if self._events is not None:
            with contextlib.suppress(OSError, ValueError):
                for line in self._events.read_text().splitlines():
                    name, _, number = line.partition(" ")
                    if name == _KILLS:
                        return int(number)
        return 0

    def explain(self, before: int) -> bool:
        """Whether one of the kills since that count is the end of a child that was killed.

        Of several children killed meanwhile only as many are told so as there were kills.
        """
        known = max(before, self._explained)
        if self.count() <= known:
            return False
        self._explained = known + 1
        return True
