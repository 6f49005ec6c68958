"""What a schedule is made from: hours, habits, tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from tuturuuu_jobs.testing.tuturuuu.seed.rows import Connection, fetch_id, insert_row

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
    return insert_row(connection, "workspace_habits", {"ws_id": ws_id, "name": name, **columns})


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
    return fetch_id(connection, CREATE_BOARD, values)


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
    list_id = fetch_id(connection, LIST_OF_BOARD, {"board_id": board_id, "status": status})
    task_id = insert_row(connection, "tasks", {"list_id": list_id, "name": name, **columns})
    for user_id in assignees:
        values = {"task_id": task_id, "user_id": user_id, "hours": hours}
        connection.execute(ASSIGN_TASK, values)
        if hours is not None:
            connection.execute(SCHEDULE_TASK, values)
    return task_id
