"""From the names of zones in files to names of the tz database.

A name is taken, in this order, as a name of the tz database in any case, as a Windows name, by the
location that its VTIMEZONE gives, by its last parts (``/vendor/Europe/Berlin``), and at last by the
offsets of its VTIMEZONE: the zone that has the same ones week by week.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from tuturuuu_jobs.testing.emulator.ics.unread import Unread, UnreadableError, text

_WEEKS: Final = tuple(datetime(2024, 1, 3, 12) + timedelta(weeks=week) for week in range(260))  # noqa: DTZ001  # Wall clocks.


class Zones:
    """The zones of one file.

    Attributes:
        notes: Names that were taken for a zone with the same offsets.
    """

    def __init__(self, definitions: Iterable[Timezone]) -> None:
        self._definitions = {text(one, "TZID") or "": one for one in definitions}
        self._known: dict[str, str] = {}
        self.notes: list[Unread] = []

    def resolve(self, name: str) -> str:
        """The name in the tz database; UnreadableError if there is none for it."""
        if name not in self._known:
            self._known[name] = self._found(name.strip())
        return self._known[name]

    def _found(self, name: str) -> str:
        definition = self._definitions.get(name)
        location = text(definition, "X-LIC-LOCATION") if definition is not None else None
        parts = name.split("/")
        guesses = [name, WINDOWS_TO_OLSON.get(name), location]
        guesses += ["/".join(parts[-count:]) for count in (3, 2, 1) if count < len(parts)]
        for guess in guesses:
            known = _spellings().get((guess or "").lower())
            if known is not None:
                return known
        same = _with_offsets(_offsets_of(definition)) if definition is not None else None
        if same is None:
            raise UnreadableError(f"unknown time zone {name!r}")
        self.notes.append(Unread("VTIMEZONE", name, f"taken for {same}, which has its offsets"))
        return same


@functools.cache
def _spellings() -> dict[str, str]:
    """Every name of the tz database by its lower-case form; files are not strict about it."""
    return {name.lower(): name for name in sorted(available_timezones())}


Offsets = tuple[timedelta | None, ...]


def _offsets_of(definition: Timezone) -> Offsets:
    try:
        zone = definition.to_tz(lookup_tzid=False)
        return tuple(zone.utcoffset(week) for week in _WEEKS)
    except (AttributeError, KeyError, TypeError, ValueError):
        return ()


@functools.lru_cache(maxsize=32)
def _with_offsets(offsets: Offsets) -> str | None:
    """The zone with these offsets; the best known one first."""
    if not offsets:
        return None
    usual = sorted(set(WINDOWS_TO_OLSON.values()), key=lambda name: (not _capital(name), name))
    for name in (*usual, *sorted(available_timezones() - set(usual))):
        zone = ZoneInfo(name)
        if all(
            zone.utcoffset(week) == wanted for week, wanted in zip(_WEEKS, offsets, strict=True)
        ):
            return name
    return None


def _capital(name: str) -> bool:
    """Whether most people would know the zone by this name, among those with its offsets."""
    return name in {"Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "Etc/UTC"}
