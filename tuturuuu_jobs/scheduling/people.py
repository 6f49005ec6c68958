"""Whose plans a workspace gets, in which order, and when its people are busy elsewhere.

A personal workspace has one plan for everything. A team has one for its habits, which no task may
move, and then one for each member, so that nobody's tasks depend on another's.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.scheduling import blockers
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Scope,
    ScopeKind,
    ceil_minute,
    floor_minute,
)
from tuturuuu_jobs.scheduling.task_rows import OWNER, load_tasks
from tuturuuu_jobs.scheduling.workspace import Workspace
from tuturuuu_jobs.workspaces.zones import parse_zone

_MEMBERS: Final[LiteralString] = """
select user_id from public.workspace_members where ws_id = %(ws)s order by user_id
"""

_OPEN_OWNERS: Final[LiteralString] = (
    "select distinct "
    + OWNER
    + """
from public.workspace_calendar_events event
join public.task_calendar_events link on link.event_id = event.id
where event.ws_id = %(ws)s and event.start_at >= %(now)s
"""
)


def load_scopes(
    connection: psycopg.Connection[Any], workspace: Workspace, user_id: UUID | None, now: datetime
) -> tuple[Scope, ...]:
    """The plans to make, in their order.

    Args:
        connection: In a transaction.
        workspace: Whose calendar.
        user_id: Plan only this member's tasks; in a personal workspace, where it is the owner, the
            habits too.
        now: When the plan is made.

    Raises:
        UsageError: There is no such member.
    """
    members = [row[0] for row in connection.execute(_MEMBERS, {"ws": workspace.id})]
    planned = {workspace.owner_id, *(() if workspace.personal else members)}
    if user_id is not None and user_id not in planned:
        raise UsageError(
            "the workspace has no such member, or it is somebody else's own",
            code="not_a_member",
            subject=str(user_id),
            hint="check --user against the workspace's members",
        )
    if workspace.personal:
        return (Scope(ScopeKind.JOINT, workspace.owner_id),)
    if user_id is not None:
        return (Scope(ScopeKind.TASKS, user_id),)
    values = {"ws": workspace.id, "now": now}
    concerned = {row[0] for row in connection.execute(_OPEN_OWNERS, values)}
    owned = load_tasks(connection, workspace.id, members, now, encrypted=False)
    concerned |= {task.user_id for task in owned}
    tasks = (Scope(ScopeKind.TASKS, member) for member in members if member in concerned)
    return (Scope(ScopeKind.HABITS), *tasks)


@dataclasses.dataclass(frozen=True, slots=True)
class _Elsewhere:
    """An event of another workspace.

    Attributes:
        linked: It is certainly the person's own: a piece of theirs, or a habit of their calendar.
    """

    start_at: datetime
    end_at: datetime
    locked: bool
    external: bool
    metadata: object
    timezone: str | None
    linked: bool


_ELSEWHERE: Final[LiteralString] = (
    """
select greatest(event.start_at, '1000-01-01') as start_at,
       least(event.end_at, '9000-01-01') as end_at,
       event.locked, event.scheduling_metadata as metadata, ws.timezone, own.linked,
       coalesce(event.provider, 'tuturuuu') <> 'tuturuuu' or event.external_event_id is not null
           or event.google_event_id is not null as external
from public.workspace_members member
join public.workspaces ws on ws.id = member.ws_id and ws.deleted is not true
join public.workspace_calendar_events event on event.ws_id = ws.id
cross join lateral (
    select exists (select from public.habit_calendar_events link
                   where link.event_id = event.id and ws.personal)
        or exists (select from public.task_calendar_events link
                   where link.event_id = event.id and """  # noqa: S608 - Literals joined with literals.
    + OWNER
    + """ = member.user_id) as linked
) own
where member.user_id = %(user)s and member.ws_id <> %(ws)s
  and event.end_at > %(now)s and event.start_at < %(end)s and event.start_at < event.end_at
  and (ws.personal and ws.creator_id = member.user_id
       or not ws.personal and ws.id < %(ws)s and own.linked)
"""
)


def load_elsewhere(
    connection: psycopg.Connection[Any],
    workspace: Workspace,
    user_id: UUID,
    start: datetime,
    end: datetime,
) -> tuple[Blocker, ...]:
    """When a team's member is busy in calendars that are planned before this one, without names.

    Their personal calendar counts as a whole, of an earlier team only their own pieces. It goes in
    one direction only, personal first and then by workspace id, so that two plans never chase each
    other.
    """
    values = {"ws": workspace.id, "user": user_id, "now": start, "end": end}
    with connection.cursor(row_factory=class_row(_Elsewhere)) as cursor:
        rows = cursor.execute(_ELSEWHERE, values).fetchall()
    return tuple(
        Blocker(
            floor_minute(row.start_at),
            ceil_minute(row.end_at),
            BlockerKind.ELSEWHERE,
            all_day=blockers.is_all_day(row, _zone(row, workspace)),
        )
        for row in rows
        if row.linked or blockers.kind_of(row, _zone(row, workspace)) is not None
    )


def _zone(row: _Elsewhere, workspace: Workspace) -> ZoneInfo:
    return ZoneInfo(parse_zone(row.timezone) or workspace.zone)
