"""Values of a sync: short forms for single cases, and strategies for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from tuturuuu_jobs.sync.items import clean_text
from tuturuuu_jobs.sync.model import (
    Event,
    Item,
    Marker,
    RejectCode,
    Rejected,
    StoredRow,
    Tombstone,
    Window,
)
from tuturuuu_jobs.sync.plan import Scope

UNHURRIED: Final = settings(deadline=None)
"""A loaded machine is no failure."""

Mentioned = Item | Tombstone | Rejected

WINDOW: Final = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC))
SCOPE: Final = Scope(WINDOW, ZoneInfo("UTC"))
NOON: Final = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)

EVENT: Final = Event("ev", "Lunch", "soup", "here", NOON, NOON + HOUR, "BLUE", None)
ROW: Final = StoredRow(EVENT, clean=True, pending=False)
ITEM: Final = Item(
    event_id="ev",
    updated=NOON,
    start=NOON,
    end=NOON + HOUR,
    title="Lunch",
    description="soup",
    location="here",
    color_id=None,
    text_hidden=False,
    busy=True,
)
"""What leads to exactly ``ROW``."""


def utc(text: str) -> datetime:
    """An ISO time without an offset, read in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def item(**changes: Any) -> Item:
    """``ITEM`` with other fields."""
    return dataclasses.replace(ITEM, **changes)


def row(**changes: Any) -> StoredRow:
    """``ROW`` with other columns, or other marks of its own."""
    own = {name: changes.pop(name) for name in ("clean", "pending") if name in changes}
    return dataclasses.replace(ROW, event=dataclasses.replace(EVENT, **changes), **own)


def gone(event_id: str = "ev", series: str | None = None, at: datetime | None = None) -> Tombstone:
    return Tombstone(event_id, series, at)


IDS: Final = st.sampled_from(["a", "b", "c", "d_20261201", "d_20261208"])
TEXTS: Final = st.one_of(
    st.none(),
    st.text(st.characters(), max_size=5).map(clean_text),
    st.integers(250, 260).map(lambda n: "\U0001f389" * n),
    st.sampled_from(["x" * 10_001, "ä" * 1_001, "\ufffd"]),
)
INSTANTS: Final = st.one_of(
    st.sampled_from([WINDOW.start, WINDOW.end, WINDOW.start - HOUR, WINDOW.end - HOUR]),
    st.integers(-48, 275 * 24).map(lambda hours: WINDOW.start + hours * HOUR),
    st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]),
)
DATES: Final = st.one_of(
    st.sampled_from([date.min, date.max, date(2026, 9, 1), date(2027, 5, 31), date(2026, 8, 31)]),
    st.dates(date(2026, 8, 30), date(2027, 6, 3)),
)
UPDATED: Final = st.one_of(st.none(), st.sampled_from([NOON + n * HOUR for n in range(3)]))
ZONES: Final = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"),
        *("Africa/Cairo", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "Pacific/Kiritimati"),
        *("America/Havana", "Atlantic/Azores", "America/Nuuk", "America/Asuncion", "Asia/Tehran"),
    ]
).map(ZoneInfo)


@st.composite
def spans(draw: st.DrawFn) -> tuple[datetime | date, datetime | date]:
    """Start and end, timed or all-day, in order; mostly near the window's edges."""
    first, second = draw(
        st.one_of(st.tuples(INSTANTS, INSTANTS), st.tuples(DATES, DATES)),
    )
    start, end = sorted([first, second], key=lambda moment: moment.isoformat())
    return start, end


@st.composite
def items(draw: st.DrawFn) -> Item:
    start, end = draw(spans())
    return Item(
        event_id=draw(IDS),
        updated=draw(UPDATED),
        start=start,
        end=end,
        title=draw(TEXTS),
        description=draw(TEXTS),
        location=draw(TEXTS),
        color_id=draw(st.sampled_from([None, "1", "7", "11", "77"])),
        text_hidden=draw(st.booleans()),
        busy=draw(st.booleans()),
    )


TOMBSTONES: Final = st.builds(Tombstone, IDS, st.sampled_from([None, "d", "e"]), UPDATED)
REJECTIONS: Final = st.one_of(
    st.builds(Rejected, IDS, st.sampled_from([RejectCode.BAD_TIMES, RejectCode.NO_TIMES])),
    st.builds(Rejected, st.just(""), st.sampled_from([RejectCode.NO_ID])),
)
MENTIONS: Final[st.SearchStrategy[Mentioned]] = st.one_of(items(), TOMBSTONES, REJECTIONS)
PAGES: Final = st.lists(MENTIONS, max_size=12)
SCOPES: Final = st.builds(Scope, st.just(WINDOW), ZONES, st.booleans())


@st.composite
def stored_rows(draw: st.DrawFn, event_id: str) -> StoredRow:
    start, end = sorted([draw(INSTANTS), draw(INSTANTS)])
    marker = draw(st.one_of(st.none(), st.builds(Marker, st.booleans(), st.booleans())))
    title = draw(st.text(max_size=3).map(clean_text))
    event = Event(event_id, title, "", "", start, end, "BLUE", marker)
    return StoredRow(event, clean=draw(st.booleans()), pending=draw(st.booleans()))


@st.composite
def tables(draw: st.DrawFn) -> Mapping[str, StoredRow]:
    """Stored rows by event id."""
    ids = draw(st.sets(IDS))
    return {event_id: draw(stored_rows(event_id)) for event_id in sorted(ids)}
