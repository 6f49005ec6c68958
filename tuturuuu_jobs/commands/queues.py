"""``queues``: how many runs may work at once, and pauses."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

import typer

from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.errors import JobError

app = typer.Typer(help="Limits and pauses of the queues.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The queue: see queues list.")]
_COLUMNS: Final = ("name", "total_limit", "taken", "paused_until", "paused_by", "reason")


@app.command("list")
def list_queues(*, as_json: ledger.AsJson = False) -> None:
    """List the queues: limit, seats taken now, pause."""
    from tuturuuu_jobs.runtime import queues

    try:
        with ledger.open_ledger() as connection:
            found = queues.list_queues(connection)
    except JobError as error:
        output.fail(error)
    rows = [ledger.plain(queue) for queue in found]
    if as_json:
        output.emit_json({"queues": rows})
    else:
        output.print_lines(output.table(rows, _COLUMNS))


@app.command()
def pause(
    name: Name,
    *,
    duration: Annotated[
        timedelta,
        typer.Option(
            "--for", metavar="D", parser=o.positive_duration, help="How long, as in 30m, 3h."
        ),
    ],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Shown to whoever finds the queue paused.")
    ],
    as_json: ledger.AsJson = False,
) -> None:
    """Let nothing of a queue start for a while; what is at work goes on.

    Runs that come meanwhile end with 75 and the code paused.
    """
    from tuturuuu_jobs.runtime import queues
    from tuturuuu_jobs.runtime.identity import read_user
    from tuturuuu_jobs.runtime.redact import scrub

    try:
        with ledger.open_ledger() as connection:
            until = queues.pause_queue(
                connection, name, duration=duration, reason=scrub(reason), by=read_user()
            )
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"name": name, "paused_until": f"{until:%Y-%m-%dT%H:%M:%SZ}"})
    else:
        output.print_lines([f"{name} is paused until {until:%Y-%m-%d %H:%M:%S} UTC"])


@app.command()
def resume(name: Name, *, as_json: ledger.AsJson = False) -> None:
    """End a pause."""
    from tuturuuu_jobs.runtime import queues

    try:
        with ledger.open_ledger() as connection:
            queues.resume_queue(connection, name)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"name": name, "paused_until": None})
    else:
        output.print_lines([f"{name} is paused no longer"])


@app.command()
def limit(
    name: Name,
    total: Annotated[
        int, typer.Argument(metavar="N", min=1, max=1000, help="Runs at once, on all machines.")
    ],
    *,
    as_json: ledger.AsJson = False,
) -> None:
    """Change how many runs of a queue may work at once; it takes effect with the next run."""
    from tuturuuu_jobs.runtime import queues

    try:
        with ledger.open_ledger() as connection:
            queues.limit_queue(connection, name, total)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"name": name, "total_limit": total})
    else:
        output.print_lines([f"{name} has {total} seats"])
