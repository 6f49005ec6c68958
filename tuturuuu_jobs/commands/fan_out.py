"""A fan-out from options to exit, and how it is watched while children are at work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tuturuuu_jobs import wiring
from tuturuuu_jobs.commands import output
from tuturuuu_jobs.commands.execute import Work, execute, trigger_of_caller
from tuturuuu_jobs.commands.fan_out_options import FanOutOptions, ViaName

if TYPE_CHECKING:
    from tuturuuu_jobs.orchestration.audience import Audience
    from tuturuuu_jobs.orchestration.job import Fleet
    from tuturuuu_jobs.orchestration.model import ChildOptions, FanOutPayload
    from tuturuuu_jobs.runtime.outcome import Result
    from tuturuuu_jobs.settings import Settings

_PREVIEW_COLUMNS: Final = ("position", "ws_id", "reason")


def execute_fan_out(
    name: str,
    options: FanOutOptions,
    fields: dict[str, Any],
    describe: Callable[[Settings], wiring.children.FannedOut],
) -> NoReturn:
    """Run a fan-out as the options say and end the process with its exit code.

    Args:
        name: The children's job.
        options: What the fan-out is told.
        fields: Further fields of each child's payload.
        describe: What is particular about such children.
    """
    work = Work(
        f"orchestrate-{name}",
        read=lambda: _payload(options, fields),
        run=lambda settings, payload: _run(settings, payload, options, describe),
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


def _payload(options: FanOutOptions, fields: dict[str, Any]) -> FanOutPayload:
    from tuturuuu_jobs.orchestration.model import FanOutPayload

    options.check()
    workspaces = tuple(dict.fromkeys(options.ws or ()))
    return FanOutPayload(workspaces, options.limit, fields)


def _run(
    settings: Settings,
    payload: FanOutPayload,
    options: FanOutOptions,
    describe: Callable[[Settings], wiring.children.FannedOut],
) -> Result:
    from tuturuuu_jobs.commands.audience import watching_children
    from tuturuuu_jobs.runtime.run import preview_job, run_job
    from tuturuuu_jobs.runtime.slots import resolve_slot

    children = describe(settings)
    runtime = wiring.process.build_runtime(settings)
    slot = resolve_slot(
        options.slot_choice, now=runtime.clock.now(), timer_usec=wiring.process.timer_usec()
    )
    watched = sys.stderr.isatty() and not options.quiet and not options.dry_run
    with watching_children(table=watched) as audience:
        job = wiring.children.build_orchestrate_job(
            settings,
            children,
            options=_child_options(options, slot),
            launcher=options.launcher,
            audience=audience,
            fleet=_fleet(children.job.name, options, slot, audience),
        )
        run = preview_job if options.dry_run else run_job
        request = options.request(trigger_of_caller(), slot)
        return run(job, payload, request, runtime)


def _fleet(
    name: str, options: FanOutOptions, slot: datetime | None, audience: Audience
) -> Fleet | None:
    if options.via is ViaName.CHILDREN:
        return None
    from tuturuuu_jobs.fleet.dispatching import Dispatch

    # By force: whatever is done for the slot.
    of_slot = None if options.force else slot
    return Dispatch(name, audience, options.collect, of_slot, options.expires)


def _child_options(options: FanOutOptions, slot: datetime | None) -> ChildOptions:
    from tuturuuu_jobs.orchestration.model import ChildOptions

    of_slot = ("--slot", slot.isoformat()) if slot is not None else ()
    return ChildOptions(options.longest_child, (*options.arguments(), *of_slot))
