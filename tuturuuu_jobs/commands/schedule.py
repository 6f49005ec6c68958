"""``schedule``: a workspace's habits and tasks into free time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.execute import execute_job
from tuturuuu_jobs.commands.job_options import JobOptions, spread

if TYPE_CHECKING:
    from tuturuuu_jobs.commands.payload import Given
    from tuturuuu_jobs.scheduling.work import SchedulePayload

User = Annotated[
    UUID | None,
    typer.Option(
        "--user",
        metavar="ID",
        parser=o.parse_id,
        help="Plan this member's tasks only; in a personal workspace the habits too.",
    ),
]
ApplyPlan = Annotated[
    Path | None,
    typer.Option(
        "--apply-plan",
        metavar="FILE",
        help="Apply the plan that --dry-run --json printed into FILE, or refuse if things changed.",
    ),
]


@spread
def schedule(
    *,
    ws: o.Workspace = None,
    window_days: o.WindowDays = None,
    force_reschedule: o.ForceReschedule = False,
    user: User = None,
    timezone: o.Timezone = None,
    engine: o.EngineChoice = None,
    apply_plan: ApplyPlan = None,
    allow_mass_delete: o.AllowMassRemoval = False,
    payload: o.PayloadFrom = None,
    options: JobOptions,
) -> None:
    """Find time for habits and tasks, with a reason for each."""
    from tuturuuu_jobs.commands.schedule_view import render

    def read() -> Given[SchedulePayload]:
        from tuturuuu_jobs.commands.schedule_payload import read_applied, read_schedule

        asked = {
            "--window-days": window_days,
            "--force-reschedule": force_reschedule,
            "--user": user,
            "--timezone": timezone,
            "--engine": engine,
            "--payload": payload,
            "--dry-run": options.dry_run,
        }
        if apply_plan is not None:
            return read_applied(
                apply_plan, given=asked, ws_id=ws, allow_mass_delete=allow_mass_delete
            )
        return read_schedule(
            payload,
            ws_id=ws,
            window_days=window_days,
            force=force_reschedule,
            user_id=user,
            timezone=timezone,
            engine=engine,
            allow_mass_delete=allow_mass_delete,
        )

    execute_job(
        "schedule",
        options,
        read,
        build=lambda settings, given: wiring.jobs.build_schedule_engine(settings, given.engine),
        render=lambda result, data: render(result, data, verbose=options.verbose),
    )
