from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.emulator.proof import ME, items, timed, token, weekly
from tuturuuu_jobs.testing.emulator import Emulator
from tuturuuu_jobs.testing.emulator.api_errors import ApiError

ORIGINALS = ("20261201", "20261208", "20261215", "20261222", "20261229")
IDS = [f"s_{day}T080000Z" for day in ORIGINALS]


def _states(found: list[dict[str, Any]]) -> dict[str, str]:
    assert len({item["id"] for item in found}) == len(found)
    return {item["id"]: item["status"] for item in found}


def test_an_edited_series_comes_back_whole(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, weekly("s"))
    first = token(service)
    emulator.patch_event(ME, "s", {"summary": "Renamed"})
    delta = items(service, syncToken=first)
    assert [item["id"] for item in delta] == IDS
    assert {item["summary"] for item in delta} == {"Renamed"}


def test_a_series_at_another_time_leaves_stubs_of_its_old_instances(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s"))
    first = token(service)
    emulator.patch_event(ME, "s", {"start": timed("x")["start"], "end": timed("x")["end"]})
    states = _states(items(service, syncToken=first))
    assert [states[old] for old in IDS] == ["cancelled"] * 5
    assert [states[f"s_{day}T090000Z"] for day in ORIGINALS] == ["confirmed"] * 5


def test_a_deleted_series_is_reported_for_some_months_only(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s", "RRULE:FREQ=WEEKLY;COUNT=100"))
    first = token(service, maxResults=2500)
    emulator.delete_event(ME, "s")
    stubs = items(service, syncToken=first, maxResults=2500)
    assert {item["status"] for item in stubs} == {"cancelled"}
    assert len(stubs) == 26
    assert set(stubs[0]) == {
        "kind",
        "id",
        "etag",
        "status",
        "recurringEventId",
        "originalStartTime",
    }
    assert items(service) == []
    emulator.switches.master_stub = True
    assert "s" in _states(items(service, syncToken=first, maxResults=2500))


def test_one_cancelled_instance_is_one_stub(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, weekly("s"))
    first = token(service)
    emulator.cancel_instance(ME, IDS[1])
    assert _states(items(service, syncToken=first)) == {IDS[1]: "cancelled"}
    assert list(_states(items(service))) == [IDS[0], *IDS[2:]]
    with pytest.raises(ApiError, match="410 deleted"):
        emulator.cancel_instance(ME, IDS[1])


def test_a_moved_instance_keeps_its_id_and_its_original_start(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s"))
    first = token(service)
    times = timed("x", day=10)
    emulator.move_instance(ME, IDS[1], times["start"], times["end"])
    (moved,) = items(service, syncToken=first)
    assert moved["id"] == IDS[1]
    assert moved["start"]["dateTime"] == "2026-12-10T09:00:00Z"
    assert moved["originalStartTime"]["dateTime"] == "2026-12-08T08:00:00Z"
    assert len(items(service)) == 5


def test_exceptions_fall_when_the_series_no_longer_has_their_instance(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s"))
    emulator.patch_event(ME, IDS[1], {"summary": "Special"})
    emulator.patch_event(ME, IDS[4], {"summary": "Last"})
    first = token(service)
    emulator.patch_event(ME, "s", {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]})
    states = _states(items(service, syncToken=first))
    assert states[IDS[3]] == states[IDS[4]] == "cancelled"
    summaries = {item["id"]: item["summary"] for item in items(service)}
    assert summaries == {IDS[0]: "s", IDS[1]: "Special", IDS[2]: "s"}
    emulator.patch_event(ME, "s", {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"]})
    assert list(_states(items(service))) == IDS


def test_a_split_keeps_the_ids_and_names_the_new_series_in_them(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s"))
    emulator.patch_event(ME, IDS[3], {"summary": "Special"})
    first = token(service)
    new = emulator.split_series(ME, "s", datetime(2026, 12, 15, 8, tzinfo=UTC))
    assert new == "s_R20261215T080000"
    found = items(service)
    assert [item["id"] for item in found] == IDS
    assert [item["recurringEventId"] for item in found] == ["s", "s", new, new, new]
    assert found[3]["summary"] == "Special"
    assert _states(items(service, syncToken=first)) == dict.fromkeys(IDS, "confirmed")
    stored = {body["id"]: body for body in emulator.masters(ME)}
    assert stored["s"]["recurrence"] == ["RRULE:FREQ=WEEKLY;UNTIL=20261215T075959Z"]
    assert stored[new]["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=3"]
    assert stored[new]["iCalUID"] == f"{new}@google.com"
    assert stored["s"]["etag"] == stored[new]["etag"]


def test_a_split_to_another_hour_cancels_the_old_rest_and_can_be_split_again(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, weekly("s"))
    first = token(service)
    later = {
        "start": {"dateTime": "2026-12-15T12:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-12-15T13:00:00+01:00", "timeZone": "Europe/Berlin"},
    }
    new = emulator.split_series(ME, "s", datetime(2026, 12, 15, 8, tzinfo=UTC), later)
    states = _states(items(service, syncToken=first))
    assert [states[old] for old in IDS[2:]] == ["cancelled"] * 3
    assert states["s_20261215T110000Z"] == "confirmed"
    again = emulator.split_series(ME, new, datetime(2026, 12, 22, 11, tzinfo=UTC))
    assert again == "s_R20261222T110000"
    assert len(items(service)) == 5


def test_an_all_day_series_splits_at_a_date(emulator: Emulator, service: Any) -> None:
    body = {
        "id": "d",
        "start": {"date": "2026-12-01"},
        "end": {"date": "2026-12-02"},
        "recurrence": ["RRULE:FREQ=DAILY;UNTIL=20261210"],
    }
    emulator.put_event(ME, body)
    new = emulator.split_series(ME, "d", datetime(2026, 12, 4, tzinfo=UTC))
    assert new == "d_R20261204"
    assert len(items(service)) == 10
    assert len(items(service, singleEvents=False)) == 2


def test_a_series_splits_only_at_one_of_its_later_occurrences(emulator: Emulator) -> None:
    emulator.add_account(ME)
    emulator.put_event(ME, weekly("s"))
    for hour in (0, 8):
        with pytest.raises(ApiError):
            emulator.split_series(ME, "s", datetime(2026, 12, 1, hour, tzinfo=UTC))


def test_a_one_off_that_becomes_a_series_takes_its_own_row_away(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_event(ME, timed("s"))
    first = token(service)
    emulator.patch_event(ME, "s", {"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]})
    assert _states(items(service, syncToken=first)) == {
        "s": "cancelled",
        "s_20261201T090000Z": "confirmed",
        "s_20261202T090000Z": "confirmed",
    }


def test_without_expansion_a_listing_has_masters_and_exceptions(
    emulator: Emulator, service: Any
) -> None:
    emulator.put_events(ME, [weekly("s"), timed("one")])
    first = token(service, singleEvents=False)
    emulator.cancel_instance(ME, IDS[1])
    present = {"one": "confirmed", "s": "confirmed", IDS[1]: "cancelled"}
    assert _states(items(service, singleEvents=False)) == present
    assert _states(items(service, singleEvents=False, syncToken=first)) == {IDS[1]: "cancelled"}
    window = {"timeMin": "2026-12-28T00:00:00Z"}
    assert list(_states(items(service, singleEvents=False, **window))) == ["s"]


def test_a_moved_event_is_a_stub_in_one_calendar_and_alive_in_the_other(
    emulator: Emulator, service: Any
) -> None:
    emulator.add_calendar("second", owner=ME)
    emulator.put_event(ME, timed("one"))
    first, second = token(service), token(service, calendarId="second")
    emulator.move_event(ME, "one", "second")
    assert _states(items(service, syncToken=first)) == {"one": "cancelled"}
    assert _states(items(service, calendarId="second", syncToken=second)) == {"one": "confirmed"}


def test_a_cancelled_event_can_come_back(emulator: Emulator, service: Any) -> None:
    emulator.put_event(ME, timed("one"))
    emulator.delete_event(ME, "one", details=True)
    first = token(service)
    emulator.put_event(ME, timed("one"))
    assert _states(items(service, syncToken=first)) == {"one": "confirmed"}


def test_what_was_made_and_deleted_since_the_token_may_leave_nothing(
    emulator: Emulator, service: Any
) -> None:
    first = token(service)
    emulator.put_event(ME, timed("brief"))
    emulator.delete_event(ME, "brief")
    assert _states(items(service, syncToken=first)) == {"brief": "cancelled"}
    emulator.switches.report_unseen = False
    assert items(service, syncToken=first) == []


def test_every_write_has_a_later_updated_and_another_etag(emulator: Emulator) -> None:
    emulator.add_account(ME)
    seen = []
    for number in range(3):
        emulator.put_event(ME, timed("one", summary=str(number)))
        body = emulator.masters(ME)[-1]
        seen.append((body["updated"], body["etag"]))
    assert sorted(set(seen)) == seen
    moments = [datetime.fromisoformat(updated) for updated, _ in seen]
    assert moments[-1] - moments[0] == timedelta(milliseconds=2)
