"""Writing one event at a time."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulator.proof import ME, covers, items, refusal, states, timed, token
from tuturuuu_jobs.testing.emulator import Account, Emulator, Fault, FaultKind

OTHER = "other@example.test"
NOON = {"dateTime": "2026-12-01T12:00:00+01:00"}
ONE = {"dateTime": "2026-12-01T13:00:00+01:00"}
LUNCH = {"summary": "Lunch", "start": NOON, "end": ONE}


class Events:
    """The events of the primary calendar, in short."""

    def __init__(self, service: Any) -> None:
        self._events = service.events()

    def insert(self, body: Any, **parameters: Any) -> Any:
        return self._events.insert(calendarId="primary", body=body, **parameters).execute()

    def bring(self, body: Any, **parameters: Any) -> Any:
        return self._events.import_(calendarId="primary", body=body, **parameters).execute()

    def get(self, event_id: str) -> Any:
        return self._events.get(calendarId="primary", eventId=event_id).execute()

    def patch(self, event_id: str, body: Any, **parameters: Any) -> Any:
        request = self._events.patch(
            calendarId="primary", eventId=event_id, body=body, **parameters
        )
        return request.execute()

    def update(self, event_id: str, body: Any, **parameters: Any) -> Any:
        request = self._events.update(
            calendarId="primary", eventId=event_id, body=body, **parameters
        )
        return request.execute()

    def delete(self, event_id: str) -> Any:
        return self._events.delete(calendarId="primary", eventId=event_id).execute()

    def move(self, event_id: str, destination: str) -> Any:
        request = self._events.move(calendarId="primary", eventId=event_id, destination=destination)
        return request.execute()


@pytest.fixture
def events(service: Any) -> Events:
    return Events(service)


def _refused(call: Callable[[], Any]) -> str:
    with pytest.raises(HttpError) as caught:
        call()
    return refusal(caught)


@covers("events.insert")
def test_an_event_without_an_id_gets_one_and_all_that_google_adds(
    service: Any, events: Events
) -> None:
    before = token(service)
    made = events.insert({**LUNCH, "attendees": [{"email": ME}, {"email": OTHER}]})
    assert re.fullmatch("[a-v0-9]{26}", made["id"])
    assert made["iCalUID"] == made["id"] + "@google.com"
    assert made["start"] == {"dateTime": "2026-12-01T11:00:00Z"}
    assert made["organizer"] == made["creator"] == {"email": ME, "self": True}
    assert made["attendees"] == [
        {"email": ME, "responseStatus": "needsAction", "self": True},
        {"email": OTHER, "responseStatus": "needsAction"},
    ]
    assert (made["status"], made["sequence"], made["eventType"]) == ("confirmed", 0, "default")
    assert made["reminders"] == {"useDefault": True}
    assert made["created"] == made["updated"] == "2026-11-24T12:00:00.001Z"
    assert made["htmlLink"].startswith("https://www.google.com/calendar/event?eid=")
    assert events.get(made["id"]) == made
    assert items(service, syncToken=before) == [made]


@covers("events.insert")
def test_an_id_of_one_s_own_makes_a_repeated_insert_harmless(events: Events) -> None:
    event_id = "0123456789abcdefghijklmnopqrstuv"
    body = {**LUNCH, "id": event_id}
    assert events.insert(body)["id"] == event_id
    assert _refused(lambda: events.insert(body)) == "409 duplicate"
    events.delete(event_id)
    assert _refused(lambda: events.insert(body)) == "409 duplicate"


@pytest.mark.parametrize("event_id", ["abcd", "x" * 8, "UPPERS", "a-b-c-d", "a" * 1025, 12345])
def test_an_id_outside_of_the_alphabet_is_refused(events: Events, event_id: Any) -> None:
    assert _refused(lambda: events.insert({**LUNCH, "id": event_id})) == "400 invalid"


def test_id_and_ical_uid_do_not_go_together_and_a_known_uid_is_a_duplicate(events: Events) -> None:
    both = {**LUNCH, "id": "abcde", "iCalUID": "u@example.test"}
    assert _refused(lambda: events.insert(both)) == "400 invalid"
    made = events.insert({**LUNCH, "iCalUID": "u@example.test"})
    assert made["iCalUID"] == "u@example.test"
    again = {**LUNCH, "iCalUID": "u@example.test"}
    assert _refused(lambda: events.insert(again)) == "409 duplicate"


DAY = {"date": "2026-12-01"}
BERLIN = {"dateTime": "2026-12-01T12:00:00", "timeZone": "Europe/Berlin"}
RULE = ["RRULE:FREQ=DAILY"]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"start": None}, "400 required"),
        ({"end": None}, "400 required"),
        ({"start": {}}, "400 invalid"),
        ({"start": {**DAY, **NOON}}, "400 invalid"),
        ({"start": DAY}, "400 invalid"),
        ({"start": {"dateTime": "soon"}}, "400 invalid"),
        ({"start": {"dateTime": 5}}, "400 invalid"),
        ({"start": {"dateTime": "2026-12-01T12:00:00"}}, "400 required"),
        ({"start": {**NOON, "timeZone": "Mars/Base"}}, "400 invalid"),
        ({"start": ONE, "end": NOON}, "400 timeRangeEmpty"),
        ({"recurrence": RULE}, "400 required"),
        ({"start": DAY, "end": DAY, "recurrence": ["FREQ=DAILY"]}, "400 invalid"),
        ({"start": DAY, "end": DAY, "recurrence": ["DTSTART:20261201"]}, "400 invalid"),
        ({"start": DAY, "end": DAY, "recurrence": ["RRULE:FREQ=HOURLY"]}, "400 invalid"),
        ({"start": DAY, "end": DAY, "recurrence": [1]}, "400 invalid"),
        ({"status": "certain"}, "400 invalid"),
        ({"transparency": "glass"}, "400 invalid"),
        ({"visibility": "hidden"}, "400 invalid"),
        ({"eventType": "fromGmail"}, "400 invalid"),
        ({"eventType": "birthday", "extendedProperties": {"private": {"a": "b"}}}, "400 invalid"),
        ({"attendees": [{"displayName": "Nobody"}]}, "400 required"),
    ],
    ids=str,
)
def test_a_body_that_google_would_not_take_is_refused(
    service: Any, events: Events, changes: dict[str, Any], refused: str
) -> None:
    assert _refused(lambda: events.insert({**LUNCH, **changes})) == refused
    assert items(service) == []


@pytest.mark.parametrize(
    "edges",
    [
        {"start": BERLIN, "end": {**BERLIN, "dateTime": "2026-12-01T12:00:00"}},
        {"start": DAY, "end": {"date": "2026-12-02"}},
        {"start": {**NOON, "date": None}, "end": {**ONE, "date": None}, "location": None},
        {"start": DAY, "end": {"date": "2026-12-02"}, "recurrence": RULE},
        {"start": BERLIN, "end": BERLIN, "recurrence": RULE},
    ],
    ids=["zero length", "all day", "nulls", "all-day series", "series"],
)
def test_bodies_that_google_takes(events: Events, edges: dict[str, Any]) -> None:
    made = events.insert({"summary": "Fine", **edges})
    assert made.get("recurrence") == edges.get("recurrence")


def _raw(emulator: Emulator, account: Account, body: bytes, query: str = "") -> str:
    """What a client of another kind gets for an insert."""
    connection = http.client.HTTPConnection(emulator.base_url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {account.access_token}"}
    path = f"/calendar/v3/calendars/primary/events{query}"
    connection.request("POST", path, body, headers)
    error = json.load(connection.getresponse())["error"]
    connection.close()
    return f"{error['code']} {error['errors'][0]['reason']}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"\xff"])
def test_a_body_that_is_no_json_object_is_a_parse_error(
    emulator: Emulator, account: Account, body: bytes
) -> None:
    assert _raw(emulator, account, body) == "400 parseError"


def test_names_that_an_event_does_not_have_are_dropped(events: Events) -> None:
    made = events.insert({**LUNCH, "mood": "good", "start": {**NOON, "moon": "full"}})
    assert "mood" not in made
    assert "moon" not in made["start"]


def test_fields_that_only_google_sets_cannot_be_written(events: Events) -> None:
    forged = {"etag": '"1"', "created": "1999-01-01T00:00:00.000Z", "creator": {"email": OTHER}}
    made = events.insert({**LUNCH, **forged})
    for changed in (made, events.patch(made["id"], forged), events.update(made["id"], LUNCH)):
        assert changed["created"] == made["created"] > "2026"
        assert changed["creator"] == {"email": ME, "self": True}
        assert changed["etag"] != '"1"'


@covers("events.patch")
def test_a_patch_merges_objects_replaces_arrays_and_removes_what_is_null(events: Events) -> None:
    body = {
        **LUNCH,
        "location": "Hall",
        "extendedProperties": {"private": {"a": "1", "b": "2"}},
        "attendees": [{"email": "a@example.test"}, {"email": "b@example.test"}],
    }
    made = events.insert(body)
    changes = {
        "location": None,
        "extendedProperties": {"private": {"a": None, "c": "3"}},
        "attendees": [{"email": "c@example.test"}],
    }
    changed = events.patch(made["id"], changes)
    assert changed["summary"] == "Lunch"
    assert "location" not in changed
    assert changed["extendedProperties"] == {"private": {"b": "2", "c": "3"}}
    assert [person["email"] for person in changed["attendees"]] == ["c@example.test"]
    assert changed["updated"] > made["updated"]
    assert changed["etag"] != made["etag"]


@covers("events.patch")
def test_a_patch_from_all_day_to_timed_must_take_the_date_away(events: Events) -> None:
    made = events.insert({"start": DAY, "end": {"date": "2026-12-02"}})
    change: dict[str, Any] = {"start": NOON, "end": ONE}
    assert _refused(lambda: events.patch(made["id"], change)) == "400 invalid"
    change = {"start": {**NOON, "date": None}, "end": {**ONE, "date": None}}
    assert events.patch(made["id"], change)["end"] == {"dateTime": "2026-12-01T12:00:00Z"}


@covers("events.update")
def test_an_update_clears_what_it_leaves_out(events: Events) -> None:
    made = events.insert({**LUNCH, "location": "Hall", "colorId": "3"})
    changed = events.update(made["id"], {**LUNCH, "summary": "Dinner"})
    assert changed["summary"] == "Dinner"
    assert "location" not in changed
    assert "colorId" not in changed
    assert (changed["id"], changed["iCalUID"]) == (made["id"], made["iCalUID"])
    assert _refused(lambda: events.update(made["id"], {"summary": "No times"})) == "400 required"


def test_the_sequence_rises_with_times_rule_and_status_only(events: Events) -> None:
    made = events.insert(LUNCH)

    def after(changes: dict[str, Any]) -> int:
        return int(events.patch(made["id"], changes)["sequence"])

    assert after({"summary": "Supper", "sequence": 0}) == 0
    assert after({"start": {"dateTime": "2026-12-01T11:00:00Z"}}) == 0
    assert after({"start": {"dateTime": "2026-12-01T11:30:00+01:00"}}) == 1
    assert after({"sequence": 7}) == 7
    assert after({"sequence": 3}) == 7
    assert after({"status": "tentative"}) == 8
    assert after({"sequence": -1}) == 8


@pytest.mark.parametrize("write", ["patch", "update"])
def test_the_type_of_an_event_stays(events: Events, write: str) -> None:
    made = events.insert(LUNCH)
    body = {**LUNCH, "eventType": "focusTime"}
    assert _refused(lambda: getattr(events, write)(made["id"], body)) == "400 eventTypeRestriction"


@covers("events.delete")
def test_a_deleted_event_is_a_bare_stub_in_deltas_and_known_to_get(
    service: Any, events: Events
) -> None:
    made = events.insert(LUNCH)
    before = token(service)
    assert events.delete(made["id"]) == ""
    (stub,) = items(service, syncToken=before)
    assert set(stub) == {"kind", "etag", "id", "status"}
    assert items(service) == []
    assert [one["summary"] for one in items(service, showDeleted=True)] == ["Lunch"]
    assert (events.get(made["id"])["status"], events.get(made["id"])["summary"]) == (
        "cancelled",
        "Lunch",
    )
    assert _refused(lambda: events.delete(made["id"])) == "410 deleted"
    assert _refused(lambda: events.delete("never")) == "404 notFound"


@pytest.mark.parametrize("write", ["patch", "update"])
def test_a_deleted_event_comes_back_confirmed(service: Any, events: Events, write: str) -> None:
    made = events.insert({**LUNCH, "location": "Hall"})
    events.delete(made["id"])
    before = token(service)
    body = {"status": "confirmed"} if write == "patch" else LUNCH
    back = getattr(events, write)(made["id"], body)
    assert back["status"] == "confirmed"
    assert back.get("location") == ("Hall" if write == "patch" else None)
    assert items(service, syncToken=before) == [back]


def test_cancelling_by_patch_is_deleting_and_other_patches_do_not_revive(
    service: Any, events: Events
) -> None:
    made = events.insert(LUNCH)
    assert events.patch(made["id"], {"status": "cancelled"})["status"] == "cancelled"
    assert items(service) == []
    assert events.patch(made["id"], {"summary": "Gone"})["status"] == "cancelled"
    assert _refused(lambda: events.delete(made["id"])) == "410 deleted"


def test_a_tombstone_without_details_needs_times_to_come_back(
    emulator: Emulator, events: Events
) -> None:
    emulator.put_event(ME, timed("one"))
    emulator.delete_event(ME, "one")
    assert _refused(lambda: events.patch("one", {"status": "confirmed"})) == "400 required"
    assert events.patch("one", {"status": "confirmed", **LUNCH})["summary"] == "Lunch"


@pytest.mark.parametrize("name", ["patch", "update", "delete"])
def test_a_write_under_a_condition_is_refused_once_the_event_has_changed(
    service: Any, events: Events, name: str
) -> None:
    made = events.insert(LUNCH)
    calls = service.events()
    arguments: dict[str, Any] = {"calendarId": "primary", "eventId": made["id"]}
    if name != "delete":
        arguments["body"] = LUNCH
    request = getattr(calls, name)(**arguments)
    request.headers["If-Match"] = made["etag"]
    newer = events.patch(made["id"], {"summary": "Newer"})
    assert _refused(request.execute) == "412 conditionNotMet"
    assert events.get(made["id"]) == newer
    request.headers["If-Match"] = newer["etag"]
    request.execute()
    request.headers["If-Match"] = "*"
    if name != "delete":
        assert request.execute()["summary"] == "Lunch"


@covers("events.import")
def test_an_import_has_an_id_that_its_uid_decides(events: Events) -> None:
    body = {**LUNCH, "iCalUID": "040000008200E@outlook.test", "eventType": "focusTime"}
    made = events.bring(body)
    assert re.fullmatch("_[a-v0-9]+", made["id"])
    assert (made["iCalUID"], made["eventType"]) == (body["iCalUID"], "default")
    ours = events.bring({**LUNCH, "iCalUID": "abc123@google.com"})
    assert ours["id"] == "abc123"
    assert _refused(lambda: events.bring(LUNCH)) == "400 required"


@covers("events.import")
def test_a_second_import_is_a_duplicate_or_replaces(emulator: Emulator, events: Events) -> None:
    body = {**LUNCH, "iCalUID": "u@example.test"}
    made = events.bring(body)
    assert _refused(lambda: events.bring(body)) == "409 duplicate"
    events.delete(made["id"])
    assert _refused(lambda: events.bring(body)) == "409 duplicate"
    emulator.switches.import_replaces = True
    again = events.bring({**body, "summary": "Again"})
    assert (again["id"], again["summary"], again["status"]) == (made["id"], "Again", "confirmed")


@covers("events.import")
def test_an_imported_invitation_must_concern_the_calendar_and_is_the_organizer_s(
    events: Events,
) -> None:
    foreign = {**LUNCH, "iCalUID": "u@example.test", "organizer": {"email": OTHER}}
    assert _refused(lambda: events.bring(foreign)) == (
        "400 participantIsNeitherOrganizerNorAttendee"
    )
    made = events.bring({**foreign, "attendees": [{"email": ME}]})
    assert (made["organizer"], made["privateCopy"]) == ({"email": OTHER}, True)
    change = {"summary": "Mine now"}
    assert _refused(lambda: events.patch(made["id"], change)) == "403 forbiddenForNonOrganizer"
    accepted = {"attendees": [{"email": ME, "responseStatus": "accepted"}], "colorId": "4"}
    assert events.patch(made["id"], accepted)["colorId"] == "4"
    mine = events.bring({**LUNCH, "iCalUID": "v@example.test", "organizer": {"email": ME}})
    assert mine["organizer"] == {"email": ME, "self": True}


@covers("events.move")
def test_a_moved_event_keeps_its_id_and_leaves_a_bare_tombstone(
    emulator: Emulator, service: Any, events: Events
) -> None:
    emulator.add_calendar("second", owner=ME, summary="Second")
    made = events.insert({**LUNCH, "location": "Hall"})
    here, there = token(service), token(service, calendarId="second")
    moved = events.move(made["id"], "second")
    assert (moved["id"], moved["location"]) == (made["id"], "Hall")
    assert moved["organizer"] == {"email": "second", "displayName": "Second", "self": True}
    (stub,) = items(service, syncToken=here)
    assert set(stub) == {"kind", "etag", "id", "status"}
    assert set(events.get(made["id"])) == set(stub)
    assert items(service, calendarId="second", syncToken=there) == [moved]
    back = service.events().move(calendarId="second", eventId=made["id"], destination=ME).execute()
    assert events.get(made["id"]) == back


@covers("events.move")
def test_what_cannot_be_moved_stays(emulator: Emulator, service: Any, events: Events) -> None:
    emulator.add_calendar("second", owner=ME)
    emulator.add_account(OTHER)
    emulator.put_event("second", timed("twice"))
    emulator.put_event(ME, timed("twice"))
    emulator.put_event(ME, timed("away", eventType="outOfOffice"))
    emulator.put_event(ME, timed("gone"))
    emulator.delete_event(ME, "gone")
    assert _refused(lambda: events.move("twice", "second")) == "409 duplicate"
    assert _refused(lambda: events.move("away", "second")) == "400 cannotChangeOrganizer"
    assert _refused(lambda: events.move("twice", "primary")) == "400 cannotChangeOrganizer"
    assert _refused(lambda: events.move("gone", "second")) == "404 notFound"
    assert _refused(lambda: events.move("twice", OTHER)) == "404 notFound"
    assert _refused(lambda: events.move("twice", "")) == "400 required"
    emulator.share(OTHER, ME, "reader")
    assert _refused(lambda: events.move("twice", OTHER)) == "403 requiredAccessLevel"
    assert states(items(service)) == {"twice": "confirmed", "away": "confirmed"}


@pytest.mark.parametrize("role", ["freeBusyReader", "reader"])
def test_readers_may_not_write(
    emulator: Emulator, google_service: Callable[[Account], Any], account: Account, role: str
) -> None:
    other = google_service(emulator.add_account(OTHER)).events()
    emulator.put_event(ME, timed("one"))
    emulator.share(ME, OTHER, role)
    for request in (
        other.insert(calendarId=ME, body=LUNCH),
        other.import_(calendarId=ME, body={**LUNCH, "iCalUID": "u"}),
        other.patch(calendarId=ME, eventId="one", body={}),
        other.update(calendarId=ME, eventId="one", body=LUNCH),
        other.delete(calendarId=ME, eventId="one"),
        other.move(calendarId=ME, eventId="one", destination=OTHER),
    ):
        assert _refused(request.execute) == "403 requiredAccessLevel"
    assert [body["status"] for body in emulator.masters(ME)] == ["confirmed"]


def test_a_writer_without_private_access_leaves_private_events_alone(
    emulator: Emulator, google_service: Callable[[Account], Any], account: Account
) -> None:
    other = google_service(emulator.add_account(OTHER)).events()
    emulator.put_events(ME, [timed("open"), timed("closed", visibility="private")])
    emulator.share(ME, OTHER, "writerWithoutPrivateAccess")
    assert other.patch(calendarId=ME, eventId="open", body={"summary": "N"}).execute()
    closed = other.patch(calendarId=ME, eventId="closed", body={"summary": "N"})
    assert _refused(closed.execute) == "403 forbidden"
    made = other.insert(calendarId=ME, body=LUNCH).execute()
    assert made["creator"] == {"email": OTHER}
    assert made["organizer"] == {"email": ME, "self": True}


def test_a_role_can_shrink_before_a_write(emulator: Emulator, events: Events) -> None:
    made = events.insert(LUNCH)
    downgrade = Fault(kind=FaultKind.ROLE_CHANGE, endpoint="events.patch", role="reader", nth=2)
    emulator.add_fault(downgrade)
    events.patch(made["id"], {"summary": "Still"})
    refused = _refused(lambda: events.patch(made["id"], {"summary": "No more"}))
    assert refused == "403 requiredAccessLevel"
    assert events.get(made["id"])["summary"] == "Still"


def test_a_lost_answer_does_not_undo_the_write_and_the_library_repeats_it(
    emulator: Emulator, service: Any, events: Events
) -> None:
    emulator.add_fault(Fault(kind=FaultKind.CLOSE, endpoint="events.insert", nth=1))
    events.insert({**LUNCH, "summary": "Twice"})
    assert [one["summary"] for one in items(service)] == ["Twice", "Twice"]
    emulator.clear_faults()
    emulator.add_fault(Fault(kind=FaultKind.CLOSE, endpoint="events.insert", nth=1))
    once = {**LUNCH, "id": "abcdef"}
    assert _refused(lambda: events.insert(once)) == "409 duplicate"


def test_notifications_are_read_and_never_sent(
    emulator: Emulator, account: Account, events: Events
) -> None:
    made = events.insert(LUNCH, sendUpdates="all", sendNotifications=True)
    assert made["summary"] == "Lunch"
    body = json.dumps(LUNCH).encode()
    unknown = _raw(emulator, account, body, "?sendUpdates=everyone")
    assert unknown == "400 invalidParameter"
    assert _raw(emulator, account, body, "?sendNotifications=maybe") == "400 invalid"


def test_what_a_client_does_not_announce_is_neither_written_nor_cleared(events: Events) -> None:
    extras = {
        "conferenceData": {"conferenceId": "c"},
        "attachments": [{"fileUrl": "https://example.test"}],
        "eventLabelId": "l",
        "colorId": "3",
    }
    silent = events.insert({**LUNCH, **extras})
    assert not {"conferenceData", "attachments", "eventLabelId"} & set(silent)
    told = {"conferenceDataVersion": 1, "supportsAttachments": True, "eventLabelVersion": 1}
    made = events.insert({**LUNCH, **extras}, **told)
    assert {"conferenceData", "attachments", "eventLabelId"} <= set(made)
    assert "colorId" not in made
    for changed in (events.patch(made["id"], {"summary": "N"}), events.update(made["id"], LUNCH)):
        assert {"conferenceData", "attachments", "eventLabelId"} <= set(changed)


def test_an_answer_to_a_write_can_be_partial_and_short_of_attendees(service: Any) -> None:
    body = {**LUNCH, "attendees": [{"email": f"{n}@example.test"} for n in range(3)]}
    request = service.events().insert(
        calendarId="primary", body=body, maxAttendees=1, fields="attendees/email,summary"
    )
    assert request.execute() == {
        "summary": "Lunch",
        "attendees": [{"email": "0@example.test"}],
    }


def test_tombstones_vanish_after_their_time_and_older_sync_tokens_with_them(
    emulator: Emulator, service: Any, events: Events
) -> None:
    from datetime import timedelta

    from tuturuuu_jobs.testing.emulator import VirtualClock

    emulator.switches.tombstone_lifetime = timedelta(days=30)
    events.insert({**LUNCH, "id": "abcde"})
    old = token(service)
    events.delete("abcde")
    new = token(service)
    assert isinstance(emulator.clock, VirtualClock)
    emulator.clock.advance(timedelta(days=31))
    assert _refused(lambda: items(service, syncToken=old)) == "410 fullSyncRequired"
    assert items(service, syncToken=new) == []
    assert items(service, showDeleted=True) == []
    assert _refused(lambda: events.get("abcde")) == "404 notFound"
    assert events.insert({**LUNCH, "id": "abcde"})["id"] == "abcde"
