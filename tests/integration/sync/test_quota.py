"""Google's limits kept by runs together, on a real database and an emulator that counts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tests.fixtures.scene import CALENDAR, Scene, build_scene
from tests.integration.sync.proof import ending, part_of, run, synced
from tuturuuu_jobs.runtime.clock import Deadline
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.job import Progress, RunRequest
from tuturuuu_jobs.runtime.quota.allowance import Allowance
from tuturuuu_jobs.runtime.quota.buckets import Buckets, LocalBuckets, SharedBuckets
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.sync.google import AccountSession, GoogleClient
from tuturuuu_jobs.sync.model import Account, SyncPayload, Tokens
from tuturuuu_jobs.sync.quota import Meter, Quotas
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

ADA = "ada@example.test"
LEVELS = "select name, tokens, blocked_until is not null from jobs.rate_buckets order by name"
COUNT_STATEMENTS = """
create table statements (xid xid8 default pg_current_xact_id());
create function note_statement() returns trigger language plpgsql
    as 'begin insert into statements default values; return null; end';
create trigger counted after insert or update or delete on jobs.rate_buckets
    for each statement execute function note_statement();
"""


def count_googles_way(scene: Scene, limit: int) -> None:
    error = "403 userRateLimitExceeded"
    scene.emulator.add_fault(Fault(kind=FaultKind.QUOTA, size=limit, error=error))


def statements(scene: Scene) -> int:
    """How many statements touched the buckets; an upsert fires for insert and update."""
    row = scene.connection.execute("select count(distinct xid) from statements").fetchone()
    assert row is not None
    return int(row[0])


def levels(scene: Scene) -> dict[str, float]:
    """Tokens by the kind of bucket."""
    rows = scene.connection.execute(LEVELS).fetchall()
    return {name.rsplit("-", 1)[0]: tokens for name, tokens, _ in rows}


def put_pages(scene: Scene, pages: int) -> None:
    """So many pages of one event each."""
    for number in range(pages):
        scene.put(f"event{number:03}", "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z")
    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=1))


def other_workspace(scene: Scene) -> UUID:
    """Another workspace in which the same Google account is connected."""
    ws_id = seed.create_workspace(scene.connection, scene.user_id)
    google = scene.emulator.account(ADA)
    row = seed.create_account(
        scene.connection,
        ws_id,
        scene.user_id,
        access_token=google.access_token,
        refresh_token=google.refresh_token,
        email=ADA.upper(),
        expires_at=scene.clock.now() + timedelta(hours=1),
    )
    seed.create_connection(scene.connection, ws_id, row, CALENDAR)
    return ws_id


def test_an_idle_run_takes_one_token_of_each_kind_in_one_statement(scene: Scene) -> None:
    synced(scene)
    scene.clock.advance(timedelta(minutes=1))
    scene.connection.execute(COUNT_STATEMENTS)
    result = run(scene)
    assert part_of(result)["requests"] == 1
    assert levels(scene) == {"google-project": 999.0, "google-account": 59.0}
    assert statements(scene) == 1
    assert "quota_wait_s" not in result.data
    assert scene.clock.sleeps == []


def test_an_account_with_three_idle_calendars_takes_for_all_at_once(scene: Scene) -> None:
    for number in range(2):
        name = f"more{number}@group.test"
        scene.emulator.add_calendar(name, owner=ADA)
        seed.create_connection(scene.connection, scene.ws_id, scene.accounts[ADA], name)
    run(scene)
    scene.clock.advance(timedelta(minutes=1))
    scene.connection.execute(COUNT_STATEMENTS)
    run(scene)
    assert levels(scene)["google-account"] == 57.0
    assert statements(scene) == 1


def test_a_long_listing_waits_and_is_never_refused(scene: Scene) -> None:
    scene.account_quota = 60
    count_googles_way(scene, 60)
    put_pages(scene, 150)
    begun = scene.clock.monotonic()
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["inserted"], part["retries"]) == ((0, "succeeded"), 150, 0)
    assert {request.status for request in scene.emulator.requests} == {200}
    assert result.data["quota_wait_s"] == pytest.approx(sum(scene.clock.sleeps), abs=0.01)
    # Waiting was not idling: four fifths of what Google allows.
    assert scene.clock.monotonic() - begun <= 151 / 60 / 0.8 * 60


def test_without_the_buckets_that_listing_is_refused(scene: Scene) -> None:
    scene.account_quota = scene.project_quota = 0
    count_googles_way(scene, 60)
    put_pages(scene, 150)
    run(scene)
    assert {request.status for request in scene.emulator.requests} == {200, 403}
    assert levels(scene) == {}


def test_an_account_in_two_workspaces_has_one_quota(scene: Scene) -> None:
    scene.account_quota = 60
    count_googles_way(scene, 60)
    put_pages(scene, 40)
    other = other_workspace(scene)
    for ws_id in (scene.ws_id, other):
        scene.ws_id = ws_id
        assert ending(run(scene)) == (0, "succeeded")
    assert {request.status for request in scene.emulator.requests} == {200}
    assert set(levels(scene)) == {"google-project", "google-account"}
    assert len(scene.connection.execute(LEVELS).fetchall()) == 2


def child(scene: Scene, client: GoogleClient, buckets: Buckets) -> AccountSession:
    """What another child of a fan-out would ask Google with, on the clock of this test."""
    google = scene.emulator.account(ADA)
    account = Account(
        scene.accounts[ADA], Tokens(google.access_token, google.refresh_token, None), ADA
    )
    deadline = Deadline.after(scene.clock, 3600)
    named = client.quotas.buckets(client.client_id, account)
    allowance = Allowance(buckets, [*named.values()], clock=scene.clock, deadline=deadline)
    meter = Meter(allowance, named, scene.clock)
    return client.open(
        account, clock=scene.clock, rng=random.Random(1), deadline=deadline, meter=meter
    )


@pytest.mark.parametrize("together", [True, False])
def test_two_children_with_one_account_stay_below_its_quota(scene: Scene, together: bool) -> None:  # noqa: FBT001 - both sides of one proof.
    count_googles_way(scene, 60)
    put_pages(scene, 1)
    google = scene.emulator.account(ADA)
    client = GoogleClient(
        google.client_id,
        google.client_secret,
        scene.emulator.base_url,
        scene.emulator.token_url,
        quotas=Quotas(10_000, 60),
    )
    with (
        connect(scene.database.dsn, application_name="one") as one,
        connect(scene.database.dsn, application_name="two") as two,
    ):
        kinds: list[Buckets] = [
            SharedBuckets(connection, scene.clock.now) if together else LocalBuckets(scene.clock)
            for connection in (one, two)
        ]
        children = [child(scene, client, buckets) for buckets in kinds]
        try:
            for _ in range(100):
                for session in children:
                    session.is_gone(CALENDAR, "event000")
        finally:
            for session in children:
                session.close()
    refused = sum(request.status != 200 for request in scene.emulator.requests)
    assert (refused == 0) is together


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("403 userRateLimitExceeded", "google-account"),
        ("403 rateLimitExceeded", "google-project"),
        ("429 rateLimitExceeded", "google-project"),
    ],
)
def test_who_is_told_to_slow_down_tells_the_others(scene: Scene, error: str, kind: str) -> None:
    synced(scene)
    other = other_workspace(scene)
    fault = Fault(kind=FaultKind.ERROR, error=error, retry_after="50", times=1)
    scene.emulator.add_fault(fault)
    assert ending(run(scene, deadline_s=30)) == (69, "rate_limited")
    blocked = [name for name, _, blocked in scene.connection.execute(LEVELS).fetchall() if blocked]
    assert [name.rsplit("-", 1)[0] for name in blocked] == [kind]
    scene.emulator.clear_requests()
    scene.ws_id = other
    assert ending(run(scene, deadline_s=30)) == (69, "quota_wait")
    assert scene.emulator.requests == ()
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 0)
    assert scene.clock.sleeps[0] == 50.0
    assert 50.0 <= result.data["quota_wait_s"] < 51.0


def test_a_wait_beyond_the_deadline_fails_the_calendar_and_writes_nothing(scene: Scene) -> None:
    scene.account_quota = 10
    put_pages(scene, 30)
    result = run(scene, deadline_s=60, attempts=3)
    assert (ending(result), result.attempts) == ((69, "quota_wait"), 1)
    [problem] = result.errors
    assert problem.subject == CALENDAR
    assert "s to wait" in problem.message
    assert problem.hint is not None
    assert scene.rows() == {}
    assert result.data["quota_wait_s"] > 0
    assert scene.clock.monotonic() <= 60


RENAME: LiteralString = "alter table jobs.rate_buckets rename to gone"
REFUSE: LiteralString = """
create function refuse() returns trigger language plpgsql
    as 'begin raise insufficient_privilege; end';
create trigger refused before insert on jobs.rate_buckets execute function refuse();
"""


@pytest.mark.parametrize("statement", [RENAME, REFUSE], ids=["table", "right"])
def test_buckets_out_of_reach_are_replaced_by_one_of_the_run(
    scene: Scene, statement: LiteralString, caplog: pytest.LogCaptureFixture
) -> None:
    scene.connection.execute(statement)
    scene.account_quota = 60
    count_googles_way(scene, 60)
    put_pages(scene, 100)
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 0)
    assert result.data["quota_wait_s"] > 0
    told = [r for r in caplog.records if "shared request quota is not used" in r.getMessage()]
    assert len(told) == 1


def test_a_preview_counts_by_itself_and_writes_no_bucket(scene: Scene) -> None:
    scene.account_quota = 60
    count_googles_way(scene, 60)
    put_pages(scene, 100)
    result = scene.preview()
    assert ending(result) == (0, "succeeded")
    assert {request.status for request in scene.emulator.requests} == {200}
    assert result.data["quota_wait_s"] > 0
    assert levels(scene) == {}


@pytest.fixture
def bare_scene(bare_database: Database, emulator: Emulator, tmp_path: Any) -> Iterator[Scene]:
    """A workspace in a database that nobody has migrated."""
    scene = build_scene(bare_database, emulator, tmp_path / "state")
    scene.add_account(ADA, CALENDAR)
    yield scene
    scene.connection.close()


def test_a_preview_needs_no_schema(bare_scene: Scene) -> None:
    bare_scene.account_quota = 10
    put_pages(bare_scene, 5)
    result = bare_scene.preview()
    assert ending(result) == (0, "succeeded")
    assert result.data["quota_wait_s"] > 0


def test_a_run_that_waits_says_so_and_holds_no_lock(scene: Scene) -> None:
    scene.account_quota = 10
    put_pages(scene, 5)
    steps: list[str] = []
    free: list[int] = []
    with psycopg.connect(scene.database.dsn, autocommit=True) as watcher:

        def look(moment: Progress) -> None:
            steps.append(moment.step)
            rows = watcher.execute("select from jobs.rate_buckets for update skip locked")
            free.append(rows.rowcount)

        payload, request = SyncPayload(scene.ws_id), RunRequest()
        run_job(scene.job(), payload, request, scene.runtime(), progress=look)
    assert "waiting 7 s for Google's request quota" in steps
    assert set(free[1:]) == {2}


def test_the_quota_of_a_project_holds_every_account(scene: Scene) -> None:
    scene.project_quota = 20
    scene.add_account("bob@example.test", "bob@group.test")
    put_pages(scene, 30)
    begun = scene.clock.monotonic()
    assert ending(run(scene)) == (0, "succeeded")
    sent = len(scene.emulator.requests)
    # Two at once, and then 18 in 65 seconds.
    assert scene.clock.monotonic() - begun >= (sent - 2) / (18 / 65) - 1
