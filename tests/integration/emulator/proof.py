"""Says which endpoints and faults a test proves; the emulator's page is made from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from googleapiclient.errors import HttpError

F = TypeVar("F", bound=Callable[..., Any])

ME = "me@example.test"


def covers(*_names: str) -> Callable[[F], F]:
    """Names as on the page; ``error 5*`` and the like stand for all that match."""
    return lambda function: function


def timed(event_id: str, day: int = 1, hour: int = 9, **more: Any) -> dict[str, Any]:
    """A one-hour event in December 2026, UTC."""
    return {
        "id": event_id,
        "summary": event_id,
        "start": {"dateTime": f"2026-12-{day:02d}T{hour:02d}:00:00Z"},
        "end": {"dateTime": f"2026-12-{day:02d}T{hour + 1:02d}:00:00Z"},
        **more,
    }


def weekly(event_id: str, rule: str = "RRULE:FREQ=WEEKLY;COUNT=5") -> dict[str, Any]:
    """A weekly meeting at nine in Berlin from 1 December 2026."""
    zone = "Europe/Berlin"
    return {
        "id": event_id,
        "summary": event_id,
        "start": {"dateTime": "2026-12-01T09:00:00+01:00", "timeZone": zone},
        "end": {"dateTime": "2026-12-01T10:00:00+01:00", "timeZone": zone},
        "recurrence": [rule],
    }


def pages(service: Any, **parameters: Any) -> list[dict[str, Any]]:
    """Every page of a listing of the primary calendar."""
    events = service.events()
    request = events.list(**{"calendarId": "primary", "singleEvents": True, **parameters})
    answers: list[dict[str, Any]] = []
    while request is not None:
        answers.append(request.execute())
        request = events.list_next(request, answers[-1])
    return answers


def items(service: Any, **parameters: Any) -> list[dict[str, Any]]:
    """Every item of a listing, as it came."""
    return [item for page in pages(service, **parameters) for item in page.get("items", [])]


def token(service: Any, **parameters: Any) -> str:
    """The sync token at the end of a listing."""
    text: str = pages(service, **parameters)[-1]["nextSyncToken"]
    return text


def refusal(caught: pytest.ExceptionInfo[HttpError]) -> str:
    """Status and reason, as errors are named."""
    error = json.loads(caught.value.content)["error"]
    return f"{error['code']} {error['errors'][0]['reason']}"


def states(found: list[dict[str, Any]]) -> dict[str, str]:
    """The status of each item."""
    return {item["id"]: item["status"] for item in found}
