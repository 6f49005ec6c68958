"""events.list: what a request asks for, which items answer it, and how pages and tokens follow.

The paging rule: the sync token at the end of a listing stands for the state at its *first* page.
Whatever changes while a client is paging is therefore in its next delta, whether later pages come
from a snapshot or from live data.
"""

from __future__ import annotations

import bisect
import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, bad_request
from tuturuuu_jobs.testing.emulator.calendar import Calendar, DeltaRules
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.messages import Request
from tuturuuu_jobs.testing.emulator.model import Horizon, Item
from tuturuuu_jobs.testing.emulator.moments import parse_instant, seconds, zone_named
from tuturuuu_jobs.testing.emulator.tokens import PageToken, SyncToken, TokenBox, digest

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
_SNAPSHOTS: Final = 256


@dataclasses.dataclass(slots=True)
class Switches:
    """Where Google's behaviour is open or varies; a right client passes under all of them.

    Attributes:
        window_memory: A delta is filtered by the window of the first listing.
        horizon: How far open-ended series are expanded from today.
        max_instances: At most so many instances of each series.
        tombstone_months: How far around now a delta reports the vanished instances of a series.
        page_clamp: No page is longer than this.
        live_pages: Later pages read live data instead of a snapshot.
        strict: Parameters that differ from those of the sync token's listing are a violation:
            answered with 400 and kept in ``Emulator.violations``. Otherwise they are ignored.
        report_unseen: Something created and deleted since the token leaves a tombstone.
        master_stub: A deleted master is itself reported beside its instances.
        page_token_lifetime: After that, a page token is refused.
        gzip: Answers are compressed for clients that accept it.
    """

    window_memory: bool = False
    horizon: timedelta = timedelta(days=730)
    max_instances: int | None = None
    tombstone_months: int = 6
    page_clamp: int | None = None
    live_pages: bool = False
    strict: bool = False
    report_unseen: bool = True
    master_stub: bool = False
    page_token_lifetime: timedelta = timedelta(hours=1)
    gzip: bool = True

    def horizon_at(self, now: datetime) -> Horizon:
        """The horizon of that day: fixed for a day, so that expansions can be kept."""
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return Horizon(today + self.horizon + timedelta(days=1), self.max_instances)

    def stub_span_at(self, now: datetime) -> tuple[float, float]:
        """The span in which vanished instances are reported, in seconds since 1970."""
        reach = timedelta(days=self.tombstone_months * 365.25 / 12).total_seconds()
        return seconds(now) - reach, seconds(now) + reach


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
        zone=_zone(request),
        max_attendees=request.number("maxAttendees", least=1),
        sync_token=request.one("syncToken"),
        page_token=request.one("pageToken"),
        remembered=_remembered(request),
        page_fingerprint=_page_fingerprint(request),
    )


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


def _zone(request: Request) -> tzinfo | None:
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


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: its items and exactly one of the two tokens, or by a fault none."""

    items: Sequence[Item]
    next_page_token: str | None
    next_sync_token: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where in a listing a request stands, and the state that its first page saw."""

    snapshot: int
    offset: int
    after: str
    page: int
    seq: int
    generation: int


class Pager:
    """Makes pages and remembers snapshots. Not thread-safe: the emulator's lock guards it."""

    def __init__(self, tokens: TokenBox, switches: Switches) -> None:
        self._tokens = tokens
        self._switches = switches
        self._snapshots: collections.OrderedDict[int, list[Item]] = collections.OrderedDict()
        self._numbers = itertools.count(1)
        self.epoch = 0
        self.violations: list[str] = []

    def page_number(self, page_token: str | None) -> int:
        """Which page a request asks for; 1 without a readable token."""
        token = self._tokens.open_page(page_token) if page_token else None
        return token.page if token else 1

    def page(
        self,
        calendar: Calendar,
        user: str,
        query: ListQuery,
        now: datetime,
        faults: Sequence[Fault],
    ) -> Page:
        """Answer one request; ApiError 400 or 410 for tokens that do not serve."""
        since = self._opened(calendar, user, query) if query.sync_token else None
        fingerprint = query.page_fingerprint + digest(calendar.id, user).hex()
        if query.page_token is None:
            place = _Place(0, 0, "", 1, calendar.seq, calendar.generation)
            items = self._select(calendar, query, since, now)
        else:
            place = self._place(query.page_token, fingerprint, now)
            kept = self._snapshots.get(place.snapshot)
            items = self._select(calendar, query, since, now) if kept is None else kept
        if _struck(faults, FaultKind.EMPTY_LISTING):
            items = []

        def seal(where: _Place) -> str:
            if where.snapshot == 0 and not self._switches.live_pages:
                where = dataclasses.replace(where, snapshot=self._remember(items))
            return self._tokens.seal_page(
                PageToken(
                    fingerprint=fingerprint,
                    snapshot=where.snapshot,
                    offset=where.offset,
                    after=where.after,
                    page=where.page,
                    seq=where.seq,
                    generation=where.generation,
                    epoch=self.epoch,
                    issued=seconds(now),
                )
            )

        page = self._cut(items, place, query, faults, seal)
        if (
            page.next_page_token is None
            and query.plain
            and not _struck(faults, FaultKind.NO_SYNC_TOKEN)
        ):
            token = self._sync_token(calendar, user, query, since, place)
            page = dataclasses.replace(page, next_sync_token=token)
        return distort(page, items, calendar, query, faults)

    def _cut(
        self,
        items: list[Item],
        place: _Place,
        query: ListQuery,
        faults: Sequence[Fault],
        seal: Callable[[_Place], str],
    ) -> Page:
        size = min(query.max_results, self._switches.page_clamp or LARGEST_PAGE)
        for fault in faults:
            if fault.kind is FaultKind.PAGE_CLAMP:
                size = min(size, fault.size)
        begin = place.offset
        if place.snapshot == 0 and query.order_by is None:
            begin = bisect.bisect_right(items, place.after, key=lambda item: item.id)
        if _struck(faults, FaultKind.EMPTY_PAGE):
            return Page((), seal(dataclasses.replace(place, page=place.page + 1)), None)
        end = begin + size
        chosen = items[begin:end]
        following = dataclasses.replace(
            place,
            offset=end,
            after=chosen[-1].id if chosen else place.after,
            page=place.page + 1,
        )
        if _struck(faults, FaultKind.REPEATED_PAGE_TOKEN) and query.page_token:
            return Page(chosen, query.page_token, None)
        more = end < len(items) or (chosen and _struck(faults, FaultKind.EMPTY_LAST_PAGE))
        return Page(chosen, seal(following) if more else None, None)

    def _select(
        self, calendar: Calendar, query: ListQuery, since: SyncToken | None, now: datetime
    ) -> list[Item]:
        horizon = self._switches.horizon_at(now)
        if since is None:
            items = calendar.listed(
                horizon,
                single_events=query.single_events,
                deleted=query.show_deleted or query.updated_min is not None,
            )
            return _filtered(calendar, items, query, horizon, now)
        rules = DeltaRules(
            single_events=query.single_events,
            horizon=horizon,
            stub_span=self._switches.stub_span_at(now),
            report_unseen=self._switches.report_unseen or self._switches.live_pages,
            master_stub=self._switches.master_stub,
        )
        items = calendar.delta(since.seq, rules)
        if query.event_types:
            items = [item for item in items if item.cancelled or _has_type(item, query)]
        if since.window is None:
            return items
        low, high = since.window
        return [item for item in items if _ever_inside(calendar, item, low, high)]

    def _remember(self, items: list[Item]) -> int:
        number = next(self._numbers)
        self._snapshots[number] = items
        if len(self._snapshots) > _SNAPSHOTS:
            self._snapshots.popitem(last=False)
        return number

    def _opened(self, calendar: Calendar, user: str, query: ListQuery) -> SyncToken:
        token = self._tokens.open_sync(query.sync_token or "")
        if token is None:
            raise ApiError(API_ERRORS["400 invalid sync token"])
        mine = (digest(calendar.id), digest(user), calendar.generation)
        if (token.calendar, token.user, token.generation) != mine:
            raise ApiError(API_ERRORS["410 fullSyncRequired"])
        if self._switches.strict and token.fingerprint != query.sync_fingerprint:
            now_asked = query.remembered.replace("\n", ", ")
            self.violations.append(
                f"a sync token of {calendar.id} came back with other parameters: {now_asked}"
            )
            raise bad_request("badRequest", "Parameters differ from those of the first listing.")
        return token

    def _place(self, text: str, fingerprint: str, now: datetime) -> _Place:
        token = self._tokens.open_page(text)
        lifetime = self._switches.page_token_lifetime.total_seconds()
        if (
            token is None
            or token.fingerprint != fingerprint
            or token.epoch != self.epoch
            or seconds(now) - token.issued > lifetime
            or (token.snapshot != 0 and token.snapshot not in self._snapshots)
        ):
            raise ApiError(API_ERRORS["400 invalid page token"])
        return _Place(
            token.snapshot, token.offset, token.after, token.page, token.seq, token.generation
        )

    def _sync_token(
        self,
        calendar: Calendar,
        user: str,
        query: ListQuery,
        since: SyncToken | None,
        place: _Place,
    ) -> str:
        window = since.window if since else None
        if since is None and self._switches.window_memory:
            window = (query.low, query.high)
        return self._tokens.seal_sync(
            SyncToken(
                digest(calendar.id),
                digest(user),
                query.sync_fingerprint,
                place.generation,
                place.seq,
                window,
            )
        )


def _struck(faults: Sequence[Fault], kind: str) -> bool:
    return any(fault.kind == kind for fault in faults)


def _filtered(
    calendar: Calendar, items: list[Item], query: ListQuery, horizon: Horizon, now: datetime
) -> list[Item]:
    if query.low is not None or query.high is not None:
        items = [item for item in items if _inside_window(calendar, item, query, horizon)]
    if query.event_types:
        items = [item for item in items if _has_type(item, query)]
    if query.updated_min is not None:
        if query.updated_min < seconds(now - timedelta(days=28)):
            raise ApiError(API_ERRORS["410 updatedMinTooLongAgo"])
        items = [item for item in items if item.updated >= query.updated_min]
    if query.text:
        wanted = query.text.lower()
        items = [item for item in items if wanted in str(item.body.get("summary", "")).lower()]
    if query.ical_uid:
        items = [item for item in items if item.body.get("iCalUID") == query.ical_uid]
    for kind, name, value in query.properties:
        items = [
            item
            for item in items
            if item.body.get("extendedProperties", {}).get(kind, {}).get(name) == value
        ]
    if query.order_by == "startTime":
        return sorted(items, key=lambda item: (item.start, item.id))
    if query.order_by == "updated":
        return sorted(items, key=lambda item: (item.updated, item.id))
    return items


def _inside_window(calendar: Calendar, item: Item, query: ListQuery, horizon: Horizon) -> bool:
    if "recurrence" not in item.body or item.cancelled:
        return _inside(item.start, item.end, query.low, query.high)
    shown = calendar.entries[item.id].expand(horizon)
    return any(_inside(one.start, one.end, query.low, query.high) for one in shown)


def _inside(start: float, end: float, low: float | None, high: float | None) -> bool:
    """Overlap with exclusive bounds: the end after timeMin, the start before timeMax."""
    return (low is None or end > low) and (high is None or start < high)


def _ever_inside(calendar: Calendar, item: Item, low: float | None, high: float | None) -> bool:
    """A remembered window still tells of what has left it."""
    spans = calendar.spans(item.id) | {(item.start, item.end)}
    return any(_inside(start, end, low, high) for start, end in spans)


def _has_type(item: Item, query: ListQuery) -> bool:
    return item.body.get("eventType", "default") in query.event_types


def distort(
    page: Page, items: list[Item], calendar: Calendar, query: ListQuery, faults: Sequence[Fault]
) -> Page:
    """Apply the faults that tell an untruth about the items."""
    for fault in faults:
        match fault.kind:
            case FaultKind.MISSING_ITEM if items and query.sync_token is None:
                gone = fault.event_id or items[0].id
                page = dataclasses.replace(page, items=[i for i in page.items if i.id != gone])
            case FaultKind.DUPLICATE if items:
                page = dataclasses.replace(page, items=[*page.items, items[0]])
            case FaultKind.STALE if items:
                old = _older(calendar, fault.event_id or items[0].id, items)
                page = dataclasses.replace(page, items=[*page.items, old])
            case _:
                continue
    return page


def _older(calendar: Calendar, event_id: str, items: Sequence[Item]) -> Item:
    """The version before; where none is kept, one of an hour ago with another title."""
    known = calendar.older(event_id)
    if known is not None:
        return known
    item = next((item for item in items if item.id == event_id), items[0])
    before = datetime.fromtimestamp(item.updated, UTC) - timedelta(hours=1)
    body = {
        **item.body,
        "summary": "An older title",
        "updated": before.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
    }
    return Item(item.id, body, item.start, item.end, item.cancelled, seconds(before))
