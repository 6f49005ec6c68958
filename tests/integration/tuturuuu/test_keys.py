"""Unique keys, foreign keys and closed lists of values, with the SQLSTATE of each."""

from __future__ import annotations

import psycopg
import pytest

from tests.integration.tuturuuu.conftest import NINE, TEN, World
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

UPSERT = """
insert into workspace_calendar_events
  (ws_id, provider, external_calendar_id, external_event_id, start_at, end_at)
values {}
on conflict (ws_id, provider, external_calendar_id, external_event_id) do update
set end_at = excluded.end_at
"""
ROW = "(%s, 'google', 'c', 'e', now(), now())"


def test_a_null_in_the_four_column_key_never_conflicts(world: World) -> None:
    for row in (ROW, ROW.replace("'google'", "null"), ROW.replace("'c'", "null")):
        for _ in range(2):
            world.db.execute(UPSERT.format(row).encode(), (world.ws_id,))
    counts = world.rows(
        "select provider::text, external_calendar_id, count(*) from workspace_calendar_events"
        " group by 1, 2 order by 1, 2"
    )
    assert counts == [("google", "c", 1), ("google", None, 2), (None, "c", 2)]


def test_one_statement_must_not_name_a_key_twice(world: World) -> None:
    diag = world.fails(UPSERT.format(f"{ROW}, {ROW}"), world.ws_id, world.ws_id)
    assert diag.sqlstate == "21000"


@pytest.mark.parametrize(
    "statement",
    [
        (
            "insert into habit_calendar_events (habit_id, event_id, occurrence_date)"
            " values (gen_random_uuid(), gen_random_uuid(), now())"
            " on conflict (event_id) do nothing"
        ),
        (
            "insert into task_calendar_events (task_id, event_id)"
            " values (gen_random_uuid(), gen_random_uuid()) on conflict (event_id) do nothing"
        ),
        (
            "insert into calendar_connections (ws_id, calendar_id, calendar_name)"
            " values (gen_random_uuid(), 'c', 'c') on conflict (ws_id, calendar_id) do nothing"
        ),
        (
            "insert into calendar_connections (ws_id, calendar_id, calendar_name)"
            " values (gen_random_uuid(), 'c', 'c')"
            " on conflict (ws_id, provider, calendar_id) do nothing"
        ),
    ],
)
def test_a_conflict_target_without_its_index_is_refused(world: World, statement: str) -> None:
    assert world.fails(statement).sqlstate == "42P10"


def test_a_partial_index_is_a_conflict_target_with_its_predicate(world: World) -> None:
    statement = (
        "insert into calendar_connections (ws_id, calendar_id, calendar_name)"
        " values (%s, 'c', 'c') on conflict (ws_id, provider, calendar_id)"
        " where auth_token_id is null do nothing"
    )
    for _ in range(2):
        world.db.execute(statement.encode(), (world.ws_id,))
    assert world.rows("select count(*) from calendar_connections") == [(1,)]


def test_accounts_without_an_address_are_never_the_same(world: World) -> None:
    for _ in range(2):
        seed.create_account(world.db, world.ws_id, world.user)
    seed.create_account(world.db, world.ws_id, world.user, email="a@example.org")
    with pytest.raises(psycopg.errors.UniqueViolation):
        seed.create_account(world.db, world.ws_id, world.user, email="a@example.org")


def test_a_deleted_account_leaves_its_connections_without_one(world: World) -> None:
    account = seed.create_account(world.db, world.ws_id, world.user)
    seed.create_connection(world.db, world.ws_id, account, "c")
    world.db.execute("delete from calendar_auth_tokens")
    assert world.rows("select auth_token_id from calendar_connections") == [(None,)]


def test_an_unknown_colour_is_a_broken_reference(world: World) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        world.event(color="MAUVE")


def test_events_may_end_before_they_start(world: World) -> None:
    seed.create_event(world.db, world.ws_id, TEN, NINE)


@pytest.mark.parametrize("status", ["success", "partial", "skipped"])
def test_a_dashboard_row_knows_three_statuses(world: World, status: str) -> None:
    insert = "insert into calendar_sync_dashboard (ws_id, triggered_by, status) values (%s, %s, %s)"
    assert world.fails(insert, world.ws_id, world.user, status).sqlstate == "23514"
    world.db.execute(insert.encode(), (world.ws_id, world.user, "completed"))
    assert world.fails(insert, world.ws_id, None, "completed").sqlstate == "23502"


def test_the_sync_log_knows_no_cron(world: World) -> None:
    insert = (
        "insert into private.workspace_calendar_sync_log"
        " (ws_id, sync_started_at, status, event_snapshot_before, triggered_by)"
        " values (%s, now(), 'success', '[]', %s)"
    )
    assert world.fails(insert, world.ws_id, "cron").sqlstate == "23514"
    world.db.execute(insert.encode(), (world.ws_id, "manual"))


def test_preferences_with_nothing_but_defaults_are_refused(world: World) -> None:
    insert = (
        "insert into private.calendar_user_workspace_preferences (user_id, ws_id) values (%s, %s)"
    )
    assert world.fails(insert, world.user, world.ws_id).sqlstate == "23514"
    if world.shape is Shape.CURRENT:
        off = seed.Preferences(inbound=False)
        seed.create_preferences(world.db, world.user, world.ws_id, off)


def test_a_habit_that_others_depend_on_cannot_be_deleted(world: World) -> None:
    first = seed.create_habit(world.db, world.ws_id, "Run")
    seed.create_habit(
        world.db, world.ws_id, "Stretch", dependency_habit_id=first, dependency_type="after"
    )
    assert world.fails("delete from workspace_habits where id = %s", first).sqlstate == "23514"


def test_a_personal_workspace_stays_while_its_creator_exists(world: World) -> None:
    assert world.fails("delete from workspaces where personal").sqlstate == "23514"
    world.db.execute("delete from workspaces where not personal")


def test_a_user_has_one_personal_workspace(world: World) -> None:
    insert = "insert into workspaces (creator_id, personal) values (%s, true)"
    assert world.fails(insert, world.user).sqlstate == "23505"


def test_deleting_an_event_takes_its_links_and_empties_completions(world: World) -> None:
    habit = seed.create_habit(world.db, world.ws_id, "Run")
    board = seed.create_board(world.db, world.ws_id, world.user)
    task = seed.create_task(world.db, board, "Write", assignees=[world.user], hours=1.5)
    event = world.event()
    for statement, owner in (
        (
            (
                "insert into habit_calendar_events (event_id, habit_id, occurrence_date)"
                " values (%s, %s, '2026-03-02')"
            ),
            habit,
        ),
        (
            (
                "insert into habit_completions (event_id, habit_id, occurrence_date)"
                " values (%s, %s, '2026-03-02')"
            ),
            habit,
        ),
        ("insert into task_calendar_events (event_id, task_id) values (%s, %s)", task),
    ):
        world.db.execute(statement.encode(), (event, owner))
    world.db.execute("delete from workspace_calendar_events")
    assert world.rows("select count(*) from habit_calendar_events") == [(0,)]
    assert world.rows("select count(*) from task_calendar_events") == [(0,)]
    assert world.rows("select event_id from habit_completions") == [(None,)]
