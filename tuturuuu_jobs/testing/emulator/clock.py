"""The emulator's idea of now: real, or moved by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Now = Callable[[], datetime]


class VirtualClock:
    """A clock that stands still until it is moved. Calling it gives the time, aware, in UTC."""

    def __init__(self, start: datetime) -> None:
        self._lock = threading.Lock()
        self._now = _utc(start)

    def __call__(self) -> datetime:
        """The current time."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move by that much, backwards too, and give the new time."""
        with self._lock:
            self._now += by
            return self._now

    def set(self, to: datetime) -> datetime:
        """Move to that moment and give it back in UTC."""
        with self._lock:
            self._now = _utc(to)
            return self._now


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a clock needs an aware datetime")
    return moment.astimezone(UTC)
