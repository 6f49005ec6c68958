"""``runs failures``: what fails, by cause."""

from __future__ import annotations

from typing import Annotated

import typer

from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands.moments import Since, resolve_moment
from tuturuuu_jobs.errors import JobError

_COLUMNS = ("runs", "keys", "job", "status", "code", "first_seen", "last_seen", "last_run_id")


def failures(
    *,
    since: Since = None,
    job: ledger.JobName = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many causes.")] = 20,
    as_json: ledger.AsJson = False,
) -> None:
    """Group failed runs by cause, the one seen last first."""
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.failures import group_failures

    try:
        with ledger.open_ledger() as connection:
            since_instant = resolve_moment(since, SystemClock().now())
            groups = group_failures(connection, limit=limit, since=since_instant, job=job)
    except JobError as error:
        output.fail(error)
    rows = [ledger.plain(group) for group in groups]
    if as_json:
        output.emit_json({"failures": rows})
        return
    if not rows:
        output.print_lines(["no failures"])
        return
    heading, *lines = output.table(rows, _COLUMNS)
    output.print_lines([heading])
    for line, row in zip(lines, rows, strict=True):
        told = [row[name] for name in ("message", "hint") if row[name]]
        output.print_lines([line, *(f"    {output.printable(text)}" for text in told)])
