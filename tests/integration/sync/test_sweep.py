"""What a complete listing lets a run delete, and when it must not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_heals,
    check_quiet,
    ending,
    part_of,
    put_many,
    run,
    written,
)
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LEFT, RIGHT = NOW - timedelta(days=90), NOW + timedelta(days=188)
DAY, SECOND, HOUR = timedelta(days=1), timedelta(seconds=1), timedelta(hours=1)


def stale(scene: Scene, event_id: str, start: datetime, end: datetime, **columns: Any) -> None:
    """A row that Google knows nothing of."""
    if scene.database.shape is Shape.CURRENT:
        columns = {"sync_status": "synced", **columns}
    seed.create_google_event(
        scene.connection, scene.ws_id, CALENDAR, event_id, start_at=start, end_at=end, **columns
    )


def stale_many(scene: Scene, count: int) -> None:
    for number in range(count):
        stale(scene, f"stale{number:03d}", NOW + DAY, NOW + DAY + HOUR)


def listed(scene: Scene) -> None:
    """One event that is really there, so that no listing is empty."""
    scene.put("here", *DAY_ONE, summary="Here")


@pytest.mark.parametrize(
    ("start", "end", "goes"),
    [
        (LEFT + DAY, LEFT + DAY + HOUR, True),
        (LEFT + DAY - SECOND, LEFT + DAY + HOUR, False),
        (LEFT - HOUR, LEFT + HOUR, False),
        (LEFT - DAY, LEFT - HOUR, False),
        (NOW, NOW + HOUR, True),
        (RIGHT - DAY - HOUR, RIGHT - DAY, True),
        (RIGHT - DAY - HOUR, RIGHT - DAY + SECOND, False),
        (RIGHT + DAY, RIGHT + 2 * DAY, False),
    ],
)
def test_only_rows_a_day_inside_the_listed_window_are_swept(
    any_scene: Scene, start: datetime, end: datetime, *, goes: bool
) -> None:
    scene = any_scene
    listed(scene)
    stale(scene, "stale", start, end)
    result = run(scene)
    assert (ending(result), part_of(result)["swept"]) == ((0, "succeeded"), int(goes))
    assert set(scene.titles()) == ({"here"} if goes else {"here", "stale"})
    assert (part_of(result)["deleted"], part_of(result)["fetched"]) == (0, 1)
    check_quiet(scene)


def test_rows_of_another_calendar_provider_or_workspace_are_never_swept(scene: Scene) -> None:
    listed(scene)
    other_ws = seed.create_workspace(scene.connection, scene.user_id)
    end = NOW + HOUR
    for ws_id, calendar in ((scene.ws_id, "other@group.test"), (other_ws, CALENDAR)):
        seed.create_google_event(scene.connection, ws_id, calendar, "x", start_at=NOW, end_at=end)
    seed.create_google_event(
        scene.connection, scene.ws_id, CALENDAR, "x", start_at=NOW, end_at=end, provider="microsoft"
    )
    seed.create_event(scene.connection, scene.ws_id, NOW, end, title="By hand")
    assert part_of(run(scene))["swept"] == 0
    assert len(scene.physical()) == 3
    count = scene.connection.execute("select count(*) from workspace_calendar_events").fetchone()
    assert count == (5,)


@pytest.mark.parametrize(
    ("gone", "staying", "refused"),
    [(20, 0, False), (21, 0, True), (30, 70, False), (31, 70, True), (21, 49, False)],
)
def test_more_than_twenty_rows_and_thirty_percent_are_not_swept_unasked(
    any_scene: Scene, gone: int, staying: int, *, refused: bool
) -> None:
    scene = any_scene
    put_many(scene, staying)
    assert run(scene).exit_code == 0
    stale_many(scene, gone)
    scene.put("new", *DAY_ONE, summary="New")
    result = run(scene, full=True)
    part = part_of(result)
    assert ending(result) == ((3, "mass_delete_refused") if refused else (0, "succeeded"))
    assert (part["swept"], part["sweep_refused"]) == ((0, gone) if refused else (gone, 0))
    assert part["inserted"] == 1
    assert len(scene.physical()) == staying + 1 + (gone if refused else 0)


def test_a_refused_sweep_commits_the_rest_and_can_be_allowed_later(any_scene: Scene) -> None:
    scene = any_scene
    stale_many(scene, 25)
    listed(scene)
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (3, "mass_delete_refused")
    assert (result.status.value, part["committed"], part["inserted"]) == ("partial", True, 1)
    assert (part["swept"], part["sweep_refused"]) == (0, 25)
    assert not result.errors[0].retryable
    assert "--allow-mass-delete" in (result.errors[0].hint or "")
    assert written(scene).events == 1
    told = scene.connection.execute(
        "select data ->> 'sweep_refused' from jobs.events where type = 'calendar.synced'"
    ).fetchall()
    assert told == [("25",)]
    check_quiet(scene)
    assert len(scene.physical()) == 26
    allowed = run(scene, full=True, allow_mass_delete=True)
    assert (ending(allowed), part_of(allowed)["swept"]) == ((0, "succeeded"), 25)
    assert scene.titles() == {"here": "Here"}
    check_quiet(scene)


def test_a_refused_sweep_is_not_tried_again_in_the_same_run(scene: Scene) -> None:
    stale_many(scene, 25)
    listed(scene)
    assert run(scene, attempts=3).attempts == 1


def test_what_a_listing_brings_new_does_not_excuse_what_it_lacks(scene: Scene) -> None:
    stale_many(scene, 30)
    put_many(scene, 100)
    result = run(scene)
    assert ending(result) == (3, "mass_delete_refused")
    assert (part_of(result)["inserted"], part_of(result)["swept"]) == (100, 0)


def test_an_empty_listing_of_a_full_calendar_is_doubted_and_refused(scene: Scene) -> None:
    put_many(scene, 10)
    assert run(scene).exit_code == 0
    scene.emulator.add_fault(Fault(kind=FaultKind.EMPTY_LISTING, incremental=False))
    result = run(scene, full=True)
    part = part_of(result)
    assert ending(result) == (3, "mass_delete_refused")
    assert (part["fetched"], part["swept"], part["sweep_refused"]) == (0, 0, 10)
    assert len(scene.physical()) == 10
    scene.emulator.clear_faults()
    assert ending(run(scene, full=True)) == (0, "succeeded")
    assert len(scene.physical()) == 10
    check_quiet(scene)


def test_an_empty_listing_that_google_confirms_event_by_event_is_swept(scene: Scene) -> None:
    put_many(scene, 10)
    assert run(scene).exit_code == 0
    for number in range(10):
        scene.emulator.delete_event(CALENDAR, f"many{number:04d}")
    stale(scene, "never-at-google", NOW + HOUR, NOW + 2 * HOUR)
    scene.emulator.clear_requests()
    result = run(scene, full=True)
    assert (ending(result), part_of(result)["swept"]) == ((0, "succeeded"), 11)
    asked = [r.path for r in scene.emulator.requests if r.endpoint == "events.get"]
    assert len(asked) == 5
    assert scene.titles() == {}
    check_quiet(scene)


def test_an_unanswered_doubt_fails_the_calendar_and_writes_nothing(scene: Scene) -> None:
    put_many(scene, 10)
    assert run(scene).exit_code == 0
    before = written(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.EMPTY_LISTING, incremental=False))
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="503 backendError", endpoint="events.get")
    )
    result = run(scene, full=True)
    assert ending(result) == (69, "google_unavailable")
    assert written(scene).calendar == before.calendar


def test_a_connection_that_must_not_delete_keeps_every_row(scene: Scene) -> None:
    listed(scene)
    scene.put("later", "2026-12-03T09:00:00Z", "2026-12-03T10:00:00Z", summary="Later")
    assert run(scene).exit_code == 0
    scene.connection.execute("update calendar_connections set sync_delete_enabled = false")
    scene.emulator.delete_event(CALENDAR, "later")
    told = run(scene)
    assert part_of(told)["skipped"] == {"delete_disabled": 1}
    full = run(scene, full=True)
    assert (ending(full), part_of(full)["swept"]) == ((0, "succeeded"), 0)
    assert set(scene.titles()) == {"here", "later"}
    scene.connection.execute("update calendar_connections set sync_delete_enabled = true")
    assert part_of(run(scene, full=True))["swept"] == 1


def test_a_row_that_another_writer_stored_while_google_was_listed_is_not_swept(
    scene: Scene,
) -> None:
    listed(scene)
    assert run(scene).exit_code == 0

    def write() -> None:
        now = scene.connection.execute("select clock_timestamp()").fetchone()
        assert now is not None
        stale(scene, "theirs", NOW, NOW + HOUR, last_synced_at=now[0])

    scene.emulator.add_fault(
        Fault(kind=FaultKind.MUTATE, endpoint="events.list", action=write, times=1)
    )
    assert part_of(run(scene, full=True))["swept"] == 0
    assert set(scene.titles()) == {"here", "theirs"}
    assert part_of(run(scene, full=True))["swept"] == 1
    check_heals(scene, {"here": "Here"})


def test_a_listing_without_final_token_sweeps_nothing(scene: Scene) -> None:
    listed(scene)
    stale(scene, "stale", NOW, NOW + HOUR)
    scene.emulator.add_fault(Fault(kind=FaultKind.NO_SYNC_TOKEN))
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (3, "sync_token_missing")
    assert (part["inserted"], part["swept"], scene.tokens()) == (1, 0, {})
    assert written(scene).edges == ()
    check_heals(scene, {"here": "Here"})
