"""The mistakes: what a tired person might write, each as one replaced text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PURE: Final = tuple(
    f"tests/unit/scheduling/test_{name}.py"
    for name in (
        "scenarios_tasks",
        "scenarios_habits",
        "scenarios_keeping",
        "scenarios_time",
        "hours",
        "daytime",
        "recurrence",
        "properties",
    )
)
"""The quick ones first."""
READING: Final = ("tests/integration/scheduling/test_reading.py",)
TEAM: Final = ("tests/integration/scheduling/test_team.py",)
APPLY: Final = ("tests/integration/scheduling/test_apply.py",)


@dataclasses.dataclass(frozen=True, slots=True)
class Seed:
    """One mistake.

    Attributes:
        file: Of the package's ``scheduling``.
        right: Stands there exactly once.
        wrong: What takes its place.
        tests: Where it must be found.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...] = PURE

    @property
    def path(self) -> str:
        """From the root of the repository."""
        return f"tuturuuu_jobs/scheduling/{self.file}"


SEEDS: Final = (
    Seed(
        "a blocker kind is ignored",
        "gathering.py",
        "for each in snapshot.blockers)",
        'for each in snapshot.blockers if each.kind != "manual")',
    ),
    Seed(
        "what Google knows may be moved",
        "sorting.py",
        "if event.state is not State.OPEN:",
        "if event.state not in {State.OPEN, State.PUSHED}:",
    ),
    Seed(
        "now is not rounded up",
        "window.py",
        "start = up(ceil_minute(snapshot.now))",
        "start = ceil_minute(snapshot.now)",
    ),
    Seed(
        "now is rounded down",
        "window.py",
        "start = up(ceil_minute(snapshot.now))",
        "start = down(floor_minute(snapshot.now))",
    ),
    Seed(
        "the second of two equal hours is meant",
        "daytime.py",
        "minute % 60, tzinfo=zone)",
        "minute % 60, tzinfo=zone, fold=1)",
    ),
    Seed(
        "a date that was jumped over has hours",
        "daytime.py",
        "if not blocks or minute_at(zone, day, 0) == minute_at(zone, day, DAY):",
        "if not blocks:",
    ),
    Seed(
        "the window ends a day late",
        "window.py",
        "limits = midnights(zone, today, days + 1)",
        "limits = [*midnights(zone, today, days), minute_at(zone, today, DAY * (days + 1))]",
    ),
    Seed(
        "the rest of yesterday's hours is lost",
        "window.py",
        "for day in (yesterday, *blocks[kind])",
        "for day in blocks[kind]",
    ),
    Seed(
        "hours over midnight are empty",
        "hours.py",
        "return end + DAY if end < start else end",
        "return end",
    ),
    Seed(
        "23:59 leaves a minute",
        "hours.py",
        "if end in (0, _LAST_MINUTE):",
        "if end == 0:",
    ),
    Seed(
        "weeks begin on Monday",
        "recurrence.py",
        "return day.toordinal() - _weekday(day)",
        "return day.toordinal() - day.weekday()",
    ),
    Seed(
        "the fifth week is not the last",
        "recurrence.py",
        "if week == _LAST:",
        "if week > _LAST:",
    ),
    Seed(
        "the end date is the first without",
        "recurrence.py",
        "day > end)",
        "day >= end)",
    ),
    Seed(
        "one instance too many",
        "demands.py",
        "while count < ceiling and count * longest < minutes:",
        "while count <= ceiling and count * longest < minutes:",
    ),
    Seed(
        "skips are forgotten",
        "gathering.py",
        "excluded = {*snapshot.skips, *snapshot.completions}",
        "excluded = {*snapshot.completions}",
    ),
    Seed(
        "completions are forgotten",
        "gathering.py",
        "excluded = {*snapshot.skips, *snapshot.completions}",
        "excluded = {*snapshot.skips}",
    ),
    Seed(
        "the order of the input decides",
        "gathering.py",
        "sorted(snapshot.tasks, key=lambda task: task.id.int)",
        "snapshot.tasks",
    ),
    Seed(
        "deadlines are ignored",
        "gathering.py",
        "due = FAR if task.deadline is None else max(task.deadline, window.now)",
        "due = FAR",
    ),
    Seed(
        "start dates are ignored",
        "gathering.py",
        "start = max(window.start, up(task.start or window.start))",
        "start = window.start",
    ),
    Seed(
        "what is done is planned again",
        "gathering.py",
        "wanted = up(max(0, task.minutes - task.done))",
        "wanted = up(max(0, task.minutes))",
    ),
    Seed(
        "locked pieces do not count",
        "gathering.py",
        "minutes = max(0, wanted - sum(piece.end - piece.start for piece in fixed))",
        "minutes = wanted",
    ),
    Seed(
        "narrow gaps are liked",
        "costs.py",
        "10 * (buffers.preferred - gap) + 20 * max(0, buffers.minimum - gap)",
        "10 * (gap - buffers.preferred) - 20 * max(0, buffers.minimum - gap)",
    ),
    Seed(
        "moving costs nothing",
        "costs.py",
        "MOVE: Final = 600",
        "MOVE: Final = 0",
    ),
    Seed(
        "a late minute is worth nothing",
        "costs.py",
        "LATE: Final = 50",
        "LATE: Final = 100",
    ),
    Seed(
        "what is about to begin may move",
        "board.py",
        "self.frozen_until = demands.window.now + FREEZE",
        "self.frozen_until = demands.window.now",
    ),
    Seed(
        "dependencies are reversed",
        "precedence.py",
        "return [(dependency.habit_id, habit.id)]",
        "return [(habit.id, dependency.habit_id)]",
    ),
    Seed(
        "circles of dependencies stay",
        "precedence.py",
        "kept = tuple(edge for edge in edges if edge not in looped)",
        "kept = tuple(edges)",
    ),
    Seed(
        "the lightest comes first",
        "admission.py",
        "(-work.weight, work.due, work.task.created_at, work.order)",
        "(work.weight, work.due, work.task.created_at, work.order)",
    ),
    Seed(
        "habits may be anywhere",
        "demands.py",
        "REACH: Final = 120",
        "REACH: Final = 12000",
    ),
    Seed(
        "two pieces may touch",
        "gathering.py",
        "sep = max(GRID, snapshot.buffers.minimum)",
        "sep = 0",
    ),
    Seed(
        "ended tasks keep their pieces",
        "sorting.py",
        "        if task.ending is not None:\n            row.cause = Cause.ENDED\n",
        "        if task.ending is not None and False:\n            row.cause = Cause.ENDED\n",
    ),
    Seed(
        "a skip that was taken back still counts",
        "habit_rows.py",
        "and revoked_at is null and habit_id",
        "and habit_id",
        READING,
    ),
    Seed(
        "another member's piece is one's own",
        "rows.py",
        "if link.owner != view.scope.user_id:",
        "if link.owner is None:",
        TEAM,
    ),
    Seed(
        "whole days block",
        "blockers.py",
        "if is_all_day(row, zone) and (row.external or not row.locked):",
        "if is_all_day(row, zone) and False:",
        READING,
    ),
    Seed(
        "an edit in between is overwritten",
        "statements.py",
        "    and event.start_at = old.start_at and event.end_at = old.end_at "
        "and event.start_at > %(now)s\n",
        "    and event.start_at > %(now)s and old.start_at < old.end_at\n",
        APPLY,
    ),
    Seed(
        "a lock in between is not seen",
        "statements.py",
        "and not event.locked",
        "and old.start_at < old.end_at",
        APPLY,
    ),
)
