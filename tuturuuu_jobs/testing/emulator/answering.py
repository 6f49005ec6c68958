"""The way of a request: noted, struck by faults, answered, and turned into bytes.

A request is in the log before anything can go wrong with it. Waits and changes that a rule asks for
happen outside the lock, so that other requests go on meanwhile.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from tuturuuu_jobs.testing.emulator import endpoints
from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, not_found
from tuturuuu_jobs.testing.emulator.batches import batch_response, read_batch
from tuturuuu_jobs.testing.emulator.call import Call, resolve_id
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind, Target
from tuturuuu_jobs.testing.emulator.messages import (
    Request,
    Response,
    error_response,
    json_response,
    refused,
)
from tuturuuu_jobs.testing.emulator.model import Role
from tuturuuu_jobs.testing.emulator.rendering import Body
from tuturuuu_jobs.testing.emulator.state import LoggedRequest, State
from tuturuuu_jobs.testing.emulator.wire import Transmission, transmission, wire_fault

CONTROL_PREFIX: Final = "/_control"

_SECRET_PARAMETERS: Final = frozenset({"access_token", "oauth_token", "key"})


class Answering:
    """Answers requests from the state.

    Args:
        state: What the answers are made from.
        control: Answers the control namespace.
        run: Runs one control command, for rules that change something.
    """

    def __init__(
        self,
        state: State,
        control: Callable[[Request], Response],
        run: Callable[[str, Mapping[str, Any]], object],
    ) -> None:
        self._state = state
        self._control = control
        self._run = run
        self._numbers = itertools.count(1)

    def answer(self, request: Request) -> Transmission:
        """What to send for a request, its number in the log already taken."""
        try:
            return self._serve(request)
        except Exception as error:
            # The client sees a closed connection; whoever looks at violations sees the reason.
            with self._state.lock:
                self._state.pager.violations.append(f"a bug of the emulator: {error!r}")
            raise

    def _serve(self, request: Request) -> Transmission:
        if request.path.startswith(CONTROL_PREFIX):
            response = self._control(request)
            return transmission(response, None, accepts_gzip=False, closing=False)
        response, spoilt = self._exchange(request)
        gzip = self._state.switches.gzip and "gzip" in request.headers.get("accept-encoding", "")
        closing = request.headers.get("connection", "").lower() == "close"
        return transmission(response, spoilt, accepts_gzip=gzip, closing=closing)

    def _exchange(
        self, request: Request, *, in_batch: bool = False
    ) -> tuple[Response, Fault | None]:
        """The answer to one request, alone or as a part, and the rule that spoils its bytes."""
        with self._state.lock:
            number, target, arrival = self._arrive(request, in_batch=in_batch)
            faults = self._state.injector.decide(target)
        self._wait(faults)
        self._mutate(faults)
        with self._state.lock:
            response = self._refused(target, faults)
            if response is None and target.endpoint != "batch":
                response = self._respond(request, target, arrival, faults)
        # The parts of a batch take the lock one by one, as requests of their own do.
        response = response or self._batch(request)
        spoilt = wire_fault(faults)
        dropped = spoilt is not None and spoilt.kind in {FaultKind.CLOSE, FaultKind.RESET}
        with self._state.lock:
            self._state.log[number] = dataclasses.replace(
                self._state.log.get(number, arrival), status=0 if dropped else response.status
            )
        return response, spoilt

    def _batch(self, request: Request) -> Response:
        try:
            parts = read_batch(request)
        except ApiError as error:
            return refused(error)
        answers = [(name, self._exchange(part, in_batch=True)[0]) for name, part in parts]
        return batch_response(answers)

    def _arrive(self, request: Request, *, in_batch: bool) -> tuple[int, Target, LoggedRequest]:
        """Note the request before anything can go wrong with it."""
        number = next(self._numbers)
        routed = endpoints.route(request.method, request.path)
        endpoint = endpoints.name_of(request, routed)
        user = self._user(request) if endpoint != "token" else self._grant_owner(request)
        calendar = routed[1][0] if routed and routed[1] else None
        if calendar is not None and user is not None:
            calendar = resolve_id(calendar, user)
        target = Target(
            endpoint=endpoint,
            method=request.method,
            path=unquote(request.path),
            user=user,
            calendar=calendar,
            page=self._state.pager.page_number(request.one("pageToken")),
            incremental=request.one("syncToken") is not None,
            in_batch=in_batch,
        )
        query = {
            name: ("…",) if name in _SECRET_PARAMETERS else values
            for name, values in request.query.items()
        }
        logged = LoggedRequest(number, request.method, target.path, query, endpoint, user, 0)
        self._state.log[number] = logged
        return number, target, logged

    def _user(self, request: Request) -> str | None:
        try:
            return self._state.authority.user_of(
                request.headers.get("authorization"), self._state.clock()
            )
        except ApiError:
            return None

    def _grant_owner(self, request: Request) -> str | None:
        return self._state.authority.owner_of(_form(request).get("refresh_token"))

    def _wait(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if fault.kind is FaultKind.LATENCY:
                self._state.stopping.wait(fault.seconds)

    def _mutate(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            if fault.kind is FaultKind.MUTATE:
                if fault.action is not None:
                    fault.action()
                if fault.control is not None:
                    self._run(*fault.control)

    def _refused(self, target: Target, faults: Sequence[Fault]) -> Response | None:
        """Change the state as the rules say, and refuse if one of them does."""
        self._apply(target, faults)
        for fault in faults:
            if fault.kind is FaultKind.ERROR:
                return error_response(fault.spec(), fault.retry_after)
            if fault.kind is FaultKind.QUOTA and self._over_quota(fault, target):
                name = fault.error or "403 rateLimitExceeded"
                return error_response(API_ERRORS[str(name)], fault.retry_after)
        return None

    def _respond(
        self, request: Request, target: Target, arrival: LoggedRequest, faults: Sequence[Fault]
    ) -> Response:
        try:
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
                    self._state.authority.expire(target.user)
                case FaultKind.SYNC_TOKENS_INVALID if target.calendar:
                    self._state.calendar(target.calendar).generation += 1
                case FaultKind.PAGE_TOKENS_EXPIRED:
                    self._state.pager.epoch += 1
                case FaultKind.ROLE_CHANGE if target.calendar and target.user:
                    calendar = self._state.calendar(target.calendar)
                    calendar.roles[target.user.lower()] = Role.parse(fault.role)
                case _:
                    continue

    def _over_quota(self, fault: Fault, target: Target) -> bool:
        now = self._state.clock()
        account = "" if fault.shared else target.user or ""
        recent = self._state.quota.setdefault((id(fault), account), collections.deque())
        while recent and recent[0] <= now - timedelta(seconds=fault.seconds or 60):
            recent.popleft()
        if len(recent) >= fault.size:
            return True
        recent.append(now)
        return False

    def _refresh(self, request: Request, faults: Sequence[Fault]) -> Response:
        if request.method != "POST":
            raise not_found()
        rotate = any(fault.kind is FaultKind.REFRESH_ROTATES for fault in faults)
        granted = self._state.authority.refresh(_form(request), self._state.clock(), rotate=rotate)
        return json_response(granted, pretty=True)

    def _call(self, request: Request, arrival: LoggedRequest, faults: Sequence[Fault]) -> Response:
        user = self._state.authority.user_of(
            request.headers.get("authorization"), self._state.clock()
        )
        routed = endpoints.route(request.method, request.path)
        if routed is None:
            raise endpoints.unknown(request.method)
        endpoint, arguments = routed
        if arrival.endpoint == "events.list":
            scripted = self._scripted(resolve_id(arguments[0], user))
            if scripted is not None:
                return scripted
        call = Call(self._state, request, arguments, user, self._state.clock(), faults)
        return endpoint.run(call)

    def _scripted(self, calendar_id: str) -> Response | None:
        answers = self._state.scripts.get(calendar_id.lower())
        if not answers:
            return None
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        headers: dict[str, str] = answer.get("headers") or {}
        if isinstance(answer["body"], str):
            return Response(answer["status"], Body(answer["body"].encode()), headers=headers)
        return dataclasses.replace(
            json_response(answer["body"], status=answer["status"]), headers=headers
        )


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))
