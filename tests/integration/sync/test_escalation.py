"""When a delta does not tell everything about a series, the whole window is listed at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_quiet,
    ending,
    listings,
    part_of,
    run,
)

FIRST = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


def weekly(scene: Scene, count: int = 20, event_id: str = "week", **body: Any) -> None:
    """A weekly meeting at nine from 1 December."""
    scene.put(
        event_id,
        *DAY_ONE,
        summary="Weekly",
        recurrence=[f"RRULE:FREQ=WEEKLY;COUNT={count}"],
        **body,
    )


def instance(number: int) -> str:
    moment = FIRST + timedelta(weeks=number)
    return f"week_{moment:%Y%m%dT%H%M%SZ}"


def started(scene: Scene) -> None:
    weekly(scene)
    scene.put("other", *DAY_ONE, summary="Other")
    assert run(scene).exit_code == 0
    assert len(scene.titles()) == 21
    scene.emulator.clear_requests()


def test_a_deleted_series_goes_whole_though_google_names_some_instances_only(
    scene: Scene,
) -> None:
    scene.emulator.switches.tombstone_months = 2
    started(scene)
    scene.emulator.delete_event(CALENDAR, "week")
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert (part["mode"], part["why_full"]) == ("full", "series_cancelled")
    assert part["deleted"] + part["swept"] == 20
    assert part["deleted"] > 1
    assert part["swept"] > 1
    assert scene.titles() == {"other": "Other"}
    assert listings(scene) == 3
    check_quiet(scene)


def test_a_series_that_shrinks_goes_on_with_what_is_left(scene: Scene) -> None:
    started(scene)
    weekly(scene, count=17)
    result = run(scene)
    assert part_of(result)["why_full"] == "series_cancelled"
    assert set(scene.titles()) == {"other", *(instance(number) for number in range(17))}
    check_quiet(scene)


def test_a_tombstone_of_a_series_with_rows_lists_the_whole_window(scene: Scene) -> None:
    scene.emulator.switches.tombstone_months = 0
    scene.emulator.switches.master_stub = True
    started(scene)
    scene.emulator.delete_event(CALENDAR, "week")
    result = run(scene)
    part = part_of(result)
    assert (part["mode"], part["why_full"]) == ("full", "series_tombstone")
    assert part["swept"] == 20
    assert scene.titles() == {"other": "Other"}
    check_quiet(scene)


def test_one_cancelled_instance_is_deleted_without_a_full_listing(scene: Scene) -> None:
    started(scene)
    scene.emulator.cancel_instance(CALENDAR, instance(3))
    result = run(scene)
    part = part_of(result)
    assert (part["mode"], part["deleted"], listings(scene)) == ("incremental", 1, 1)
    assert instance(3) not in scene.titles()
    check_quiet(scene)


def test_a_deleted_one_off_event_needs_no_full_listing(scene: Scene) -> None:
    started(scene)
    scene.emulator.delete_event(CALENDAR, "other")
    assert part_of(run(scene))["mode"] == "incremental"
    assert len(scene.titles()) == 20


def test_a_tombstone_whose_id_merely_begins_like_others_needs_no_full_listing(
    scene: Scene,
) -> None:
    started(scene)
    scene.put("we", *DAY_ONE)
    scene.emulator.delete_event(CALENDAR, "we")
    part = part_of(run(scene))
    assert (part["mode"], part["skipped"]) == ("incremental", {"unknown_tombstone": 1})
    assert len(scene.titles()) == 21


def test_this_and_following_keeps_the_instances_that_live_on(scene: Scene) -> None:
    started(scene)
    before = {key[1]: row["id"] for key, row in scene.rows().items()}
    scene.emulator.split_series(
        CALENDAR, "week", FIRST + timedelta(weeks=5), {"summary": "Renamed"}
    )
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    titles = scene.titles()
    assert [titles[instance(n)] for n in (0, 4, 5, 19)] == [
        "Weekly",
        "Weekly",
        "Renamed",
        "Renamed",
    ]
    assert {key[1]: row["id"] for key, row in scene.rows().items()} == before
    check_quiet(scene)


def test_this_and_following_at_another_hour_leaves_no_doubles(scene: Scene) -> None:
    started(scene)
    start = {"dateTime": "2027-01-05T14:00:00Z"}
    end = {"dateTime": "2027-01-05T15:00:00Z"}
    scene.emulator.split_series(
        CALENDAR, "week", FIRST + timedelta(weeks=5), {"start": start, "end": end}
    )
    assert ending(run(scene)) == (0, "succeeded")
    hours = [row["start_at"].hour for key, row in scene.rows().items() if key[1] != "other"]
    assert sorted(hours) == [9] * 5 + [14] * 15
    check_quiet(scene)


def test_deleting_the_new_half_of_a_split_series_leaves_the_old_half(scene: Scene) -> None:
    started(scene)
    new = scene.emulator.split_series(CALENDAR, "week", FIRST + timedelta(weeks=5))
    assert run(scene).exit_code == 0
    scene.emulator.delete_event(CALENDAR, new)
    result = run(scene)
    assert part_of(result)["mode"] == "full"
    assert set(scene.titles()) == {"other", *(instance(number) for number in range(5))}
    check_quiet(scene)


def test_an_instance_deleted_with_its_series_beyond_the_window_goes_too(scene: Scene) -> None:
    weekly(scene, count=2)
    assert run(scene).exit_code == 0
    start, end = {"dateTime": "2027-12-01T09:00:00Z"}, {"dateTime": "2027-12-01T10:00:00Z"}
    scene.emulator.move_instance(CALENDAR, instance(1), start, end)
    assert part_of(run(scene))["updated"] == 1
    scene.emulator.delete_event(CALENDAR, "week")
    result = run(scene)
    assert (ending(result), part_of(result)["deleted"]) == ((0, "succeeded"), 2)
    assert scene.titles() == {}
    check_quiet(scene)


def test_a_deleted_event_takes_none_whose_id_begins_like_its_own(any_scene: Scene) -> None:
    scene = any_scene
    for event_id in ("standup", "standup2", "standup20261201"):
        scene.put(event_id, *DAY_ONE, summary=event_id)
    assert run(scene).exit_code == 0
    scene.emulator.delete_event(CALENDAR, "standup")
    result = run(scene)
    assert (ending(result), part_of(result)["deleted"]) == ((0, "succeeded"), 1)
    assert set(scene.titles()) == {"standup2", "standup20261201"}
    check_quiet(scene)
