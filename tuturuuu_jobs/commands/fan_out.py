"""A fan-out from options to exit, and how it is watched while children are at work."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import UUID

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.durations import render_duration
from tuturuuu_jobs.commands.execute import Work, execute, trigger_of_caller
from tuturuuu_jobs.commands.options import JobOptions
from tuturuuu_jobs.runtime.job import OnBusy

if TYPE_CHECKING:
    from tuturuuu_jobs.orchestration.model import ChildOptions, FanOutPayload
    from tuturuuu_jobs.runtime.outcome import Result
    from tuturuuu_jobs.settings import Settings

_PREVIEW_COLUMNS: Final = ("position", "ws_id", "reason")


@dataclasses.dataclass(frozen=True, slots=True)
class ChildChoice:
    """What the command line says about each child's run."""

    deadline: timedelta
    attempts: int
    on_busy: OnBusy
    wait: timedelta


@dataclasses.dataclass(frozen=True, slots=True)
class FanOutChoice:
    """What the command line says about a fan-out.

    Attributes:
        fields: Further fields of each child's payload.
    """

    launcher: str
    workspaces: list[UUID] | None
    limit: int | None
    child: ChildChoice
    fields: dict[str, Any] = dataclasses.field(default_factory=dict[str, Any])


def execute_fan_out(
    name: str,
    options: JobOptions,
    choice: FanOutChoice,
    describe: Callable[[Settings], wiring.FannedOut],
) -> NoReturn:
    """Run a fan-out as the options say and end the process with its exit code.

    Args:
        name: The children's job.
        options: What every job is told.
        choice: What the command line says about this fan-out.
        describe: What is particular about such children.
    """
    work = Work(
        f"orchestrate-{name}",
        read=lambda: _payload(choice),
        run=lambda settings, payload: _run(settings, payload, options, choice, describe),
        workspace=lambda _: None,
        preview=preview_lines,
    )
    execute(work, options)


def preview_lines(result: Result) -> list[str]:
    """The children of a dry run, one line each in their order."""
    rows: list[dict[str, Any]] = result.data.get("results", [])
    if not rows:
        return [warning.message for warning in result.warnings if warning.code == "no_workspaces"]
    return output.table(rows, _PREVIEW_COLUMNS)


def _payload(choice: FanOutChoice) -> FanOutPayload:
    from tuturuuu_jobs.orchestration.model import FanOutPayload

    workspaces = tuple(dict.fromkeys(choice.workspaces or ()))
    return FanOutPayload(workspaces, choice.limit, choice.fields)


def _run(
    settings: Settings,
    payload: FanOutPayload,
    options: JobOptions,
    choice: FanOutChoice,
    describe: Callable[[Settings], wiring.FannedOut],
) -> Result:
    from tuturuuu_jobs.commands.audience import watching_children
    from tuturuuu_jobs.runtime.run import preview_job, run_job
    from tuturuuu_jobs.runtime.slots import resolve_slot

    children = describe(settings)
    runtime = wiring.build_runtime(settings)
    slot = resolve_slot(options.slot, now=runtime.clock.now(), timer_usec=wiring.timer_usec())
    watched = sys.stderr.isatty() and not options.quiet and not options.dry_run
    with watching_children(table=watched) as audience:
        job = wiring.build_orchestrate_job(
            settings,
            children,
            options=_child_options(options, choice.child, slot),
            launcher=choice.launcher,
            audience=audience,
        )
        run = preview_job if options.dry_run else run_job
        request = options.request(trigger_of_caller(), slot)
        return run(job, payload, request, runtime)


def _child_options(options: JobOptions, child: ChildChoice, slot: datetime | None) -> ChildOptions:
    from tuturuuu_jobs.orchestration.model import ChildOptions

    arguments = ["--attempts", str(child.attempts), "--on-busy", child.on_busy.value]
    if child.on_busy is OnBusy.WAIT:
        arguments += ["--wait", render_duration(child.wait)]
    if slot is not None:
        arguments += ["--slot", slot.isoformat()]
    if options.slot.force:
        arguments.append("--force")
    # One step quieter than the parent: at -v it tells each child's end itself.
    arguments += ["-v"] * (options.verbose - 1)
    return ChildOptions(child.deadline, tuple(arguments))
