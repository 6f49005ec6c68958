"""A scheduled team in which then something of every kind happens, and what its tables say."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tests.integration.scheduling.stage import NOW, Stage
from tuturuuu_jobs.testing.tuturuuu import seed

TEAM, ADA = UUID(int=0x7EA << 110), UUID(int=0xADA << 100)
HABIT = UUID(int=1 << 90)
TASKS = tuple(UUID(int=number << 95) for number in (1, 2, 3))
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Part = frozenset[Any]


@dataclasses.dataclass(frozen=True)
class Truth:
    """The team's habit events, and Ada's pieces, as one state of affairs has them."""

    habits: Part
    pieces: Part


def truth(stage: Stage) -> Truth:
    rows = [
        ((row.item == HABIT), (row.item, row.date, row.start_at, row.end_at, row.title))
        for row in stage.own(TEAM)
    ]
    assert len(rows) == len(set(rows))
    return Truth(
        frozenset(what for ours, what in rows if ours),
        frozenset(what for ours, what in rows if not ours),
    )


def build(stage: Stage) -> Truth:
    """A scheduled team in which then something of every kind happens.

    The next run deletes, moves and makes events of the habit, and pieces of Ada's tasks.
    """
    connection = stage.connection
    seed.create_user(connection, user_id=ADA)
    seed.create_workspace(connection, ADA, ws_id=TEAM)
    seed.create_habit(
        connection,
        TEAM,
        "Stand-up",
        id=HABIT,
        ideal_time="10:00",
        start_date=date(2026, 1, 6),
        end_date=date(2026, 1, 8),
    )
    board = seed.create_board(connection, TEAM, ADA)
    for task in TASKS[:2]:
        seed.create_task(
            connection,
            board,
            "Task",
            id=task,
            assignees=[ADA],
            hours=2,
            start_date=NOW + DAY,
        )
    assert stage.run(TEAM).exit_code == 0
    before = truth(stage)
    _change(stage, board, before)
    return before


def _change(stage: Stage, board: UUID, before: Truth) -> None:
    connection = stage.connection
    connection.execute(
        "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
        "values (%s, %s, '2026-01-06')",
        (TEAM, HABIT),
    )
    connection.execute("update workspace_habits set end_date = '2026-01-09'")
    taken = [row for row in before.habits if row[1] == date(2026, 1, 7)]
    taken += [row for row in before.pieces if row[0] == TASKS[0]]
    for _, _, start, end, _ in taken:
        seed.create_event(connection, TEAM, start, end, locked=True)
    connection.execute(
        "update tasks t set list_id = l.id from task_lists l "
        "where t.id = %s and l.board_id = t.board_id and l.status = 'done'",
        (TASKS[1],),
    )
    seed.create_task(
        connection, board, "New", id=TASKS[2], assignees=[ADA], hours=1, start_date=NOW + DAY
    )
