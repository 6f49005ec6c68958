"""The oracle against cases worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tuturuuu_jobs.testing.oracle import (
    Expected,
    Place,
    Window,
    deviations,
    differences,
    expect,
    expected_rows,
    leftovers,
)

BERLIN = Place("team@example.test", "Europe/Berlin", "Europe/Berlin")
NEW_YORK = Place("team@example.test", "America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WINDOW = Window(utc("2026-09-01"), utc("2027-06-01"))


def timed(start: str, end: str, zone: str | None = None, **fields: Any) -> dict[str, Any]:
    named = {"timeZone": zone} if zone else {}
    edges = {"start": {"dateTime": start, **named}, "end": {"dateTime": end, **named}}
    return {"id": "ev", "status": "confirmed", **edges, **fields}


def days(start: str, end: str, **fields: Any) -> dict[str, Any]:
    edges = {"start": {"date": start}, "end": {"date": end}}
    return {"id": "ev", "status": "confirmed", **edges, **fields}


def noon(**fields: Any) -> dict[str, Any]:
    return timed("2026-12-01T12:00:00Z", "2026-12-01T13:00:00Z", **fields)


def rows(*masters: dict[str, Any], place: Place = BERLIN, **more: Any) -> dict[str, Any]:
    return expect(masters, place, WINDOW, **more).inside


def starts(*masters: dict[str, Any], place: Place = BERLIN, **more: Any) -> dict[str, str]:
    found = rows(*masters, place=place, **more)
    return {key: f"{row['start_at']:%Y-%m-%dT%H:%M}" for key, row in sorted(found.items())}


def test_every_owned_column_of_an_ordinary_event() -> None:
    event = noon(summary="Lunch", description="<b>x</b>", location="Here", colorId="4")

    [(event_id, row)] = expected_rows(
        [event],
        calendar_id="a@example.test",
        calendar_zone="Europe/Berlin",
        workspace_zone=None,
        window_start=WINDOW.start,
        window_end=WINDOW.end,
    ).items()

    assert event_id == "ev"
    assert row == {
        "provider": "google",
        "external_calendar_id": "a@example.test",
        "external_event_id": "ev",
        "google_calendar_id": "a@example.test",
        "google_event_id": "ev",
        "title": "Lunch",
        "description": "<b>x</b>",
        "location": "Here",
        "start_at": utc("2026-12-01T12:00"),
        "end_at": utc("2026-12-01T13:00"),
        "color": "PINK",
        "locked": True,
        "is_encrypted": False,
        "source_calendar_id": None,
        "marker": None,
        "sync_status": "synced",
        "sync_error": None,
    }


def test_older_tables_have_no_sync_columns() -> None:
    place = Place("a@example.test", "UTC", sync_columns=False)

    assert not {"sync_status", "sync_error"} & rows(noon(), place=place)["ev"].keys()


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({}, "Untitled Event"),
        ({"summary": None}, "Untitled Event"),
        ({"summary": ""}, "Untitled Event"),
        ({"summary": "\U0001f389" * 300}, "\U0001f389" * 255),
        ({"summary": "a\x00b"}, "a\ufffdb"),
        ({"summary": "a\ud83cb"}, "a\ufffdb"),
        ({"summary": "a\udf89\ud83c"}, "a\ufffd\ufffd"),
        ({"summary": "\ud83c\udf89"}, "\U0001f389"),
    ],
)
def test_titles_as_the_table_can_hold_them(given: dict[str, Any], title: str) -> None:
    assert rows(noon(**given))["ev"]["title"] == title


def test_long_text_is_cut_in_characters() -> None:
    row = rows(noon(description="ä" * 10_001, location="ä" * 1_001))["ev"]

    assert (len(row["description"]), len(row["location"])) == (10_000, 1_000)


@pytest.mark.parametrize(
    ("color_id", "color"),
    [("1", "RED"), ("7", "BLUE"), ("11", "BLUE"), ("42", "BLUE"), ("01", "BLUE"), (None, "BLUE")],
)
def test_colours(color_id: str | None, color: str) -> None:
    assert rows(noon(colorId=color_id))["ev"]["color"] == color


ME = {"email": "me@example.test", "self": True, "responseStatus": "declined"}
OTHER = {"email": "other@example.test", "responseStatus": "declined"}


@pytest.mark.parametrize(
    ("event", "marker"),
    [
        (noon(), None),
        (noon(transparency="opaque", eventType="teleport"), None),
        (noon(attendees=[OTHER]), None),
        (noon(transparency="transparent"), (False, False)),
        (noon(attendees=[OTHER, ME]), (False, False)),
        (noon(eventType="workingLocation"), (False, False)),
        (days("2026-12-01", "2026-12-02"), (True, True)),
        (days("2026-12-01", "2026-12-02", eventType="birthday"), (False, True)),
    ],
)
def test_markers(event: dict[str, Any], marker: tuple[bool, bool] | None) -> None:
    wanted = {"v": 1, "busy": marker[0], "all_day": marker[1]} if marker else None

    assert rows(event)["ev"]["marker"] == wanted


@pytest.mark.parametrize(
    "event",
    [
        timed("2026-12-01T13:00:00Z", "2026-12-01T12:00:00Z"),
        timed("soon", "later"),
        timed("2026-12-01T12:00:00", "2026-12-01T13:00:00"),
        days("2026-12-01", "2026-12-02") | {"start": {"dateTime": "2026-12-01T12:00:00Z"}},
        {"id": "ev", "status": "confirmed"},
        {"id": "ev", "status": "cancelled"},
        noon(id="x" * 1001),
        noon(id="a\x00"),
    ],
)
def test_what_no_row_can_hold(event: dict[str, Any]) -> None:
    assert rows(event) == {}


def test_an_event_without_length_is_an_event() -> None:
    assert len(rows(timed("2026-12-01T12:00:00Z", "2026-12-01T12:00:00Z"))) == 1


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        ("2026-08-31T23:00:00Z", "2026-09-01T00:00:00Z", False),
        ("2026-08-31T23:00:00Z", "2026-09-01T00:00:01Z", True),
        ("2027-05-31T23:59:59Z", "2027-06-01T05:00:00Z", True),
        ("2027-06-01T00:00:00Z", "2027-06-01T05:00:00Z", False),
    ],
)
def test_the_window_counts_what_overlaps_it(start: str, end: str, *, inside: bool) -> None:
    expected = expect([timed(start, end)], BERLIN, WINDOW)

    assert ("ev" in expected.inside, "ev" in expected.outside) == (inside, not inside)


def test_a_day_at_the_edge_must_touch_the_window_in_both_zones() -> None:
    event = days("2027-06-01", "2027-06-02")
    east = Place("a@example.test", "Asia/Tokyo", "America/New_York")
    west = Place("a@example.test", "America/New_York", "Asia/Tokyo")
    same = Place("a@example.test", "Asia/Tokyo", "Asia/Tokyo")

    assert [len(rows(event, place=place)) for place in (east, west, same)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("place", "start", "end"),
    [
        (BERLIN, "2026-10-24T22:00", "2026-10-25T23:00"),
        (Place("a", "America/New_York", "Europe/Berlin"), "2026-10-24T22:00", "2026-10-25T23:00"),
        (Place("a", "America/New_York"), "2026-10-25T04:00", "2026-10-26T04:00"),
        (Place("a", "UTC", None), "2026-10-25T00:00", "2026-10-26T00:00"),
    ],
)
def test_a_day_begins_at_midnight_of_the_workspace_or_else_the_calendar(
    place: Place, start: str, end: str
) -> None:
    # Berlin's 25th has 25 hours.
    row = rows(days("2026-10-25", "2026-10-26"), place=place)["ev"]

    assert (row["start_at"], row["end_at"]) == (utc(start), utc(end))


def test_a_midnight_that_is_skipped_means_the_first_instant_of_that_day() -> None:
    cairo = Place("a@example.test", "Africa/Cairo")

    row = rows(days("2027-04-30", "2027-05-01"), place=cairo)["ev"]

    # At 00:00 the clock jumps from UTC+2 to UTC+3; the day has 23 hours.
    assert (row["start_at"], row["end_at"]) == (utc("2027-04-29T22:00"), utc("2027-04-30T21:00"))


def series(rule: str, *more: str, at: str = "09:00:00+01:00", **fields: Any) -> dict[str, Any]:
    end = at.replace("09:00", "09:30").replace("02:30", "03:00")
    times = timed(f"2027-03-22T{at}", f"2027-03-22T{end}", "Europe/Berlin")
    return times | {"recurrence": [f"RRULE:{rule}", *more], **fields}


def test_a_weekly_meeting_keeps_its_hour_when_the_clock_changes() -> None:
    assert starts(series("FREQ=WEEKLY;COUNT=3")) == {
        "ev_20270322T080000Z": "2027-03-22T08:00",
        "ev_20270329T070000Z": "2027-03-29T07:00",
        "ev_20270405T070000Z": "2027-04-05T07:00",
    }


def test_the_zone_of_the_series_decides_and_not_that_of_the_calendar() -> None:
    # New York has changed a fortnight before.
    assert list(starts(series("FREQ=WEEKLY;COUNT=2"), place=NEW_YORK)) == [
        "ev_20270322T080000Z",
        "ev_20270329T070000Z",
    ]


def test_an_hour_that_is_skipped_takes_the_offset_from_before() -> None:
    nightly = series("FREQ=DAILY;COUNT=8", at="02:30:00+01:00")

    row = rows(nightly)["ev_20270328T013000Z"]

    assert (row["start_at"], row["end_at"]) == (utc("2027-03-28T01:30"), utc("2027-03-28T02:00"))


def test_count_counts_excluded_dates_and_until_includes_its_moment() -> None:
    skip = "EXDATE;TZID=Europe/Berlin:20270329T090000"

    assert list(starts(series("FREQ=WEEKLY;COUNT=3", skip))) == [
        "ev_20270322T080000Z",
        "ev_20270405T070000Z",
    ]
    assert len(starts(series("FREQ=WEEKLY;UNTIL=20270329T070000Z"))) == 2
    assert len(starts(series("FREQ=WEEKLY;UNTIL=20270329T065959Z"))) == 1
    assert len(starts(series("FREQ=WEEKLY;UNTIL=20270329"))) == 2


def test_single_dates_join_the_rule_in_order_and_once() -> None:
    extra = "RDATE;TZID=Europe/Berlin:20270324T090000,20270329T090000"

    assert list(starts(series("FREQ=WEEKLY;COUNT=2", extra))) == [
        "ev_20270322T080000Z",
        "ev_20270324T080000Z",
        "ev_20270329T070000Z",
    ]


def test_an_all_day_series_is_named_by_its_dates() -> None:
    yearly = days("2020-12-24", "2020-12-27", recurrence=["RRULE:FREQ=YEARLY"])

    [(event_id, row)] = rows(yearly).items()

    assert event_id == "ev_20261224"
    assert row["end_at"] == utc("2026-12-26T23:00")


def exception(stamp: str, **fields: Any) -> dict[str, Any]:
    own = {"id": f"ev_{stamp}", "recurringEventId": "ev"}
    return noon(summary="Moved") | own | fields


def test_exceptions_take_the_place_of_their_instances() -> None:
    moved = exception("20270322T080000Z")
    gone = {"id": "ev_20270329T070000Z", "recurringEventId": "ev", "status": "cancelled"}
    away = exception("20270405T070000Z") | timed(
        "2028-01-01T00:00:00Z", "2028-01-01T01:00:00Z", id="ev_20270405T070000Z"
    )

    expected = expect([series("FREQ=WEEKLY;COUNT=4"), moved, gone, away], BERLIN, WINDOW)

    assert sorted(expected.inside) == ["ev_20270322T080000Z", "ev_20270412T070000Z"]
    assert expected.inside["ev_20270322T080000Z"]["title"] == "Moved"
    assert list(expected.outside) == ["ev_20270405T070000Z"]


def test_a_fallen_exception_hides_nothing() -> None:
    fallen = {"id": "ev_20270329T070000Z", "recurringEventId": "ev", "status": "cancelled"}

    assert len(starts(series("FREQ=WEEKLY;COUNT=2"), fallen)) == 1
    assert len(starts(series("FREQ=WEEKLY;COUNT=2"), fallen, fallen={fallen["id"]})) == 2


def test_after_a_split_the_instances_keep_the_ids_of_the_old_series() -> None:
    old = series("FREQ=WEEKLY;UNTIL=20270329T065959Z")
    new = series("FREQ=WEEKLY;COUNT=2", id="ev_R20270329T070000", summary="New") | timed(
        "2027-03-29T09:00:00+02:00", "2027-03-29T10:00:00+02:00", "Europe/Berlin"
    )
    new["id"] = "ev_R20270329T070000"
    gone = {"id": "ev_20270405T070000Z", "recurringEventId": new["id"], "status": "cancelled"}

    assert list(starts(old, new)) == [
        "ev_20270322T080000Z",
        "ev_20270329T070000Z",
        "ev_20270405T070000Z",
    ]
    assert list(starts(old, new, gone)) == ["ev_20270322T080000Z", "ev_20270329T070000Z"]


def test_differences_name_the_row_and_the_column() -> None:
    wanted = rows(noon(), noon(id="lost"))
    found = {"ev": wanted["ev"] | {"title": "X"}, "ghost": wanted["ev"]}

    assert differences(found, wanted) == [
        "lost: missing",
        "ev: title is 'X', should be 'Untitled Event'",
        "ghost: a row for an event that does not exist",
    ]
    assert differences(found, wanted, limit=1) == ["lost: missing", "and 2 more"]
    assert differences(wanted, wanted) == []


def test_a_row_outside_the_window_may_be_there_but_must_be_right() -> None:
    expected = expect([timed("2028-01-01T00:00:00Z", "2028-01-01T01:00:00Z")], BERLIN, WINDOW)
    row = expected.outside["ev"]

    assert deviations({}, expected) == []
    assert deviations({"ev": row}, expected) == []
    assert len(deviations({"ev": row | {"color": "RED"}}, expected)) == 1


def test_only_rows_at_the_edge_may_outlive_their_event() -> None:
    expected = Expected({}, {}, WINDOW)
    slack = timedelta(days=1)
    inside = {"start_at": utc("2027-05-30T22:00"), "end_at": utc("2027-05-31T00:00")}
    edge = inside | {"end_at": utc("2027-05-31T00:01")}

    assert leftovers({"a": inside, "b": edge}, expected, slack) == ["b"]
    assert deviations({"a": inside, "b": edge}, expected, slack=slack) == [
        "a: a row for an event that does not exist"
    ]
    assert len(deviations({"a": inside, "b": edge}, expected)) == 2
