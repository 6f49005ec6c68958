"""Whatever a client sends as an event: it is stored or refused, and nothing breaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import googleapiclient.discovery_cache
import pytest
from googleapiclient.errors import HttpError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.integration.emulator.proof import ME, items, token
from tuturuuu_jobs.testing.emulator import Account, Emulator
from tuturuuu_jobs.testing.emulator.drafts import kind_of

_DOCUMENT: Final = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
PROPERTIES: Final[dict[str, dict[str, Any]]] = json.loads(
    (_DOCUMENT / "calendar.v3.json").read_text(encoding="utf-8")
)["schemas"]["Event"]["properties"]
KINDS: Final = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}


def test_fields_are_of_the_kinds_in_google_s_document() -> None:
    wanted = {name: KINDS[told.get("type", "object")] for name, told in PROPERTIES.items()}
    assert {name: kind_of(name) for name in PROPERTIES} == wanted


EDGES: Final = st.sampled_from(
    [
        {"dateTime": "2026-12-01T09:00:00Z"},
        {"dateTime": "2026-12-01T09:00:00", "timeZone": "Europe/Berlin"},
        {"dateTime": "0001-01-01T00:00:00+14:00", "timeZone": "Asia/Tokyo"},
        {"dateTime": "9999-12-31T23:59:59-12:00", "timeZone": "Asia/Tokyo"},
        {"date": "2026-12-01"},
        {"date": "9999-12-31"},
        {"date": None, "dateTime": "2026-12-02T09:00:00Z"},
        {"date": 5},
        {"timeZone": "UTC"},
    ]
)
RULES: Final = st.lists(
    st.sampled_from(
        [
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=DAILY;COUNT=0",
            "RRULE:FREQ=WEEKLY;BYDAY=XX",
            "RRULE:FREQ=YEARLY;UNTIL=soon",
            "RRULE:",
            "RDATE;VALUE=DATE:20261201",
            "EXDATE;TZID=Nowhere:20261201T090000",
            "EXDATE:20261201T090000Z",
        ]
    ),
    max_size=2,
)
ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
ATTENDEES: Final = st.lists(
    st.fixed_dictionaries({}, optional={"email": ANYTHING, "self": ANYTHING}) | ANYTHING, max_size=2
)
BODIES: Final = st.fixed_dictionaries(
    {},
    optional={
        "start": EDGES | ANYTHING,
        "end": EDGES | ANYTHING,
        "recurrence": RULES | ANYTHING,
        "status": st.sampled_from(["confirmed", "cancelled"]) | ANYTHING,
        "attendees": ATTENDEES | ANYTHING,
        "extendedProperties": ANYTHING,
        "sequence": ANYTHING,
        "organizer": ANYTHING | st.just({"email": ME}),
        "iCalUID": ANYTHING | st.just("\ud800@example.test"),
        "summary": ANYTHING | st.just("\ud800"),
    },
)
WRITES: Final = st.sampled_from(["insert", "import_", "patch", "update", "one"])


def _status(request: Any) -> int:
    try:
        request.execute()
    except HttpError as error:
        return int(error.status_code)
    return 200


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(st.tuples(WRITES, BODIES), min_size=1, max_size=4))
@example(writes=[("patch", {"status": "cancelled"}), ("update", {"sequence": 2**70})])
def test_any_body_is_stored_or_refused_and_deltas_follow(
    emulator: Emulator,
    google_service: Callable[[Account], Any],
    writes: list[tuple[str, dict[str, Any]]],
) -> None:
    account = emulator.add_account(ME)
    emulator.add_calendar(ME, owner=ME, time_zone="Asia/Tokyo")
    service = google_service(account)
    edge = {"dateTime": "2026-12-01T09:00:00", "timeZone": "Europe/Berlin"}
    series = {
        "id": "series",
        "start": edge,
        "end": edge,
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"],
    }
    service.events().insert(calendarId=ME, body=series).execute()
    first = token(service)
    for name, body in writes:
        arguments = {"calendarId": ME, "body": body}
        if name in {"patch", "update", "one"}:
            arguments["eventId"] = "series_20261201T080000Z" if name == "one" else "series"
        call = getattr(service.events(), "patch" if name == "one" else name)
        assert _status(call(**arguments)) in {200, 400, 403, 404, 409}
    rows = {item["id"]: item for item in items(service, syncToken=first)}
    for item in items(service):
        assert rows.get(item["id"], item) == item


@pytest.mark.parametrize("value", [True, 1.5, "1", -1])
def test_a_sequence_is_a_whole_number(service: Any, value: Any) -> None:
    day = {"date": "2026-12-01"}
    body = {"start": day, "end": day, "sequence": value}
    with pytest.raises(HttpError) as caught:
        service.events().insert(calendarId="primary", body=body).execute()
    assert caught.value.status_code == 400
