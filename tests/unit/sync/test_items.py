"""Google's event resources in every shape that was ever seen, and in some that were not."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sync.strategies import UNHURRIED, utc
from tuturuuu_jobs.sync.items import MAX_ID, clean_text, parse_item
from tuturuuu_jobs.sync.model import Item, RejectCode, Rejected, Tombstone

NINE: Final = {"dateTime": "2026-12-01T09:00:00Z"}
TEN: Final = {"dateTime": "2026-12-01T10:00:00Z"}
FIRST: Final = {"date": "2026-12-01"}
SECOND: Final = {"date": "2026-12-02"}


def raw(**changes: Any) -> dict[str, Any]:
    """An ordinary event as Google sends it."""
    event = {"id": "ev", "status": "confirmed", "summary": "Lunch", "start": NINE, "end": TEN}
    return {**event, "updated": "2026-11-01T08:00:00.123Z", **changes}


def living(event: dict[str, Any], role: str | None = "owner") -> Item:
    parsed = parse_item(event, role)
    assert isinstance(parsed, Item), parsed
    return parsed


def rejection(event: object) -> str:
    parsed = parse_item(event, "owner")
    assert isinstance(parsed, Rejected), parsed
    return parsed.code


def test_an_ordinary_event_keeps_everything_it_says() -> None:
    event = raw(description="<b>soup</b>", location="here", colorId="4", status="tentative")

    assert living(event) == Item(
        event_id="ev",
        updated=datetime(2026, 11, 1, 8, 0, 0, 123_000, tzinfo=UTC),
        start=datetime(2026, 12, 1, 9, tzinfo=UTC),
        end=datetime(2026, 12, 1, 10, tzinfo=UTC),
        title="Lunch",
        description="<b>soup</b>",
        location="here",
        color_id="4",
        text_hidden=False,
        busy=True,
    )


@pytest.mark.parametrize("odd", [None, 7, "text", [], ["id"], True])
def test_an_element_that_is_no_object_is_rejected_without_a_name(odd: object) -> None:
    assert parse_item(odd, "owner") == Rejected("", RejectCode.NOT_AN_OBJECT)


@pytest.mark.parametrize("odd", [{}, {"id": None}, {"id": ""}, {"id": 7}, {"id": ["ev"]}])
def test_an_event_without_an_id_is_rejected_without_a_name(odd: dict[str, Any]) -> None:
    assert parse_item({**odd, "start": NINE, "end": TEN}, "owner") == Rejected("", "no_id")


@pytest.mark.parametrize("unit", ["x", "ä", "\U0001f389"])
def test_ids_are_measured_in_characters_and_never_cut(unit: str) -> None:
    assert living(raw(id=unit * MAX_ID)).event_id == unit * 1000
    assert parse_item(raw(id=unit * 1001), "owner") == Rejected(unit * 64, "id_too_long")
    assert isinstance(parse_item({"id": unit * 1001, "status": "cancelled"}, None), Rejected)


@pytest.mark.parametrize("event_id", ["a\x00b", "a\ud800b"])
def test_an_id_that_cannot_be_stored_is_named_in_text_that_can(event_id: str) -> None:
    parsed = parse_item(raw(id=event_id), "owner")

    assert isinstance(parsed, Rejected)
    assert parsed.event_id == "a\ufffdb"
    assert parsed.event_id.encode()


@pytest.mark.parametrize(
    ("stub", "expected"),
    [
        ({"id": "ev", "status": "cancelled"}, Tombstone("ev", None, None)),
        (
            {"id": "s_1", "status": "cancelled", "recurringEventId": "s", "updated": "2026-11-01Z"},
            Tombstone("s_1", "s", None),
        ),
        (
            raw(status="cancelled", updated="2026-11-01T08:00:00+02:00"),
            Tombstone("ev", None, datetime(2026, 11, 1, 6, tzinfo=UTC)),
        ),
        (
            {"id": "ev", "status": "cancelled", "start": "nonsense", "end": FIRST, "updated": 5},
            Tombstone("ev", None, None),
        ),
    ],
)
def test_a_cancelled_event_needs_nothing_but_its_id(
    stub: dict[str, Any], expected: Tombstone
) -> None:
    assert parse_item(stub, "none") == expected


@pytest.mark.parametrize("status", ["confirmed", "tentative", "", "new_in_2027", None, 7, []])
def test_every_other_status_is_a_living_event(status: object) -> None:
    assert living(raw(status=status)).event_id == "ev"


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        (NINE, SECOND, "mixed_times"),
        (FIRST, TEN, "mixed_times"),
        (TEN, NINE, "inverted_times"),
        (SECOND, FIRST, "inverted_times"),
        ({"dateTime": "2026-12-01T09:00:00.5Z"}, NINE, "inverted_times"),
        ({"dateTime": "2026-12-01T10:00:00+02:00"}, {"dateTime": "2026-12-01T09:00:00+02:00"},
         "inverted_times"),
        ({"dateTime": "2026-12-01T09:00:00"}, TEN, "bad_times"),
        (NINE, {"dateTime": "2026-12-01T10:00:00", "timeZone": "Europe/Berlin"}, "bad_times"),
        ({"dateTime": "2026-12-01"}, TEN, "bad_times"),
        ({"dateTime": "nonsense"}, TEN, "bad_times"),
        ({"dateTime": ""}, TEN, "bad_times"),
        ({"dateTime": "0000-12-01T09:00:00Z"}, TEN, "bad_times"),
        ({"dateTime": "2026-02-30T09:00:00Z"}, TEN, "bad_times"),
        ({"dateTime": "0001-01-01T00:00:00+14:00"}, TEN, "bad_times"),
        (NINE, {"dateTime": "9999-12-31T23:59:59-01:00"}, "bad_times"),
        (NINE, {"dateTime": "10000-01-01T00:00:00Z"}, "bad_times"),
        ({"date": "2026-13-01"}, SECOND, "bad_times"),
        ({"date": ""}, SECOND, "bad_times"),
        ({"date": "2026-12-01T09:00:00Z"}, SECOND, "bad_times"),
        ({"date": "\ud800"}, SECOND, "bad_times"),
        (None, TEN, "no_times"),
        (NINE, None, "no_times"),
        (NINE, {}, "no_times"),
        (NINE, {"timeZone": "UTC"}, "no_times"),
        (NINE, {"dateTime": None}, "no_times"),
        (NINE, {"dateTime": 7, "date": 8}, "no_times"),
        ("2026-12-01", TEN, "no_times"),
        ([NINE], TEN, "no_times"),
    ],
)  # fmt: skip
def test_times_that_make_no_sense_reject_one_event_by_name(
    start: object, end: object, code: str
) -> None:
    assert parse_item(raw(start=start, end=end), "owner") == Rejected("ev", code)


def test_missing_times_reject_one_event_by_name() -> None:
    assert rejection({"id": "ev"}) == "no_times"
    assert rejection({"id": "ev", "start": NINE}) == "no_times"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-29T09:00:00+02:00", "2026-03-29T07:00:00"),
        ("2026-03-29T09:00:00-03:30", "2026-03-29T12:30:00"),
        ("2026-03-29T09:00:00.000Z", "2026-03-29T09:00:00"),
        ("2026-03-29T09:00:00.123456789Z", "2026-03-29T09:00:00.123456"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("1900-01-01T00:00:00+00:09", "1899-12-31T23:51:00"),
    ],
)
def test_the_offset_of_a_time_is_trusted(text: str, instant: str) -> None:
    start = {"dateTime": text, "timeZone": "Asia/Tokyo"}

    assert living(raw(start=start)).start == utc(instant)


@pytest.mark.parametrize("day", [date.min, date(1900, 2, 28), date(2099, 12, 31), date.max])
def test_dates_of_all_years_are_read(day: date) -> None:
    event = living(raw(start={"date": day.isoformat()}, end={"date": "9999-12-31"}))

    assert (event.start, event.end) == (day, date.max)
    assert not isinstance(event.start, datetime)


@pytest.mark.parametrize("edge", [NINE, FIRST])
def test_an_event_without_length_is_an_event(edge: dict[str, str]) -> None:
    event = living(raw(start=edge, end=edge, endTimeUnspecified=True))

    assert event.start == event.end


def test_a_fraction_of_a_second_does_not_turn_times_around() -> None:
    later = {"dateTime": "2026-12-01T09:00:00.000001+00:00"}

    assert living(raw(start=NINE, end=later)).end == datetime(2026, 12, 1, 9, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize("missing", [None, 7, [], {}])
def test_text_that_is_missing_or_no_text_is_none(missing: object) -> None:
    event = living(raw(summary=missing, description=missing, location=missing, colorId=missing))

    assert (event.title, event.description, event.location, event.color_id) == (None,) * 4


def test_long_html_passes_whole() -> None:
    html = "<a href='https://example.test'>x</a><br>" * 512

    assert living(raw(description=html)).description == html


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("plain", "plain"),
        ("", ""),
        ("a\x00b", "a\ufffdb"),
        ("\ud83c", "\ufffd"),
        ("\udf89\ud83c", "\ufffd\ufffd"),
        ("\U0001f389 \u202e\ufeff\x01\n", "\U0001f389 \u202e\ufeff\x01\n"),
    ],
)
def test_only_what_cannot_be_stored_is_replaced(text: str, clean: str) -> None:
    event = living(raw(summary=text, description=text, location=text))

    assert (event.title, event.description, event.location) == (clean, clean, clean)


def test_a_pair_of_surrogates_in_json_is_one_character() -> None:
    event = json.loads('{"id":"ev","summary":"\\ud83c\\udf89","start":{},"end":{}}')

    assert living({**event, "start": NINE, "end": TEN}).title == "\U0001f389"


@pytest.mark.parametrize(
    ("role", "visibility", "hidden"),
    [
        ("owner", "private", False),
        ("owner", None, False),
        ("writer", "private", False),
        ("writer", "confidential", False),
        ("reader", None, False),
        ("reader", "default", False),
        ("reader", "public", False),
        ("reader", "private", True),
        ("reader", "confidential", True),
        ("writerWithoutPrivateAccess", "private", True),
        ("writerWithoutPrivateAccess", "default", False),
        ("freeBusyReader", None, True),
        ("freeBusyReader", "public", True),
        ("none", "default", True),
        ("new_in_2027", "private", False),
        (None, "private", False),
    ],
)
def test_missing_text_is_hidden_where_the_role_hides_it(
    role: str | None, visibility: str | None, *, hidden: bool
) -> None:
    event = raw(visibility=visibility)

    assert living(event, role).text_hidden is False
    del event["summary"]
    assert living(event, role).text_hidden is hidden


ME: Final = {"self": True, "responseStatus": "declined"}


@pytest.mark.parametrize(
    ("fields", "busy"),
    [
        ({}, True),
        ({"transparency": "opaque"}, True),
        ({"transparency": "transparent"}, False),
        ({"transparency": "new_in_2027"}, True),
        ({"transparency": ["transparent"]}, True),
        ({"eventType": "default"}, True),
        ({"eventType": "focusTime"}, True),
        ({"eventType": "outOfOffice"}, True),
        ({"eventType": "fromGmail"}, True),
        ({"eventType": "new_in_2027"}, True),
        ({"eventType": "workingLocation"}, False),
        ({"eventType": "birthday"}, False),
        ({"attendees": [ME]}, False),
        ({"attendees": [{"self": False}, ME]}, False),
        ({"attendees": [{**ME, "responseStatus": "accepted"}]}, True),
        ({"attendees": [{**ME, "responseStatus": "tentative"}]}, True),
        ({"attendees": [{**ME, "self": False}]}, True),
        ({"attendees": [{**ME, "self": "true"}]}, True),
        ({"attendees": [{"responseStatus": "declined"}]}, True),
        ({"attendees": []}, True),
        ({"attendees": None}, True),
        ({"attendees": {"self": True}}, True),
        ({"attendees": "declined"}, True),
        ({"attendees": [None, 7, "x", [ME]]}, True),
        ({"attendees": [None, ME]}, False),
    ],
)
def test_what_occupies_its_time(fields: dict[str, Any], *, busy: bool) -> None:
    assert living(raw(**fields)).busy is busy


@pytest.mark.parametrize("odd", [[], {}, [[]], 7, None, True, 1e400])
@pytest.mark.parametrize(
    "field", ["status", "visibility", "transparency", "eventType", "attendees", "updated"]
)
@pytest.mark.parametrize("role", ["owner", "reader", "none"])
def test_a_field_of_another_type_is_as_good_as_missing(field: str, odd: object, role: str) -> None:
    event = raw(**{field: odd})
    without = {name: value for name, value in raw().items() if name != field}
    for fields in (event, without):
        fields.pop("summary", None)

    assert living(event, role) == living(without, role)


JSON: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=8),
        st.sampled_from(["cancelled", "2026-12-01", "2026-12-01T09:00:00Z", "private", "\ud800"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
FIELDS: Final = st.sampled_from(
    [
        *("id", "status", "summary", "description", "location", "start", "end", "updated"),
        *("recurringEventId", "colorId", "eventType", "visibility", "transparency", "attendees"),
    ]
)
EDGES: Final = st.dictionaries(st.sampled_from(["date", "dateTime", "timeZone"]), JSON, max_size=3)
ODD_EVENTS: Final = st.one_of(
    JSON,
    st.dictionaries(FIELDS, JSON),
    st.dictionaries(FIELDS, JSON | EDGES).map(lambda fields: raw(**fields)),
)


@UNHURRIED
@given(odd=ODD_EVENTS, role=st.sampled_from([None, "owner", "reader", "none"]))
@example(odd=raw(eventType=[]), role="owner")
@example(odd={"id": "ev", "start": NINE, "end": TEN, "visibility": {}}, role="reader")
@example(odd=raw(start={"dateTime": "2026-12-01\ud80009:00:00Z"}), role="owner")
def test_no_json_whatever_takes_its_page_with_it(odd: object, role: str | None) -> None:
    parsed = parse_item(odd, role)

    assert len(parsed.event_id) <= MAX_ID
    assert "\x00" not in parsed.event_id
    assert parsed.event_id.encode() is not None
    if isinstance(parsed, Item):
        assert isinstance(parsed.start, datetime) == isinstance(parsed.end, datetime)
        assert parsed.start.isoformat() <= parsed.end.isoformat()
        for text in (parsed.title, parsed.description, parsed.location):
            assert text is None or clean_text(text) == text


INSTANTS_ANYWHERE: Final = st.datetimes(
    datetime.fromisoformat("0002-01-01"),
    datetime.fromisoformat("9998-01-01"),
    timezones=st.timezones(),
)


@UNHURRIED
@given(
    start=INSTANTS_ANYWHERE,
    seconds=st.integers(0, 100_000),
)
def test_instants_survive_being_written_in_any_zone(start: datetime, seconds: int) -> None:
    end = start.astimezone(UTC) + timedelta(seconds=seconds)
    event = living(
        raw(start={"dateTime": start.isoformat()}, end={"dateTime": end.isoformat()}),
    )

    assert (event.start, event.end) == (start.astimezone(UTC), end)


@UNHURRIED
@given(text=st.text(st.characters()))
def test_cleaning_keeps_the_length_and_changes_nothing_twice(text: str) -> None:
    clean = clean_text(text)

    assert len(clean) == len(text)
    assert clean_text(clean) == clean
    assert clean.encode() is not None
