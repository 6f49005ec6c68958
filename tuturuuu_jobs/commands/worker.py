"""``worker``: do what was enqueued, each run in a child process, until a signal."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.audience import Quiet
from tuturuuu_jobs.commands.fan_out_options import Launcher, LauncherName
from tuturuuu_jobs.errors import JobError, UsageError
from tuturuuu_jobs.runtime.outcome import ExitCode

if TYPE_CHECKING:
    from tuturuuu_jobs.fleet.worker import Plan, Tally

QUEUES: Final = ("calendar-sync", "schedule")
_DEADLINE: Final = timedelta(hours=1)


def worker(
    *,
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, max=200, help="At most so many runs at once.")
    ] = 4,
    queue: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only from this queue; may be repeated."),
    ] = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="End when nothing is left to do now.")
    ] = False,
    deadline: Annotated[
        timedelta | None,
        typer.Option(
            metavar="D", parser=o.positive_duration, help="Longest time for one run. Default: 1h."
        ),
    ] = None,
    launcher: Launcher = LauncherName.FORK,
    no_listen: Annotated[
        bool, typer.Option("--no-listen", help="Look for work every five seconds, be told of none.")
    ] = False,
    as_json: ledger.AsJson = False,
) -> None:
    """Do what was enqueued, each run in a process of its own.

    SIGTERM ends it: runs have a few seconds to finish, others are handed back.
    """
    from tuturuuu_jobs.fleet.verdict import GOOD
    from tuturuuu_jobs.fleet.worker import Plan

    if as_json:
        output.reserve_stdout()
    try:
        for name in queue or ():
            if name not in QUEUES:
                hint = f"one of {', '.join(QUEUES)}"
                raise UsageError(f"there is no queue {name} to work", subject="--queue", hint=hint)
        plan = Plan(concurrency, tuple(queue or ()), drain, (deadline or _DEADLINE).total_seconds())
        tally = _run(plan, launcher, listens=not no_listen)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json(dataclasses.asdict(tally))
    failed = drain and not tally.done.keys() <= GOOD
    raise typer.Exit(ExitCode.PARTIAL if failed else ExitCode.SUCCESS)


def _run(plan: Plan, launcher: LauncherName, *, listens: bool) -> Tally:
    import asyncio

    with ledger.open_ledger():
        # Whatever is wrong with the database is said before anything is begun.
        settings = wiring.process.load_settings()
    wiring.process.configure_log(settings)
    with wiring.children.build_launcher_of_worker(settings, launcher) as started:
        made = wiring.children.build_worker(settings, plan, started, Quiet().said, listens=listens)
        return asyncio.run(made.run())
