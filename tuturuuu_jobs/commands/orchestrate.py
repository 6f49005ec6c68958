"""``orchestrate``: one job for every workspace that has work, a bounded child process for each."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.durations import render_duration
from tuturuuu_jobs.commands.fan_out import ChildChoice, FanOutChoice, execute_fan_out
from tuturuuu_jobs.runtime.job import OnBusy
from tuturuuu_jobs.runtime.slots import SlotChoice

app = typer.Typer(
    help="One job for every workspace that has work, a child process for each.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class LauncherName(StrEnum):
    """The ways to start children: copies of a preloaded process, or fresh interpreters."""

    FORK = "fork"
    EXEC = "exec"


Workspaces = Annotated[
    list[UUID] | None,
    typer.Option(
        "--ws",
        metavar="ID",
        parser=o.parse_id,
        help="Only this workspace; may be repeated. Default: all that have work.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        help="At most N children at once. Default: the total limit of the queue.",
    ),
]
Launcher = Annotated[LauncherName, typer.Option("--launcher", help="How children are started.")]
Deadline = Annotated[
    timedelta | None,
    typer.Option(
        "--deadline",
        metavar="D",
        parser=o.positive_duration,
        help="Longest time for the whole fan-out, as in 90s, 15m, 3h. Default: 1h.",
    ),
]
ChildDeadline = Annotated[
    timedelta | None,
    typer.Option(
        "--child-deadline",
        metavar="D",
        parser=o.positive_duration,
        help="Longest time for one child, within what the fan-out has left. Default: 30m.",
    ),
]
ChildAttempts = Annotated[
    int, typer.Option("--attempts", metavar="N", min=1, max=100, help="How often a child may try.")
]
ChildBusy = Annotated[
    OnBusy,
    typer.Option("--on-busy", help="If another run of a workspace is at work: skip, wait, fail."),
]
ChildWait = Annotated[
    timedelta | None,
    typer.Option(
        "--wait",
        metavar="D",
        parser=o.duration,
        help="With --on-busy wait: how long a child waits. Default: 5m.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the children in their order; start none.")
]

_CHILD_DEADLINE: Final = timedelta(minutes=30)
_WAIT: Final = timedelta(minutes=5)


@app.command("sync")
def sync(
    *,
    ws: Workspaces = None,
    limit: Limit = None,
    launcher: Launcher = LauncherName.FORK,
    child_deadline: ChildDeadline = None,
    attempts: ChildAttempts = 3,
    on_busy: ChildBusy = OnBusy.SKIP,
    wait: ChildWait = None,
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
    result_file: o.ResultFile = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    deadline: Deadline = None,
    run_id: o.RunId = None,
    tag: o.Tags = None,
    slot: o.Slot = None,
    every: o.Every = None,
    expires: o.Expires = None,
    force: o.Force = False,
) -> None:
    """Bring what changed at Google into the table, for every workspace."""
    options = o.JobOptions(
        dry_run=dry_run,
        as_json=as_json,
        result_file=result_file,
        quiet=quiet,
        verbose=verbose,
        deadline=deadline,
        attempts=3,
        on_busy=OnBusy.SKIP,
        wait=None,
        run_id=run_id,
        tags=tag,
        slot=SlotChoice(slot, every, expires, force),
    )
    child = ChildChoice(child_deadline or _CHILD_DEADLINE, attempts, on_busy, wait or _WAIT)
    execute_fan_out(
        "sync",
        options,
        FanOutChoice(launcher, ws, limit, child),
        lambda settings: wiring.fan_out_sync(settings, full=False),
    )


@app.command("full-sync")
def full_sync(
    *,
    ws: Workspaces = None,
    past: o.Past = None,
    future: o.Future = None,
    allow_mass_delete: o.AllowMassDelete = False,
    limit: Limit = None,
    launcher: Launcher = LauncherName.FORK,
    child_deadline: ChildDeadline = None,
    attempts: ChildAttempts = 3,
    on_busy: ChildBusy = OnBusy.WAIT,
    wait: ChildWait = None,
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
    result_file: o.ResultFile = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    deadline: Deadline = None,
    run_id: o.RunId = None,
    tag: o.Tags = None,
    slot: o.Slot = None,
    every: o.Every = None,
    expires: o.Expires = None,
    force: o.Force = False,
) -> None:
    """List the whole window of every workspace; sweep what is gone."""
    options = o.JobOptions(
        dry_run=dry_run,
        as_json=as_json,
        result_file=result_file,
        quiet=quiet,
        verbose=verbose,
        deadline=deadline,
        attempts=3,
        on_busy=OnBusy.SKIP,
        wait=None,
        run_id=run_id,
        tags=tag,
        slot=SlotChoice(slot, every, expires, force),
    )
    child = ChildChoice(child_deadline or _CHILD_DEADLINE, attempts, on_busy, wait or _WAIT)
    fields: dict[str, Any] = {"allow_mass_delete": True} if allow_mass_delete else {}
    for name, value in (("past", past), ("future", future)):
        if value is not None:
            fields[name] = render_duration(value)
    execute_fan_out(
        "full-sync",
        options,
        FanOutChoice(launcher, ws, limit, child, fields),
        lambda settings: wiring.fan_out_sync(settings, full=True),
    )


@app.command("schedule")
def schedule(
    *,
    ws: Workspaces = None,
    window_days: o.WindowDays = None,
    force_reschedule: o.ForceReschedule = False,
    timezone: o.Timezone = None,
    engine: o.EngineChoice = None,
    allow_mass_delete: o.AllowMassRemoval = False,
    limit: Limit = None,
    launcher: Launcher = LauncherName.FORK,
    child_deadline: ChildDeadline = None,
    attempts: ChildAttempts = 3,
    on_busy: ChildBusy = OnBusy.SKIP,
    wait: ChildWait = None,
    dry_run: DryRun = False,
    as_json: o.AsJson = False,
    result_file: o.ResultFile = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    deadline: Deadline = None,
    run_id: o.RunId = None,
    tag: o.Tags = None,
    slot: o.Slot = None,
    every: o.Every = None,
    expires: o.Expires = None,
    force: o.Force = False,
) -> None:
    """Find time for the habits and tasks of every workspace that has any."""
    options = o.JobOptions(
        dry_run=dry_run,
        as_json=as_json,
        result_file=result_file,
        quiet=quiet,
        verbose=verbose,
        deadline=deadline,
        attempts=3,
        on_busy=OnBusy.SKIP,
        wait=None,
        run_id=run_id,
        tags=tag,
        slot=SlotChoice(slot, every, expires, force),
    )
    child = ChildChoice(child_deadline or _CHILD_DEADLINE, attempts, on_busy, wait or _WAIT)
    chosen: dict[str, Any] = {
        "window_days": window_days,
        "force_reschedule": force_reschedule or None,
        "timezone": timezone,
        "engine": engine.value if engine else None,
        "allow_mass_delete": allow_mass_delete or None,
    }
    fields = {name: value for name, value in chosen.items() if value is not None}
    execute_fan_out(
        "schedule",
        options,
        FanOutChoice(launcher, ws, limit, child, fields),
        lambda settings: wiring.fan_out_schedule(settings, engine.value if engine else "local"),
    )
