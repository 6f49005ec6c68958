"""``enqueue``: ask for runs that a worker does later, here or on another machine."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import ledger, output
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.again import JOBS
from tuturuuu_jobs.errors import JobError, UsageError

if TYPE_CHECKING:
    from tuturuuu_jobs.commands.payload import JobFields

_COLUMNS: Final = ("ws_id", "run_id")


def enqueue(
    job: Annotated[str, typer.Argument(metavar="JOB", help="sync, full-sync or schedule.")],
    *,
    ws: Annotated[
        list[UUID] | None,
        typer.Option("--ws", metavar="ID", parser=o.parse_id, help="A workspace; repeatable."),
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Every workspace that has work for the job.")
    ] = False,
    payload: Annotated[
        str | None,
        typer.Option(
            "--payload",
            metavar="-",
            help="Read the job's other fields as JSON from standard input.",
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="Of one key only one run is made for a workspace, unless it fails."
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not before this instant (RFC 3339).")
    ] = None,
    after: Annotated[
        timedelta | None,
        typer.Option("--in", metavar="D", parser=o.positive_duration, help="Not before so long."),
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(
            metavar="D",
            parser=o.positive_duration,
            help="Not at all if it waited longer than this.",
        ),
    ] = None,
    priority: Annotated[
        int, typer.Option(metavar="N", min=-1000, max=1000, help="The greater goes first.")
    ] = 0,
    tag: o.Tags = None,
    as_json: ledger.AsJson = False,
) -> None:
    """Ask for a run of a job in one, several or all workspaces; a worker does it.

    All of them are asked for, or none. Work that waits already is not put there twice.
    """
    if as_json:
        output.reserve_stdout()
    try:
        _check_job(job)
        named, fields = _document(job, payload)
        wish = {
            "run_at": _moment(at, after),
            "expires": expires,
            "priority": priority,
            "tags": {one.key: one.value for one in tag or ()},
        }
        workspaces = _workspaces(ws, named, everybody=everybody)
        asked = _ask(job, workspaces, fields, idempotency_key, wish)
    except JobError as error:
        output.fail(error)
    rows = [{"ws_id": str(ws_id), "run_id": str(run_id)} for ws_id, run_id in asked]
    if as_json:
        output.emit_json({"job": job, "runs": rows})
    else:
        output.print_lines(output.table(rows, _COLUMNS) if rows else ["no workspace has work"])


def _check_job(job: str) -> None:
    if job not in JOBS:
        raise UsageError(
            f"there is no job {job} to enqueue", subject="JOB", hint=f"one of {', '.join(JOBS)}"
        )


def _document(job: str, source: str | None) -> tuple[UUID | None, dict[str, Any]]:
    from tuturuuu_jobs.commands.payload import read_document
    from tuturuuu_jobs.commands.schedule_payload import ScheduleFields
    from tuturuuu_jobs.commands.sync_payload import FullSyncFields, SyncFields

    models: dict[str, type[JobFields]] = {
        "sync": SyncFields,
        "full-sync": FullSyncFields,
        "schedule": ScheduleFields,
    }
    return read_document(source, models[job])


def _moment(at: str | None, after: timedelta | None) -> datetime | None:
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.slots import parse_instant

    if at is not None and after is not None:
        raise UsageError("--at and --in name two moments", subject="--in", hint="leave one out")
    if after is not None:
        return SystemClock().now() + after
    return None if at is None else parse_instant(at, "--at")


def _workspaces(
    options: list[UUID] | None, named: UUID | None, *, everybody: bool
) -> list[UUID] | None:
    """Those that are named, each once; None for all that have work."""
    found = list(dict.fromkeys([*(options or ()), *([named] if named else ())]))
    if everybody and found:
        raise UsageError("--all and a named workspace exclude each other", subject="--all")
    if not everybody and not found:
        raise UsageError(
            "no workspace is named", subject="ws_id", hint="pass --ws ID, or --all for every one"
        )
    return None if everybody else found


def _ask(
    job: str,
    workspaces: list[UUID] | None,
    fields: dict[str, Any],
    idempotency_key: str | None,
    wish: dict[str, Any],
) -> list[tuple[UUID, UUID]]:
    from tuturuuu_jobs.fleet.requests import Wish, enqueue_many
    from tuturuuu_jobs.runtime.database import translated_errors

    with ledger.open_ledger() as connection, translated_errors(), connection.transaction():
        chosen = (
            wiring.children.find_workspaces(connection, job) if workspaces is None else workspaces
        )
        asked = enqueue_many(connection, Wish(job, fields, idempotency_key, **wish), chosen)
    return list(zip(chosen, asked, strict=True))
