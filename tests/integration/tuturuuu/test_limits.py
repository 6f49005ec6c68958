"""Strict limits: a trigger with 22001, and behind it CHECKs with 23514 that old rows escaped."""

from __future__ import annotations

import json

import pytest

from tests.integration.tuturuuu.conftest import World
from tuturuuu_jobs.testing.tuturuuu import seed

INSERT_TOKEN = """
insert into calendar_auth_tokens (ws_id, user_id, access_token, refresh_token)
values (%s, %s, %s, 'r')
"""


@pytest.mark.parametrize(
    ("column", "limit"),
    [
        ("title", 255),
        ("description", 10_000),
        ("location", 1000),
        ("external_event_id", 1000),
        ("external_calendar_id", 1000),
        ("google_event_id", 1000),
        ("google_calendar_id", 1000),
    ],
)
def test_a_field_of_an_event_takes_so_many_code_points_and_not_one_more(
    world: World, column: str, limit: int
) -> None:
    event = world.event(**{column: "é" * limit})
    diag = world.fails(
        f"update workspace_calendar_events set {column} = %s where id = %s",
        "é" * (limit + 1),
        event,
    )
    assert diag.sqlstate == "22001"
    expected = f"TEXT_FIELD_LENGTH_EXCEEDED: workspace_calendar_events.{column} exceeds {limit} "
    assert (diag.message_primary or "").startswith(expected)


def test_four_bytes_a_character_fill_the_byte_limit_exactly(world: World) -> None:
    world.event(title="🗓" * 255)


def test_bytes_are_limited_where_characters_would_fit(world: World) -> None:
    insert = INSERT_TOKEN.replace("token)", "token, account_email)").replace("'r')", "'r', %s)")
    diag = world.fails(insert, world.ws_id, world.user, "a", "é" * 161)
    assert diag.sqlstate == "22001"
    assert (diag.message_primary or "").startswith(
        "TEXT_FIELD_BYTES_EXCEEDED: calendar_auth_tokens.account_email exceeds 320 "
    )


def test_json_of_an_event_is_limited_in_bytes(world: World) -> None:
    world.event(scheduling_metadata={"x": "y" * 16_000})
    with pytest.raises(Exception, match=r"PAYLOAD_FIELD_BYTES_EXCEEDED: .*scheduling_metadata"):
        world.event(scheduling_metadata={"x": "y" * 16_384})


@pytest.mark.parametrize("column", ["access_token", "refresh_token"])
def test_a_token_over_2048_characters_meets_a_check_not_the_trigger(
    world: World, column: str
) -> None:
    account = seed.create_account(world.db, world.ws_id, world.user, **{column: "t" * 2048})  # type: ignore[arg-type]  # one of two names
    statement = f"update calendar_auth_tokens set {column} = %s where id = %s"
    diag = world.fails(statement, "t" * 2049, account)
    assert (diag.sqlstate, diag.constraint_name) == ("23514", f"{column}_strict_length_check")


def test_an_account_whose_token_is_too_long_already_cannot_even_be_switched_off(
    world: World,
) -> None:
    check = "access_token_strict_length_check"
    world.db.execute(f"alter table calendar_auth_tokens drop constraint {check}".encode())
    world.db.execute(INSERT_TOKEN, (world.ws_id, world.user, "t" * 2049))
    world.db.execute(
        f"alter table calendar_auth_tokens add constraint {check}"
        " check (char_length(access_token) <= 2048) not valid".encode()
    )
    diag = world.fails("update calendar_auth_tokens set is_active = false")
    assert (diag.sqlstate, diag.constraint_name) == ("23514", check)


def test_the_trigger_passes_over_what_an_update_does_not_change(world: World) -> None:
    event = world.event()
    table = "alter table workspace_calendar_events"
    world.db.execute(f"{table} drop constraint title_strict_length_check".encode())
    world.db.execute(f"{table} drop constraint title_strict_bytes_check".encode())
    world.db.execute(f"{table} disable trigger user".encode())
    world.db.execute("update workspace_calendar_events set title = repeat('x', 300)")
    world.db.execute(f"{table} enable trigger user".encode())
    world.db.execute("update workspace_calendar_events set locked = true where id = %s", (event,))
    diag = world.fails("update workspace_calendar_events set title = title || 'x'")
    assert diag.sqlstate == "22001"


def test_every_limit_but_the_documented_ones_stands_in_trigger_and_check(world: World) -> None:
    checks = world.rows(
        "select conname, convalidated from pg_constraint"
        " where conrelid = 'workspace_calendar_events'::regclass and conname like '%%strict%%'"
    )
    assert not any(validated for _, validated in checks)
    names = {name for name, _ in checks}
    assert {"title_strict_length_check", "title_strict_bytes_check"} <= names
    assert "scheduling_metadata_strict_payload_size_check" in names
    assert not {name for name in names if name.startswith("sync_error")}


def test_hours_are_limited_by_a_check_only(world: World) -> None:
    seed.set_hours(world.db, world.ws_id, "WORK", json.dumps({"monday": {}}))
    diag = world.fails(
        "update workspace_calendar_hour_settings set data = to_jsonb(repeat('x', 16384))"
    )
    assert (diag.sqlstate, diag.constraint_name) == ("23514", "data_strict_payload_size_check")
    assert world.rows("select jsonb_typeof(data) from workspace_calendar_hour_settings") == [
        ("string",)
    ]


def test_the_message_of_a_schedule_run_is_limited(world: World) -> None:
    call = "select private.upsert_scheduling_metadata(%s, 'partial', %s, 1, 2, 3, 4)"
    world.db.execute(call.encode(), (world.ws_id, "w" * 512))
    diag = world.fails(call, world.ws_id, "w" * 513)
    assert diag.sqlstate == "22001"
    assert world.rows(
        "select last_status, habits_scheduled, window_days from"
        " private.workspace_scheduling_metadata"
    ) == [("partial", 1, 30)]
