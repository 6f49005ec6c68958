"""Exported calendars, as Google, Outlook and Apple write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.emulator.proof import ME, items
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.emulator.ics import (
    IcsCalendar,
    Loaded,
    NotACalendarError,
    load_calendar,
    read_calendar,
)

EXPORTS: Final = Path(__file__).parent / "exports"
INDIA: Final = "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi"
SALTA: Final = "America/Argentina/Salta"
WINDOW: Final = {"timeMin": "2026-10-01T00:00:00Z", "timeMax": "2027-04-01T00:00:00Z"}


@pytest.fixture
def load(emulator: Emulator, service: Any) -> Callable[[str], tuple[IcsCalendar, Loaded]]:
    """Reads an export and makes a calendar of it."""

    def load_export(name: str) -> tuple[IcsCalendar, Loaded]:
        calendar = read_calendar((EXPORTS / f"{name}.ics").read_bytes())
        return calendar, load_calendar(emulator, calendar, owner=ME, stem=name)

    return load_export


def _shown(service: Any, calendar_id: str) -> list[tuple[str, str, str]]:
    """Title, start and end of what the window shows, in order."""
    found = items(service, calendarId=calendar_id, orderBy="startTime", **WINDOW)
    return [(item["summary"], *(_edge(item[name]) for name in ("start", "end"))) for item in found]


def _edge(edge: dict[str, str]) -> str:
    return edge.get("date") or edge["dateTime"]


def test_an_export_of_google_keeps_ids_splits_and_exceptions(
    service: Any, load: Callable[[str], tuple[IcsCalendar, Loaded]]
) -> None:
    calendar, loaded = load("google")
    assert calendar.unread == ()
    assert (loaded.summary, loaded.time_zone) == ("Studio, Berlin", "Europe/Berlin")
    standup = "T09:30:00+01:00", "T09:45:00+01:00"
    assert _shown(service, loaded.id) == [
        ("Stand-up", "2026-10-05T09:30:00+02:00", "2026-10-05T09:45:00+02:00"),
        ("Stand-up (moved)", "2026-10-20T11:00:00+02:00", "2026-10-20T11:30:00+02:00"),
        *(
            ("Stand-up", *(f"2026-{day}{time}" for time in standup))
            for day in ("10-26", "11-09", "11-16", "11-23", "11-30")
        ),
        ("Visit at the client's", "2026-12-03T09:30:00+01:00", "2026-12-03T10:15:00+01:00"),
        *(("Stand-up", *(f"2026-{day}{time}" for time in standup)) for day in ("12-07", "12-14")),
        ("Stand-up at ten", "2026-12-21T10:00:00+01:00", "2026-12-21T10:15:00+01:00"),
        ("Closed", "2026-12-24", "2026-12-27"),
        ("Stand-up at ten", "2026-12-28T10:00:00+01:00", "2026-12-28T10:15:00+01:00"),
        ("Stand-up at ten", "2027-01-04T10:00:00+01:00", "2027-01-04T10:15:00+01:00"),
    ]
    get = service.events().get
    base = "0s2d4f6g8h0j1k3l5n7m9b2v4c"
    later = get(calendarId=loaded.id, eventId=f"{base}_20261228T090000Z").execute()
    assert later["recurringEventId"] == f"{base}_R20261221T083000"
    assert later["iCalUID"] == f"{base}_R20261221T083000@google.com"
    off = get(calendarId=loaded.id, eventId="9m8n7b6v5c4d3s2a1q0p9o8i7u").execute()
    assert off["status"] == "cancelled"


def test_the_details_of_an_event_are_kept(
    service: Any, load: Callable[[str], tuple[IcsCalendar, Loaded]]
) -> None:
    _, loaded = load("google")
    visit = service.events().get(calendarId=loaded.id, eventId="4c1q8r3v5t7u9n0m2k4j6h8g0f")
    event = visit.execute()
    assert event["description"] == "<p>Bring the <b>drawings</b>; the model, too.</p>\nThanks"
    assert event["location"] == "Torstraße 1, 10119 Berlin"
    assert (event["visibility"], event["sequence"]) == ("private", 2)
    assert event["created"] == "2026-11-01T12:00:00.000Z"
    assert event["organizer"] == {
        "email": "c_8f1d2@group.calendar.example.test",
        "displayName": "Studio, Berlin",
    }
    assert event["attendees"] == [
        {"email": "ada@example.test", "displayName": "Ada Lovelace", "responseStatus": "accepted"},
        {"email": "eve@example.test", "responseStatus": "declined", "optional": True},
        {
            "email": "room4@resource.example.test",
            "displayName": "Room 4",
            "responseStatus": "needsAction",
            "resource": True,
        },
    ]
    change = service.events().patch(
        calendarId=loaded.id, eventId=event["id"], body={"summary": "Changed"}
    )
    assert change.execute()["summary"] == "Changed"


def test_an_export_of_outlook_names_its_zones_by_windows_names(
    service: Any, load: Callable[[str], tuple[IcsCalendar, Loaded]]
) -> None:
    calendar, loaded = load("outlook")
    assert (loaded.summary, loaded.time_zone) == ("Ada Lovelace Calendar", "Europe/Berlin")
    assert [str(one) for one in calendar.unread] == [
        f"VTIMEZONE {INDIA}: taken for Asia/Calcutta, which has its offsets",
        "VEVENT nowhere@outlook.example.test: unknown time zone 'Customized Time Zone'",
    ]
    assert _shown(service, loaded.id) == [
        ("Steering group", "2026-10-05T10:00:00+02:00", "2026-10-05T11:00:00+02:00"),
        ("Steering group from Seattle", "2026-11-03T16:00:00+01:00", "2026-11-03T17:00:00+01:00"),
        ("Fair", "2026-11-26", "2026-11-28"),
        ("Call with Pune", "2026-12-01T10:30:00+01:00", "2026-12-01T11:30:00+01:00"),
        ("Note to self", "2026-12-18", "2026-12-19"),
        ("Steering group", "2027-02-01T10:00:00+01:00", "2027-02-01T11:00:00+01:00"),
        ("Steering group", "2027-03-01T10:00:00+01:00", "2027-03-01T11:00:00+01:00"),
    ]
    note = items(service, calendarId=loaded.id, q="note")[0]
    assert (note["transparency"], note["visibility"]) == ("transparent", "confidential")


def test_an_export_of_apple_is_read_as_far_as_it_can_be(
    service: Any, load: Callable[[str], tuple[IcsCalendar, Loaded]]
) -> None:
    calendar, loaded = load("apple")
    assert (loaded.summary, loaded.time_zone) == ("Home", "America/New_York")
    training = [
        ("Training", f"2026-{day}T18:00:00{offset}", f"2026-{day}T19:00:00{offset}")
        for day, offset in (
            ("10-26", "-04:00"),
            ("11-02", "-05:00"),
            ("11-11", "-05:00"),
            ("11-16", "-05:00"),
        )
    ]
    assert _shown(service, loaded.id) == [
        *training,
        ("Training on Tuesday", "2026-11-24T19:00:00-05:00", "2026-11-24T20:00:00-05:00"),
        ("Thanksgiving", "2026-11-26", "2026-11-28"),
        ("Training", "2026-11-30T18:00:00-05:00", "2026-11-30T19:00:00-05:00"),
        (
            "Breakfast, wherever I am",
            "2026-12-02T07:30:00-05:00",
            "2026-12-02T09:00:00-05:00",
        ),
        ("A moment in Lisbon", "2026-12-04T04:00:00-05:00", "2026-12-04T04:00:00-05:00"),
        ("Second thoughts", "2026-12-05T07:00:00-05:00", "2026-12-05T08:00:00-05:00"),
        ("Invited to this one only", "2026-12-07T07:00:00-05:00", "2026-12-07T08:00:00-05:00"),
        ("Made yesterday", "2026-12-08T05:00:00-05:00", "2026-12-08T05:00:00-05:00"),
    ]
    assert [str(one) for one in calendar.unread] == [
        "VEVENT 5F2E3D4C-5B6A-4798-8877-665544332211: a later revision of it is in the file",
        "VEVENT broken-start: DTSTART: Expected datetime, date, or time. Got: 'next Tuesday'",
        "VEVENT odd-detail: CREATED: Expected datetime, date, or time. Got: 'yesterday'",
        "VEVENT -: it has no UID",
        "VTODO todo-1: only events are read",
        "VEVENT backwards: it ends before it starts",
        "VEVENT hourly: its rule cannot be expanded: cannot expand FREQ=HOURLY",
        "VEVENT hourly: its series could not be read",
    ]
    early = items(service, calendarId=loaded.id, q="early")[0]
    assert (early["start"], early["originalStartTime"]) == (
        {"date": "2027-11-25"},
        {"date": "2027-11-26"},
    )


def _file(*lines: str) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    return "\r\n".join([*head, *lines, "END:VCALENDAR", ""]).encode()


def _event(*lines: str) -> list[str]:
    return ["BEGIN:VEVENT", "UID:u@example.test", *lines, "END:VEVENT"]


HOUR: Final = ("DTSTART:20261201T090000Z", "DTEND:20261201T100000Z")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"<!DOCTYPE html><title>Sign in</title>",
        "\r\n".join(_event(*HOUR)).encode(),
        _file(*_event(*HOUR))[:-20],
        _file(*_event(*HOUR)[:-1]),
        _file("no colon"),
    ],
    ids=["empty", "words", "binary", "page", "event", "cut", "open", "broken"],
)
def test_what_is_no_complete_calendar_is_refused(data: bytes) -> None:
    with pytest.raises(NotACalendarError) as caught:
        read_calendar(data)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def _reasons(*lines: str) -> list[str]:
    return [one.reason for one in read_calendar(_file(*_event(*lines))).unread]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["SUMMARY:Never"], "it has no DTSTART"),
        (["DTSTART:20261201T090000Z", "DTEND;VALUE=DATE:20261202"], "DTSTART and DTEND"),
        (["DTSTART;VALUE=PERIOD:20261201T090000Z/PT1H"], "DTSTART"),
        (["DTSTART;TZID=Mars/Base:20261201T090000"], "unknown time zone 'Mars/Base'"),
        ([*HOUR, "EXRULE:FREQ=DAILY"], "EXRULE cannot be expanded"),
        ([*HOUR, "RDATE;VALUE=PERIOD:20261202T090000Z/PT1H"], "RDATE with periods"),
        ([*HOUR, "RRULE:FREQ=SOMETIMES"], "RRULE"),
        ([*HOUR, "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201T090000Z"], "RANGE"),
        (["DTSTART:00010101T000000", "X-A:b"], "out of range"),
        ([*HOUR, "a line without a colon"], "a line"),
    ],
    ids=[
        "no start",
        "mixed",
        "period",
        "zone",
        "exrule",
        "periods",
        "rule",
        "range",
        "year 1",
        "line",
    ],
)
def test_what_cannot_be_read_is_named(lines: list[str], reason: str) -> None:
    zone = ["X-WR-TIMEZONE:Europe/Berlin"]
    calendar = read_calendar(_file(*zone, *_event(*lines)))
    (unread,) = calendar.unread
    assert (unread.component, unread.uid) == ("VEVENT", "u@example.test")
    assert reason in unread.reason
    assert len(calendar.events) == (1 if reason == "a line" else 0)


@pytest.mark.parametrize(
    ("line", "zone", "notes"),
    [
        ("X-WR-TIMEZONE:Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh", 0),
        ("X-WR-TIMEZONE:SE Asia Standard Time", "Asia/Bangkok", 0),
        ("X-WR-TIMEZONE:america/new_york", "America/New_York", 0),
        ("X-WR-TIMEZONE:/citadel.org/20190914_1/America/Argentina/Salta", SALTA, 0),
        ("X-WR-TIMEZONE:tzone://Microsoft/Utc", "UTC", 0),
        ("X-WR-TIMEZONE:Atlantis/Capital", "UTC", 1),
        ("X-A:b", "UTC", 0),
    ],
)
def test_the_zone_of_a_calendar(line: str, zone: str, notes: int) -> None:
    calendar = read_calendar(_file(line, *_event(*HOUR)))
    assert (calendar.time_zone, len(calendar.unread)) == (zone, notes)
    assert calendar.name is None


def _definition(*lines: str, standard: str, daylight: str) -> list[str]:
    """A VTIMEZONE with the rules of Europe; zones ahead or behind by other offsets."""
    return [
        *("BEGIN:VTIMEZONE", "TZID:Mine", *lines),
        *("BEGIN:STANDARD", "DTSTART:19701025T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"),
        *(f"TZOFFSETFROM:{daylight}", f"TZOFFSETTO:{standard}", "END:STANDARD"),
        *("BEGIN:DAYLIGHT", "DTSTART:19700329T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"),
        *(f"TZOFFSETFROM:{standard}", f"TZOFFSETTO:{daylight}", "END:DAYLIGHT"),
        "END:VTIMEZONE",
    ]


@pytest.mark.parametrize(
    ("definition", "zone", "notes"),
    [
        (_definition(standard="+0100", daylight="+0200"), "Europe/Berlin", 1),
        (_definition(standard="+0100", daylight="+0100"), "Africa/Lagos", 1),
        (
            _definition("X-LIC-LOCATION:Europe/Rome", standard="+0100", daylight="+0200"),
            "Europe/Rome",
            0,
        ),
    ],
    ids=["rules", "fixed", "location"],
)
def test_a_zone_of_the_file_s_own_is_known_by_its_offsets_or_location(
    definition: list[str], zone: str, notes: int
) -> None:
    start = _event("DTSTART;TZID=Mine:20260701T120000")
    for lines in ([*definition, *start], [*start, *definition]):
        calendar = read_calendar(_file(*lines))
        (event,) = calendar.events
        assert event["start"]["timeZone"] == calendar.time_zone == zone
        assert event["start"]["dateTime"].startswith("2026-07-01T12:00:00")
        assert len(calendar.unread) == notes


def test_a_zone_that_is_defined_by_nothing_is_unknown() -> None:
    lines = ["BEGIN:VTIMEZONE", "TZID:Mine", "END:VTIMEZONE"]
    calendar = read_calendar(_file(*lines, *_event("DTSTART;TZID=Mine:20260701T120000")))
    assert [one.reason for one in calendar.unread] == ["unknown time zone 'Mine'"]


def test_a_zone_of_one_file_means_nothing_in_the_next() -> None:
    start = _event("DTSTART;TZID=Mine:20260701T120000")
    read_calendar(_file(*_definition(standard="+0100", daylight="+0200"), *start))
    (event,) = read_calendar(_file(*_definition(standard="-0500", daylight="-0500"), *start)).events
    assert event["start"]["timeZone"] == "America/Bogota"
    assert [one.reason for one in read_calendar(_file(*start)).unread] == [
        "unknown time zone 'Mine'"
    ]


def test_dates_and_times_are_told_apart_by_the_series(emulator: Emulator, service: Any) -> None:
    timed = _event(*HOUR, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20261202")
    moved = _event("DTSTART:20261203T180000Z", "RECURRENCE-ID;VALUE=DATE:20261203")
    whole = [
        line.replace("u@", "v@")
        for line in _event(
            "DTSTART;VALUE=DATE:20261210",
            "RRULE:FREQ=DAILY;COUNT=3",
            "EXDATE:20261211T000000Z",
        )
    ]
    calendar = read_calendar(_file(*timed, *moved, *whole))
    loaded = load_calendar(emulator, calendar, owner=ME, stem="mixed")
    found = items(service, calendarId=loaded.id, orderBy="startTime")
    assert [_edge(item["start"]) for item in found] == [
        "2026-12-01T09:00:00Z",
        "2026-12-03T18:00:00Z",
        "2026-12-10",
        "2026-12-12",
    ]


def test_two_calendars_of_one_file_become_one_and_a_byte_order_mark_is_no_harm(
    emulator: Emulator, service: Any
) -> None:
    other = [line.replace("u@", "v@") for line in _event(*HOUR)]
    data = b"\xef\xbb\xbf" + _file(*_event(*HOUR)) + _file("X-WR-CALNAME:Second", *other)
    calendar = read_calendar(data)
    first = load_calendar(emulator, calendar, owner=ME, stem="My File")
    again = load_calendar(emulator, calendar, owner=ME, stem="my-file")
    assert (first.id, again.id) == (
        "my-file@group.calendar.google.com",
        "my-file-2@group.calendar.google.com",
    )
    assert (first.summary, first.events, first.unread) == ("Second", 2, 0)
    assert len(items(service, calendarId=again.id)) == 2


def test_exceptions_of_a_series_that_cannot_be_read_are_not_taken_for_events() -> None:
    broken = _event(*HOUR, "RRULE:FREQ=SOMETIMES")
    exception = _event(*HOUR, "RECURRENCE-ID:20261201T090000Z")
    for lines in ([*broken, *exception], [*exception, *broken]):
        calendar = read_calendar(_file(*lines))
        assert calendar.events == ()
        reasons = sorted(one.reason for one in calendar.unread)
        assert reasons[1] == "its series could not be read"


def test_alarms_are_not_read_even_where_they_are_broken() -> None:
    alarm = ["BEGIN:VALARM", "TRIGGER:whenever", "no colon", "END:VALARM"]
    calendar = read_calendar(_file(*_event(*HOUR, *alarm)))
    assert (len(calendar.events), calendar.unread) == (1, ())


LINES: Final = [
    *HOUR,
    "DTSTART;VALUE=DATE:20261201",
    "DTSTART;TZID=W. Europe Standard Time:20261201T090000",
    "DTSTART;TZID=Nowhere:20261201T090000",
    "DTSTART:99991231T235959Z",
    "DTSTART;VALUE=TEXT:soon",
    "DTEND;VALUE=DATE:20261201",
    "DURATION:PT1H",
    "DURATION:-P1D",
    "RRULE:FREQ=WEEKLY;COUNT=3",
    "RRULE:FREQ=DAILY;BYSETPOS=400;BYDAY=MO",
    "RRULE:FREQ=YEARLY;UNTIL=20301231",
    "RDATE;VALUE=DATE:20261205",
    "RDATE;VALUE=TEXT:x",
    "EXDATE:20261208T090000Z,20261215T090000Z",
    "EXDATE;VALUE=DATE:20261208",
    "RECURRENCE-ID:20261208T090000Z",
    "RECURRENCE-ID;VALUE=DATE:20261208",
    "RECURRENCE-ID:x",
    "RECURRENCE-ID;VALUE=TEXT:x",
    "UID:v",
    "SEQUENCE:x",
    "SEQUENCE:2",
    "STATUS:CANCELLED",
    "ATTENDEE:nobody",
    "ORGANIZER;CN=A:mailto:a@example.test",
    "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
    "END:VEVENT",
    "BEGIN:VEVENT",
    "BEGIN:VTIMEZONE",
    "TZID:Nowhere",
    "END:VTIMEZONE",
    "\tfolded",
    "nonsense",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.lists(st.sampled_from(LINES), max_size=7), max_size=4))
def test_any_lines_are_loaded_named_or_refused(emulator: Emulator, events: list[list[str]]) -> None:
    data = _file(*(line for lines in events for line in _event(*lines)))
    try:
        calendar = read_calendar(data)
    except NotACalendarError:
        return
    loaded = load_calendar(emulator, calendar, owner=ME, stem="any")
    assert len(emulator.masters(loaded.id)) <= loaded.events
    emulator.remove_calendar(loaded.id)
