"""``runs reap`` and ``runs prune``: the ledger's housekeeping, for a timer."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.errors import JobError

Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]


def reap(*, as_json: ledger.AsJson = False, quiet: Quiet = False) -> None:
    """Settle the runs of dead processes as lost; silent if there is none.

    Results that the ledger could not take earlier are told to it first. Nothing is run again.
    """
    from tuturuuu_jobs.runtime import reaping
    from tuturuuu_jobs.runtime.database import address_of
    from tuturuuu_jobs.runtime.identity import read_identity
    from tuturuuu_jobs.runtime.schema import require_schema
    from tuturuuu_jobs.runtime.settling import drain_spool
    from tuturuuu_jobs.runtime.state import StateDirectory

    try:
        settings = wiring.process.load_settings()
        state = StateDirectory(settings.state_dir)
        with ledger.open_ledger() as connection:
            homes = (require_schema(connection), address_of(settings.require_database_url()))
            drained = drain_spool(connection, state, homes)
            findings = reaping.reap(connection, read_identity())
    except JobError as error:
        output.fail(error)
    rows = [ledger.plain(finding) for finding in findings]
    if as_json:
        grouped = {
            verdict: [row for row in rows if row["verdict"] == verdict]
            for verdict in ("lost", "stuck")
        }
        output.emit_json({**grouped, "drained": drained})
    elif not quiet:
        lines = [
            f"{row['verdict']}  {row['job']}  {row['run_id']}  {row['reason']}" for row in rows
        ]
        told = [f"told the ledger how {drained} runs ended"] if drained else []
        output.print_lines([output.printable(line) for line in told + lines])


def prune(*, as_json: ledger.AsJson = False, quiet: Quiet = False) -> None:
    """Forget old runs and events, and old files of this machine's state directory.

    The last success of each key stays in the ledger.
    """
    from tuturuuu_jobs.runtime import retention
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.state import StateDirectory

    try:
        state = StateDirectory(wiring.process.load_settings().state_dir)
        with ledger.open_ledger() as connection:
            pruned = retention.prune(connection)
    except JobError as error:
        output.fail(error)
    files = state.prune(SystemClock().now(), retention.FILES)
    if as_json:
        output.emit_json({**dataclasses.asdict(pruned), "files": files})
    elif not quiet:
        output.print_lines(
            [
                f"removed {pruned.runs} runs",
                *([f"removed {pruned.stray_events} events"] if pruned.stray_events else []),
                *([f"removed {files} files of the state directory"] if files else []),
                *(f"dropped {name}" for name in pruned.dropped_partitions),
                *(f"created {name}" for name in pruned.new_partitions),
            ]
        )
