"""Everything that the emulator can do wrong, and how a run comes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_quiet,
    ending,
    listings,
    part_of,
    put_many,
    run,
    synced,
    written,
)
from tuturuuu_jobs.testing.emulator import Fault, FaultKind

Check = Callable[[Scene], None]
CHECKS: Final[dict[FaultKind, Check]] = {}


def proves(*kinds: FaultKind) -> Callable[[Check], Check]:
    """Enter a check for these kinds; the last test asks whether one is missing."""

    def enter(check: Check) -> Check:
        CHECKS.update(dict.fromkeys(kinds, check))
        return check

    return enter


def arm(scene: Scene, kind: FaultKind, **rule: Any) -> None:
    scene.emulator.add_fault(Fault(kind=kind, **rule))


@proves(FaultKind.ERROR)
def _error(scene: Scene) -> None:
    """Each refusal has a test of its own; here: only the page is asked for again."""
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.ERROR, error="503 html", page=3, times=2)
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["inserted"]) == ((0, "succeeded"), 30)
    # Five pages of the window and the delta behind it, two of them refused once.
    assert (part["pages"], part["requests"], part["retries"]) == (6, 8, 2)
    assert len(scene.clock.sleeps) == 2


@proves(FaultKind.LATENCY)
def _latency(scene: Scene) -> None:
    synced(scene)
    scene.timeout_s = 0.2
    arm(scene, FaultKind.LATENCY, seconds=0.6, times=1)
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 1)


@proves(FaultKind.STALL)
def _stall(scene: Scene) -> None:
    synced(scene)
    scene.timeout_s = 0.2
    arm(scene, FaultKind.STALL, seconds=0.6, times=1)
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 1)


def _cut(kind: FaultKind) -> Check:
    def check(scene: Scene) -> None:
        """Cut twice, it is asked again; cut for ever, the calendar fails and nothing is written."""
        synced(scene)
        before = written(scene)
        arm(scene, kind, endpoint="events.list")
        failed = run(scene)
        assert failed.exit_code == 69
        assert failed.errors[0].code in {"google_unreachable", "google_bad_answer"}
        assert part_of(failed)["committed"] is False
        assert len(scene.clock.sleeps) == 4
        assert written(scene).calendar == before.calendar
        scene.emulator.clear_faults()
        arm(scene, kind, endpoint="events.list", times=2)
        result = run(scene)
        assert ending(result) == (0, "succeeded")
        assert part_of(result)["retries"] in {1, 2}

    return check


for _kind in (
    FaultKind.CLOSE,
    FaultKind.RESET,
    FaultKind.HALF_BODY,
    FaultKind.CHUNK_CUT,
    FaultKind.JSON_CUT,
    FaultKind.GZIP_CUT,
):
    proves(_kind)(_cut(_kind))


@proves(FaultKind.RAW)
def _raw(scene: Scene) -> None:
    synced(scene)
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
    answers = (b"no HTTP at all\r\n\r\n", head + b"{}", head + b"[]", head + b"\xff\xfe")
    for number, raw in enumerate(answers, start=1):
        arm(scene, FaultKind.RAW, raw=raw, endpoint="events.list", nth=number)
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert part_of(result)["retries"] in {3, 4}


@proves(FaultKind.ACCESS_TOKEN_EXPIRED)
def _access_token(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.ACCESS_TOKEN_EXPIRED, page=3, times=1)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 30)
    assert sum(request.endpoint == "token" for request in scene.emulator.requests) == 1


@proves(FaultKind.REFRESH_ROTATES)
def _rotation(scene: Scene) -> None:
    synced(scene)
    scene.emulator.expire_access_tokens("ada@example.test")
    arm(scene, FaultKind.REFRESH_ROTATES)
    assert ending(run(scene)) == (0, "succeeded")
    kept = scene.connection.execute("select refresh_token from calendar_auth_tokens").fetchone()
    assert kept == (scene.emulator.account("ada@example.test").refresh_token,)


@proves(FaultKind.SYNC_TOKENS_INVALID)
def _sync_tokens(scene: Scene) -> None:
    """Between two pages of a delta: what was read of it is forgotten, the window is listed."""
    put_many(scene, 30)
    assert run(scene).exit_code == 0
    put_many(scene, 20)
    scene.emulator.delete_event(CALENDAR, "many0029")
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.SYNC_TOKENS_INVALID, page=2, incremental=True, times=1)
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["why_full"]) == ((0, "succeeded"), "sync_token_rejected")
    assert (part["fetched"], part["swept"]) == (29, 1)


@proves(FaultKind.PAGE_TOKENS_EXPIRED)
def _page_tokens(scene: Scene) -> None:
    """The listing starts over once; a second time its calendar fails and nothing is written."""
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.PAGE_TOKENS_EXPIRED, page=3, times=2)
    failed = run(scene)
    assert ending(failed) == (1, "page_token_rejected")
    assert written(scene).events == 0
    arm(scene, FaultKind.PAGE_TOKENS_EXPIRED, page=3, times=1)
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["inserted"], part["fetched"]) == ((0, "succeeded"), 30, 30)
    assert part["pages"] == 8


@proves(FaultKind.PAGE_CLAMP)
def _page_clamp(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP, size=1)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 30)
    put_many(scene, 10, day="2026-12-11")
    assert part_of(run(scene))["updated"] == 10


@proves(FaultKind.EMPTY_PAGE)
def _empty_page(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.EMPTY_PAGE, page=2, times=1)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 30)


@proves(FaultKind.EMPTY_LAST_PAGE)
def _empty_last_page(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.EMPTY_LAST_PAGE)
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 30)


@proves(FaultKind.NO_SYNC_TOKEN)
def _no_sync_token(scene: Scene) -> None:
    """A delta without a new token: its changes are kept, the old token too."""
    synced(scene)
    scene.emulator.delete_event(CALENDAR, "two")
    scene.put("two", "2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z", summary="Two")
    tokens = scene.tokens()
    arm(scene, FaultKind.NO_SYNC_TOKEN)
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (3, "sync_token_missing")
    assert (part["mode"], part["updated"], part["committed"]) == ("incremental", 1, True)
    assert scene.tokens() == tokens


@proves(FaultKind.REPEATED_PAGE_TOKEN)
def _repeated_page_token(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.REPEATED_PAGE_TOKEN)
    result = run(scene)
    assert ending(result) == (69, "google_bad_answer")
    assert listings(scene) <= 4
    assert written(scene).events == 0


@proves(FaultKind.MUTATE)
def _mutate(scene: Scene) -> None:
    """What changes while pages are read is in the table after the very same run."""
    put_many(scene, 30)

    def change() -> None:
        scene.emulator.delete_event(CALENDAR, "many0000")
        scene.emulator.patch_event(CALENDAR, "many0001", {"summary": "Changed"})
        scene.put("new", *DAY_ONE, summary="New")

    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.MUTATE, page=3, action=change, times=1)
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    titles = scene.titles()
    assert (len(titles), titles["many0001"], titles["new"]) == (30, "Changed", "New")
    assert "many0000" not in titles


@proves(FaultKind.DUPLICATE)
def _duplicate(scene: Scene) -> None:
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.DUPLICATE)
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["inserted"]) == ((0, "succeeded"), 30)
    assert part["skipped"]["mentioned_again"] == part["fetched"] - 30 > 0


@proves(FaultKind.STALE)
def _stale(scene: Scene) -> None:
    """An older version on a later page loses against the newer one."""
    put_many(scene, 30)
    scene.emulator.patch_event(CALENDAR, "many0000", {"summary": "Newer"})
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.STALE, event_id="many0000")
    result = run(scene)
    assert ending(result) == (0, "succeeded")
    assert scene.titles()["many0000"] == "Newer"


@proves(FaultKind.MISSING_ITEM)
def _missing_item(scene: Scene) -> None:
    """One event is missing from a listing: it goes, and the next full run brings it back."""
    put_many(scene, 30)
    assert run(scene).exit_code == 0
    arm(scene, FaultKind.MISSING_ITEM, event_id="many0003", incremental=False)
    result = run(scene, full=True)
    assert (ending(result), part_of(result)["swept"]) == ((0, "succeeded"), 1)
    scene.emulator.clear_faults()
    assert part_of(run(scene, full=True))["inserted"] == 1


@proves(FaultKind.EMPTY_LISTING)
def _empty_listing(scene: Scene) -> None:
    put_many(scene, 5)
    assert run(scene).exit_code == 0
    arm(scene, FaultKind.EMPTY_LISTING, incremental=False)
    result = run(scene, full=True)
    assert ending(result) == (3, "mass_delete_refused")
    assert len(scene.physical()) == 5


@proves(FaultKind.ROLE_CHANGE)
def _role_change(scene: Scene) -> None:
    """A role that sees no titles ends the token; known titles stay, nothing is swept."""
    synced(scene)
    scene.emulator.patch_event(CALENDAR, "one", {"summary": "Before"})
    arm(scene, FaultKind.ROLE_CHANGE, role="freeBusyReader", times=1)
    assert ending(run(scene)) == (0, "succeeded")
    full = run(scene, full=True)
    assert (ending(full), part_of(full)["swept"]) == ((0, "succeeded"), 0)
    assert scene.titles() == {"one": "Before", "two": "Two"}
    scene.emulator.clear_faults()
    arm(scene, FaultKind.ROLE_CHANGE, role="none", times=1)
    before = written(scene)
    lost = run(scene, full=True)
    assert ending(lost) == (77, "calendar_not_found")
    assert written(scene).calendar == before.calendar
    scene.emulator.share(CALENDAR, "ada@example.test", "owner")


@proves(FaultKind.QUOTA)
def _quota(scene: Scene) -> None:
    """Four requests a minute: the run waits as it is asked to and comes through."""
    put_many(scene, 30)
    arm(scene, FaultKind.PAGE_CLAMP)
    arm(scene, FaultKind.QUOTA, size=4, retry_after="61")
    result = run(scene)
    assert (ending(result), part_of(result)["inserted"]) == ((0, "succeeded"), 30)
    assert scene.clock.sleeps
    assert all(61 <= wait <= 94 for wait in scene.clock.sleeps)


@pytest.mark.parametrize("kind", CHECKS)
def test_a_run_comes_through_or_writes_nothing_and_the_next_one_heals(
    scene: Scene, kind: FaultKind
) -> None:
    CHECKS[kind](scene)
    scene.emulator.clear_faults()
    scene.timeout_s = 2.0
    assert ending(run(scene)) == (0, "succeeded")
    masters = scene.emulator.masters(CALENDAR)
    living = {m["id"]: m["summary"] for m in masters if m["status"] != "cancelled"}
    assert scene.titles() == living
    check_quiet(scene)


def test_every_kind_of_fault_has_a_check() -> None:
    assert set(CHECKS) == set(FaultKind)
