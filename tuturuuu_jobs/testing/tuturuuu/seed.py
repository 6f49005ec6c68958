"""Rows to start from: each function writes one thing a person or the app would, and returns its id.

Defaults describe the ordinary case; name only what a test or the demo is about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Preferences:
    """A user's wishes for one workspace; the defaults are those of a missing row."""

    inbound: bool = True
    outbound: bool = False
    outbound_connection_id: UUID | None = None


CREATE_USER: Final[LiteralString] = """
insert into auth.users (id, email)
values (coalesce(%(id)s, gen_random_uuid()), %(email)s)
returning id
"""


def create_user(
    connection: Connection, email: str | None = None, *, user_id: UUID | None = None
) -> UUID:
    """A user, and by the platform's triggers a personal workspace with its calendars."""
    return _id(connection, CREATE_USER, {"id": user_id, "email": email})


PERSONAL_WORKSPACE: Final[LiteralString] = """
update workspaces set timezone = %(timezone)s
where creator_id = %(user_id)s and personal
returning id
"""


def personal_workspace(connection: Connection, user_id: UUID, *, timezone: str = "UTC") -> UUID:
    """The user's own workspace, which exists already; its zone is set."""
    return _id(connection, PERSONAL_WORKSPACE, {"user_id": user_id, "timezone": timezone})


CREATE_WORKSPACE: Final[LiteralString] = """
insert into workspaces (id, name, creator_id, timezone, deleted)
values (coalesce(%(id)s, gen_random_uuid()), %(name)s, %(creator_id)s, %(timezone)s, %(deleted)s)
returning id
"""


def create_workspace(
    connection: Connection,
    creator_id: UUID,
    *,
    name: str = "Team",
    timezone: str = "UTC",
    deleted: bool = False,
    ws_id: UUID | None = None,
) -> UUID:
    """A team workspace; its creator is a member."""
    values = {
        "id": ws_id,
        "name": name,
        "creator_id": creator_id,
        "timezone": timezone,
        "deleted": deleted,
    }
    return _id(connection, CREATE_WORKSPACE, values)


ADD_MEMBER: Final[LiteralString] = """
insert into workspace_members (ws_id, user_id) values (%(ws_id)s, %(user_id)s)
"""


def add_member(connection: Connection, ws_id: UUID, user_id: UUID) -> None:
    """One more member of a workspace."""
    connection.execute(ADD_MEMBER, {"ws_id": ws_id, "user_id": user_id})


CREATE_ACCOUNT: Final[LiteralString] = """
insert into calendar_auth_tokens
  (ws_id, user_id, provider, access_token, refresh_token, account_email, expires_at, is_active)
values
  (%(ws_id)s, %(user_id)s, %(provider)s, %(access_token)s, %(refresh_token)s, %(email)s,
   %(expires_at)s, %(is_active)s)
returning id
"""


def create_account(
    connection: Connection,
    ws_id: UUID,
    user_id: UUID,
    *,
    access_token: str = "access-token",
    refresh_token: str = "refresh-token",
    email: str | None = None,
    expires_at: datetime | None = None,
    provider: str = "google",
    is_active: bool = True,
) -> UUID:
    """An account at a provider that a user has connected to a workspace."""
    values = {
        "ws_id": ws_id,
        "user_id": user_id,
        "provider": provider,
        "access_token": access_token,
        "refresh_token": refresh_token,
        "email": email,
        "expires_at": expires_at,
        "is_active": is_active,
    }
    return _id(connection, CREATE_ACCOUNT, values)


CREATE_CONNECTION: Final[LiteralString] = """
insert into calendar_connections
  (ws_id, auth_token_id, provider, calendar_id, calendar_name, is_enabled, access_role,
   workspace_calendar_id)
values
  (%(ws_id)s, %(auth_token_id)s, %(provider)s, %(calendar_id)s, %(name)s, %(is_enabled)s,
   %(access_role)s, %(workspace_calendar_id)s)
returning id
"""


def create_connection(
    connection: Connection,
    ws_id: UUID,
    account_id: UUID | None,
    calendar_id: str,
    *,
    name: str | None = None,
    access_role: str | None = "owner",
    is_enabled: bool = True,
    workspace_calendar_id: UUID | None = None,
    provider: str = "google",
    inbound: bool | None = None,
    outbound: bool | None = None,
    delete: bool | None = None,
) -> UUID:
    """One of an account's calendars. The last three flags exist in the current tables only."""
    values = {
        "ws_id": ws_id,
        "auth_token_id": account_id,
        "provider": provider,
        "calendar_id": calendar_id,
        "name": name or calendar_id,
        "is_enabled": is_enabled,
        "access_role": access_role,
        "workspace_calendar_id": workspace_calendar_id,
    }
    made = _id(connection, CREATE_CONNECTION, values)
    flags = {
        "sync_inbound_enabled": inbound,
        "sync_outbound_enabled": outbound,
        "sync_delete_enabled": delete,
    }
    for column, value in flags.items():
        if value is not None:
            statement = sql.SQL("update calendar_connections set {} = %s where id = %s")
            connection.execute(statement.format(sql.Identifier(column)), (value, made))
    return made


WORKSPACE_CALENDAR: Final[LiteralString] = """
select id from private.workspace_calendars
where ws_id = %(ws_id)s and calendar_type = %(type)s::workspace_calendar_type and is_system
"""


def workspace_calendar(connection: Connection, ws_id: UUID, calendar_type: str = "primary") -> UUID:
    """The system calendar of that type: ``primary``, ``tasks`` or ``habits``."""
    return _id(connection, WORKSPACE_CALENDAR, {"ws_id": ws_id, "type": calendar_type})


CREATE_WORKSPACE_CALENDAR: Final[LiteralString] = """
insert into private.workspace_calendars (ws_id, name, color)
values (%(ws_id)s, %(name)s, %(color)s)
returning id
"""


def create_workspace_calendar(
    connection: Connection, ws_id: UUID, name: str, *, color: str = "CYAN"
) -> UUID:
    """A calendar somebody made inside the app."""
    values = {"ws_id": ws_id, "name": name, "color": color}
    return _id(connection, CREATE_WORKSPACE_CALENDAR, values)


def create_event(
    connection: Connection,
    ws_id: UUID,
    start_at: datetime,
    end_at: datetime,
    *,
    title: str = "Event",
    **columns: object,
) -> UUID:
    """An event made by hand; further columns by name, JSON ones as ``dict``."""
    values = {"ws_id": ws_id, "start_at": start_at, "end_at": end_at, "title": title, **columns}
    return _insert(connection, "workspace_calendar_events", values)


def create_google_event(
    connection: Connection,
    ws_id: UUID,
    calendar_id: str,
    event_id: str,
    *,
    start_at: datetime,
    end_at: datetime,
    **columns: object,
) -> UUID:
    """An event as an earlier sync left it, under that calendar id, old names included."""
    google: dict[str, object] = {
        "provider": "google",
        "external_calendar_id": calendar_id,
        "external_event_id": event_id,
        "google_calendar_id": calendar_id,
        "google_event_id": event_id,
        "color": "BLUE",
        "locked": True,
    }
    return create_event(connection, ws_id, start_at, end_at, **{**google, **columns})  # type: ignore[arg-type]  # title among them


CREATE_ENCRYPTION_KEY: Final[LiteralString] = """
insert into workspace_encryption_keys (ws_id, encrypted_key)
values (%(ws_id)s, %(encrypted_key)s)
returning id
"""


def create_encryption_key(connection: Connection, ws_id: UUID, encrypted_key: str) -> UUID:
    """What switches encryption on for a workspace; the key is wrapped and in base64."""
    values = {"ws_id": ws_id, "encrypted_key": encrypted_key}
    return _id(connection, CREATE_ENCRYPTION_KEY, values)


CREATE_PREFERENCES: Final[LiteralString] = """
insert into private.calendar_user_workspace_preferences
  (user_id, ws_id, default_workspace_calendar_id, inbound_sync_enabled, outbound_sync_enabled,
   default_outbound_calendar_connection_id)
values
  (%(user_id)s, %(ws_id)s, %(calendar_id)s, %(inbound)s, %(outbound)s, %(connection_id)s)
"""


def create_preferences(
    connection: Connection, user_id: UUID, ws_id: UUID, preferences: Preferences
) -> None:
    """A user's preferences row; the current tables only."""
    values = {
        "user_id": user_id,
        "ws_id": ws_id,
        "calendar_id": workspace_calendar(connection, ws_id),
        "inbound": preferences.inbound,
        "outbound": preferences.outbound,
        "connection_id": preferences.outbound_connection_id,
    }
    connection.execute(CREATE_PREFERENCES, values)


SET_HOURS: Final[LiteralString] = """
insert into workspace_calendar_hour_settings (ws_id, type, data)
values (%(ws_id)s, %(type)s::calendar_hour_type, %(data)s)
on conflict (ws_id, type) do update set data = excluded.data
"""


def set_hours(connection: Connection, ws_id: UUID, hour_type: str, data: object) -> None:
    """Hours of a type (``WORK``, ``PERSONAL``, ``MEETING``).

    The app stores them as a JSON string that contains JSON: pass ``json.dumps(...)`` for that.
    """
    values = {"ws_id": ws_id, "type": hour_type, "data": Jsonb(data)}
    connection.execute(SET_HOURS, values)


def create_habit(connection: Connection, ws_id: UUID, name: str, **columns: object) -> UUID:
    """A daily habit of 30 minutes, unless further columns say otherwise."""
    return _insert(connection, "workspace_habits", {"ws_id": ws_id, "name": name, **columns})


CREATE_BOARD: Final[LiteralString] = """
insert into workspace_boards (ws_id, name, creator_id)
values (%(ws_id)s, %(name)s, %(creator_id)s)
returning id
"""


def create_board(
    connection: Connection, ws_id: UUID, creator_id: UUID, *, name: str = "Board"
) -> UUID:
    """A board with its five default lists."""
    values = {"ws_id": ws_id, "name": name, "creator_id": creator_id}
    return _id(connection, CREATE_BOARD, values)


LIST_OF_BOARD: Final[LiteralString] = """
select id from task_lists
where board_id = %(board_id)s and status = %(status)s::task_board_status
order by position
limit 1
"""

ASSIGN_TASK: Final[LiteralString] = """
insert into task_assignees (task_id, user_id) values (%(task_id)s, %(user_id)s)
"""

SCHEDULE_TASK: Final[LiteralString] = """
insert into task_user_scheduling_settings (task_id, user_id, total_duration, auto_schedule)
values (%(task_id)s, %(user_id)s, %(hours)s, true)
"""


def create_task(
    connection: Connection,
    board_id: UUID,
    name: str,
    *,
    status: str = "not_started",
    assignees: Sequence[UUID] = (),
    hours: float | None = None,
    **columns: object,
) -> UUID:
    """A task in the board's list of that status.

    With ``hours`` every assignee wants it scheduled automatically.
    """
    list_id = _id(connection, LIST_OF_BOARD, {"board_id": board_id, "status": status})
    task_id = _insert(connection, "tasks", {"list_id": list_id, "name": name, **columns})
    for user_id in assignees:
        values = {"task_id": task_id, "user_id": user_id, "hours": hours}
        connection.execute(ASSIGN_TASK, values)
        if hours is not None:
            connection.execute(SCHEDULE_TASK, values)
    return task_id


def _insert(connection: Connection, table: str, values: dict[str, object]) -> UUID:
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(map(sql.Placeholder, values))
    statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table), columns, places
    )
    row = connection.execute(statement, {name: _adapt(value) for name, value in values.items()})
    return _first(row)


def _adapt(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value


def _id(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> UUID:
    return _first(connection.execute(statement, values))


def _first(cursor: psycopg.Cursor[Any]) -> UUID:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("no such row; was the workspace or user created?")
    found: UUID = row[0]
    return found
