"""The oracle and the sync, each on its own way from Google to the table, meet at the same rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.sync.plan import LEAD
from tuturuuu_jobs.testing.emulator import odd_events
from tuturuuu_jobs.testing.oracle import Place, Window, deviations, expect, load_rows
from tuturuuu_jobs.testing.tuturuuu import Shape

WINDOW = Window(EMULATOR_START - timedelta(days=90), EMULATOR_START + timedelta(days=180) + LEAD)


def found(scene: Scene, slack: timedelta = timedelta()) -> list[str]:
    current = scene.database.shape is Shape.CURRENT
    place = Place(CALENDAR, "UTC", "UTC", sync_columns=current)
    expected = expect(scene.emulator.masters(CALENDAR), place, WINDOW)
    return deviations(
        load_rows(scene.connection, scene.ws_id, CALENDAR), expected, slack=slack, limit=5
    )


def series(event_id: str, rule: str, start: str, end: str, zone: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "summary": event_id,
        "recurrence": [rule],
        "start": {"dateTime": start, "timeZone": zone},
        "end": {"dateTime": end, "timeZone": zone},
    }


def fill(scene: Scene) -> None:
    for body in odd_events().values():
        scene.emulator.put_event(CALENDAR, body, verbatim=True)
    morning = ("2026-08-01T09:00:00", "2026-08-01T09:30:00")
    zones = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
    bodies = [
        series(zone.partition("/")[2].lower(), "RRULE:FREQ=DAILY", *morning, zone) for zone in zones
    ]
    night = ("2026-10-01T02:30:00", "2026-10-01T03:00:00", "Europe/Berlin")
    bodies.append(series("night", "RRULE:FREQ=DAILY;COUNT=300", *night))
    bodies.append(
        {
            "id": "rent",
            "start": {"date": "2026-01-31"},
            "end": {"date": "2026-02-01"},
            "recurrence": ["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1", "EXDATE;VALUE=DATE:20261231"],
        }
    )
    scene.emulator.put_events(CALENDAR, bodies)


def test_a_full_sync_of_odd_events_and_series_is_what_the_oracle_says(any_scene: Scene) -> None:
    fill(any_scene)

    result = any_scene.sync()

    assert result.exit_code == 0
    assert len(any_scene.rows()) > 700
    assert found(any_scene) == []


def test_every_change_reaches_the_table(scene: Scene) -> None:
    fill(scene)
    scene.sync()
    google = scene.emulator
    google.patch_event(CALENDAR, "no-summary", {"summary": "Named"})
    google.cancel_instance(CALENDAR, "berlin_20261201T080000Z")
    far = {"dateTime": "2028-01-01T10:00:00Z"}
    google.move_instance(CALENDAR, "berlin_20261202T080000Z", far, far)
    at = datetime.fromisoformat("2027-01-10T14:00:00+00:00")
    google.split_series(CALENDAR, "new_york", at, {"summary": "Later"})
    google.delete_event(CALENDAR, "night")

    result = scene.sync()

    assert result.exit_code == 0
    assert found(scene, timedelta(days=1)) == []


def test_the_oracle_notices_a_row_that_is_not_right(scene: Scene) -> None:
    scene.put("a", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", summary="A")
    scene.put("b", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", summary="B")
    scene.sync()
    scene.connection.execute(
        "update workspace_calendar_events set title = 'X', location = null "
        "where external_event_id = 'a'"
    )
    scene.connection.execute("delete from workspace_calendar_events where external_event_id = 'b'")

    assert found(scene) == [
        "b: missing",
        "a: title is 'X', should be 'A'",
        "a: location is None, should be ''",
    ]
