"""What else a plan is made from: habits, occurrences, hours, buffers, zone, and what blocks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.scheduling.stage import NOW, Stage, data_of
from tests.integration.scheduling.staging import hours_json
from tests.unit.scheduling.building import week
from tuturuuu_jobs.scheduling.hours import DEFAULT_WEEK
from tuturuuu_jobs.scheduling.model import (
    Band,
    Blocker,
    BlockerKind,
    Buffers,
    Dependency,
    DependencyKind,
    Ending,
    Frequency,
    Habit,
    HoursType,
    MonthlyKind,
    Quota,
    Rule,
    ScopeKind,
    Snapshot,
    State,
    floor_minute,
)
from tuturuuu_jobs.testing.tuturuuu import seed

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Home:
    """A person's own workspace."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.user_id = seed.create_user(stage.connection)
        self.ws_id = seed.personal_workspace(stage.connection, self.user_id)

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def habit(self, **columns: Any) -> UUID:
        given = {"name": "Habit", "start_date": date(2026, 1, 1), **columns}
        return seed.create_habit(self.stage.connection, self.ws_id, **given)

    def event(self, start: datetime = NOW + DAY, end: datetime | None = None, **more: Any) -> UUID:
        connection = self.stage.connection
        return seed.create_event(connection, self.ws_id, start, end or start + HOUR, **more)

    def instance(self, habit: UUID, start: datetime, day: date | None = None, **more: Any) -> UUID:
        event = self.event(start, **more)
        self.execute(
            "insert into habit_calendar_events (habit_id, event_id, occurrence_date) "
            "values (%s, %s, %s)",
            habit,
            event,
            day or start.date(),
        )
        return event

    def read(self, **payload: Any) -> Snapshot:
        """The snapshot of a dry run."""
        self.stage.seen.clear()
        data_of(self.stage.preview(self.ws_id, **payload))
        [(snapshot, _)] = self.stage.seen
        return snapshot


@pytest.fixture
def home(stage: Stage) -> Home:
    return Home(stage)


def test_a_habit_is_read_column_by_column(home: Home) -> None:
    first = home.habit(name="First")
    made = datetime(2026, 1, 1, 12, tzinfo=UTC)
    second = home.habit(
        name="Second",
        priority="critical",
        calendar_hours="work_hours",
        duration_minutes=90,
        min_duration_minutes=20,
        max_duration_minutes=45,
        color="RED",
        ideal_time="06:45",
        time_preference="evening",
        frequency="monthly",
        recurrence_interval=2,
        days_of_week=[0, 6],
        monthly_type="day_of_week",
        day_of_month=31,
        week_of_month=5,
        day_of_week_monthly=3,
        start_date=date(2025, 12, 24),
        end_date=date(2026, 12, 24),
        is_splittable=True,
        min_instances_per_day=2,
        ideal_instances_per_day=3,
        max_instances_per_day=4,
        dependency_habit_id=first,
        dependency_type="after",
        created_at=made,
    )
    found = {habit.id: habit for habit in home.read().habits}
    assert found[second] == Habit(
        id=second,
        name="Second",
        weight=8,
        hours=HoursType.WORK,
        minutes=90,
        rule=Rule(Frequency.MONTHLY, 2, (0, 6), MonthlyKind.DAY_OF_WEEK, 31, 5, 3),
        start_date=date(2025, 12, 24),
        created_at=made,
        end_date=date(2026, 12, 24),
        shortest=20,
        longest=45,
        ideal=6 * 60 + 45,
        band=Band.EVENING,
        splittable=True,
        quota=Quota(2, 3, 4),
        dependency=Dependency(first, DependencyKind.AFTER),
        color="RED",
    )
    plain = found[first]
    assert (plain.weight, plain.hours, plain.minutes) == (2, HoursType.PERSONAL, 30)
    assert (plain.end_date, plain.ideal, plain.band) == (None, None, None)


def test_unset_columns_of_a_habit_have_their_usual_meaning(home: Home) -> None:
    home.habit(
        priority=None, calendar_hours=None, recurrence_interval=None, color=None, ideal_time="24:00"
    )
    [habit] = home.read().habits
    assert (habit.weight, habit.hours, habit.ideal) == (2, HoursType.PERSONAL, 0)
    assert habit.rule.interval is None


ENDED: list[tuple[dict[str, object], Ending]] = [
    ({"is_active": False}, Ending.INACTIVE),
    ({"is_active": None}, Ending.INACTIVE),
    ({"is_visible_in_calendar": False}, Ending.HIDDEN),
    ({"deleted_at": NOW}, Ending.DELETED),
]


@pytest.mark.parametrize(("columns", "ending"), ENDED)
def test_a_habit_that_ended_is_read_while_it_has_events(
    home: Home, columns: dict[str, object], ending: Ending
) -> None:
    habit = home.habit(**columns)
    assert home.read().habits == ()
    home.instance(habit, NOW + DAY)
    assert [found.ending for found in home.read().habits] == [ending]
    data_of(home.stage.run(home.ws_id))
    assert home.stage.own() == []


@pytest.mark.parametrize("switch", [False, None])
def test_a_habit_whose_scheduling_is_off_keeps_its_events(
    *, home: Home, switch: bool | None
) -> None:
    habit = home.habit(auto_schedule=switch, deleted_at=NOW)
    event = home.instance(habit, NOW + DAY)
    snapshot = home.read()
    assert snapshot.habits == ()
    assert [(b.event_id, b.kind) for b in snapshot.blockers] == [(event, BlockerKind.TAKEN_OVER)]


def test_a_habit_of_another_workspace_is_not_ours(home: Home) -> None:
    other = seed.create_workspace(home.stage.connection, home.user_id)
    habit = seed.create_habit(home.stage.connection, other, "Theirs")
    event = home.instance(habit, NOW + DAY)
    snapshot = home.read()
    assert snapshot.habits == ()
    assert [(b.event_id, b.kind) for b in snapshot.blockers] == [(event, BlockerKind.TAKEN_OVER)]


def test_instances_are_read_by_time_and_by_date(home: Home) -> None:
    habit = home.habit()
    states = {
        home.instance(habit, NOW - timedelta(hours=26)): State.PAST,
        home.instance(habit, NOW - timedelta(minutes=30)): State.STARTED,
        home.instance(habit, NOW + DAY): State.OPEN,
        home.instance(habit, NOW + DAY, external_event_id="x"): State.PUSHED,
        home.instance(habit, NOW + DAY, google_event_id="x"): State.PUSHED,
        home.instance(habit, NOW + DAY, provider="google"): State.PUSHED,
        home.instance(habit, NOW + DAY, provider=None): State.OPEN,
        home.instance(habit, NOW + 30 * DAY, NOW.date()): State.LOCKED,
        home.instance(habit, NOW + 2 * DAY, date(2025, 12, 1)): State.OPEN,
    }
    home.instance(habit, NOW - 3 * DAY)
    home.instance(habit, NOW + 30 * DAY)
    found = {instance.event_id: instance.state for instance in home.read().instances}
    assert found == states


def test_30_a_skip_counts_until_it_is_taken_back(home: Home) -> None:
    habit = home.habit()
    for day, revoked in ((6, None), (7, NOW), (30, None)):
        home.execute(
            "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date, revoked_at) "
            "values (%s, %s, %s, %s)",
            home.ws_id,
            habit,
            date(2026, 1, day),
            revoked,
        )
    assert home.read().skips == {(habit, date(2026, 1, 6))}


def test_29_a_completion_counts_with_the_event_that_did_it(home: Home) -> None:
    habit = home.habit()
    early = home.instance(habit, NOW + 3 * DAY, date(2025, 12, 1))
    for day, event in ((date(2026, 1, 5), None), (date(2025, 12, 1), early)):
        home.execute(
            "insert into habit_completions (habit_id, occurrence_date, event_id) "
            "values (%s, %s, %s)",
            habit,
            day,
            event,
        )
    assert home.read().completions == {
        (habit, date(2026, 1, 5)): None,
        (habit, date(2025, 12, 1)): early,
    }
    data_of(home.stage.run(home.ws_id))
    assert early in {row.id for row in home.stage.own()}


@pytest.mark.parametrize("encode", [json.dumps, lambda table: table])
def test_50_hours_may_be_json_inside_json(home: Home, encode: Callable[[object], object]) -> None:
    table = week("09:00-12:00 22:00-02:00")
    seed.set_hours(home.stage.connection, home.ws_id, "WORK", encode(hours_json(table)))
    hours = home.read().hours
    assert hours[HoursType.WORK] == table
    assert hours[HoursType.PERSONAL] == hours[HoursType.MEETING] == DEFAULT_WEEK


def test_hours_that_are_no_table_are_the_usual_ones_and_told(home: Home) -> None:
    seed.set_hours(home.stage.connection, home.ws_id, "MEETING", {"monday": 1})
    result = home.stage.preview(home.ws_id)
    assert [(w.code, w.subject) for w in result.warnings] == [("hours_unsound", "MEETING")]
    assert home.read().hours[HoursType.MEETING] == DEFAULT_WEEK


@pytest.mark.parametrize(
    ("settings", "buffers"),
    [
        (None, (5, 15)),
        ("{}", (5, 15)),
        ('{"min_buffer": 10, "preferred_buffer": 30}', (10, 30)),
        ('{"min_buffer": 0, "preferred_buffer": 0}', (0, 0)),
        ('{"min_buffer": 30, "preferred_buffer": 10}', (30, 30)),
        ('{"min_buffer": -1, "preferred_buffer": 241}', (5, 15)),
        ('{"min_buffer": "10", "preferred_buffer": true}', (5, 15)),
        ('{"min_buffer": 7.5, "preferred_buffer": null}', (5, 15)),
        ("[]", (5, 15)),
        ('"{\\"min_buffer\\": 20}"', (20, 20)),
        ('"no json"', (5, 15)),
    ],
)
def test_buffers_are_what_the_settings_say_sensibly(
    home: Home, settings: str | None, buffers: tuple[int, int]
) -> None:
    home.execute("update workspaces set scheduling_settings = %s", settings)
    assert home.read().buffers == Buffers(*buffers)


def test_73_breaks_are_on_where_somebody_switched_them_on(home: Home) -> None:
    home.execute("insert into workspace_settings (ws_id) values (%s)", home.ws_id)
    assert home.read().buffers == Buffers()
    home.execute("update workspace_settings set break_enabled = true")
    assert home.read().buffers == Buffers(break_every=90, break_length=15)
    home.execute(
        "update workspace_settings set break_duration_minutes = 20, break_interval_minutes = 60"
    )
    assert home.read().buffers == Buffers(break_every=60, break_length=20)
    home.execute(
        "update workspace_settings set break_duration_minutes = null, break_interval_minutes = null"
    )
    assert home.read().buffers == Buffers(break_every=90, break_length=15)


def test_48_a_workspace_without_a_zone_has_its_owners(home: Home) -> None:
    home.execute("update workspaces set timezone = 'auto'")
    home.execute("update user_private_details set timezone = 'Asia/Ho_Chi_Minh'")
    assert home.read().zone == "Asia/Ho_Chi_Minh"
    assert home.read(timezone="Europe/Berlin").zone == "Asia/Ho_Chi_Minh"
    home.execute("update user_private_details set timezone = 'auto'")
    assert home.read(timezone="Europe/Berlin").zone == "Europe/Berlin"


def test_49_without_any_zone_the_workspace_is_refused(home: Home) -> None:
    home.habit()
    home.execute("update workspaces set timezone = null")
    before = home.stage.physical()
    for result in (home.stage.run(home.ws_id), home.stage.preview(home.ws_id)):
        assert (result.exit_code, result.code) == (77, "zone_unresolved")
    assert home.stage.physical() == before


def test_a_workspace_that_is_gone_is_refused(home: Home) -> None:
    home.execute("update workspaces set deleted = true")
    result = home.stage.run(home.ws_id)
    assert (result.exit_code, result.code) == (77, "workspace_not_found")


def test_the_window_is_local_dates(home: Home) -> None:
    home.execute("update workspaces set timezone = 'Asia/Ho_Chi_Minh'")
    # Jan 5 to 11 there end at 17:00 of Jan 11 here.
    end = datetime(2026, 1, 11, 17, tzinfo=UTC)
    inside = home.event(end - timedelta(minutes=1), end + HOUR)
    home.event(end, end + HOUR)
    assert [blocker.event_id for blocker in home.read().blockers] == [inside]


def test_events_without_an_end_of_time_can_be_read(home: Home) -> None:
    home.execute(
        "insert into workspace_calendar_events (ws_id, start_at, end_at, locked) "
        "values (%s, '-infinity', 'infinity', true)",
        home.ws_id,
    )
    home.habit()
    result = home.stage.run(home.ws_id)
    assert result.data["summary"]["eventsTotal"] == 0
    assert result.data["plan_status"] == "partial"


def test_53_whole_days_are_counted_and_do_not_block(home: Home) -> None:
    day = datetime(2026, 1, 6, tzinfo=UTC)
    home.event(day, day + DAY, provider="google", external_event_id="x", locked=True)
    busy = {"v": 1, "busy": True, "all_day": True}
    holiday = home.event(
        day + DAY, day + 2 * DAY, provider="google", locked=True, scheduling_metadata=busy
    )
    free = {"v": 1, "busy": False, "all_day": False}
    home.event(provider="google", locked=True, scheduling_metadata=free)
    snapshot = home.read()
    assert [(b.event_id, b.kind, b.all_day) for b in snapshot.blockers] == [
        (holiday, BlockerKind.EXTERNAL, True)
    ]
    assert snapshot.ignored_all_day == 1
    assert data_of(home.stage.preview(home.ws_id))["summary"]["ignoredAllDay"] == 1


def test_an_event_with_two_links_is_told_and_left_alone(home: Home) -> None:
    habit, second = home.habit(), home.habit()
    event = home.instance(habit, NOW + DAY)
    home.execute(
        "insert into habit_calendar_events (habit_id, event_id, occurrence_date) "
        "values (%s, %s, '2026-01-06')",
        second,
        event,
    )
    before = home.stage.physical()
    data = data_of(home.stage.run(home.ws_id))
    told = [found for found in data["findings"] if found["code"] == "double_link"]
    assert [found["in_the_way"] for found in told] == [[str(event)]]
    assert {key: home.stage.physical()[key] for key in before} == before


def elsewhere(stage: Stage, team: UUID) -> list[Blocker]:
    """What blocks the only member's tasks because of other calendars."""
    stage.seen.clear()
    data_of(stage.preview(team))
    [snapshot] = [one for one, _ in stage.seen if one.scope.kind is ScopeKind.TASKS]
    found = [one for one in snapshot.blockers if one.kind is BlockerKind.ELSEWHERE]
    assert all(one.event_id is None for one in found)
    return sorted(found, key=lambda one: one.start)


def test_60_a_member_is_busy_with_what_their_personal_calendar_holds(home: Home) -> None:
    stage = home.stage
    team = seed.create_workspace(stage.connection, home.user_id, ws_id=UUID(int=1 << 80))
    board = seed.create_board(stage.connection, team, home.user_id)
    seed.create_task(stage.connection, board, "Task", assignees=[home.user_id], hours=1)
    home.event(NOW + HOUR)
    home.instance(home.habit(), NOW + 3 * HOUR)
    home.event(NOW + DAY, NOW + DAY)
    midnight = datetime(2026, 1, 7, tzinfo=UTC)
    home.event(midnight, midnight + DAY)
    home.event(midnight, midnight + DAY, locked=True)
    home.event(NOW - 2 * HOUR, NOW - HOUR)
    assert [(one.start, one.end) for one in elsewhere(stage, team)] == [
        (floor_minute(NOW) + 60, floor_minute(NOW) + 120),
        (floor_minute(NOW) + 180, floor_minute(NOW) + 240),
        (floor_minute(midnight), floor_minute(midnight) + 1440),
    ]


def test_60_whole_days_elsewhere_are_those_of_the_zone_there(home: Home) -> None:
    stage = home.stage
    team = seed.create_workspace(stage.connection, home.user_id)
    board = seed.create_board(stage.connection, team, home.user_id)
    seed.create_task(stage.connection, board, "Task", assignees=[home.user_id], hours=1)
    midnight_there = datetime(2026, 1, 6, 17, tzinfo=UTC)
    home.event(midnight_there, midnight_there + DAY)
    assert len(elsewhere(stage, team)) == 1
    home.execute("update workspaces set timezone = 'Asia/Ho_Chi_Minh' where id = %s", home.ws_id)
    assert elsewhere(stage, team) == []


def test_60_of_teams_only_own_pieces_count_and_only_in_earlier_ones(home: Home) -> None:
    stage, connection = home.stage, home.stage.connection
    low, middle, high = (
        seed.create_workspace(connection, home.user_id, ws_id=UUID(int=number << 80))
        for number in (1, 2, 3)
    )
    other = seed.create_user(connection)
    starts = {}
    for number, ws_id in enumerate((low, middle, high), 1):
        board = seed.create_board(connection, ws_id, home.user_id)
        task = seed.create_task(connection, board, "Task", assignees=[home.user_id], hours=9)
        for owner in (home.user_id, other):
            start = NOW + timedelta(hours=3 * number + (owner == other))
            mark = {"v": 1, "user": str(owner)}
            event = seed.create_event(
                connection, ws_id, start, start + HOUR, scheduling_metadata=mark
            )
            home.execute(
                "insert into task_calendar_events (task_id, event_id) values (%s, %s)", task, event
            )
        starts[ws_id] = floor_minute(NOW) + 180 * number
        seed.create_event(connection, ws_id, NOW + 2 * DAY, NOW + 2 * DAY + HOUR, title="Meeting")
    assert elsewhere(stage, low) == []
    assert [one.start for one in elsewhere(stage, middle)] == [starts[low]]
    assert [one.start for one in elsewhere(stage, high)] == [starts[low], starts[middle]]
    home.execute("update workspaces set deleted = true where id = %s", low)
    assert [one.start for one in elsewhere(stage, high)] == [starts[middle]]


def test_a_member_who_is_none_is_a_usage_error(home: Home) -> None:
    guest = seed.create_user(home.stage.connection)
    seed.add_member(home.stage.connection, home.ws_id, guest)
    for user_id in (UUID(int=5), guest):
        result = home.stage.run(home.ws_id, user_id=user_id)
        assert (result.exit_code, result.code) == (2, "not_a_member")
    assert home.stage.run(home.ws_id, user_id=home.user_id).exit_code == 0
