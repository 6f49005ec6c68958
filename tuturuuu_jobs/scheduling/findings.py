"""What does not fit, or not as asked: one finding for each demand, with its single reason.

Invariant: every demand with an unplaced or late minute has exactly one finding; the most serious
fact wins. Nothing here changes a plan.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.decisions import Code, Finding, ItemKind, Level
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Work
from tuturuuu_jobs.scheduling.gathering import Demands
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Instance,
    Piece,
    ScopeKind,
    Snapshot,
)
from tuturuuu_jobs.scheduling.window import Block, Window, up
from tuturuuu_jobs.scheduling.wording import HOURS, PARTS, clock, moment, span

_NAMED: Final = 5
"""How many events in the way are told."""

Fact = tuple[Code, Level, str]


def findings_of(
    snapshot: Snapshot, demands: Demands, board: Board, owners: Sequence[Owner]
) -> tuple[Finding, ...]:
    """All findings: of the snapshot as a whole, of habits by date, of tasks."""
    found = [*_cycles(demands), *_double_links(snapshot)]
    if all(owner.missing <= 0 and not owner.is_late() for owner in owners):
        owners = [owner for owner in owners if _may_be_told(owner)]
    if not owners:
        return tuple(found)
    way = _Way(snapshot)
    for owner in owners:
        if isinstance(owner, Occurrence):
            if owner.missing <= 0 and not owner.leaders:
                continue
            finding = _of_habit(demands.window, board, owner, way)
        else:
            finding = _of_task(demands.window, owner, way)
        if finding is not None:
            found.append(finding)
    return tuple(found)


def _may_be_told(owner: Owner) -> bool:
    """Whether there is something to tell although all of it is placed in time."""
    return owner.relaxed if isinstance(owner, Work) else bool(owner.leaders)


class _Way:
    """Which events of this workspace stand in an interval."""

    def __init__(self, snapshot: Snapshot) -> None:
        known: tuple[Blocker | Instance | Piece, ...] = (
            *snapshot.blockers,
            *snapshot.instances,
            *snapshot.pieces,
        )
        events = [(each.start, each.end, each.event_id) for each in known if each.event_id]
        events.sort()
        self._events = events
        self._starts = [start for start, _, _ in events]
        self._longest = max([end - start for start, end, _ in events], default=0)

    def within(self, parts: Iterable[Block]) -> tuple[UUID, ...]:
        """The first few that overlap any of the sorted parts."""
        intervals = list(parts)
        if not intervals:
            return ()
        low, high = intervals[0][0], intervals[-1][1]
        ends = [end for _, end in intervals]
        found: list[UUID] = []
        for start, end, event_id in self._events[bisect_left(self._starts, low - self._longest) :]:
            if start >= high or len(found) == _NAMED:
                break
            if end > low:
                index = bisect_right(ends, start)
                if index < len(intervals) and intervals[index][0] < end:
                    found.append(event_id)
        return tuple(found)


def _cycles(demands: Demands) -> list[Finding]:
    found: list[Finding] = []
    for cycle in demands.precedence.cycles:
        named = ", ".join(str(habit) for habit in cycle[:_NAMED])
        more = f" and {len(cycle) - _NAMED} more" if len(cycle) > _NAMED else ""
        text = f"These habits wait for each other, so their order is ignored: {named}{more}."
        found.append(
            Finding(ItemKind.HABIT, cycle[0], None, Code.DEPENDENCY_CYCLE, Level.WARNING, 0, text)
        )
    return found


def _double_links(snapshot: Snapshot) -> list[Finding]:
    kind = ItemKind.TASK if snapshot.scope.kind is ScopeKind.TASKS else ItemKind.HABIT
    ids = [
        each.event_id
        for each in snapshot.blockers
        if each.kind is BlockerKind.DOUBLE_LINK and each.event_id is not None
    ]
    text = "This event is linked to more than one habit or task; it is left as it is."
    return [
        Finding(kind, each, None, Code.DOUBLE_LINK, Level.WARNING, 0, text, (each,))
        for each in sorted(set(ids), key=lambda each: each.int)
    ]


def _of_habit(window: Window, board: Board, owner: Occurrence, way: _Way) -> Finding | None:
    missing = owner.missing
    if missing > 0 and owner.aims:
        fact = _short(owner, missing) if _is_begun(owner) else _why_unplaced(window, board, owner)
        named = () if fact[1] is Level.INFORMATION else way.within(_reach(window, owner))
        return _habit(owner, fact, missing, named)
    if _is_unmet(owner):
        text = "The habit that comes before it found no place on this date."
        return _habit(owner, (Code.DEPENDENCY_UNMET, Level.WARNING, text), 0)
    return None


def _is_unmet(owner: Occurrence) -> bool:
    return any(
        other.aims and not other.seats and not other.fixed and other.missing > 0
        for other in owner.leaders
    )


def _is_begun(owner: Occurrence) -> bool:
    """Whether any instance has a place."""
    return bool(owner.seats or owner.fixed)


def _short(owner: Occurrence, missing: int) -> Fact:
    """Some instances have a place, but not all minutes."""
    have = len(owner.seats) + len(owner.fixed)
    if have < owner.shape.enough:
        text = f"Only {have} of at least {owner.shape.enough} on this date found a place."
        return Code.QUOTA_BELOW_MIN, Level.WARNING, text
    level = Level.INFORMATION if owner.habit.splittable else Level.WARNING
    return Code.SHORTENED, level, f"{span(missing)} less than wanted on this date; no more fits."


def _why_unplaced(window: Window, board: Board, owner: Occurrence) -> Fact:
    shape, hours = owner.shape, HOURS[owner.habit.hours]
    if not owner.blocks:
        return Code.NO_HOURS, Level.INFORMATION, f"The {hours} have no time on this date."
    longest = max(end - start for start, end in owner.blocks)
    if longest < shape.shortest:
        text = (
            f"It takes at least {span(shape.shortest)}; the {hours} of this date have "
            f"{span(longest)} at most in one block."
        )
        return Code.TOO_LONG_FOR_ANY_BLOCK, Level.WARNING, text
    reach = _reach(window, owner)
    if owner.day == 0 and max((end - start for start, end in reach), default=0) < shape.shortest:
        return Code.MISSED_TODAY, Level.INFORMATION, "Its time of today has passed."
    if owner.bumped:
        text = "A task of higher priority took its place; no other one was found."
        return Code.BUMPED_BY, Level.WARNING, text
    aim = owner.aims[0]
    if (aim.first, aim.until) != (-FAR, FAR) and _is_free_somewhere(board, window, owner):
        text = f"No free time near {_preference(window, owner)}."
        return Code.NO_SLOT_NEAR_PREFERENCE, Level.WARNING, text
    text = f"The {hours} of this date have no {span(shape.shortest)} free in one stretch."
    return Code.NO_FREE_TIME, Level.WARNING, text


def _preference(window: Window, owner: Occurrence) -> str:
    if owner.habit.ideal is not None:
        return f"the ideal time {clock(window, owner.aims[0].at)}"
    if owner.habit.band is not None:
        return f"the {PARTS[owner.habit.band]}"
    return "the wanted time"


def _reach(window: Window, owner: Occurrence) -> list[Block]:
    """Where the first instance could be, were everything free."""
    aim, shortest = owner.aims[0], owner.shape.shortest
    parts: list[Block] = []
    for begin, finish in owner.blocks:
        start = up(max(begin, aim.first, window.start))
        end = min(finish, aim.until, aim.last + shortest)
        if end > start:
            parts.append((start, end))
    return parts


def _is_free_somewhere(board: Board, window: Window, owner: Occurrence) -> bool:
    """Whether the date's hours have a free stretch for it, wherever the habit is wanted."""
    starts, ends, shortest = board.timeline.starts, board.timeline.ends, owner.shape.shortest
    for begin, finish in owner.blocks:
        position = max(begin, window.start)
        index = board.timeline.index_after(position)
        while position < finish:
            stop = min(finish, starts[index])
            if stop - up(position) >= shortest:
                return True
            position = ends[index]
            index += 1
    return False


def _habit(owner: Occurrence, fact: Fact, minutes: int, way: tuple[UUID, ...] = ()) -> Finding:
    code, level, text = fact
    return Finding(ItemKind.HABIT, owner.habit.id, owner.date, code, level, minutes, text, way)


def _of_task(window: Window, owner: Work, way: _Way) -> Finding | None:
    missing = owner.missing
    if missing > 0:
        fact = _why_left_over(window, owner, missing)
        named = () if fact[1] is Level.INFORMATION else way.within(_mask(window, owner))
        return _task(owner, fact, missing, named)
    late = owner.late
    if late and owner.task.deadline is not None:
        when = moment(window, owner.task.deadline)
        named = way.within(_mask(window, owner, owner.due))
        if owner.task.deadline <= window.now:
            text = f"The deadline was {when}; it is done as soon as possible."
            return _task(owner, (Code.OVERDUE, Level.WARNING, text), late, named)
        text = f"{span(late)} of it come after the deadline {when}."
        return _task(owner, (Code.LATE, Level.WARNING, text), late, named)
    if owner.relaxed and owner.minutes:
        text = (
            f"No number of pieces within its bounds makes {span(owner.minutes)}; "
            f"pieces of {span(owner.least)} are allowed."
        )
        return _task(owner, (Code.SPLIT_BOUNDS_RELAXED, Level.WARNING, text), 0)
    return None


def _why_left_over(window: Window, owner: Work, missing: int) -> Fact:
    hours = HOURS[owner.task.hours]
    mask = window.masks[owner.task.hours]
    if owner.start >= window.end:
        text = f"It starts {moment(window, owner.start)}, after the window."
        return Code.STARTS_AFTER_WINDOW, Level.INFORMATION, text
    if not mask:
        return Code.NO_HOURS, Level.ERROR, f"The {hours} have no time in this window."
    longest = max(end - start for start, end in mask)
    if longest < owner.least:
        text = (
            f"It takes {span(owner.least)} in one stretch; the {hours} have "
            f"{span(longest)} at most in one block."
        )
        return Code.TOO_LONG_FOR_ANY_BLOCK, Level.ERROR, text
    text = f"No free time for {span(missing)} of it in the {hours} of this window."
    return Code.NO_FREE_TIME, Level.ERROR, text


def _mask(window: Window, owner: Work, until: int = FAR) -> list[Block]:
    return [
        (max(start, owner.start), min(end, until))
        for start, end in window.masks[owner.task.hours]
        if end > owner.start and start < until
    ]


def _task(owner: Work, fact: Fact, minutes: int, way: tuple[UUID, ...] = ()) -> Finding:
    code, level, text = fact
    return Finding(ItemKind.TASK, owner.task.id, None, code, level, minutes, text, way)
