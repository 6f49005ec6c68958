from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import google.auth.exceptions
import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulator.proof import ME, covers, items, pages, refusal, timed, token
from tuturuuu_jobs.testing.emulator import (
    API_ERRORS,
    WRITE_ERRORS,
    Account,
    Emulator,
    ErrorSpec,
    Example,
    Fault,
    FaultKind,
    VirtualClock,
    examples,
)
from tuturuuu_jobs.testing.emulator.api_errors import Shape


def _fill(emulator: Emulator, count: int = 10) -> list[str]:
    return emulator.put_events(ME, [timed(f"e{number:02d}") for number in range(count)])


def _ids(found: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in found]


def test_there_is_an_example_of_every_kind() -> None:
    assert {example.fault.kind for example in examples()} == set(FaultKind)
    assert len({example.name for example in examples()}) == len(examples())


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_after_any_fault_is_cleared_a_listing_is_whole(
    emulator: Emulator, service: Any, example: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    ids = _fill(emulator)
    emulator.add_fault(example.fault)
    try:
        items(service, maxResults=4) if example.name != "repeated-page-token" else None
    except (HttpError, OSError, http.client.HTTPException, AttributeError):
        pass
    except google.auth.exceptions.GoogleAuthError:
        pass
    emulator.clear_faults()
    emulator.share(ME, ME, "owner")
    assert _ids(items(service, maxResults=4)) == ids


@covers("error 400 *", "error 40[3-9] *", "error 41? *", "error 429 *", "error 5?? *")
@pytest.mark.parametrize(
    "name", [name for name in API_ERRORS | WRITE_ERRORS if not name.startswith("401")]
)
def test_every_refusal_arrives_with_its_status_reason_and_shape(
    emulator: Emulator, service: Any, name: str
) -> None:
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name, retry_after="17"))
    spec = (API_ERRORS | WRITE_ERRORS)[name]
    with pytest.raises(HttpError) as caught:
        items(service)
    assert caught.value.status_code == spec.status
    assert caught.value.resp["retry-after"] == "17"
    if spec.shape is Shape.HTML:
        assert caught.value.resp["content-type"].startswith("text/html")
        return
    error = json.loads(caught.value.content)["error"]
    assert error["errors"][0]["reason"] == spec.reason
    assert error.get("status", "") == spec.rpc_status
    if spec.detail:
        assert error["details"][0]["reason"] == spec.detail


@covers("error 401 *")
@pytest.mark.parametrize("name", ["401 authError", "401 required"])
def test_a_401_leads_to_one_refresh_after_another_until_the_library_gives_up(
    emulator: Emulator, service: Any, name: str
) -> None:
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name))
    with pytest.raises(HttpError) as caught:
        items(service)
    assert caught.value.status_code == 401
    assert [one.endpoint for one in emulator.requests].count("token") == 2


def test_a_refusal_of_one_s_own_can_be_given(emulator: Emulator, service: Any) -> None:
    teapot = ErrorSpec(418, "teapot", "short and stout")
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=teapot))
    with pytest.raises(HttpError) as caught:
        items(service)
    assert caught.value.status_code == 418


@covers("latency")
def test_latency_comes_before_the_headers(emulator: Emulator, service: Any) -> None:
    emulator.add_fault(Fault(kind=FaultKind.LATENCY, seconds=0.1))
    begun = time.monotonic()
    items(service)
    assert time.monotonic() - begun >= 0.1


@covers("stall")
def test_a_stall_in_the_body_runs_into_the_client_s_timeout(
    emulator: Emulator, account: Account
) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.STALL, seconds=30))
    connection = http.client.HTTPConnection(emulator.base_url[7:], timeout=0.2)
    headers = {"Authorization": f"Bearer {account.access_token}"}
    connection.request("GET", "/calendar/v3/calendars/primary/events", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(TimeoutError):
        answer.read()
    answer.close()
    connection.close()


def test_a_short_stall_ends_in_the_whole_body(emulator: Emulator, service: Any) -> None:
    ids = _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.STALL, seconds=0.05))
    assert _ids(items(service)) == ids


@covers("close", "reset", "half-body", "chunk-cut")
@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.CLOSE, http.client.RemoteDisconnected),
        (FaultKind.RESET, ConnectionResetError),
        (FaultKind.HALF_BODY, http.client.IncompleteRead),
        (FaultKind.CHUNK_CUT, http.client.IncompleteRead),
    ],
)
def test_a_cut_connection_is_the_error_that_the_library_knows(
    emulator: Emulator, service: Any, kind: FaultKind, error: type[Exception]
) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=kind))
    with pytest.raises(error):
        items(service)
    dropped = kind in {FaultKind.CLOSE, FaultKind.RESET}
    assert {one.status for one in emulator.requests} == {0 if dropped else 200}


@covers("json-cut", "gzip-cut")
@pytest.mark.parametrize("kind", [FaultKind.JSON_CUT, FaultKind.GZIP_CUT])
def test_a_cut_document_reaches_the_caller_as_text(
    emulator: Emulator, service: Any, kind: FaultKind
) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=kind))
    answer = service.events().list(calendarId="primary").execute()
    assert isinstance(answer, str)


@covers("raw")
def test_the_nth_matching_request_can_be_answered_with_given_bytes(
    emulator: Emulator, service: Any
) -> None:
    body = b'{"items": [{"id": "raw", "status": "confirmed"}]}'
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    emulator.add_fault(Fault(kind=FaultKind.RAW, raw=raw, nth=2))
    assert [_ids(items(service)) for _ in range(3)] == [[], ["raw"], []]


@covers("sync-tokens-invalid")
def test_sync_tokens_can_end_between_two_pages(emulator: Emulator, service: Any) -> None:
    first = token(service, maxResults=2)
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.SYNC_TOKENS_INVALID, page=3, times=1))
    with pytest.raises(HttpError) as caught:
        items(service, syncToken=first, maxResults=2)
    assert caught.value.status_code == 410
    assert [one.status for one in emulator.requests][-3:] == [200, 200, 410]


def test_the_token_of_a_full_listing_is_dead_at_birth_if_tokens_ended_meanwhile(
    emulator: Emulator, service: Any
) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.SYNC_TOKENS_INVALID, page=2, times=1))
    first = token(service, maxResults=4)
    with pytest.raises(HttpError) as caught:
        items(service, syncToken=first, maxResults=4)
    assert caught.value.status_code == 410


@covers("page-tokens-expired")
def test_page_tokens_can_end_between_two_pages(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.PAGE_TOKENS_EXPIRED, page=2, times=1))
    with pytest.raises(HttpError) as caught:
        items(service, maxResults=4)
    assert caught.value.status_code == 400
    assert len(items(service, maxResults=4)) == 10


@covers("page-clamp")
def test_pages_can_be_shorter_than_asked_for(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=7))
    assert [len(page["items"]) for page in pages(service)] == [7, 3]
    emulator.clear_faults()
    emulator.switches.page_clamp = 3
    assert [len(page["items"]) for page in pages(service)] == [3, 3, 3, 1]


@covers("empty-page")
@pytest.mark.parametrize("live", [False, True])
def test_an_empty_page_loses_nothing(emulator: Emulator, service: Any, *, live: bool) -> None:
    ids = _fill(emulator)
    emulator.switches.live_pages = live
    emulator.add_fault(Fault(kind=FaultKind.EMPTY_PAGE, every=2))
    got = pages(service, maxResults=4)
    assert [len(page["items"]) for page in got] == [4, 0, 4, 0, 2]
    assert _ids([item for page in got for item in page["items"]]) == ids


@covers("empty-last-page")
@pytest.mark.parametrize("live", [False, True])
def test_the_last_page_can_be_empty_but_for_its_token(
    emulator: Emulator, service: Any, *, live: bool
) -> None:
    _fill(emulator)
    emulator.switches.live_pages = live
    emulator.add_fault(Fault(kind=FaultKind.EMPTY_LAST_PAGE))
    got = pages(service, maxResults=5)
    assert [len(page["items"]) for page in got] == [5, 5, 0]
    assert "nextSyncToken" in got[-1]


@covers("no-sync-token")
def test_the_sync_token_can_be_missing(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.NO_SYNC_TOKEN))
    last = pages(service, maxResults=5)[-1]
    assert not {"nextSyncToken", "nextPageToken"} & set(last)


@covers("repeated-page-token")
def test_a_page_can_name_itself_as_the_next_one(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.REPEATED_PAGE_TOKEN))
    events = service.events()
    first = events.list(calendarId="primary", maxResults=2)
    second = events.list_next(first, first.execute())
    answer = second.execute()
    assert f"pageToken={answer['nextPageToken']}".replace("=", "%3D") in second.uri.replace(
        "=", "%3D"
    )


@covers("mutate")
def test_something_can_change_before_a_certain_page(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.switches.live_pages = True
    emulator.add_fault(
        Fault(
            kind=FaultKind.MUTATE,
            action=lambda: emulator.delete_event(ME, "e09"),
            page=2,
            times=1,
        )
    )
    emulator.add_fault(
        Fault(
            kind=FaultKind.MUTATE,
            control=("put-event", {"calendar_id": ME, "body": timed("a-new-one")}),
            page=2,
            times=1,
        )
    )
    got = pages(service, maxResults=5)
    assert _ids([item for page in got for item in page["items"]]) == [
        f"e{number:02d}" for number in range(9)
    ]
    delta = items(service, maxResults=5, syncToken=got[-1]["nextSyncToken"])
    assert {item["id"]: item["status"] for item in delta} == {
        "a-new-one": "confirmed",
        "e09": "cancelled",
    }


@covers("duplicate")
def test_an_item_can_come_on_two_pages(emulator: Emulator, service: Any) -> None:
    ids = _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.DUPLICATE, page=2))
    assert sorted(_ids(items(service, maxResults=5))) == sorted([*ids, ids[0]])


@covers("stale")
@pytest.mark.parametrize("edited", [False, True])
def test_a_later_page_can_have_an_older_version(
    emulator: Emulator, service: Any, *, edited: bool
) -> None:
    _fill(emulator)
    if edited:
        emulator.patch_event(ME, "e03", {"summary": "New"})
    emulator.add_fault(Fault(kind=FaultKind.STALE, page=2, event_id="e03"))
    new, old = (item for item in items(service, maxResults=5) if item["id"] == "e03")
    assert old["updated"] < new["updated"]
    assert old["summary"] != new["summary"]


@covers("missing-item")
def test_an_item_can_be_missing_from_a_listing_and_present_in_get(
    emulator: Emulator, service: Any
) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.MISSING_ITEM, event_id="e07"))
    assert "e07" not in _ids(items(service, maxResults=5))
    assert service.events().get(calendarId="primary", eventId="e07").execute()["id"] == "e07"


@covers("empty-listing")
def test_a_full_calendar_can_look_empty(emulator: Emulator, service: Any) -> None:
    _fill(emulator)
    emulator.add_fault(Fault(kind=FaultKind.EMPTY_LISTING))
    (page,) = pages(service)
    assert page["items"] == []
    assert "nextSyncToken" in page


@covers("role-change")
def test_a_role_can_shrink_in_the_middle_of_a_listing(
    emulator: Emulator, account: Account, google_service: Callable[[Account], Any]
) -> None:
    other = emulator.add_account("other@example.test")
    emulator.share(ME, other.email, "reader")
    _fill(emulator)
    fault = Fault(kind=FaultKind.ROLE_CHANGE, page=2, user=other.email, role="freeBusyReader")
    emulator.add_fault(fault)
    first, second = pages(google_service(other), calendarId=ME, maxResults=5)
    assert (first["accessRole"], second["accessRole"]) == ("reader", "freeBusyReader")
    assert "summary" in first["items"][0]
    assert "summary" not in second["items"][0]


@pytest.mark.parametrize("name", ["404 notFound", "403 forbidden"])
def test_one_calendar_can_be_gone_while_others_answer(
    emulator: Emulator, service: Any, name: str
) -> None:
    emulator.add_calendar("second", owner=ME)
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name, calendar="second"))
    assert items(service) == []
    with pytest.raises(HttpError) as caught:
        items(service, calendarId="second")
    assert caught.value.status_code == int(name[:3])


@covers("quota")
@pytest.mark.parametrize("error", ["403 userRateLimitExceeded", "429 rateLimitExceeded"])
def test_a_quota_is_per_account_and_refills_with_the_clock(
    emulator: Emulator, service: Any, google_service: Callable[[Account], Any], error: str
) -> None:
    assert isinstance(emulator.clock, VirtualClock)
    other = google_service(emulator.add_account("other@example.test"))
    emulator.add_fault(Fault(kind=FaultKind.QUOTA, size=3, error=error))
    for _ in range(3):
        items(service)
    with pytest.raises(HttpError) as caught:
        items(service)
    assert caught.value.status_code == int(error[:3])
    items(other)
    emulator.clock.advance(timedelta(seconds=60))
    items(service)


@covers("quota")
def test_a_quota_of_writes_lasts_for_hours_and_reads_go_on(
    emulator: Emulator, service: Any
) -> None:
    assert isinstance(emulator.clock, VirtualClock)
    limit = Fault(
        kind=FaultKind.QUOTA, size=2, seconds=3600, method="POST", error="403 quotaExceeded"
    )
    emulator.add_fault(limit)
    body = {key: value for key, value in timed("x").items() if key != "id"}
    insert = service.events().insert(calendarId="primary", body=body)
    insert.execute()
    emulator.clock.advance(timedelta(minutes=30))
    insert.execute()
    with pytest.raises(HttpError) as caught:
        insert.execute()
    assert refusal(caught) == "403 quotaExceeded"
    assert len(items(service)) == 2
    emulator.clock.advance(timedelta(minutes=30))
    insert.execute()
    with pytest.raises(HttpError):
        insert.execute()


@covers("quota")
def test_a_quota_can_be_that_of_all_accounts_together(
    emulator: Emulator, service: Any, google_service: Callable[[Account], Any]
) -> None:
    other = google_service(emulator.add_account("other@example.test"))
    emulator.add_fault(Fault(kind=FaultKind.QUOTA, size=2, shared=True))
    items(service)
    items(other)
    with pytest.raises(HttpError) as caught:
        items(other)
    assert refusal(caught) == "403 rateLimitExceeded"


def test_a_rule_strikes_only_where_and_as_often_as_it_says(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_calendar("second", owner=ME)
    rules = (
        Fault(kind=FaultKind.CLOSE, endpoint="calendars.get"),
        Fault(kind=FaultKind.CLOSE, method="POST"),
        Fault(kind=FaultKind.CLOSE, path="*/colors"),
        Fault(kind=FaultKind.CLOSE, user="nobody@example.test"),
        Fault(kind=FaultKind.CLOSE, calendar="second"),
        Fault(kind=FaultKind.CLOSE, page=2),
        Fault(kind=FaultKind.CLOSE, incremental=True),
        Fault(kind=FaultKind.CLOSE, endpoint="token"),
    )
    for rule in rules:
        emulator.add_fault(rule)
    items(service)
    assert emulator.strikes == 0
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error="503 backendError", every=2, times=2))
    statuses = []
    for _ in range(8):
        try:
            items(service)
        except HttpError as error:
            statuses.append(error.status_code)
        else:
            statuses.append(200)
    assert statuses == [200, 503, 200, 503, 200, 200, 200, 200]
    assert emulator.strikes == 2


def test_chance_is_fixed_by_the_seed() -> None:
    from tests.fixtures.emulator import EMULATOR_START
    from tuturuuu_jobs.testing.emulator.faults import Injector, Target

    target = Target("events.list", "GET", "/", ME, ME, 1, incremental=False)

    def draw(seed: int) -> list[int]:
        injector = Injector(seed)
        injector.add(Fault(kind=FaultKind.LATENCY, probability=0.5))
        return [len(injector.decide(target)) for _ in range(64)]

    assert draw(1) == draw(1) != draw(2)
    assert 10 < sum(draw(1)) < 54
    assert EMULATOR_START.tzinfo is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": FaultKind.ERROR},
        {"kind": FaultKind.ERROR, "error": "999 never"},
        {"kind": FaultKind.RAW},
        {"kind": FaultKind.MUTATE},
        {"kind": FaultKind.CLOSE, "every": 0},
    ],
)
def test_a_rule_that_can_do_nothing_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Fault(**fields)


def test_stopping_hangs_up_on_those_who_wait(emulator: Emulator, account: Account) -> None:
    emulator.add_fault(Fault(kind=FaultKind.STALL, seconds=60))
    connection = http.client.HTTPConnection(emulator.base_url[7:], timeout=10)
    headers = {"Authorization": f"Bearer {account.access_token}"}
    connection.request("GET", "/calendar/v3/colors", headers=headers)
    answer = connection.getresponse()
    begun = time.monotonic()
    emulator.stop()
    assert time.monotonic() - begun < 5
    answer.close()
    connection.close()


def test_an_error_of_the_emulator_itself_does_not_pass_unseen(account: Account) -> None:
    from tests.fixtures.emulator import EMULATOR_START

    with Emulator(clock=VirtualClock(EMULATOR_START)) as running:
        mine = running.add_account(account.email)
        running.add_fault(Fault(kind=FaultKind.MUTATE, control=("no-such-command", {})))
        connection = http.client.HTTPConnection(running.base_url[7:])
        headers = {"Authorization": f"Bearer {mine.access_token}"}
        connection.request("GET", "/calendar/v3/colors", headers=headers)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
        (violation,) = running.violations
    assert "no-such-command" in violation
