"""``events``: the log of what happened, for programs that must not miss any of it."""

from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tuturuuu_jobs.commands import ledger, output, tail
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.moments import parse_moment, resolve_moment
from tuturuuu_jobs.errors import JobError

if TYPE_CHECKING:
    import psycopg

    from tuturuuu_jobs.runtime.clock import Clock
    from tuturuuu_jobs.runtime.following import LoggedEvent

app = typer.Typer(help="The log of events, in the order of commits.", no_args_is_help=True)
app.command("tail")(tail.tail)

Name = Annotated[
    str, typer.Option("--consumer", metavar="NAME", help="Whose place in the log it is.")
]
Types = Annotated[
    list[str] | None, typer.Option("--type", metavar="TYPE", help="Only these; may be repeated.")
]
_BATCH: Final = 500
_PERIOD_S: Final = 1.0
_COLUMNS: Final = ("name", "waiting", "oldest_at", "updated_at")


@app.command()
def read(
    *,
    consumer: Name,
    types: Types = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="End after so many events.")
    ] = None,
    duration: Annotated[
        timedelta | None,
        typer.Option("--for", metavar="D", parser=o.duration, help="Wait for more, this long."),
    ] = None,
) -> None:
    """Print what a consumer has not read yet, one JSON document per line, and move its place on.

    Each event comes at least once: after a reader that died, some come again under the same id.
    """
    from tuturuuu_jobs.runtime.clock import SystemClock

    clock = SystemClock()
    end = clock.monotonic() + (duration.total_seconds() if duration is not None else 0.0)
    try:
        with ledger.open_ledger() as connection:
            _read(connection, clock, consumer, types=types or [], limit=limit, end=end)
    except JobError as error:
        output.fail(error)
    except (KeyboardInterrupt, BrokenPipeError):
        # Whoever stops reading has not got the rest; the place says so.
        return


def _read(
    connection: psycopg.Connection[Any],
    clock: Clock,
    name: str,
    *,
    types: list[str],
    limit: int | None,
    end: float,
) -> None:
    from tuturuuu_jobs.runtime import consumers
    from tuturuuu_jobs.runtime.following import read_events

    left = limit
    with consumers.reading(connection, name) as position:
        place = position
        while left is None or left > 0:
            size = _BATCH if left is None else min(_BATCH, left)
            events = read_events(connection, place, limit=size, types=types)
            if events:
                _hand_over(events)
                place = events[-1].position
                consumers.move(connection, name, place)
                left = None if left is None else left - len(events)
            elif output.reader_has_gone():
                return
            elif (wait := min(_PERIOD_S, end - clock.monotonic())) > 0:
                clock.sleep(wait)
            else:
                return


def _hand_over(events: list[LoggedEvent]) -> None:
    """Write the events out for good before anybody says that they were read."""
    for event in events:
        sys.stdout.write(json.dumps(as_document(event), ensure_ascii=True) + "\n")
    sys.stdout.flush()


def as_document(event: LoggedEvent) -> dict[str, Any]:
    """An event as programs get it.

    ``id`` never repeats, and the order of lines is the order of commits.
    """
    return {
        "id": event.event_id,
        "at": ledger.plain(event)["at"],
        "type": event.type,
        "run_id": str(event.run_id) if event.run_id else None,
        "job": event.job,
        "ws_id": str(event.ws_id) if event.ws_id else None,
        "data": event.data,
    }


def parse_place(text: str) -> str | int | datetime | timedelta:
    """``beginning``, an event's id, or a moment."""
    if text == "beginning":
        return text
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else parse_moment(text)


Begin = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="PLACE",
        parser=parse_place,
        help="beginning, an event's id, or a moment: 2h (ago), 2026-03-02T03:15:00Z.",
    ),
]


@app.command()
def replay(*, consumer: Name, begin: Begin, as_json: ledger.AsJson = False) -> None:
    """Set a consumer's place, so that it reads from there again, or for the first time."""
    from tuturuuu_jobs.runtime import consumers
    from tuturuuu_jobs.runtime.clock import SystemClock

    place: object = begin
    if isinstance(place, timedelta):
        place = resolve_moment(place, SystemClock().now())
    wanted = place if isinstance(place, (int, datetime)) else None
    try:
        with ledger.open_ledger() as connection:
            position = consumers.send_back(connection, consumer, wanted)
    except JobError as error:
        output.fail(error)
    if as_json:
        after = {"xid": position.xid, "event_id": position.event_id}
        output.emit_json({"consumer": consumer, "after": after})
    else:
        output.print_lines([output.printable(f"{consumer} goes on from there")])


@app.command("consumers")
def list_consumers(*, as_json: ledger.AsJson = False) -> None:
    """List the consumers: how many events wait for each, and since when."""
    from tuturuuu_jobs.runtime import consumers

    try:
        with ledger.open_ledger() as connection:
            rows = [ledger.plain(row) for row in consumers.list_consumers(connection)]
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"consumers": rows})
    else:
        output.print_lines(output.table(rows, _COLUMNS))


@app.command()
def forget(*, consumer: Name, as_json: ledger.AsJson = False) -> None:
    """Forget a consumer; one of that name would begin at the beginning."""
    from tuturuuu_jobs.runtime import consumers

    try:
        with ledger.open_ledger() as connection:
            consumers.forget(connection, consumer)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"consumer": consumer})
    else:
        output.print_lines([output.printable(f"{consumer} is forgotten")])
