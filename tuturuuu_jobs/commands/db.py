"""``db``: the schema ``jobs`` and the rights it takes."""

from __future__ import annotations

from typing import Annotated

import typer

from tuturuuu_jobs.commands import output
from tuturuuu_jobs.errors import JobError

app = typer.Typer(help="The schema of the jobs: create it, look at it.", no_args_is_help=True)


@app.command()
def migrate(
    *,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the SQL for an administrator; change nothing.")
    ] = False,
) -> None:
    """Create or update schema jobs; safe to repeat and to run twice at once."""
    from tuturuuu_jobs.runtime import schema
    from tuturuuu_jobs.wiring.process import load_settings, open_connection

    if print_only:
        output.print_lines(schema.render_migrations().splitlines())
        return
    try:
        with open_connection(load_settings(), "tuturuuu-jobs/db") as connection:
            applied = schema.migrate(connection)
    except JobError as error:
        output.fail(error)
    output.print_lines([f"applied {name}" for name in applied] or ["nothing to apply"])


@app.command()
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say which migrations are missing; ends with 78 if any is."""
    from tuturuuu_jobs.runtime import schema
    from tuturuuu_jobs.runtime.outcome import ExitCode
    from tuturuuu_jobs.wiring.process import load_settings, open_connection

    try:
        with open_connection(load_settings(), "tuturuuu-jobs/db") as connection:
            missing = schema.pending(connection)
    except JobError as error:
        output.fail(error)
    known = [migration.name for migration in schema.load_migrations()]
    if as_json:
        applied = [name for name in known if name not in missing]
        output.emit_json({"applied": applied, "pending": missing})
    else:
        marks = {name: "pending" if name in missing else "applied" for name in known}
        output.print_lines([f"{mark}  {name}" for name, mark in marks.items()])
    raise typer.Exit(ExitCode.CONFIG if missing else ExitCode.SUCCESS)


@app.command()
def grants(
    *,
    role: Annotated[
        str, typer.Option(metavar="NAME", help="The database role that runs the jobs.")
    ] = "tuturuuu_jobs",
    producer: Annotated[
        bool, typer.Option("--producer", help="For a role that only calls jobs.enqueue.")
    ] = False,
) -> None:
    """Print the GRANT statements that an administrator runs for a role of the jobs."""
    from tuturuuu_jobs.runtime.grants import render_grants, render_producer_grants

    render = render_producer_grants if producer else render_grants
    output.print_lines(render(role).splitlines())
