"""What every test of a sync says of a run: its counts, what it wrote, and that it is healed."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.outcome import Result

DAY_ONE = ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z")


def run(scene: Scene, **request: Any) -> Result:
    """One run, whose counts must add up whatever it met."""
    result = scene.sync(**request)
    check_counts(result)
    return result


def check_counts(result: Result) -> None:
    """Every item that Google sent is counted exactly once."""
    for part in result.data.get("calendars", []):
        told = sum(part[name] for name in ("inserted", "updated", "unchanged", "deleted"))
        told += sum(part["skipped"].values()) + rejected_count(result, part)
        assert part["fetched"] == told, part


def rejected_count(result: Result, part: dict[str, Any]) -> int:
    """How many events of a calendar are rejected; a report names the first hundred only."""
    if len(result.data["calendars"]) == 1:
        total: int = result.data["totals"]["rejected"]
        return total
    return len(part["rejected"])


def part_of(result: Result, calendar: str = CALENDAR) -> dict[str, Any]:
    """The report of one calendar."""
    found = [part for part in result.data["calendars"] if part["calendar_id"] == calendar]
    assert len(found) == 1, result
    return dict(found[0])


def ending(result: Result) -> tuple[int, str]:
    """Exit code and code."""
    return result.exit_code, result.code


@dataclasses.dataclass(frozen=True)
class Written:
    """Everything a sync may write, so that nothing is equal before and after."""

    rows: dict[str, tuple[str, str]]
    tokens: dict[str, str]
    edges: tuple[Any, ...]
    dashboard: int
    events: int
    accounts: tuple[Any, ...]

    @property
    def calendar(self) -> tuple[Any, ...]:
        """What one transaction of a calendar writes; the dashboard may tell of failures."""
        return self.rows, self.tokens, self.edges, self.events, self.accounts


def written(scene: Scene) -> Written:
    """What is in the tables now."""

    def many(query: str) -> tuple[Any, ...]:
        return tuple(scene.connection.execute(query.encode()).fetchall())

    return Written(
        rows=scene.physical(),
        tokens=scene.tokens(),
        edges=many("select calendar_id, edge, run_id from jobs.calendar_windows order by 1, 2"),
        dashboard=many("select count(*) from calendar_sync_dashboard")[0][0],
        events=many("select count(*) from jobs.events where type = 'calendar.synced'")[0][0],
        accounts=many(
            "select id, access_token, refresh_token, is_active from calendar_auth_tokens order by 1"
        ),
    )


def dashboard(scene: Scene) -> list[tuple[Any, ...]]:
    """Status and error of each row on the app's dashboard, oldest first."""
    return scene.connection.execute(
        "select status, error_type from calendar_sync_dashboard order by updated_at"
    ).fetchall()


def check_heals(scene: Scene, titles: dict[str, str], calendar: str = CALENDAR) -> Result:
    """Undisturbed, the next run reaches the true state and the one after it writes no row."""
    scene.emulator.clear_faults()
    healed = run(scene)
    assert (healed.exit_code, healed.errors) == (0, ())
    assert scene.titles(calendar) == titles
    check_quiet(scene)
    return healed


def check_quiet(scene: Scene) -> None:
    """One more run succeeds and leaves every row as it lies."""
    before = scene.physical()
    quiet = run(scene)
    assert (quiet.exit_code, quiet.errors) == (0, ())
    assert {part["mode"] for part in quiet.data["calendars"]} == {"incremental"}
    assert scene.physical() == before


def synced(scene: Scene) -> None:
    """Two events, brought by a first run; then one is renamed at Google."""
    scene.put("one", *DAY_ONE, summary="Before")
    scene.put("two", "2026-12-02T09:00:00Z", "2026-12-02T10:00:00Z", summary="Two")
    assert run(scene).exit_code == 0
    scene.put("one", *DAY_ONE, summary="After")
    scene.emulator.clear_requests()


TRUE_STATE = {"one": "After", "two": "Two"}


def listings(scene: Scene) -> int:
    """Listings that reached the emulator."""
    return sum(r.endpoint == "events.list" for r in scene.emulator.requests)


def put_many(scene: Scene, count: int, prefix: str = "many", day: str = "2026-12-10") -> None:
    """That many half-hour events of one day."""
    times = {"start": {"dateTime": f"{day}T09:00:00Z"}, "end": {"dateTime": f"{day}T09:30:00Z"}}
    bodies = [
        {"id": f"{prefix}{number:04d}", "summary": f"{prefix} {number}", **times}
        for number in range(count)
    ]
    scene.emulator.put_events(CALENDAR, bodies)
