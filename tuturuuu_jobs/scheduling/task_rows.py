"""The tasks of people, each in the one calendar where it is planned.

A (task, person) pair lives where that person's latest piece of it is, else where its board is; a
task of a personal board, or one that its assignee put on a board of theirs, only in the personal
workspace. Whatever ended is read while it still has pieces to take away.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.scheduling.model import (
    Ending,
    HoursType,
    Task,
    ceil_minute,
    floor_minute,
)
from tuturuuu_jobs.scheduling.weights import weight_of
from tuturuuu_jobs.workspaces.encryption import TITLE_BYTES, cut

OWNER: Final[LiteralString] = """
case when event.scheduling_metadata ->> 'user'
          ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
     then (event.scheduling_metadata ->> 'user')::uuid
     else (select (array_agg(sole.user_id))[1] from public.task_user_scheduling_settings sole
           where sole.task_id = link.task_id and sole.auto_schedule having count(*) = 1) end
"""
"""Whose piece an ``event`` with its ``link`` is: as marked, else the only one who schedules it."""

_TASKS: Final[LiteralString] = (
    """
with person as (
    select wanted.user_id, own.id as personal_ws
    from unnest(%(users)s::uuid[]) as wanted(user_id)
    left join public.workspaces own
      on own.creator_id = wanted.user_id and own.personal and own.deleted is not true
), mine as (
    select person.user_id, person.personal_ws, t.id, t.name, settings.calendar_hours,
           settings.total_duration::text as hours, settings.is_splittable,
           settings.min_split_duration_minutes::text as shortest,
           settings.max_split_duration_minutes::text as longest,
           coalesce(o.priority_override, t.priority)::text as priority,
           case when t.start_date between '1000-01-01' and '9000-01-01' then t.start_date end
               as start_date,
           case when coalesce(o.due_date_override, t.end_date) between '1000-01-01' and '9000-01-01'
                then coalesce(o.due_date_override, t.end_date) end as deadline, t.created_at,
           t.deleted_at is not null or board.deleted_at is not null
               or list.deleted is true or ws.deleted is true as deleted,
           t.completed is true or list.status = 'done' as completed,
           t.closed_at is not null or list.status = 'closed' as closed,
           board.archived_at is not null or list.archived is true
               or list.status = 'documents' as hidden,
           o.completed_at is not null as personally_completed,
           o.personally_unassigned is true as unassigned,
           board.ws_id, board.ws_id = person.personal_ws as own_board,
           not ws.personal and member.user_id is not null as own_team,
           exists (select from public.task_assignees a
                   where a.task_id = t.id and a.user_id = person.user_id) as assigned,
           o.personal_board_id is not null and member.user_id is not null as placed
    from person
    join public.task_user_scheduling_settings settings
      on settings.user_id = person.user_id and settings.auto_schedule
    join public.tasks t on t.id = settings.task_id
    join public.task_lists list on list.id = t.list_id
    join public.workspace_boards board on board.id = list.board_id
    join public.workspaces ws on ws.id = board.ws_id
    left join public.workspace_members member
      on member.ws_id = board.ws_id and member.user_id = person.user_id
    left join public.task_user_overrides o on o.task_id = t.id and o.user_id = person.user_id
), piece as (
    select mine.user_id, link.task_id, event.id, event.ws_id, event.start_at, event.end_at,
           link.completed, event.ws_id = mine.personal_ws
               or event.ws_id = mine.ws_id and mine.own_team and not mine.placed as proper
    from mine
    join public.task_calendar_events link on link.task_id = mine.id
    join public.workspace_calendar_events event on event.id = link.event_id
    join public.workspaces ws on ws.id = event.ws_id and ws.deleted is not true
    where """  # noqa: S608 - Literals joined with literals; the type checker proves it.
    + OWNER
    + """ = mine.user_id
), done as (
    select user_id, task_id,
           coalesce(sum(greatest(0, floor(extract(epoch from
               least(end_at, start_at + interval '1 year') - start_at) / 60)))
               filter (where start_at < %(now)s or completed), 0)::bigint as minutes,
           (array_agg(ws_id order by start_at desc, id) filter (where proper))[1] as latest_ws,
           count(*) filter (where ws_id = %(ws)s and end_at > %(now)s) as open
    from piece group by user_id, task_id
), placed as (
    select mine.*, coalesce(done.minutes, 0) as done, coalesce(done.open, 0) as open,
           case when done.latest_ws is not null then done.latest_ws
                when mine.own_team and mine.assigned and not mine.placed then mine.ws_id
                else mine.personal_ws end as home
    from mine left join done on done.user_id = mine.user_id and done.task_id = mine.id
)
select * from placed where home = %(ws)s order by user_id, id
"""
)

# Longer estimates are one year: nothing of them fits a window anyway.
_LONGEST: Final = 366 * 24 * 60
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TITLE_CHARACTERS: Final = 255
_TITLE_STORED: Final = 1020


@dataclasses.dataclass(frozen=True, slots=True)
class OwnedTask:
    """A task of one person.

    Attributes:
        open: How many pieces of it, in this workspace, are not over.
    """

    user_id: UUID
    task: Task
    open: int

    @property
    def matters(self) -> bool:
        """Whether a plan of this workspace has anything to do with it."""
        return self.open > 0 or (self.task.ending is None and self.task.minutes > 0)


def load_tasks(
    connection: psycopg.Connection[Any],
    ws_id: UUID,
    users: Iterable[UUID],
    now: datetime,
    *,
    encrypted: bool,
) -> tuple[OwnedTask, ...]:
    """What these people want scheduled in this workspace, or have pieces of that should go.

    A person who switched automatic scheduling off took over: the task is not among them.

    Args:
        connection: In a transaction.
        ws_id: The calendar.
        users: Members of the workspace.
        now: Pieces that began until then count as done, whatever became of them.
        encrypted: Whether names must fit the smaller budget of an encrypted title.
    """
    values = {"ws": ws_id, "users": list(users), "now": now}
    cursor = connection.cursor(row_factory=dict_row)
    owned = [_owned(row, encrypted=encrypted) for row in cursor.execute(_TASKS, values)]
    return tuple(task for task in owned if task.matters)


def _owned(row: Mapping[str, Any], *, encrypted: bool) -> OwnedTask:
    name = row["name"]
    name = cut(name, TITLE_BYTES) if encrypted else cut(name[:_TITLE_CHARACTERS], _TITLE_STORED)
    task = Task(
        id=row["id"],
        name=name,
        weight=weight_of(row["priority"]),
        hours=HoursType(row["calendar_hours"] or HoursType.PERSONAL),
        minutes=parse_hours(row["hours"]),
        created_at=row["created_at"] or _LONG_AGO,
        done=row["done"],
        splittable=row["is_splittable"],
        shortest=_minutes(row["shortest"]),
        longest=_minutes(row["longest"]),
        start=None if row["start_date"] is None else ceil_minute(row["start_date"]),
        deadline=None if row["deadline"] is None else floor_minute(row["deadline"]),
        ending=_ending(row),
    )
    return OwnedTask(row["user_id"], task, row["open"])


def parse_hours(text: str | None) -> int:
    """Whole minutes of a single-precision number of hours, as the database prints it.

    What cannot be a duration counts as none.
    """
    hours = Decimal(text or "0")
    if not hours.is_finite() or hours <= 0:
        return 0
    return min(_LONGEST, int((hours * 60).to_integral_value(ROUND_HALF_UP)))


def _minutes(text: str | None) -> int | None:
    minutes = Decimal(text or "0")
    if not minutes.is_finite() or minutes < 1:
        return None
    return min(int(minutes), _LONGEST)


def _ending(row: Mapping[str, Any]) -> Ending | None:
    for ending, holds in (
        (Ending.DELETED, row["deleted"]),
        (Ending.COMPLETED, row["completed"]),
        (Ending.CLOSED, row["closed"]),
        (Ending.HIDDEN, row["hidden"]),
        (Ending.PERSONALLY_COMPLETED, row["personally_completed"]),
        (Ending.UNASSIGNED, row["unassigned"] or not _is_owned(row)),
    ):
        if holds:
            return ending
    return None


def _is_owned(row: Mapping[str, Any]) -> bool:
    return bool(row["own_board"] or row["assigned"] or row["placed"])
