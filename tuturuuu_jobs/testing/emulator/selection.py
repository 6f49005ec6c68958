"""Which events a listing is about: windows, types, words, properties."""

from __future__ import annotations

from datetime import datetime, timedelta

from tuturuuu_jobs.testing.emulator.api_errors import API_ERRORS, ApiError
from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.model import Horizon, Item
from tuturuuu_jobs.testing.emulator.moments import seconds
from tuturuuu_jobs.testing.emulator.query import ListQuery


def filtered(
    calendar: Calendar, items: list[Item], query: ListQuery, horizon: Horizon, now: datetime
) -> list[Item]:
    """The items of a full listing that the parameters ask for; ApiError 410 for an old bound."""
    if query.low is not None or query.high is not None:
        items = [item for item in items if _inside_window(calendar, item, query, horizon)]
    if query.event_types:
        items = [item for item in items if has_type(item, query)]
    if query.updated_min is not None:
        if query.updated_min < seconds(now - timedelta(days=28)):
            raise ApiError(API_ERRORS["410 updatedMinTooLongAgo"])
        items = [item for item in items if item.updated >= query.updated_min]
    if query.text:
        wanted = query.text.lower()
        items = [item for item in items if wanted in str(item.body.get("summary", "")).lower()]
    if query.ical_uid:
        items = [item for item in items if item.body.get("iCalUID") == query.ical_uid]
    for kind, name, value in query.properties:
        items = [
            item
            for item in items
            if item.body.get("extendedProperties", {}).get(kind, {}).get(name) == value
        ]
    if query.order_by == "startTime":
        return sorted(items, key=lambda item: (item.start, item.id))
    if query.order_by == "updated":
        return sorted(items, key=lambda item: (item.updated, item.id))
    return items


def _inside_window(calendar: Calendar, item: Item, query: ListQuery, horizon: Horizon) -> bool:
    if "recurrence" not in item.body or item.cancelled:
        return _inside(item.start, item.end, query.low, query.high)
    shown = calendar.entries[item.id].expand(horizon)
    return any(_inside(one.start, one.end, query.low, query.high) for one in shown)


def _inside(start: float, end: float, low: float | None, high: float | None) -> bool:
    """Overlap with exclusive bounds: the end after timeMin, the start before timeMax."""
    return (low is None or end > low) and (high is None or start < high)


def ever_inside(calendar: Calendar, item: Item, low: float | None, high: float | None) -> bool:
    """A remembered window still tells of what has left it."""
    spans = calendar.spans(item.id) | {(item.start, item.end)}
    return any(_inside(start, end, low, high) for start, end in spans)


def has_type(item: Item, query: ListQuery) -> bool:
    """Whether the event is of a type that was asked for."""
    return item.body.get("eventType", "default") in query.event_types
