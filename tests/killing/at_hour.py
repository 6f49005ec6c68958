"""A process for which it is another time."""

from __future__ import annotations

import dataclasses
import time
from datetime import datetime, timedelta

from tuturuuu_jobs.runtime.clock import SystemClock


@dataclasses.dataclass(frozen=True)
class At:
    """Called in a process, has its clock start at a moment; it goes on from there."""

    moment: datetime

    def __call__(self) -> None:
        begun = time.monotonic()

        def now(_clock: SystemClock) -> datetime:
            return self.moment + timedelta(seconds=time.monotonic() - begun)

        setattr(SystemClock, "now", now)  # noqa: B010 - a method of another module's class.
