"""Why an event is placed, moved or removed.

Invariant: one cause and one sentence for every change; the sentence says what a person can check
in the calendar.
"""

from __future__ import annotations

from typing import Final

from tuturuuu_jobs.scheduling.board import Board
from tuturuuu_jobs.scheduling.costs import QUARTER
from tuturuuu_jobs.scheduling.decisions import Cause, Item, Reason
from tuturuuu_jobs.scheduling.demands import Occurrence, Owner, Row, Seat, Work
from tuturuuu_jobs.scheduling.intervals import FAR
from tuturuuu_jobs.scheduling.window import Window
from tuturuuu_jobs.scheduling.wording import BLOCKED_BY, PARTS, clock, moment, span, time_of

_GONE: Final = {
    Cause.SKIPPED: "Removed: this date is skipped.",
    Cause.COMPLETED: "Removed: already done on this date.",
    Cause.NOT_DUE: "Removed: not due on this date any more.",
    Cause.ENDED: "Removed: not to be scheduled any more.",
    Cause.SURPLUS: "Removed: more was scheduled than is left to do.",
    Cause.NO_PLACE: "Removed: it cannot stay here and no other place was found.",
    Cause.MADE_ROOM: "Removed: made room for something of higher priority.",
}


def reason_of_delete(cause: Cause) -> Reason:
    """Why a row goes."""
    return Reason(cause, _GONE[cause])


def reason_of_place(board: Board, owner: Owner, seat: Seat, item: Item) -> Reason:
    """Why a new event is where it is."""
    if isinstance(owner, Occurrence):
        return _habit(board.window, owner, seat, item)
    return _task(board.window, owner, item)


def reason_of_update(board: Board, owner: Owner, seat: Seat, row: Row, item: Item) -> Reason:
    """Why a row gets other times or another title."""
    window = board.window
    if (row.start, row.length) == (seat.start, seat.length):
        return Reason(Cause.RENAMED, "Renamed; the time stays.")
    why = reason_of_place(board, owner, seat, item)
    if row.start == seat.start:
        change = "Shortened" if seat.length < row.length else "Lengthened"
        text = f"{change} from {span(row.length)} to {span(seat.length)}."
        return Reason(Cause.WRONG_LENGTH, text)
    moved = f"Moved from {moment(window, row.start)}"
    if row.valid:
        better = _worth(board, owner, row) < seat.worth
        cause = Cause.BETTER_PLACE if better else Cause.MADE_ROOM
        because = "a better place is free" if better else "made room for something else"
    elif row.cause is Cause.CONFLICT:
        cause = Cause.CONFLICT
        blocker = "another event" if row.blocker is None else BLOCKED_BY[row.blocker]
        because = f"overlaps {blocker}"
    elif row.cause is Cause.OUTSIDE_HOURS:
        cause, because = Cause.OUTSIDE_HOURS, "outside the hours or dates it may have"
    elif row.cause in {Cause.WRONG_LENGTH, Cause.SURPLUS}:
        cause, because = Cause.WRONG_LENGTH, "it needs another length"
    else:
        cause, because = Cause.BETTER_PLACE, "it stood too far from where it is wanted"
    return Reason(cause, f"{moved}: {because}. {why.text}")


def _worth(board: Board, owner: Owner, row: Row) -> int:
    if isinstance(owner, Work):
        return board.seat_task(owner, row.start, row.length).worth
    aim = min(owner.aims, key=lambda each: abs(each.at - row.start), default=None)
    return 0 if aim is None else board.seat_habit(owner, aim, row.start, row.length).worth


def _habit(window: Window, owner: Occurrence, seat: Seat, item: Item) -> Reason:
    aim, habit = seat.aim, owner.habit
    if aim is None:
        return Reason(Cause.FREE_TIME, "In free time.")
    short = ""
    if not habit.splittable and seat.length < owner.shape.minutes:
        short = f"Shortened to {span(seat.length)}: "
    if aim.unit == 1:
        away = abs(seat.start - aim.at)
        ideal = time_of(habit.ideal) if habit.ideal is not None else clock(window, aim.at)
        if not away:
            text = f"{short}{'only that is free ' if short else ''}at your ideal time {ideal}."
            return Reason(Cause.AT_IDEAL, text[0].upper() + text[1:])
        near = f"the best free time near {ideal}." if short else ""
        text = near or f"{span(away)} from your ideal time {ideal}, the best free time near it."
        return Reason(Cause.NEAR_IDEAL, f"{short}{text}"[:1].upper() + f"{short}{text}"[1:])
    if len(owner.aims) > 1 or item.count > 1:
        text = f"{item.number} of {item.count}, spread over the day."
        return Reason(Cause.SPREAD, text)
    if habit.band is not None:
        part = PARTS[habit.band]
        outside = max(0, aim.low - seat.start, seat.start + seat.length - aim.high)
        if not outside:
            return Reason(Cause.IN_BAND, f"{short or 'In '}{'in ' if short else ''}the {part}.")
        text = f"{short}{span(outside)} outside the {part}, which has no free time left."
        return Reason(Cause.NEAR_BAND, text)
    return Reason(Cause.FREE_TIME, f"{short}{'in' if short else 'In'} free time of the day.")


def _task(window: Window, owner: Work, item: Item) -> Reason:
    pieces = f"; {item.number} of {item.count} pieces" if item.count > 1 else ""
    if owner.due >= FAR:
        return Reason(Cause.FREE_TIME, f"First free time that fits{pieces}.")
    if owner.task.deadline is not None and owner.task.deadline <= window.now:
        when = moment(window, owner.task.deadline)
        return Reason(
            Cause.AFTER_DEADLINE, f"As soon as possible: the deadline was {when}{pieces}."
        )
    due = moment(window, owner.due)
    if item.late:
        text = f"{span(item.end - owner.due)} after the deadline {due}: no room before it{pieces}."
        return Reason(Cause.AFTER_DEADLINE, text)
    ahead = owner.due - item.end
    if ahead < QUARTER:
        return Reason(Cause.BEFORE_DEADLINE, f"Just before the deadline {due}{pieces}.")
    if ahead >= 1440:
        days = ahead // 1440
        text = f"{days} day{'s' if days > 1 else ''} before the deadline {due}{pieces}."
        return Reason(Cause.BEFORE_DEADLINE, text)
    return Reason(Cause.BEFORE_DEADLINE, f"{span(ahead)} before the deadline {due}{pieces}.")
