"""One job command from options to exit: payload, settings, run, report.

Whatever ends it, the caller gets one result document of the same shape and its exit code.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.options import JobOptions
from tuturuuu_jobs.commands.previous import load_previous
from tuturuuu_jobs.commands.progress import watching
from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.commands.report import report
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, Result, Status, outcome_of

if TYPE_CHECKING:
    from tuturuuu_jobs.commands.payload import Given
    from tuturuuu_jobs.settings import Settings

_INTERRUPTED: Final = Outcome(
    Kind.INTERRUPTED, "interrupted", (Problem("interrupted", "interrupted before the work began"),)
)


def execute_sync(options: JobOptions, read: Callable[[], Given], *, full: bool) -> NoReturn:
    """Run a sync as the options say and end the process with its exit code."""
    if options.as_json:
        output.reserve_stdout()
    if options.result_file is not None:
        output.check_result_file(options.result_file)
    job = "full-sync" if full else "sync"
    given: Given | None = None
    previous: dict[str, Any] | None = None
    try:
        given = read()
        settings = wiring.load_settings()
        _configure_log(settings, options)
        result = _run(settings, given, options, full=full)
        if result.status is Status.PARTIAL and not options.dry_run:
            previous = load_previous(settings.state_dir, result)
    except JobError as error:
        result = _refused(job, outcome_of(error), options, given)
    except KeyboardInterrupt:
        # Only before the run has its own handlers: from then on it answers with a result.
        result = _refused(job, _INTERRUPTED, options, given)
    report(result, options, at_terminal=sys.stderr.isatty(), previous=previous)
    raise typer.Exit(result.exit_code)


def _refused(job: str, outcome: Outcome, options: JobOptions, given: Given | None) -> Result:
    return refused_result(
        job, outcome, options.run_id, given.payload.ws_id if given is not None else None
    )


def _run(settings: Settings, given: Given, options: JobOptions, *, full: bool) -> Result:
    from tuturuuu_jobs.runtime.run import preview_job, run_job
    from tuturuuu_jobs.runtime.slots import resolve_slot

    job = wiring.build_sync_job(settings, full=full)
    runtime = wiring.build_runtime(settings)
    run = preview_job if options.dry_run else run_job
    watched = sys.stderr.isatty()
    slot = resolve_slot(options.slot, now=runtime.clock.now(), timer_usec=wiring.timer_usec())
    request = options.request("hand" if sys.stdin.isatty() or watched else "timer", slot)
    with watching(enabled=watched and not options.quiet) as progress:
        result = run(job, given.payload, request, runtime, progress=progress)
    return dataclasses.replace(result, warnings=(*given.warnings, *result.warnings))


def _configure_log(settings: Settings, options: JobOptions) -> None:
    from tuturuuu_jobs.runtime import logs

    level = {0: settings.log_level, 1: "info"}.get(options.verbose, "debug")
    logs.configure(level, json_lines=settings.log_format == "json", stream=sys.stderr)
