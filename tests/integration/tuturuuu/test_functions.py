"""The platform's functions behave as they really do, faults included."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.fixtures.postgres import Database
from tests.integration.tuturuuu.conftest import World
from tuturuuu_jobs.testing.tuturuuu import seed

START, END = "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z"


def token_operation(world: World, operation: str, token: str | None = None) -> tuple[Any, ...]:
    call = (
        "select sync_token, success, message from"
        " atomic_sync_token_operation(%s, 'primary', %s, %s)"
    )
    return world.rows(call, world.ws_id, operation, token)[0]


def element(world: World, **fields: object) -> dict[str, object]:
    given = {"ws_id": str(world.ws_id), "google_event_id": "e", "start_at": START, "end_at": END}
    return {**given, **fields}


def upsert(world: World, *elements: dict[str, object]) -> dict[str, int]:
    answer: dict[str, int] = world.rows(
        "select upsert_calendar_events_and_count(%s)", Jsonb(list(elements))
    )[0][0]
    return answer


def test_getting_a_sync_token_always_fails_even_when_there_is_one(world: World) -> None:
    assert token_operation(world, "update", "t") == ("t", True, "Sync token updated")
    assert token_operation(world, "get") == (
        "",
        False,
        'Error: column reference "sync_token" is ambiguous',
    )
    assert world.rows("select sync_token from calendar_sync_states") == [("t",)]


def test_updating_and_clearing_a_sync_token_work(world: World) -> None:
    token_operation(world, "update", "a")
    assert token_operation(world, "update", None)[:2] == (None, True)
    for _ in range(2):
        assert token_operation(world, "clear")[:2] == ("", True)
    assert token_operation(world, "read") == ("", False, "Invalid operation specified")
    assert world.rows("select count(*) from calendar_sync_states") == [(0,)]


def test_token_operations_report_errors_instead_of_raising_them(world: World) -> None:
    assert token_operation(world, "update", "t" * 2049)[1] is False
    call = "select success from atomic_sync_token_operation(gen_random_uuid(), 'p', 'update', 't')"
    assert world.rows(call) == [(False,)]


def test_upserting_counts_inserts_and_updates(world: World) -> None:
    assert upsert(world, element(world), element(world, google_event_id="f")) == {
        "inserted": 2,
        "updated": 0,
    }
    assert upsert(world, element(world, title="New")) == {"inserted": 0, "updated": 1}
    assert world.rows(
        "select provider::text, external_calendar_id, title from workspace_calendar_events"
        " where external_event_id = 'e'"
    ) == [("google", "primary", "New")]


@pytest.mark.parametrize(
    "fields",
    [
        {"ws_id": None},
        {"ws_id": "ABCDEF00-0000-4000-8000-000000000000"},
        {"google_event_id": ""},
        {"start_at": None},
        {"end_at": START},
    ],
    ids=["no workspace", "upper case", "no event id", "no start", "zero length"],
)
def test_upserting_drops_what_it_does_not_like_without_a_word(
    world: World, fields: dict[str, object]
) -> None:
    assert upsert(world, element(world, **fields)) == {"inserted": 0, "updated": 0}


def test_upserting_a_key_twice_fails_as_a_whole(world: World) -> None:
    with pytest.raises(psycopg.errors.CardinalityViolation):
        upsert(world, element(world), element(world))


def test_upserting_resets_lock_task_and_colour(world: World) -> None:
    task = "00000000-0000-4000-8000-000000000001"
    upsert(world, element(world, locked=True, task_id=task, color="RED"))
    upsert(world, element(world))
    assert world.rows("select locked, task_id, color from workspace_calendar_events") == [
        (False, None, None)
    ]


def test_upserting_keeps_encrypted_text_and_the_source_calendar(world: World) -> None:
    source = str(seed.workspace_calendar(world.db, world.ws_id))
    upsert(world, element(world, title="c1ph3r", is_encrypted=True, source_calendar_id=source))
    upsert(world, element(world, title="plain", location="here"))
    rows = world.rows(
        "select title, location, is_encrypted, source_calendar_id::text"
        " from workspace_calendar_events"
    )
    assert rows == [("c1ph3r", None, True, source)]


def test_a_new_sync_status_defaults_to_synced(database: Database) -> None:
    with database.connect() as connection:
        user = seed.create_user(connection)
        world = World(connection, user, seed.create_workspace(connection, user), database.shape)
        upsert(world, element(world), element(world, google_event_id="f", sync_status="odd"))
        assert world.rows("select distinct sync_status from workspace_calendar_events") == [
            ("synced",)
        ]


def test_each_kind_of_event_has_its_default_calendar(world: World) -> None:
    for source, calendar in (("manual", "primary"), ("task", "tasks"), ("habit", "habits")):
        found = world.rows("select get_default_calendar_for_event(%s, %s)", world.ws_id, source)
        assert found == [(seed.workspace_calendar(world.db, world.ws_id, calendar),)]


def test_an_external_calendar_cannot_be_made_without_a_signed_in_user(world: World) -> None:
    call = "select get_or_create_external_calendar(%s, 'c', 'c')"
    assert world.fails(call, world.ws_id).sqlstate == "P0001"


def test_tasks_are_listed_with_the_wishes_of_one_user(world: World) -> None:
    board = seed.create_board(world.db, world.ws_id, world.user)
    other = seed.create_user(world.db, "bob@example.org")
    mine = seed.create_task(world.db, board, "Mine", assignees=[world.user], hours=1.5)
    seed.create_task(world.db, board, "Theirs", assignees=[other], hours=1)
    done = seed.create_task(world.db, board, "Done", status="done", assignees=[world.user])
    query = (
        "select task_id, sched_total_duration, sched_auto_schedule, task_completed"
        " from get_user_tasks_with_relations(%s, %s{}) order by task_display_number"
    )
    assert world.rows(query.format(""), world.user, world.ws_id) == [(mine, 1.5, True, False)]
    all_statuses = ", p_list_statuses => '{not_started,active,review,done}'"
    rows = world.rows(query.format(all_statuses), world.user, world.ws_id)
    assert rows == [(mine, 1.5, True, False), (done, None, None, True)]


def test_the_personal_workspace_sees_assignments_everywhere(world: World) -> None:
    board = seed.create_board(world.db, world.ws_id, world.user)
    task = seed.create_task(world.db, board, "Team", assignees=[world.user])
    personal = seed.personal_workspace(world.db, world.user)
    own_board = seed.create_board(world.db, personal, world.user)
    own = seed.create_task(world.db, own_board, "Own")
    query = "select task_id from get_user_tasks_with_relations(%s)"
    assert {row[0] for row in world.rows(query, world.user)} == {task, own}
    world.db.execute("update workspace_boards set archived_at = now() where id = %s", (board,))
    assert world.rows(query, world.user) == [(own,)]
