"""Each decision of a sync on a single case, with its reason."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.unit.sync.strategies import (
    EVENT,
    HOUR,
    ITEM,
    NOON,
    ROW,
    SCOPE,
    WINDOW,
    gone,
    item,
    row,
    utc,
)
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.model import (
    CalendarState,
    Decision,
    Marker,
    Mention,
    PagePlan,
    RejectCode,
    Rejected,
    StoredRow,
    SyncPayload,
    Verdict,
    Window,
)
from tuturuuu_jobs.sync.plan import Scope, SweepCount, decide, plan_page

BERLIN: Final = dataclasses.replace(SCOPE, zone=ZoneInfo("Europe/Berlin"))


def verdict(decision: Decision) -> tuple[str, str, bool]:
    return decision.verdict.value, str(decision.reason), decision.living


def test_a_new_event_is_inserted_as_google_shows_it() -> None:
    decision = decide(ITEM, None, SCOPE)

    assert decision == Decision("ev", Verdict.INSERT, "new", NOON, True, EVENT)


def test_an_equal_row_is_left_alone() -> None:
    assert decide(ITEM, ROW, SCOPE) == Decision("ev", Verdict.UNCHANGED, "same", NOON, True)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (row(title="Old"), "changed: title"),
        (row(description=""), "changed: description"),
        (row(location=""), "changed: location"),
        (row(color="RED"), "changed: color"),
        (row(start_at=NOON - HOUR), "changed: start_at"),
        (row(end_at=NOON + 2 * HOUR, title=""), "changed: title, end_at"),
        (row(marker=Marker(busy=False, all_day=False)), "changed: marker"),
        (row(clean=False), "bookkeeping differs"),
    ],
)
def test_a_row_that_differs_is_updated_and_the_columns_are_named(
    stored: StoredRow, reason: str
) -> None:
    named = reason.removeprefix("changed: ")
    fields = tuple(named.split(", ")) if named != reason else ()
    assert decide(ITEM, stored, SCOPE) == Decision(
        "ev", Verdict.UPDATE, reason, NOON, True, EVENT, fields
    )


def test_a_local_change_that_waits_is_never_overwritten_or_deleted() -> None:
    waiting = row(title="Mine", pending=True)

    assert verdict(decide(ITEM, waiting, SCOPE)) == ("skip", "local_change_pending", True)
    assert verdict(decide(gone(), waiting, SCOPE)) == ("skip", "local_change_pending", False)


def test_a_tombstone_deletes_only_a_row_that_is_there_and_may_go() -> None:
    kept = dataclasses.replace(SCOPE, delete_enabled=False)

    assert verdict(decide(gone(), ROW, SCOPE)) == ("delete", "cancelled", False)
    assert verdict(decide(gone(), None, SCOPE)) == ("skip", "unknown_tombstone", False)
    assert verdict(decide(gone(), ROW, kept)) == ("skip", "delete_disabled", False)
    assert verdict(decide(gone(), None, kept)) == ("skip", "unknown_tombstone", False)


def test_a_tombstone_reaches_rows_outside_the_window() -> None:
    far = row(start_at=WINDOW.end + HOUR, end_at=WINDOW.end + 2 * HOUR)

    assert decide(gone(), far, SCOPE).verdict is Verdict.DELETE


def test_a_rejected_event_keeps_its_row_from_the_sweep() -> None:
    decision = decide(Rejected("ev", RejectCode.MIXED_TIMES), ROW, SCOPE)

    assert verdict(decision) == ("reject", "mixed_times", True)


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (WINDOW.start - HOUR, WINDOW.start, False),
        (WINDOW.start - HOUR, WINDOW.start + timedelta(microseconds=1), True),
        (WINDOW.start, WINDOW.start, False),
        (WINDOW.start, WINDOW.start + HOUR, True),
        (WINDOW.end - HOUR, WINDOW.end, True),
        (WINDOW.end - timedelta(microseconds=1), WINDOW.end + HOUR, True),
        (WINDOW.end, WINDOW.end + HOUR, False),
        (WINDOW.end, WINDOW.end, False),
        (NOON, NOON, True),
        (utc("0001-01-01"), datetime.max.replace(tzinfo=UTC), True),
        (date(2026, 8, 31), date(2026, 9, 1), False),
        (date(2026, 9, 1), date(2026, 9, 2), True),
        (date(2027, 5, 31), date(2027, 6, 1), True),
        (date(2027, 6, 1), date(2027, 6, 2), False),
        (date.min, date.max, True),
    ],
)
def test_the_window_shows_what_overlaps_it(
    start: datetime | date, end: datetime | date, *, shown: bool
) -> None:
    decision = decide(item(start=start, end=end), None, SCOPE)

    expected = ("insert", "new", True) if shown else ("skip", "outside_window", True)
    assert verdict(decision) == expected


def test_an_event_that_moved_out_of_the_window_takes_its_row_along() -> None:
    start, end = WINDOW.end + HOUR, WINDOW.end + 2 * HOUR

    decision = decide(item(start=start, end=end), ROW, SCOPE)

    assert verdict(decision) == ("update", "moved out of the window", True)
    assert decision.event == dataclasses.replace(EVENT, start_at=start, end_at=end)


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_date_at_the_end_of_time_rejects_one_event_at_most(day: date, zone: str) -> None:
    scope = Scope(WINDOW, ZoneInfo(zone))

    decision = decide(item(start=day, end=day), ROW, scope)

    assert decision.verdict in {Verdict.REJECT, Verdict.UPDATE}
    assert decision.living


@pytest.mark.parametrize(
    ("color_id", "color"),
    [
        *(("1", "RED"), ("2", "GREEN"), ("3", "GRAY"), ("4", "PINK"), ("5", "YELLOW")),
        *(("6", "ORANGE"), ("7", "BLUE"), ("8", "CYAN"), ("9", "PURPLE"), ("10", "INDIGO")),
        *(("11", "BLUE"), ("12", "BLUE"), ("01", "BLUE"), ("", "BLUE"), (None, "BLUE")),
    ],
)
def test_colours(color_id: str | None, color: str) -> None:
    assert wanted(color_id=color_id)["color"] == color


@pytest.mark.parametrize(
    ("busy", "all_day", "marker"),
    [
        (True, False, None),
        (False, False, Marker(busy=False, all_day=False)),
        (True, True, Marker(busy=True, all_day=True)),
        (False, True, Marker(busy=False, all_day=True)),
    ],
)
def test_a_marker_stands_on_all_day_and_on_free_events(
    *, busy: bool, all_day: bool, marker: Marker | None
) -> None:
    times = {"start": date(2026, 12, 1), "end": date(2026, 12, 2)} if all_day else {}

    assert wanted(busy=busy, **times)["marker"] == marker


@pytest.mark.parametrize("title", [None, ""])
def test_an_event_without_a_title_is_called_untitled(title: str | None) -> None:
    assert wanted(title=title)["title"] == "Untitled Event"


def test_missing_text_is_empty_where_it_is_not_hidden() -> None:
    found = wanted(title=None, description=None, location=None)

    assert (found["description"], found["location"]) == ("", "")
    decision = decide(item(title=None, description=None, location=None), ROW, SCOPE)
    assert decision.reason == "changed: title, description, location"


def test_text_is_cut_in_characters() -> None:
    letter = "\U0001f389"
    found = wanted(title=letter * 256, description=letter * 10_001, location=letter * 1_001)

    assert found["title"] == letter * 255
    assert found["description"] == letter * 10_000
    assert found["location"] == letter * 1_000


def test_text_that_the_account_may_not_see_stays_as_it_is() -> None:
    hidden = item(title=None, description=None, location=None, text_hidden=True)
    later = dataclasses.replace(hidden, end=NOON + 2 * HOUR, color_id="1")

    assert decide(hidden, ROW, SCOPE).verdict is Verdict.UNCHANGED
    assert decide(later, ROW, SCOPE).event == dataclasses.replace(
        EVENT, end_at=NOON + 2 * HOUR, color="RED"
    )
    assert wanted(**dataclasses.asdict(hidden))["title"] == "Untitled Event"


def wanted(**changes: Any) -> dict[str, Any]:
    """The columns that a new event leads to."""
    event = decide(item(**changes), None, SCOPE).event
    assert event is not None
    return {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-12-01", "2026-12-01T00:00", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00", 25),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 23),
        ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00", 25),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00", 23),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00", 23),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),
        ("America/Nuuk", "2026-03-28", "2026-03-28T02:00", 23),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30", 23.5),
        ("Asia/Kathmandu", "2026-12-01", "2026-11-30T18:15", 24),
        ("Pacific/Kiritimati", "2026-12-01", "2026-11-30T10:00", 24),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00", 24),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00", 24),
    ],
)
def test_a_day_is_as_long_as_it_really_is_in_its_zone(
    zone: str, day: str, start: str, hours: float
) -> None:
    first = date.fromisoformat(day)
    scope = Scope(Window(utc("2011-01-01"), utc("2028-01-01")), ZoneInfo(zone))

    event = decide(item(start=first, end=first + timedelta(days=1)), None, scope).event

    assert event is not None
    assert event.start_at == utc(start)
    assert event.start_at.tzinfo is UTC
    assert event.end_at - event.start_at == timedelta(hours=hours)


def test_the_window_is_held_against_midnight_in_the_zone() -> None:
    last = item(start=date(2027, 6, 1), end=date(2027, 6, 2))

    assert decide(last, None, SCOPE).reason == "outside_window"
    assert decide(last, None, BERLIN).verdict is Verdict.INSERT


def page(
    *mentions: Any, earlier: Mapping[str, Mention] | None = None, **rows: StoredRow
) -> PagePlan:
    return plan_page(mentions, rows, earlier or {}, SCOPE)


def test_an_empty_page_leads_to_nothing() -> None:
    assert page() == PagePlan((), (), 0, (), {})


@pytest.mark.parametrize(
    ("first", "second", "title"),
    [
        (NOON, NOON + HOUR, "second"),
        (NOON + HOUR, NOON, "first"),
        (NOON, NOON, "second"),
        (None, NOON, "second"),
        (NOON, None, "second"),
        (None, None, "second"),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_of_two_mentions_the_newer_wins_then_the_later(
    first: datetime | None, second: datetime | None, title: str, *, split: bool
) -> None:
    one, two = item(updated=first, title="first"), item(updated=second, title="second")

    planned = page(two, earlier={"ev": Mention(first)}) if split else page(one, two)

    titles = [d.event.title for d in planned.decisions if d.event]
    assert titles == (["second"] if title == "second" else [] if split else ["first"])
    assert planned.repeated == 1
    assert planned.replaces == (("ev",) if split and title == "second" else ())


def test_a_tombstone_without_a_time_wins_when_it_comes_later() -> None:
    assert [d.verdict for d in page(ITEM, gone(), ev=ROW).decisions] == [Verdict.DELETE]
    assert [d.verdict for d in page(gone(), ITEM, ev=ROW).decisions] == [Verdict.UNCHANGED]


def test_items_without_a_name_are_counted_and_never_decided() -> None:
    nameless = [Rejected("", RejectCode.NO_ID), Rejected("", RejectCode.NOT_AN_OBJECT)]

    planned = page(*nameless, ITEM, Rejected("x" * 64, RejectCode.ID_TOO_LONG), *nameless)

    assert [d.event_id for d in planned.decisions] == ["ev"]
    assert len(planned.nameless) == 5
    assert planned.repeated == 0


def test_cancelled_instances_are_counted_by_series() -> None:
    planned = page(gone("d_1", "d"), gone("d_2", "d"), gone("e_1", "e"), gone("alone"))

    assert planned.cancelled_series == {"d": 2, "e": 1}


WS: Final = UUID(int=1)
PAYLOAD: Final = SyncPayload(WS)
NOW: Final = utc("2026-11-24T12:00:00.999999")
WHOLE: Final = utc("2026-11-24T12:00:00")
DAY: Final = timedelta(days=1)


@pytest.mark.parametrize(
    ("payload", "token", "edge", "reason"),
    [
        (PAYLOAD, "t", NOW + 181 * DAY, None),
        (PAYLOAD, "t", NOW + 181 * DAY - timedelta(microseconds=1), "window_moved"),
        (PAYLOAD, "t", NOW + 900 * DAY, None),
        (PAYLOAD, "t", None, "window_moved"),
        (PAYLOAD, None, NOW + 900 * DAY, "no_sync_token"),
        (PAYLOAD, None, None, "no_sync_token"),
        (SyncPayload(WS, full=True), "t", NOW + 900 * DAY, "requested"),
        (SyncPayload(WS, full=True), None, None, "requested"),
        (SyncPayload(WS, future=400 * DAY), "t", NOW + 188 * DAY, "window_moved"),
        (SyncPayload(WS, future=10 * DAY), "t", NOW + 11 * DAY, None),
    ],
)
def test_when_a_full_listing_is_needed(
    payload: SyncPayload, token: str | None, edge: datetime | None, reason: str | None
) -> None:
    assert plan.why_full(payload, CalendarState(token, edge), NOW) == reason


@pytest.mark.parametrize("edge", [None, WHOLE + 10 * DAY, WHOLE + 188 * DAY])
def test_a_full_listing_reaches_a_week_past_the_window_in_whole_seconds(
    edge: datetime | None,
) -> None:
    window = plan.listing_window(PAYLOAD, CalendarState("t", edge), NOW)

    assert window == Window(WHOLE - 90 * DAY, WHOLE + 188 * DAY)


def test_the_edge_never_moves_back() -> None:
    far = WHOLE + 900 * DAY
    state = CalendarState("t", far)

    assert plan.listing_window(PAYLOAD, state, NOW).end == far
    assert plan.listing_window(SyncPayload(WS, future=DAY), state, NOW).end == far


def test_deltas_are_held_against_the_edge_that_was_listed() -> None:
    edge = WHOLE + 185 * DAY

    listed = plan.delta_window(PAYLOAD, CalendarState("t", edge), NOW)
    unknown = plan.delta_window(PAYLOAD, CalendarState("t", None), NOW)

    assert listed == Window(WHOLE - 90 * DAY, edge)
    assert unknown == Window(WHOLE - 90 * DAY, WHOLE + 180 * DAY)


def test_a_run_right_after_a_full_one_needs_no_listing() -> None:
    edge = plan.listing_window(PAYLOAD, CalendarState(None, None), NOW).end
    state = CalendarState("t", edge)

    assert plan.why_full(PAYLOAD, state, NOW + 6 * DAY) is None
    assert plan.why_full(PAYLOAD, state, NOW + 7 * DAY) == "window_moved"


@pytest.mark.parametrize(
    ("cancelled", "orphaned", "reason"),
    [
        ({}, False, None),
        ({"a": 1, "b": 1, "c": 1}, False, None),
        ({"a": 1, "b": 2}, False, "series_cancelled"),
        ({"b": 2}, True, "series_cancelled"),
        ({"a": 1}, True, "series_tombstone"),
        ({}, True, "series_tombstone"),
    ],
)
def test_what_a_delta_cannot_tell_leads_to_a_full_listing(
    cancelled: dict[str, int], reason: str | None, *, orphaned: bool
) -> None:
    assert plan.why_escalate(cancelled, orphaned=orphaned) == reason


@pytest.mark.parametrize(
    ("event_id", "base"),
    [
        ("base", "base"),
        ("base_R20250326T131500", "base"),
        ("base_R20250326T131500Z", "base"),
        ("base_R20250326", "base"),
        ("base_20250326T131500Z", "base_20250326T131500Z"),
        ("base_R2025", "base_R2025"),
        ("_import_R20250326T131500", "_import"),
        ("a_R20250101_R20250326T131500", "a_R20250101"),
    ],
)
def test_a_split_series_shares_the_base_of_its_ids(event_id: str, base: str) -> None:
    assert plan.series_base(event_id) == base


@pytest.mark.parametrize(
    ("candidates", "in_window", "refused"),
    [
        (0, 0, False),
        (20, 20, False),
        (21, 21, True),
        (20, 66, False),
        (21, 66, True),
        (21, 69, True),
        (21, 70, False),
        (22, 70, True),
        (30, 100, False),
        (31, 100, True),
        (3_000, 10_000, False),
        (3_001, 10_000, True),
        (299_999, 999_999, False),
        (300_000, 999_999, True),
    ],
)
def test_the_mass_delete_guard(candidates: int, in_window: int, *, refused: bool) -> None:
    assert plan.exceeds_guard(SweepCount(candidates, in_window)) is refused


def test_a_sweep_keeps_a_day_from_both_edges() -> None:
    assert plan.sweep_area(WINDOW) == Window(WINDOW.start + DAY, WINDOW.end - DAY)


def test_the_fingerprint_covers_what_a_token_belongs_to_and_no_times() -> None:
    assert re.fullmatch("[0-9a-f]{8}", plan.FINGERPRINT)
    text = json.dumps(plan.LISTING)
    for name in ("singleEvents", "maxResults", "maxAttendees", "fields", "nextSyncToken"):
        assert name in text
    for name in ("timeMin", "timeMax", "syncToken", "pageToken"):
        assert f'"{name}"' not in text


def test_every_field_that_a_decision_needs_is_asked_for() -> None:
    fields = plan.LISTING["fields"]

    names = set(re.findall(r"\w+", fields))
    assert {
        *("id", "status", "summary", "description", "location", "start", "end", "updated"),
        *("recurringEventId", "colorId", "eventType", "visibility", "transparency"),
        *("attendees", "self", "responseStatus", "nextPageToken", "accessRole", "timeZone"),
    } <= names
