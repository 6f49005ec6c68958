"""events.list: how pages and tokens follow one another.

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
from datetime import UTC, datetime, timedelta
from typing import Final

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError, bad_request
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.deltas import DeltaRules, delta
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.model import Item
from tuturuuu_jobs.testing.emulator.moments import seconds
from tuturuuu_jobs.testing.emulator.query import LARGEST_PAGE, InstancesQuery, ListQuery
from tuturuuu_jobs.testing.emulator.selection import ever_inside, filtered, has_type
from tuturuuu_jobs.testing.emulator.switches import Switches
from tuturuuu_jobs.testing.emulator.tokens import PageToken, SyncToken, TokenBox, digest

_SNAPSHOTS: Final = 256


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
            return self._sealed(where, fingerprint, now)

        page = self._cut(items, place, query, faults, seal)
        if (
            page.next_page_token is None
            and query.plain
            and not _struck(faults, FaultKind.NO_SYNC_TOKEN)
        ):
            token = self._sync_token(calendar, user, query, since, place)
            page = dataclasses.replace(page, next_sync_token=token)
        return distort(page, items, calendar, query, faults)

    def live_page(self, items: list[Item], query: InstancesQuery, now: datetime) -> Page:
        """A page of items that are in the order of their ids; ApiError 400 for a bad token."""
        place = _Place(0, 0, "", 1, 0, 0)
        if query.page_token is not None:
            place = self._place(query.page_token, query.page_fingerprint, now)
        begin = bisect.bisect_right(items, place.after, key=lambda item: item.id)
        chosen = items[begin : begin + query.max_results]
        if begin + query.max_results >= len(items):
            return Page(chosen, None, None)
        after = dataclasses.replace(place, after=chosen[-1].id, page=place.page + 1)
        return Page(chosen, self._sealed(after, query.page_fingerprint, now), None)

    def _sealed(self, where: _Place, fingerprint: str, now: datetime) -> str:
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
            return filtered(calendar, items, query, horizon, now)
        rules = DeltaRules(
            single_events=query.single_events,
            horizon=horizon,
            stub_span=self._switches.stub_span_at(now),
            report_unseen=self._switches.report_unseen or self._switches.live_pages,
            master_stub=self._switches.master_stub,
        )
        items = delta(calendar, since.seq, rules)
        if query.event_types:
            items = [item for item in items if item.cancelled or has_type(item, query)]
        if since.window is None:
            return items
        low, high = since.window
        return [item for item in items if ever_inside(calendar, item, low, high)]

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
        lost = token.seq < calendar.forgotten
        if (token.calendar, token.user, token.generation) != mine or lost:
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
