"""A wall clock that is set while a run looks at it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tuturuuu_jobs.runtime.clock import Deadline, SteadyClock
from tuturuuu_jobs.testing.clock import START, VirtualClock

HOUR = timedelta(hours=1)


def test_undisturbed_it_tells_what_the_other_one_tells() -> None:
    wall = VirtualClock()
    steady = SteadyClock(wall)
    steady.sleep(90)
    assert (steady.now(), steady.monotonic()) == (START + timedelta(seconds=90), 90.0)


def test_set_back_it_goes_on_from_where_it_was() -> None:
    wall = VirtualClock()
    steady = SteadyClock(wall)
    told = [steady.now()]
    for step in (1, 2, 3):
        wall.advance(timedelta(minutes=1))
        if step == 2:
            wall.set(wall.now() - HOUR)
        told.append(steady.now())
    assert told == [START + timedelta(minutes=minute) for minute in range(4)]


@pytest.mark.parametrize("back_first", [False, True])
def test_set_forward_it_follows(*, back_first: bool) -> None:
    wall = VirtualClock()
    steady = SteadyClock(wall)
    if back_first:
        wall.set(START - HOUR)
        steady.now()
    wall.set(START + HOUR)
    assert steady.now() == START + HOUR


def test_a_deadline_knows_nothing_of_the_wall() -> None:
    wall = VirtualClock()
    deadline = Deadline.after(SteadyClock(wall), 600)
    for step in (-HOUR, 2 * HOUR):
        wall.set(wall.now() + step)
        assert deadline.remaining() == 600
