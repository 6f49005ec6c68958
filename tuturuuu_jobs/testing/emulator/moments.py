"""Google's two kinds of time: instants with an offset, and floating dates.

A date becomes an instant only against a zone, at that zone's midnight. Text that is no time at all
raises ValueError; odd data may hold such text on purpose, so callers decide what that means.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_instant(text: str) -> datetime:
    """An RFC 3339 time with a mandatory offset, as an aware datetime."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the offset is missing")
    return moment


def zone_named(name: str) -> ZoneInfo:
    """The zone of the tz database with that name; ValueError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def seconds(moment: datetime) -> float:
    """Seconds since 1970, also for years at the edges that cannot be moved to UTC."""
    return (moment - EPOCH).total_seconds()


def edge_instant(edge: Mapping[str, Any], zone: tzinfo) -> datetime:
    """The instant of a ``start`` or ``end``; dates begin at midnight in `zone`."""
    if "dateTime" in edge:
        moment = datetime.fromisoformat(edge["dateTime"])
        if moment.tzinfo is not None:
            return moment
        return moment.replace(tzinfo=zone_named(edge["timeZone"]) if "timeZone" in edge else zone)
    if "date" in edge:
        day = date.fromisoformat(edge["date"])
        return datetime(day.year, day.month, day.day, tzinfo=zone)
    raise ValueError("neither date nor dateTime")


def render_instant(moment: datetime, zone: tzinfo) -> str:
    """RFC 3339 to the second in `zone`; UTC is written ``Z``."""
    text = moment.astimezone(zone).isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def render_edge(edge: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """The edge as a response shows it: an instant in `zone`, a date as it is."""
    if "dateTime" not in edge:
        return dict(edge)
    return {**edge, "dateTime": render_instant(edge_instant(edge, zone), zone)}


def shown_edges(body: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """The resource with its times rendered in `zone`; unreadable ones stay as they are."""
    out = dict(body)
    for edge in ("start", "end", "originalStartTime"):
        if edge in out:
            try:
                out[edge] = render_edge(out[edge], zone)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
                continue
    return out


@functools.lru_cache(maxsize=64)
def render_updated(moment: datetime) -> str:
    """Milliseconds and ``Z``, as in ``updated``."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


def instance_stamp(original: datetime, *, all_day: bool) -> str:
    """The part of an instance's id after the underscore: UTC of the original start."""
    if all_day:
        return original.strftime("%Y%m%d")
    return original.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def floor_ms(moment: datetime) -> datetime:
    """Cut to milliseconds, the precision of ``updated``."""
    return moment - timedelta(microseconds=moment.microsecond % 1000)
