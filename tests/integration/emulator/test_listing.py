from __future__ import annotations

import gzip
import http.client
import json
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulator.proof import ME, covers, items, pages, timed, token, weekly
from tuturuuu_jobs.testing.emulator import Account, Emulator, VirtualClock
from tuturuuu_jobs.testing.emulator.fields import RESOURCES, mask_for, parse_mask


def _refusal(caught: pytest.ExceptionInfo[HttpError]) -> tuple[int, str]:
    error = json.loads(caught.value.content)["error"]
    return error["code"], error["errors"][0]["reason"]


def _ids(found: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in found]


@covers("events.list")
def test_only_the_last_page_has_a_sync_token_and_no_page_has_two_tokens(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [timed(f"e{number:02d}") for number in range(23)])
    got = pages(service, maxResults=5)
    assert [len(page["items"]) for page in got] == [5, 5, 5, 5, 3]
    assert ["nextSyncToken" in page for page in got] == [False] * 4 + [True]
    assert ["nextPageToken" in page for page in got] == [True] * 4 + [False]


def test_the_default_page_has_250_items_and_none_has_more_than_2500(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [timed(f"e{number:04d}") for number in range(2600)])
    assert len(pages(service)[0]["items"]) == 250
    assert [len(page["items"]) for page in pages(service, maxResults=9999)] == [2500, 100]


def test_the_window_is_an_overlap_with_exclusive_bounds(emulator: Emulator, service: Any) -> None:
    emulator.put_events(ME, [timed(f"at{hour:02d}", hour=hour) for hour in (8, 9, 10, 11, 12)])
    window = {"timeMin": "2026-12-01T10:00:00.900Z", "timeMax": "2026-12-01T13:00:00+01:00"}
    assert _ids(items(service, **window)) == ["at10", "at11"]


def test_an_all_day_event_is_in_the_window_by_the_calendar_s_midnight(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_calendar("tokyo", owner=ME, time_zone="Asia/Tokyo")
    day = {"id": "day", "start": {"date": "2026-12-02"}, "end": {"date": "2026-12-03"}}
    emulator.put_event("tokyo", day)
    starts = "2026-12-01T15:00:00Z"
    assert items(service, calendarId="tokyo", timeMax=starts) == []
    assert len(items(service, calendarId="tokyo", timeMax="2026-12-01T15:00:01Z")) == 1


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({"timeMin": "2026-12-01T00:00:00Z"}, (400, "syncTokenWithRequestRestrictions")),
        ({"timeMax": "2026-12-01T00:00:00Z"}, (400, "syncTokenWithRequestRestrictions")),
        ({"updatedMin": "2026-11-01T00:00:00Z"}, (400, "syncTokenWithRequestRestrictions")),
        ({"q": "x"}, (400, "syncTokenWithRequestRestrictions")),
        ({"iCalUID": "x"}, (400, "syncTokenWithRequestRestrictions")),
        ({"privateExtendedProperty": "a=b"}, (400, "syncTokenWithRequestRestrictions")),
        ({"sharedExtendedProperty": "a=b"}, (400, "syncTokenWithRequestRestrictions")),
        ({"showDeleted": False}, (400, "syncTokenWithRequestRestrictions")),
        ({"orderBy": "startTime"}, (400, "syncTokenWithNonDefaultOrdering")),
    ],
)
def test_a_sync_token_goes_with_no_restriction(
    emulator: Emulator, service: Any, parameters: dict[str, Any], refusal: tuple[int, str]
) -> None:
    emulator.put_event(ME, timed("one"))
    with pytest.raises(HttpError) as caught:
        items(service, syncToken=token(service), **parameters)
    assert _refusal(caught) == refusal


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        (
            {"timeMin": "2026-12-02T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z"},
            (400, "timeRangeEmpty"),
        ),
        ({"timeMin": "2026-12-02T00:00:00"}, (400, "badRequest")),
        ({"timeMin": "yesterday"}, (400, "badRequest")),
        ({"maxResults": 0}, (400, "invalidParameter")),
        ({"singleEvents": False, "orderBy": "startTime"}, (400, "badRequest")),
        ({"timeZone": "Europe/Nowhere"}, (400, "invalid")),
        ({"fields": "items(id,colour)"}, (400, "invalidParameter")),
        ({"syncToken": "rubbish"}, (400, "invalid")),
        ({"pageToken": "rubbish"}, (400, "invalid")),
        ({"updatedMin": "2026-01-01T00:00:00Z"}, (410, "updatedMinTooLongAgo")),
    ],
)
def test_bad_parameters_are_refused_as_google_does(
    service: Any, parameters: dict[str, Any], refusal: tuple[int, str]
) -> None:
    with pytest.raises(HttpError) as caught:
        items(service, **parameters)
    assert _refusal(caught) == refusal


def test_a_delta_has_each_change_once_in_its_latest_state(emulator: Emulator, service: Any) -> None:
    emulator.put_events(ME, [timed(name) for name in ("kept", "edited", "deleted")])
    first = token(service)
    emulator.patch_event(ME, "edited", {"summary": "once"})
    emulator.patch_event(ME, "edited", {"summary": "twice"})
    emulator.delete_event(ME, "deleted")
    emulator.put_event(ME, timed("new"))
    delta = {item["id"]: item for item in items(service, syncToken=first)}
    assert set(delta) == {"edited", "deleted", "new"}
    assert delta["edited"]["summary"] == "twice"
    assert set(delta["deleted"]) == {"kind", "id", "etag", "status"}


def test_the_same_state_gives_the_same_sync_token_and_an_old_one_can_be_replayed(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, timed("one"))
    first = token(service)
    assert token(service, syncToken=first) == first == token(service)
    emulator.put_event(ME, timed("two"))
    assert _ids(items(service, syncToken=first)) == ["two"]
    assert _ids(items(service, syncToken=first)) == ["two"]


def test_a_delta_is_not_bound_to_the_window_unless_that_switch_is_on(
    emulator: Emulator, service: Any
) -> None:
    window = {"timeMin": "2026-11-01T00:00:00Z", "timeMax": "2026-12-03T00:00:00Z"}
    emulator.put_event(ME, timed("leaves", day=1))
    for memory, expected in ((False, ["far0", "leaves"]), (True, ["leaves"])):
        emulator.switches.window_memory = memory
        first = token(service, **window)
        emulator.put_event(ME, timed(f"far{int(memory)}", day=20))
        emulator.patch_event(ME, "leaves", timed("leaves", day=25))
        assert _ids(items(service, syncToken=first)) == expected


def test_a_token_of_another_account_or_calendar_or_generation_is_gone(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_calendar("second", owner=ME)
    first = token(service)
    with pytest.raises(HttpError) as caught:
        items(service, calendarId="second", syncToken=first)
    assert _refusal(caught) == (410, "fullSyncRequired")
    emulator.invalidate_sync_tokens(ME)
    with pytest.raises(HttpError) as caught:
        items(service, syncToken=first)
    assert _refusal(caught) == (410, "fullSyncRequired")


def test_other_parameters_under_a_sync_token_are_a_violation_in_strict_mode(
    account: Account,
) -> None:
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    from tests.fixtures.emulator import EMULATOR_START
    from tuturuuu_jobs.testing.emulator import Switches

    strict = Switches(strict=True)
    with Emulator(clock=VirtualClock(EMULATOR_START), switches=strict) as running:
        mine = running.add_account(account.email)
        options = {"api_endpoint": running.api_url}
        with build(
            "calendar",
            "v3",
            credentials=Credentials(mine.access_token),  # type: ignore[no-untyped-call]
            static_discovery=True,
            client_options=options,
        ) as other:
            first = token(other)
            with pytest.raises(HttpError):
                items(other, syncToken=first, maxResults=7)
            assert len(running.violations) == 1
            running.switches.strict = False
            assert items(other, syncToken=first, singleEvents=False) == []


def test_a_page_token_serves_only_the_same_parameters_and_only_for_a_while(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [timed(f"e{number}") for number in range(3)])
    events = service.events()
    same = {"calendarId": "primary", "maxResults": 2}
    page_token = events.list(**same).execute()["nextPageToken"]
    assert len(events.list(**same, pageToken=page_token).execute()["items"]) == 1
    with pytest.raises(HttpError) as caught:
        events.list(calendarId="primary", maxResults=3, pageToken=page_token).execute()
    assert _refusal(caught) == (400, "invalid")
    emulator.switches.page_token_lifetime *= 0
    assert isinstance(emulator.clock, VirtualClock)
    emulator.clock.set(emulator.clock().replace(hour=13))
    with pytest.raises(HttpError) as caught:
        events.list(**same, pageToken=page_token).execute()
    assert _refusal(caught) == (400, "invalid")


def test_show_deleted_brings_tombstones_and_updated_min_too(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [timed("a"), timed("b")])
    emulator.delete_event(ME, "b")
    assert _ids(items(service)) == ["a"]
    assert _ids(items(service, showDeleted=True)) == ["a", "b"]
    assert _ids(items(service, updatedMin="2026-11-24T12:00:00Z")) == ["a", "b"]


def test_filters_find_by_text_uid_type_and_property(emulator: Emulator, service: Any) -> None:
    emulator.put_events(
        ME,
        [
            timed("a", summary="Lunch"),
            timed("b", eventType="focusTime"),
            timed("c", extendedProperties={"private": {"k": "v"}}),
        ],
    )
    assert _ids(items(service, q="lunch")) == ["a"]
    assert _ids(items(service, iCalUID="b@google.com")) == ["b"]
    assert _ids(items(service, eventTypes=["focusTime"])) == ["b"]
    assert _ids(items(service, privateExtendedProperty="k=v")) == ["c"]
    assert "nextSyncToken" not in pages(service, q="lunch")[-1]


def test_ordering_by_start_sorts_and_gives_no_token(emulator: Emulator, service: Any) -> None:
    emulator.put_events(ME, [timed("a", day=9), timed("b", day=3), timed("c", day=6)])
    got = pages(service, orderBy="startTime", maxResults=2)
    assert [_ids(page["items"]) for page in got] == [["b", "c"], ["a"]]
    assert "nextSyncToken" not in got[-1]


def test_times_are_shown_in_the_calendar_s_zone_or_the_one_asked_for(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_calendar("berlin", owner=ME, time_zone="Europe/Berlin")
    emulator.put_event("berlin", timed("one"))
    (item,) = items(service, calendarId="berlin")
    assert item["start"]["dateTime"] == "2026-12-01T10:00:00+01:00"
    (page,) = pages(service, calendarId="berlin", timeZone="America/New_York")
    assert page["timeZone"] == "America/New_York"
    assert page["items"][0]["start"]["dateTime"] == "2026-12-01T04:00:00-05:00"


def test_fields_keep_what_they_name_and_lose_tokens_that_they_do_not(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, timed("one"))
    (page,) = pages(service, fields="items(id,start/dateTime)")
    assert page == {"items": [{"id": "one", "start": {"dateTime": "2026-12-01T09:00:00Z"}}]}
    (page,) = pages(service, fields="nextSyncToken,timeZone")
    assert set(page) == {"nextSyncToken", "timeZone"}


@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_the_known_fields_are_those_of_google_s_document(resource: str) -> None:
    from importlib.resources import files

    packaged = files("googleapiclient.discovery_cache") / "documents" / "calendar.v3.json"
    schemas = json.loads(packaged.read_text())["schemas"]

    def names(schema: dict[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
        if "$ref" in schema:
            return named(schema["$ref"], inside)
        if schema.get("type") == "array":
            return names(schema["items"], inside)
        if "additionalProperties" in schema:
            return {"*": {}}
        below = schema.get("properties", {})
        return {name: names(value, inside) for name, value in below.items()}

    def named(name: str, inside: tuple[str, ...] = ()) -> dict[str, Any]:
        return {} if name in inside else names(schemas[name], (*inside, name))

    assert parse_mask(RESOURCES[resource]) == named(resource)


@pytest.mark.parametrize("expression", ["id(", "a b(", "items(id", ",", "items)", "id,,kind", "é"])
def test_a_broken_field_expression_is_refused(service: Any, expression: str) -> None:
    with pytest.raises(HttpError) as caught:
        items(service, fields=expression)
    assert _refusal(caught) == (400, "invalidParameter")


def test_a_star_keeps_everything() -> None:
    assert mask_for("Events", "*") == {}


def test_max_attendees_keeps_the_own_entry(emulator: Emulator, service: Any) -> None:
    people = [{"email": "a@example.test"}, {"email": ME, "self": True}]
    emulator.put_event(ME, timed("one", attendees=people))
    (item,) = items(service, maxAttendees=1)
    assert item["attendees"] == [{"email": ME, "self": True}]
    assert item["attendeesOmitted"] is True


def test_a_long_query_comes_as_post_and_is_still_a_get(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, timed("one"))
    names = ",".join(["items(id,summary)", "nextSyncToken"] * 120)
    assert len(items(service, fields=names)) == 1
    assert emulator.requests[-1].method == "GET"


@pytest.mark.parametrize(
    "query", ["eventTypes=teleport", "singleEvents=maybe", "orderBy=title", "maxAttendees=many"]
)
def test_what_the_library_would_not_send_is_refused_too(
    emulator: Emulator, account: Account, query: str
) -> None:
    connection = http.client.HTTPConnection(emulator.base_url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {account.access_token}"}
    connection.request("GET", f"/calendar/v3/calendars/primary/events?{query}", headers=headers)
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize("pretty", ["true", "false"])
def test_compressed_and_plain_bodies_are_the_same_json(
    emulator: Emulator, account: Account, pretty: str
) -> None:
    emulator.put_events(ME, [timed("one"), weekly("series")])
    connection = http.client.HTTPConnection(emulator.base_url.removeprefix("http://"))
    bodies = []
    for coding in ("gzip", "identity"):
        connection.request(
            "GET",
            f"/calendar/v3/calendars/primary/events?singleEvents=true&prettyPrint={pretty}",
            headers={"Authorization": f"Bearer {account.access_token}", "Accept-Encoding": coding},
        )
        answer = connection.getresponse()
        bodies.append((answer.getheader("Content-Encoding"), answer.read()))
    connection.close()
    (first, packed), (second, plain) = bodies
    assert (first, second) == ("gzip", None)
    assert gzip.decompress(packed) == plain
    if pretty == "true":
        assert plain == json.dumps(json.loads(plain), indent=2).encode()


def test_a_script_answers_in_order_and_repeats_its_last(emulator: Emulator, service: Any) -> None:
    emulator.script(
        "team@example.test",
        [
            {"status": 403, "body": {"error": {"code": 403}}, "headers": {"Retry-After": "2"}},
            {"status": 200, "body": {"items": [], "nextSyncToken": "tok-2"}},
        ],
    )
    with pytest.raises(HttpError) as caught:
        items(service, calendarId="team@example.test", syncToken="tok-1")
    assert caught.value.resp["retry-after"] == "2"
    for _ in range(2):
        assert token(service, calendarId="team@example.test", syncToken="tok-1") == "tok-2"


def test_the_cases_of_the_field_can_be_played(emulator: Emulator, service: Any) -> None:
    emulator.script("t", [{"status": 503, "body": "<html>down</html>"}])
    with pytest.raises(HttpError) as caught:
        items(service, calendarId="t")
    assert caught.value.content == b"<html>down</html>"
