"""The workspace itself, as every scope of a run needs it: zone, buffers, hours."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final, LiteralString, cast
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.errors import RejectedError, SettingsError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.runtime.schema import rows_hidden
from tuturuuu_jobs.scheduling.hours import DEFAULT_WEEK, decode_hours
from tuturuuu_jobs.scheduling.model import Buffers, HoursType, WeekHours
from tuturuuu_jobs.workspaces.zones import resolve_zone


@dataclasses.dataclass(frozen=True, slots=True)
class Workspace:
    """What a plan needs to know of a workspace.

    Attributes:
        owner_id: Its owner if it is personal, else its creator.
        zone: IANA key of the zone in which hours and dates are read.
    """

    id: UUID
    personal: bool
    owner_id: UUID
    zone: str
    buffers: Buffers


_READABLE: Final[LiteralString] = """
select to_regclass('public.workspace_calendar_events') is not null
   and to_regclass('public.workspace_habits') is not null
"""

_ROW_SECURITY: Final[LiteralString] = """
select bool_or(row_security_active(name)) from unnest(array[
    'public.workspaces', 'public.workspace_members', 'public.user_private_details',
    'public.workspace_settings', 'public.workspace_calendar_hour_settings',
    'public.workspace_encryption_keys', 'public.workspace_calendar_events',
    'public.workspace_habits', 'public.habit_calendar_events', 'public.habit_completions',
    'public.habit_skipped_occurrences', 'public.tasks', 'public.task_lists',
    'public.workspace_boards', 'public.task_assignees', 'public.task_user_overrides',
    'public.task_user_scheduling_settings', 'public.task_calendar_events',
    'private.workspace_calendars'
]) as tables(name)
"""


def require_readable(connection: psycopg.Connection[Any]) -> None:
    """Make sure that an empty answer means that there is nothing.

    Raises:
        SettingsError: It is not a Tuturuuu database, or row security hides rows from this role.
    """
    with translated_errors():
        known = connection.execute(_READABLE).fetchone()
        if known is None or not known[0]:
            raise SettingsError(
                "the database has no Tuturuuu tables",
                code="not_tuturuuu",
                subject="DATABASE_URL",
                hint="point DATABASE_URL at Tuturuuu's own database",
            )
        hidden = connection.execute(_ROW_SECURITY).fetchone()
    if hidden is None or hidden[0]:
        raise rows_hidden()


_WORKSPACE: Final[LiteralString] = """
select ws.personal, ws.creator_id, ws.timezone, person.timezone as owner_timezone,
       ws.scheduling_settings, settings.break_enabled, settings.break_duration_minutes,
       settings.break_interval_minutes
from public.workspaces ws
left join public.user_private_details person on person.user_id = ws.creator_id
left join public.workspace_settings settings on settings.ws_id = ws.id
where ws.id = %(ws)s and ws.deleted is not true
"""


def load_workspace(
    connection: psycopg.Connection[Any], ws_id: UUID, timezone: str | None
) -> Workspace:
    """The workspace, in the zone it names itself, else its owner's, else the caller's.

    Raises:
        RejectedError: There is no such workspace, or nobody names a zone.
    """
    with translated_errors():
        cursor = connection.cursor(row_factory=dict_row)
        row = cursor.execute(_WORKSPACE, {"ws": ws_id}).fetchone()
    if row is None:
        raise RejectedError(
            "there is no such workspace, or it is deleted",
            code="workspace_not_found",
            subject=str(ws_id),
            hint="check the id",
        )
    zone = resolve_zone(
        ws_id, workspace=row["timezone"], owner=row["owner_timezone"], fallback=timezone
    )
    return Workspace(ws_id, row["personal"], row["creator_id"], zone, _buffers(row))


def _buffers(row: dict[str, Any]) -> Buffers:
    """Buffers and breaks; what is no sensible number of minutes is the default."""
    wanted = _object(row["scheduling_settings"])
    minimum = _minutes(wanted.get("min_buffer"), _DEFAULTS.minimum)
    preferred = max(minimum, _minutes(wanted.get("preferred_buffer"), _DEFAULTS.preferred))
    length, every = row["break_duration_minutes"], row["break_interval_minutes"]
    return Buffers(
        minimum=minimum,
        preferred=preferred,
        break_every=(every or _BREAK_EVERY) if row["break_enabled"] else None,
        break_length=length or _DEFAULTS.break_length,
    )


_DEFAULTS: Final = Buffers()
_BREAK_EVERY: Final = 90
_LONGEST_BUFFER: Final = 240


def _minutes(value: object, default: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return default
    return value if 0 <= value <= _LONGEST_BUFFER else default


def _object(value: object) -> dict[str, object]:
    """The JSON object, also where the app stored its text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


_HOURS: Final[LiteralString] = """
select type::text, data from public.workspace_calendar_hour_settings where ws_id = %(ws)s
"""

_TYPES: Final = {
    "WORK": HoursType.WORK,
    "PERSONAL": HoursType.PERSONAL,
    "MEETING": HoursType.MEETING,
}


def load_hours(
    connection: psycopg.Connection[Any], ws_id: UUID
) -> tuple[dict[HoursType, WeekHours], tuple[Problem, ...]]:
    """A weekly table for each type, and what is wrong with the stored ones."""
    tables = dict.fromkeys(HoursType, DEFAULT_WEEK)
    warnings: list[Problem] = []
    for name, data in connection.execute(_HOURS, {"ws": ws_id}):
        tables[_TYPES[name]], faults = decode_hours(data)
        warnings += [Problem("hours_unsound", fault, subject=name) for fault in faults]
    return tables, tuple(warnings)
