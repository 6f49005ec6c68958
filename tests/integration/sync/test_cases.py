"""Situations reported from the field, each run twice: the second run changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures.scene import CALENDAR, Scene
from tests.integration.sync.proof import (
    DAY_ONE,
    check_quiet,
    dashboard,
    ending,
    listings,
    part_of,
    put_many,
    run,
)
from tuturuuu_jobs.sync.plan import LISTING
from tuturuuu_jobs.sync.store import state_key
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed

ADA = "ada@example.test"


def answer(*items: dict[str, Any], token: str = "tok-2") -> dict[str, Any]:
    """A page that is the last one."""
    body = {
        "kind": "calendar#events",
        "timeZone": "UTC",
        "items": list(items),
        "nextSyncToken": token,
    }
    return {"status": 200, "body": body}


def refusal(
    status: int, reason: str, domain: str = "usageLimits", **headers: str
) -> dict[str, Any]:
    """An error of the classic shape."""
    entry = {"domain": domain, "reason": reason, "message": reason}
    body = {"error": {"code": status, "message": reason, "errors": [entry]}}
    return {"status": status, "body": body, "headers": headers}


def event(event_id: str, hour: int = 9, **more: Any) -> dict[str, Any]:
    """A confirmed event of 1 December that lasts an hour."""
    return {
        "kind": "calendar#event",
        "id": event_id,
        "status": "confirmed",
        "updated": "2026-11-24T08:00:00.000Z",
        "start": {"dateTime": f"2026-12-01T{hour:02d}:00:00Z"},
        "end": {"dateTime": f"2026-12-01T{hour + 1:02d}:00:00Z"},
        **more,
    }


def with_token(scene: Scene, calendar: str = CALENDAR) -> None:
    """``tok-1`` is stored, and the window was listed far enough."""
    account = scene.accounts[ADA]
    scene.connection.execute(
        "insert into calendar_sync_states (ws_id, calendar_id, sync_token)"
        " values (%s, %s, 'tok-1')",
        (scene.ws_id, state_key(account, calendar)),
    )
    scene.connection.execute(
        "insert into jobs.calendar_windows (ws_id, auth_token_id, calendar_id, edge)"
        " values (%s, %s, %s, %s)",
        (scene.ws_id, account, calendar, scene.clock.now() + timedelta(days=188)),
    )


def account_is_active(scene: Scene) -> bool:
    found = scene.connection.execute("select bool_and(is_active) from calendar_auth_tokens")
    return found.fetchone() == (True,)


def test_slow_down_is_waited_out(scene: Scene) -> None:
    with_token(scene)
    slow = refusal(429, "rateLimitExceeded", **{"Retry-After": "9"})
    scene.emulator.script(CALENDAR, [refusal(403, "rateLimitExceeded"), slow, answer()])
    result = run(scene)
    assert (ending(result), part_of(result)["retries"]) == ((0, "succeeded"), 2)
    first, second = scene.clock.sleeps
    assert 0 <= first <= 2
    assert 9 <= second <= 10
    assert list(scene.tokens().values()) == ["tok-2"]
    check_quiet(scene)


def test_not_allowed_is_not_tried_again_and_keeps_token_and_account(scene: Scene) -> None:
    with_token(scene)
    scene.emulator.script(CALENDAR, [refusal(403, "forbidden", "global")])
    for _ in range(2):
        scene.emulator.clear_requests()
        result = run(scene, attempts=3)
        assert (ending(result), result.attempts) == ((77, "calendar_forbidden"), 1)
        assert (listings(scene), scene.clock.sleeps) == (1, [])
        assert list(scene.tokens().values()) == ["tok-1"]
        assert account_is_active(scene)


def test_no_more_today_ends_the_run_at_once(scene: Scene) -> None:
    with_token(scene)
    scene.emulator.script(CALENDAR, [refusal(403, "dailyLimitExceeded")])
    # Google is asked once an hour; whoever comes meanwhile knows already.
    for code, asked in (("daily_limit_exceeded", 1), ("quota_wait", 0)) * 2:
        scene.emulator.clear_requests()
        result = run(scene, attempts=3, deadline_s=60.0)
        assert (ending(result), result.attempts) == ((69, code), 1)
        assert (listings(scene), scene.clock.sleeps) == (asked, [])
        assert list(scene.tokens().values()) == ["tok-1"]
        scene.clock.advance(timedelta(minutes=40))


def test_one_of_three_calendars_is_gone(empty_scene: Scene) -> None:
    scene = empty_scene
    names = [f"{number}@example.test" for number in ("one", "two", "three")]
    scene.add_account(ADA, *names)
    start = scene.clock.now() + timedelta(days=1)
    seed.create_google_event(
        scene.connection, scene.ws_id, names[1], "kept", start_at=start, end_at=start
    )
    scene.emulator.script(names[0], [answer(event("x", summary="Standup"), token="t1")])
    scene.emulator.script(names[1], [refusal(404, "notFound", "global")])
    scene.emulator.script(names[2], [answer(event("y", summary="Standup"), token="t3")])
    before = None
    for expected in (3, 3):
        scene.emulator.clear_requests()
        result = run(scene, attempts=3)
        assert (ending(result), result.attempts) == ((expected, "calendar_not_found"), 1)
        assert [(p.code, p.subject) for p in result.errors] == [("calendar_not_found", names[1])]
        assert [part_of(result, name)["status"] for name in names] == [
            "succeeded",
            "rejected",
            "succeeded",
        ]
        assert sum(names[1] in request.path for request in scene.emulator.requests) == 1
        assert set(scene.rows()) == {(names[0], "x"), (names[1], "kept"), (names[2], "y")}
        assert sorted(scene.tokens().values()) == ["t1", "t3"]
        assert account_is_active(scene)
        assert before in {None, tuple(sorted(scene.physical().items()))}
        before = tuple(sorted(scene.physical().items()))
    assert [status for status, _ in dashboard(scene)] == ["failed", "failed"]


def test_tombstones_with_nothing_in_them(any_scene: Scene) -> None:
    scene = any_scene
    with_token(scene)
    kept = {"abc_20261208T090000Z", "abcd"}
    start = scene.clock.now() + timedelta(days=7)
    for event_id in ("abc_20261201T090000Z", *kept):
        seed.create_google_event(
            scene.connection,
            scene.ws_id,
            CALENDAR,
            event_id,
            start_at=start,
            end_at=start + timedelta(hours=1),
        )
    bare = {"kind": "calendar#event", "id": "abc_20261201T090000Z", "status": "cancelled"}
    unknown = {
        **event("never-seen-before", summary="Long gone"),
        "status": "cancelled",
        "start": {"dateTime": "2025-05-02T16:00:00Z"},
        "end": {"dateTime": "2025-05-02T17:00:00Z"},
        "privateCopy": True,
    }
    del unknown["updated"]
    scene.emulator.script(CALENDAR, [answer(bare, unknown)])
    result = run(scene)
    part = part_of(result)
    assert ending(result) == (0, "succeeded")
    assert (part["mode"], part["deleted"]) == ("incremental", 1)
    assert part["skipped"] == {"unknown_tombstone": 1}
    assert set(scene.titles()) == kept
    assert list(scene.tokens().values()) == ["tok-2"]
    before = scene.physical()
    again = run(scene)
    assert (ending(again), part_of(again)["deleted"]) == ((0, "succeeded"), 0)
    assert scene.physical() == before


def test_no_title_and_too_much_title(any_scene: Scene) -> None:
    scene = any_scene
    rooms = "; ".join(f"Room {number}" for number in range(200))
    party = "\N{PARTY POPPER}"
    page = answer(
        event("nosum", 9, summary=None),
        event("focus", 11, eventType="focusTime"),
        event("longtitle", 13, summary=party * 300),
        event("longloc", 15, summary="Rooms", location=rooms, description="x" * 20_000),
        event("ok", 17, summary="Standup"),
    )
    scene.emulator.script(CALENDAR, [page])
    result = run(scene)
    assert (ending(result), part_of(result)["rejected"]) == ((0, "succeeded"), [])
    assert scene.titles() == {
        "nosum": "Untitled Event",
        "focus": "Untitled Event",
        "longtitle": party * 255,
        "longloc": "Rooms",
        "ok": "Standup",
    }
    row = scene.rows()[CALENDAR, "longloc"]
    assert row["location"] == rooms[:1000]
    assert row["description"] == "x" * 10_000
    before = scene.physical()
    for full in (False, True):
        assert ending(run(scene, full=full)) == (0, "succeeded")
        assert scene.physical() == before


def test_what_may_go_with_a_sync_token(scene: Scene) -> None:
    put_many(scene, 6)
    scene.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=2))
    assert run(scene).exit_code == 0
    put_many(scene, 6, day="2026-12-11")
    first = next(r.query for r in scene.emulator.requests if r.endpoint == "events.list")
    scene.emulator.clear_requests()
    result = run(scene)
    part = part_of(result)
    assert (ending(result), part["updated"], part["pages"]) == ((0, "succeeded"), 6, 3)
    queries = [r.query for r in scene.emulator.requests]
    assert len(queries) == 3
    for name in ("timeMin", "timeMax", "orderBy", "showDeleted", "updatedMin", "q"):
        assert not any(name in query for query in queries)
    for name in LISTING:
        assert {query[name] for query in queries} == {first[name]}
    assert len({query["syncToken"] for query in queries}) == 1
    assert len({query.get("pageToken") for query in queries}) == 3
    check_quiet(scene)


@pytest.mark.parametrize("name", ["400 invalid sync token", "410 fullSyncRequired"])
def test_a_token_that_is_refused_for_ever_is_not_an_endless_loop(scene: Scene, name: str) -> None:
    scene.put("one", *DAY_ONE, summary="One")
    assert run(scene).exit_code == 0
    scene.emulator.clear_requests()
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error=name, endpoint="events.list", incremental=True)
    )
    result = run(scene, attempts=3)
    assert (ending(result), result.attempts) == ((69, "sync_token_refused"), 1)
    assert listings(scene) == 3
