"""The parameters of events.list: read, checked, and refused as Google refuses them."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, tzinfo
from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, bad_request
from tuturuuu_jobs.testing.emulator.messages import Request
from tuturuuu_jobs.testing.emulator.model import Item
from tuturuuu_jobs.testing.emulator.moments import parse_instant, seconds, zone_named
from tuturuuu_jobs.testing.emulator.tokens import digest

DEFAULT_PAGE: Final = 250
LARGEST_PAGE: Final = 2500
EVENT_TYPES: Final = frozenset(
    {"birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation"}
)
_RESTRICTIONS: Final = (
    "timeMin",
    "timeMax",
    "updatedMin",
    "q",
    "iCalUID",
    "privateExtendedProperty",
    "sharedExtendedProperty",
)
_NOT_COMPARED: Final = frozenset(
    {"pageToken", "alt", "key", "prettyPrint", "quotaUser", "access_token"}
)


@dataclasses.dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of events.list, read and checked.

    Attributes:
        sync_fingerprint: Digest of what must stay equal for a sync token.
        remembered: The same as readable text.
        page_fingerprint: Digest of what must stay equal for a page token.
        low: timeMin as seconds since 1970, whole seconds.
        high: timeMax likewise.
    """

    single_events: bool
    show_deleted: bool
    max_results: int
    low: float | None
    high: float | None
    updated_min: float | None
    order_by: str | None
    event_types: frozenset[str]
    text: str | None
    ical_uid: str | None
    properties: tuple[tuple[str, str, str], ...]
    zone: tzinfo | None
    max_attendees: int | None
    sync_token: str | None
    page_token: str | None
    remembered: str
    page_fingerprint: str

    @property
    def plain(self) -> bool:
        """Whether a sync token may come of this listing."""
        return not (
            self.order_by or self.text or self.ical_uid or self.properties or self.updated_min
        )

    @property
    def sync_fingerprint(self) -> bytes:
        """Digest of the parameters that must stay equal for a sync token."""
        return digest(self.remembered)


def parse_query(request: Request) -> ListQuery:
    """Read and check the parameters; ApiError 400 as Google refuses them."""
    _check_combination(request)
    low, high = _bound(request, "timeMin"), _bound(request, "timeMax")
    if low is not None and high is not None and low >= high:
        raise ApiError(API_ERRORS["400 timeRangeEmpty"])
    single = request.flag("singleEvents") is True
    order_by = request.one("orderBy")
    if order_by not in {None, "startTime", "updated"}:
        raise bad_request("invalidParameter", "Invalid value for orderBy.", "orderBy")
    if order_by == "startTime" and not single:
        message = "The requested ordering is not available for the particular query."
        raise bad_request("badRequest", message, "orderBy")
    return ListQuery(
        single_events=single,
        show_deleted=request.flag("showDeleted") is True,
        max_results=min(request.number("maxResults", least=1) or DEFAULT_PAGE, LARGEST_PAGE),
        low=low,
        high=high,
        updated_min=_bound(request, "updatedMin"),
        order_by=order_by,
        event_types=_event_types(request),
        text=request.one("q"),
        ical_uid=request.one("iCalUID"),
        properties=_properties(request),
        zone=parse_zone(request),
        max_attendees=request.number("maxAttendees", least=1),
        sync_token=request.one("syncToken"),
        page_token=request.one("pageToken"),
        remembered=_remembered(request),
        page_fingerprint=_page_fingerprint(request),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class InstancesQuery:
    """The parameters of events.instances, read and checked.

    Attributes:
        original: The original start of the one instance that is asked for, as an instant or date.
        page_fingerprint: Digest of what must stay equal for a page token.
    """

    show_deleted: bool
    max_results: int
    low: float | None
    high: float | None
    original: datetime | date | None
    page_token: str | None
    page_fingerprint: str

    def wants(self, item: Item) -> bool:
        """Whether the instance is asked for; here the lower bound is inclusive."""
        if item.cancelled and not self.show_deleted:
            return False
        if self.low is not None and item.end < self.low:
            return False
        if self.high is not None and item.start >= self.high:
            return False
        return self.original is None or self.original == _original(item)


def parse_instances_query(request: Request) -> InstancesQuery:
    """Read and check the parameters; ApiError 400 as Google refuses them."""
    text = request.one("originalStart")
    try:
        original = _date_or_instant(text) if text else None
    except ValueError as error:
        raise bad_request("badRequest", "Bad Request", "originalStart") from error
    return InstancesQuery(
        show_deleted=request.flag("showDeleted") is True,
        max_results=min(request.number("maxResults", least=1) or DEFAULT_PAGE, LARGEST_PAGE),
        low=_bound(request, "timeMin"),
        high=_bound(request, "timeMax"),
        original=original,
        page_token=request.one("pageToken"),
        page_fingerprint=_page_fingerprint(request),
    )


def _original(item: Item) -> datetime | date:
    edge = item.body["originalStartTime"]
    return _date_or_instant(edge.get("date") or edge["dateTime"])


def _date_or_instant(text: str) -> datetime | date:
    return date.fromisoformat(text) if len(text) == len("2026-12-01") else parse_instant(text)


def _check_combination(request: Request) -> None:
    if request.one("syncToken") is None:
        return
    if request.one("orderBy") is not None:
        raise ApiError(API_ERRORS["400 syncTokenWithNonDefaultOrdering"])
    if any(request.one(name) is not None for name in _RESTRICTIONS):
        raise ApiError(API_ERRORS["400 syncTokenWithRequestRestrictions"])
    if request.flag("showDeleted") is False:
        raise ApiError(API_ERRORS["400 syncTokenWithRequestRestrictions"])


def _bound(request: Request, name: str) -> float | None:
    text = request.one(name)
    if text is None:
        return None
    try:
        return float(int(seconds(parse_instant(text))))
    except ValueError as error:
        raise bad_request("badRequest", "Bad Request", name) from error


def _event_types(request: Request) -> frozenset[str]:
    types = frozenset(request.query.get("eventTypes", ()))
    if not types <= EVENT_TYPES:
        raise bad_request("invalidParameter", "Invalid value for eventTypes.", "eventTypes")
    return types


def _properties(request: Request) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (kind, text.partition("=")[0], text.partition("=")[2])
        for kind in ("private", "shared")
        for text in request.query.get(f"{kind}ExtendedProperty", ())
    )


def parse_zone(request: Request) -> tzinfo | None:
    """The zone in which times are wanted; ApiError 400 for an unknown one."""
    name = request.one("timeZone")
    if name is None:
        return None
    try:
        return zone_named(name)
    except ValueError as error:
        raise bad_request("invalid", "Invalid time zone definition.", "timeZone") from error


def _remembered(request: Request) -> str:
    """What belongs to a sync token; an absent flag is the same as its default."""
    values = {
        "singleEvents": str(request.flag("singleEvents") is True),
        "showDeleted": str(request.flag("showDeleted") is True),
        "showHiddenInvitations": str(request.flag("showHiddenInvitations") is True),
        "eventTypes": " ".join(sorted(request.query.get("eventTypes", ()))),
        **{name: request.one(name) or "" for name in ("maxResults", "maxAttendees", "timeZone")},
    }
    return "\n".join(f"{name}={value}" for name, value in values.items())


def _page_fingerprint(request: Request) -> str:
    pairs = sorted(
        f"{name}={value}"
        for name, values in request.query.items()
        for value in values
        if name not in _NOT_COMPARED
    )
    return digest(request.path, *pairs).hex()
