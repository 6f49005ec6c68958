"""Moments as people name them: an instant, or how long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from tuturuuu_jobs.commands.durations import parse_duration


def parse_moment(text: str) -> datetime | timedelta:
    """An RFC 3339 instant with its offset, or a duration: that long ago."""
    try:
        return parse_duration(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter("should be like 2h (ago) or 2026-03-02T03:15:00Z")
    return moment.astimezone(UTC)


def resolve_moment(moment: datetime | timedelta | None, now: datetime) -> datetime | None:
    """The instant that is meant; None if none was named."""
    return now - moment if isinstance(moment, timedelta) else moment


def render_age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: ``4m``, ``3h``, ``12d``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="D|TIME", parser=parse_moment, help="Not older than that: 2h, or a time."
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", metavar="D|TIME", parser=parse_moment, help="Older than that."),
]
