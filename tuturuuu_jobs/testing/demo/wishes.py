"""What the people of the demo want to find time for."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, time, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.testing.demo.world import PERSONAL, TEAM, World
from tuturuuu_jobs.testing.tuturuuu import seed
from tuturuuu_jobs.testing.tuturuuu.seed.rows import fetch_id

Connection = psycopg.Connection[Any]

_WEEKDAYS: Final = [1, 2, 3, 4, 5]


@dataclasses.dataclass(frozen=True, slots=True)
class Wish:
    """Something to find time for, in words for people."""

    workspace: str
    whose: str
    what: str
    how: str


_OWNER: Final[LiteralString] = "select creator_id from workspaces where id = %(ws_id)s"

_SPLIT: Final[LiteralString] = """
update task_user_scheduling_settings
set is_splittable = true, min_split_duration_minutes = 30, max_split_duration_minutes = 120
where task_id = %(task_id)s
"""

# The team names no zone: its creator's own counts.
_ZONE: Final[LiteralString] = """
update user_private_details set timezone = 'Europe/Berlin' where user_id = %(user_id)s
"""


def make_wishes(connection: Connection, world: World, now: datetime) -> tuple[Wish, ...]:
    """Write them all into the app's tables."""
    return (
        *_of_ada(connection, world[PERSONAL].ws_id, now),
        *_of_the_team(connection, world[TEAM].ws_id, now.date()),
    )


def _of_ada(connection: Connection, ws_id: UUID, now: datetime) -> tuple[Wish, ...]:
    ada = fetch_id(connection, _OWNER, {"ws_id": ws_id})
    seed.create_habit(connection, ws_id, "Read", ideal_time=time(21), duration_minutes=30)
    run = {"time_preference": "morning", "frequency": "weekly", "days_of_week": [1, 3, 6]}
    seed.create_habit(connection, ws_id, "Run", duration_minutes=45, priority="high", **run)
    board = seed.create_board(connection, ws_id, ada)
    deadline = now + timedelta(days=4)
    report = seed.create_task(
        connection, board, "Report", assignees=(ada,), hours=6.0, end_date=deadline
    )
    connection.execute(_SPLIT, {"task_id": report})
    seed.create_task(connection, board, "Move house", assignees=(ada,), hours=20.0)
    return (
        Wish(PERSONAL, "Ada", "Read", "habit, daily, 30 min, best at 21:00"),
        Wish(PERSONAL, "Ada", "Run", "habit, Mon Wed Sat, 45 min, in the morning"),
        Wish(PERSONAL, "Ada", "Report", "task, 6 h in pieces of 30 to 120 min, due in 4 days"),
        Wish(PERSONAL, "Ada", "Move house", "task, 20 h in one piece"),
    )


def _of_the_team(connection: Connection, ws_id: UUID, today: date) -> tuple[Wish, ...]:
    ben = fetch_id(connection, _OWNER, {"ws_id": ws_id})
    connection.execute(_ZONE, {"user_id": ben})
    cleo = seed.create_user(connection, "cleo@example.test")
    seed.add_member(connection, ws_id, cleo)
    check = {"frequency": "weekly", "days_of_week": _WEEKDAYS, "ideal_time": time(11, 30)}
    check |= {"start_date": today - timedelta(days=30)}
    seed.create_habit(connection, ws_id, "Check-in", duration_minutes=15, **check)
    board = seed.create_board(connection, ws_id, ben)
    for member, name, hours in ((ben, "Slides", 3.0), (cleo, "Handbook", 2.0)):
        seed.create_task(connection, board, name, assignees=(member,), hours=hours)
    return (
        Wish(TEAM, "all", "Check-in", "habit, Mon to Fri, 15 min, best at 11:30"),
        Wish(TEAM, "Ben", "Slides", "task, 3 h in one piece"),
        Wish(TEAM, "Cleo", "Handbook", "task, 2 h in one piece, beside Ben's"),
    )
