"""``full-sync``: the whole window of a workspace's calendars, with a sweep of what is gone."""

from __future__ import annotations

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.execute import execute_job
from tuturuuu_jobs.commands.job_options import JobOptions, spread


@spread
def full_sync(
    *,
    ws: o.Workspace = None,
    calendar: o.Calendars = None,
    past: o.Past = None,
    future: o.Future = None,
    allow_mass_delete: o.AllowMassDelete = False,
    payload: o.PayloadFrom = None,
    options: JobOptions,
) -> None:
    """List the whole window; sweep what is gone."""
    from tuturuuu_jobs.commands.sync_payload import read_full_sync

    execute_job(
        "full-sync",
        options,
        read=lambda: read_full_sync(
            payload,
            ws_id=ws,
            calendars=calendar,
            past=past,
            future=future,
            allow_mass_delete=allow_mass_delete,
        ),
        build=lambda settings, _: wiring.jobs.build_sync_job(settings, full=True),
    )
