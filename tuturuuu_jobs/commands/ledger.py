"""What the commands about runs share: the ledger's connection, and rows as plain JSON."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tuturuuu_jobs.commands.options import parse_id
from tuturuuu_jobs.errors import JobError, UsageError

if TYPE_CHECKING:
    import psycopg

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]
_JOBS: Final = (
    *("sync", "full-sync", "verify", "schedule"),
    *("orchestrate-sync", "orchestrate-full-sync", "orchestrate-schedule"),
)


def _job_name(text: str) -> str:
    if text not in _JOBS:
        raise typer.BadParameter(f"there is no job {text}; one of {', '.join(_JOBS)}")
    return text


JobName = Annotated[
    str | None, typer.Option("--job", metavar="JOB", parser=_job_name, help="Only this job.")
]
RunId = Annotated[UUID, typer.Argument(metavar="ID", parser=parse_id, help="The run's id.")]


def open_ledger() -> psycopg.Connection[Any]:
    """A connection to a database that has the schema; the caller closes it. Raises JobError."""
    from tuturuuu_jobs.runtime.schema import require_schema
    from tuturuuu_jobs.wiring.process import load_settings, open_connection

    connection = open_connection(load_settings(), "tuturuuu-jobs/runs")
    try:
        require_schema(connection)
    except JobError:
        connection.close()
        raise
    return connection


def unknown_run(run_id: UUID) -> UsageError:
    """What to say about an id that the ledger does not know."""
    return UsageError(
        f"the ledger has no run {run_id}",
        code="run_not_found",
        subject=str(run_id),
        hint="list them with: tuturuuu-jobs runs list",
    )


def plain(row: Any) -> dict[str, Any]:
    """A row with JSON types only; moments to the second, in UTC."""
    return {name: _plain_value(value) for name, value in dataclasses.asdict(row).items()}


def _plain_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat(timespec="seconds").replace("+00:00", "Z")
        case UUID():
            return str(value)
        case float():
            return round(value, 3)
        case bytes():
            return value.hex()
        case _:
            return value
