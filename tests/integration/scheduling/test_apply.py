"""What a plan writes, and what it never does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.scheduling.stage import NOW, Stage, data_of
from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.scheduling.apply import apply_plan
from tuturuuu_jobs.scheduling.decisions import (
    Cause,
    Delete,
    Item,
    ItemKind,
    Plan,
    Reason,
    Remedy,
    RemedyKind,
    Update,
)
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind, Snapshot
from tuturuuu_jobs.scheduling.store import Request, load_reading
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.scheduling.workspace import load_workspace
from tuturuuu_jobs.testing.tuturuuu import seed
from tuturuuu_jobs.workspaces.keys import Encryption

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclasses.dataclass
class Desk:
    """A person's own workspace with one habit at nine and one task of an hour."""

    stage: Stage
    user_id: UUID
    ws_id: UUID
    habit: UUID
    task: UUID

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def run(self, **payload: Any) -> dict[str, Any]:
        return data_of(self.stage.run(self.ws_id, **{"window_days": 7, **payload}))

    def event_of(self, item: UUID) -> Any:
        """The earliest event of the habit or task."""
        return next(row for row in self.stage.own() if row.item == item)

    def meeting(self, start: datetime, end: datetime) -> UUID:
        return seed.create_event(self.stage.connection, self.ws_id, start, end, locked=True)


@pytest.fixture
def desk(stage: Stage) -> Desk:
    connection = stage.connection
    user_id = seed.create_user(connection)
    ws_id = seed.personal_workspace(connection, user_id)
    habit = seed.create_habit(
        connection,
        ws_id,
        "Read",
        ideal_time="09:00",
        start_date=date(2026, 1, 6),
        end_date=date(2026, 1, 8),
        color="PINK",
    )
    board = seed.create_board(connection, ws_id, user_id)
    task = seed.create_task(connection, board, "Write", assignees=[user_id], hours=1.0)
    connection.execute("update task_user_scheduling_settings set calendar_hours = 'work_hours'")
    return Desk(stage, user_id, ws_id, habit, task)


def test_a_new_event_has_every_column(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    assert (row.ws_id, row.title, row.description, row.location) == (desk.ws_id, "Read", "", None)
    assert (row.start_at, row.end_at) == (NOW + 25 * HOUR, NOW + 25.5 * HOUR)
    assert (row.color, row.locked, row.is_encrypted) == ("PINK", False, False)
    assert (row.provider, row.source, row.calendar) == ("tuturuuu", "habit", "habits")
    assert row.metadata == {"v": 1, "job": "schedule"}
    assert (row.date, row.reason) == (date(2026, 1, 6), "At your ideal time 09:00.")
    row = desk.event_of(desk.task)
    assert (row.title, row.color, row.source, row.calendar) == ("Write", "BLUE", "task", "tasks")
    assert row.metadata == {"v": 1, "job": "schedule", "user": str(desk.user_id)}
    assert (row.minutes, bool(row.reason)) == (60, True)


@pytest.mark.parametrize(
    ("habit", "hours", "color"),
    [
        ("RED", "work_hours", "RED"),
        ("#ff0000", "work_hours", "BLUE"),
        (None, "meeting_hours", "CYAN"),
        ("red", None, "GREEN"),
    ],
)
def test_a_new_event_has_the_habits_colour_if_the_app_knows_it(
    desk: Desk, habit: str | None, hours: str | None, color: str
) -> None:
    desk.execute("update workspace_habits set color = %s, calendar_hours = %s", habit, hours)
    desk.run()
    assert desk.event_of(desk.habit).color == color


def test_a_colour_that_the_database_lacks_is_left_out(desk: Desk) -> None:
    desk.execute("update workspace_habits set color = null, calendar_hours = 'meeting_hours'")
    desk.execute("delete from calendar_event_colors where value = 'CYAN'")
    desk.run()
    assert desk.event_of(desk.habit).color is None


def test_without_system_calendars_an_event_has_none(desk: Desk) -> None:
    desk.execute("delete from private.workspace_calendars")
    desk.run()
    assert {row.calendar for row in desk.stage.own()} == {None}


def test_3_a_second_run_leaves_every_row_as_it_lies(desk: Desk) -> None:
    first = desk.run()
    before = desk.stage.physical()
    second = desk.run()
    assert desk.stage.physical() == before
    assert first["summary"]["eventsCreated"] == 4
    assert second["summary"] == {
        **first["summary"],
        "eventsCreated": 0,
        "eventsReused": 4,
    }


def test_a_moved_event_keeps_all_but_its_times(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    desk.execute(
        "update workspace_calendar_events set color = 'RED', description = 'Notes', "
        "location = 'Sofa' where id = %s",
        row.id,
    )
    desk.meeting(row.start_at, row.end_at)
    before = desk.stage.physical()
    data = desk.run()
    moved = desk.event_of(desk.habit)
    assert data["summary"]["eventsUpdated"] == 1
    assert moved.start_at != row.start_at
    assert moved._replace(start_at=None, end_at=None, reason=None) == row._replace(
        start_at=None, end_at=None, color="RED", description="Notes", location="Sofa", reason=None
    )
    assert moved.reason.startswith("Moved from Tue 09:00: overlaps a locked event.")
    after = desk.stage.physical()
    changed = {key for key in before if before[key] != after.get(key)}
    assert {table for table, _ in changed} == {"event", "habit link"}
    assert len(changed) == 2


def test_a_piece_of_another_length_is_worth_its_new_minutes(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.task)
    desk.stage.clock.set(NOW - HOUR)
    desk.execute("update task_user_scheduling_settings set total_duration = 0.5")
    desk.run()
    shorter = desk.event_of(desk.task)
    assert (shorter.id, shorter.minutes) == (row.id, 30)
    assert shorter.end_at - shorter.start_at == HOUR / 2


def test_a_new_name_is_a_new_title_and_the_link_stays(desk: Desk) -> None:
    desk.run()
    before = desk.stage.physical()
    reason = desk.event_of(desk.habit).reason
    desk.execute("update workspace_habits set name = 'Study'")
    assert desk.run()["summary"]["eventsUpdated"] == 3
    assert {row.title for row in desk.stage.own() if row.item == desk.habit} == {"Study"}
    assert desk.event_of(desk.habit).reason == reason
    after = desk.stage.physical()
    assert all(before[key] == after[key] for key in before if key[0] != "event")


def test_seconds_that_a_plan_cannot_see_survive_a_new_title(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    start, end = row.start_at + timedelta(seconds=30), row.end_at - timedelta(seconds=30)
    desk.execute(
        "update workspace_calendar_events set start_at = %s, end_at = %s, title = 'Old' "
        "where id = %s",
        start,
        end,
        row.id,
    )
    desk.run()
    renamed = desk.event_of(desk.habit)
    assert (renamed.title, renamed.start_at, renamed.end_at) == ("Read", start, end)


def test_30_a_skip_removes_the_event_and_is_left_alone(desk: Desk) -> None:
    desk.run()
    desk.execute(
        "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
        "values (%s, %s, '2026-01-07')",
        desk.ws_id,
        desk.habit,
    )
    before = desk.stage.physical()
    assert desk.run()["summary"]["eventsDeleted"] == 1
    after = desk.stage.physical()
    assert {key: at for key, at in before.items() if key[0] == "skip"} == {
        key: at for key, at in after.items() if key[0] == "skip"
    }
    assert date(2026, 1, 7) not in {row.date for row in desk.stage.own()}
    # Scenario 31: taken back, it is placed again.
    desk.execute("update habit_skipped_occurrences set revoked_at = now()")
    assert desk.run()["summary"]["eventsCreated"] == 1
    assert date(2026, 1, 7) in {row.date for row in desk.stage.own()}


def test_the_app_is_told_what_became_of_it(desk: Desk) -> None:
    desk.run(window_days=9)
    books = desk.stage.books(desk.ws_id)
    assert (books.last_status, books.last_message) == ("success", "everything found its place")
    assert (books.habits_scheduled, books.tasks_scheduled) == (1, 1)
    assert (books.events_created, books.bumped_habits, books.window_days) == (4, 0, 9)
    desk.meeting(NOW - DAY, NOW + 30 * DAY)
    assert desk.run()["plan_status"] == "partial"
    books = desk.stage.books(desk.ws_id)
    assert books.last_status == "partial"
    assert "4 no free time" in books.last_message


def test_a_database_without_the_apps_books_is_fine(desk: Desk) -> None:
    desk.execute("drop function private.upsert_scheduling_metadata")
    assert desk.run()["summary"]["eventsCreated"] == 4


def test_a_dry_run_shows_the_same_and_writes_nothing(desk: Desk) -> None:
    before = desk.stage.physical()
    shown = data_of(desk.stage.preview(desk.ws_id))
    assert desk.stage.physical() == before
    assert desk.stage.books(desk.ws_id) is None
    assert not desk.stage.state_dir.exists() or not any(desk.stage.state_dir.rglob("*.json"))
    done = desk.run()
    assert shown["summary"] == done["summary"]
    assert [change["action"] for change in shown["changes"]] == ["insert"] * 4
    assert "changes" not in done
    first = min(shown["changes"], key=lambda change: str(change["date"]))
    assert first["start"] == "2026-01-06T09:00:00+00:00"
    assert (first["old_start"], first["event_id"]) == (None, None)
    assert (first["cause"], first["reason"]) == ("at_ideal", "At your ideal time 09:00.")


def test_nothing_that_a_run_tells_names_a_habit_or_a_task(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    canaries = ("canary-habit", "canary-task", "canary-event")
    desk.execute("update workspace_habits set name = 'canary-habit'")
    desk.execute("update tasks set name = 'canary-task'")
    row = desk.meeting(NOW, NOW + 2 * DAY)
    desk.execute("update workspace_calendar_events set title = 'canary-event' where id = %s", row)
    with caplog.at_level("DEBUG"):
        told = [desk.stage.preview(desk.ws_id), desk.stage.run(desk.ws_id)]
    texts = [str(result.to_json()) for result in told] + [caplog.text]
    texts.append(str(desk.stage.connection.execute("select * from jobs.runs").fetchall()))
    texts.append(str(desk.stage.connection.execute("select * from jobs.events").fetchall()))
    texts.append(str(desk.stage.books(desk.ws_id)))
    texts += [path.read_text() for path in desk.stage.state_dir.rglob("*.json")]
    texts += [str(row.reason) for row in desk.stage.own()]
    assert not [canary for canary in canaries for text in texts if canary in text]


def in_masses(desk: Desk) -> None:
    """Forty events that no rule explains away."""
    for day in range(4):
        for hour in range(10):
            start = NOW + day * DAY + (hour + 1) * HOUR
            event = seed.create_event(desk.stage.connection, desk.ws_id, start, start + HOUR / 2)
            desk.execute(
                "insert into habit_calendar_events (habit_id, event_id, occurrence_date) "
                "values (%s, %s, '2026-01-06')",
                desk.habit,
                event,
            )


def test_deletions_in_masses_are_refused_until_somebody_says_yes(desk: Desk) -> None:
    in_masses(desk)
    before = desk.stage.physical()
    shown = desk.stage.preview(desk.ws_id)
    result = desk.stage.run(desk.ws_id)
    for told in (shown, result):
        assert (told.exit_code, told.code) == (1, "mass_delete_refused")
        assert told.data["status"] == "refused"
        assert "refused_mass_delete" in {found["code"] for found in told.data["findings"]}
        assert "--allow-mass-delete" in str(told.errors[0].hint)
    assert desk.stage.physical() == before
    books = desk.stage.books(desk.ws_id)
    assert (books.last_status, books.events_created) == ("failed", 0)
    data = desk.run(allow_mass_delete=True)
    assert data["summary"]["eventsDeleted"] == 39
    assert len(desk.stage.own()) == 4


def test_deletions_with_a_cause_are_not_counted_against_the_guard(desk: Desk) -> None:
    in_masses(desk)
    desk.execute("update workspace_habits set is_active = false")
    assert desk.run()["summary"]["eventsDeleted"] == 40


Edit = Callable[[Desk, UUID], None]


def move(desk: Desk, event: UUID) -> None:
    desk.execute(
        "update workspace_calendar_events set start_at = start_at + interval '40 min', "
        "end_at = end_at + interval '40 min' where id = %s",
        event,
    )


def lock(desk: Desk, event: UUID) -> None:
    desk.execute("update workspace_calendar_events set locked = true where id = %s", event)


def rename(desk: Desk, event: UUID) -> None:
    desk.execute("update workspace_calendar_events set title = 'Mine' where id = %s", event)


def remove(desk: Desk, event: UUID) -> None:
    desk.execute("delete from workspace_calendar_events where id = %s", event)


def once(action: Callable[[], None]) -> Callable[[Snapshot], None]:
    """The action before the first plan only."""
    todo = [action]

    def act(_snapshot: Snapshot) -> None:
        while todo:
            todo.pop()()

    return act


@pytest.mark.parametrize("edit", [move, lock, rename, remove])
@pytest.mark.parametrize("wanted", ["move", "delete"])
def test_74_what_somebody_edits_between_reading_and_writing_is_not_overwritten(
    desk: Desk, edit: Edit, wanted: str
) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    if wanted == "move":
        desk.meeting(row.start_at, row.end_at)
    else:
        desk.execute(
            "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
            "values (%s, %s, '2026-01-06')",
            desk.ws_id,
            desk.habit,
        )
    desk.stage.seen.clear()
    desk.stage.before_plan = once(lambda: edit(desk, row.id))
    result = desk.stage.run(desk.ws_id)
    assert result.exit_code == 0
    assert result.attempts == 1
    assert [scope["replanned"] for scope in result.data["scopes"]] == [1]
    assert len(desk.stage.seen) == 2
    found = [one for one in desk.stage.own() if one.id == row.id]
    if edit is lock:
        # Nobody touches it, however it stands.
        assert [(one.start_at, one.locked) for one in found] == [(row.start_at, True)]
    elif edit is remove:
        assert found == []
    elif edit is move and wanted == "move":
        # Where the person put it is a good place, so the new plan leaves it there.
        assert [one.start_at for one in found] == [row.start_at + timedelta(minutes=40)]
    check_settled(desk)


def check_settled(desk: Desk) -> None:
    """One more run changes nothing, and no habit date or task minute is there twice."""
    before = desk.stage.physical()
    desk.run()
    assert desk.stage.physical() == before
    rows = desk.stage.own()
    dates = [row.date for row in rows if row.item == desk.habit]
    assert len(dates) == len(set(dates))
    worth = sum(((row.end_at - row.start_at) for row in rows if row.item == desk.task), HOUR * 0)
    assert worth == HOUR


def test_a_habit_that_goes_while_it_is_planned_is_planned_without(desk: Desk) -> None:
    desk.stage.before_plan = once(lambda: desk.execute("delete from workspace_habits"))
    data = desk.run()
    assert [scope["replanned"] for scope in data["scopes"]] == [1]
    assert {row.item for row in desk.stage.own()} == {desk.task}


def test_somebody_who_never_stops_editing_makes_the_run_come_back_later(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    desk.meeting(row.start_at, row.end_at)

    def touch(_snapshot: Snapshot) -> None:
        desk.execute(
            "update workspace_calendar_events set color = 'RED' where id = %s",
            row.id,
        )

    desk.stage.before_plan = touch
    desk.stage.seen.clear()
    result = desk.stage.run(desk.ws_id)
    assert (result.exit_code, result.code) == (69, "serialization_failure")
    assert len(desk.stage.seen) == 4
    desk.stage.before_plan = lambda _snapshot: None
    desk.run()
    check_settled(desk)


def test_an_event_that_begins_while_it_is_planned_is_not_moved(desk: Desk) -> None:
    desk.run()
    row = desk.event_of(desk.habit)
    desk.stage.clock.set(row.start_at - timedelta(minutes=3))
    desk.meeting(row.start_at - HOUR, row.end_at)
    desk.stage.before_plan = once(lambda: desk.stage.clock.advance(timedelta(minutes=5)))
    data = desk.run(force=True)
    assert [scope["replanned"] for scope in data["scopes"]] == [1]
    found = desk.event_of(desk.habit)
    assert (found.id, found.start_at) == (row.id, row.start_at)


OTHERS = {
    "moved": "update workspace_calendar_events set start_at = start_at + interval '1 second'",
    "longer": "update workspace_calendar_events set end_at = end_at + interval '1 second'",
    "locked": "update workspace_calendar_events set locked = true",
    "sent to a provider": "update workspace_calendar_events set external_event_id = id::text",
    "sent long ago": "update workspace_calendar_events set google_event_id = id::text",
    "another's": "update workspace_calendar_events set provider = 'google'",
    "deleted": "delete from workspace_calendar_events",
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("kind", [Delete, Update])
def test_a_row_that_is_not_as_it_was_read_is_not_written(
    desk: Desk, what: str, kind: type[Delete | Update]
) -> None:
    """The statements themselves look at the row, whatever the transaction may notice."""
    desk.run()
    connection = desk.stage.connection
    workspace = load_workspace(connection, desk.ws_id, None)
    scope = Scope(ScopeKind.JOINT, desk.user_id)
    reading = load_reading(
        connection, Request(workspace, scope, NOW, 7, False, Encryption(on=False))
    )
    [row, *_] = reading.snapshot.instances
    item = Item(
        ItemKind.HABIT, desk.habit, row.date, row.start + 60, row.end + 60, row.event_id, ""
    )
    reason = Reason(Cause.BETTER_PLACE, "Because.")
    change: Delete | Update = Update(item, reason, row.start, row.end)
    if kind is Delete:
        change = Delete(
            ItemKind.HABIT, desk.habit, row.date, row.event_id, row.start, row.end, reason
        )
    desk.execute(OTHERS[what])
    lying = desk.stage.physical()
    with pytest.raises(UnavailableError) as caught, connection.transaction():
        apply_plan(connection, reading, Plan(changes=(change,)), now=NOW, new_id=uuid4)
    assert caught.value.code == "calendar_moved"
    assert desk.stage.physical() == lying


def test_a_plan_that_touches_what_is_not_open_writes_nothing(desk: Desk) -> None:
    """Whatever a planner says: the statements themselves look at the row."""
    desk.run()
    row = desk.event_of(desk.habit)
    lock(desk, row.id)
    real = desk.stage.planner

    def wild(snapshot: Snapshot) -> Plan:
        made = real(snapshot)
        item = next(item for item in made.items if item.event_id == row.id)
        moved = dataclasses.replace(item, start=item.start + 60, end=item.end + 60)
        reason = Reason(Cause.BETTER_PLACE, "Because.")
        return dataclasses.replace(made, changes=(Update(moved, reason, item.start, item.end),))

    before = desk.stage.physical()
    desk.stage.planner = wild
    result = desk.stage.run(desk.ws_id)
    assert (result.exit_code, result.code) == (69, "calendar_moved")
    assert desk.stage.physical() == before


def advise(_snapshot: Snapshot, made: Plan) -> Plan:
    """The same plan, each finding with a remedy."""
    remedy = Remedy(RemedyKind.WIDER_WINDOW, "14", "Look further ahead.")
    told = tuple(dataclasses.replace(one, remedy=remedy) for one in made.findings)
    return dataclasses.replace(made, findings=told)


def test_what_found_no_place_is_advised_once_everything_is_written(desk: Desk) -> None:
    desk.meeting(NOW - DAY, NOW + 30 * DAY)
    asked: list[list[Any]] = []

    def suggest(snapshot: Snapshot, made: Plan) -> Plan:
        asked.append([desk.stage.books(desk.ws_id).last_status])
        return advise(snapshot, made)

    desk.stage.suggest = suggest
    data = desk.run()
    assert asked == [["partial"]]
    assert {found["remedy"]["value"] for found in data["findings"]} == {"14"}


def test_nobody_is_kept_waiting_for_advice(desk: Desk) -> None:
    desk.meeting(NOW - DAY, NOW + 30 * DAY)
    desk.stage.suggest = advise
    request = RunRequest(attempts=1, deadline_s=9)
    payload = SchedulePayload(desk.ws_id, window_days=7)
    result = run_job(desk.stage.job(), payload, request, desk.stage.runtime())
    assert result.exit_code == 0
    assert {found["remedy"] for found in result.data["findings"]} == {None}
