"""Accounts, their calendars, and events."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from psycopg import sql

from tuturuuu_jobs.testing.tuturuuu.seed.rows import Connection, fetch_id, insert_row


@dataclasses.dataclass(frozen=True, slots=True)
class Preferences:
    """A user's wishes for one workspace; the defaults are those of a missing row."""

    inbound: bool = True
    outbound: bool = False
    outbound_connection_id: UUID | None = None


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
    return fetch_id(connection, CREATE_ACCOUNT, values)


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
    made = fetch_id(connection, CREATE_CONNECTION, values)
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
    return fetch_id(connection, WORKSPACE_CALENDAR, {"ws_id": ws_id, "type": calendar_type})


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
    return fetch_id(connection, CREATE_WORKSPACE_CALENDAR, values)


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
    return insert_row(connection, "workspace_calendar_events", values)


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
