"""Which rows there must be: living events, sorted by the window they touch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from tuturuuu_jobs.testing.oracle.columns import row_of, span_of
from tuturuuu_jobs.testing.oracle.model import Expected, Json, Place, Row, Window
from tuturuuu_jobs.testing.oracle.series import living


def expected_rows(
    masters: Sequence[Json],
    *,
    calendar_id: str,
    calendar_zone: str,
    workspace_zone: str | None,
    window_start: datetime,
    window_end: datetime,
    fallen: Collection[str] = (),
) -> dict[str, Row]:
    """The rows that must be there, by event id: the short form of :func:`expect`."""
    place = Place(calendar_id, calendar_zone, workspace_zone)
    return expect(masters, place, Window(window_start, window_end), fallen=fallen).inside


def expect(
    masters: Sequence[Json], place: Place, window: Window, *, fallen: Collection[str] = ()
) -> Expected:
    """Everything the table must, and may, hold of a calendar.

    Args:
        masters: What the calendar stores, as ``Emulator.masters`` gives it.
        place: Whose rows they are.
        window: From the run's past edge to the edge that was listed.
        fallen: Ids of exceptions that fell with an earlier rule of their series. The stored data
            do not tell them from cancelled ones, which hide their instance.
    """
    inside: dict[str, Row] = {}
    outside: dict[str, Row] = {}
    for event in living(masters, ZoneInfo(place.calendar_zone), window.end, fallen):
        row = row_of(event, place)
        if row is None:
            continue
        needed = _is_listed(event, place, window) and _touches(row, window)
        (inside if needed else outside)[str(event["id"])] = row
    return Expected(inside, outside, window)


def _is_listed(event: Json, place: Place, window: Window) -> bool:
    """Whether Google lists it: dates count from midnight of the calendar's own zone."""
    span = span_of(event, ZoneInfo(place.calendar_zone))
    return span is not None and span[1] > window.start and span[0] < window.end


def _touches(row: Row, window: Window) -> bool:
    return bool(row["end_at"] > window.start and row["start_at"] < window.end)
