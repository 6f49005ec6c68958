"""Recurring events: from a master to its instances.

The rule runs on the wall clock of the master's zone, so a meeting at nine stays at nine when the
clocks change. Each instance lasts exactly as long as the master, counted in seconds (RFC 5545,
3.8.5.3), or in days if it is all-day. A start inside the missing hour of a change day takes the
offset from before the change; in the doubled hour the first of the two is meant.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from dateutil import rrule

from tuturuuu_jobs.testing.emulator.moments import zone_named

_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """What repeats: the lines of ``recurrence``, the first start on the wall clock, and the zone.

    An all-day series has midnight as its wall clock and UTC as its zone.
    """

    lines: tuple[str, ...]
    first: datetime
    zone: tzinfo
    all_day: bool


def occurrences(series: Series, until: datetime, limit: int | None) -> Iterator[datetime]:
    """The original starts as aware times in the series' zone, in order, up to and with `until`.

    ValueError if a line is not understood.
    """
    rule_set = rrule.rruleset()
    excluded: set[datetime] = set()
    for line in series.lines:
        name, parameters, value = _split_line(line)
        match name:
            case "RRULE":
                rule_set.rrule(_rule(value, series))
            case "RDATE":
                for moment in _moments(parameters, value, series):
                    rule_set.rdate(moment.astimezone(series.zone).replace(tzinfo=None))
            case "EXDATE":
                excluded.update(_moments(parameters, value, series))
            case _:
                raise ValueError(f"cannot expand {name}")
    if not any(line.startswith("RRULE") for line in series.lines):
        rule_set.rdate(series.first)
    return itertools.islice(_aware(rule_set, series, until, excluded), limit)


def _aware(
    walls: rrule.rruleset, series: Series, until: datetime, excluded: set[datetime]
) -> Iterator[datetime]:
    for wall in walls:
        start = wall.replace(tzinfo=series.zone)
        instant = start.astimezone(UTC)
        if instant > until:
            return
        if instant not in excluded:
            yield start


def _split_line(line: str) -> tuple[str, dict[str, str], str]:
    head, separator, value = line.partition(":")
    if not separator:
        raise ValueError(f"no value in the recurrence line {head!r}")
    name, *rest = head.split(";")
    parameters = dict(part.split("=", 1) for part in rest if "=" in part)
    return name.upper(), parameters, value


def parse_rule(value: str) -> dict[str, str]:
    """The parts of an RRULE in order; ValueError if it has no frequency of the subset."""
    parts = dict(part.split("=", 1) for part in value.upper().split(";") if "=" in part)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise ValueError(f"cannot expand FREQ={parts.get('FREQ')}")
    return parts


def render_rule(parts: dict[str, str]) -> str:
    """The line of ``recurrence`` for these parts."""
    return "RRULE:" + ";".join(f"{name}={value}" for name, value in parts.items())


def _rule(value: str, series: Series) -> rrule.rrule:
    parts = parse_rule(value)
    if "UNTIL" in parts:
        parts["UNTIL"] = _until(parts["UNTIL"], series).strftime("%Y%m%dT%H%M%S")
    rule = rrule.rrulestr(render_rule(parts), dtstart=series.first)
    if not isinstance(rule, rrule.rrule):
        raise ValueError("one RRULE line holds one rule")  # noqa: TRY004  # The text is at fault.
    return rule


def _until(text: str, series: Series) -> datetime:
    """The inclusive last moment on the series' wall clock; a bare date means its whole day."""
    if len(text) == len("20261201"):
        return datetime.combine(_day(text), time(23, 59, 59))
    return _moment(text, series.zone).astimezone(series.zone).replace(tzinfo=None)


def _moments(parameters: dict[str, str], value: str, series: Series) -> Iterator[datetime]:
    zone = zone_named(parameters["TZID"]) if "TZID" in parameters else series.zone
    for text in value.split(","):
        if len(text) == len("20261201"):
            wall = datetime.combine(_day(text), series.first.time())
            yield wall.replace(tzinfo=series.zone).astimezone(UTC)
        else:
            yield _moment(text, zone).astimezone(UTC)


def _moment(text: str, zone: tzinfo) -> datetime:
    if text.endswith("Z"):
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=zone)


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()


def cut_before(lines: Sequence[str], at: datetime, *, all_day: bool) -> tuple[str, ...]:
    """The lines of a series that ends before the occurrence at `at`.

    UNTIL is the last second before, in UTC, or the day before for an all-day series.
    """
    last = at - (timedelta(days=1) if all_day else timedelta(seconds=1))
    text = last.strftime("%Y%m%d") if all_day else last.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return tuple(_with_rule(line, {"UNTIL": text}, drop="COUNT") for line in lines)


def continue_from(lines: Sequence[str], done: int) -> tuple[str, ...]:
    """The lines of a series that goes on after `done` occurrences."""
    out: list[str] = []
    for line in lines:
        parts = parse_rule(line.partition(":")[2]) if line.upper().startswith("RRULE") else {}
        if "COUNT" in parts:
            out.append(_with_rule(line, {"COUNT": str(int(parts["COUNT"]) - done)}, drop=""))
        else:
            out.append(line)
    return tuple(out)


def _with_rule(line: str, changes: dict[str, str], *, drop: str) -> str:
    if not line.upper().startswith("RRULE"):
        return line
    parts = parse_rule(line.partition(":")[2])
    parts.pop(drop, None)
    return render_rule(parts | changes)
