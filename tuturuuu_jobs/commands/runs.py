"""``runs``: what the ledger remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from tuturuuu_jobs.commands import cancel, ledger, output, upkeep
from tuturuuu_jobs.errors import JobError, UsageError
from tuturuuu_jobs.runtime.outcome import Status

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(help="Look at the runs of the jobs, and after them.", no_args_is_help=True)
app.command("cancel")(cancel.cancel)
app.command("reap")(upkeep.reap)
app.command("prune")(upkeep.prune)

_LIST_COLUMNS = (
    "started_at",
    "job",
    "ws_id",
    "status",
    "code",
    "exit_code",
    "attempts",
    "duration_s",
    "run_id",
)
_ATTEMPT_COLUMNS = ("n", "started_at", "finished_at", "status", "code", "wait_s")
_WINDOW_COLUMNS = ("calendar_id", "last_success_at", "last_full_at", "edge")


@app.command("list")
def list_runs(
    *,
    as_json: ledger.AsJson = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    job: Annotated[str | None, typer.Option(metavar="JOB", help="Only this job.")] = None,
    ws: Annotated[UUID | None, typer.Option(metavar="ID", help="Only this workspace.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only runs with this status.")] = None,
) -> None:
    """List runs, newest first."""
    from tuturuuu_jobs.runtime import history

    try:
        with ledger.open_ledger() as connection:
            found = history.list_runs(
                connection, limit=limit, job=job, ws_id=ws, status=status and status.value
            )
    except JobError as error:
        output.fail(error)
    rows = [ledger.plain(run) for run in found]
    if as_json:
        output.emit_json({"runs": rows})
    else:
        output.print_lines(output.table(rows, _LIST_COLUMNS))


@app.command()
def show(
    run_id: ledger.RunId,
    *,
    as_json: ledger.AsJson = False,
) -> None:
    """Show one run: result, attempts, events, and how fresh its workspace's calendars are."""
    try:
        with ledger.open_ledger() as connection:
            document = _load(connection, run_id)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json(document)
    else:
        output.print_lines(_render(document))


def _load(connection: psycopg.Connection[Any], run_id: UUID) -> dict[str, Any]:
    from tuturuuu_jobs.runtime import history

    run = history.load_run(connection, run_id)
    if run is None:
        raise UsageError(
            f"the ledger has no run {run_id}",
            code="run_not_found",
            subject=str(run_id),
            hint="list them with: tuturuuu-jobs runs list",
        )
    windows = history.load_windows(connection, run.ws_id) if run.ws_id else []
    return ledger.plain(run) | {
        "attempt_list": [ledger.plain(row) for row in history.load_attempts(connection, run_id)],
        "events": [ledger.plain(row) for row in history.load_events(connection, run_id)],
        "calendars": [ledger.plain(row) for row in windows],
    }


def _render(document: dict[str, Any]) -> list[str]:
    single = {
        name: value
        for name, value in document.items()
        if value is not None and not isinstance(value, list | dict)
    }
    lines = [f"{name:<14} {output.printable(value)}" for name, value in single.items()]
    result: dict[str, Any] = document["result"] or {}
    for kind in ("errors", "warnings"):
        for problem in result.get(kind, []):
            text = output.printable(f"{problem['code']}: {problem['message']}")
            lines.append(f"{kind.removesuffix('s'):<14} {text}")
    for title, rows, columns in (
        ("attempts", document["attempt_list"], _ATTEMPT_COLUMNS),
        ("calendars", document["calendars"], _WINDOW_COLUMNS),
        ("events", document["events"], ("at", "type", "data")),
    ):
        if rows:
            lines += ["", title, *output.table(rows, columns)]
    return lines
