"""The table as it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tuturuuu_jobs.testing.oracle.model import Expected, Row

_MARKER_KEYS: Final = ("v", "busy", "all_day")

_ROWS: Final[LiteralString] = """
select * from public.workspace_calendar_events
where ws_id = %(ws)s and provider = 'google' and external_calendar_id = %(calendar)s
"""


def load_rows(connection: psycopg.Connection[Any], ws_id: UUID, calendar_id: str) -> dict[str, Row]:
    """A calendar's rows as the table holds them, by event id; ``marker`` beside the columns."""
    cursor = connection.cursor(row_factory=dict_row)
    rows = cursor.execute(_ROWS, {"ws": ws_id, "calendar": calendar_id}).fetchall()
    return {row["external_event_id"]: {**row, "marker": _marker(row)} for row in rows}


def _marker(row: Row) -> dict[str, Any] | None:
    """The sync's part of ``scheduling_metadata``; keys of others are not its business."""
    metadata: dict[str, Any] = row["scheduling_metadata"] or {}
    return {name: metadata[name] for name in _MARKER_KEYS if name in metadata} or None


def differences(
    rows: Mapping[str, Row], expected: Mapping[str, Row], *, limit: int = 50
) -> list[str]:
    """What is wrong with the rows, one line each, at most ``limit``; empty if nothing is."""
    return _limited(_all_differences(rows, expected, expected), limit)


def deviations(
    rows: Mapping[str, Row], expected: Expected, *, slack: timedelta = timedelta(), limit: int = 50
) -> list[str]:
    """As :func:`differences`, for a table with a history.

    Rows of living events outside the window may be there. So may rows of vanished events at the
    edge, within ``slack`` of it or beyond: nothing proves those gone, and a sweep leaves them.
    """
    stale = leftovers(rows, expected, slack)
    looked_at = {key: row for key, row in rows.items() if key not in stale}
    allowed = expected.outside | expected.inside
    return _limited(_all_differences(looked_at, expected.inside, allowed), limit)


def leftovers(rows: Mapping[str, Row], expected: Expected, slack: timedelta) -> list[str]:
    """The ids of vanished events whose rows lie at the edge."""
    living = expected.inside.keys() | expected.outside.keys()
    return [key for key, row in rows.items() if key not in living and expected.is_edge(row, slack)]


def _all_differences(
    rows: Mapping[str, Row], needed: Mapping[str, Row], allowed: Mapping[str, Row]
) -> list[str]:
    lines = [f"{key}: missing" for key in sorted(needed.keys() - rows.keys())]
    for key in sorted(rows):
        if key not in allowed:
            lines.append(f"{key}: a row for an event that does not exist")
            continue
        lines += [
            f"{key}: {column} is {_short(rows[key].get(column))}, should be {_short(value)}"
            for column, value in allowed[key].items()
            if rows[key].get(column) != value
        ]
    return lines


def _limited(lines: list[str], limit: int) -> list[str]:
    more = len(lines) - limit
    return lines if more <= 0 else [*lines[:limit], f"and {more} more"]


def _short(value: object) -> str:
    text = str(value) if isinstance(value, datetime) else ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
