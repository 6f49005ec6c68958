"""What is told to people, one sentence each.

Invariant: at most 512 characters of plain English, times as local clocks show them, and no title:
sentences are stored in plain text even where titles are encrypted, and others may read them.
"""

from __future__ import annotations

from typing import Final

from tuturuuu_jobs.scheduling.model import Band, BlockerKind, HoursType
from tuturuuu_jobs.scheduling.window import Window

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_WEEK: Final = 7

BLOCKED_BY: Final = {
    BlockerKind.LOCKED: "a locked event",
    BlockerKind.MANUAL: "an event made by hand",
    BlockerKind.EXTERNAL: "an event of a connected calendar",
    BlockerKind.TAKEN_OVER: "an event that is not scheduled automatically",
    BlockerKind.BEYOND_WINDOW: "an event at the end of the window",
    BlockerKind.UNKNOWN_OWNER: "a task event of an unknown member",
    BlockerKind.DOUBLE_LINK: "an event that is linked twice",
    BlockerKind.OTHER_SCOPE: "an event of the workspace's habits",
    BlockerKind.ELSEWHERE: "busy time elsewhere",
}

HOURS: Final = {
    HoursType.WORK: "work hours",
    HoursType.PERSONAL: "personal hours",
    HoursType.MEETING: "meeting hours",
}

PARTS: Final = {
    Band.MORNING: "morning",
    Band.AFTERNOON: "afternoon",
    Band.EVENING: "evening",
    Band.NIGHT: "night",
}


def clock(window: Window, minute: int) -> str:
    """``07:00``."""
    local = window.local(minute)
    return f"{local.hour:02d}:{local.minute:02d}"


def time_of(minute_of_day: int) -> str:
    """``07:00``, of a minute of the local day."""
    hours, minutes = divmod(minute_of_day, 60)
    return f"{hours:02d}:{minutes:02d}"


def moment(window: Window, minute: int) -> str:
    """``Tue 09:00``, with the date if that weekday of the coming week is not meant."""
    local = window.local(minute)
    text = f"{_DAYS[local.weekday()]} {local.hour:02d}:{local.minute:02d}"
    if 0 <= (local.date() - window.dates[0]).days < _WEEK:
        return text
    return f"{text}, {_MONTHS[local.month - 1]} {local.day}"


def span(minutes: int) -> str:
    """``45 min``, ``2 h`` or ``2 h 15 min``."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
