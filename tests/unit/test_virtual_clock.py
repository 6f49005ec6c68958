"""The clock that tests move."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.testing.clock import START, VirtualClock


def test_sleeping_moves_both_clocks_and_is_remembered() -> None:
    clock: Clock = VirtualClock()
    clock.sleep(90)
    assert clock.now() == START + timedelta(seconds=90)
    assert clock.monotonic() == 90
    assert isinstance(clock, VirtualClock)
    clock.sleep(-1)
    assert clock.monotonic() == 90
    assert clock.sleeps == [90, -1]


def test_it_is_itself_the_function_that_the_emulator_asks_for_the_time() -> None:
    clock = VirtualClock()
    clock.advance(timedelta(seconds=1))
    assert clock() == clock.now() == START + timedelta(seconds=1)


def test_setting_the_wall_clock_back_leaves_deadlines_alone() -> None:
    clock = VirtualClock()
    deadline = Deadline.after(clock, 60)
    clock.set(datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=7))))
    assert clock.now() == datetime(2019, 12, 31, 17, tzinfo=UTC)
    assert clock.now().tzinfo is UTC
    assert deadline.remaining() == 60
    clock.advance(timedelta(seconds=20))
    assert deadline.remaining() == 40


def test_time_neither_runs_backwards_nor_lacks_a_zone() -> None:
    clock = VirtualClock()
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="time zone"):
        clock.set(datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test


def test_threads_that_sleep_at_once_lose_no_time() -> None:
    clock = VirtualClock()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(clock.sleep, [1.0] * 400))
    assert clock.monotonic() == 400
