"""``full-sync``: the whole window of a workspace's calendars, with a sweep of what is gone."""

from __future__ import annotations

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.execute import execute_job
from tuturuuu_jobs.runtime.job import OnBusy
from tuturuuu_jobs.runtime.slots import SlotChoice


def full_sync(
    *,
    ws: o.Workspace = None,
    calendar: o.Calendars = None,
    past: o.Past = None,
    future: o.Future = None,
    allow_mass_delete: o.AllowMassDelete = False,
    payload: o.PayloadFrom = None,
    dry_run: o.DryRun = False,
    as_json: o.AsJson = False,
    result_file: o.ResultFile = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    deadline: o.RunDeadline = None,
    attempts: o.Attempts = 3,
    on_busy: o.Busy = OnBusy.SKIP,
    wait: o.Wait = None,
    run_id: o.RunId = None,
    parent_run_id: o.ParentRunId = None,
    tag: o.Tags = None,
    slot: o.Slot = None,
    every: o.Every = None,
    expires: o.Expires = None,
    force: o.Force = False,
) -> None:
    """List the whole window; sweep what is gone."""
    from tuturuuu_jobs.commands.sync_payload import read_full_sync

    options = o.JobOptions(
        dry_run=dry_run,
        as_json=as_json,
        result_file=result_file,
        quiet=quiet,
        verbose=verbose,
        deadline=deadline,
        attempts=attempts,
        on_busy=on_busy,
        wait=wait,
        run_id=run_id,
        parent_run_id=parent_run_id,
        tags=tag,
        slot=SlotChoice(slot, every, expires, force),
    )
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
        build=lambda settings, _: wiring.build_sync_job(settings, full=True),
    )
