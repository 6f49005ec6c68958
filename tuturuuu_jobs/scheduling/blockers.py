"""Whether an event that is nobody's habit or task takes up time.

Pure. The sync marks rows that do not, and all-day rows, in ``scheduling_metadata``: that marker is
believed before anything else, since every row that comes from Google is locked.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from tuturuuu_jobs.scheduling.model import BlockerKind


class Row(Protocol):
    """What is looked at."""

    @property
    def start_at(self) -> datetime:
        """Aware."""
        ...

    @property
    def end_at(self) -> datetime:
        """Aware; may be before the start."""
        ...

    @property
    def locked(self) -> bool:
        """Whether somebody pinned it; always so for what was synced in."""
        ...

    @property
    def external(self) -> bool:
        """Whether a provider knows it."""
        ...

    @property
    def metadata(self) -> object:
        """``scheduling_metadata``."""
        ...


def kind_of(row: Row, zone: ZoneInfo) -> BlockerKind | None:
    """Why nothing may be placed over this row, or None if something may."""
    if row.start_at >= row.end_at:
        return None
    marked = _marker(row.metadata)
    if marked is not None:
        busy, _ = marked
        return _named(row) if busy else None
    if is_all_day(row, zone) and (row.external or not row.locked):
        return None
    return _named(row)


def is_all_day(row: Row, zone: ZoneInfo) -> bool:
    """Whether the row is whole days: marked so, or from midnight to midnight here or in UTC.

    Where a change of clocks swallows midnight, the day begins at its first instant.
    """
    marked = _marker(row.metadata)
    if marked is not None:
        return marked[1]
    return row.start_at < row.end_at and any(
        _is_midnight(row.start_at, place) and _is_midnight(row.end_at, place)
        for place in (zone, UTC)
    )


def is_ignored_all_day(row: Row, zone: ZoneInfo) -> bool:
    """Whether the row is an all-day one that does not block, the usual surprise."""
    return is_all_day(row, zone) and kind_of(row, zone) is None


def _named(row: Row) -> BlockerKind:
    if row.external:
        return BlockerKind.EXTERNAL
    return BlockerKind.LOCKED if row.locked else BlockerKind.MANUAL


def _marker(metadata: object) -> tuple[bool, bool] | None:
    """Busy and all-day as the sync marked them, or None without a whole marker."""
    match metadata:
        case {"v": 1, "busy": bool(busy), "all_day": bool(all_day)}:
            return busy, all_day
        case _:
            return None


def _is_midnight(instant: datetime, place: tzinfo) -> bool:
    day = instant.astimezone(place).date()
    return datetime.combine(day, time.min, tzinfo=place).astimezone(UTC) == instant
