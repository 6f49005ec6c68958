"""The options that jobs share, each declared once."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.runtime.job import OnBusy


def parse_id(text: str) -> UUID:
    """A UUID in its usual form, in either case."""
    try:
        found = UUID(text)
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise typer.BadParameter("an id looks like 00000000-0000-0000-0000-000000000000")
    return found


def duration(text: str) -> timedelta:
    """A duration such as ``90s``."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def positive_duration(text: str) -> timedelta:
    """A duration longer than zero."""
    found = duration(text)
    if not found:
        raise typer.BadParameter("should be longer than zero")
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class Tag:
    """A label kept in the ledger."""

    key: str
    value: str


def _tag(text: str) -> Tag:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise typer.BadParameter("a tag is written key=value")
    return Tag(key.strip(), value.strip())


Workspace = Annotated[
    UUID | None, typer.Option("--ws", metavar="ID", parser=parse_id, help="The workspace.")
]
Calendars = Annotated[
    list[str] | None,
    typer.Option("--calendar", metavar="ID", help="Only this calendar; may be repeated."),
]
PayloadFrom = Annotated[
    str | None,
    typer.Option(
        "--payload", metavar="-", help="Read the payload as JSON from standard input (-)."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, with reasons; write nothing.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON document on standard output.")
]
ResultFile = Annotated[
    Path | None,
    typer.Option("--result-file", metavar="PATH", help="Also write the result to this file."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary; errors only.")]
Verbose = Annotated[
    int, typer.Option("-v", count=True, help="More log lines; -vv for all, with tracebacks.")
]
RunDeadline = Annotated[
    timedelta | None,
    typer.Option(
        "--deadline",
        metavar="D",
        parser=positive_duration,
        help="Longest time for the whole run, as in 90s, 15m, 3h. Default: 1h.",
    ),
]
Attempts = Annotated[
    int, typer.Option("--attempts", metavar="N", min=1, max=100, help="How often to try.")
]
Busy = Annotated[
    OnBusy,
    typer.Option("--on-busy", help="If another run of the workspace is at work: skip, wait, fail."),
]
Wait = Annotated[
    timedelta | None,
    typer.Option(
        "--wait",
        metavar="D",
        parser=duration,
        help="With --on-busy wait: how long. Default: until the deadline.",
    ),
]
RunId = Annotated[
    UUID | None,
    typer.Option("--run-id", metavar="ID", parser=parse_id, help="The id of this run."),
]
ParentRunId = Annotated[
    UUID | None,
    typer.Option(
        "--parent-run-id",
        metavar="ID",
        parser=parse_id,
        hidden=True,
        help="The fan-out that this run is a child of; set by `orchestrate`.",
    ),
]
ReplayOf = Annotated[
    UUID | None,
    typer.Option(
        "--replay-of",
        metavar="ID",
        parser=parse_id,
        hidden=True,
        help="The run that this one repeats; set by `worker`.",
    ),
]
FromQueue = Annotated[
    bool,
    typer.Option("--from-queue", hidden=True, help="The run was asked for; set by `worker`."),
]
Tags = Annotated[
    list[Tag] | None,
    typer.Option(
        "--tag", metavar="KEY=VALUE", parser=_tag, help="A label for the ledger; may be repeated."
    ),
]
Slot = Annotated[
    str | None,
    typer.Option(
        "--slot",
        metavar="auto|TIME",
        help="The scheduled instant this run stands for; its work is done once.",
    ),
]
Every = Annotated[
    timedelta | None,
    typer.Option(
        "--every",
        metavar="D",
        parser=positive_duration,
        help="With --slot auto: the timer's cadence; the slot is floored to it in UTC.",
    ),
]
Expires = Annotated[
    timedelta | None,
    typer.Option(
        "--expires",
        metavar="D",
        parser=positive_duration,
        help="Do nothing if the slot is older than this.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Run even if the slot's work is done.")]
Past = Annotated[
    timedelta | None,
    typer.Option("--past", metavar="D", parser=duration, help="How far back. Default: 90d."),
]
Future = Annotated[
    timedelta | None,
    typer.Option("--future", metavar="D", parser=duration, help="How far ahead. Default: 180d."),
]
AllowMassDelete = Annotated[
    bool,
    typer.Option(
        "--allow-mass-delete", help="Delete what the listing proves gone, however much it is."
    ),
]


class EngineName(StrEnum):
    """Who computes a plan: this program, or the app."""

    LOCAL = "local"
    APP = "app"


def zone(text: str) -> str:
    """The key of a time zone that this machine knows."""
    from tuturuuu_jobs.workspaces.zones import parse_zone

    found = parse_zone(text)
    if found is None:
        raise typer.BadParameter("a time zone looks like Europe/Berlin")
    return found


WindowDays = Annotated[
    int | None,
    typer.Option(
        "--window-days",
        metavar="N",
        help="Dates to plan, from today on; brought into 7 to 90. Default: 30.",
    ),
]
ForceReschedule = Annotated[
    bool,
    typer.Option(
        "--force-reschedule", help="Give up every place that may be given up, and plan anew."
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        metavar="TZ",
        parser=zone,
        help="The time zone where neither workspace nor owner names one.",
    ),
]
EngineChoice = Annotated[
    EngineName | None,
    typer.Option(
        "--engine",
        metavar="local|app",
        help="Who makes the plan: this program, or the app behind its route. Default: local.",
    ),
]
AllowMassRemoval = Annotated[
    bool,
    typer.Option("--allow-mass-delete", help="Remove events though the plan removes very many."),
]
