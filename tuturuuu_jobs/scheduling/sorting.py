"""Which events may be written, which only count, and which nobody wants any more.

Invariant: what has begun, is locked, was sent elsewhere or leaves the window is never written; the
event that completed a habit stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from tuturuuu_jobs.scheduling.decisions import Cause
from tuturuuu_jobs.scheduling.demands import Row
from tuturuuu_jobs.scheduling.model import Frequency, Habit, Instance, Piece, Snapshot, State, Task
from tuturuuu_jobs.scheduling.recurrence import is_due
from tuturuuu_jobs.scheduling.window import Block, Window


class Rows:
    """The events of a snapshot by what may be done with them.

    Attributes:
        due: Of each planned habit, its dates in the window, skipped and completed ones too.
        open: Of each habit and date, the rows that may be written.
        fixed: Of each habit and date, the instances that may not.
        pieces: Of each task, the rows that may be written.
        counted: Of each task, the pieces that may not and are yet to be worked.
        removals: Rows that nobody asks for any more.
        all_fixed: Everything that may not be written, by start.
        blocked: When.
    """

    def __init__(self, snapshot: Snapshot, window: Window) -> None:
        self.blocked: list[Block] = []
        self.removals: list[Row] = []
        self.all_fixed: list[Instance | Piece] = []
        self.open: dict[UUID, dict[date, list[Row]]] = defaultdict(dict)
        self.fixed: dict[UUID, dict[date, list[Instance]]] = defaultdict(dict)
        self.pieces: dict[UUID, list[Row]] = defaultdict(list)
        self.counted: dict[UUID, list[Piece]] = defaultdict(list)
        self._window = window
        self._snapshot = snapshot
        habits = {habit.id: habit for habit in snapshot.habits}
        self.due = {each: _due_dates(habit, window.dates) for each, habit in habits.items()}
        for instance in sorted(snapshot.instances, key=_by_start):
            self._sort_instance(instance, habits.get(instance.habit_id))
        tasks = {task.id: task for task in snapshot.tasks}
        for piece in sorted(snapshot.pieces, key=_by_start):
            self._sort_piece(piece, tasks.get(piece.task_id))

    def _is_fixed(self, event: Instance | Piece) -> bool:
        if event.state is not State.OPEN:
            return True
        return event.start < self._window.now or event.end > self._window.end

    def _sort_instance(self, instance: Instance, habit: Habit | None) -> None:
        if habit is None or self._is_fixed(instance):
            self._fix(instance)
            return
        row = Row(instance, instance.start, instance.end - instance.start)
        row.cause = self._unwanted(instance, habit)
        dates = self._window.dates
        if row.cause is not None:
            self.removals.append(row)
        elif not dates[0] <= instance.date <= dates[-1] or self._did(instance):
            self._fix(instance)
        else:
            self.open[habit.id].setdefault(instance.date, []).append(row)

    def _fix(self, instance: Instance) -> None:
        self.fixed[instance.habit_id].setdefault(instance.date, []).append(instance)
        self.all_fixed.append(instance)
        self.blocked.append((instance.start, instance.end))

    def _did(self, instance: Instance) -> bool:
        """Whether its date is done by it; then it stays, whatever became of the habit."""
        done = self._snapshot.completions
        return bool(done) and done.get((instance.habit_id, instance.date)) == instance.event_id

    def _unwanted(self, instance: Instance, habit: Habit) -> Cause | None:
        snapshot = self._snapshot
        if self._did(instance):
            return None
        if habit.ending is not None:
            return Cause.ENDED
        if snapshot.skips and (habit.id, instance.date) in snapshot.skips:
            return Cause.SKIPPED
        if snapshot.completions and (habit.id, instance.date) in snapshot.completions:
            return Cause.COMPLETED
        if instance.date in self.due[habit.id]:
            return None
        is_on = is_due(habit.rule, habit.start_date, habit.end_date, instance.date)
        return None if is_on else Cause.NOT_DUE

    def _sort_piece(self, piece: Piece, task: Task | None) -> None:
        if task is None or piece.completed or self._is_fixed(piece):
            self.all_fixed.append(piece)
            self.blocked.append((piece.start, piece.end))
            if not piece.completed and piece.state not in {State.STARTED, State.PAST}:
                self.counted[piece.task_id].append(piece)
            return
        row = Row(piece, piece.start, piece.end - piece.start)
        if task.ending is not None:
            row.cause = Cause.ENDED
            self.removals.append(row)
        else:
            self.pieces[piece.task_id].append(row)


def _by_start(event: Instance | Piece) -> tuple[int, int, int]:
    return event.start, event.end, event.event_id.int


def _due_dates(habit: Habit, dates: Sequence[date]) -> frozenset[date]:
    rule, start, end = habit.rule, habit.start_date, habit.end_date
    if rule.frequency is Frequency.DAILY and (rule.interval or 1) <= 1:
        last = end or dates[-1]
        return frozenset(each for each in dates if start <= each <= last)
    return frozenset(each for each in dates if is_due(rule, start, end, each))
