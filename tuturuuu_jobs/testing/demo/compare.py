"""The table against Google, row by row and column by column, by the oracle."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.testing.demo.google import Google, Json
from tuturuuu_jobs.testing.demo.world import World
from tuturuuu_jobs.testing.oracle import Place, Window, deviations, expect, leftovers, load_rows

_PAST: Final = timedelta(days=90)
_SLACK: Final = timedelta(days=1)
"""A sweep leaves the outermost day of a listing alone: dates begin at different midnights."""

Stored = Mapping[str, Sequence[Json]]
"""What Google stores, by calendar."""


@dataclasses.dataclass(frozen=True, slots=True)
class Compared:
    """One calendar's rows against what they should be.

    Attributes:
        left: Rows of vanished events in the window's outermost day, where a sweep leaves them.
    """

    workspace: str
    calendar_id: str
    rows: int
    columns: int
    left: int
    differences: tuple[str, ...]


def store_of(google: Google, world: World, known: Stored | None = None) -> dict[str, list[Json]]:
    """What Google stores in every calendar that is not known already."""
    known = known or {}
    calendars = [place.calendar_id for workspace in world.workspaces for place in workspace.places]
    return {
        calendar_id: list(known.get(calendar_id) or google.masters(calendar_id))
        for calendar_id in calendars
    }


def compare(
    connection: psycopg.Connection[Any], world: World, stored: Stored, now: datetime
) -> list[Compared]:
    """Every calendar of every workspace; a workspace's rows elsewhere are differences too."""
    compared: list[Compared] = []
    for workspace in world.workspaces:
        for place in workspace.places:
            window = Window(now - _PAST, _load_edge(connection, workspace.ws_id, place))
            expected = expect(stored[place.calendar_id], place, window)
            rows = load_rows(connection, workspace.ws_id, place.calendar_id)
            columns = len(next(iter(expected.inside.values()), {}))
            found = tuple(deviations(rows, expected, slack=_SLACK))
            left = len(leftovers(rows, expected, _SLACK))
            names = (workspace.name, place.calendar_id)
            compared.append(Compared(*names, len(rows), columns, left, found))
    strays = count_rows(connection) - sum(entry.rows for entry in compared)
    if strays:
        compared.append(
            Compared("", "elsewhere", strays, 0, 0, ("rows that belong to no calendar",))
        )
    return compared


_EDGE: Final[LiteralString] = """
select edge from jobs.calendar_windows where ws_id = %(ws)s and calendar_id = %(calendar)s
"""


def _load_edge(connection: psycopg.Connection[Any], ws_id: UUID, place: Place) -> datetime:
    """How far ahead the calendar was listed. Raises LookupError if it never was."""
    values = {"ws": ws_id, "calendar": place.calendar_id}
    row = connection.execute(_EDGE, values).fetchone()
    if row is None:
        raise LookupError(f"{place.calendar_id} was never listed completely")
    edge: datetime = row[0]
    return edge


_COUNT: Final[LiteralString] = "select count(*) from workspace_calendar_events"


def count_rows(connection: psycopg.Connection[Any]) -> int:
    """All event rows of the database."""
    row = connection.execute(_COUNT).fetchone()
    return int(row[0]) if row else 0


_PHYSICAL: Final[LiteralString] = """
select id, ctid::text, xmin::text from workspace_calendar_events order by id
"""


def physical(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Where each row lies and which transaction wrote it: equal means that nothing was written."""
    return connection.execute(_PHYSICAL).fetchall()
