"""Odd events that have been seen in the wild, each as a body to store verbatim."""

from __future__ import annotations

from typing import Any, Final

from tuturuuu_jobs.testing.emulator.model import Json

_TIMES: Final[Json] = {
    "start": {"dateTime": "2026-12-01T09:00:00Z"},
    "end": {"dateTime": "2026-12-01T10:00:00Z"},
}


def _event(name: str, **changes: Any) -> Json:
    body: Json = {
        "kind": "calendar#event",
        "id": name,
        "status": "confirmed",
        "updated": "2026-11-24T08:00:00.000Z",
        "etag": '"1"',
        "summary": "Odd",
        **_TIMES,
        **changes,
    }
    return {key: value for key, value in body.items() if value is not ...}


def _at(start: str, end: str, key: str = "dateTime") -> Json:
    return {"start": {key: start}, "end": {key: end}}


def odd_events() -> dict[str, Json]:
    """The events by what is odd about them; ids are the names unless the id is the oddity.

    Store them with ``put_event(..., verbatim=True)``.
    """
    bodies = {
        "cancelled-id-only": {"id": "cancelled-id-only", "status": "cancelled"},
        "unknown-event-type": _event("unknown-event-type", eventType="teleport"),
        "no-summary": _event("no-summary", summary=...),
        "null-summary": _event("null-summary", summary=None),
        "long-html": _event("long-html", description="<p>long</p>" * 1900),
        "nul": _event("nul", summary="a\x00b"),
        "emoji": _event("emoji", summary="\U0001f389" * 300),
        "lone-surrogate": _event("lone-surrogate", summary="a\ud83cb"),
        "zero-length": _event("zero-length", **_at("2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z")),
        "inverted": _event("inverted", **_at("2026-12-01T10:00:00Z", "2026-12-01T09:00:00Z")),
        "all-day-over-dst": _event("all-day-over-dst", **_at("2027-03-27", "2027-03-29", "date")),
        "year-2099": _event("year-2099", **_at("2099-12-31T23:00:00Z", "2099-12-31T23:30:00Z")),
        "year-1900": _event("year-1900", **_at("1900-01-01", "1900-01-02", "date")),
        "long-id": _event("x" * 1024),
        "mixed-date-and-time": _event(
            "mixed-date-and-time",
            start={"date": "2026-12-01"},
            end={"dateTime": "2026-12-02T10:00:00Z"},
        ),
        "fraction": _event(
            "fraction", **_at("2026-12-01T09:00:00.500+01:00", "2026-12-01T10:00:00.250+01:00")
        ),
        "not-a-time": _event("not-a-time", **_at("soon", "later")),
        "no-times": _event("no-times", start=..., end=...),
        "end-unspecified": _event("end-unspecified", endTimeUnspecified=True),
        "no-updated": _event("no-updated", updated=...),
    }
    return dict(bodies)
