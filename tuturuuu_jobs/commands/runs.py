"""``runs``: what the ledger remembers, and what can be done about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from tuturuuu_jobs.commands import again, cancel, failures, ledger, output, retry, tail, upkeep
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.moments import Since, Until, render_age, resolve_moment
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Status

if TYPE_CHECKING:
    import psycopg

app = typer.Typer(help="Look at the runs of the jobs, and after them.", no_args_is_help=True)

_LIST_COLUMNS: Final = (
    "started_at",
    "age",
    "job",
    "ws_id",
    "status",
    "code",
    "exit_code",
    "attempts",
    "duration_s",
    "counts",
    "run_id",
)
_ATTEMPT_COLUMNS: Final = ("n", "started_at", "finished_at", "status", "code", "wait_s")
_WINDOW_COLUMNS: Final = ("calendar_id", "last_success_at", "last_full_at", "edge")


@app.command("list")
def list_runs(
    *,
    as_json: ledger.AsJson = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first.")] = 20,
    job: ledger.JobName = None,
    ws: o.Workspace = None,
    status: Annotated[Status | None, typer.Option(help="Only runs with this status.")] = None,
    since: Since = None,
    until: Until = None,
    tag: o.Tags = None,
    exhausted: Annotated[
        bool, typer.Option("--exhausted", help="Only keys whose newest run failed for good.")
    ] = False,
) -> None:
    """List runs, newest first; those that wait for a worker have the status queued."""
    from tuturuuu_jobs.runtime import history
    from tuturuuu_jobs.runtime.clock import SystemClock

    now = SystemClock().now()
    try:
        with ledger.open_ledger() as connection:
            found = history.list_runs(
                connection,
                limit=limit,
                job=job,
                ws_id=ws,
                status=status and status.value,
                since=resolve_moment(since, now),
                until=resolve_moment(until, now),
                tags={wanted.key: wanted.value for wanted in tag or ()},
                exhausted=exhausted,
            )
    except JobError as error:
        output.fail(error)
    rows = [ledger.plain(run) for run in found]
    if as_json:
        output.emit_json({"runs": rows})
    else:
        output.print_lines(output.table([row | _readable(row) for row in rows], _LIST_COLUMNS))


@app.command()
def show(run_id: ledger.RunId, *, as_json: ledger.AsJson = False) -> None:
    """Show one run: result, attempts, events, children, and its workspace's calendars.

    Of one that came from the queue also how what was asked for stands.
    """
    try:
        with ledger.open_ledger() as connection:
            document = _load(connection, run_id)
    except JobError as error:
        output.fail(error)
    if as_json:
        output.emit_json(document)
    else:
        output.print_lines(_render(document))


app.command("tail")(tail.tail)
app.command("failures")(failures.failures)
app.command("retry")(retry.retry)
app.command("replay")(again.replay)
app.command("cancel")(cancel.cancel)
app.command("reap")(upkeep.reap)
app.command("prune")(upkeep.prune)


def _readable(row: dict[str, Any]) -> dict[str, str]:
    """Age and counts for a person; what was counted as nothing is left out."""
    counts = (f"{name} {count}" for name, count in row["counters"].items() if count)
    return {"age": render_age(row["age_s"]), "counts": ", ".join(counts)}


def _load(connection: psycopg.Connection[Any], run_id: UUID) -> dict[str, Any]:
    from tuturuuu_jobs.fleet.operating import find_request
    from tuturuuu_jobs.runtime import history

    run = history.load_run(connection, run_id)
    if run is None:
        raise ledger.unknown_run(run_id)
    windows = history.load_windows(connection, run.ws_id) if run.ws_id else []
    asked = find_request(connection, run_id)
    descendants = [ledger.plain(row) for row in history.load_descendants(connection, run_id)]
    return ledger.plain(run) | {
        "request": ledger.plain(asked) if asked else None,
        "attempt_list": [ledger.plain(row) for row in history.load_attempts(connection, run_id)],
        "events": [ledger.plain(row) for row in history.load_events(connection, run_id)],
        "children": _children_of(str(run_id), descendants),
        "calendars": [ledger.plain(row) for row in windows],
    }


def _children_of(parent: str, descendants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tree below a run; its leaves have an empty list of children."""
    return [
        row | {"children": _children_of(row["run_id"], descendants)}
        for row in descendants
        if row["parent_run_id"] == parent
    ]


def _render(document: dict[str, Any]) -> list[str]:
    lines = _single_lines(document)
    lines += [
        f"{name:<19} {output.printable(text)}"
        for name in ("tags", "payload")
        if (text := " ".join(_field(key, value) for key, value in document[name].items() if value))
    ]
    lines += _problem_lines(document)
    if request := document["request"]:
        lines += ["", "asked for", *(_single_lines(request))]
    for title, rows, columns in (
        ("attempts", document["attempt_list"], _ATTEMPT_COLUMNS),
        ("calendars", document["calendars"], _WINDOW_COLUMNS),
        ("events", [_with_plain_data(row) for row in document["events"]], ("at", "type", "data")),
    ):
        if rows:
            lines += ["", title, *output.table(rows, columns)]
    if document["children"]:
        lines += ["", "children", *_tree_lines(document["children"])]
    return lines


def _single_lines(document: dict[str, Any]) -> list[str]:
    return [
        f"{name:<19} {output.printable(value)}"
        for name, value in document.items()
        if value is not None and not isinstance(value, list | dict)
    ]


def _field(name: str, value: Any) -> str:
    return f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"


def _with_plain_data(event: dict[str, Any]) -> dict[str, Any]:
    return event | {"data": " ".join(_field(*item) for item in event["data"].items())}


def _problem_lines(document: dict[str, Any]) -> list[str]:
    result: dict[str, Any] = document["result"] or {}
    lines: list[str] = []
    for kind in ("errors", "warnings"):
        for problem in result.get(kind, []):
            text = output.printable(f"{problem['code']}: {problem['message']}")
            lines.append(f"{kind.removesuffix('s'):<19} {text}")
            if problem.get("hint"):
                lines.append(f"{'what to do':<19} {output.printable(problem['hint'])}")
    return lines


def _tree_lines(children: list[dict[str, Any]], indent: str = "") -> list[str]:
    lines: list[str] = []
    for child in children:
        words = [child["status"], child["job"], child["ws_id"], child["run_id"], child["message"]]
        lines.append(output.printable(indent + "  ".join(word for word in words if word)))
        lines += _tree_lines(child["children"], indent + "  ")
    return lines
