"""What must hold after every run, and what after one that nothing disturbed."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from tests.integration.sync.proof import check_counts
from tests.integration.sync.story.world import CALENDARS, ZONES, World
from tuturuuu_jobs.runtime.outcome import ExitCode, Result
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST
from tuturuuu_jobs.sync.plan import MIN_LEAD, SLACK
from tuturuuu_jobs.testing.oracle import Expected, Place, Window, deviations, expect, load_rows
from tuturuuu_jobs.testing.tuturuuu import Shape

# What a run may end with when anything may happen to it: never a bug, never a usage error.
ENDINGS: Final = frozenset(ExitCode) - {ExitCode.BUG, ExitCode.USAGE, ExitCode.SIGINT}

_LYING: Final[LiteralString] = """
select id, ws_id, provider, external_calendar_id, external_event_id, start_at, end_at,
       ctid::text as ctid, xmin::text as xmin
from public.workspace_calendar_events
"""
_EDGE: Final[LiteralString] = """
select max(edge) from jobs.calendar_windows where calendar_id = %s
"""
_EDGE_OF_ACCOUNT: Final[LiteralString] = """
select edge from jobs.calendar_windows where calendar_id = %s and auth_token_id = %s
"""
_REFUSED: Final[LiteralString] = """
select coalesce(bool_or((data ->> 'sweep_refused')::int > 0), false) from jobs.events
where type = 'calendar.synced' and id > %s
"""


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table as it lies."""

    id: UUID
    ws_id: UUID
    provider: str
    calendar: str | None
    event_id: str | None
    start_at: datetime
    end_at: datetime
    ctid: str
    xmin: str


@dataclasses.dataclass(frozen=True)
class Look:
    """The table and Google at one moment.

    Attributes:
        synced: The rows that a sync of the workspace is answerable for, by id.
        foreign: All others.
        masters: What each calendar stores.
        told: How many commits of a calendar the ledger tells of.
    """

    now: datetime
    synced: dict[UUID, Row]
    foreign: dict[UUID, Row]
    masters: dict[str, list[dict[str, Any]]]
    told: int


def look(world: World) -> Look:
    """How things are."""
    connection, ws_id = world.scene.connection, world.scene.ws_id
    rows = [Row(*row) for row in connection.execute(_LYING).fetchall()]
    synced = {
        row.id: row
        for row in rows
        if (row.ws_id, row.provider) == (ws_id, "google") and row.calendar in CALENDARS
    }
    told = connection.execute("select count(*) from jobs.events where type = 'calendar.synced'")
    return Look(
        now=world.scene.clock.now(),
        synced=synced,
        foreign={row.id: row for row in rows if row.id not in synced},
        masters={calendar: world.emulator.masters(calendar) for calendar in CALENDARS},
        told=int(told.fetchall()[0][0]),
    )


@contextmanager
def watched(world: World) -> Generator[None]:
    """Whatever runs inside: nothing foreign is touched, nothing goes that is not proved gone."""
    before = look(world)
    yield
    after = look(world)
    assert after.foreign == before.foreign
    changed = {row.calendar for row in {*before.synced.values()} ^ {*after.synced.values()}}
    assert len(changed) <= after.told - before.told
    _check_losses(world, before, after)


def check_result(result: Result) -> None:
    """However a run ended, it says so properly."""
    assert ExitCode(result.exit_code) in ENDINGS, (result.code, result.error)
    assert result.success == (result.exit_code == 0)
    check_counts(result)


def _check_losses(world: World, before: Look, after: Look) -> None:
    """A row that went was a vanished event's, or a complete listing of its time lacked it."""
    lost = [row for row in before.synced.values() if row.id not in after.synced]
    for calendar in CALENDARS:
        rows = {row.event_id: row for row in lost if row.calendar == calendar}
        if not rows:
            continue
        edge = _edge(world, calendar)
        first, then = (_expected(world, seen, calendar, edge) for seen in (before, after))
        area = Window(first.window.start + SLACK, edge - SLACK)
        shown = first.inside.keys() & then.inside.keys()
        living = (first.inside | first.outside).keys() & (then.inside | then.outside).keys()
        for event_id in rows.keys() & living:
            row = rows[event_id]
            assert event_id not in shown or world.lied_to, row
            assert area.start <= row.start_at, row
            assert row.end_at <= area.end, row


def _edge(world: World, calendar: str) -> datetime:
    row = world.scene.connection.execute(_EDGE, (calendar,)).fetchone()
    return row[0] if row and row[0] else world.scene.clock.now() + DEFAULT_FUTURE


def _expected(world: World, seen: Look, calendar: str, edge: datetime) -> Expected:
    current = world.nature.shape is Shape.CURRENT
    place = Place(calendar, ZONES[calendar], "UTC", sync_columns=current)
    window = Window(seen.now.replace(microsecond=0) - DEFAULT_PAST, edge)
    return expect(seen.masters[calendar], place, window, fallen=world.hands.fallen[calendar])


def untrue(world: World, calendar: str, account_id: str) -> list[str]:
    """What is not as the masters say, line by line.

    Nothing proves what happened at or beyond the edges of a listing, so a row there counts only
    if its event must be in the table.
    """
    scene, seen = world.scene, look(world)
    [(edge,)] = scene.connection.execute(_EDGE_OF_ACCOUNT, (calendar, account_id)).fetchall()
    assert edge >= seen.now.replace(microsecond=0) + DEFAULT_FUTURE + MIN_LEAD
    expected = _expected(world, seen, calendar, edge)
    rows = load_rows(scene.connection, scene.ws_id, calendar)
    provable = {
        key: row
        for key, row in rows.items()
        if key in expected.inside or not expected.is_edge(row, SLACK)
    }
    return deviations(provable, expected, slack=SLACK, limit=5)


def settle(world: World, *, full: bool) -> None:
    """One undisturbed run makes the table equal to Google; the next one writes nothing."""
    world.heal()
    full = full or world.lied_to or _was_refused(world)
    with watched(world):
        result = world.sync(full=full, attempts=3, allow_mass_delete=True)
    _check_whole(result)
    world.lied_to = False
    world.told = _last_event(world)
    wrong = {
        part["calendar_id"]: untrue(world, part["calendar_id"], part["account_id"])
        for part in result.data["calendars"]
    }
    assert {calendar: lines for calendar, lines in wrong.items() if lines} == {}
    _check_quiet(world)


def _check_quiet(world: World) -> None:
    before = look(world)
    result = world.sync(attempts=3)
    _check_whole(result)
    assert {part["mode"] for part in result.data["calendars"]} == {"incremental"}
    after = look(world)
    assert (after.synced, after.foreign) == (before.synced, before.foreign)
    scene = world.scene
    unsettled = "select id from jobs.runs where status in ('queued', 'running')"
    assert scene.connection.execute(unsettled.encode()).fetchall() == []
    assert list((scene.state_dir / "spool").glob("*")) == []


def _check_whole(result: Result) -> None:
    check_result(result)
    assert (result.exit_code, result.errors) == (0, ()), result
    assert {part["calendar_id"] for part in result.data["calendars"]} == {*CALENDARS}


def _was_refused(world: World) -> bool:
    """Whether a sweep since the last truth was left to a person."""
    row = world.scene.connection.execute(_REFUSED, (world.told,)).fetchone()
    return row is not None and bool(row[0])


def _last_event(world: World) -> int:
    row = world.scene.connection.execute("select coalesce(max(id), 0) from jobs.events").fetchone()
    return int(row[0]) if row else 0
