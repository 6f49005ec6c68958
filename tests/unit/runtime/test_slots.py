"""Which instant a run stands for."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.runtime.slots import SlotChoice, floor_instant, resolve_slot

NOW = datetime(2026, 3, 2, 3, 17, 42, 5, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def resolve(choice: SlotChoice, timer_usec: str | None = None) -> datetime | None:
    return resolve_slot(choice, now=NOW, timer_usec=timer_usec)


def microseconds(moment: datetime) -> str:
    return str((moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def test_without_the_option_a_run_stands_for_no_instant() -> None:
    assert resolve(SlotChoice(), microseconds(NOW)) is None


def test_now_is_floored_to_the_cadence() -> None:
    assert resolve(SlotChoice("auto", QUARTER)) == datetime(2026, 3, 2, 3, 15, tzinfo=UTC)


def test_the_timers_instant_wins_over_now() -> None:
    fired = NOW - timedelta(hours=1)
    assert resolve(SlotChoice("auto"), microseconds(fired)) == fired
    floored = resolve(SlotChoice("auto", QUARTER), microseconds(fired))
    assert floored == datetime(2026, 3, 2, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("broken", ["", "soon", "-5", "9" * 30, "٣"])
def test_an_unreadable_instant_of_the_timer_is_none(broken: str) -> None:
    assert resolve(SlotChoice("auto"), broken) is None


def test_a_start_by_hand_without_cadence_has_no_slot() -> None:
    assert resolve(SlotChoice("auto")) is None


def test_a_named_instant_is_turned_to_utc() -> None:
    named = resolve(SlotChoice("2026-03-02T05:15:00+02:00"))
    assert named == datetime(2026, 3, 2, 3, 15, tzinfo=UTC)
    assert named is not None
    assert named.tzinfo is UTC


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (SlotChoice("yesterday"), "--slot"),
        (SlotChoice("2026-03-02T05:15:00"), "--slot"),
        (SlotChoice("2026-03-02T05:15:00Z", QUARTER), "--every"),
        (SlotChoice(None, QUARTER), "--every"),
        (SlotChoice(None, None, QUARTER), "--expires"),
    ],
)
def test_a_slot_that_cannot_be_meant_is_refused_by_name(choice: SlotChoice, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(choice)
    assert caught.value.subject == named


@given(
    st.integers(0, 10**16),
    st.integers(1, 7 * 86_400),
    st.integers(-14 * 60, 14 * 60),
)
def test_flooring_is_the_same_in_every_zone_and_never_later(
    microsecond: int, seconds: int, offset: int
) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microsecond)
    every = timedelta(seconds=seconds)
    slot = floor_instant(moment, every)
    assert slot <= moment < slot + every
    assert floor_instant(slot, every) == slot
    elsewhere = moment.astimezone(timezone(timedelta(minutes=offset)))
    assert floor_instant(elsewhere, every) == slot
