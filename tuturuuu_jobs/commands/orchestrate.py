"""``orchestrate``: one job for every workspace that has work, a bounded child process for each."""

from __future__ import annotations

from typing import Any

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.durations import render_duration
from tuturuuu_jobs.commands.fan_out import execute_fan_out
from tuturuuu_jobs.commands.fan_out_options import FanOutOptions, PatientFanOutOptions
from tuturuuu_jobs.commands.job_options import spread

app = typer.Typer(
    help="One job for every workspace that has work, a child process for each.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("sync")
@spread
def sync(*, options: FanOutOptions) -> None:
    """Bring what changed at Google into the table, for every workspace."""
    execute_fan_out(
        "sync",
        options,
        {},
        lambda settings: wiring.children.fan_out_sync(settings, full=False),
    )


@app.command("full-sync")
@spread
def full_sync(
    *,
    past: o.Past = None,
    future: o.Future = None,
    allow_mass_delete: o.AllowMassDelete = False,
    options: PatientFanOutOptions,
) -> None:
    """List the whole window of every workspace; sweep what is gone."""
    fields: dict[str, Any] = {"allow_mass_delete": True} if allow_mass_delete else {}
    for name, value in (("past", past), ("future", future)):
        if value is not None:
            fields[name] = render_duration(value)
    execute_fan_out(
        "full-sync",
        options,
        fields,
        lambda settings: wiring.children.fan_out_sync(settings, full=True),
    )


@app.command("schedule")
@spread
def schedule(
    *,
    window_days: o.WindowDays = None,
    force_reschedule: o.ForceReschedule = False,
    timezone: o.Timezone = None,
    engine: o.EngineChoice = None,
    allow_mass_delete: o.AllowMassRemoval = False,
    options: FanOutOptions,
) -> None:
    """Find time for the habits and tasks of every workspace that has any."""
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
        fields,
        lambda settings: wiring.children.fan_out_schedule(
            settings, engine.value if engine else "local"
        ),
    )
