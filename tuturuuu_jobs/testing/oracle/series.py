"""Series taken apart: masters, exceptions and tombstones into single events."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, cast
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from tuturuuu_jobs.testing.oracle.model import Json

_UTC: Final = ZoneInfo("UTC")
_SPLIT: Final = re.compile(r"_R\d{8}(T\d{6})?$")


def living(
    masters: Sequence[Json], zone: ZoneInfo, until: datetime, fallen: Collection[str]
) -> Iterator[Json]:
    """Everything that exists, series taken apart, up to that moment."""
    hidden = {
        (body.get("recurringEventId"), body["id"])
        for body in masters
        if "recurringEventId" in body and body["id"] not in fallen
    }
    for body in masters:
        if body.get("status") == "cancelled":
            continue
        if "recurrence" not in body:
            yield body
            continue
        for instance in _instances(body, zone, until):
            if (body["id"], instance["id"]) not in hidden:
                yield instance


def _instances(master: Json, calendar_zone: ZoneInfo, until: datetime) -> Iterator[Json]:
    base = _SPLIT.sub("", master["id"])
    shared = {name: value for name, value in master.items() if name != "recurrence"}
    if "date" in master["start"]:
        first = date.fromisoformat(master["start"]["date"])
        days = date.fromisoformat(master["end"]["date"]) - first
        for start in _starts(master["recurrence"], datetime.combine(first, time()), _UTC):
            if start > until + timedelta(days=1):
                return
            day = start.date()
            yield {
                **shared,
                "id": f"{base}_{day:%Y%m%d}",
                "start": {"date": day.isoformat()},
                "end": {"date": (day + days).isoformat()},
            }
        return
    begin, finish = (_instant(master[edge], calendar_zone) for edge in ("start", "end"))
    named = master["start"].get("timeZone")
    zone = ZoneInfo(named) if named else calendar_zone
    wall = begin.astimezone(zone).replace(tzinfo=None)
    for start in _starts(master["recurrence"], wall, zone):
        if start > until:
            return
        yield {
            **shared,
            "id": f"{base}_{start.astimezone(UTC):%Y%m%dT%H%M%SZ}",
            "start": {"dateTime": _to_second(start)},
            "end": {"dateTime": _to_second(start + (finish - begin))},
        }


def _starts(lines: Sequence[str], first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of a series in UTC, in order: the rule walks the wall clock of the zone.

    The ends of rules and the exclusions are compared as instants, not handed to the rule.
    """
    rules: list[tuple[rrule, datetime | None]] = []
    extra: set[datetime] = set()
    excluded: set[datetime] = set()
    for line in lines:
        head, _, value = line.partition(":")
        if head == "RRULE":
            rules.append(_rule(value, first, zone))
        else:
            moments = {_exact(text, head, first, zone) for text in value.split(",")}
            (excluded if head.startswith("EXDATE") else extra).update(moments)
    if not rules:
        extra.add(first.replace(tzinfo=zone).astimezone(UTC))
    for start in _merged(rules, extra, zone):
        if start not in excluded:
            yield start


def _merged(
    rules: Sequence[tuple[rrule, datetime | None]], extra: set[datetime], zone: ZoneInfo
) -> Iterator[datetime]:
    """Rule dates and single dates in order, each once."""
    latest: datetime | None = None
    for start in heapq.merge(*(_until(*rule, zone) for rule in rules), sorted(extra)):
        if start != latest:
            yield start
        latest = start


def _until(rule: rrule, last: datetime | None, zone: ZoneInfo) -> Iterator[datetime]:
    for wall in rule:
        start = wall.replace(tzinfo=zone).astimezone(UTC)
        if last is not None and start > last:
            return
        yield start


def _rule(value: str, first: datetime, zone: ZoneInfo) -> tuple[rrule, datetime | None]:
    parts = dict(part.split("=") for part in value.split(";"))
    until = parts.pop("UNTIL", None)
    rule = rrulestr(";".join(f"{name}={text}" for name, text in parts.items()), dtstart=first)
    if until is None:
        return cast("rrule", rule), None
    if "T" in until:
        return cast("rrule", rule), _exact(until, "", first, zone)
    whole_day = datetime.combine(datetime.fromisoformat(until).date(), time(23, 59, 59))
    return cast("rrule", rule), whole_day.replace(tzinfo=zone).astimezone(UTC)


def _exact(text: str, head: str, first: datetime, zone: ZoneInfo) -> datetime:
    """A moment of a recurrence line; a bare date means the series' own time on that day."""
    moment = datetime.fromisoformat(text)
    if "T" not in text:
        moment = datetime.combine(moment.date(), first.time())
    if moment.tzinfo is None:
        named = re.search(r"TZID=([^;:]+)", head)
        moment = moment.replace(tzinfo=ZoneInfo(named[1]) if named else zone)
    return moment.astimezone(UTC)


def _to_second(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _instant(edge: Json, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(edge["dateTime"])
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
