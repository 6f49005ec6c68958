"""Every way in which Google refuses, as values.

The names are what a rule, the control namespace and the documents use: status, then reason. Bodies
follow the shape that the status comes in: the classic one, the newer one with ``status`` and
``details``, a proxy's HTML page, or the flat one of the token endpoint.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, Final


class Shape(enum.StrEnum):
    """How an error body looks."""

    CLASSIC = "classic"
    DETAILED = "detailed"
    HTML = "html"
    OAUTH = "oauth"


@dataclasses.dataclass(frozen=True, slots=True)
class ErrorSpec:
    """One refusal: what the client sees of it.

    Attributes:
        status: The HTTP status.
        reason: ``errors[0].reason``, or ``error`` at the token endpoint.
        message: The human sentence; clients must not depend on it.
        domain: ``errors[0].domain``.
        location: The parameter or header at fault, if the error names one.
        shape: The shape of the body.
        rpc_status: ``error.status`` of the newer shape.
        detail: The reason in ``error.details``, or ``error_subtype`` at the token endpoint.
    """

    status: int
    reason: str
    message: str
    domain: str = "global"
    location: str | None = None
    shape: Shape = Shape.CLASSIC
    rpc_status: str = ""
    detail: str | None = None

    def body(self) -> dict[str, Any] | str:
        """The body: JSON as data, or text for a page of HTML."""
        match self.shape:
            case Shape.HTML:
                return (
                    f"<!DOCTYPE html>\n<html><title>Error {self.status}</title>\n"
                    f"<p><b>{self.status}.</b> {self.message}</p></html>\n"
                )
            case Shape.OAUTH:
                body = {"error": self.reason, "error_description": self.message}
                return body | ({"error_subtype": self.detail} if self.detail else {})
            case Shape.CLASSIC | Shape.DETAILED:
                return {"error": self._error()}

    def _error(self) -> dict[str, Any]:
        entry = {"domain": self.domain, "reason": self.reason, "message": self.message}
        if self.location is not None:
            kind = "header" if self.location in {"Authorization", "If-Match"} else "parameter"
            entry |= {"locationType": kind, "location": self.location}
        error: dict[str, Any] = {"code": self.status, "message": self.message, "errors": [entry]}
        if self.shape is Shape.DETAILED:
            error["status"] = self.rpc_status
            error["details"] = [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": self.detail,
                    "domain": "googleapis.com",
                    "metadata": {"service": "calendar-json.googleapis.com"},
                }
            ]
        return error


class ApiError(Exception):
    """A request ends with this refusal."""

    def __init__(self, spec: ErrorSpec) -> None:
        super().__init__(f"{spec.status} {spec.reason}")
        self.spec = spec


def bad_request(reason: str, message: str, location: str | None = None) -> ApiError:
    """A 400 of the classic shape."""
    return ApiError(ErrorSpec(400, reason, message, location=location))


def not_found() -> ApiError:
    """What Google says of things that are gone and of things one may not see."""
    return ApiError(API_ERRORS["404 notFound"])


_USAGE: Final = "usageLimits"
_CALENDAR: Final = "calendar"


def _detailed(status: int, reason: str, message: str, rpc_status: str, detail: str) -> ErrorSpec:
    return ErrorSpec(
        status, reason, message, _USAGE, None, Shape.DETAILED, rpc_status=rpc_status, detail=detail
    )


def _oauth(status: int, reason: str, message: str, detail: str | None = None) -> ErrorSpec:
    return ErrorSpec(status, reason, message, shape=Shape.OAUTH, detail=detail)


API_ERRORS: Final[dict[str, ErrorSpec]] = {
    "400 badRequest": ErrorSpec(400, "badRequest", "Bad Request"),
    "400 invalid": ErrorSpec(400, "invalid", "Invalid Value"),
    "400 required": ErrorSpec(400, "required", "Missing parameter."),
    "400 invalidParameter": ErrorSpec(400, "invalidParameter", "Invalid parameter."),
    "400 timeRangeEmpty": ErrorSpec(
        400, "timeRangeEmpty", "The specified time range is empty.", _CALENDAR, "timeMax"
    ),
    "400 parseError": ErrorSpec(400, "parseError", "Parse Error"),
    "400 invalid sync token": ErrorSpec(
        400, "invalid", "Invalid sync token value.", location="syncToken"
    ),
    "400 invalid page token": ErrorSpec(
        400, "invalid", "Invalid page token value.", location="pageToken"
    ),
    "400 syncTokenWithRequestRestrictions": ErrorSpec(
        400,
        "syncTokenWithRequestRestrictions",
        "Sync token cannot be used with other request restrictions.",
        _CALENDAR,
        "syncToken",
    ),
    "400 syncTokenWithNonDefaultOrdering": ErrorSpec(
        400,
        "syncTokenWithNonDefaultOrdering",
        "Sync token cannot be used with a non-default ordering.",
        _CALENDAR,
        "syncToken",
    ),
    "401 authError": ErrorSpec(401, "authError", "Invalid Credentials", location="Authorization"),
    "401 required": ErrorSpec(401, "required", "Login Required", location="Authorization"),
    "403 userRateLimitExceeded": ErrorSpec(
        403, "userRateLimitExceeded", "User Rate Limit Exceeded", _USAGE
    ),
    "403 rateLimitExceeded": ErrorSpec(403, "rateLimitExceeded", "Rate Limit Exceeded", _USAGE),
    "403 quotaExceeded": ErrorSpec(403, "quotaExceeded", "Calendar usage limits exceeded.", _USAGE),
    "403 dailyLimitExceeded": ErrorSpec(403, "dailyLimitExceeded", "Daily Limit Exceeded", _USAGE),
    "403 accessNotConfigured": ErrorSpec(
        403, "accessNotConfigured", "Access Not Configured.", _USAGE
    ),
    "403 SERVICE_DISABLED": _detailed(
        403,
        "accessNotConfigured",
        "Google Calendar API has not been used in this project or it is disabled.",
        "PERMISSION_DENIED",
        "SERVICE_DISABLED",
    ),
    "403 insufficientPermissions": ErrorSpec(
        403, "insufficientPermissions", "Insufficient Permission"
    ),
    "403 ACCESS_TOKEN_SCOPE_INSUFFICIENT": _detailed(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        "PERMISSION_DENIED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    ),
    "403 forbidden": ErrorSpec(403, "forbidden", "Forbidden"),
    "403 requiredAccessLevel": ErrorSpec(
        403, "requiredAccessLevel", "You need to have writer access to this calendar.", _CALENDAR
    ),
    "403 forbiddenForNonOrganizer": ErrorSpec(
        403,
        "forbiddenForNonOrganizer",
        "Shared properties can only be changed by the organizer of the event.",
        _CALENDAR,
    ),
    "404 notFound": ErrorSpec(404, "notFound", "Not Found"),
    "409 duplicate": ErrorSpec(409, "duplicate", "The requested identifier already exists."),
    "409 conflict": ErrorSpec(409, "conflict", "Conflict"),
    "410 fullSyncRequired": ErrorSpec(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        _CALENDAR,
        "syncToken",
    ),
    "410 updatedMinTooLongAgo": ErrorSpec(
        410,
        "updatedMinTooLongAgo",
        "The requested minimum modification time lies too far in the past.",
        _CALENDAR,
        "updatedMin",
    ),
    "410 deleted": ErrorSpec(410, "deleted", "Resource has been deleted"),
    "412 conditionNotMet": ErrorSpec(
        412, "conditionNotMet", "Precondition Failed", location="If-Match"
    ),
    "429 rateLimitExceeded": _detailed(
        429,
        "rateLimitExceeded",
        "Quota exceeded for quota metric 'Queries'.",
        "RESOURCE_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
    ),
    "500 backendError": ErrorSpec(500, "backendError", "Backend Error"),
    "500 internalError": ErrorSpec(500, "internalError", "Internal Error"),
    "502 html": ErrorSpec(502, "badGateway", "The server had an error.", shape=Shape.HTML),
    "503 backendError": ErrorSpec(503, "backendError", "Backend Error"),
    "503 html": ErrorSpec(503, "unavailable", "The service is unavailable.", shape=Shape.HTML),
    "504 backendError": ErrorSpec(504, "backendError", "Deadline exceeded"),
}
"""The refusals of the Calendar API by name."""

WRITE_ERRORS: Final[dict[str, ErrorSpec]] = {
    "400 cannotChangeOrganizer": ErrorSpec(
        400, "cannotChangeOrganizer", "The organizer of this event cannot be changed.", _CALENDAR
    ),
    "400 cannotChangeOrganizerOfInstance": ErrorSpec(
        400,
        "cannotChangeOrganizerOfInstance",
        "Cannot change the organizer of an instance.",
        _CALENDAR,
    ),
    "400 eventTypeRestriction": ErrorSpec(
        400, "eventTypeRestriction", "The type of an event cannot be changed.", _CALENDAR
    ),
    "400 participantIsNeitherOrganizerNorAttendee": ErrorSpec(
        400,
        "participantIsNeitherOrganizerNorAttendee",
        "The owner of the calendar must be the organizer or an attendee of an imported event.",
    ),
}
"""The refusals of the Calendar API by name that only writes meet."""

TOKEN_ERRORS: Final[dict[str, ErrorSpec]] = {
    "400 invalid_grant": _oauth(400, "invalid_grant", "Token has been expired or revoked."),
    "400 invalid_rapt": _oauth(400, "invalid_grant", "reauth related error", "invalid_rapt"),
    "401 invalid_client": _oauth(401, "invalid_client", "The OAuth client was not found."),
    "401 unauthorized_client": _oauth(401, "unauthorized_client", "Unauthorized"),
    "400 invalid_request": _oauth(400, "invalid_request", "Required parameter is missing."),
    "400 unsupported_grant_type": _oauth(400, "unsupported_grant_type", "Invalid grant_type."),
    "400 invalid_scope": _oauth(400, "invalid_scope", "Some requested scopes were invalid."),
    "400 admin_policy_enforced": _oauth(400, "admin_policy_enforced", "Restricted by policy."),
    "429 rate_limited": _oauth(429, "rate_limit_exceeded", "Too many requests."),
    "503 server_error": _oauth(503, "internal_failure", "Backend Error"),
}
"""The refusals of the token endpoint by name."""
