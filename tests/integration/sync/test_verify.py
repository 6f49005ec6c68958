"""The table beside what Google shows: every fault is found, and a clean state raises no alarm."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.fixtures.encryption import MASTER, seal, wrap
from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import DAY_ONE, ending, put_many, run, written
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import preview_job, run_job
from tuturuuu_jobs.sync.drift import VerifyPayload
from tuturuuu_jobs.sync.verify import VerifyJob
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

EVENTS: Final = 20
WHERE: Final = " where external_event_id = %s"
COLUMNS: Final = {
    "title": "title = 'Nonsense'",
    "description": "description = 'Nonsense'",
    "location": "location = 'Nonsense'",
    "start_at": "start_at = start_at - interval '1 hour'",
    "end_at": "end_at = end_at + interval '1 hour'",
    "color": "color = 'RED'",
    "marker": """scheduling_metadata = '{"v": 1, "busy": false, "all_day": true}'""",
}


def verify(scene: Scene, **payload: Any) -> Result:
    sync = scene.job()
    job = VerifyJob(sync.google, scene.master_key)
    given = VerifyPayload(scene.ws_id, **payload)
    return run_job(job, given, RunRequest(attempts=1), scene.runtime())


def drift(result: Result) -> list[tuple[str, str, list[str]]]:
    return [
        (each["event_id"], each["kind"], each["fields"])
        for calendar in result.data["calendars"]
        for each in calendar["drift"]
    ]


@pytest.fixture
def synced(any_scene: Scene) -> Scene:
    """A calendar with events, series and all-day ones, just synced."""
    put_many(any_scene, EVENTS)
    any_scene.put("day", "2026-12-05", "2026-12-06", summary="Day")
    any_scene.put("daily", *DAY_ONE, summary="Daily", recurrence=["RRULE:FREQ=DAILY;COUNT=10"])
    assert run(any_scene).exit_code == 0
    return any_scene


def ids(scene: Scene) -> list[str]:
    return sorted(key[1] for key in scene.rows())


@pytest.mark.parametrize("parts", [1, 30])
def test_a_clean_state_raises_no_alarm_and_nothing_is_written(synced: Scene, parts: int) -> None:
    before = written(synced)
    result = verify(synced, parts=parts)
    assert (ending(result), result.data["clean"]) == ((0, "succeeded"), True)
    assert drift(result) == []
    assert written(synced) == before


def test_what_changed_since_the_last_sync_is_waited_for_and_no_drift(synced: Scene) -> None:
    one, two, *_ = ids(synced)
    synced.emulator.patch_event(CALENDAR, one, {"summary": "Newer"})
    synced.emulator.delete_event(CALENDAR, two)
    synced.put("fresh", *DAY_ONE)
    result = verify(synced)
    assert ending(result) == (0, "succeeded")
    assert result.data["totals"]["waiting"] == 3


@pytest.mark.parametrize("column", COLUMNS)
def test_a_differing_column_is_named(synced: Scene, column: str) -> None:
    event_id = ids(synced)[3]
    synced.connection.execute(
        ("update workspace_calendar_events set " + COLUMNS[column] + WHERE).encode(), (event_id,)
    )
    result = verify(synced)
    assert ending(result) == (3, "drift_found")
    assert drift(result) == [(event_id, "different", [column])]


def test_a_missing_and_an_extra_row_are_named(synced: Scene) -> None:
    event_id = ids(synced)[0]
    synced.connection.execute(
        ("delete from workspace_calendar_events" + WHERE).encode(), (event_id,)
    )
    now = synced.clock.now()
    seed.create_google_event(
        synced.connection,
        synced.ws_id,
        CALENDAR,
        "invented",
        start_at=now + timedelta(days=3),
        end_at=now + timedelta(days=3, hours=1),
    )
    result = verify(synced)
    assert ending(result) == (3, "drift_found")
    assert drift(result) == [("invented", "extra", []), (event_id, "missing", [])]
    assert "1 missing, 1 extra" in result.errors[0].message


def test_an_all_day_event_in_a_wrong_zone_is_named(synced: Scene) -> None:
    synced.connection.execute(
        "update workspace_calendar_events set start_at = start_at - interval '7 hours',"
        " end_at = end_at - interval '7 hours' where external_event_id = 'day'"
    )
    assert drift(verify(synced)) == [("day", "different", ["start_at", "end_at"])]


def test_a_lost_tombstone_is_an_extra_row(synced: Scene) -> None:
    event_id = ids(synced)[0]
    saved = synced.connection.execute(
        ("select to_jsonb(e) from workspace_calendar_events e" + WHERE).encode(), (event_id,)
    ).fetchone()
    assert saved is not None
    synced.emulator.delete_event(CALENDAR, event_id)
    assert run(synced).exit_code == 0
    row = {**saved[0], "last_synced_at": None} if "last_synced_at" in saved[0] else saved[0]
    synced.connection.execute(
        "insert into workspace_calendar_events"
        " select * from jsonb_populate_record(null::workspace_calendar_events, %s)",
        (psycopg_json(row),),
    )
    assert drift(verify(synced)) == [(event_id, "extra", [])]


def psycopg_json(value: Any) -> Any:
    from psycopg.types.json import Jsonb

    return Jsonb(value)


@pytest.mark.parametrize("state", ["refused", "missing"])
def test_a_sync_token_that_leads_nowhere_is_told(synced: Scene, state: str) -> None:
    if state == "missing":
        synced.connection.execute("delete from calendar_sync_states")
    else:
        synced.emulator.invalidate_sync_tokens(CALENDAR)
    result = verify(synced)
    assert ending(result) == (3, "drift_found")
    assert result.data["calendars"][0]["cursor"] == state
    assert drift(result) == []


def test_a_token_that_is_ahead_of_the_rows_leaves_drift(synced: Scene) -> None:
    before = synced.physical()
    event_id = ids(synced)[0]
    synced.emulator.patch_event(CALENDAR, event_id, {"summary": "Lost"})
    synced.connection.execute("create table saved as table workspace_calendar_events")
    assert run(synced).exit_code == 0
    synced.connection.execute(
        "update workspace_calendar_events e set title = s.title from saved s where s.id = e.id"
    )
    assert drift(verify(synced)) == [(event_id, "different", ["title"])]
    assert before.keys() == synced.physical().keys()


def test_repair_mends_and_tells_what_it_found(synced: Scene) -> None:
    one, two, *_ = ids(synced)
    synced.connection.execute("update workspace_calendar_events set title = 'x'" + WHERE, (one,))
    synced.connection.execute(("delete from workspace_calendar_events" + WHERE).encode(), (two,))
    result = verify(synced, repair=True)
    assert ending(result) == (3, "drift_found")
    assert result.data["repair"]["totals"]["inserted"] == 1
    assert ending(verify(synced, repair=True)) == (0, "succeeded")
    assert verify(synced).data["repair"] is None


def test_a_preview_mends_nothing(synced: Scene) -> None:
    synced.connection.execute(
        "update workspace_calendar_events set title = 'x'" + WHERE, (ids(synced)[0],)
    )
    before = written(synced)
    job = VerifyJob(synced.job().google)
    given = VerifyPayload(synced.ws_id, repair=True)
    result = preview_job(job, given, RunRequest(), synced.runtime())
    assert (result.exit_code, len(drift(result))) == (3, 1)
    assert written(synced) == before


def test_a_calendar_that_cannot_be_listed_is_no_drift(synced: Scene) -> None:
    synced.emulator.add_fault(Fault(kind=FaultKind.ERROR, error="404 notFound"))
    result = verify(synced, repair=True)
    assert ending(result) == (77, "calendar_not_found")
    assert drift(result) == []


def test_a_listing_that_begins_again_counts_nothing_twice(synced: Scene) -> None:
    synced.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=7))
    synced.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="400 invalid page token", page=2, times=1)
    )
    result = verify(synced)
    assert (ending(result), drift(result)) == ((0, "succeeded"), [])


def test_encrypted_rows_are_compared_in_plain(any_scene: Scene) -> None:
    scene = any_scene
    seed.create_encryption_key(scene.connection, scene.ws_id, wrap())
    scene.master_key = MASTER
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    assert ending(verify(scene)) == (0, "succeeded")
    scene.connection.execute("update workspace_calendar_events set title = %s", (seal("Two"),))
    assert drift(verify(scene)) == [("one", "different", ["title"])]
    scene.master_key = None
    assert ending(verify(scene)) == (78, "encryption_key_missing")


def test_after_as_many_days_as_there_are_parts_every_row_was_looked_at(scene: Scene) -> None:
    now = scene.clock.now()
    for number in range(20):
        start = now + timedelta(days=9 * number - 80)
        end = start + timedelta(hours=1)
        scene.put(f"e{number}", start.isoformat(), end.isoformat())
    assert run(scene).exit_code == 0
    scene.connection.execute("update workspace_calendar_events set title = 'x'")
    parts, found = 6, set[str]()
    for _ in range(parts):
        found |= {event_id for event_id, *_ in drift(verify(scene, parts=parts))}
        scene.clock.set(scene.clock.now() + timedelta(days=1))
    assert found >= {f"e{number}" for number in range(1, 20)}


def test_an_extra_row_across_the_end_of_a_part_is_found(scene: Scene) -> None:
    epoch, part, minutes = (
        datetime(1970, 1, 1, tzinfo=UTC),
        timedelta(days=45),
        timedelta(minutes=9),
    )
    boundary = epoch + ((scene.clock.now() - epoch) // part + 1) * part
    scene.put("across", (boundary - minutes).isoformat(), (boundary + minutes).isoformat())
    assert run(scene).exit_code == 0
    _invent(scene, "across")
    found = set[tuple[str, str]]()
    for _ in range(6):
        found |= {(event_id, kind) for event_id, kind, _ in drift(verify(scene, parts=6))}
        scene.clock.set(scene.clock.now() + timedelta(days=1))
    assert ("acrossx", "extra") in found


def test_what_a_full_sync_leaves_to_age_is_no_drift(scene: Scene) -> None:
    now = scene.clock.now()
    for name, start in {
        "old": now - timedelta(days=89.5),
        "newer": now - timedelta(days=88),
    }.items():
        scene.put(name, start.isoformat(), (start + timedelta(hours=1)).isoformat())
    put_many(scene, EVENTS)
    assert run(scene).exit_code == 0
    _invent(scene, "old")
    _invent(scene, "newer")
    extra = {event_id for event_id, kind, _ in drift(verify(scene)) if kind == "extra"}
    assert extra == {"newerx"}
    verify(scene, repair=True)
    assert drift(verify(scene)) == []


Injection = Callable[[Scene, str], str]


def _drop(scene: Scene, event_id: str) -> str:
    scene.connection.execute(
        ("delete from workspace_calendar_events" + WHERE).encode(), (event_id,)
    )
    return "missing"


def _invent(scene: Scene, event_id: str) -> str:
    scene.connection.execute(
        (
            "update workspace_calendar_events set external_event_id = external_event_id || 'x',"
            " google_event_id = google_event_id || 'x'" + WHERE
        ).encode(),
        (event_id,),
    )
    return "missing"


def _change(column: str) -> Injection:
    def change(scene: Scene, event_id: str) -> str:
        scene.connection.execute(
            ("update workspace_calendar_events set " + COLUMNS[column] + WHERE).encode(),
            (event_id,),
        )
        return "different"

    return change


INJECTIONS: Final[tuple[Injection, ...]] = (_drop, _invent, *map(_change, COLUMNS))


@pytest.mark.parametrize(
    "faults", [60, pytest.param(1000, marks=pytest.mark.soak)], ids=lambda n: f"{n} faults"
)
def test_every_injected_fault_is_found_and_nothing_else(scene: Scene, faults: int) -> None:
    rng = random.Random(faults)
    put_many(scene, EVENTS)
    assert run(scene).exit_code == 0
    done = 0
    while done < faults:
        expected: dict[str, str] = {}
        for event_id in rng.sample(ids(scene), 6):
            inject = rng.choice(INJECTIONS)
            expected[event_id] = inject(scene, event_id)
            if inject is _invent:
                expected[f"{event_id}x"] = "extra"
        found = drift(verify(scene))
        done += 6
        assert {event_id: kind for event_id, kind, _ in found} == expected
        assert ending(verify(scene, repair=True))[0] == 3
        assert drift(verify(scene)) == []
