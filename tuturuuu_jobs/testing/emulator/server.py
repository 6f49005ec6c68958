"""The emulator as a whole: one lock, one clock, the state behind it, and HTTP in front.

Everything public here is safe to call from any thread, also while requests are being answered.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote

from tuturuuu_jobs.testing.emulator import control, endpoints
from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, not_found
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.clock import Now
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind, Injector, Target
from tuturuuu_jobs.testing.emulator.http import Server
from tuturuuu_jobs.testing.emulator.listing import Pager, Switches
from tuturuuu_jobs.testing.emulator.messages import (
    Request,
    Response,
    error_response,
    json_response,
    refused,
)
from tuturuuu_jobs.testing.emulator.model import Json, Role, Stamp
from tuturuuu_jobs.testing.emulator.moments import instance_stamp
from tuturuuu_jobs.testing.emulator.oauth import Account, Authority
from tuturuuu_jobs.testing.emulator.rendering import Body
from tuturuuu_jobs.testing.emulator.tokens import TokenBox
from tuturuuu_jobs.testing.emulator.wire import Transmission, transmission, wire_fault

CLIENT: Final = ("emulator-client.apps.example.test", "emulator-client-secret")
"""The OAuth client of accounts that are added without one."""

_SECRET_PARAMETERS: Final = frozenset({"access_token", "oauth_token", "key"})


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
        self.clock = clock
        self.switches = switches or Switches()
        self.calendars: dict[str, Calendar] = {}
        self.pager = Pager(TokenBox(seed), self.switches)
        self._authority = Authority(seed, timedelta(seconds=3599))
        self._injector = Injector(seed)
        self._lock = threading.RLock()
        self._host, self._port = host, port
        self._server: Server | None = None
        self._log: dict[int, LoggedRequest] = {}
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self._last_stamp = clock()
        self._scripts: dict[str, collections.deque[Json]] = {}
        self._quota: dict[tuple[int, str], collections.deque[datetime]] = {}

    # Life

    def start(self) -> Self:
        """Listen and serve; gives itself back."""
        if self._server is None:
            self._server = Server(self._host, self._port, self._answer)
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
            return tuple(self._log.values())

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        with self._lock:
            self._log.clear()

    @property
    def violations(self) -> tuple[str, ...]:
        """What clients did that Google leaves undefined, and errors of the emulator itself.

        The former are noted under ``Switches.strict`` only.
        """
        with self._lock:
            return tuple(self.pager.violations)

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
            self._authority.add(email, self.clock(), client, refresh_token)
            if access_token is not None:
                self._authority.adopt(email, access_token, self.clock())
            if primary and email.lower() not in self.calendars:
                self.add_calendar(email, owner=email, time_zone=time_zone)
            return self._authority.accounts[email]

    def account(self, email: str) -> Account:
        """The account with its tokens of the moment."""
        with self._lock:
            return self._authority.accounts[email]

    def revoke(self, email: str) -> None:
        """The user takes back the grant: refreshing gives invalid_grant, every token 401."""
        with self._lock:
            self._authority.revoke(email)

    def expire_access_tokens(self, email: str) -> None:
        """Every access token of the account has ended; refreshing works."""
        with self._lock:
            self._authority.expire(email)

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
            self.calendars[key.lower()] = Calendar(key, owner, time_zone, summary or key)
        return key

    def share(self, calendar_id: str, email: str, role: str) -> None:
        """Give an account a role, or take it with ``none``; open sync tokens end, as at Google."""
        with self._lock:
            calendar = self._calendar(calendar_id)
            calendar.roles[email.lower()] = Role.parse(role)
            calendar.generation += 1

    def remove_calendar(self, calendar_id: str) -> None:
        """Delete a calendar: 404 from now on."""
        with self._lock:
            self._calendar(calendar_id)
            del self.calendars[calendar_id.lower()]

    def invalidate_sync_tokens(self, calendar_id: str) -> None:
        """Every sync token of the calendar so far gets 410."""
        with self._lock:
            self._calendar(calendar_id).generation += 1

    def expire_page_tokens(self) -> None:
        """Every page token so far is refused."""
        with self._lock:
            self.pager.epoch += 1

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
            calendar, stamp = self._calendar(calendar_id), self._stamp()
            return [
                calendar.put(
                    {"id": f"ev{next(self._ids):08d}", **body}, stamp, verbatim=verbatim
                ).id
                for body in bodies
            ]

    def patch_event(self, calendar_id: str, event_id: str, changes: Json) -> None:
        """Change fields of an event, a series, or one instance; None removes a field."""
        with self._lock:
            calendar = self._calendar(calendar_id)
            calendar.patch(event_id, changes, self._stamp(), self._horizon())

    def delete_event(self, calendar_id: str, event_id: str, *, details: bool = False) -> None:
        """Delete an event, a series with its exceptions, or one instance.

        `details` leaves the whole resource in the tombstone, as an organiser may see it.
        """
        with self._lock:
            calendar = self._calendar(calendar_id)
            calendar.delete(event_id, self._stamp(), self._horizon(), details=details)

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
            calendar = self._calendar(calendar_id)
            new = calendar.split(event_id, at, changes or {}, self._stamp(), self._horizon())
            return new.id

    def move_event(self, calendar_id: str, event_id: str, to_calendar: str) -> None:
        """Move an event to another calendar: a bare tombstone here, the same id there."""
        with self._lock:
            source, target = self._calendar(calendar_id), self._calendar(to_calendar)
            item = source.find(event_id, self._horizon())
            if item is None:
                raise not_found()
            stamp = self._stamp()
            source.delete(event_id, stamp, self._horizon())
            person = {"email": target.owner, "self": True}
            target.put({**item.body, "organizer": person}, stamp)

    def masters(self, calendar_id: str) -> list[Json]:
        """Everything stored: one-offs, masters, exceptions and tombstones, oldest change first."""
        with self._lock:
            return self._calendar(calendar_id).masters()

    def instance_id(self, event_id: str, original: datetime, *, all_day: bool = False) -> str:
        """The id of the instance that originally starts then."""
        return f"{event_id.partition('_R')[0]}_{instance_stamp(original, all_day=all_day)}"

    # Faults

    def add_fault(self, fault: Fault) -> None:
        """Arm a rule."""
        with self._lock:
            self._injector.add(fault)

    def clear_faults(self) -> None:
        """Disarm every rule and forget quotas."""
        with self._lock:
            self._injector.clear()
            self._quota.clear()

    @property
    def strikes(self) -> int:
        """How often armed rules have struck."""
        with self._lock:
            return self._injector.struck()

    def script(self, calendar_id: str, answers: Sequence[Json]) -> None:
        """Answer the calendar's listings with these in order, the last one for ever.

        Each is ``{"status": 200, "body": ..., "headers": {...}}``; a body of text is sent as it
        is. The calendar need not exist. No answers end the script.
        """
        with self._lock:
            self._scripts.pop(calendar_id.lower(), None)
            if answers:
                self._scripts[calendar_id.lower()] = collections.deque(answers)

    # Answering

    def _answer(self, request: Request) -> Transmission:
        try:
            return self._serve(request)
        except Exception as error:
            # The client sees a closed connection; whoever looks at violations sees the reason.
            with self._lock:
                self.pager.violations.append(f"a bug of the emulator: {error!r}")
            raise

    def _serve(self, request: Request) -> Transmission:
        if request.path.startswith(control.PREFIX):
            response: Response = control.answer(self, request)
            return transmission(response, None, accepts_gzip=False, closing=False)
        with self._lock:
            number, target, arrival = self._arrive(request)
            faults = self._injector.decide(target)
        self._wait(faults)
        self._mutate(faults)
        with self._lock:
            response = self._respond(request, target, arrival, faults)
            spoilt = wire_fault(faults)
            dropped = spoilt is not None and spoilt.kind in {FaultKind.CLOSE, FaultKind.RESET}
            self._log[number] = dataclasses.replace(
                self._log.get(number, arrival), status=0 if dropped else response.status
            )
        gzip = self.switches.gzip and "gzip" in request.headers.get("accept-encoding", "")
        closing = request.headers.get("connection", "").lower() == "close"
        return transmission(response, spoilt, accepts_gzip=gzip, closing=closing)

    def _arrive(self, request: Request) -> tuple[int, Target, LoggedRequest]:
        """Note the request before anything can go wrong with it."""
        number = next(self._numbers)
        routed = endpoints.route(request.method, request.path)
        is_token = request.path == endpoints.TOKEN_PATH
        endpoint = "token" if is_token else routed[0].name if routed else "unknown"
        user = self._user(request) if not is_token else self._grant_owner(request)
        calendar = routed[1][0] if routed and routed[1] else None
        if calendar is not None and user is not None:
            calendar = endpoints.resolve_id(calendar, user)
        target = Target(
            endpoint=endpoint,
            method=request.method,
            path=unquote(request.path),
            user=user,
            calendar=calendar,
            page=self.pager.page_number(request.one("pageToken")),
            incremental=request.one("syncToken") is not None,
        )
        query = {
            name: ("…",) if name in _SECRET_PARAMETERS else values
            for name, values in request.query.items()
        }
        logged = LoggedRequest(number, request.method, target.path, query, endpoint, user, 0)
        self._log[number] = logged
        return number, target, logged

    def _user(self, request: Request) -> str | None:
        try:
            return self._authority.user_of(request.headers.get("authorization"), self.clock())
        except ApiError:
            return None

    def _grant_owner(self, request: Request) -> str | None:
        return self._authority.owner_of(_form(request).get("refresh_token"))

    def _wait(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if fault.kind is FaultKind.LATENCY and self._server is not None:
                self._server.stopping.wait(fault.seconds)

    def _mutate(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if fault.kind is FaultKind.MUTATE:
                if fault.action is not None:
                    fault.action()
                if fault.control is not None:
                    control.run(self, *fault.control)

    def _respond(
        self, request: Request, target: Target, arrival: LoggedRequest, faults: Sequence[Fault]
    ) -> Response:
        try:
            self._apply(target, faults)
            for fault in faults:
                if fault.kind is FaultKind.ERROR:
                    return error_response(fault.spec(), fault.retry_after)
                if fault.kind is FaultKind.QUOTA and self._over_quota(fault, target):
                    name = fault.error or "403 rateLimitExceeded"
                    return error_response(API_ERRORS[str(name)], fault.retry_after)
            if target.endpoint == "token":
                return self._refresh(request, faults)
            return self._call(request, arrival, faults)
        except ApiError as error:
            return refused(error)

    def _apply(self, target: Target, faults: Sequence[Fault]) -> None:
        """The rules that change the state before the answer is made."""
        for fault in faults:
            match fault.kind:
                case FaultKind.ACCESS_TOKEN_EXPIRED if target.user:
                    self._authority.expire(target.user)
                case FaultKind.SYNC_TOKENS_INVALID if target.calendar:
                    self.invalidate_sync_tokens(target.calendar)
                case FaultKind.PAGE_TOKENS_EXPIRED:
                    self.pager.epoch += 1
                case FaultKind.ROLE_CHANGE if target.calendar and target.user:
                    calendar = self._calendar(target.calendar)
                    calendar.roles[target.user.lower()] = Role.parse(fault.role)
                case _:
                    continue

    def _over_quota(self, fault: Fault, target: Target) -> bool:
        now = self.clock()
        recent = self._quota.setdefault((id(fault), target.user or ""), collections.deque())
        while recent and recent[0] <= now - timedelta(minutes=1):
            recent.popleft()
        if len(recent) >= fault.size:
            return True
        recent.append(now)
        return False

    def _refresh(self, request: Request, faults: Sequence[Fault]) -> Response:
        if request.method != "POST":
            raise not_found()
        rotate = any(fault.kind is FaultKind.REFRESH_ROTATES for fault in faults)
        granted = self._authority.refresh(_form(request), self.clock(), rotate=rotate)
        return json_response(granted, pretty=True)

    def _call(self, request: Request, arrival: LoggedRequest, faults: Sequence[Fault]) -> Response:
        user = self._authority.user_of(request.headers.get("authorization"), self.clock())
        routed = endpoints.route(request.method, request.path)
        if routed is None:
            raise endpoints.unknown(request.method)
        endpoint, arguments = routed
        if arrival.endpoint == "events.list":
            scripted = self._scripted(endpoints.resolve_id(arguments[0], user))
            if scripted is not None:
                return scripted
        call = endpoints.Call(self, request, arguments, user, self.clock(), faults)
        return endpoint.run(call)

    def _scripted(self, calendar_id: str) -> Response | None:
        answers = self._scripts.get(calendar_id.lower())
        if not answers:
            return None
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        headers: dict[str, str] = answer.get("headers") or {}
        if isinstance(answer["body"], str):
            return Response(answer["status"], Body(answer["body"].encode()), headers=headers)
        return dataclasses.replace(
            json_response(answer["body"], status=answer["status"]), headers=headers
        )

    def _calendar(self, calendar_id: str) -> Calendar:
        calendar = self.calendars.get(calendar_id.lower())
        if calendar is None:
            raise KeyError(f"no calendar {calendar_id!r}")
        return calendar

    def _stamp(self) -> Stamp:
        stamp = Stamp.after(self._last_stamp, self.clock())
        self._last_stamp = stamp.moment
        return stamp

    def _horizon(self) -> Any:
        return self.switches.horizon_at(self.clock())


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))
