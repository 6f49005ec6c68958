"""The tables can be installed in both shapes."""

from tests.fixtures.postgres import Database
from tuturuuu_jobs.testing.tuturuuu import Shape, seed


def columns(database: Database, table: str) -> set[str]:
    with database.connect() as connection:
        rows = connection.execute(
            "select column_name from information_schema.columns where table_name = %s", (table,)
        )
        return {row[0] for row in rows}


def test_newer_columns_exist_in_the_current_shape_only(any_database: Database) -> None:
    newer = {"external_updated_at", "last_synced_at", "sync_status", "sync_error"}
    present = newer & columns(any_database, "workspace_calendar_events")
    assert present == (newer if any_database.shape is Shape.CURRENT else set())


def test_a_new_user_has_a_personal_workspace_with_its_calendars(any_database: Database) -> None:
    with any_database.connect() as connection:
        user = seed.create_user(connection, "ada@example.org")
        ws_id = seed.personal_workspace(connection, user)
        calendars = connection.execute(
            "select name, color, calendar_type::text from private.workspace_calendars"
            " where ws_id = %s order by position",
            (ws_id,),
        ).fetchall()
        members = connection.execute("select ws_id, user_id from workspace_members").fetchall()
    assert calendars == [
        ("Primary", "BLUE", "primary"),
        ("Tasks", "PURPLE", "tasks"),
        ("Habits", "GREEN", "habits"),
    ]
    assert members == [(ws_id, user)]
