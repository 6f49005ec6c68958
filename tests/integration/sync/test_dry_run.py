"""A rehearsal tells what the run then does, and writes nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.postgres import Database
from tests.fixtures.scene import CALENDAR, Scene, build_scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_counts,
    ending,
    part_of,
    put_many,
    run,
    synced,
    written,
)
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.schema import migrate
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

NOT_ALIKE = {"committed", "changes", "requests", "status", "rejected"}


@pytest.fixture
def bare_scene(bare_database: Database, emulator: Emulator, tmp_path: Path) -> Iterator[Scene]:
    """A database that nobody has migrated yet."""
    made = build_scene(bare_database, emulator, tmp_path / "state")
    made.add_account("ada@example.test", CALENDAR)
    yield made
    made.connection.close()


def rehearse(scene: Scene, **payload: Any) -> tuple[Result, dict[tuple[str, str], str]]:
    """A rehearsal, and its changes by action and event."""
    result = scene.preview(**payload)
    check_counts(result)
    part = part_of(result)
    assert part["committed"] is False
    changes = {(c["action"], c["event_id"]): c["reason"] for c in part["changes"]}
    assert len(changes) == len(part["changes"])
    return result, changes


def compare(scene: Scene, **payload: Any) -> Result:
    """Rehearse, see that nothing was written, run, and see that it did just that."""
    before = written(scene)
    rehearsed, changes = rehearse(scene, **payload)
    assert written(scene) == before
    old = {key[1] for key in scene.rows()}
    done = run(scene, **payload)
    told, did = part_of(rehearsed), part_of(done)
    assert {k: v for k, v in told.items() if k not in NOT_ALIKE} == {
        k: v for k, v in did.items() if k not in NOT_ALIKE
    }
    assert ending(rehearsed) == ending(done)
    new = {key[1] for key in scene.rows()}
    after = scene.physical()
    assert {key[1] for key in changes if key[0] == "insert"} == new - old
    assert {key[1] for key in changes if key[0] == "delete"} == old - new
    assert {key[1] for key in changes if key[0] == "update"} == {
        event_id for event_id in old & new if before.rows[event_id] != after[event_id]
    }
    return done


def stale(scene: Scene, count: int) -> None:
    start = scene.clock.now() + timedelta(days=3)
    for number in range(count):
        seed.create_google_event(
            scene.connection,
            scene.ws_id,
            CALENDAR,
            f"stale{number}",
            start_at=start,
            end_at=start,
        )


def changed_at_google(scene: Scene) -> None:
    """A change of every kind."""
    put_many(scene, 12)
    scene.put("moved", *DAY_ONE, summary="Moved")
    assert run(scene).exit_code == 0
    put_many(scene, 3, day="2026-12-11")
    scene.emulator.delete_event(CALENDAR, "many0005")
    scene.put("moved", "2028-12-01T09:00:00Z", "2028-12-01T10:00:00Z", summary="Moved")
    scene.put("far", "2028-12-01T09:00:00Z", "2028-12-01T10:00:00Z", summary="Far")
    scene.put("new", *DAY_ONE, summary="New")


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_it_tells_what_the_run_then_does(any_scene: Scene, mode: str) -> None:
    scene = any_scene
    changed_at_google(scene)
    stale(scene, 4)
    done = compare(scene, full=mode == "full")
    assert (ending(done), part_of(done)["inserted"]) == ((0, "succeeded"), 1)
    compare(scene)


def test_it_tells_of_a_first_run(any_scene: Scene) -> None:
    put_many(any_scene, 12)
    stale(any_scene, 3)
    assert part_of(compare(any_scene))["swept"] == 3


def test_it_tells_of_pages_read_twice_and_of_mentions_that_lost(scene: Scene) -> None:
    changed_at_google(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=2))
    scene.emulator.add_fault(Fault(kind=FaultKind.DUPLICATE))
    compare(scene)


def test_it_tells_of_a_sweep_that_would_be_refused(any_scene: Scene) -> None:
    scene = any_scene
    put_many(scene, 100)
    stale(scene, 30)
    done = compare(scene)
    assert ending(done) == (3, "mass_delete_refused")
    allowed = compare(scene, full=True, allow_mass_delete=True)
    assert part_of(allowed)["swept"] == 30


def test_it_doubts_an_empty_listing_as_the_run_does(scene: Scene) -> None:
    put_many(scene, 5)
    assert run(scene).exit_code == 0
    scene.emulator.add_fault(Fault(kind=FaultKind.EMPTY_LISTING, incremental=False))
    assert ending(compare(scene, full=True)) == (3, "mass_delete_refused")


def test_it_tells_of_a_delta_that_leads_to_a_full_listing(scene: Scene) -> None:
    scene.emulator.switches.tombstone_months = 2
    scene.put("week", *DAY_ONE, recurrence=["RRULE:FREQ=WEEKLY;COUNT=20"], summary="Weekly")
    put_many(scene, 12)
    assert run(scene).exit_code == 0
    scene.emulator.delete_event(CALENDAR, "week")
    done = compare(scene)
    assert part_of(done)["why_full"] == "series_cancelled"
    assert part_of(done)["deleted"] + part_of(done)["swept"] == 20


def test_it_says_why_each_row_would_change_and_no_title(scene: Scene) -> None:
    changed_at_google(scene)
    result, changes = rehearse(scene)
    assert changes["insert", "new"] == "new"
    assert changes["delete", "many0005"] == "cancelled"
    assert changes["update", "moved"] == "moved out of the window"
    assert changes["update", "many0000"] == "changed: start_at, end_at"
    assert "Moved" not in str(result)


def test_it_needs_no_schema_of_ours_and_makes_none(bare_scene: Scene, tmp_path: Path) -> None:
    scene = bare_scene
    put_many(scene, 5)
    result, changes = rehearse(scene)
    assert ending(result) == (0, "succeeded")
    assert sorted(changes) == [("insert", f"many{number:04d}") for number in range(5)]
    assert (scene.physical(), scene.tokens()) == ({}, {})
    schema = scene.connection.execute("select to_regnamespace('jobs')").fetchone()
    assert schema == (None,)
    assert not list(tmp_path.rglob("*.json"))
    refused = scene.sync()
    assert ending(refused) == (78, "schema_missing")
    migrate(scene.connection)
    assert part_of(run(scene))["inserted"] == 5


def test_it_tells_of_a_failure_and_deactivates_nobody(scene: Scene) -> None:
    synced(scene)
    scene.emulator.revoke("ada@example.test")
    before = written(scene)
    result = scene.preview()
    assert ending(result) == (77, "grant_revoked")
    assert written(scene) == before


def test_it_runs_while_another_run_holds_the_key(scene: Scene) -> None:
    put_many(scene, 5)
    seen: list[Result] = []

    def meanwhile() -> None:
        seen.append(scene.preview())

    scene.emulator.add_fault(
        Fault(kind=FaultKind.MUTATE, endpoint="events.list", action=meanwhile, times=1)
    )
    assert run(scene).exit_code == 0
    assert [ending(result) for result in seen] == [(0, "succeeded")]
