"""How a run waits, tries again and gives up: requests and attempts under one deadline."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    TRUE_STATE,
    check_heals,
    ending,
    listings,
    part_of,
    put_many,
    run,
    synced,
    written,
)
from tuturuuu_jobs.testing.emulator import Fault, FaultKind


def fail(scene: Scene, **rule: Any) -> None:
    """Let Google refuse."""
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, **rule))


@pytest.mark.parametrize("name", ["403 userRateLimitExceeded", "429 rateLimitExceeded", "503 html"])
def test_retry_after_is_a_lower_bound_of_the_wait(scene: Scene, name: str) -> None:
    synced(scene)
    fail(scene, error=name, retry_after="17", times=2)
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 2)
    assert [17 <= wait <= 50 for wait in scene.clock.sleeps] == [True, True]


def test_asked_to_wait_beyond_the_deadline_a_run_ends_and_does_not_try_sooner(
    scene: Scene,
) -> None:
    synced(scene)
    before = written(scene)
    fail(scene, error="429 rateLimitExceeded", retry_after="600")
    result = run(scene, attempts=3, deadline_s=300.0)
    assert (ending(result), result.attempts) == ((69, "rate_limited"), 1)
    assert (scene.clock.sleeps, listings(scene)) == ([], 1)
    assert written(scene).calendar == before.calendar
    check_heals(scene, TRUE_STATE)


def test_told_to_wait_every_time_a_run_gives_up_and_makes_no_attempt_that_comes_sooner(
    scene: Scene,
) -> None:
    synced(scene)
    fail(scene, error="429 rateLimitExceeded", retry_after="30")
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((69, "rate_limited"), 1)
    assert [wait >= 30 for wait in scene.clock.sleeps] == [True] * 4
    check_heals(scene, TRUE_STATE)


def test_attempts_and_request_retries_share_one_deadline(scene: Scene) -> None:
    synced(scene)
    before = written(scene)
    started = scene.clock.monotonic()
    fail(scene, error="503 backendError")
    result = run(scene, attempts=50, deadline_s=60.0)
    assert ending(result) == (69, "google_unavailable")
    assert scene.clock.monotonic() - started <= 60.0
    assert 2 <= result.attempts < 50
    assert "no_time_to_retry" in [warning.code for warning in result.warnings]
    assert written(scene).calendar == before.calendar
    check_heals(scene, TRUE_STATE)


def test_a_deadline_that_passes_while_pages_come_ends_the_run_and_writes_nothing(
    scene: Scene,
) -> None:
    put_many(scene, 30)
    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP))
    scene.emulator.add_fault(
        Fault(kind=FaultKind.MUTATE, page=3, times=1, action=lambda: scene.clock.sleep(400.0))
    )
    result = run(scene, attempts=3, deadline_s=300.0)
    assert ending(result) == (124, "deadline")
    assert (result.status.value, written(scene).events) == ("timed_out", 0)
    check_heals(scene, {f"many{n:04d}": f"many {n}" for n in range(30)})


def test_a_second_attempt_lists_only_what_failed(scene: Scene) -> None:
    scene.add_account("bob@example.test", "b@group.test")
    scene.put("one", *DAY_ONE, summary="One")
    scene.put("b", *DAY_ONE, calendar="b@group.test", summary="B")
    fail(scene, error="503 backendError", calendar="b@group.test", times=5)
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((0, "succeeded"), 2)
    assert part_of(result)["inserted"] == part_of(result, "b@group.test")["inserted"] == 1
    asked = [r.path for r in scene.emulator.requests if CALENDAR in r.path]
    assert len(asked) == 2
    assert [wait for wait in scene.clock.sleeps if wait > 0]
    assert scene.connection.execute(
        "select status, inserted_events from calendar_sync_dashboard"
    ).fetchall() == [("completed", 2)]
