"""What other HTTP clients than Google's Python library send."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
from collections.abc import Iterator

import pytest

from tuturuuu_jobs.testing.emulator import Account, Emulator

PATH = "/calendar/v3/calendars/primary/events"
EVENT = {
    "summary": "Plain",
    "start": {"dateTime": "2026-12-01T12:00:00Z"},
    "end": {"dateTime": "2026-12-01T13:00:00Z"},
}
BODY = json.dumps(EVENT).encode()


@pytest.fixture
def connection(emulator: Emulator) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection(emulator.base_url.removeprefix("http://"), timeout=20)
    yield made
    made.close()


def _headers(account: Account, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.access_token}"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }


def _summary(connection: http.client.HTTPConnection) -> str:
    answer = connection.getresponse()
    assert answer.status == 200
    summary: str = json.load(answer)["summary"]
    return summary


def test_a_body_may_come_in_chunks(
    account: Account, connection: http.client.HTTPConnection
) -> None:
    headers = _headers(account)
    for _ in range(2):
        connection.request("POST", PATH, iter([BODY[:10], BODY[10:]]), headers, encode_chunked=True)
        assert _summary(connection) == "Plain"


def test_a_body_may_be_compressed(account: Account, connection: http.client.HTTPConnection) -> None:
    headers = _headers(account, Content_Encoding="gzip")
    connection.request("POST", PATH, gzip.compress(BODY), headers)
    assert _summary(connection) == "Plain"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content_Encoding": "gzip"}, b"not gzip"),
        ({"Content_Encoding": "gzip"}, gzip.compress(BODY)[:-9]),
        ({"Content_Length": "many"}, b""),
        ({"Transfer_Encoding": "chunked"}, b"zz\r\n"),
    ],
    ids=["no gzip", "cut gzip", "no length", "no chunk"],
)
def test_a_body_that_cannot_be_read_is_a_400_and_the_end_of_the_connection(
    account: Account, connection: http.client.HTTPConnection, headers: dict[str, str], body: bytes
) -> None:
    connection.putrequest("POST", PATH)
    for name, value in (_headers(account) | headers).items():
        connection.putheader(name.replace("_", "-"), value)
    if len(headers) == 1 and "Content_Encoding" in headers:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    assert answer.status == 400
    assert answer.getheader("Connection") == "close"
    answer.read()


def test_a_connection_stays_open_after_an_answer_without_a_body(
    account: Account, connection: http.client.HTTPConnection
) -> None:
    connection.request("POST", PATH, json.dumps({**EVENT, "id": "plain"}), _headers(account))
    assert _summary(connection) == "Plain"
    connection.request("DELETE", f"{PATH}/plain?", headers=_headers(account))
    answer = connection.getresponse()
    assert (answer.status, answer.read(), answer.getheader("Content-Type")) == (204, b"", None)
    open_socket = connection.sock
    assert isinstance(open_socket, socket.socket)
    connection.request("GET", f"{PATH}/plain", headers=_headers(account))
    assert _summary(connection) == "Plain"
    assert connection.sock is open_socket
