"""A workspace's habits, and the occurrences that people skipped or did, as a plan reads them.

Habits that ended are read too while they have events in the window, so that these can go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.scheduling.model import (
    Band,
    Dependency,
    DependencyKind,
    Ending,
    Frequency,
    Habit,
    HoursType,
    MonthlyKind,
    Quota,
    Rule,
)
from tuturuuu_jobs.scheduling.weights import weight_of
from tuturuuu_jobs.workspaces.encryption import TITLE_BYTES, cut

_HABITS: Final[LiteralString] = """
select id, name, priority, calendar_hours, duration_minutes, min_duration_minutes,
       max_duration_minutes, color, time_preference, frequency, recurrence_interval, days_of_week,
       monthly_type, day_of_month, week_of_month, day_of_week_monthly, is_splittable,
       min_instances_per_day, ideal_instances_per_day, max_instances_per_day,
       dependency_habit_id, dependency_type, created_at,
       greatest(least(start_date, date '9999-01-01'), date '1000-01-01') as start_date,
       case when end_date is not null
            then greatest(least(end_date, date '9999-01-01'), date '1000-01-01') end as end_date,
       (extract(hour from ideal_time) * 60 + extract(minute from ideal_time))::int %% 1440 as ideal,
       deleted_at is not null as deleted, is_active is true as active,
       is_visible_in_calendar is true as visible
from public.workspace_habits
where ws_id = %(ws)s and auto_schedule
  and (is_active and is_visible_in_calendar and deleted_at is null or id = any(%(linked)s))
order by id
"""

# " (10/12)" after a name that fills the budget would be cut off again.
_NUMBER_BYTES: Final = 8


def load_habits(
    connection: psycopg.Connection[Any], ws_id: UUID, linked: Iterable[UUID], *, encrypted: bool
) -> tuple[Habit, ...]:
    """The schedulable habits, and of ``linked`` those that ended.

    One whose automatic scheduling is off is not among them: its events became the user's own.

    Args:
        connection: In a transaction.
        ws_id: The workspace.
        linked: Habits that have events.
        encrypted: Whether names must fit the smaller budget of an encrypted title.
    """
    values = {"ws": ws_id, "linked": list(linked)}
    cursor = connection.cursor(row_factory=dict_row)
    return tuple(_habit(row, encrypted=encrypted) for row in cursor.execute(_HABITS, values))


def _habit(row: Mapping[str, Any], *, encrypted: bool) -> Habit:
    name, splittable = row["name"], row["is_splittable"]
    return Habit(
        id=row["id"],
        name=cut(name, TITLE_BYTES - _NUMBER_BYTES * splittable) if encrypted else name,
        weight=weight_of(row["priority"]),
        hours=HoursType(row["calendar_hours"] or HoursType.PERSONAL),
        minutes=max(1, row["duration_minutes"]),
        rule=_rule(row),
        start_date=row["start_date"],
        created_at=row["created_at"],
        end_date=row["end_date"],
        shortest=_positive(row["min_duration_minutes"]),
        longest=_positive(row["max_duration_minutes"]),
        ideal=row["ideal"],
        band=None if row["time_preference"] is None else Band(row["time_preference"]),
        splittable=splittable,
        quota=Quota(
            row["min_instances_per_day"],
            row["ideal_instances_per_day"],
            row["max_instances_per_day"],
        ),
        dependency=_dependency(row),
        color=row["color"],
        ending=_ending(row),
    )


def _rule(row: Mapping[str, Any]) -> Rule:
    days = row["days_of_week"]
    return Rule(
        frequency=Frequency(row["frequency"]),
        interval=row["recurrence_interval"],
        days_of_week=None if days is None else tuple(day for day in days if day is not None),
        monthly_kind=None if row["monthly_type"] is None else MonthlyKind(row["monthly_type"]),
        day_of_month=row["day_of_month"],
        week_of_month=row["week_of_month"],
        day_of_week_monthly=row["day_of_week_monthly"],
    )


def _dependency(row: Mapping[str, Any]) -> Dependency | None:
    if row["dependency_habit_id"] is None:
        return None
    return Dependency(row["dependency_habit_id"], DependencyKind(row["dependency_type"]))


def _ending(row: Mapping[str, Any]) -> Ending | None:
    if row["deleted"]:
        return Ending.DELETED
    if not row["active"]:
        return Ending.INACTIVE
    return None if row["visible"] else Ending.HIDDEN


def _positive(minutes: int | None) -> int | None:
    return minutes if minutes is not None and minutes > 0 else None


_SKIPS: Final[LiteralString] = """
select habit_id, occurrence_date from public.habit_skipped_occurrences
where ws_id = %(ws)s and revoked_at is null and habit_id = any(%(habits)s)
  and occurrence_date between %(first)s and %(last)s
"""


def load_skips(
    connection: psycopg.Connection[Any],
    ws_id: UUID,
    habits: Iterable[Habit],
    first: date,
    last: date,
) -> frozenset[tuple[UUID, date]]:
    """The occurrences from ``first`` to ``last`` that somebody does not want."""
    values = {"ws": ws_id, "habits": [h.id for h in habits], "first": first, "last": last}
    return frozenset((row[0], row[1]) for row in connection.execute(_SKIPS, values))


_COMPLETIONS: Final[LiteralString] = """
select habit_id, occurrence_date, event_id from public.habit_completions
where habit_id = any(%(habits)s)
  and (occurrence_date between %(first)s and %(last)s or event_id = any(%(events)s))
"""


def load_completions(
    connection: psycopg.Connection[Any],
    habits: Iterable[Habit],
    events: Iterable[UUID],
    first: date,
    last: date,
) -> dict[tuple[UUID, date], UUID | None]:
    """The occurrences from ``first`` to ``last``, or of these events, that are done.

    The value is the event that did it, which is then kept whatever the plan would like.
    """
    values = {
        "habits": [habit.id for habit in habits],
        "events": list(events),
        "first": first,
        "last": last,
    }
    return {(row[0], row[1]): row[2] for row in connection.execute(_COMPLETIONS, values)}
