"""The app's own books of schedules: one row per workspace, about its last run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.scheduling import statements as sql
from tuturuuu_jobs.scheduling.report import message, plan_status, summary
from tuturuuu_jobs.scheduling.work import SchedulePayload, ScopeReport


def has_books(connection: psycopg.Connection[Any]) -> bool:
    """Whether this database has them."""
    with translated_errors():
        row = connection.execute(sql.HAS_METADATA).fetchone()
    return bool(row and row[0])


def keep_books(
    connection: psycopg.Connection[Any], payload: SchedulePayload, reports: Sequence[ScopeReport]
) -> None:
    """Tell the app what became of the workspace's scopes so far."""
    numbers = summary(reports)
    values = {
        "ws": payload.ws_id,
        "status": plan_status(reports),
        "message": message(reports),
        "habits": numbers["habitsScheduled"],
        "tasks": numbers["tasksScheduled"],
        "created": numbers["eventsCreated"],
        "bumped": numbers["bumpedHabits"],
        "window_days": payload.window_days,
    }
    with translated_errors():
        connection.execute(sql.METADATA, values)
