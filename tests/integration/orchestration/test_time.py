"""Fan-outs whose clock is set back, and on the days on which a zone changes its clocks."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from typing_extensions import override

from tests.fixtures.postgres import Database
from tests.integration.orchestration.test_job import IDS, FanOuts, Watcher
from tuturuuu_jobs.orchestration.model import RESERVE_S, ChildReport
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.slots import SlotChoice, resolve_slot
from tuturuuu_jobs.testing.clock import VirtualClock

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


class WallClock(SystemClock):
    """The machine's, whose hands somebody moves."""

    moved = timedelta(0)

    @override
    def now(self) -> datetime:
        return super().now() + self.moved


class Hand(Watcher):
    """Moves the clock when the first child has ended."""

    def __init__(self, clock: WallClock, step: timedelta) -> None:
        super().__init__()
        self._clock, self._step = clock, step
        self.deadlines: list[float] = []

    @override
    def started(self, ws_id: UUID, deadline_s: float) -> None:
        super().started(ws_id, deadline_s)
        self.deadlines.append(deadline_s)

    @override
    def ended(self, report: ChildReport) -> None:
        super().ended(report)
        self._clock.moved = self._step


@pytest.fixture
def fan_outs(database: Database, tmp_path: Path) -> FanOuts:
    return FanOuts(database, tmp_path)


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forward"])
def test_a_clock_that_is_set_during_a_fan_out_changes_no_deadline_and_no_order(
    fan_outs: FanOuts, step: timedelta
) -> None:
    clock = WallClock()
    hand = fan_outs.watcher = Hand(clock, step)
    fan_outs.add_workspaces(*IDS)
    result = fan_outs.run(limit=1, deadline_s=600.0, child_deadline_s=3600.0, clock=clock)

    assert (result.status, result.data["succeeded"]) == ("succeeded", len(IDS))
    # Each has what the parent has left, whatever the wall says.
    assert hand.deadlines == sorted(hand.deadlines, reverse=True)
    assert 500 < hand.deadlines[-1] < hand.deadlines[0] <= 600 - RESERVE_S
    assert 0 < result.duration_s < 100
    run_ids = [row["run_id"] for row in result.data["results"]]
    assert run_ids == sorted(run_ids)
    with fan_outs.database.connect() as connection:
        rows = connection.execute("select finished_at - started_at from jobs.runs").fetchall()
        attempts = connection.execute(
            "select count(*) from jobs.attempts where finished_at < started_at - interval '1 ms'"
        ).fetchone()
    ((took,),) = rows
    assert timedelta(0) < took < timedelta(seconds=100) + max(step, timedelta(0))
    assert attempts == (0,)


class Timer:
    """Starts a fan-out of no workspaces at moments of the wall, each for its slot."""

    def __init__(self, fan_outs: FanOuts, every: timedelta) -> None:
        self._fan_outs = fan_outs
        self._every = every
        self.done: list[datetime] = []

    def fire(self, moment: datetime) -> str:
        choice = SlotChoice("auto", self._every)
        slot = resolve_slot(choice, now=moment, timer_usec=None)
        assert slot is not None
        result = self._fan_outs.run(clock=VirtualClock(moment), slot=slot)
        if result.code == "succeeded":
            self.done.append(slot)
        return result.code


def test_minutes_that_a_clock_goes_through_twice_are_worked_once(fan_outs: FanOuts) -> None:
    timer = Timer(fan_outs, timedelta(minutes=1))
    start = datetime(2026, 11, 25, 2, 58, 1, tzinfo=UTC)
    before = [timer.fire(start + timedelta(minutes=minute)) for minute in range(4)]
    again = [timer.fire(start + timedelta(minutes=minute)) for minute in range(-1, 6)]

    assert before == ["succeeded"] * 4
    # The minute before the first was never worked: it is not taken for one that was.
    assert again == ["succeeded", *["already"] * 4, *["succeeded"] * 2]
    assert len(set(timer.done)) == len(timer.done) == 7


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_on_a_change_day_two_hourly_crons_work_each_hour_once(
    fan_outs: FanOuts, day: date, hours: int
) -> None:
    timer = Timer(fan_outs, HOUR)
    start = datetime.combine(day, time(), BERLIN).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(), BERLIN).astimezone(UTC)
    codes = Counter[str]()
    moment = start
    while moment < end:
        # One of them is in UTC and a moment late; in its zone the hour may come twice or never.
        codes[timer.fire(moment.astimezone(BERLIN))] += 1
        codes[timer.fire(moment + timedelta(seconds=7))] += 1
        moment += HOUR

    assert codes == {"succeeded": hours, "already": hours}
    assert timer.done == [start + HOUR * hour for hour in range(hours)]
