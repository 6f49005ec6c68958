"""The weekly tables of allowed hours, out of the JSON of ``workspace_calendar_hour_settings``.

Invariant: nothing raises. A table that cannot be trusted as a whole is the default one; a single
bad block is left out; both are told.
"""

from __future__ import annotations

import json
import re
from typing import Final, cast

from tuturuuu_jobs.scheduling.daytime import DAY, merged
from tuturuuu_jobs.scheduling.model import WeekHours

DEFAULT_WEEK: Final[WeekHours] = (((7 * 60, 23 * 60),),) * 7
"""Every day from 07:00 to 23:00: what a workspace without settings has."""

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")
_LAST_MINUTE: Final = DAY - 1
_SHOWN: Final = 20
_UNSOUND: Final = (
    "the hours are not a valid weekly table, so every day is 07:00-23:00; "
    "save the calendar hours again in the app"
)

_Blocks = tuple[tuple[int, int], ...]


def decode_hours(value: object) -> tuple[WeekHours, tuple[str, ...]]:
    """A weekly table and what is wrong with its source, one sentence each.

    Args:
        value: The column as the driver decodes it; the app stores JSON text inside JSON, so a
            string is decoded once more. None stands for a missing row.
    """
    if value is None:
        return DEFAULT_WEEK, ()
    days = _days(value)
    if days is None:
        return DEFAULT_WEEK, (_UNSOUND,)
    warnings: list[str] = []
    week = tuple(_blocks(name, blocks, warnings) for name, blocks in zip(_DAYS, days, strict=True))
    return week, tuple(warnings)


def _days(value: object) -> list[list[object]] | None:
    """The blocks of each day from Monday on, or None unless all seven days are sound."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    table = _object(value)
    days = [_day(table.get(name)) for name in _DAYS]
    sound = [day for day in days if day is not None]
    return sound if len(sound) == len(_DAYS) else None


def _day(value: object) -> list[object] | None:
    day = _object(value)
    enabled, blocks = day.get("enabled"), day.get("timeBlocks")
    if not isinstance(enabled, bool) or not isinstance(blocks, list):
        return None
    return cast("list[object]", blocks) if enabled else []


def _blocks(day: str, values: list[object], warnings: list[str]) -> _Blocks:
    blocks: list[tuple[int, int]] = []
    for number, value in enumerate(values, 1):
        fields = _object(value)
        start = _minute(fields.get("startTime"), up=True)
        end = _minute(fields.get("endTime"), up=False)
        if start is None or end is None or start >= DAY:
            shown = f"{fields.get('startTime')!s:.{_SHOWN}}-{fields.get('endTime')!s:.{_SHOWN}}"
            warnings.append(f"{day}: block {number} ({shown!r}) is not HH:MM-HH:MM and is left out")
        else:
            blocks.append((start, _after(start, end)))
    return tuple(merged(blocks))


def _after(start: int, end: int) -> int:
    """Where a block ends: 23:59, 24:00 and 00:00 all mean midnight, an earlier end the next day."""
    if end in (0, _LAST_MINUTE):
        return DAY
    return end + DAY if end < start else end


def _minute(value: object, *, up: bool) -> int | None:
    """Minutes since midnight; seconds make a block smaller, never larger."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    minute = 60 * hours + minutes
    if minute > DAY or (minute == DAY and seconds):
        return None
    return minute + (up and seconds > 0)


def _object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
