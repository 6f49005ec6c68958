"""Which scheduled instant a run stands for: pure arithmetic on instants.

Two starts for one instant (two crons, a doubled hour, a catch-up) name the same slot, and the
ledger lets the work of a slot be done once.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Final

from tuturuuu_jobs.errors import UsageError

AUTO: Final = "auto"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class SlotChoice:
    """What a command line says about the slot.

    Attributes:
        at: ``auto``, an instant in RFC 3339, or None: the run stands for no instant.
        every: The cadence of the timer; slots are its multiples since 1970 in UTC.
        expires: How old a slot may be when the run starts, or None: any age.
        force: Do the work even if the slot's work is done.
    """

    at: str | None = None
    every: timedelta | None = None
    expires: timedelta | None = None
    force: bool = False


def resolve_slot(choice: SlotChoice, *, now: datetime, timer_usec: str | None) -> datetime | None:
    """The slot, in UTC; None if the run stands for no instant.

    ``auto`` is the instant at which the timer fired, or now, floored to the cadence. Without a
    cadence only a timer's instant is one; a start by hand then has no slot.

    Args:
        choice: What was asked for.
        now: The wall clock.
        timer_usec: ``TRIGGER_TIMER_REALTIME_USEC``: microseconds since 1970 at which the systemd
            timer fired (systemd 252 and later), or None.

    Raises:
        UsageError: The options contradict each other, or the instant cannot be read.
    """
    if choice.at is None:
        _refuse_orphans(choice)
        return None
    if choice.at != AUTO:
        if choice.every is not None:
            raise UsageError(
                "--every belongs to --slot auto", subject="--every", hint="leave one of them out"
            )
        return parse_instant(choice.at, "--slot", beside=AUTO)
    fired = _fired_at(timer_usec)
    if choice.every is not None:
        return floor_instant(fired or now, choice.every)
    return fired


def floor_instant(moment: datetime, every: timedelta) -> datetime:
    """The last multiple of ``every`` since 1970-01-01 in UTC that is not after the moment."""
    return moment.astimezone(UTC) - (moment - _EPOCH) % every


def _refuse_orphans(choice: SlotChoice) -> None:
    for option, value in (("--every", choice.every), ("--expires", choice.expires)):
        if value is not None:
            raise UsageError(
                f"{option} needs a slot", subject=option, hint="add --slot auto or --slot TIME"
            )


def _fired_at(timer_usec: str | None) -> datetime | None:
    # An unreadable value is another program's mistake; the clock serves as well.
    if timer_usec is None or not timer_usec.isascii() or not timer_usec.isdecimal():
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(timer_usec))
    except OverflowError:
        return None


def parse_instant(text: str, option: str, *, beside: str = "") -> datetime:
    """An instant in RFC 3339, in UTC.

    Args:
        text: What the option was given.
        option: Its name.
        beside: Another word that it takes.

    Raises:
        UsageError: It is no instant, or lacks its offset.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"{option}: should be {f'{beside} or ' if beside else ''}an instant with its offset",
            subject=option,
            hint="write it as 2026-03-02T03:15:00Z",
        )
    return moment.astimezone(UTC)
