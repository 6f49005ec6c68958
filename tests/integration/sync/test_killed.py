"""A run that is killed, or loses its connection, at any moment: one clean run makes all true."""

from __future__ import annotations

import contextlib
import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Databases
from tests.fixtures.scene import Scene, build_scene
from tests.integration.sync.executioner import Message, Moment, Request, Sql, cut, kill
from tests.integration.sync.proof import check_counts
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.model import SyncPayload
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind, Switches, VirtualClock
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
# How many messages a run sends to the database, roughly: the long list must not end early.
SHORTEST, LONGEST = 50, 400
OPEN = b"with opened as"
SETTLE = b"with settled as"


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
    return committed


def told(scene: Scene) -> int:
    """How many commits of a calendar the ledger tells of since the scene was built."""
    events = scene.connection.execute("select type from jobs.events").fetchall()
    return events.count(("calendar.synced",)) - len(CALENDARS)


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
    """A moment, and what a run leaves there.

    Attributes:
        status: In the ledger, if it is killed.
        committed: How many calendars.
        exit_code: If only its connection is cut and it may not try again. A COMMIT whose answer
            is lost is not claimed.
    """

    moment: Moment
    status: str | None = "running"
    committed: int = 0
    exit_code: int = 69


POINTS: dict[str, Point] = {
    "after the lock": Point(Sql(b"pg_try_advisory_lock", done=True), None),
    "before the row is open": Point(Sql(OPEN), None),
    "when the row is open": Point(Sql(OPEN, done=True)),
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
    "before the first COMMIT arrives": Point(Sql(COMMIT)),
    "when the first COMMIT is done": Point(Sql(COMMIT, done=True), committed=1),
    "in the second calendar's delta": Point(Request(6), committed=1, exit_code=3),
    "after the second upsert": Point(Sql(UPSERT, 1, done=True), committed=1, exit_code=3),
    "before the second COMMIT arrives": Point(Sql(COMMIT, 1), committed=1, exit_code=3),
    "when the second COMMIT is done": Point(Sql(COMMIT, 1, done=True), committed=2, exit_code=3),
    "before settling": Point(Sql(SETTLE), committed=2, exit_code=0),
    "when settled": Point(Sql(SETTLE, done=True), "succeeded", 2, 0),
}


@pytest.mark.parametrize("name", POINTS)
def test_after_a_sigkill_one_clean_run_reaches_the_true_state(
    empty_scene: Scene, name: str
) -> None:
    scene, point = empty_scene, POINTS[name]
    before = build(scene)
    assert kill(scene, point.moment)
    wait_for_the_server(scene)
    assert check_atomic(scene, before) == told(scene) == point.committed
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


@pytest.mark.parametrize("name", POINTS)
def test_after_a_cut_connection_the_next_run_reaches_the_true_state(
    empty_scene: Scene, name: str
) -> None:
    scene, point = empty_scene, POINTS[name]
    before = build(scene)
    fell, result = cut(scene, point.moment, attempts=1)
    assert fell
    wait_for_the_server(scene)
    assert check_atomic(scene, before) == told(scene) == point.committed
    assert result.exit_code == point.exit_code
    check_healed(scene)
    # One row per run, told by itself or by the next one: nobody is lost who could still speak.
    assert statuses(scene) == [result.status, "succeeded", "succeeded"]


@pytest.mark.parametrize(
    "name",
    [
        "after the lock",
        "when the row is open",
        "asking for page 2 of the full listing",
        "after the token statement",
        "when the first COMMIT is done",
        "after the second upsert",
    ],
)
def test_a_run_whose_connection_is_cut_heals_itself_in_its_next_attempt(
    empty_scene: Scene, name: str
) -> None:
    scene, point = empty_scene, POINTS[name]
    before = build(scene)
    fell, result = cut(scene, point.moment, attempts=3)
    assert fell
    assert (result.exit_code, result.errors) == (0, ())
    assert check_atomic(scene, before) == len(CALENDARS)
    check_healed(scene)
    assert statuses(scene) == ["succeeded"] * 3


@dataclasses.dataclass(frozen=True)
class Ward:
    """Makes a new scene for each point of the long list."""

    databases: Databases
    folder: Path

    def enter(self, stack: contextlib.ExitStack, number: int) -> Scene:
        database = stack.enter_context(self.databases.fresh(Shape.CURRENT, jobs_schema=True))
        switches = Switches(strict=True)
        emulator = stack.enter_context(
            Emulator(clock=VirtualClock(EMULATOR_START), switches=switches)
        )
        scene = build_scene(database, emulator, self.folder / f"{number}")
        stack.callback(scene.connection.close)
        return scene


@pytest.fixture
def ward(databases: Databases, tmp_path: Path) -> Ward:
    return Ward(databases, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_every_message_to_the_database(ward: Ward, *, done: bool) -> None:
    for number in range(1, LONGEST):
        with contextlib.ExitStack() as stack:
            scene = ward.enter(stack, number)
            before = build(scene)
            fell = kill(scene, Message(number, done=done))
            wait_for_the_server(scene)
            assert check_atomic(scene, before) == told(scene)
            check_healed(scene)
            assert statuses(scene)[:-2] in ([], ["lost"], ["succeeded"]), number
        if not fell:
            assert number > SHORTEST
            return
    pytest.fail("the run never came to its end")


@pytest.mark.soak
@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_cut_at_every_message_to_the_database(ward: Ward, *, done: bool, attempts: int) -> None:
    for number in range(1, LONGEST):
        with contextlib.ExitStack() as stack:
            scene = ward.enter(stack, number)
            before = build(scene)
            fell, result = cut(scene, Message(number, done=done), attempts=attempts)
            wait_for_the_server(scene)
            committed = check_atomic(scene, before)
            assert result.exit_code in ({0, 3, 69} if attempts == 1 else {0}), (number, result)
            assert result.exit_code != 0 or committed == len(CALENDARS)
            check_healed(scene)
            assert statuses(scene)[:-2] == [result.status], number
        if not fell:
            assert number > SHORTEST
            return
    pytest.fail("the run never came to its end")


@pytest.mark.soak
@pytest.mark.parametrize("endpoint", [None, "token"])
def test_killed_at_every_request_to_google(ward: Ward, endpoint: str | None) -> None:
    for number in range(1, LONGEST):
        with contextlib.ExitStack() as stack:
            scene = ward.enter(stack, number)
            before = build(scene)
            fell = kill(scene, Request(number, endpoint))
            wait_for_the_server(scene)
            check_atomic(scene, before)
            check_healed(scene)
            ended = ["lost"] if fell else ["succeeded"]
            assert statuses(scene)[:-2] == ended, number
        if not fell:
            return
    pytest.fail("the run never came to its end")


@pytest.mark.parametrize("page", [2, 3])
def test_a_rotated_refresh_token_outlives_a_run_that_is_killed_in_the_listing(
    empty_scene: Scene, page: int
) -> None:
    scene = empty_scene
    build(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.REFRESH_ROTATES))
    # The first request is the refused delta.
    assert kill(scene, Request(page + 1))
    wait_for_the_server(scene)
    stored = scene.connection.execute("select refresh_token from calendar_auth_tokens").fetchone()
    assert stored == (scene.emulator.account(ACCOUNT).refresh_token,)
    check_healed(scene)
