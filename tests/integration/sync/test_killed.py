"""A run that is killed, or loses its connection, at any moment: one clean run makes all true."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.postgres import Databases
from tests.fixtures.scene import Scene, build_scene
from tests.integration.sync.executioner import Message, Moment, Request, Sql, cut, kill
from tests.integration.sync.proof import check_counts
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.testing.emulator import Emulator, Switches, VirtualClock
from tuturuuu_jobs.testing.oracle import Place, Window, differences, expect, load_rows
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

TEAM, OPS = "team@group.test", "ops@group.test"
CALENDARS = (TEAM, OPS)
ACCOUNT = "ada@example.test"

UPSERT = b"insert into public.workspace_calendar_events as e"
DELETE = b"delete from public.workspace_calendar_events e using"
SWEEP = b"delete from public.workspace_calendar_events where id in"
TOKEN = b"update public.calendar_sync_states"
STAGED = b"copy jobs_mentioned"
COMMIT = b"COMMIT"
SETTLE = b"update jobs.runs\nset status"


@dataclasses.dataclass(frozen=True)
class Before:
    """What was there when the run began: rows by calendar as they lie, and the sync tokens."""

    rows: dict[str, list[Any]]
    tokens: dict[str, str]


def build(scene: Scene) -> Before:
    """Two synced calendars; then something of every kind happens at Google.

    The next run refreshes the access token, lists one calendar in full after a 410 and sweeps it,
    and reads the other's delta; each in several pages.
    """
    scene.add_account(ACCOUNT, *CALENDARS)
    scene.emulator.switches.page_clamp = 4
    for calendar in CALENDARS:
        for day in range(1, 8):
            at = f"2026-12-0{day}T09:00:00Z", f"2026-12-0{day}T10:00:00Z"
            scene.put(f"{calendar[:3]}{day}", *at, calendar=calendar, summary=f"Event {day}")
    series = {"summary": "Weekly", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
    scene.put("weekly", "2026-12-01T11:00:00Z", "2026-12-01T12:00:00Z", calendar=OPS, **series)
    assert scene.sync().exit_code == 0
    _change(scene)
    return Before({calendar: _lying(scene, calendar) for calendar in CALENDARS}, scene.tokens())


def _change(scene: Scene) -> None:
    google = scene.emulator
    for calendar in CALENDARS:
        name = calendar[:3]
        google.delete_event(calendar, f"{name}1")
        google.patch_event(calendar, f"{name}2", {"summary": "Renamed"})
        for day in (8, 9):
            at = f"2026-12-0{day}T09:00:00Z", f"2026-12-0{day}T10:00:00Z"
            scene.put(f"{name}{day}", *at, calendar=calendar, summary="New")
    google.patch_event(OPS, "ops3", {"location": "Room 1"})
    google.cancel_instance(OPS, "weekly_20261208T110000Z")
    google.patch_event(OPS, "weekly_20261215T110000Z", {"summary": "Once"})
    seed.create_google_event(
        scene.connection,
        scene.ws_id,
        TEAM,
        "unknown-to-google",
        start_at=scene.clock.now() + timedelta(days=3),
        end_at=scene.clock.now() + timedelta(days=3, hours=1),
    )
    google.invalidate_sync_tokens(TEAM)
    scene.clock.advance(timedelta(minutes=30))
    scene.connection.execute(
        "update calendar_auth_tokens set expires_at = %s",
        (scene.clock.now() + timedelta(minutes=1),),
    )


def _lying(scene: Scene, calendar: str) -> list[Any]:
    return scene.connection.execute(
        "select external_event_id, ctid::text, xmin::text from workspace_calendar_events "
        "where external_calendar_id = %s order by 1",
        (calendar,),
    ).fetchall()


def untrue(scene: Scene, calendar: str) -> list[str]:
    """What is wrong with a calendar's rows, compared with Google's own data."""
    edge = scene.connection.execute(
        "select edge from jobs.calendar_windows where calendar_id = %s", (calendar,)
    ).fetchone()
    assert edge is not None
    window = Window(scene.clock.now() - timedelta(days=90), edge[0])
    wanted = expect(scene.emulator.masters(calendar), Place(calendar, "UTC", "UTC"), window)
    return differences(load_rows(scene.connection, scene.ws_id, calendar), wanted.inside)


def check_atomic(scene: Scene, before: Before) -> int:
    """A calendar is as it was with its old token, or as Google has it with its new one."""
    committed = 0
    tokens = scene.tokens()
    for calendar in CALENDARS:
        (key,) = (key for key in before.tokens if key.endswith(calendar))
        if tokens[key] == before.tokens[key]:
            assert _lying(scene, calendar) == before.rows[calendar]
        else:
            assert untrue(scene, calendar) == []
            committed += 1
    told = scene.connection.execute(
        "select count(*) from jobs.events where type = 'calendar.synced'"
    ).fetchone()
    assert told == (len(CALENDARS) + committed,)
    return committed


def statuses(scene: Scene) -> list[str]:
    """Of all runs but the one that built the scene, oldest first."""
    rows = scene.connection.execute("select status from jobs.runs order by created_at, id")
    return [row[0] for row in rows][1:]


def run_clean(scene: Scene) -> Result:
    """The next run; it may have to wait until the server has noticed that a client died."""
    request = RunRequest(attempts=1, on_busy=OnBusy.WAIT, wait_s=60)
    result = run_job(scene.job(), SyncPayload(scene.ws_id), request, scene.runtime())
    check_counts(result)
    assert (result.exit_code, result.errors) == (0, ())
    return result


def check_healed(scene: Scene) -> None:
    """One clean run reaches the true state, the next one writes no row."""
    run_clean(scene)
    assert {calendar: untrue(scene, calendar) for calendar in CALENDARS} == {TEAM: [], OPS: []}
    assert len(scene.tokens()) == len(CALENDARS)
    rows = scene.physical()
    quiet = run_clean(scene)
    assert {part["mode"] for part in quiet.data["calendars"]} == {"incremental"}
    assert quiet.data["totals"]["fetched"] == 0
    assert scene.physical() == rows
    assert list((scene.state_dir / "spool").glob("*")) == []


@dataclasses.dataclass(frozen=True)
class Point:
    """A moment, and what a run that ends there leaves in the ledger and in the tables."""

    moment: Moment
    status: str | None = "running"
    committed: int = 0


POINTS: dict[str, Point] = {
    "after the lock": Point(Sql(b"pg_try_advisory_lock", done=True), None),
    "before the row is open": Point(Sql(COMMIT), None),
    "when the row is open": Point(Sql(COMMIT, done=True)),
    "in the token's refresh": Point(Request(1, "token")),
    "asking for the refused delta": Point(Request(1)),
    "asking for page 1 of the full listing": Point(Request(2)),
    "asking for page 2 of the full listing": Point(Request(3)),
    "asking for page 3 of the full listing": Point(Request(4)),
    "in the stage of page 1": Point(Sql(STAGED)),
    "after the stage of page 1": Point(Sql(STAGED, done=True)),
    "after the stage of page 2": Point(Sql(STAGED, 1, done=True)),
    "before the upsert": Point(Sql(UPSERT)),
    "after the upsert": Point(Sql(UPSERT, done=True)),
    "after the deletes": Point(Sql(DELETE, done=True)),
    "after the sweep": Point(Sql(SWEEP, done=True)),
    "after the token statement": Point(Sql(TOKEN, done=True)),
    "before the first COMMIT arrives": Point(Sql(COMMIT, 1)),
    "when the first COMMIT is done": Point(Sql(COMMIT, 1, done=True), committed=1),
    "in the second calendar's delta": Point(Request(6), committed=1),
    "after the second upsert": Point(Sql(UPSERT, 1, done=True), committed=1),
    "before the second COMMIT arrives": Point(Sql(COMMIT, 2), committed=1),
    "when the second COMMIT is done": Point(Sql(COMMIT, 2, done=True), committed=2),
    "before settling": Point(Sql(SETTLE), committed=2),
    "in settling": Point(Sql(SETTLE, done=True), committed=2),
    "before settling's COMMIT arrives": Point(Sql(COMMIT, 3), committed=2),
    "when settling's COMMIT is done": Point(Sql(COMMIT, 3, done=True), "succeeded", 2),
}


@pytest.mark.parametrize("name", POINTS)
def test_after_a_sigkill_one_clean_run_reaches_the_true_state(
    empty_scene: Scene, name: str
) -> None:
    scene, point = empty_scene, POINTS[name]
    before = build(scene)
    assert kill(scene, point.moment)
    wait_for_the_server(scene)
    assert check_atomic(scene, before) == point.committed
    assert statuses(scene) == ([point.status] if point.status else [])
    check_healed(scene)
    ended = {"running": ["lost"], "succeeded": ["succeeded"], None: []}[point.status]
    assert statuses(scene) == [*ended, "succeeded", "succeeded"]


def wait_for_the_server(scene: Scene) -> None:
    """Until the dead client's session is over: until then its COMMIT may still be under way."""
    left = (1,)
    while left != (0,):
        left = scene.connection.execute(
            "select count(*) from pg_stat_activity "
            "where datname = current_database() and application_name like 'tuturuuu-jobs/%'"
        ).fetchone() or (1,)
