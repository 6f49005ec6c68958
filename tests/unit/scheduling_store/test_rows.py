"""What a row of the calendar is to a scope: every line of the table of what blocks."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.unit.scheduling.building import moment, named, span
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Instance,
    Piece,
    Scope,
    ScopeKind,
    State,
    instant_of,
)
from tuturuuu_jobs.scheduling.rows import EventRow, HabitLink, Sorted, TaskLink, View, sort_rows

ME, OTHER = named("me"), named("other")
HABIT, TASK, GONE = named("habit"), named("task"), named("gone")
DAY = date(2026, 1, 6)
JOINT, HABITS = Scope(ScopeKind.JOINT, ME), Scope(ScopeKind.HABITS)
TASKS = Scope(ScopeKind.TASKS, ME)

MINE = TaskLink(TASK, ME, 60, completed=False)
HABITUAL = HabitLink(HABIT, DAY)


def row(
    text: str = "Jan 6 09:00-10:00",
    *links: HabitLink | TaskLink,
    locked: bool = False,
    external: bool = False,
    metadata: object = None,
) -> EventRow:
    start, end = span(text)
    return EventRow(
        id=named(f"e{start}"),
        start_at=instant_of(start),
        end_at=instant_of(end),
        title="Title",
        locked=locked,
        external=external,
        metadata=metadata,
        habits=tuple(link for link in links if isinstance(link, HabitLink)),
        tasks=tuple(link for link in links if isinstance(link, TaskLink)),
    )


def sort(*rows: EventRow, scope: Scope = JOINT, zone: str = "UTC") -> Sorted:
    view = View(
        scope=scope,
        now=moment("Jan 5 08:00"),
        end=moment("Jan 12 00:00"),
        zone=ZoneInfo(zone),
        habits=frozenset({HABIT}) if scope.kind is not ScopeKind.TASKS else frozenset(),
        tasks=frozenset({TASK}) if scope.user_id else frozenset(),
    )
    return sort_rows(rows, view)


def kind(found: Sorted) -> BlockerKind | None:
    """The kind of the only blocker; nothing else may have been found."""
    assert not found.instances
    assert not found.pieces
    [blocker] = found.blockers or [None]
    return None if blocker is None else blocker.kind


@pytest.mark.parametrize(
    ("event", "blocks"),
    [
        (row(locked=True), BlockerKind.LOCKED),
        (row(), BlockerKind.MANUAL),
        (row(external=True, locked=True), BlockerKind.EXTERNAL),
        (row(external=True), BlockerKind.EXTERNAL),
        (row("Jan 6 00:00-24:00", external=True, locked=True), None),
        (row("Jan 6 00:00-24:00"), None),
        (row("Jan 6 00:00-24:00", locked=True), BlockerKind.LOCKED),
        (row("Jan 6 00:00-48:00", external=True), None),
        (row("Jan 6 00:00-23:59"), BlockerKind.MANUAL),
        (row("Jan 6 01:00-25:00"), BlockerKind.MANUAL),
        (row("Jan 6 09:00-09:00", locked=True), None),
        (row("Jan 6 10:00-09:00", locked=True), None),
        (row("Jan 5 07:00-08:00", locked=True), None),
        (row("Jan 5 07:00-08:01", locked=True), BlockerKind.LOCKED),
        (row("Jan 12 00:00-01:00", locked=True), None),
        (row("Jan 11 23:00-25:00", locked=True), BlockerKind.LOCKED),
    ],
)
@pytest.mark.parametrize("scope", [JOINT, HABITS, TASKS])
def test_what_is_nobodys_habit_or_task_blocks_by_its_kind(
    event: EventRow, blocks: BlockerKind | None, scope: Scope
) -> None:
    assert kind(sort(event, scope=scope)) is blocks


@pytest.mark.parametrize(
    ("busy", "all_day", "blocks"),
    [
        (True, True, BlockerKind.EXTERNAL),
        (True, False, BlockerKind.EXTERNAL),
        (False, True, None),
        (False, False, None),
    ],
)
def test_the_mark_of_the_sync_is_believed_before_lock_and_length(
    *, busy: bool, all_day: bool, blocks: BlockerKind | None
) -> None:
    mark = {"v": 1, "busy": busy, "all_day": all_day, "theirs": 1}
    for text in ("Jan 6 00:00-24:00", "Jan 6 09:00-10:00"):
        found = sort(row(text, external=True, locked=True, metadata=mark))
        assert kind(found) is blocks
        assert [blocker.all_day for blocker in found.blockers] == [all_day] * len(found.blockers)
        assert found.ignored_all_day == (all_day and not busy)


@pytest.mark.parametrize("metadata", [None, {}, [], "busy", {"busy": False}, {"v": 1, "busy": 0}])
def test_a_mark_that_is_not_whole_says_nothing(metadata: object) -> None:
    assert kind(sort(row(external=True, metadata=metadata))) is BlockerKind.EXTERNAL


@pytest.mark.parametrize(
    ("zone", "text", "blocks"),
    [
        ("Asia/Ho_Chi_Minh", "Jan 5 17:00-41:00", None),
        ("Asia/Ho_Chi_Minh", "Jan 6 00:00-24:00", None),
        ("Asia/Ho_Chi_Minh", "Jan 6 05:00-29:00", BlockerKind.MANUAL),
    ],
)
def test_53_whole_days_are_those_of_the_zone_or_of_utc(
    zone: str, text: str, blocks: BlockerKind | None
) -> None:
    found = sort(row(text), zone=zone)
    assert kind(found) is blocks
    assert found.ignored_all_day == (blocks is None)


def test_a_day_whose_midnight_the_clocks_skip_is_a_whole_day() -> None:
    start, end = span("2026-04-23 22:00-45:00")
    holiday = dataclasses.replace(row(), start_at=instant_of(start), end_at=instant_of(end))
    view = View(
        JOINT,
        moment("2026-04-20 08:00"),
        moment("2026-05-20 08:00"),
        ZoneInfo("Africa/Cairo"),
        frozenset(),
        frozenset(),
    )
    assert sort_rows([holiday], view).ignored_all_day == 1


def test_a_blockers_seconds_are_widened_away() -> None:
    odd = dataclasses.replace(
        row(locked=True),
        start_at=moment("Jan 6 09:00") + timedelta(seconds=59),
        end_at=moment("Jan 6 10:00") + timedelta(microseconds=1),
    )
    [blocker] = sort(odd).blockers
    assert (blocker.start, blocker.end) == span("Jan 6 09:00-10:01")


@pytest.mark.parametrize(
    ("text", "changes", "state"),
    [
        ("Jan 6 09:00-10:00", {}, State.OPEN),
        ("Jan 6 09:00-10:00", {"locked": True}, State.LOCKED),
        ("Jan 6 09:00-10:00", {"external": True}, State.PUSHED),
        ("Jan 6 09:00-10:00", {"external": True, "locked": True}, State.PUSHED),
        ("Jan 5 07:30-08:30", {}, State.STARTED),
        ("Jan 5 07:59-08:30", {"locked": True}, State.STARTED),
        ("Jan 5 08:00-08:30", {}, State.OPEN),
        ("Jan 5 07:30-08:00", {}, State.PAST),
        ("Jan 12 00:00-01:00", {}, State.LOCKED),
        ("Jan 11 23:30-24:30", {}, State.OPEN),
    ],
)
def test_an_own_event_has_a_state_and_blocks_by_itself(
    text: str, changes: dict[str, bool], state: State
) -> None:
    found = sort(row(text, HABITUAL, **changes))
    assert [instance.state for instance in found.instances] == [state]
    assert not found.blockers
    found = sort(row(text, MINE, **changes))
    assert [piece.state for piece in found.pieces] == [state]
    assert not found.blockers


def test_an_instance_keeps_its_date_and_a_piece_its_worth() -> None:
    [instance] = sort(row("Jan 7 00:30-01:30", HABITUAL)).instances
    start, end = span("Jan 7 00:30-01:30")
    assert instance == Instance(named(f"e{start}"), HABIT, DAY, start, end, State.OPEN, "Title")
    done = TaskLink(TASK, ME, 45, completed=True)
    [piece] = sort(row("Jan 7 00:30-01:30", done)).pieces
    assert piece == Piece(
        named(f"e{start}"), TASK, start, end, State.OPEN, 45, completed=True, title="Title"
    )


def test_an_own_event_that_is_upside_down_is_ours_and_empty() -> None:
    [instance] = sort(row("Jan 6 10:00-09:00", HABITUAL)).instances
    assert instance.start == instance.end == span("Jan 6 10:00-10:00")[0]


def test_what_the_user_took_over_blocks() -> None:
    assert kind(sort(row("Jan 6 09:00-10:00", HabitLink(GONE, DAY)))) is BlockerKind.TAKEN_OVER
    taken = TaskLink(GONE, ME, 60, completed=False)
    assert kind(sort(row("Jan 6 09:00-10:00", taken))) is BlockerKind.TAKEN_OVER


@pytest.mark.parametrize("scope", [JOINT, HABITS, TASKS])
@pytest.mark.parametrize("locked", [False, True])
def test_58_another_persons_piece_does_not_block(*, scope: Scope, locked: bool) -> None:
    theirs = TaskLink(TASK, OTHER, 60, completed=False)
    found = sort(row("Jan 6 00:00-24:00", theirs, locked=locked), scope=scope)
    assert kind(found) is None
    assert found.ignored_all_day == 0


@pytest.mark.parametrize("scope", [JOINT, HABITS, TASKS])
def test_a_piece_of_nobody_knows_whom_blocks(scope: Scope) -> None:
    unknown = TaskLink(TASK, None, 60, completed=False)
    found = sort(row("Jan 6 09:00-10:00", unknown), scope=scope)
    assert kind(found) is BlockerKind.UNKNOWN_OWNER


def test_59_habits_of_the_team_block_its_members_and_not_the_other_way_round() -> None:
    events = row("Jan 6 09:00-10:00", HABITUAL), row("Jan 6 11:00-12:00", MINE)
    member = sort(*events, scope=TASKS)
    assert [blocker.kind for blocker in member.blockers] == [BlockerKind.OTHER_SCOPE]
    assert len(member.pieces) == 1
    team = sort(*events, scope=HABITS)
    assert len(team.instances) == 1
    assert not team.blockers
    assert not team.pieces


@pytest.mark.parametrize("scope", [JOINT, HABITS, TASKS])
@pytest.mark.parametrize(
    "links", [(HABITUAL, MINE), (HABITUAL, HabitLink(GONE, DAY)), (MINE, MINE)]
)
def test_an_event_with_two_links_blocks_and_is_nobodys(
    scope: Scope, links: tuple[HabitLink | TaskLink, ...]
) -> None:
    found = sort(row("Jan 6 09:00-10:00", *links), scope=scope)
    assert kind(found) is BlockerKind.DOUBLE_LINK


def test_every_row_ends_up_in_one_place_at_most() -> None:
    events = [
        row("Jan 6 09:00-10:00"),
        row("Jan 6 10:00-11:00", HABITUAL),
        row("Jan 6 11:00-12:00", MINE),
        row("Jan 6 12:00-13:00", HABITUAL, MINE),
        row("Jan 7 00:00-24:00", external=True),
    ]
    found = sort(*events)
    ids: list[UUID | None] = [blocker.event_id for blocker in found.blockers]
    ids += [instance.event_id for instance in found.instances]
    ids += [piece.event_id for piece in found.pieces]
    assert sorted(map(str, ids)) == sorted(str(event.id) for event in events[:4])
    assert found.ignored_all_day == 1


def test_a_blocker_is_what_the_planner_reads() -> None:
    start, end = span("Jan 6 09:00-10:00")
    [blocker] = sort(row()).blockers
    assert blocker == Blocker(start, end, BlockerKind.MANUAL, named(f"e{start}"))
    assert isinstance(row().start_at, datetime)
