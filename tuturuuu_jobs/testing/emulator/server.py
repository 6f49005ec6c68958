"""The emulator as a whole: one lock, one clock, the state behind it, and HTTP in front.

Everything public here is safe to call from any thread, also while requests are being answered.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Self

from tuturuuu_jobs.testing.emulator import control, endpoints, moving
from tuturuuu_jobs.testing.emulator.answering import Answering
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.clock import Now
from tuturuuu_jobs.testing.emulator.faults import Fault
from tuturuuu_jobs.testing.emulator.http import Server
from tuturuuu_jobs.testing.emulator.model import Json, Role, base_id
from tuturuuu_jobs.testing.emulator.moments import instance_stamp
from tuturuuu_jobs.testing.emulator.oauth import Account
from tuturuuu_jobs.testing.emulator.state import LoggedRequest, State
from tuturuuu_jobs.testing.emulator.switches import Switches

CLIENT: Final = ("emulator-client.apps.example.test", "emulator-client-secret")
"""The OAuth client of accounts that are added without one."""


class Emulator:
    """A Google Calendar on this machine.

    Use it as a context manager, or call `start` and `stop`.

    Args:
        clock: Gives the time, aware; a VirtualClock, or a function of one's own.
        seed: Fixes secrets, tokens and the chance of faults.
        switches: The open choices of Google's behaviour; may be changed while it runs.
        host: The address to listen on.
        port: The port; 0 lets the system choose.
    """

    def __init__(
        self,
        *,
        clock: Now,
        seed: int = 0,
        switches: Switches | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._state = State(clock, seed, switches or Switches())
        self._lock = self._state.lock
        self._host, self._port = host, port
        self._server: Server | None = None
        self._ids = itertools.count(1)
        self._answering = Answering(
            self._state,
            control=lambda request: control.answer(self, request),
            run=lambda name, arguments: control.run(self, name, arguments),
        )

    @property
    def clock(self) -> Now:
        """The clock it was given."""
        return self._state.clock

    @property
    def switches(self) -> Switches:
        """The open choices; change them at any time."""
        return self._state.switches

    # Life

    def start(self) -> Self:
        """Listen and serve; gives itself back."""
        if self._server is None:
            self._state.stopping.clear()
            self._server = Server(
                self._host, self._port, self._answering.answer, self._state.stopping
            )
            self._server.launch()
        return self

    def stop(self) -> None:
        """Hang up and stop; the state stays readable."""
        server, self._server = self._server, None
        if server is not None:
            server.halt()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """Scheme, host and port, without a final slash."""
        if self._server is None:
            raise RuntimeError("the emulator is not running: call start() first")
        return f"http://{self._host}:{self._server.port}"

    @property
    def api_url(self) -> str:
        """What the client takes as ``api_endpoint``."""
        return f"{self.base_url}{endpoints.API_PREFIX}/"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.base_url}{endpoints.TOKEN_PATH}"

    # What was asked

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """Every request in the order of arrival; control requests are not among them."""
        with self._lock:
            return tuple(self._state.log.values())

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._state.log.clear()

    @property
    def violations(self) -> tuple[str, ...]:
        """What clients did that Google leaves undefined, and errors of the emulator itself.

        The former are noted under ``Switches.strict`` only.
        """
        with self._lock:
            return tuple(self._state.pager.violations)

    # Accounts

    def add_account(
        self,
        email: str,
        *,
        refresh_token: str | None = None,
        access_token: str | None = None,
        client_id: str = CLIENT[0],
        client_secret: str = CLIENT[1],
        time_zone: str = "UTC",
        primary: bool = True,
    ) -> Account:
        """Open an account, by default with its primary calendar."""
        with self._lock:
            client = (client_id, client_secret)
            self._state.authority.add(email, self.clock(), client, refresh_token)
            if access_token is not None:
                self._state.authority.adopt(email, access_token, self.clock())
            if primary and email.lower() not in self._state.calendars:
                self.add_calendar(email, owner=email, time_zone=time_zone)
            return self._state.authority.accounts[email]

    def account(self, email: str) -> Account:
        """The account with its tokens of the moment."""
        with self._lock:
            return self._state.authority.accounts[email]

    def revoke(self, email: str) -> None:
        """The user takes back the grant: refreshing gives invalid_grant, every token 401."""
        with self._lock:
            self._state.authority.revoke(email)

    def expire_access_tokens(self, email: str) -> None:
        """Every access token of the account has ended; refreshing works."""
        with self._lock:
            self._state.authority.expire(email)

    # Calendars

    def add_calendar(
        self,
        calendar_id: str,
        *,
        owner: str,
        time_zone: str = "UTC",
        summary: str | None = None,
        primary: bool = False,
    ) -> str:
        """Make a calendar and give its id; a primary one has the owner's address as its id."""
        key = owner if primary else calendar_id
        with self._lock:
            self._state.calendars[key.lower()] = Calendar(key, owner, time_zone, summary or key)
        return key

    @property
    def calendar_ids(self) -> tuple[str, ...]:
        """Every calendar, in the order of creation."""
        with self._lock:
            return tuple(calendar.id for calendar in self._state.calendars.values())

    def share(self, calendar_id: str, email: str, role: str) -> None:
        """Give an account a role, or take it with ``none``; open sync tokens end, as at Google."""
        with self._lock:
            calendar = self._state.calendar(calendar_id)
            calendar.roles[email.lower()] = Role.parse(role)
            calendar.generation += 1

    def remove_calendar(self, calendar_id: str) -> None:
        """Delete a calendar: 404 from now on."""
        with self._lock:
            self._state.calendar(calendar_id)
            del self._state.calendars[calendar_id.lower()]

    def invalidate_sync_tokens(self, calendar_id: str) -> None:
        """Every sync token of the calendar so far gets 410."""
        with self._lock:
            self._state.calendar(calendar_id).generation += 1

    def expire_page_tokens(self) -> None:
        """Every page token so far is refused."""
        with self._lock:
            self._state.pager.epoch += 1

    # Events

    def put_event(self, calendar_id: str, body: Json, *, verbatim: bool = False) -> str:
        """Create or replace an event, a series or an exception; gives its id.

        `body` is Google's JSON; without an id it gets one. `verbatim` stores it as it is.
        """
        return self.put_events(calendar_id, [body], verbatim=verbatim)[0]

    def put_events(
        self, calendar_id: str, bodies: Iterable[Json], *, verbatim: bool = False
    ) -> list[str]:
        """Create or replace many events in one operation: they share ``updated``."""
        with self._lock:
            calendar, stamp = self._state.calendar(calendar_id), self._state.stamp()
            return [
                calendar.put(
                    {"id": f"ev{next(self._ids):08d}", **body}, stamp, verbatim=verbatim
                ).id
                for body in bodies
            ]

    def patch_event(self, calendar_id: str, event_id: str, changes: Json) -> None:
        """Change fields of an event, a series, or one instance; None removes a field."""
        with self._lock:
            calendar = self._state.calendar(calendar_id)
            calendar.patch(event_id, changes, self._state.stamp(), self._state.horizon())

    def delete_event(self, calendar_id: str, event_id: str, *, details: bool = False) -> None:
        """Delete an event, a series with its exceptions, or one instance.

        `details` leaves the whole resource in the tombstone, as an organiser may see it.
        """
        with self._lock:
            calendar = self._state.calendar(calendar_id)
            calendar.delete(event_id, self._state.stamp(), self._state.horizon(), details=details)

    def cancel_instance(self, calendar_id: str, instance_id: str) -> None:
        """Take one occurrence out of a series."""
        self.delete_event(calendar_id, instance_id)

    def move_instance(self, calendar_id: str, instance_id: str, start: Json, end: Json) -> None:
        """Give one occurrence other times; its id stays."""
        self.patch_event(calendar_id, instance_id, {"start": start, "end": end})

    def split_series(
        self, calendar_id: str, event_id: str, at: datetime, changes: Json | None = None
    ) -> str:
        """This and following: end the series before the occurrence at `at`, go on with a new one.

        Gives the new series' id. `at` is the occurrence's original start; for an all-day series,
        midnight UTC of its date. `changes` go into the new series.
        """
        with self._lock:
            stamp, horizon = self._state.stamp(), self._state.horizon()
            calendar = self._state.calendar(calendar_id)
            return moving.split(
                calendar, event_id, at, changes or {}, stamp=stamp, horizon=horizon
            ).id

    def move_event(self, calendar_id: str, event_id: str, to_calendar: str) -> None:
        """Move an event with its exceptions: a bare tombstone here, the same id there."""
        with self._lock:
            source, target = self._state.calendar(calendar_id), self._state.calendar(to_calendar)
            stamp, horizon = self._state.stamp(), self._state.horizon()
            person = {"email": target.owner, "self": True}
            moving.move(source, target, event_id, person, stamp=stamp, horizon=horizon)

    def masters(self, calendar_id: str) -> list[Json]:
        """Everything stored: one-offs, masters, exceptions and tombstones, oldest change first."""
        with self._lock:
            return self._state.calendar(calendar_id).masters()

    def instance_id(self, event_id: str, original: datetime, *, all_day: bool = False) -> str:
        """The id of the instance that originally starts then."""
        return f"{base_id(event_id)}_{instance_stamp(original, all_day=all_day)}"

    # Faults

    def add_fault(self, fault: Fault) -> None:
        """Arm a rule."""
        with self._lock:
            self._state.injector.add(fault)

    def clear_faults(self) -> None:
        """Disarm every rule and forget quotas."""
        with self._lock:
            self._state.injector.clear()
            self._state.quota.clear()

    @property
    def strikes(self) -> int:
        """How often armed rules have struck."""
        with self._lock:
            return self._state.injector.struck()

    def script(self, calendar_id: str, answers: Sequence[Json]) -> None:
        """Answer the calendar's listings with these in order, the last one for ever.

        Each is ``{"status": 200, "body": ..., "headers": {...}}``; a body of text is sent as it
        is. The calendar need not exist. No answers end the script.
        """
        with self._lock:
            self._state.scripts.pop(calendar_id.lower(), None)
            if answers:
                self._state.scripts[calendar_id.lower()] = collections.deque(answers)
