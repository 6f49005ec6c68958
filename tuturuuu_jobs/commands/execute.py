"""One job command from options to exit: payload, settings, run, report.

Whatever ends it, the caller gets one result document of the same shape and its exit code.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar
from uuid import UUID

import typer

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.job_options import RunOptions
from tuturuuu_jobs.commands.previous import load_previous
from tuturuuu_jobs.commands.progress import watching
from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.commands.report import plan_lines, report
from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, Result, Status, outcome_of

if TYPE_CHECKING:
    from tuturuuu_jobs.commands.payload import Given, P
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.settings import Settings

D = TypeVar("D")
G = TypeVar("G")

_INTERRUPTED: Final = Outcome(
    Kind.INTERRUPTED, "interrupted", (Problem("interrupted", "interrupted before the work began"),)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Work(Generic[G]):
    """What is particular about one job's command.

    Attributes:
        job: The job's name, for a result without a run.
        read: Gives what the caller asked for; raises UsageError.
        run: Does it.
        workspace: Whose work it is, if one workspace's.
        preview: The lines that show a dry run.
        told: The lines that a real run has to say on standard output.
    """

    job: str
    read: Callable[[], G]
    run: Callable[[Settings, G], Result]
    workspace: Callable[[G], UUID | None]
    preview: Callable[[Result], list[str]]
    told: Callable[[Result], list[str]] | None = None


@dataclasses.dataclass
class Rehearsal(Generic[D]):
    """What the preview of a job found, to be shown beside its result.

    Attributes:
        render: The lines that show it; None if there are no data.
        found: Filled once the preview is through.
    """

    render: Callable[[Result, D | None], list[str]]
    found: D | None = None

    def look(self, found: D) -> None:
        """Keep what the preview found."""
        self.found = found

    def lines(self, result: Result) -> list[str]:
        """The lines that show the dry run."""
        return self.render(result, self.found)


def execute_job(
    name: str,
    options: RunOptions,
    read: Callable[[], Given[P]],
    build: Callable[[Settings, P], Job[P, D]],
    *,
    render: Callable[[Result, D | None], list[str]] = plan_lines,
    told: Callable[[Result], list[str]] | None = None,
) -> NoReturn:
    """Run one workspace's job as the options say and end the process with its exit code.

    Args:
        name: The job's, for a result without a run.
        options: What every job is told.
        read: Gives what the caller asked for; raises UsageError.
        build: Makes the job that does it.
        render: The lines that show a dry run.
        told: The lines that a real run has to say on standard output.
    """
    rehearsal: Rehearsal[D] = Rehearsal(render)
    work = Work(
        name,
        read,
        run=lambda settings, given: _run(settings, given, options, build, rehearsal),
        workspace=lambda given: given.payload.ws_id,
        preview=rehearsal.lines,
        told=told,
    )
    execute(work, options)


def execute(work: Work[G], options: RunOptions) -> NoReturn:
    """Run a job as the options say and end the process with its exit code."""
    if options.as_json:
        output.reserve_stdout()
    if options.result_file is not None:
        output.check_result_file(options.result_file)
    ws_id: UUID | None = None
    previous: dict[str, Any] | None = None
    try:
        given = work.read()
        ws_id = work.workspace(given)
        settings = wiring.process.load_settings()
        _configure_log(settings, options)
        result = work.run(settings, given)
        if result.status is Status.PARTIAL and not options.dry_run:
            previous = load_previous(settings.state_dir, result)
    except JobError as error:
        result = refused_result(work.job, outcome_of(error), options.run_id, ws_id)
    except KeyboardInterrupt:
        # Only before the run has its own handlers: from then on it answers with a result.
        result = refused_result(work.job, _INTERRUPTED, options.run_id, ws_id)
    at_terminal = sys.stderr.isatty()
    report(result, options, at_terminal=at_terminal, previous=previous, preview=work.preview)
    if work.told is not None and not (options.as_json or options.dry_run or options.quiet):
        output.print_lines(work.told(result))
    raise typer.Exit(result.exit_code)


def trigger_of_caller() -> str:
    """``hand`` if a person sits at the terminal, else ``timer``."""
    return "hand" if sys.stdin.isatty() or sys.stderr.isatty() else "timer"


def _run(
    settings: Settings,
    given: Given[P],
    options: RunOptions,
    build: Callable[[Settings, P], Job[P, D]],
    rehearsal: Rehearsal[D],
) -> Result:
    from tuturuuu_jobs.runtime.run import preview_job, run_job
    from tuturuuu_jobs.runtime.slots import resolve_slot

    job = build(settings, given.payload)
    runtime = wiring.process.build_runtime(settings)
    slot = resolve_slot(
        options.slot_choice, now=runtime.clock.now(), timer_usec=wiring.process.timer_usec()
    )
    request = options.request(trigger_of_caller(), slot)
    watched = sys.stderr.isatty() and not options.quiet
    with watching(enabled=watched) as progress:
        if options.dry_run:
            result = preview_job(
                job, given.payload, request, runtime, progress=progress, look=rehearsal.look
            )
        else:
            result = run_job(job, given.payload, request, runtime, progress=progress)
    return dataclasses.replace(result, warnings=(*given.warnings, *result.warnings))


def _configure_log(settings: Settings, options: RunOptions) -> None:
    wiring.process.configure_log(
        settings, {0: settings.log_level, 1: "info"}.get(options.verbose, "debug")
    )
