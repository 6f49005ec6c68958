"""Mistakes in scheduling: what a tired person might write."""

from __future__ import annotations

from typing import Final

from tests.defects.seed import Seed

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
        "board",
        "timeline",
        "stability",
        "remedies",
        "properties",
    )
)
"""The quick ones first."""
READING: Final = ("tests/integration/scheduling/test_reading.py",)
TEAM: Final = ("tests/integration/scheduling/test_team.py",)
APPLY: Final = ("tests/integration/scheduling/test_apply.py",)


def _seed(name: str, file: str, right: str, wrong: str, tests: tuple[str, ...] = PURE) -> Seed:
    return Seed(name, file, right, wrong, tests)


SEEDS: Final = (
    _seed(
        "a blocker kind is ignored",
        "scheduling/gathering.py",
        "for each in snapshot.blockers)",
        'for each in snapshot.blockers if each.kind != "manual")',
    ),
    _seed(
        "what Google knows may be moved",
        "scheduling/sorting.py",
        "if event.state is not State.OPEN:",
        "if event.state not in {State.OPEN, State.PUSHED}:",
    ),
    _seed(
        "now is not rounded up",
        "scheduling/window.py",
        "start = up(ceil_minute(snapshot.now))",
        "start = ceil_minute(snapshot.now)",
    ),
    _seed(
        "now is rounded down",
        "scheduling/window.py",
        "start = up(ceil_minute(snapshot.now))",
        "start = down(floor_minute(snapshot.now))",
    ),
    _seed(
        "the second of two equal hours is meant",
        "scheduling/daytime.py",
        "minute % 60, tzinfo=zone)",
        "minute % 60, tzinfo=zone, fold=1)",
    ),
    _seed(
        "a date that was jumped over has hours",
        "scheduling/daytime.py",
        "if not blocks or minute_at(zone, day, 0) == minute_at(zone, day, DAY):",
        "if not blocks:",
    ),
    _seed(
        "the window ends a day late",
        "scheduling/window.py",
        "limits = midnights(zone, today, days + 1)",
        "limits = [*midnights(zone, today, days), minute_at(zone, today, DAY * (days + 1))]",
    ),
    _seed(
        "the rest of yesterday's hours is lost",
        "scheduling/window.py",
        "for day in (yesterday, *blocks[kind])",
        "for day in blocks[kind]",
    ),
    _seed(
        "hours over midnight are empty",
        "scheduling/hours.py",
        "return end + DAY if end < start else end",
        "return end",
    ),
    _seed(
        "23:59 leaves a minute",
        "scheduling/hours.py",
        "if end in (0, _LAST_MINUTE):",
        "if end == 0:",
    ),
    _seed(
        "weeks begin on Monday",
        "scheduling/recurrence.py",
        "return day.toordinal() - _weekday(day)",
        "return day.toordinal() - day.weekday()",
    ),
    _seed(
        "the fifth week is not the last",
        "scheduling/recurrence.py",
        "if week == _LAST:",
        "if week > _LAST:",
    ),
    _seed(
        "the end date is the first without",
        "scheduling/recurrence.py",
        "day > end)",
        "day >= end)",
    ),
    _seed(
        "one instance too many",
        "scheduling/demands.py",
        "while count < ceiling and count * longest < minutes:",
        "while count <= ceiling and count * longest < minutes:",
    ),
    _seed(
        "skips are forgotten",
        "scheduling/gathering.py",
        "excluded = {*snapshot.skips, *snapshot.completions}",
        "excluded = {*snapshot.completions}",
    ),
    _seed(
        "completions are forgotten",
        "scheduling/gathering.py",
        "excluded = {*snapshot.skips, *snapshot.completions}",
        "excluded = {*snapshot.skips}",
    ),
    _seed(
        "the order of the input decides",
        "scheduling/gathering.py",
        "sorted(snapshot.tasks, key=lambda task: task.id.int)",
        "snapshot.tasks",
    ),
    _seed(
        "deadlines are ignored",
        "scheduling/gathering.py",
        "due = FAR if task.deadline is None else max(task.deadline, window.now)",
        "due = FAR",
    ),
    _seed(
        "start dates are ignored",
        "scheduling/gathering.py",
        "start = max(window.start, up(task.start or window.start))",
        "start = window.start",
    ),
    _seed(
        "what is done is planned again",
        "scheduling/gathering.py",
        "wanted = up(max(0, task.minutes - task.done))",
        "wanted = up(max(0, task.minutes))",
    ),
    _seed(
        "locked pieces do not count",
        "scheduling/gathering.py",
        "minutes = max(0, wanted - sum(piece.end - piece.start for piece in fixed))",
        "minutes = wanted",
    ),
    _seed(
        "narrow gaps are liked",
        "scheduling/costs.py",
        "10 * (buffers.preferred - gap) + 20 * max(0, buffers.minimum - gap)",
        "10 * (gap - buffers.preferred) - 20 * max(0, buffers.minimum - gap)",
    ),
    _seed(
        "moving costs nothing",
        "scheduling/costs.py",
        "MOVE: Final = 600",
        "MOVE: Final = 0",
    ),
    _seed(
        "a late minute is worth nothing",
        "scheduling/costs.py",
        "LATE: Final = 50",
        "LATE: Final = 100",
    ),
    _seed(
        "what is about to begin may move",
        "scheduling/board.py",
        "self.frozen_until = demands.window.now + FREEZE",
        "self.frozen_until = demands.window.now",
    ),
    _seed(
        "dependencies are reversed",
        "scheduling/precedence.py",
        "return [(dependency.habit_id, habit.id)]",
        "return [(habit.id, dependency.habit_id)]",
    ),
    _seed(
        "circles of dependencies stay",
        "scheduling/precedence.py",
        "kept = tuple(edge for edge in edges if edge not in looped)",
        "kept = tuple(edges)",
    ),
    _seed(
        "the lightest comes first",
        "scheduling/constructing.py",
        "WEIGHTS: Final = (8, 4, 2, 1)",
        "WEIGHTS: Final = (1, 2, 4, 8)",
    ),
    _seed(
        "a small gain moves a habit",
        "scheduling/polish.py",
        "NEARER: Final = 60",
        "NEARER: Final = 10",
    ),
    _seed(
        "two blockers are joined by what lies outside the hours",
        "scheduling/gathering.py",
        "found.append((max(start, low), min(end, high)))",
        "found.append((start, end))\n            break",
    ),
    _seed(
        "advice is given although others lose by it",
        "scheduling/remedies.py",
        "each.minutes <= self._before.get(key, 0) for key",
        "each.minutes <= self._before.get(key, 9999) for key",
    ),
    _seed(
        "habits may be anywhere",
        "scheduling/demands.py",
        "REACH: Final = 120",
        "REACH: Final = 12000",
    ),
    _seed(
        "two pieces may touch",
        "scheduling/gathering.py",
        "sep = max(GRID, snapshot.buffers.minimum)",
        "sep = 0",
    ),
    _seed(
        "ended tasks keep their pieces",
        "scheduling/sorting.py",
        "        if task.ending is not None:\n            row.cause = Cause.ENDED\n",
        "        if task.ending is not None and False:\n            row.cause = Cause.ENDED\n",
    ),
    _seed(
        "a skip that was taken back still counts",
        "scheduling/habit_rows.py",
        "and revoked_at is null and habit_id",
        "and habit_id",
        READING,
    ),
    _seed(
        "another member's piece is one's own",
        "scheduling/rows.py",
        "if link.owner != view.scope.user_id:",
        "if link.owner is None:",
        TEAM,
    ),
    _seed(
        "whole days block",
        "scheduling/blockers.py",
        "if is_all_day(row, zone) and (row.external or not row.locked):",
        "if is_all_day(row, zone) and False:",
        READING,
    ),
    _seed(
        "an edit in between is overwritten",
        "scheduling/statements.py",
        "    and event.start_at = old.start_at and event.end_at = old.end_at "
        "and event.start_at >= %(now)s\n",
        "    and event.start_at >= %(now)s and old.start_at < old.end_at\n",
        APPLY,
    ),
    _seed(
        "a lock in between is not seen",
        "scheduling/statements.py",
        "and not event.locked",
        "and old.start_at < old.end_at",
        APPLY,
    ),
)
