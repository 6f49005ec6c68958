"""``sync``: what changed at Google since the last run."""

from __future__ import annotations

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.execute import execute_job
from tuturuuu_jobs.commands.job_options import JobOptions, spread


@spread
def sync(
    *,
    ws: o.Workspace = None,
    calendar: o.Calendars = None,
    payload: o.PayloadFrom = None,
    options: JobOptions,
) -> None:
    """Bring what changed at Google into the table."""
    from tuturuuu_jobs.commands.sync_payload import read_sync

    execute_job(
        "sync",
        options,
        read=lambda: read_sync(payload, ws_id=ws, calendars=calendar),
        build=lambda settings, _: wiring.jobs.build_sync_job(settings, full=False),
    )
