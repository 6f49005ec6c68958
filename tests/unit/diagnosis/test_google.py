"""What an answer of Google's hosts means."""

from __future__ import annotations

import socket
import ssl

import httplib2
import pytest

from tuturuuu_jobs.diagnosis.findings import Severity
from tuturuuu_jobs.diagnosis.google import Answer, describe_trouble, judge_api, judge_client
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.sync.refusals import classify_refresh

HOST = "oauth2.googleapis.com"


def refusal(status: int, code: str) -> JobError:
    return classify_refresh(status, {}, f'{{"error": "{code}"}}'.encode())


@pytest.mark.parametrize(
    ("answer", "code", "severity"),
    [
        (Answer(HOST, error=refusal(400, "invalid_grant")), "google_client_accepted", Severity.OK),
        (
            Answer(HOST, error=refusal(401, "invalid_client")),
            "google_client_rejected",
            Severity.SERIOUS,
        ),
        (Answer(HOST, error=refusal(503, "")), "google_not_serving", Severity.WARNING),
        (Answer(HOST, trouble="timed out"), "google_unreachable", Severity.SERIOUS),
        (Answer(HOST, status=200), "google_token_granted", Severity.WARNING),
    ],
)
def test_only_a_dead_grant_says_that_the_client_is_fine(
    answer: Answer, code: str, severity: Severity
) -> None:
    [found] = judge_client(answer)

    assert (found.code, found.severity) == (code, severity)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "google_reachable"),
        (403, "google_reachable"),
        (429, "google_not_serving"),
        (502, "google_not_serving"),
        (200, "google_odd_answer"),
        (404, "google_odd_answer"),
    ],
)
def test_the_api_is_there_if_it_refuses_a_stranger(status: int, code: str) -> None:
    [found] = judge_api(Answer(HOST, status=status))

    assert found.code == code


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError(1, "planted"), "its certificate is not trusted here"),
        (httplib2.ServerNotFoundError("planted"), "its name cannot be resolved"),
        (socket.gaierror(-2, "planted"), "its name cannot be resolved"),
        (TimeoutError("planted"), "no answer within 10 s"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (httplib2.HttpLib2Error("planted"), "HttpLib2Error"),
    ],
)
def test_trouble_below_http_is_said_in_our_words(error: Exception, words: str) -> None:
    assert describe_trouble(error) == words
