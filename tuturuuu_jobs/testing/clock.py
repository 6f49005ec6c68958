"""A clock for tests: sleeping moves it forward, and nobody waits."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


class VirtualClock:
    """Implements ``runtime.clock.Clock``; wall and monotonic time move together.

    May be shared by threads. Only ``set`` moves the wall clock alone, as an administrator does.
    Called, it gives the wall clock: it is what the emulator takes as its idea of now.

    Attributes:
        sleeps: Every sleep asked for so far, in seconds, in order.
    """

    def __init__(self, start: datetime = START) -> None:
        self._lock = threading.Lock()
        self._now = _aware(start)
        self._monotonic = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        with self._lock:
            return self._now

    def __call__(self) -> datetime:
        """The wall clock, as `now` gives it."""
        return self.now()

    def monotonic(self) -> float:
        """Seconds since this clock was made; never goes back."""
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Jump forward at once; a negative sleep is no sleep."""
        with self._lock:
            self.sleeps.append(seconds)
            self._advance(max(0.0, seconds))

    def advance(self, step: timedelta) -> None:
        """Let time pass. Raises ValueError for a negative step."""
        if step < timedelta(0):
            raise ValueError("time does not run backwards; use set() to move the wall clock")
        with self._lock:
            self._advance(step.total_seconds())

    def set(self, moment: datetime) -> None:
        """Move the wall clock, also backwards; monotonic time stays. The moment must be aware."""
        with self._lock:
            self._now = _aware(moment)

    def _advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._now += timedelta(seconds=seconds)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone means nothing; pass an aware datetime")
    return moment.astimezone(UTC)
