"""Every way in which the Calendar API refuses a listing, and what a run makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    TRUE_STATE,
    check_heals,
    dashboard,
    ending,
    listings,
    part_of,
    run,
    synced,
    written,
)
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS


class Ending(NamedTuple):
    """What a run reports: exit code, code, how often the request was sent in the end."""

    exit_code: ExitCode
    code: str
    tries: int = 1


BLOCKED = timedelta(hours=1)
"""The longest that a refusal keeps runs from asking again."""

BAD_REQUEST = Ending(ExitCode.FAILED, "google_bad_request")
GONE = Ending(ExitCode.FAILED, "gone")
FORBIDDEN = Ending(ExitCode.REJECTED, "calendar_forbidden")
SLOW_DOWN = Ending(ExitCode.UNAVAILABLE, "rate_limited", 5)
DOWN = Ending(ExitCode.UNAVAILABLE, "google_unavailable", 5)
SCOPE = Ending(ExitCode.REJECTED, "insufficient_scope")
# The client library sends a refused request again after each of two refreshes.
UNAUTHORIZED = Ending(ExitCode.REJECTED, "google_unauthorized", 3)

CALENDAR_ENDINGS = {
    "400 badRequest": BAD_REQUEST,
    "400 invalid": BAD_REQUEST,
    "400 required": BAD_REQUEST,
    "400 invalidParameter": BAD_REQUEST,
    "400 timeRangeEmpty": BAD_REQUEST,
    "400 parseError": BAD_REQUEST,
    "400 invalid page token": BAD_REQUEST,
    "400 syncTokenWithRequestRestrictions": BAD_REQUEST,
    "400 syncTokenWithNonDefaultOrdering": BAD_REQUEST,
    "401 authError": UNAUTHORIZED,
    "401 required": UNAUTHORIZED,
    "403 userRateLimitExceeded": SLOW_DOWN,
    "403 rateLimitExceeded": SLOW_DOWN,
    "403 quotaExceeded": Ending(ExitCode.UNAVAILABLE, "quota_exceeded"),
    "403 dailyLimitExceeded": Ending(ExitCode.UNAVAILABLE, "daily_limit_exceeded"),
    "403 insufficientPermissions": SCOPE,
    "403 ACCESS_TOKEN_SCOPE_INSUFFICIENT": SCOPE,
    "403 forbidden": FORBIDDEN,
    "403 requiredAccessLevel": FORBIDDEN,
    "403 forbiddenForNonOrganizer": FORBIDDEN,
    "404 notFound": Ending(ExitCode.REJECTED, "calendar_not_found"),
    "409 duplicate": BAD_REQUEST,
    "409 conflict": BAD_REQUEST,
    "412 conditionNotMet": BAD_REQUEST,
    "429 rateLimitExceeded": SLOW_DOWN,
    "500 backendError": DOWN,
    "500 internalError": DOWN,
    "502 html": DOWN,
    "503 backendError": DOWN,
    "503 html": DOWN,
    "504 backendError": DOWN,
}
"""Refusals that end one calendar."""

INSTALLATION = ("403 accessNotConfigured", "403 SERVICE_DISABLED")
"""Refusals that concern the installation and end the run."""

TOKEN_GONE = (
    "400 invalid sync token",
    "410 fullSyncRequired",
    "410 updatedMinTooLongAgo",
    "410 deleted",
)
"""Refusals of the sync token; without one in the request they end the calendar."""


def test_every_refusal_that_the_emulator_knows_is_in_these_tables() -> None:
    assert set(CALENDAR_ENDINGS) | set(INSTALLATION) | set(TOKEN_GONE) == set(API_ERRORS)


@pytest.mark.parametrize("name", CALENDAR_ENDINGS)
def test_a_refused_delta_fails_its_calendar_and_writes_nothing(scene: Scene, name: str) -> None:
    wanted = CALENDAR_ENDINGS[name]
    synced(scene)
    before = written(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list"))
    result = run(scene)
    assert ending(result) == wanted[:2]
    (problem,) = result.errors
    assert (problem.code, problem.subject) == (wanted.code, CALENDAR)
    assert problem.retryable == (wanted.tries == 5)
    assert listings(scene) == wanted.tries
    assert len(scene.clock.sleeps) == (wanted.tries - 1 if wanted.tries == 5 else 0)
    assert not part_of(result)["committed"]
    after = written(scene)
    if wanted is not UNAUTHORIZED:
        assert after.calendar == before.calendar
    assert after.calendar[:4] == before.calendar[:4]
    assert all(account[3] for account in after.accounts)
    assert dashboard(scene)[1:] == [("failed", wanted.code)]
    scene.clock.advance(BLOCKED)
    check_heals(scene, TRUE_STATE)


@pytest.mark.parametrize("name", [*CALENDAR_ENDINGS, *TOKEN_GONE])
def test_a_refused_first_listing_writes_nothing(scene: Scene, name: str) -> None:
    scene.put("one", *DAY_ONE, summary="One")
    fault = Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list", incremental=False)
    scene.emulator.add_fault(fault)
    result = run(scene)
    sync_token_named = name == "400 invalid sync token"
    gone = BAD_REQUEST if sync_token_named else GONE
    assert ending(result) == CALENDAR_ENDINGS.get(name, gone)[:2]
    state = written(scene)
    assert (state.rows, state.tokens, state.edges, state.events) == ({}, {}, (), 0)
    scene.clock.advance(BLOCKED)
    check_heals(scene, {"one": "One"})


@pytest.mark.parametrize("name", TOKEN_GONE)
def test_a_refused_sync_token_means_one_full_listing_in_the_same_run(
    scene: Scene, name: str
) -> None:
    synced(scene)
    before = written(scene)
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list", incremental=True, times=1)
    )
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert (part["mode"], part["why_full"]) == ("full", "sync_token_rejected")
    assert (part["updated"], part["unchanged"], part["requests"]) == (1, 1, 3)
    assert written(scene).edges != before.edges
    check_heals(scene, TRUE_STATE)


@pytest.mark.parametrize("name", TOKEN_GONE)
def test_a_sync_token_that_is_refused_even_when_new_ends_the_run_after_one_full_listing(
    scene: Scene, name: str
) -> None:
    synced(scene)
    before = written(scene)
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list", incremental=True)
    )
    result = run(scene)
    assert ending(result) == (69, "sync_token_refused")
    assert listings(scene) == 3
    assert written(scene).calendar == before.calendar
    check_heals(scene, TRUE_STATE)


@pytest.mark.parametrize("name", INSTALLATION)
def test_a_project_without_the_api_ends_the_run_and_touches_no_account(
    scene: Scene, name: str
) -> None:
    scene.add_account("bob@example.test", "bob@group.test")
    synced(scene)
    before = written(scene)
    scene.emulator.add_fault(Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list"))
    result = run(scene, attempts=3)
    assert ending(result) == (78, "google_api_disabled")
    assert (result.attempts, listings(scene), len(result.errors)) == (1, 1, 1)
    assert result.errors[0].subject == "GOOGLE_CLIENT_ID"
    assert written(scene).calendar == before.calendar
    assert dashboard(scene)[1:] == [("failed", "google_api_disabled")]
    check_heals(scene, TRUE_STATE)
