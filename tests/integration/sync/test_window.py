"""The window slides: how far a run lists, what a delta may bring, and what stays behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import DAY_ONE, check_quiet, ending, part_of, run

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def at(scene: Scene, event_id: str, start: datetime, hours: float = 1, **body: Any) -> None:
    """An event that begins then."""
    end = start + timedelta(hours=hours)
    scene.put(event_id, start.isoformat(), end.isoformat(), summary=event_id, **body)


def edge(scene: Scene) -> datetime:
    found = scene.connection.execute("select edge from jobs.calendar_windows").fetchall()
    assert len(found) == 1
    moment: datetime = found[0][0]
    return moment


def bounds(scene: Scene) -> list[tuple[str, str]]:
    """timeMin and timeMax of every windowed listing."""
    return [
        (r.query["timeMin"][0], r.query["timeMax"][0])
        for r in scene.emulator.requests
        if "timeMin" in r.query
    ]


def test_a_full_run_lists_eight_days_further_than_wanted_and_remembers_that_edge(
    scene: Scene,
) -> None:
    at(scene, "past", NOW - 90 * DAY - timedelta(minutes=30))
    at(scene, "too-old", NOW - 90 * DAY - timedelta(hours=1))
    at(scene, "ahead", NOW + 188 * DAY - timedelta(seconds=1))
    at(scene, "too-far", NOW + 188 * DAY)
    assert ending(run(scene)) == (0, "succeeded")
    assert bounds(scene) == [("2026-08-26T12:00:00Z", "2027-05-31T12:00:00Z")]
    assert edge(scene) == NOW + 188 * DAY
    assert set(scene.titles()) == {"past", "ahead"}
    check_quiet(scene)


def test_a_delta_serves_for_seven_days_and_then_the_window_is_listed_anew(scene: Scene) -> None:
    at(scene, "untouched", NOW + 190 * DAY)
    assert run(scene).exit_code == 0
    scene.clock.advance(7 * DAY)
    assert part_of(run(scene))["mode"] == "incremental"
    assert scene.titles() == {}
    scene.clock.advance(timedelta(seconds=1))
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert (part["mode"], part["why_full"], part["inserted"]) == ("full", "window_moved", 1)
    assert edge(scene) == scene.clock.now().replace(microsecond=0) + 188 * DAY
    check_quiet(scene)


def test_sync_alone_reaches_every_event_as_days_go_by(scene: Scene) -> None:
    for number in range(60):
        at(scene, f"day{number:02d}", NOW + (170 + number) * DAY)
    for _ in range(14):
        assert run(scene).exit_code == 0
        now = scene.clock.now()
        due = {f"day{n:02d}" for n in range(60) if NOW + (170 + n) * DAY < now + 180 * DAY}
        assert due <= set(scene.titles())
        scene.clock.advance(3 * DAY)


def test_a_smaller_future_never_moves_the_edge_back(scene: Scene) -> None:
    at(scene, "far", NOW + 185 * DAY)
    assert run(scene).exit_code == 0
    kept = edge(scene)
    result = run(scene, full=True, future=30 * DAY)
    assert (ending(result), part_of(result)["unchanged"]) == ((0, "succeeded"), 1)
    assert edge(scene) == kept
    assert part_of(run(scene, future=30 * DAY))["mode"] == "incremental"
    assert part_of(run(scene))["mode"] == "incremental"
    assert set(scene.titles()) == {"far"}


def test_a_larger_future_lists_the_window_anew_and_is_remembered(scene: Scene) -> None:
    at(scene, "very-far", NOW + 300 * DAY)
    assert run(scene).exit_code == 0
    result = run(scene, future=365 * DAY)
    assert part_of(result)["why_full"] == "window_moved"
    assert set(scene.titles()) == {"very-far"}
    assert edge(scene) == NOW + 373 * DAY
    check_quiet(scene)


def test_a_delta_item_outside_the_window_without_a_row_is_skipped(scene: Scene) -> None:
    assert run(scene).exit_code == 0
    at(scene, "past", NOW - 91 * DAY)
    at(scene, "far", NOW + 188 * DAY)
    at(scene, "inside", NOW + 188 * DAY - timedelta(hours=1))
    part = part_of(run(scene))
    assert (part["inserted"], part["skipped"]) == (1, {"outside_window": 2})
    assert set(scene.titles()) == {"inside"}


@pytest.mark.parametrize("away", [timedelta(days=400), timedelta(days=-400)])
def test_an_event_that_is_moved_out_of_the_window_is_updated_in_place(
    scene: Scene, away: timedelta
) -> None:
    at(scene, "mover", NOW + DAY)
    assert run(scene).exit_code == 0
    (before,) = scene.rows().values()
    at(scene, "mover", NOW + away)
    part = part_of(run(scene))
    assert (part["mode"], part["updated"]) == ("incremental", 1)
    (after,) = scene.rows().values()
    assert (after["id"], after["start_at"]) == (before["id"], NOW + away)
    check_quiet(scene)
    assert part_of(run(scene, full=True))["swept"] == 0
    scene.emulator.delete_event(CALENDAR, "mover")
    assert part_of(run(scene))["deleted"] == 1


def test_rows_that_slide_out_on_the_left_stay(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    scene.clock.advance(120 * DAY)
    result = run(scene)
    assert (ending(result), part_of(result)["swept"]) == ((0, "succeeded"), 0)
    assert scene.titles() == {"one": "One"}
    scene.emulator.delete_event(CALENDAR, "one")
    assert part_of(run(scene))["deleted"] == 1


@pytest.mark.parametrize("remembered", ["forgotten", "remembered"])
def test_it_does_not_matter_whether_google_remembers_the_window(
    scene: Scene, remembered: str
) -> None:
    scene.emulator.switches.window_memory = remembered == "remembered"
    at(scene, "mover", NOW + DAY)
    assert run(scene).exit_code == 0
    at(scene, "mover", NOW + 300 * DAY)
    at(scene, "far", NOW + 300 * DAY)
    assert ending(run(scene)) == (0, "succeeded")
    assert set(scene.titles()) == {"mover"}
    check_quiet(scene)


def test_an_all_day_event_at_the_edge_is_neither_added_nor_deleted_in_turn(scene: Scene) -> None:
    scene.connection.execute("update workspaces set timezone = 'Pacific/Auckland'")
    for number in range(185, 192):
        day = (NOW + number * DAY).date()
        scene.put(f"day{number}", str(day), str(day + DAY), summary="All day")
    assert run(scene, full=True).exit_code == 0
    for _ in range(3):
        before = scene.physical()
        result = run(scene, full=True)
        assert ending(result) == (0, "succeeded")
        assert scene.physical() == before


def test_the_left_edge_of_a_first_run_is_as_far_back_as_asked(scene: Scene) -> None:
    at(scene, "old", NOW - 200 * DAY)
    assert run(scene, full=True, past=365 * DAY).exit_code == 0
    assert set(scene.titles()) == {"old"}
    assert part_of(run(scene, full=True))["swept"] == 0
    check_quiet(scene)
