"""``verify``: the table beside a fresh listing of Google's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.execute import execute_job
from tuturuuu_jobs.commands.job_options import JobOptions, spread

if TYPE_CHECKING:
    from tuturuuu_jobs.runtime.outcome import Result

_MAX_PARTS: Final = 366


def parse_subset(text: str) -> int:
    """``1/30``: one of so many parts."""
    found = re.fullmatch(r"1/([1-9][0-9]{0,2})", text)
    if found is None or int(found[1]) > _MAX_PARTS:
        raise typer.BadParameter(f"should be like 1/30, at most 1/{_MAX_PARTS}")
    return int(found[1])


Subset = Annotated[
    int | None,
    typer.Option(
        "--subset",
        metavar="1/N",
        parser=parse_subset,
        help="Compare one of N parts of the window, another one each day.",
    ),
]
Repair = Annotated[bool, typer.Option("--repair", help="Run a full sync if anything differs.")]


@spread
def verify(
    *,
    ws: o.Workspace = None,
    calendar: o.Calendars = None,
    past: o.Past = None,
    future: o.Future = None,
    subset: Subset = None,
    repair: Repair = False,
    payload: o.PayloadFrom = None,
    options: JobOptions,
) -> None:
    """Compare the table with a fresh listing; name every row that differs."""
    from tuturuuu_jobs.commands.sync_payload import read_verify

    execute_job(
        "verify",
        options,
        read=lambda: read_verify(
            payload,
            ws_id=ws,
            calendars=calendar,
            past=past,
            future=future,
            parts=subset,
            repair=repair,
        ),
        build=lambda settings, _: wiring.jobs.build_verify_job(settings),
        render=lambda result, _: drift_lines(result),
        told=drift_lines,
    )


def drift_lines(result: Result) -> list[str]:
    """Every differing row that the result names."""
    from tuturuuu_jobs.sync.drift import lines_of

    return [output.printable(line) for line in lines_of(result.data)] if result.data else []
