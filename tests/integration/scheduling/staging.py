"""A snapshot written into the tables: the rows from which exactly it is read again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from tests.integration.scheduling.stage import Stage
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Ending,
    Habit,
    HoursType,
    Instance,
    Piece,
    ScopeKind,
    Snapshot,
    State,
    Task,
    WeekHours,
    instant_of,
)
from tuturuuu_jobs.testing.tuturuuu import seed

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PRIORITIES = {8: "critical", 4: "high", 2: "normal", 1: "low"}
HOURS = {HoursType.WORK: "WORK", HoursType.PERSONAL: "PERSONAL", HoursType.MEETING: "MEETING"}

_STATUS = {Ending.COMPLETED: "done", Ending.CLOSED: "closed"}
_SETTINGS = """
insert into task_user_scheduling_settings
  (task_id, user_id, total_duration, is_splittable, min_split_duration_minutes,
   max_split_duration_minutes, calendar_hours, auto_schedule)
values (%s, %s, %s, %s, %s, %s, %s, true)
"""
_TASK_LINK = """
insert into task_calendar_events (task_id, event_id, scheduled_minutes, completed)
values (%s, %s, %s, %s)
"""
_HABIT_LINK = """
insert into habit_calendar_events (habit_id, event_id, occurrence_date) values (%s, %s, %s)
"""


class Seeding:
    """Writes one snapshot.

    Attributes:
        ws_id: The workspace it is of.
        user_id: Whose tasks they are.
    """

    def __init__(self, stage: Stage, snapshot: Snapshot) -> None:
        self._connection: psycopg.Connection[Any] = stage.connection
        self._snapshot = snapshot
        self._ids: set[UUID] = set()
        stage.clock.set(snapshot.now)
        self.user_id = seed.create_user(self._connection, user_id=snapshot.scope.user_id)
        self.personal_id = seed.personal_workspace(
            self._connection, self.user_id, timezone=snapshot.zone
        )
        self.ws_id = self.personal_id
        if snapshot.scope.kind is not ScopeKind.JOINT:
            self.ws_id = seed.create_workspace(
                self._connection, self.user_id, timezone=snapshot.zone
            )
        self._board = seed.create_board(self._connection, self.ws_id, self.user_id)

    def write(self) -> None:
        """Write all of it."""
        snapshot = self._snapshot
        self._write_settings()
        for habit in snapshot.habits:
            self._write_habit(habit)
        for habit in snapshot.habits:
            if habit.dependency is not None:
                self._execute(
                    "update workspace_habits set dependency_habit_id = %s, dependency_type = %s "
                    "where id = %s",
                    habit.dependency.habit_id,
                    habit.dependency.kind,
                    habit.id,
                )
        for task in snapshot.tasks:
            self._write_task(task)
        for instance in snapshot.instances:
            self._write_instance(instance)
        for piece in snapshot.pieces:
            self._write_piece(piece)
        for number, blocker in enumerate(snapshot.blockers):
            self._write_blocker(number, blocker)
        self._write_occurrences()

    def _write_settings(self) -> None:
        snapshot, buffers = self._snapshot, self._snapshot.buffers
        for kind, week in snapshot.hours.items():
            table = hours_json(week)
            # As the app stores them: JSON text inside JSON.
            data = json.dumps(table) if kind is HoursType.PERSONAL else table
            seed.set_hours(self._connection, self.ws_id, HOURS[kind], data)
        wanted = {"min_buffer": buffers.minimum, "preferred_buffer": buffers.preferred}
        self._execute(
            "update workspaces set scheduling_settings = %s where id = %s",
            Jsonb(wanted),
            self.ws_id,
        )
        if buffers.break_every is not None:
            self._execute(
                "insert into workspace_settings (ws_id, break_enabled, break_duration_minutes, "
                "break_interval_minutes) values (%s, true, %s, %s)",
                self.ws_id,
                buffers.break_length,
                buffers.break_every,
            )

    def _write_habit(self, habit: Habit) -> None:
        rule, quota = habit.rule, habit.quota
        columns: dict[str, Any] = {
            "id": habit.id,
            "priority": PRIORITIES[habit.weight],
            "calendar_hours": habit.hours,
            "duration_minutes": habit.minutes,
            "min_duration_minutes": habit.shortest,
            "max_duration_minutes": habit.longest,
            "ideal_time": None if habit.ideal is None else hhmm(habit.ideal),
            "time_preference": habit.band,
            "frequency": rule.frequency,
            "recurrence_interval": rule.interval,
            "days_of_week": None if rule.days_of_week is None else list(rule.days_of_week),
            "monthly_type": rule.monthly_kind,
            "day_of_month": rule.day_of_month,
            "week_of_month": rule.week_of_month,
            "day_of_week_monthly": rule.day_of_week_monthly,
            "start_date": habit.start_date,
            "end_date": habit.end_date,
            "is_splittable": habit.splittable,
            "min_instances_per_day": quota.minimum,
            "ideal_instances_per_day": quota.ideal,
            "max_instances_per_day": quota.maximum,
            "color": habit.color,
            "created_at": habit.created_at,
            "is_active": habit.ending is not Ending.INACTIVE,
            "is_visible_in_calendar": habit.ending is not Ending.HIDDEN,
            "deleted_at": self._snapshot.now if habit.ending is Ending.DELETED else None,
        }
        seed.create_habit(self._connection, self.ws_id, habit.name, **columns)

    def _write_task(self, task: Task) -> None:
        ending = task.ending
        columns: dict[str, Any] = {
            "id": task.id,
            "priority": PRIORITIES[task.weight],
            "start_date": None if task.start is None else instant_of(task.start),
            "end_date": None if task.deadline is None else instant_of(task.deadline),
            "created_at": task.created_at,
            "deleted_at": self._snapshot.now if ending is Ending.DELETED else None,
        }
        status = _STATUS.get(ending, "not_started") if ending else "not_started"
        seed.create_task(
            self._connection,
            self._board,
            task.name,
            status=status,
            assignees=[self.user_id],
            **columns,
        )
        self._execute(
            _SETTINGS,
            task.id,
            self.user_id,
            task.minutes / 60,
            task.splittable,
            task.shortest,
            task.longest,
            task.hours,
        )
        if ending in {Ending.PERSONALLY_COMPLETED, Ending.UNASSIGNED}:
            self._execute(
                "insert into task_user_overrides (task_id, user_id, completed_at, "
                "personally_unassigned) values (%s, %s, %s, %s)",
                task.id,
                self.user_id,
                self._snapshot.now if ending is Ending.PERSONALLY_COMPLETED else None,
                ending is Ending.UNASSIGNED,
            )
        told = sum(
            piece.end - piece.start
            for piece in self._snapshot.pieces
            if piece.task_id == task.id
            and (piece.completed or piece.state in {State.PAST, State.STARTED})
        )
        if task.done > told:
            end = self._snapshot.now - timedelta(days=1)
            start = end - timedelta(minutes=task.done - told)
            past = self._event(None, start, end, title=task.name, scheduling_metadata=self._mark())
            self._execute(_TASK_LINK, task.id, past, task.done - told, False)

    def _write_instance(self, instance: Instance) -> None:
        self._event(
            instance.event_id,
            instant_of(instance.start),
            instant_of(instance.end),
            title=instance.title or "",
            **_columns(instance.state, instance.event_id),
        )
        self._execute(_HABIT_LINK, instance.habit_id, instance.event_id, instance.date)

    def _write_piece(self, piece: Piece) -> None:
        self._event(
            piece.event_id,
            instant_of(piece.start),
            instant_of(piece.end),
            title=piece.title or "",
            scheduling_metadata=self._mark(),
            **_columns(piece.state, piece.event_id),
        )
        self._execute(_TASK_LINK, piece.task_id, piece.event_id, piece.minutes, piece.completed)

    def _mark(self) -> dict[str, object]:
        return {"v": 1, "job": "schedule", "user": str(self.user_id)}

    def _write_blocker(self, number: int, blocker: Blocker) -> None:
        columns: dict[str, Any] = {"locked": blocker.kind is BlockerKind.LOCKED}
        if blocker.kind is BlockerKind.EXTERNAL:
            columns |= {
                "provider": "google",
                "external_calendar_id": "team@example.test",
                "external_event_id": f"e{number}",
                "locked": True,
            }
        ws_id = self.personal_id if blocker.kind is BlockerKind.ELSEWHERE else self.ws_id
        event_id = self._event(
            blocker.event_id,
            instant_of(blocker.start),
            instant_of(blocker.end),
            ws_id=ws_id,
            **columns,
        )
        day = instant_of(blocker.start).date()
        match blocker.kind:
            case BlockerKind.OTHER_SCOPE:
                self._execute(_HABIT_LINK, self._other_habit(auto_schedule=True), event_id, day)
            case BlockerKind.TAKEN_OVER:
                self._execute(_HABIT_LINK, self._other_habit(auto_schedule=False), event_id, day)
            case BlockerKind.DOUBLE_LINK:
                for _ in range(2):
                    habit = self._other_habit(auto_schedule=False)
                    self._execute(_HABIT_LINK, habit, event_id, day)
            case BlockerKind.UNKNOWN_OWNER:
                task = seed.create_task(self._connection, self._board, "Nobody's")
                self._execute(_TASK_LINK, task, event_id, 0, False)
            case _:
                pass

    def _other_habit(self, *, auto_schedule: bool) -> UUID:
        return seed.create_habit(self._connection, self.ws_id, "Other", auto_schedule=auto_schedule)

    def _write_occurrences(self) -> None:
        for habit_id, day in self._snapshot.skips:
            self._execute(
                "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
                "values (%s, %s, %s)",
                self.ws_id,
                habit_id,
                day,
            )
        for (habit_id, day), event_id in self._snapshot.completions.items():
            self._execute(
                "insert into habit_completions (habit_id, occurrence_date, event_id) "
                "values (%s, %s, %s)",
                habit_id,
                day,
                event_id,
            )

    def _event(
        self,
        event_id: UUID | None,
        start: datetime,
        end: datetime,
        *,
        ws_id: UUID | None = None,
        title: str = "Something",
        **columns: object,
    ) -> UUID:
        if event_id is not None and event_id not in self._ids:
            self._ids.add(event_id)
            columns = {"id": event_id, **columns}
        return seed.create_event(
            self._connection,
            ws_id or self.ws_id,
            start,
            end,
            title=title,
            **columns,
        )

    def _execute(self, statement: str, *values: object) -> None:
        self._connection.execute(statement.encode(), values)


def _columns(state: State, event_id: UUID) -> dict[str, Any]:
    if state is State.PUSHED:
        return {"external_calendar_id": "team@example.test", "external_event_id": str(event_id)}
    return {"locked": state is State.LOCKED}


def hours_json(week: WeekHours) -> dict[str, object]:
    """A weekly table as the app's settings hold it."""
    return {
        day: {
            "enabled": bool(blocks),
            "timeBlocks": [
                {"startTime": hhmm(start), "endTime": hhmm(end if end <= 1440 else end - 1440)}
                for start, end in blocks
            ],
        }
        for day, blocks in zip(DAYS, week, strict=True)
    }


def hhmm(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
