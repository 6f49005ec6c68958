"""What a row holds after a sync, what of it stays the owner's, and rows that cannot be stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_quiet,
    ending,
    part_of,
    put_many,
    run,
    written,
)
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.odd import odd_events
from tuturuuu_jobs.testing.tuturuuu import seed

START = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def one(scene: Scene, columns: str, event_id: str = "one") -> Any:
    """Columns of one event's row."""
    query = f"select {columns} from workspace_calendar_events where external_event_id = %s"
    return scene.connection.execute(query.encode(), (event_id,)).fetchone()


def stored(scene: Scene, event_id: str = "one", **columns: Any) -> None:
    """A row as the app or an earlier sync left it."""
    where = {"start_at": START, "end_at": START + HOUR}
    seed.create_google_event(scene.connection, scene.ws_id, CALENDAR, event_id, **where, **columns)


def test_text_that_the_table_cannot_hold_is_cleaned_and_cut(any_scene: Scene) -> None:
    scene = any_scene
    party = "\N{PARTY POPPER}"
    scene.put(
        "one",
        *DAY_ONE,
        summary="a\x00b\ud83c" + party * 300,
        location=party * 1100,
        description="d\x00" + party * 11_000,
    )
    result = run(scene)
    assert (ending(result), part_of(result)["rejected"]) == ((0, "succeeded"), [])
    title, location, description = one(scene, "title, location, description")
    odd = "\N{REPLACEMENT CHARACTER}"
    assert title == f"a{odd}b{odd}" + party * 251
    assert location == party * 1000
    assert description == f"d{odd}" + party * 9_998
    check_quiet(scene)


def test_every_odd_event_is_stored_or_rejected_by_name_and_takes_nobody_along(
    any_scene: Scene,
) -> None:
    scene = any_scene
    bodies = odd_events()
    scene.emulator.put_events(CALENDAR, bodies.values(), verbatim=True)
    scene.put("one", *DAY_ONE, summary="One")
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert {(r["event_id"], r["code"]) for r in part["rejected"]} == {
        ("inverted", "inverted_times"),
        ("mixed-date-and-time", "mixed_times"),
        ("no-times", "no_times"),
        ("not-a-time", "bad_times"),
        ("x" * 64, "id_too_long"),
    }
    assert [warning.code for warning in result.warnings] == ["events_rejected"]
    unseen = {"inverted", "mixed-date-and-time", "no-times", "not-a-time", "long-id"}
    unseen |= {"year-1900", "year-2099", "cancelled-id-only"}
    assert set(scene.titles()) == {"one", *bodies} - unseen
    check_quiet(scene)


@pytest.mark.parametrize("reason", ["color", "check", "metadata"])
def test_a_row_that_the_table_refuses_is_rejected_by_name_and_the_rest_is_kept(
    any_scene: Scene, reason: str
) -> None:
    scene = any_scene
    put_many(scene, 9)
    match reason:
        case "color":
            scene.connection.execute("delete from calendar_event_colors where value = 'PINK'")
            code = "sqlstate_23503"
        case "check":
            scene.connection.execute(
                "alter table workspace_calendar_events add check (title <> 'Bad')"
            )
            code = "sqlstate_23514"
        case _:
            stored(scene, "bad", scheduling_metadata={"theirs": "x" * 16_360})
            code = "sqlstate_22001"
    scene.put("bad", *DAY_ONE, summary="Bad", colorId="4", transparency="transparent")
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert part["rejected"] == [{"event_id": "bad", "code": code}]
    assert (part["inserted"], part["committed"], len(scene.tokens())) == (9, True, 1)
    assert [(w.code, w.subject) for w in result.warnings] == [("events_rejected", CALENDAR)]
    assert "Bad" not in str(result)
    check_quiet(scene)


def test_two_hundred_refused_rows_are_named_and_one_more_fails_the_calendar(scene: Scene) -> None:
    scene.connection.execute(
        "alter table workspace_calendar_events add check (title not like 'bad%')"
    )
    put_many(scene, 20)
    put_many(scene, 200, prefix="bad")
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["inserted"]) == ((0, "succeeded"), 20)
    assert (result.data["totals"]["rejected"], len(part["rejected"])) == (200, 100)
    before = written(scene)
    put_many(scene, 201, prefix="bad")
    failed = run(scene)
    assert ending(failed) == (1, "events_unstorable")
    assert written(scene).calendar == before.calendar


@pytest.mark.parametrize("state", ["failed", "conflict"])
def test_a_local_change_that_waits_for_google_is_left_alone(scene: Scene, state: str) -> None:
    for event_id in ("edited", "deleted"):
        scene.put(event_id, *DAY_ONE, summary="Google")
    assert run(scene).exit_code == 0
    scene.connection.execute("update calendar_connections set sync_outbound_enabled = true")
    scene.connection.execute(
        "update workspace_calendar_events set title = 'Ours', sync_status = %s, sync_error = 'x'",
        (state,),
    )
    scene.put("edited", *DAY_ONE, summary="Google again")
    scene.emulator.delete_event(CALENDAR, "deleted")
    before = scene.physical()
    result = run(scene)
    assert part_of(result)["skipped"] == {"local_change_pending": 2}
    full = run(scene, full=True)
    assert (part_of(full)["skipped"], part_of(full)["swept"]) == ({"local_change_pending": 1}, 0)
    assert scene.physical() == before
    scene.connection.execute("update calendar_connections set sync_outbound_enabled = false")
    assert ending(run(scene, full=True)) == (0, "succeeded")
    assert scene.titles() == {"edited": "Google again"}
    assert one(scene, "sync_status, sync_error", "edited") == ("synced", None)
    check_quiet(scene)


def test_a_local_change_made_while_google_was_listed_is_left_alone(scene: Scene) -> None:
    scene.put("one", *DAY_ONE, summary="Google")
    assert run(scene).exit_code == 0
    scene.connection.execute("update calendar_connections set sync_outbound_enabled = true")
    scene.put("one", *DAY_ONE, summary="Google again")
    edit = "update workspace_calendar_events set title = 'Ours', sync_status = 'failed'"
    put_many(scene, 10)
    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=1))
    scene.emulator.add_fault(
        Fault(
            kind=FaultKind.MUTATE, page=11, times=1, action=lambda: scene.connection.execute(edit)
        )
    )
    assert ending(run(scene)) == (0, "succeeded")
    assert scene.titles()["one"] == "Ours"


def test_keys_of_others_inside_the_metadata_stay(any_scene: Scene) -> None:
    scene = any_scene
    stored(scene, scheduling_metadata={"theirs": [1], "busy": "old"})
    scene.put("one", *DAY_ONE, summary="One", transparency="transparent")
    assert run(scene).exit_code == 0
    marker = {"v": 1, "busy": False, "all_day": False}
    assert one(scene, "scheduling_metadata") == ({"theirs": [1], **marker},)
    check_quiet(scene)
    scene.put("one", *DAY_ONE, summary="One")
    assert part_of(run(scene))["updated"] == 1
    assert one(scene, "scheduling_metadata") == ({"theirs": [1]},)
    check_quiet(scene)
    scene.connection.execute("update workspace_calendar_events set scheduling_metadata = '[1]'")
    assert part_of(run(scene, full=True))["updated"] == 1
    assert one(scene, "scheduling_metadata") == (None,)
    check_quiet(scene)


def test_what_belongs_to_the_owner_is_set_when_a_row_is_made_and_never_again(scene: Scene) -> None:
    home = seed.workspace_calendar(scene.connection, scene.ws_id)
    scene.connection.execute("update calendar_connections set workspace_calendar_id = %s", (home,))
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    assert one(scene, "locked, source_calendar_id") == (True, home)
    other = seed.create_workspace_calendar(scene.connection, scene.ws_id, "Other")
    task = scene.user_id
    scene.connection.execute(
        "update workspace_calendar_events"
        " set locked = false, source_calendar_id = %s, task_id = %s",
        (other, task),
    )
    scene.put("one", *DAY_ONE, summary="Renamed")
    assert part_of(run(scene))["updated"] == 1
    assert one(scene, "title, locked, source_calendar_id, task_id") == (
        "Renamed",
        False,
        other,
        task,
    )
    check_quiet(scene)


def test_owned_columns_that_somebody_spoilt_are_put_right(any_scene: Scene) -> None:
    scene = any_scene
    scene.put("one", *DAY_ONE, summary="One", location="Here", colorId="11")
    assert run(scene).exit_code == 0
    owned = "title, description, location, start_at, end_at, color, google_event_id"
    right = one(scene, owned)
    for spoil in (
        "title = 'x'",
        "description = 'x'",
        "location = null",
        "start_at = start_at - interval '1 hour'",
        "end_at = end_at + interval '1 hour'",
        "color = null",
        "google_event_id = null",
        "google_calendar_id = 'x'",
        'scheduling_metadata = \'{"v": 1, "busy": false, "all_day": true}\'',
    ):
        scene.connection.execute(f"update workspace_calendar_events set {spoil}".encode())
        assert part_of(run(scene, full=True))["updated"] == 1, spoil
        assert one(scene, owned) == right
    check_quiet(scene)


def test_a_row_made_by_an_earlier_sync_is_taken_over_under_its_own_id(any_scene: Scene) -> None:
    scene = any_scene
    stored(scene, title="Old")
    before = one(scene, "id")
    scene.put("one", *DAY_ONE, summary="New")
    assert part_of(run(scene))["updated"] == 1
    assert (one(scene, "id"), one(scene, "title")) == (before, ("New",))
    check_quiet(scene)


@pytest.mark.parametrize(
    ("workspace", "calendar", "offset"),
    [
        ("Asia/Ho_Chi_Minh", "Europe/Berlin", 7),
        ("auto", "Europe/Berlin", 1),
        ("UTC", "Asia/Tokyo", 0),
    ],
)
def test_an_all_day_event_begins_at_midnight_of_the_workspace_or_else_of_the_calendar(
    empty_scene: Scene, workspace: str, calendar: str, offset: int
) -> None:
    scene = empty_scene
    scene.connection.execute(
        "update workspaces set timezone = %s where id = %s", (workspace, scene.ws_id)
    )
    scene.add_account("ada@example.test", CALENDAR)
    scene.emulator.add_calendar(CALENDAR, owner="ada@example.test", time_zone=calendar)
    scene.put("one", "2026-12-02", "2026-12-03", summary="Day")
    assert run(scene).exit_code == 0
    midnight = datetime(2026, 12, 2, tzinfo=UTC) - timedelta(hours=offset)
    assert one(scene, "start_at, end_at") == (midnight, midnight + timedelta(days=1))
    assert one(scene, "scheduling_metadata") == ({"v": 1, "busy": True, "all_day": True},)
    check_quiet(scene)


def test_a_reader_who_sees_less_does_not_blank_what_is_known(scene: Scene) -> None:
    text = {"summary": "Secret", "location": "Here", "description": "Why"}
    scene.put("one", *DAY_ONE, **text, visibility="private")
    assert run(scene).exit_code == 0
    scene.emulator.share(CALENDAR, "ada@example.test", "freeBusyReader")
    scene.put("one", "2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z", **text, visibility="private")
    scene.put("two", *DAY_ONE, summary="Unseen")
    assert run(scene).exit_code == 0
    assert one(scene, "title, location, description") == ("Secret", "Here", "Why")
    assert one(scene, "start_at") == (START + 2 * HOUR,)
    assert one(scene, "title", "two") == ("Untitled Event",)
    check_quiet(scene)


def test_a_calendar_whose_zone_has_no_name_counts_in_utc(scene: Scene) -> None:
    scene.connection.execute("update workspaces set timezone = 'auto'")
    day = {"id": "one", "start": {"date": "2026-12-02"}, "end": {"date": "2026-12-03"}}
    body = {"timeZone": "Middle/Earth", "items": [day], "nextSyncToken": "t"}
    scene.emulator.script(CALENDAR, [{"status": 200, "body": body}])
    assert run(scene).exit_code == 0
    assert one(scene, "start_at") == (datetime(2026, 12, 2, tzinfo=UTC),)
    check_quiet(scene)


def test_a_day_before_time_began_is_rejected_by_name(scene: Scene) -> None:
    scene.connection.execute("update workspaces set timezone = 'Asia/Ho_Chi_Minh'")
    day = {"id": "one", "start": {"date": "0001-01-01"}, "end": {"date": "0001-01-02"}}
    body = {"items": [day], "nextSyncToken": "t"}
    scene.emulator.script(CALENDAR, [{"status": 200, "body": body}])
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert part_of(result)["rejected"] == [{"event_id": "one", "code": "bad_times"}]
