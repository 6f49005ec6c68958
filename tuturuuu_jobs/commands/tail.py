"""``runs tail``: what happens, as it happens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.errors import JobError

if TYPE_CHECKING:
    import psycopg

    from tuturuuu_jobs.runtime.clock import Clock
    from tuturuuu_jobs.runtime.following import LoggedEvent

_PERIOD_S: Final = 1.0


def tail(
    *,
    duration: Annotated[
        timedelta | None,
        typer.Option(
            "--for", metavar="D", parser=o.duration, help="End after this long. Default: Ctrl-C."
        ),
    ] = None,
    last: Annotated[int, typer.Option(min=0, max=10_000, help="Begin with so many events.")] = 10,
    job: ledger.JobName = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per line.")] = False,
) -> None:
    """Follow the events of runs as they are written, until Ctrl-C."""
    from tuturuuu_jobs.runtime.clock import SystemClock

    clock = SystemClock()
    end = clock.monotonic() + duration.total_seconds() if duration is not None else None
    try:
        with ledger.open_ledger() as connection:
            _follow(connection, clock, end=end, last=last, job=job, as_json=as_json)
    except JobError as error:
        output.fail(error)
    except (KeyboardInterrupt, BrokenPipeError):
        # To stop watching is how watching ends.
        return


def _follow(
    connection: psycopg.Connection[Any],
    clock: Clock,
    *,
    end: float | None,
    last: int,
    job: str | None,
    as_json: bool,
) -> None:
    from tuturuuu_jobs.runtime.following import find_position, read_events

    position = find_position(connection, last=last)
    while True:
        events = read_events(connection, position)
        shown = [event for event in events if job is None or event.job == job]
        output.print_lines([_as_json(event) if as_json else _as_line(event) for event in shown])
        if events:
            position = events[-1].position
            continue
        left = _PERIOD_S if end is None else min(_PERIOD_S, end - clock.monotonic())
        if left <= 0 or output.reader_has_gone():
            return
        clock.sleep(left)


def _as_json(event: LoggedEvent) -> str:
    return json.dumps(ledger.plain(event), ensure_ascii=True)


def _as_line(event: LoggedEvent) -> str:
    parts = [
        f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
        event.type.ljust(14),
        event.job or "-",
        str(event.ws_id or "-"),
        str(event.run_id or "-"),
        event.status or "",
        event.code if event.code and event.code != event.status else "",
    ]
    return output.printable("  ".join(part for part in parts if part))
