"""Many requests in one body."""

from __future__ import annotations

import gc
import http.client
from collections.abc import Callable
from typing import Any

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from tests.integration.emulator.proof import ME, covers, items, refusal, timed
from tuturuuu_jobs.testing.emulator import Account, Emulator, Fault, FaultKind


class Answers:
    """What the callback of a batch was given, by request id."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def __call__(self, name: str, answer: Any, error: HttpError | None) -> None:
        self.found[name] = error or answer


@pytest.fixture
def batch_of(emulator: Emulator) -> Callable[[Answers], BatchHttpRequest]:
    """Makes batches of the unmodified library, which sends them to an address of its own."""
    return lambda answers: BatchHttpRequest(
        callback=answers, batch_uri=f"{emulator.base_url}/batch/calendar/v3"
    )


@covers("batch")
def test_each_part_has_an_answer_of_its_own(
    service: Any, batch_of: Callable[[Answers], BatchHttpRequest]
) -> None:
    answers, events = Answers(), service.events()
    batch = batch_of(answers)
    body = {**timed("abcde"), "summary": "Grüße 🎉"}
    batch.add(events.insert(calendarId="primary", body=body), request_id="new")
    batch.add(events.get(calendarId="primary", eventId="abcde"), request_id="known")
    batch.add(events.get(calendarId="primary", eventId="never"), request_id="unknown")
    batch.add(events.delete(calendarId="primary", eventId="abcde"), request_id="gone")
    batch.execute()
    assert answers.found["new"]["summary"] == answers.found["known"]["summary"] == "Grüße 🎉"
    assert answers.found["unknown"].status_code == 404
    assert answers.found["gone"] == ""
    assert items(service) == []


@covers("batch")
def test_each_part_is_logged_counted_and_struck_by_rules_as_if_alone(
    emulator: Emulator, service: Any, batch_of: Callable[[Answers], BatchHttpRequest]
) -> None:
    emulator.put_event(ME, timed("one"))
    emulator.add_fault(Fault(kind=FaultKind.ERROR, error="503 backendError", nth=2))
    emulator.add_fault(Fault(kind=FaultKind.QUOTA, size=3))
    answers = Answers()
    batch = batch_of(answers)
    for number in range(5):
        request = service.events().get(calendarId="primary", eventId="one")
        batch.add(request, request_id=str(number))
    batch.execute()
    statuses = [getattr(answers.found[str(n)], "status_code", 200) for n in range(5)]
    assert statuses == [200, 503, 200, 200, 403]
    assert [(seen.endpoint, seen.status) for seen in emulator.requests] == [
        ("batch", 200),
        *(("events.get", status) for status in statuses),
    ]


def test_the_batch_as_a_whole_can_be_refused_or_cut(
    emulator: Emulator, service: Any, batch_of: Callable[[Answers], BatchHttpRequest]
) -> None:
    emulator.put_event(ME, timed("one"))

    def send() -> None:
        batch = batch_of(Answers())
        batch.add(service.events().delete(calendarId="primary", eventId="one"))
        batch.execute()

    emulator.add_fault(Fault(kind=FaultKind.ERROR, error="503 backendError", endpoint="batch"))
    with pytest.raises(HttpError) as caught:
        send()
    assert refusal(caught) == "503 backendError"
    assert len(items(service)) == 1
    emulator.clear_faults()
    emulator.add_fault(Fault(kind=FaultKind.HALF_BODY))
    with pytest.raises(http.client.IncompleteRead):
        send()
    emulator.clear_faults()
    assert items(service) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Its own socket.
def test_an_ended_access_token_is_refreshed_and_the_parts_repeated(
    emulator: Emulator, service: Any, batch_of: Callable[[Answers], BatchHttpRequest]
) -> None:
    emulator.put_event(ME, timed("one"))
    emulator.expire_access_tokens(ME)
    answers = Answers()
    batch = batch_of(answers)
    batch.add(service.events().get(calendarId="primary", eventId="one"), request_id="one")
    batch.execute()
    assert answers.found["one"]["summary"] == "one"
    gc.collect()  # The library refreshes through a socket that it forgets to close.


def _post(emulator: Emulator, account: Account, content_type: str, body: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(emulator.base_url.removeprefix("http://"))
    headers = {"Authorization": f"Bearer {account.access_token}", "Content-Type": content_type}
    connection.request("POST", "/batch/calendar/v3", body.encode(), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def _wrapped(*requests: str) -> str:
    parts = "".join(f"--b\nContent-Type: application/http\n\n{request}\n" for request in requests)
    return f"{parts}--b--\n"


def test_a_plain_part_inherits_the_authorization_of_the_batch(
    emulator: Emulator, account: Account
) -> None:
    request = "GET /calendar/v3/calendars/primary?fields=id HTTP/1.1\n\n"
    status, text = _post(emulator, account, "multipart/mixed; boundary=b", _wrapped(request))
    assert status == 200
    assert f'"id": "{ME}"' in text
    assert "Content-ID" not in text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", "{}"),
        ("multipart/mixed; boundary=b", "--b--\n"),
        ("multipart/mixed; boundary=b", _wrapped("nonsense\n\n")),
        ("multipart/mixed; boundary=b", _wrapped("GET /calendar/v3/colors HTTP/1.1\nwhat\n\n")),
        ("multipart/mixed; boundary=b", _wrapped("POST /batch/calendar/v3 HTTP/1.1\n\n")),
        ("multipart/mixed; boundary=b", _wrapped(*["GET /calendar/v3/colors HTTP/1.1\n\n"] * 1001)),
    ],
    ids=["no multipart", "no parts", "no request", "no header", "nested", "too many"],
)
def test_what_is_no_batch_is_refused_as_a_whole(
    emulator: Emulator, account: Account, content_type: str, body: str
) -> None:
    status, text = _post(emulator, account, content_type, body)
    assert status == 400
    assert "badRequest" in text
    assert [seen.endpoint for seen in emulator.requests] == ["batch"]
