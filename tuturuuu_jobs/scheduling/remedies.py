"""The smallest change that would make room for what found none, or a late place.

Invariant: nothing is suggested that was not tried: the snapshot is changed in that one respect and
planned again, and the finding must be gone without a new one elsewhere. How often is bounded by
counts. Suggestions change no plan; they are added to its findings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from tuturuuu_jobs.scheduling.decisions import (
    Code,
    Finding,
    ItemKind,
    Level,
    Plan,
    Remedy,
    RemedyKind,
)
from tuturuuu_jobs.scheduling.demands import LEAST_PIECE, shape_of
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Blocker,
    Habit,
    HoursType,
    Snapshot,
    Task,
    instant_of,
)
from tuturuuu_jobs.scheduling.plan import plan as plan_of
from tuturuuu_jobs.scheduling.window import MAX_DAYS, Window, down, up, window_of
from tuturuuu_jobs.scheduling.wording import HOURS, clock, moment, span

TRIES: Final = 8
"""Plans made for one finding, at most."""

DAYS: Final = (7, 14, 30, 60, MAX_DAYS)
_CURABLE: Final = frozenset(
    {
        Code.NO_FREE_TIME,
        Code.NO_HOURS,
        Code.TOO_LONG_FOR_ANY_BLOCK,
        Code.NO_SLOT_NEAR_PREFERENCE,
        Code.OVERDUE,
        Code.LATE,
        Code.BUMPED_BY,
        Code.QUOTA_BELOW_MIN,
        Code.STARTS_AFTER_WINDOW,
    }
)
_LEVELS: Final = {Level.ERROR: 0, Level.WARNING: 1, Level.INFORMATION: 2}

Trial = tuple[Remedy, Snapshot]


def suggest(snapshot: Snapshot, plan: Plan, *, limit: int) -> Plan:
    """The same plan, with a remedy for up to ``limit`` findings, the most important first.

    A finding for which no small change helps keeps none.
    """
    window = window_of(snapshot)
    weights = {habit.id: habit.weight for habit in snapshot.habits}
    weights |= {task.id: task.weight for task in snapshot.tasks}
    curable = [each for each in plan.findings if each.code in _CURABLE and each.minutes]
    curable.sort(
        key=lambda each: (_LEVELS[each.level], -weights.get(each.id, 0) * each.minutes, _when(each))
    )
    found: dict[tuple[ItemKind, UUID, object], Remedy] = {}
    for finding in curable[:limit]:
        remedy = _remedy(snapshot, window, plan, finding)
        if remedy is not None:
            found[_key(finding)] = remedy
    findings = tuple(
        dataclasses.replace(each, remedy=found[_key(each)]) if _key(each) in found else each
        for each in plan.findings
    )
    return dataclasses.replace(plan, findings=findings)


def _key(finding: Finding) -> tuple[ItemKind, UUID, object]:
    return finding.kind, finding.id, finding.date


def _when(finding: Finding) -> tuple[int, int]:
    return (finding.date.toordinal() if finding.date else 0), finding.id.int


def _remedy(snapshot: Snapshot, window: Window, plan: Plan, finding: Finding) -> Remedy | None:
    """The first trial that helps; the trials come smallest first."""
    before = {_key(each): each.minutes for each in plan.findings}
    trials = _for_task if finding.kind is ItemKind.TASK else _for_habit
    for number, (remedy, changed) in enumerate(trials(snapshot, window, finding, plan)):
        if number == TRIES:
            break
        after = plan_of(changed).findings
        if all(each.minutes <= before.get(_key(each), 0) for each in after) and not any(
            _key(each) == _key(finding) and each.minutes for each in after
        ):
            return remedy
    return None


def _for_task(snapshot: Snapshot, window: Window, finding: Finding, plan: Plan) -> Iterator[Trial]:
    task = next(each for each in snapshot.tasks if each.id == finding.id)
    if finding.code in {Code.LATE, Code.OVERDUE}:
        end = max([item.end for item in plan.items if item.id == task.id], default=window.start)
        when = moment(window, end)
        remedy = Remedy(
            RemedyKind.LATER_DEADLINE,
            instant_of(end).isoformat(),
            f"Set the deadline to {when} or later.",
        )
        yield remedy, _with_task(snapshot, dataclasses.replace(task, deadline=end))
    if task.start is not None and task.start > window.start:
        yield _earlier(snapshot, window, task)
    if not task.splittable and task.minutes > LEAST_PIECE:
        remedy = Remedy(RemedyKind.SPLITTABLE, "true", "Allow it to be split into pieces.")
        yield remedy, _with_task(snapshot, dataclasses.replace(task, splittable=True))
    yield from _shorter_pieces(snapshot, task)
    for blocker in _in_the_way(snapshot, finding):
        yield _unlocked(snapshot, window, blocker)
    for hours in HoursType:
        if hours is not task.hours:
            yield _hours(hours), _with_task(snapshot, dataclasses.replace(task, hours=hours))
    yield from _wider(snapshot)


def _for_habit(snapshot: Snapshot, window: Window, finding: Finding, plan: Plan) -> Iterator[Trial]:
    habit = next(each for each in snapshot.habits if each.id == finding.id)
    shortest = shape_of(habit).shortest
    for length in (up(shortest // 2), GRID):
        if GRID <= length < shortest:
            remedy = Remedy(
                RemedyKind.SHORTER, str(length), f"Let it be as short as {span(length)}."
            )
            yield remedy, _with_habit(snapshot, dataclasses.replace(habit, shortest=length))
    for blocker in _in_the_way(snapshot, finding):
        yield _unlocked(snapshot, window, blocker)
    yield from _other_times(snapshot, window, habit, finding, plan)
    for hours in HoursType:
        if hours is not habit.hours:
            yield _hours(hours), _with_habit(snapshot, dataclasses.replace(habit, hours=hours))


def _other_times(
    snapshot: Snapshot, window: Window, habit: Habit, finding: Finding, plan: Plan
) -> Iterator[Trial]:
    """The free times of the date nearest to the wanted one, as another ideal time."""
    if finding.date is None or (habit.ideal is None and habit.band is None):
        return
    day = (finding.date - window.dates[0]).days
    if not 0 <= day < len(window.dates):
        return
    busy = sorted(
        [(each.start, each.end) for each in snapshot.blockers]
        + [(item.start, item.end) for item in plan.items]
    )
    length = shape_of(habit).minutes
    wanted = window.minute(day, habit.ideal if habit.ideal is not None else 720)
    free: list[int] = []
    for begin, finish in window.blocks[habit.hours][day]:
        position = max(begin, window.start)
        for start, end in [*busy, (finish, finish)]:
            if start - up(position) >= length and position < finish:
                late = min(start, finish) - length
                free.append(min(max(up(position), down(wanted)), down(late)))
            position = max(position, end)
    for start in sorted(free, key=lambda each: abs(each - wanted))[:2]:
        minute = (start - window.midnights[day]) % 1440
        text = f"Set its ideal time to {clock(window, start)}."
        remedy = Remedy(RemedyKind.OTHER_TIME, clock(window, start), text)
        yield remedy, _with_habit(snapshot, dataclasses.replace(habit, ideal=minute, band=None))


def _earlier(snapshot: Snapshot, window: Window, task: Task) -> Trial:
    remedy = Remedy(
        RemedyKind.EARLIER_START,
        instant_of(window.start).isoformat(),
        "Let it start at once instead of later.",
    )
    return remedy, _with_task(snapshot, dataclasses.replace(task, start=None))


def _shorter_pieces(snapshot: Snapshot, task: Task) -> Iterator[Trial]:
    shortest = task.shortest or LEAST_PIECE
    for length in (up(shortest // 2), GRID):
        if task.splittable and GRID <= length < shortest:
            text = f"Allow pieces of {span(length)}."
            remedy = Remedy(RemedyKind.SHORTER_PIECES, str(length), text)
            yield remedy, _with_task(snapshot, dataclasses.replace(task, shortest=length))


def _in_the_way(snapshot: Snapshot, finding: Finding) -> list[Blocker]:
    """Up to two blockers of this workspace that stand in the way, the shortest first."""
    blockers = [each for each in snapshot.blockers if each.event_id in finding.in_the_way]
    blockers.sort(key=lambda each: (each.end - each.start, each.start))
    return blockers[:2]


def _unlocked(snapshot: Snapshot, window: Window, blocker: Blocker) -> Trial:
    text = f"Move or remove the event at {moment(window, blocker.start)}."
    remedy = Remedy(RemedyKind.UNLOCK_EVENT, str(blocker.event_id), text)
    others = tuple(each for each in snapshot.blockers if each.event_id != blocker.event_id)
    return remedy, dataclasses.replace(snapshot, blockers=others)


def _hours(hours: HoursType) -> Remedy:
    return Remedy(RemedyKind.OTHER_HOURS, str(hours), f"Schedule it in the {HOURS[hours]}.")


def _wider(snapshot: Snapshot) -> Iterator[Trial]:
    for days in [each for each in DAYS if each > snapshot.window_days][:1]:
        remedy = Remedy(RemedyKind.WIDER_WINDOW, str(days), f"Plan {days} days ahead.")
        yield remedy, dataclasses.replace(snapshot, window_days=days)


def _with_task(snapshot: Snapshot, task: Task) -> Snapshot:
    tasks = tuple(task if each.id == task.id else each for each in snapshot.tasks)
    return dataclasses.replace(snapshot, tasks=tasks)


def _with_habit(snapshot: Snapshot, habit: Habit) -> Snapshot:
    habits = tuple(habit if each.id == habit.id else each for each in snapshot.habits)
    return dataclasses.replace(snapshot, habits=habits)
