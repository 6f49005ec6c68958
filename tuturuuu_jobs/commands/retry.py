"""``runs retry``: what ended badly, once more; what came from the queue goes back there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import again, ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.moments import Since, resolve_moment
from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.errors import FailedError, JobError, UsageError
from tuturuuu_jobs.runtime.outcome import ExitCode, Result, Status, outcome_of

if TYPE_CHECKING:
    from tuturuuu_jobs.runtime.again import PastRun
    from tuturuuu_jobs.settings import Settings

_STOPPED: Final = (ExitCode.SIGINT, ExitCode.SIGTERM)
_COLUMNS: Final = ("finished_at", "job", "ws_id", "status", "code", "goes", "run_id")
_QUEUED_COLUMNS: Final = ("job", "ws_id", "run_id", "replay_of")
_DEADLINE: Final = timedelta(hours=1)
_EXHAUSTED: Final = (
    *(Status.FAILED, Status.REJECTED, Status.UNAVAILABLE, Status.TIMED_OUT),
    *(Status.INTERRUPTED, Status.CRASHED, Status.LOST),
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Choice:
    """Which runs are meant: some by name, or the newest of each key that ended like this."""

    named: Sequence[UUID]
    statuses: Sequence[Status]
    since: Any
    job: str | None
    limit: int


def retry(
    run_id: Annotated[
        list[UUID] | None,
        typer.Argument(metavar="[ID]...", parser=o.parse_id, help="These; else by the options."),
    ] = None,
    *,
    status: Annotated[
        list[Status] | None,
        typer.Option(help="Keys whose newest run ended so; may be repeated. Default: failed."),
    ] = None,
    exhausted: Annotated[
        bool, typer.Option("--exhausted", help="Whatever runs list --exhausted shows.")
    ] = False,
    since: Since = None,
    job: ledger.JobName = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many runs.")] = 50,
    deadline: o.RunDeadline = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    as_json: ledger.AsJson = False,
) -> None:
    """Run once more what failed, one after another; what came from the queue goes back there.

    Of each workspace and job only the newest run counts: what succeeded since is left alone, and so
    is what waits for a worker already.
    """
    if as_json:
        output.reserve_stdout()
    try:
        if run_id and (status or exhausted or since or job):
            raise UsageError("runs are named, or chosen by options: not both", subject="ID")
        statuses = _EXHAUSTED if exhausted else status or [Status.FAILED]
        settings = wiring.process.load_settings()
        wiring.process.configure_log(settings)
        chosen = _find(_Choice(run_id or (), statuses, since, job, limit))
        if dry_run:
            _show(chosen, as_json=as_json)
            return
        queued = _put_back([past for past in chosen if past.request_id])
        here = [past for past in chosen if not past.request_id]
        results = _run_all(settings, here, deadline or _DEADLINE)
    except JobError as error:
        output.fail(error)
    if not run_id and len(chosen) == limit:
        output.say(f"tuturuuu-jobs: {limit} runs were taken; there may be more: raise --limit")
    if as_json:
        documents = [result.to_json() for result in results]
        output.emit_json({"results": documents, "queued": queued})
    elif queued:
        output.print_lines(output.table(queued, _QUEUED_COLUMNS))
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


def _find(choice: _Choice) -> list[PastRun]:
    from tuturuuu_jobs.runtime.again import find_retryable
    from tuturuuu_jobs.runtime.clock import SystemClock

    if choice.named:
        return [_finished(again.load_past(one)) for one in dict.fromkeys(choice.named)]
    if choice.job is not None and choice.job not in again.JOBS:
        hint = f"one of {', '.join(again.JOBS)}"
        raise UsageError(f"--job: {choice.job} cannot be retried", subject="--job", hint=hint)
    with ledger.open_ledger() as connection:
        return find_retryable(
            connection,
            [status.value for status in choice.statuses],
            limit=choice.limit,
            since=resolve_moment(choice.since, SystemClock().now()),
            jobs=[choice.job] if choice.job else again.JOBS,
        )


def _finished(past: PastRun) -> PastRun:
    if past.finished_at is None:
        raise FailedError(
            f"run {past.run_id} is not over: it is {past.status}",
            code="run_not_over",
            subject=str(past.run_id),
        )
    return past


def _show(chosen: list[PastRun], *, as_json: bool) -> None:
    rows = [ledger.plain(past) for past in chosen]
    for row in rows:
        del row["payload"]
        row["goes"] = "to the queue" if row["request_id"] else "here"
    if as_json:
        output.emit_json({"runs": rows})
    else:
        output.print_lines(output.table(rows, _COLUMNS) if rows else ["nothing to retry"])


def _put_back(chosen: list[PastRun]) -> list[dict[str, Any]]:
    """All of them or none; gives what waits now."""
    from tuturuuu_jobs.fleet.operating import ask_again
    from tuturuuu_jobs.runtime.database import translated_errors

    if not chosen:
        return []
    rows: list[dict[str, Any]] = []
    with ledger.open_ledger() as connection, translated_errors(), connection.transaction():
        for past in chosen:
            if past.request_id and (waits := ask_again(connection, past.request_id, past.run_id)):
                about = {"job": past.job, "ws_id": str(past.ws_id), "run_id": str(waits)}
                rows.append(about | {"replay_of": str(past.run_id)})
    return rows


def _run_all(settings: Settings, chosen: list[PastRun], deadline: timedelta) -> list[Result]:
    results: list[Result] = []
    for past in chosen:
        try:
            results.append(again.run_again(settings, past, deadline))
        except FailedError as error:
            # A payload of another age is one run's misfortune, and no success.
            results.append(refused_result(past.job, outcome_of(error), ws_id=past.ws_id))
            output.say(output.error_line(error))
            continue
        again.tell(results[-1])
        if results[-1].exit_code in _STOPPED:
            break
    return results
