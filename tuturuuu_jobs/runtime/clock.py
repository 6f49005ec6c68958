"""Time as an argument: the only module that asks the operating system what time it is."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tuturuuu_jobs.errors import DeadlineError


class Clock(Protocol):
    """Wall clock for records, monotonic seconds for measuring, and sleep."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; returns early only by an exception."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed point of this boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        time.sleep(max(0.0, seconds))


class SteadyClock:
    """Another clock whose wall time does not go back while one run looks at it.

    Set back an hour, it goes on from the last moment it told, so that what a run records stays in
    its order and takes as long as it took; set forward, it follows.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told, self._at = clock.now(), clock.monotonic()

    def now(self) -> datetime:
        """The wall clock, aware, in UTC; never before an earlier answer."""
        wall, at = self._clock.now(), self._clock.monotonic()
        if wall < self._told:
            wall = self._told + timedelta(seconds=at - self._at)
        self._told, self._at = wall, at
        return wall

    def monotonic(self) -> float:
        """Seconds since some fixed point of this boot."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds."""
        self._clock.sleep(seconds)


@dataclasses.dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which a run must be over, on the monotonic clock.

    Attempts, request retries and statements all spend this one budget.
    """

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    def check(self) -> None:
        """Raise DeadlineError if nothing is left."""
        if self.remaining() <= 0:
            raise DeadlineError("the run's deadline is spent", hint="raise --deadline")
