"""The values the oracle speaks of."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

Json = Mapping[str, Any]
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """The half-open span that a sync keeps complete; aware instants."""

    start: datetime
    end: datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """The rows of one calendar by event id.

    Attributes:
        inside: Rows that must be there.
        outside: Living events that need no row because they do not touch the window (in one of
            the two zones that bound an all-day event); a row that is there must look like this.
        window: What they were sorted by.
    """

    inside: dict[str, Row]
    outside: dict[str, Row]
    window: Window

    def is_edge(self, row: Row, slack: timedelta) -> bool:
        """Whether a row is not wholly inside the window less ``slack`` at both ends."""
        first, last = self.window.start + slack, self.window.end - slack
        return bool(row["start_at"] < first or row["end_at"] > last)


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a calendar's rows belong and how its dates are read.

    Attributes:
        calendar_id: Google's id, resolved.
        calendar_zone: The calendar's IANA zone.
        workspace_zone: The workspace's, or None if it names none.
        source_calendar_id: The workspace calendar that the connection names, or None.
        sync_columns: Whether the table has ``sync_status`` and its siblings.
    """

    calendar_id: str
    calendar_zone: str
    workspace_zone: str | None = None
    source_calendar_id: UUID | None = None
    sync_columns: bool = True

    @property
    def day_zone(self) -> ZoneInfo:
        """The zone whose midnight begins an all-day event."""
        return ZoneInfo(self.workspace_zone or self.calendar_zone)
