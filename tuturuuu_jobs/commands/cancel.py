"""``runs cancel``: ask a run to end."""

from __future__ import annotations

from typing import Annotated

import typer

from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.errors import JobError


def cancel(
    run_id: ledger.RunId,
    *,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Kept in the ledger with the run.")
    ] = None,
    as_json: ledger.AsJson = False,
) -> None:
    """Ask a run to end; what it committed stays. What waits for a worker is not begun.

    On this machine it is told at once; elsewhere it reads the request within 15 seconds.
    """
    from tuturuuu_jobs.fleet.operating import cancel as end_run
    from tuturuuu_jobs.runtime.cancelling import Reached
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.identity import read_identity
    from tuturuuu_jobs.runtime.redact import scrub

    try:
        with ledger.open_ledger() as connection:
            reached = end_run(
                connection,
                run_id,
                reason=scrub(reason) if reason else None,
                here=read_identity(),
                clock=SystemClock(),
            )
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"run_id": str(run_id), "reached": reached.value})
    else:
        told = {
            Reached.SIGNALLED: "was told to end",
            Reached.NOTED: "ends at its next heartbeat, within half a minute",
            Reached.WITHDRAWN: "does not wait any more: no worker begins it",
        }
        output.print_lines([f"run {run_id} {told[reached]}"])
