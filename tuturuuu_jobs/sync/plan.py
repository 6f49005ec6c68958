"""What is to happen to every event that Google mentions, and why. Pure.

The whole thinking of a sync stands here: which rows are written, kept, deleted or left alone, when
a full listing is needed, and what a sweep may delete.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tuturuuu_jobs.sync.model import (
    NAMELESS,
    CalendarState,
    Decision,
    Event,
    Item,
    Marker,
    Mention,
    PagePlan,
    Rejected,
    SkipReason,
    StoredRow,
    SyncPayload,
    Tombstone,
    Verdict,
    Window,
)
from tuturuuu_jobs.workspaces.encryption import (
    DESCRIPTION_BYTES,
    LOCATION_BYTES,
    TITLE_BYTES,
    cut,
)

UNTITLED: Final = "Untitled Event"
NOT_LISTED: Final = "not in the complete listing"
MAX_TITLE: Final = 255
MAX_DESCRIPTION: Final = 10_000
MAX_LOCATION: Final = 1_000
"""Characters that the table holds; four bytes each are allowed, so bytes never bind first."""

LEAD: Final = timedelta(days=8)
"""How far past the wanted window a full run lists, so that deltas stay complete for a week."""
MIN_LEAD: Final = timedelta(days=1)
SLACK: Final = timedelta(days=1)
"""All-day bounds depend on a zone, and listings test for overlap: nothing nearer is swept."""
GUARD_ROWS: Final = 20
GUARD_SHARE: Final = 0.3

LISTING: Final[dict[str, Any]] = {
    "singleEvents": True,
    "maxResults": 2500,
    "maxAttendees": 1,
    "fields": (
        "nextPageToken,nextSyncToken,timeZone,accessRole,items(id,status,summary,description,"
        "location,start,end,recurringEventId,colorId,updated,eventType,visibility,transparency,"
        "attendees(self,responseStatus))"
    ),
}
"""What every listing asks for; a sync token belongs to exactly these parameters.

``endTimeUnspecified`` is left out: Google supplies an end all the same, and nothing else is stored.
"""


FINGERPRINT: Final = hashlib.sha256(json.dumps(LISTING, sort_keys=True).encode()).hexdigest()[:8]
"""Changes with every parameter of a listing, so that no token is used with others than its own."""

_COLORS: Final = {
    "1": "RED",
    "2": "GREEN",
    "3": "GRAY",
    "4": "PINK",
    "5": "YELLOW",
    "6": "ORANGE",
    "8": "CYAN",
    "9": "PURPLE",
    "10": "INDIGO",
    "11": "BLUE",
}
_DEFAULT_COLOR: Final = "BLUE"
_SPLIT_SUFFIX: Final = re.compile(r"_R\d{8}(T\d{6}Z?)?$")


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """What planning a page depends on, besides the page and the rows.

    Attributes:
        window: Events outside it are only written if they already have a row.
        zone: Where an all-day event's midnight is.
        delete_enabled: Whether rows may be deleted.
        encrypted: Whether texts are stored encrypted, which leaves less room for them.
    """

    window: Window
    zone: ZoneInfo
    delete_enabled: bool = True
    encrypted: bool = False


def listing_window(payload: SyncPayload, state: CalendarState, now: datetime) -> Window:
    """The window of a full listing: whole seconds, and never less far ahead than the last one."""
    now = now.replace(microsecond=0)
    wanted = now + payload.future + LEAD
    return Window(now - payload.past, max(wanted, state.edge) if state.edge else wanted)


def delta_window(payload: SyncPayload, state: CalendarState, now: datetime) -> Window:
    """The window that items of a delta are held against: up to the edge that was once listed."""
    now = now.replace(microsecond=0)
    return Window(now - payload.past, state.edge or now + payload.future)


def why_full(payload: SyncPayload, state: CalendarState, now: datetime) -> str | None:
    """Why a full listing is needed before anything was asked; None if a delta will do."""
    if payload.full:
        return "requested"
    if state.token is None:
        return "no_sync_token"
    if state.edge is None or state.edge < now + payload.future + MIN_LEAD:
        return "window_moved"
    return None


def why_escalate(cancelled_series: Mapping[str, int], *, orphaned: bool) -> str | None:
    """Why a delta must be followed by a full listing in the same run; None if it need not.

    Google reports the cancelled instances of a deleted series only for a limited span, so rows of
    later ones would stay. Never answered by deleting ids by pattern: after "this and following"
    the instances of the new series carry ids of the old one.
    """
    if any(count > 1 for count in cancelled_series.values()):
        return "series_cancelled"
    return "series_tombstone" if orphaned else None


def series_base(event_id: str) -> str:
    """The id before which the instances of a series keep their own ids.

    A series that was split off is named ``<base>_R<start>``, its instances ``<base>_<start>``.
    """
    return _SPLIT_SUFFIX.sub("", event_id)


def plan_page(
    items: Sequence[Item | Tombstone | Rejected],
    rows: Mapping[str, StoredRow],
    earlier: Mapping[str, Mention],
    scope: Scope,
) -> PagePlan:
    """What one page of a listing leads to.

    Args:
        items: The page, in Google's order.
        rows: The stored rows of the page's ids.
        earlier: What earlier pages of this run said of the page's ids.
        scope: Window, zone and permissions.

    Returns:
        One decision per id. Of an id mentioned twice the greater ``updated`` wins, then the later
        mention; where one of them has none, the later mention.
    """
    winners: dict[str, Item | Tombstone | Rejected] = {}
    nameless: list[Rejected] = []
    repeated = 0
    cancelled: Counter[str] = Counter()
    for item in items:
        if isinstance(item, Rejected) and item.code in NAMELESS:
            nameless.append(item)
            continue
        if isinstance(item, Tombstone) and item.series_id is not None:
            cancelled[item.series_id] += 1
        known = winners.get(item.event_id)
        against = _mention(known) if known is not None else earlier.get(item.event_id)
        if against is not None and not _supersedes(item, against):
            repeated += 1
        else:
            repeated += known is not None
            winners[item.event_id] = item
    replaces = tuple(event_id for event_id in winners if event_id in earlier)
    decisions = tuple(decide(item, rows.get(event_id), scope) for event_id, item in winners.items())
    return PagePlan(decisions, tuple(nameless), repeated + len(replaces), replaces, dict(cancelled))


def _mention(item: Item | Tombstone | Rejected) -> Mention:
    return Mention(None if isinstance(item, Rejected) else item.updated)


def _supersedes(later: Item | Tombstone | Rejected, earlier: Mention) -> bool:
    updated = _mention(later).updated
    return updated is None or earlier.updated is None or updated >= earlier.updated


def decide(item: Item | Tombstone | Rejected, row: StoredRow | None, scope: Scope) -> Decision:
    """What is to happen to one mentioned event."""
    if isinstance(item, Rejected):
        return Decision(item.event_id, Verdict.REJECT, item.code, None, living=True)
    if isinstance(item, Tombstone):
        return _decide_tombstone(item, row, scope)
    if row is not None and row.pending:
        return _skip(item, SkipReason.LOCAL_CHANGE_PENDING)
    try:
        start_at, end_at = _instant(item.start, scope.zone), _instant(item.end, scope.zone)
    except OverflowError:
        return Decision(item.event_id, Verdict.REJECT, "bad_times", item.updated, living=True)
    inside = scope.window.overlaps(start_at, end_at)
    if row is None and not inside:
        return _skip(item, SkipReason.OUTSIDE_WINDOW)
    event = _wanted(item, row, start_at, end_at, encrypted=scope.encrypted)
    if row is None:
        return Decision(item.event_id, Verdict.INSERT, "new", item.updated, True, event)
    if row.clean and row.event == event and not row.old:
        return Decision(item.event_id, Verdict.UNCHANGED, "same", item.updated, living=True)
    fields = _differing(row, event)
    reason = "changed: " + ", ".join(fields) if fields else "bookkeeping differs"
    if not inside:
        reason = "moved out of the window"
    if row.old:
        reason = "taken over from 'primary'"
    return Decision(item.event_id, Verdict.UPDATE, reason, item.updated, True, event, fields)


def _decide_tombstone(item: Tombstone, row: StoredRow | None, scope: Scope) -> Decision:
    if row is None:
        return _skip(item, SkipReason.UNKNOWN_TOMBSTONE)
    if row.pending:
        return _skip(item, SkipReason.LOCAL_CHANGE_PENDING)
    if not scope.delete_enabled:
        return _skip(item, SkipReason.DELETE_DISABLED)
    return Decision(item.event_id, Verdict.DELETE, "cancelled", item.updated, living=False)


def _skip(item: Item | Tombstone, reason: SkipReason) -> Decision:
    living = isinstance(item, Item)
    return Decision(item.event_id, Verdict.SKIP, reason, item.updated, living=living)


def _wanted(
    item: Item, row: StoredRow | None, start_at: datetime, end_at: datetime, *, encrypted: bool
) -> Event:
    """The owned columns as they should be; text that the account cannot see stays as it is."""
    all_day = not isinstance(item.start, datetime)
    marker = Marker(item.busy, all_day) if all_day or not item.busy else None
    color = _COLORS.get(item.color_id or "", _DEFAULT_COLOR)
    if item.text_hidden and row is not None:
        kept = row.event
        texts = (kept.title, kept.description, kept.location)
    else:
        texts = (
            (item.title or UNTITLED)[:MAX_TITLE],
            (item.description or "")[:MAX_DESCRIPTION],
            (item.location or "")[:MAX_LOCATION],
        )
    if encrypted:
        budgets = (TITLE_BYTES, DESCRIPTION_BYTES, LOCATION_BYTES)
        title, description, location = map(cut, texts, budgets)
    else:
        title, description, location = texts
    return Event(item.event_id, title, description, location, start_at, end_at, color, marker)


def _instant(moment: datetime | date, zone: ZoneInfo) -> datetime:
    """An instant in UTC; a date means its first instant in ``zone``, also where midnight is gone.

    Where the clock skips midnight, the offset before the change names exactly the first instant of
    that day.
    """
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time.min, tzinfo=zone).astimezone(UTC)


def _differing(row: StoredRow, event: Event) -> tuple[str, ...]:
    return tuple(
        field.name
        for field in dataclasses.fields(Event)
        if getattr(row.event, field.name) != getattr(event, field.name)
    )


@dataclasses.dataclass(frozen=True, slots=True)
class SweepCount:
    """What a sweep would touch: candidates, and the rows in the window they are part of."""

    candidates: int
    in_window: int


def sweep_area(window: Window) -> Window:
    """Only rows that lie fully inside this part of a listing's window may be swept."""
    return Window(window.start + SLACK, window.end - SLACK)


def shared_area(areas: Iterable[Window]) -> Window | None:
    """What all of the areas cover, or None."""
    known = list(areas)
    if not known:
        return None
    start, end = max(area.start for area in known), min(area.end for area in known)
    return Window(start, end) if start < end else None


def exceeds_guard(count: SweepCount) -> bool:
    """Whether so many rows would vanish that a person should say yes first."""
    return count.candidates > max(GUARD_ROWS, GUARD_SHARE * count.in_window)
