"""``runs replay``: the same payload once more, here and now, with the code of today."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.report import failure_lines, summary_lines
from tuturuuu_jobs.errors import FailedError, JobError, UsageError
from tuturuuu_jobs.runtime.outcome import Result

if TYPE_CHECKING:
    from tuturuuu_jobs.runtime.again import PastRun
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.settings import Settings

P = TypeVar("P")

JOBS: Final = ("sync", "full-sync", "schedule")
_DEADLINE: Final = timedelta(hours=1)


def replay(
    run_id: ledger.RunId, *, deadline: o.RunDeadline = None, as_json: ledger.AsJson = False
) -> None:
    """Run once more what a run did, with the same payload; a new run that names the old one."""
    if as_json:
        output.reserve_stdout()
    try:
        settings = wiring.process.load_settings()
        wiring.process.configure_log(settings)
        past = load_past(run_id)
        if past.only_asked:
            raise UsageError(
                f"run {run_id} never began",
                code="not_replayable",
                subject=str(run_id),
                hint=f"put it back: tuturuuu-jobs runs retry {run_id}",
            )
        result = run_again(settings, past, deadline or _DEADLINE)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json(result.to_json())
    tell(result)
    raise typer.Exit(result.exit_code)


def load_past(run_id: UUID) -> PastRun:
    """A run that can be repeated; raises JobError."""
    from tuturuuu_jobs.runtime.again import load_past_run

    with ledger.open_ledger() as connection:
        past = load_past_run(connection, run_id)
    if past is None:
        raise ledger.unknown_run(run_id)
    if past.job not in JOBS:
        raise UsageError(
            f"runs of {past.job} cannot be replayed",
            code="not_replayable",
            subject=str(run_id),
            hint=f"start it anew, or replay its children: tuturuuu-jobs runs show {run_id}",
        )
    return past


def run_again(settings: Settings, past: PastRun, deadline: timedelta) -> Result:
    """Run its payload once more in this process; raises FailedError if it does not fit any more."""
    from tuturuuu_jobs.runtime.job import RunRequest
    from tuturuuu_jobs.runtime.run import run_job

    job, payload = _job_and_payload(settings, past)
    runtime = wiring.process.build_runtime(settings)
    if past.code_version != runtime.code_version:
        output.say(
            f"tuturuuu-jobs: run {past.run_id} was made by version {past.code_version or 'unknown'}"
            f", this is {runtime.code_version}"
        )
    request = RunRequest(
        deadline_s=deadline.total_seconds(),
        trigger="replay",
        replay_of=past.run_id,
        tags=past.tags,
    )
    return run_job(job, payload, request, runtime)


def _job_and_payload(settings: Settings, past: PastRun) -> tuple[Job[Any, Any], Any]:
    if past.job == "schedule":
        from tuturuuu_jobs.scheduling.work import SchedulePayload

        schedule = _payload(past, SchedulePayload)
        return wiring.jobs.build_schedule_engine(settings, schedule.engine), schedule
    from tuturuuu_jobs.sync.model import SyncPayload

    sync = _payload(past, SyncPayload)
    return wiring.jobs.build_sync_job(settings, full=past.job == "full-sync"), sync


def _payload(past: PastRun, kind: type[P]) -> P:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_python(past.payload)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise FailedError(
            f"the payload of run {past.run_id} does not fit this version: {field or 'payload'}",
            code="payload_outdated",
            subject=str(past.run_id),
            hint="start the job anew with its own command",
        ) from None


def tell(result: Result) -> None:
    """How it ended, for a person."""
    lines = summary_lines(result) if result.success else failure_lines(result)
    for line in lines:
        output.say(line)
