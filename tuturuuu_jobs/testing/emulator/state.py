"""Everything the emulator knows, in one place, under one lock."""

from __future__ import annotations

import base64
import collections
import dataclasses
import hashlib
import threading
from datetime import datetime, timedelta

from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.clock import Now
from tuturuuu_jobs.testing.emulator.faults import Injector
from tuturuuu_jobs.testing.emulator.listing import Pager
from tuturuuu_jobs.testing.emulator.model import Horizon, Json, Stamp
from tuturuuu_jobs.testing.emulator.oauth import Authority
from tuturuuu_jobs.testing.emulator.switches import Switches
from tuturuuu_jobs.testing.emulator.tokens import TokenBox


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as it was seen. Bearer tokens and bodies are never kept.

    Attributes:
        number: Order of arrival, from 1.
        method: The method that was meant, after an override.
        path: The decoded path.
        query: Every parameter with its values.
        endpoint: The endpoint's name, ``token``, or ``unknown``.
        user: The account, if its token was good.
        status: The status that was answered; 0 if the connection was dropped instead.
    """

    number: int
    method: str
    path: str
    query: dict[str, tuple[str, ...]]
    endpoint: str
    user: str | None
    status: int


class State:
    """Clock, switches, accounts, calendars, rules and the log. `lock` guards all of it.

    Attributes:
        calendars: By lower-case id.
        scripts: Answers still to be given, by lower-case calendar id.
        quota: Moments of recent requests, by rule and account.
        stopping: Set when the server stops; whoever waits, waits on it.
    """

    def __init__(self, clock: Now, seed: int, switches: Switches) -> None:
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.clock = clock
        self.switches = switches
        self.calendars: dict[str, Calendar] = {}
        self.pager = Pager(TokenBox(seed), switches)
        self.authority = Authority(seed, timedelta(seconds=3599))
        self.injector = Injector(seed)
        self.log: dict[int, LoggedRequest] = {}
        self.scripts: dict[str, collections.deque[Json]] = {}
        self.quota: dict[tuple[int, str], collections.deque[datetime]] = {}
        self._last_stamp = clock()
        self._seed, self._ids = seed, 0

    def calendar(self, calendar_id: str) -> Calendar:
        """The calendar with that id, in any case; KeyError if there is none."""
        calendar = self.calendars.get(calendar_id.lower())
        if calendar is None:
            raise KeyError(f"no calendar {calendar_id!r}")
        return calendar

    def stamp(self) -> Stamp:
        """The stamp of the next write, later than every one before."""
        stamp = Stamp.after(self._last_stamp, self.clock())
        self._last_stamp = stamp.moment
        return stamp

    def horizon(self) -> Horizon:
        """How far series are expanded today."""
        return self.switches.horizon_at(self.clock())

    def new_id(self) -> str:
        """An id for an event that was given none, the same in every run with this seed."""
        self._ids += 1
        digest = hashlib.blake2b(f"{self._seed} event {self._ids}".encode(), digest_size=16)
        return base64.b32hexencode(digest.digest()).decode().rstrip("=").lower()
