"""Durations as people write them: ``90s``, ``15m``, ``3h``, ``90d``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PATTERN: Final = re.compile(r"([1-9][0-9]{0,9}|0)([smhd])", re.ASCII)
_LONGEST_S: Final = 36_500 * 86_400


def parse_duration(text: str) -> timedelta:
    """The duration that a whole number and one unit (s, m, h, d) name; at most a century.

    Raises:
        ValueError: With a line that says how durations are written.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("a duration is a whole number and a unit, as in 90s, 15m, 3h or 90d")
    number, unit = match.groups()
    seconds = int(number) * _UNITS[unit]
    if seconds > _LONGEST_S:
        raise ValueError("a duration is at most 36500d")
    return timedelta(seconds=seconds)


def render_duration(duration: timedelta) -> str:
    """The shortest text that :func:`parse_duration` reads as this duration of whole seconds."""
    seconds = int(duration.total_seconds())
    for unit, size in _UNITS.items():
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
