"""What may be changed so that a demand fits, one thing at a time, small changes first. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, TypeVar
from uuid import UUID

from tuturuuu_jobs.scheduling.daytime import merged
from tuturuuu_jobs.scheduling.decisions import Code, Finding, ItemKind, Plan, Remedy, RemedyKind
from tuturuuu_jobs.scheduling.demands import BANDS, LEAST_PIECE, REACH, shape_of
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Blocker,
    Habit,
    HoursType,
    Instance,
    Piece,
    Snapshot,
    State,
    Task,
    instant_of,
)
from tuturuuu_jobs.scheduling.window import MAX_DAYS, Block, Window, down, up
from tuturuuu_jobs.scheduling.wording import HOURS, clock, moment, span

DAYS: Final = (7, 14, 30, 60, MAX_DAYS)

Row = TypeVar("Row", Instance, Piece)
Trial = tuple[Remedy, Snapshot]
"""A change in words, and the snapshot with it."""


def trials_for(snapshot: Snapshot, window: Window, finding: Finding, plan: Plan) -> Iterator[Trial]:
    """Changes that might help a finding of this plan.

    Args:
        snapshot: As it is once the plan is written.
        window: Of the snapshot.
        finding: Of a habit's date or of a task.
        plan: Tells what stands where.
    """
    if finding.kind is ItemKind.TASK:
        return _for_task(snapshot, window, finding, plan)
    return _for_habit(snapshot, window, finding, plan)


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
    yield from _shorter_pieces(snapshot, window, task, finding, plan)
    yield from _out_of_the_way(snapshot, window, finding)
    for hours in HoursType:
        if hours is not task.hours:
            yield _hours(hours), _with_task(snapshot, dataclasses.replace(task, hours=hours))
    yield from _wider(snapshot)


def _for_habit(snapshot: Snapshot, window: Window, finding: Finding, plan: Plan) -> Iterator[Trial]:
    habit = next(each for each in snapshot.habits if each.id == finding.id)
    rooms = _rooms_of_date(snapshot, window, habit, finding, plan)
    shortest, near = shape_of(habit).shortest, _near(window, habit, finding)
    longest = max([min(end, near[1]) - max(start, near[0]) for start, end in rooms], default=0)
    for length in _lengths(shortest, longest):
        text = f"Let it be as short as {span(length)}."
        remedy = Remedy(RemedyKind.SHORTER, str(length), text)
        yield remedy, _with_habit(snapshot, dataclasses.replace(habit, shortest=length))
    yield from _out_of_the_way(snapshot, window, finding)
    if habit.ideal is not None or habit.band is not None:
        yield from _other_times(snapshot, window, habit, near, rooms)
    for hours in HoursType:
        if hours is not habit.hours:
            yield _hours(hours), _with_habit(snapshot, dataclasses.replace(habit, hours=hours))


def _rooms_of_date(
    snapshot: Snapshot, window: Window, habit: Habit, finding: Finding, plan: Plan
) -> list[Block]:
    day = _day(window, finding)
    return [] if day is None else _rooms(snapshot, window, plan, window.blocks[habit.hours][day])


def _day(window: Window, finding: Finding) -> int | None:
    return window.dates.index(finding.date) if finding.date in window.dates else None


def _near(window: Window, habit: Habit, finding: Finding) -> Block:
    """Where an instance of that date may be, for its wanted time."""
    day, shape = _day(window, finding), shape_of(habit)
    reach = max(REACH, 4 * shape.preferred)
    if day is not None and habit.ideal is not None:
        at = window.minute(day, habit.ideal)
        return at - reach, at + reach + shape.shortest
    if day is not None and habit.band is not None:
        low, high, _ = BANDS[habit.band]
        return window.minute(day, low) - reach, window.minute(day, high) + reach
    return window.start, window.end


def _rooms(snapshot: Snapshot, window: Window, plan: Plan, blocks: Sequence[Block]) -> list[Block]:
    """What stays free of ``blocks``, from the first minute of the grid on."""
    busy = merged(
        [(each.start, each.end) for each in snapshot.blockers]
        + [(item.start, item.end) for item in plan.items]
    )
    free: list[Block] = []
    for begin, finish in blocks:
        position = max(begin, window.start)
        for start, end in [*busy, (finish, finish)]:
            if position >= finish:
                break
            if up(position) < min(start, finish):
                free.append((up(position), min(start, finish)))
            position = max(position, end)
    return free


def _lengths(shortest: int, room: int) -> list[int]:
    """Shorter lengths to try, the longest first: what the largest room holds, half, the least."""
    tried = {down(room), up(shortest // 2), GRID}
    return sorted((each for each in tried if GRID <= each < shortest), reverse=True)


def _other_times(
    snapshot: Snapshot, window: Window, habit: Habit, near: Block, rooms: Sequence[Block]
) -> Iterator[Trial]:
    """The free times of the date nearest to the wanted one, as another ideal time."""
    length, wanted = shape_of(habit).minutes, sum(near) // 2
    free = [
        min(max(start, down(wanted)), down(end - length))
        for start, end in rooms
        if end - start >= length
    ]
    for start in sorted(free, key=lambda each: (abs(each - wanted), each))[:2]:
        local = window.local(start)
        text = f"Set its ideal time to {clock(window, start)}."
        remedy = Remedy(RemedyKind.OTHER_TIME, clock(window, start), text)
        ideal = 60 * local.hour + local.minute
        yield remedy, _with_habit(snapshot, dataclasses.replace(habit, ideal=ideal, band=None))


def _earlier(snapshot: Snapshot, window: Window, task: Task) -> Trial:
    remedy = Remedy(
        RemedyKind.EARLIER_START,
        instant_of(window.start).isoformat(),
        "Let it start at once instead of later.",
    )
    return remedy, _with_task(snapshot, dataclasses.replace(task, start=None))


def _shorter_pieces(
    snapshot: Snapshot, window: Window, task: Task, finding: Finding, plan: Plan
) -> Iterator[Trial]:
    if not task.splittable:
        return
    mask = [(max(a, task.start or a), b) for a, b in window.masks[task.hours]]
    sizes = sorted((b - a for a, b in _rooms(snapshot, window, plan, mask)), reverse=True)
    held = accumulate(down(size) for size in sizes)
    room = next(
        (size for size, total in zip(sizes, held, strict=True) if total >= finding.minutes), 0
    )
    for length in _lengths(task.shortest or LEAST_PIECE, room):
        text = f"Allow pieces of {span(length)}."
        remedy = Remedy(RemedyKind.SHORTER_PIECES, str(length), text)
        yield remedy, _with_task(snapshot, dataclasses.replace(task, shortest=length))


def _out_of_the_way(snapshot: Snapshot, window: Window, finding: Finding) -> Iterator[Trial]:
    """Up to two events of this workspace that stand in the way, the shortest first."""
    own: tuple[Instance | Piece, ...] = (*snapshot.instances, *snapshot.pieces)
    pinned = [each for each in own if each.state is State.LOCKED]
    known: tuple[Blocker | Instance | Piece, ...] = (*snapshot.blockers, *pinned)
    events = [each for each in known if each.event_id in finding.in_the_way]
    events.sort(key=lambda each: (each.end - each.start, each.start))
    for event in events[:2]:
        yield _unlocked(snapshot, window, event)


def _unlocked(snapshot: Snapshot, window: Window, event: Blocker | Instance | Piece) -> Trial:
    """Without that blocker; an own event may move instead."""
    what = "Move or remove" if isinstance(event, Blocker) else "Unlock"
    text = f"{what} the event at {moment(window, event.start)}."
    remedy = Remedy(RemedyKind.UNLOCK_EVENT, str(event.event_id), text)
    free = dataclasses.replace(
        snapshot,
        blockers=tuple(each for each in snapshot.blockers if each.event_id != event.event_id),
        instances=tuple(_opened(each, event.event_id) for each in snapshot.instances),
        pieces=tuple(_opened(each, event.event_id) for each in snapshot.pieces),
    )
    return remedy, free


def _opened(row: Row, event_id: UUID | None) -> Row:
    return dataclasses.replace(row, state=State.OPEN) if row.event_id == event_id else row


def _hours(hours: HoursType) -> Remedy:
    return Remedy(RemedyKind.OTHER_HOURS, str(hours), f"Schedule it in the {HOURS[hours]}.")


def _wider(snapshot: Snapshot) -> Iterator[Trial]:
    for days in [each for each in DAYS if each > snapshot.window_days][:1]:
        remedy = Remedy(
            RemedyKind.WIDER_WINDOW, str(days), f"Plan {days} days ahead, if there is time then."
        )
        yield remedy, dataclasses.replace(snapshot, window_days=days)


def _with_task(snapshot: Snapshot, task: Task) -> Snapshot:
    tasks = tuple(task if each.id == task.id else each for each in snapshot.tasks)
    return dataclasses.replace(snapshot, tasks=tasks)


def _with_habit(snapshot: Snapshot, habit: Habit) -> Snapshot:
    habits = tuple(habit if each.id == habit.id else each for each in snapshot.habits)
    return dataclasses.replace(snapshot, habits=habits)
