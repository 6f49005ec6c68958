"""``runs replay`` and ``runs retry``: the same payload once more, with the code of today."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.moments import Since, resolve_moment
from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.commands.report import failure_lines, summary_lines
from tuturuuu_jobs.errors import FailedError, JobError, UsageError
from tuturuuu_jobs.runtime.outcome import ExitCode, Result, Status, outcome_of

if TYPE_CHECKING:
    from tuturuuu_jobs.runtime.again import PastRun
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.settings import Settings

P = TypeVar("P")

JOBS: Final = ("sync", "full-sync", "schedule")
_STOPPED: Final = (ExitCode.SIGINT, ExitCode.SIGTERM)
_COLUMNS: Final = ("finished_at", "job", "ws_id", "status", "code", "run_id")
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
        past = _load(run_id)
        result = _run_again(settings, past, deadline or _DEADLINE)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json(result.to_json())
    _tell(result)
    raise typer.Exit(result.exit_code)


def retry(
    *,
    status: Annotated[
        list[Status] | None,
        typer.Option(help="Keys whose newest run ended so; may be repeated. Default: failed."),
    ] = None,
    since: Since = None,
    job: ledger.JobName = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many runs.")] = 50,
    deadline: o.RunDeadline = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    as_json: ledger.AsJson = False,
) -> None:
    """Run once more what failed, one after another.

    Of each workspace and job only the newest run counts: what succeeded since is left alone.
    """
    if as_json:
        output.reserve_stdout()
    try:
        settings = wiring.process.load_settings()
        wiring.process.configure_log(settings)
        chosen = _find(status or [Status.FAILED], since, job, limit)
        if dry_run:
            _show(chosen, as_json=as_json)
            return
        results = _run_all(settings, chosen, deadline or _DEADLINE)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json({"results": [result.to_json() for result in results]})
    raise typer.Exit(combined_exit_code(results))


def combined_exit_code(results: list[Result]) -> int:
    """One code for several runs: theirs if they agree, else partial; 0 for none."""
    codes = [result.exit_code for result in results]
    if codes and codes[-1] in _STOPPED:
        return codes[-1]
    distinct = set(codes)
    if not distinct - {ExitCode.SUCCESS}:
        return ExitCode.SUCCESS
    if ExitCode.SUCCESS in distinct:
        return ExitCode.PARTIAL
    return codes[0] if len(distinct) == 1 else ExitCode.FAILED


def _load(run_id: Any) -> PastRun:
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


def _find(statuses: list[Status], since: Any, job: str | None, limit: int) -> list[PastRun]:
    from tuturuuu_jobs.runtime.again import find_retryable
    from tuturuuu_jobs.runtime.clock import SystemClock

    if job is not None and job not in JOBS:
        raise UsageError(
            f"--job: {job} cannot be retried", subject="--job", hint=f"one of {', '.join(JOBS)}"
        )
    with ledger.open_ledger() as connection:
        return find_retryable(
            connection,
            [status.value for status in statuses],
            limit=limit,
            since=resolve_moment(since, SystemClock().now()),
            jobs=[job] if job else JOBS,
        )


def _show(chosen: list[PastRun], *, as_json: bool) -> None:
    rows = [ledger.plain(past) for past in chosen]
    for row in rows:
        del row["payload"]
    if as_json:
        output.emit_json({"runs": rows})
    else:
        output.print_lines(output.table(rows, _COLUMNS) if rows else ["nothing to retry"])


def _run_all(settings: Settings, chosen: list[PastRun], deadline: timedelta) -> list[Result]:
    results: list[Result] = []
    for past in chosen:
        try:
            results.append(_run_again(settings, past, deadline))
        except FailedError as error:
            # A payload of another age is one run's misfortune, and no success.
            results.append(refused_result(past.job, outcome_of(error), ws_id=past.ws_id))
            output.say(output.error_line(error))
            continue
        _tell(results[-1])
        if results[-1].exit_code in _STOPPED:
            break
    return results


def _run_again(settings: Settings, past: PastRun, deadline: timedelta) -> Result:
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


def _tell(result: Result) -> None:
    lines = summary_lines(result) if result.success else failure_lines(result)
    for line in lines:
        output.say(line)
