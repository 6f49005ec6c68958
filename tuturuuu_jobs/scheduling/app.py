"""What is asked of the Tuturuuu app, for installations whose app still owns scheduling.

Invariant: the secret goes to the configured origin and nowhere else, neither along a redirect nor
into an error; nothing that the app answers is repeated, because it may hold titles.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import StrEnum, unique
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError
from pydantic.alias_generators import to_camel
from typing_extensions import override

from tuturuuu_jobs.errors import (
    FailedError,
    JobError,
    RejectedError,
    SettingsError,
    UnavailableError,
)

LONGEST_ANSWER: Final = 16 * 1_048_576
_NEAR: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@unique
class Route(StrEnum):
    """The routes of the app that schedule a workspace."""

    SCHEDULE = "schedule"
    AUTO_SCHEDULE = "auto-schedule"


class Summary(BaseModel):
    """What the app says it did; a count that it leaves out is unknown."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", alias_generator=to_camel)

    habits_scheduled: NonNegativeInt | None = None
    tasks_scheduled: NonNegativeInt | None = None
    events_total: NonNegativeInt | None = None
    events_created: NonNegativeInt | None = None
    events_updated: NonNegativeInt | None = None
    events_deleted: NonNegativeInt | None = None
    events_reused: NonNegativeInt | None = None


class _ScheduleAnswer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    success: bool
    summary: Summary
    warnings: list[Any] = Field(default_factory=list[Any])


class _AutoScheduleAnswer(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the app did, as far as it tells.

    Attributes:
        summary: None from a route that gives no counts.
        warnings: How many the app had; their text may hold titles and stays there.
    """

    summary: Summary | None = None
    warnings: int = 0


class _NoRedirect(HTTPRedirectHandler):
    @override
    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        """Stay: what asks for the secret is the origin that was configured."""
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class AppClient:
    """The app behind one of its routes.

    Attributes:
        origin: Where it answers, without a slash at the end.
        secret: What the route wants to see.
    """

    origin: str
    route: Route
    secret: str = dataclasses.field(repr=False)

    def schedule(self, ws_id: UUID, body: Mapping[str, Any], timeout_s: float) -> Answer:
        """Have the app schedule one workspace.

        Args:
            ws_id: The workspace.
            body: Fields of the request, for the route that reads any.
            timeout_s: Seconds of silence after which the request is given up.

        Raises:
            UnavailableError: No answer, or one that says to come back.
            SettingsError: The secret or the address is wrong.
            RejectedError: The app does not do it for this workspace.
            FailedError: It could not, or what it answers makes no sense.
        """
        request = self._request(ws_id, body)
        try:
            with _opener(self.origin).open(request, timeout=timeout_s) as response:
                content: bytes = response.read(LONGEST_ANSWER + 1)
                if response.length and len(content) <= LONGEST_ANSWER:
                    raise _unreachable("cut short")
        except HTTPError as error:
            with error:
                raise _refusal(error.code, error.headers.get("Retry-After"), self.route) from None
        except (OSError, HTTPException, ValueError) as error:
            raise _unreachable(type(error).__name__) from None
        return _parse(content, self.route)

    def _request(self, ws_id: UUID, body: Mapping[str, Any]) -> Request:
        match self.route:
            case Route.SCHEDULE:
                path = f"/api/v1/workspaces/{ws_id}/calendar/schedule"
                secret = ("Authorization", f"Bearer {self.secret}")
            case Route.AUTO_SCHEDULE:
                path = f"/api/{ws_id}/calendar/auto-schedule?stream=false"
                secret = ("x-internal-trigger-secret-key", self.secret)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = Request(  # noqa: S310 - settings let only http and https through.
            f"{self.origin}{path}", json.dumps(body).encode(), headers, method="POST"
        )
        # Unredirected headers are not even repeated to a proxy's CONNECT.
        request.add_unredirected_header(*secret)
        return request


def _opener(origin: str) -> OpenerDirector:
    """Without redirects; a proxy from the environment is never used for this machine."""
    near = urlsplit(origin).hostname in _NEAR
    return build_opener(_NoRedirect(), *([ProxyHandler({})] if near else []))


def _unreachable(kind: str) -> UnavailableError:
    return UnavailableError(
        f"the app does not answer ({kind})",
        code="app_unavailable",
        subject="INTERNAL_WEB_API_ORIGIN",
        hint="nothing to do unless it lasts: then look at the app and the address",
    )


def _refusal(status: int, retry_after: str | None, route: Route) -> JobError:
    """What an answer other than 200 means; its body is not looked at."""
    secret = "CRON_SECRET" if route is Route.SCHEDULE else "INTERNAL_TRIGGER_SECRET_KEY"
    match status:
        case 401:
            return SettingsError(
                "the app refuses the secret (401)",
                code="app_secret_refused",
                subject=secret,
                hint=f"{secret} must be the same here and in the app",
            )
        case 400 if route is Route.AUTO_SCHEDULE:
            return SettingsError(
                "the app takes no orders of this kind (400)",
                code="app_secret_missing",
                subject=secret,
                hint=f"set {secret} in the app",
            )
        case 403:
            return RejectedError("the app denies access to the workspace", code="app_forbidden")
        case 404 | 405:
            return SettingsError(
                f"the app has no route {route.value} at this address ({status})",
                code="app_route_missing",
                subject="INTERNAL_WEB_API_ORIGIN",
                hint="correct INTERNAL_WEB_API_ORIGIN or TUTURUUU_JOBS_APP_ROUTE",
            )
        case 409:
            return FailedError(
                "the app refuses to apply its plan because the calendar has changed (409)",
                code="app_conflict",
                hint="run it again",
            )
        case 422:
            return RejectedError(
                "neither workspace nor owner names a time zone",
                code="zone_unresolved",
                hint="set the workspace's time zone in the app",
            )
        case _ if 300 <= status < 400:
            return SettingsError(
                f"the app's address leads elsewhere ({status}), and secrets do not follow",
                code="app_redirected",
                subject="INTERNAL_WEB_API_ORIGIN",
                hint="set INTERNAL_WEB_API_ORIGIN to where the app itself answers",
            )
        case _ if status in {408, 425, 429} or status >= 500:
            return UnavailableError(
                f"the app cannot serve now (HTTP {status})",
                code="app_unavailable",
                subject="INTERNAL_WEB_API_ORIGIN",
                hint="nothing to do unless it lasts: then look at the app's own log",
                retry_after_s=_seconds(retry_after),
            )
        case _:
            return FailedError(
                f"the app refuses the request (HTTP {status})",
                code="app_refused",
                hint="look at the app's own log",
            )


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdecimal() and len(text) < 6 else None


def _parse(content: bytes, route: Route) -> Answer:
    """The answer to a request that was served; FailedError if it is none of the route's own."""
    if len(content) > LONGEST_ANSWER:
        raise _nonsense("it is longer than 16 MiB")
    try:
        match route:
            case Route.AUTO_SCHEDULE:
                _AutoScheduleAnswer.model_validate_json(content)
                return Answer()
            case Route.SCHEDULE:
                answer = _ScheduleAnswer.model_validate_json(content)
    except ValidationError as error:
        place = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in place["loc"])
        raise _nonsense(f"{field or 'it'} is not as promised") from None
    if not answer.success:
        raise FailedError(
            "the app could not schedule the workspace",
            code="app_failed",
            hint="look at the app's own log",
        )
    return Answer(answer.summary, len(answer.warnings))


def _nonsense(why: str) -> FailedError:
    return FailedError(
        f"the app's answer makes no sense: {why}",
        code="app_answer",
        subject="INTERNAL_WEB_API_ORIGIN",
        hint="is it Tuturuuu that answers at INTERNAL_WEB_API_ORIGIN?",
    )
