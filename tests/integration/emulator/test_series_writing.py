"""Writing series: their rule, their occurrences, and what falls with them."""

from __future__ import annotations

from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulator.proof import (
    ME,
    covers,
    items,
    refusal,
    states,
    timed,
    token,
    weekly,
)
from tuturuuu_jobs.testing.emulator import Emulator

IDS = [
    f"series_{stamp}T080000Z"
    for stamp in ("20261201", "20261208", "20261215", "20261222", "20261229")
]
LATER = {
    "start": {"dateTime": "2026-12-09T15:00:00+01:00"},
    "end": {"dateTime": "2026-12-09T16:00:00+01:00"},
}


class Series:
    """A weekly meeting of five, and calls about it and its occurrences."""

    def __init__(self, service: Any) -> None:
        self._events = service.events()
        body = {**weekly("series"), "summary": "Weekly"}
        self.made = self._events.insert(calendarId="primary", body=body).execute()

    def call(self, name: str, event_id: str, **parameters: Any) -> Any:
        request = getattr(self._events, name)(calendarId="primary", eventId=event_id, **parameters)
        return request.execute()

    def patch(self, event_id: str, **changes: Any) -> Any:
        return self.call("patch", event_id, body=changes)

    def insert(self, body: dict[str, Any]) -> Any:
        return self._events.insert(calendarId="primary", body=body).execute()


@pytest.fixture
def series(service: Any) -> Series:
    return Series(service)


@covers("events.patch")
def test_changing_one_occurrence_makes_an_exception(service: Any, series: Series) -> None:
    before = token(service)
    changed = series.patch(IDS[1], summary="Special", **LATER)
    assert (changed["id"], changed["recurringEventId"]) == (IDS[1], "series")
    assert changed["start"]["dateTime"] == "2026-12-09T14:00:00Z"
    assert changed["originalStartTime"] == {
        "dateTime": "2026-12-08T08:00:00Z",
        "timeZone": "Europe/Berlin",
    }
    assert changed["iCalUID"] == series.made["iCalUID"]
    assert items(service, syncToken=before) == [changed]
    titles = {item["id"]: item["summary"] for item in items(service)}
    assert titles == dict.fromkeys(IDS, "Weekly") | {IDS[1]: "Special"}
    series.patch("series", summary="Renamed")
    titles = {item["id"]: item["summary"] for item in items(service)}
    assert titles == dict.fromkeys(IDS, "Renamed") | {IDS[1]: "Special"}


@covers("events.update")
def test_an_occurrence_keeps_what_it_is_an_occurrence_of(series: Series) -> None:
    changed = series.call("update", IDS[1], body={"summary": "Other", **LATER})
    assert changed["recurringEventId"] == "series"
    assert "originalStartTime" in changed
    with pytest.raises(HttpError) as caught:
        series.patch(IDS[2], recurrence=["RRULE:FREQ=DAILY"])
    assert refusal(caught) == "400 invalid"


@covers("events.delete")
def test_a_deleted_occurrence_is_a_cancelled_exception_and_can_come_back(
    service: Any, series: Series
) -> None:
    before = token(service)
    series.call("delete", IDS[1])
    (stub,) = items(service, syncToken=before)
    assert set(stub) == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert list(states(items(service))) == [IDS[0], *IDS[2:]]
    assert states(items(service, singleEvents=False)) == {
        "series": "confirmed",
        IDS[1]: "cancelled",
    }
    with pytest.raises(HttpError) as caught:
        series.call("delete", IDS[1])
    assert refusal(caught) == "410 deleted"
    before = token(service)
    back = series.patch(IDS[1], status="confirmed")
    assert (back["summary"], back["start"]["dateTime"]) == ("Weekly", "2026-12-08T08:00:00Z")
    assert items(service, syncToken=before) == [back]


def test_this_and_following_is_an_until_and_a_new_series(service: Any, series: Series) -> None:
    series.patch(IDS[3], summary="Special")
    before = token(service)
    series.patch("series", recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20261215T075959Z"])
    rest = {**weekly("rest0"), "summary": "Rest", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
    for edge, hour in (("start", 14), ("end", 15)):
        rest[edge] = {"dateTime": f"2026-12-15T{hour}:00:00", "timeZone": "Europe/Berlin"}
    series.insert(rest)
    expected = dict.fromkeys(IDS[:2], "confirmed") | {
        f"rest0_{day}T130000Z": "confirmed" for day in ("20261215", "20261222", "20261229")
    }
    assert states(items(service)) == expected
    fallen = dict.fromkeys(IDS[2:], "cancelled")
    assert states(items(service, syncToken=before)) == expected | fallen
    masters = states(items(service, singleEvents=False))
    assert masters == {"series": "confirmed", "rest0": "confirmed"}


@covers("events.delete")
def test_a_series_falls_with_its_exceptions_and_comes_back_without_them(
    service: Any, series: Series
) -> None:
    series.patch(IDS[1], summary="Special")
    series.call("delete", IDS[2])
    before = token(service)
    series.call("delete", "series")
    assert items(service) == []
    assert items(service, singleEvents=False) == []
    assert states(items(service, syncToken=before)) == dict.fromkeys(IDS, "cancelled")
    with pytest.raises(HttpError) as caught:
        series.call("delete", "series")
    assert refusal(caught) == "410 deleted"
    back = series.patch("series", status="confirmed")
    assert back["recurrence"] == series.made["recurrence"]
    assert [item["summary"] for item in items(service)] == ["Weekly"] * 5


def test_a_listing_of_deleted_single_events_has_the_occurrences_and_not_the_series(
    service: Any, series: Series
) -> None:
    series.patch(IDS[1], summary="Special")
    series.call("delete", "series")
    assert states(items(service, showDeleted=True)) == dict.fromkeys(IDS, "cancelled")
    deleted = states(items(service, showDeleted=True, singleEvents=False))
    assert deleted == {"series": "cancelled", IDS[1]: "cancelled"}


def test_a_shorter_rule_takes_exceptions_away_and_a_longer_one_does_not_bring_them_back(
    service: Any, series: Series
) -> None:
    series.patch(IDS[4], summary="Special")
    series.patch("series", recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    assert list(states(items(service))) == IDS[:2]
    longer = series.patch("series", recurrence=["RRULE:FREQ=WEEKLY;COUNT=5"])
    assert [item["summary"] for item in items(service)] == ["Weekly"] * 5
    assert longer["sequence"] == 2


def test_a_series_can_become_a_single_event(service: Any, series: Series) -> None:
    series.call("delete", IDS[1])
    before = token(service)
    series.patch("series", recurrence=None)
    assert states(items(service)) == {"series": "confirmed"}
    fallen = dict.fromkeys(IDS, "cancelled")
    assert states(items(service, syncToken=before)) == fallen | {"series": "confirmed"}


@covers("events.move")
def test_a_series_moves_with_its_exceptions_and_an_occurrence_not_at_all(
    emulator: Emulator, service: Any, series: Series
) -> None:
    emulator.add_calendar("second", owner=ME)
    series.patch(IDS[1], summary="Special")
    series.call("delete", IDS[2])
    with pytest.raises(HttpError) as caught:
        series.call("move", IDS[1], destination="second")
    assert refusal(caught) == "400 cannotChangeOrganizerOfInstance"
    here, there = token(service), token(service, calendarId="second")
    series.call("move", "series", destination="second")
    assert states(items(service, syncToken=here)) == dict.fromkeys(IDS, "cancelled")
    titles = {item["id"]: item.get("summary") for item in items(service, calendarId="second")}
    assert titles == dict.fromkeys([IDS[0], *IDS[3:]], "Weekly") | {IDS[1]: "Special"}
    told = states(items(service, calendarId="second", syncToken=there))
    assert told == dict.fromkeys(IDS, "confirmed") | {IDS[2]: "cancelled"}
    assert items(service) == []


def test_a_cancelled_occurrence_outlives_other_tombstones(
    emulator: Emulator, service: Any, series: Series
) -> None:
    from datetime import timedelta

    from tuturuuu_jobs.testing.emulator import VirtualClock

    emulator.switches.tombstone_lifetime = timedelta(days=1)
    series.call("delete", IDS[1])
    assert isinstance(emulator.clock, VirtualClock)
    emulator.clock.advance(timedelta(days=2))
    assert list(states(items(service))) == [IDS[0], *IDS[2:]]
    series.call("delete", "series")
    emulator.clock.advance(timedelta(days=2))
    assert items(service, showDeleted=True) == []


def test_listings_by_change_see_writes_in_their_order(service: Any, series: Series) -> None:
    series.insert(timed("later"))
    after = series.patch(IDS[1], summary="Special")["updated"]
    series.call("delete", "later")
    order = [item["id"] for item in items(service, orderBy="updated")]
    assert order == [IDS[0], *IDS[2:], IDS[1]]
    since = states(items(service, updatedMin=after))
    assert since == {IDS[1]: "confirmed", "later": "cancelled"} | states(
        items(service, singleEvents=True)
    )
