"""The workspace, its accounts and calendars, as a sync reads them.

Newer columns are used where the database has them: the catalog is asked once per attempt. Secrets
of an account are read here and leave only towards Google.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.errors import RejectedError, SettingsError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.runtime.schema import rows_hidden
from tuturuuu_jobs.sync.model import Account, Calendar, CalendarState, Tokens, Workspace
from tuturuuu_jobs.sync.plan import FINGERPRINT
from tuturuuu_jobs.workspaces.zones import is_unset, parse_zone


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Which of the newer parts this database has.

    Attributes:
        sync_columns: ``sync_status`` and its siblings on events.
        connection_flags: Inbound, outbound and delete switches on connections.
        preference_flags: The owner's inbound switch.
        jobs: Our own schema; absent only for previews.
        roles: The roles that listings told, in our own schema; older only for previews.
    """

    sync_columns: bool
    connection_flags: bool
    preference_flags: bool
    jobs: bool
    roles: bool


_SHAPE: Final[LiteralString] = """
select to_regclass('public.workspace_calendar_events') is not null
           and to_regclass('public.calendar_auth_tokens') is not null as known,
       exists (select from pg_attribute
               where attrelid = to_regclass('public.workspace_calendar_events')
                 and attname = 'sync_status' and not attisdropped) as sync_columns,
       exists (select from pg_attribute
               where attrelid = to_regclass('public.calendar_connections')
                 and attname = 'sync_inbound_enabled' and not attisdropped) as connection_flags,
       exists (select from pg_attribute
               where attrelid = to_regclass('private.calendar_user_workspace_preferences')
                 and attname = 'inbound_sync_enabled' and not attisdropped) as preference_flags,
       to_regclass('jobs.calendar_windows') is not null as jobs,
       exists (select from pg_attribute
               where attrelid = to_regclass('jobs.calendar_windows')
                 and attname = 'access_role' and not attisdropped) as roles,
       (select bool_or(row_security_active(to_regclass('public.' || needed)::oid))
        from unnest(array['workspace_calendar_events', 'calendar_auth_tokens',
                          'calendar_connections', 'calendar_sync_states']) as needed) as hidden
"""


def load_shape(connection: psycopg.Connection[Any]) -> Shape:
    """Ask the catalog what this database is.

    Raises:
        SettingsError: It is not a Tuturuuu database, or row security hides rows from this role;
            an empty answer would then look like a workspace without work.
    """
    with translated_errors():
        row = connection.cursor(row_factory=dict_row).execute(_SHAPE).fetchone() or {}
    if not row.pop("known", False):
        raise SettingsError(
            "the database has no Tuturuuu tables",
            code="not_tuturuuu",
            subject="DATABASE_URL",
            hint="point DATABASE_URL at Tuturuuu's own database",
        )
    if row.pop("hidden"):
        raise rows_hidden()
    return Shape(**row)


_WORKSPACE: Final[LiteralString] = """
select timezone, creator_id from public.workspaces where id = %(ws)s and deleted is not true
"""

_INBOUND: Final[LiteralString] = """
select inbound_sync_enabled from private.calendar_user_workspace_preferences
where ws_id = %(ws)s and user_id = %(owner)s
"""

_ACCOUNTS: Final[LiteralString] = """
select id, access_token, refresh_token, expires_at, account_email
from public.calendar_auth_tokens
where ws_id = %(ws)s and provider = 'google' and is_active
order by created_at, id
"""

_CONNECTIONS: Final[LiteralString] = """
select auth_token_id, calendar_id, workspace_calendar_id, access_role, is_enabled,
       sync_inbound_enabled, sync_outbound_enabled, sync_delete_enabled
from public.calendar_connections
where ws_id = %(ws)s and provider = 'google'
order by created_at, id
"""

_CONNECTIONS_ERA: Final[LiteralString] = """
select auth_token_id, calendar_id, workspace_calendar_id, access_role, is_enabled,
       true as sync_inbound_enabled, false as sync_outbound_enabled, true as sync_delete_enabled
from public.calendar_connections
where ws_id = %(ws)s and provider = 'google'
order by created_at, id
"""


def load_workspace(connection: psycopg.Connection[Any], ws_id: UUID, shape: Shape) -> Workspace:
    """The workspace with its active Google accounts and their calendars to sync.

    An account without any connection row stands for its primary calendar.

    Raises:
        RejectedError: There is no such workspace, or it is deleted.
    """
    with translated_errors():
        cursor = connection.cursor(row_factory=dict_row)
        found = cursor.execute(_WORKSPACE, {"ws": ws_id}).fetchone()
        if found is None:
            raise RejectedError(
                "there is no such workspace, or it is deleted",
                code="workspace_not_found",
                subject=str(ws_id),
                hint="check --ws",
            )
        owner = found["creator_id"]
        inbound = True
        if shape.preference_flags and owner is not None:
            switch = cursor.execute(_INBOUND, {"ws": ws_id, "owner": owner}).fetchone()
            inbound = switch is None or bool(switch["inbound_sync_enabled"])
        accounts = tuple(
            Account(
                row["id"],
                Tokens(row["access_token"], row["refresh_token"], row["expires_at"]),
                row["account_email"],
            )
            for row in cursor.execute(_ACCOUNTS, {"ws": ws_id}).fetchall()
        )
        statement = _CONNECTIONS if shape.connection_flags else _CONNECTIONS_ERA
        connections = cursor.execute(statement, {"ws": ws_id}).fetchall()
    zone_name, zone_warnings = _zone(found["timezone"])
    return Workspace(
        id=ws_id,
        zone_name=zone_name,
        owner_id=owner,
        inbound_enabled=inbound,
        accounts=accounts,
        calendars=_calendars(accounts, connections),
        warnings=(*zone_warnings, *_unattached(connections)),
    )


def _zone(name: str | None) -> tuple[str | None, tuple[Problem, ...]]:
    zone = parse_zone(name)
    if zone is not None or is_unset(name):
        return zone, ()
    warning = Problem(
        "workspace_zone_unknown",
        "the workspace's time zone has no IANA name; the calendar's own is used",
    )
    return None, (warning,)


def _calendars(
    accounts: Sequence[Account], connections: Sequence[dict[str, Any]]
) -> tuple[Calendar, ...]:
    calendars: list[Calendar] = []
    for account in accounts:
        rows = [row for row in connections if row["auth_token_id"] == account.id]
        if not rows:
            calendars.append(Calendar(account.id, "primary", role="owner"))
        calendars += [
            Calendar(
                account_id=account.id,
                calendar_id=row["calendar_id"],
                source_calendar_id=row["workspace_calendar_id"],
                delete_enabled=row["sync_delete_enabled"],
                outbound_enabled=row["sync_outbound_enabled"],
                role=row["access_role"],
            )
            for row in rows
            if row["is_enabled"] and row["sync_inbound_enabled"]
        ]
    return tuple(calendars)


def _unattached(connections: Sequence[dict[str, Any]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "connection_without_account",
            "an enabled calendar has no account any more and is skipped",
            subject=row["calendar_id"],
            hint="reconnect it, or switch it off, in Tuturuuu's calendar settings",
        )
        for row in connections
        if row["auth_token_id"] is None and row["is_enabled"] and row["sync_inbound_enabled"]
    )


def state_key(account_id: UUID, calendar_id: str) -> str:
    """The ``calendar_sync_states`` key of a token; it changes with the listing's parameters."""
    return f"jobs:{FINGERPRINT}:{account_id}:{calendar_id}"


_ROLES: Final[LiteralString] = """
select auth_token_id, calendar_id, access_role from jobs.calendar_windows
where ws_id = %(ws)s and access_role is not null
"""


def load_roles(
    connection: psycopg.Connection[Any], ws_id: UUID, shape: Shape
) -> dict[tuple[UUID, str], str]:
    """The role that each account's last committed listing of a calendar told."""
    if not shape.roles:
        return {}
    with translated_errors():
        rows = connection.execute(_ROLES, {"ws": ws_id}).fetchall()
    return {(account, calendar): role for account, calendar, role in rows}


_STATE: Final[LiteralString] = """
select (select sync_token from public.calendar_sync_states
        where ws_id = %(ws)s and calendar_id = %(key)s) as token,
       (select edge from jobs.calendar_windows
        where ws_id = %(ws)s and auth_token_id = %(account)s and calendar_id = %(calendar)s) as edge
"""

_STATE_WITHOUT_JOBS: Final[LiteralString] = """
select sync_token as token from public.calendar_sync_states
where ws_id = %(ws)s and calendar_id = %(key)s
"""


def load_state(
    connection: psycopg.Connection[Any], ws_id: UUID, calendar: Calendar, shape: Shape
) -> CalendarState:
    """Where the last committed listing of a calendar through this account ended."""
    where = {
        "ws": ws_id,
        "account": calendar.account_id,
        "calendar": calendar.calendar_id,
        "key": state_key(calendar.account_id, calendar.calendar_id),
    }
    statement = _STATE if shape.jobs else _STATE_WITHOUT_JOBS
    with translated_errors(), connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(statement, where).fetchone() or {}
    return CalendarState(row.get("token"), row.get("edge"))
