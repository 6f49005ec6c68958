from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulator.proof import ME, covers, items, timed, weekly
from tuturuuu_jobs.testing.emulator import Account, Emulator

OTHER = "other@example.test"


def _reason(caught: pytest.ExceptionInfo[HttpError]) -> tuple[int, str]:
    error = json.loads(caught.value.content)["error"]
    return error["code"], error["errors"][0]["reason"]


@covers("calendarList.list")
def test_the_calendar_list_shows_what_one_may_see_and_which_is_primary(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_account(OTHER)
    emulator.share(OTHER, ME, "reader")
    listed = service.calendarList().list().execute()["items"]
    assert [(one["id"], one["accessRole"], one.get("primary")) for one in listed] == [
        (ME, "owner", True),
        (OTHER, "reader", None),
    ]
    writable = service.calendarList().list(minAccessRole="writer").execute()["items"]
    assert [one["id"] for one in writable] == [ME]


@covers("calendarList.list")
def test_the_calendar_list_comes_in_pages(emulator: Emulator, service: Any) -> None:
    for number in range(4):
        emulator.add_calendar(f"c{number}", owner=ME)
    seen = []
    request = service.calendarList().list(maxResults=2)
    while request is not None:
        answer = request.execute()
        seen.append(len(answer["items"]))
        request = service.calendarList().list_next(request, answer)
    assert seen == [2, 2, 1]


@covers("calendarList.get")
def test_a_list_entry_tells_the_role_and_a_foreign_calendar_is_not_found(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_account(OTHER)
    assert service.calendarList().get(calendarId="primary").execute()["accessRole"] == "owner"
    for calendar_id in (OTHER, "nobody@example.test"):
        with pytest.raises(HttpError) as caught:
            service.calendarList().get(calendarId=calendar_id).execute()
        assert _reason(caught) == (404, "notFound")


@covers("calendars.get")
def test_primary_is_an_alias_of_the_account_s_address(service: Any) -> None:
    assert service.calendars().get(calendarId="primary").execute()["id"] == ME
    assert service.calendars().get(calendarId=ME.upper()).execute()["id"] == ME


@covers("events.get")
def test_get_knows_events_instances_and_tombstones(emulator: Emulator, service: Any) -> None:
    emulator.put_events(ME, [timed("one"), timed("gone"), weekly("series")])
    emulator.delete_event(ME, "gone")
    events = service.events()

    def get(event_id: str) -> Any:
        return events.get(calendarId="primary", eventId=event_id).execute()

    assert get("one")["summary"] == "one"
    assert get("gone")["status"] == "cancelled"
    assert get("series_20261208T080000Z")["recurringEventId"] == "series"
    with pytest.raises(HttpError) as caught:
        get("never")
    assert _reason(caught) == (404, "notFound")


@covers("events.instances")
def test_instances_are_those_of_one_series_with_its_exceptions(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [timed("one"), weekly("series")])
    emulator.cancel_instance(ME, "series_20261208T080000Z")
    emulator.patch_event(ME, "series_20261215T080000Z", {"summary": "Special"})
    answer = service.events().instances(calendarId="primary", eventId="series").execute()
    assert [one["summary"] for one in answer["items"]] == ["series", "Special", "series", "series"]


@covers("events.instances")
def test_instances_come_in_pages_and_can_be_narrowed(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, weekly("series"))
    emulator.cancel_instance(ME, "series_20261208T080000Z")
    events = service.events()

    def ids(**parameters: Any) -> list[list[str]]:
        request = events.instances(calendarId="primary", eventId="series", **parameters)
        found: list[list[str]] = []
        while request is not None:
            answer = request.execute()
            found.append([one["id"][-12:-7] for one in answer["items"]])
            request = events.instances_next(request, answer)
        return found

    assert ids(maxResults=2) == [["1201T", "1215T"], ["1222T", "1229T"]]
    assert ids(showDeleted=True, maxResults=4) == [["1201T", "1208T", "1215T", "1222T"], ["1229T"]]
    assert ids(timeMin="2026-12-15T09:00:00Z", timeMax="2026-12-29T08:00:00Z") == [
        ["1215T", "1222T"]
    ]
    assert ids(originalStart="2026-12-22T09:00:00+01:00") == [["1222T"]]
    with pytest.raises(HttpError) as caught:
        ids(originalStart="tomorrow")
    assert _reason(caught) == (400, "badRequest")
    with pytest.raises(HttpError) as caught:
        ids(pageToken="none")
    assert _reason(caught) == (400, "invalid")
    with pytest.raises(HttpError) as caught:
        events.instances(calendarId="primary", eventId="none").execute()
    assert _reason(caught) == (404, "notFound")


@covers("events.get")
def test_what_the_client_has_already_is_not_sent_again(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, timed("one"))
    request = service.events().get(calendarId="primary", eventId="one")
    etag = request.execute()["etag"]
    request.headers["If-None-Match"] = f'"older", {etag}'
    with pytest.raises(HttpError) as caught:
        request.execute()
    assert (caught.value.status_code, caught.value.content) == (304, b"")
    assert caught.value.resp["etag"] == etag
    emulator.patch_event(ME, "one", {"summary": "Newer"})
    assert request.execute()["summary"] == "Newer"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("users/me/calendarList", "pageToken=next"),
        ("users/me/calendarList", "minAccessRole=king"),
        ("users/me/calendarList", "maxResults=many"),
        ("calendars/primary", "fields=(("),
        ("calendars/primary/events", "timeZone=Mars"),
        ("calendars/primary/events/one", "timeZone=Mars"),
        ("calendars/primary/events/one", "maxAttendees=0"),
        ("calendars/primary/events/series/instances", "timeZone=Mars"),
        ("calendars/primary/events/series/instances", "timeMin=2026-12-01T00:00:00"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_a_400(
    emulator: Emulator, account: Account, path: str, query: str
) -> None:
    emulator.put_events(ME, [timed("one"), weekly("series")])
    url = f"{emulator.api_url}{path}?{query}"
    request = Request(url, headers={"Authorization": f"Bearer {account.access_token}"})
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    assert caught.value.code == 400
    assert json.load(caught.value)["error"]["errors"][0]["location"] == query.partition("=")[0]
    caught.value.close()


@covers("colors.get")
def test_there_are_eleven_event_colours(service: Any) -> None:
    assert len(service.colors().get().execute()["event"]) == 11


@covers("settings.get")
def test_the_zone_setting_is_that_of_the_primary_calendar(
    emulator: Emulator, google_service: Callable[[Account], Any]
) -> None:
    account = emulator.add_account("b@example.test", time_zone="Europe/Berlin")
    setting = google_service(account).settings().get(setting="timezone").execute()
    assert setting["value"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "ask",
    [
        lambda service: service.events().quickAdd(calendarId="primary", text="Lunch at noon"),
        lambda service: service.events().watch(calendarId="primary", body={"id": "c"}),
        lambda service: service.channels().stop(body={"id": "c"}),
        lambda service: service.calendars().insert(body={"summary": "New"}),
        lambda service: service.calendars().clear(calendarId="primary"),
        lambda service: service.calendarList().insert(body={"id": "x"}),
        lambda service: service.acl().insert(calendarId="primary", body={}),
        lambda service: service.freebusy().query(body={}),
    ],
    ids=["quickAdd", "watch", "stop", "insert", "clear", "subscribe", "share", "freebusy"],
)
def test_what_is_not_imitated_says_so_with_501(service: Any, ask: Callable[[Any], Any]) -> None:
    with pytest.raises(HttpError) as caught:
        ask(service).execute()
    assert _reason(caught) == (501, "notImplemented")


def test_a_free_busy_reader_sees_times_only(
    emulator: Emulator, account: Account, google_service: Callable[[Account], Any]
) -> None:
    reader = emulator.add_account(OTHER)
    emulator.put_event(ME, timed("one", description="secret"))
    emulator.share(ME, OTHER, "freeBusyReader")
    (item,) = items(google_service(reader), calendarId=account.email)
    assert "summary" not in item
    assert "description" not in item
    assert item["start"]["dateTime"] == "2026-12-01T09:00:00Z"


@pytest.mark.parametrize("role", ["reader", "writerWithoutPrivateAccess", "writer"])
def test_private_events_are_blank_below_writer(
    emulator: Emulator, account: Account, google_service: Callable[[Account], Any], role: str
) -> None:
    other = emulator.add_account(OTHER)
    emulator.put_event(ME, timed("one", visibility="private"))
    emulator.share(ME, OTHER, role)
    (item,) = items(google_service(other), calendarId=account.email)
    assert ("summary" in item) is (role == "writer")


def test_the_log_names_who_asked_for_what_and_never_a_token(
    emulator: Emulator, account: Account, service: Any
) -> None:
    items(service, maxResults=5)
    (seen,) = emulator.requests
    assert (seen.method, seen.endpoint, seen.user, seen.status) == ("GET", "events.list", ME, 200)
    assert seen.path == "/calendar/v3/calendars/primary/events"
    assert seen.query["maxResults"] == ("5",)
    assert account.access_token not in repr(emulator.requests)
    assert account.refresh_token not in repr(account)


def test_without_or_with_a_foreign_bearer_the_answer_is_401(emulator: Emulator) -> None:
    import http.client

    host = emulator.base_url.removeprefix("http://")
    reasons = []
    for headers in ({}, {"Authorization": "Bearer nobody"}):
        connection = http.client.HTTPConnection(host)
        connection.request("GET", "/calendar/v3/colors", headers=headers)
        answer = connection.getresponse()
        reasons.append((answer.status, b"Login Required" in answer.read()))
        assert answer.getheader("WWW-Authenticate", "").startswith("Bearer")
        connection.close()
    assert reasons == [(401, True), (401, False)]
