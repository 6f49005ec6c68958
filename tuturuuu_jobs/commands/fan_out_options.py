"""What a fan-out is told: about itself, its output, and the run of each child."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import typer

from tuturuuu_jobs.commands import options as o
from tuturuuu_jobs.commands.durations import render_duration
from tuturuuu_jobs.commands.job_options import RunOptions
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.runtime.job import OnBusy


class LauncherName(StrEnum):
    """The ways to start children: copies of a preloaded process, or fresh interpreters."""

    FORK = "fork"
    EXEC = "exec"


class ViaName(StrEnum):
    """Who does the work of a fan-out."""

    CHILDREN = "children"
    QUEUE = "queue"


Workspaces = Annotated[
    list[UUID] | None,
    typer.Option(
        "--ws",
        metavar="ID",
        parser=o.parse_id,
        help="Only this workspace; may be repeated. Default: all that have work.",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=1,
        help="At most N children at once. Default: the total limit of the queue.",
    ),
]
Launcher = Annotated[LauncherName, typer.Option("--launcher", help="How children are started.")]
Deadline = Annotated[
    timedelta | None,
    typer.Option(
        "--deadline",
        metavar="D",
        parser=o.positive_duration,
        help="Longest time for the whole fan-out, as in 90s, 15m, 3h. Default: 1h.",
    ),
]
ChildDeadline = Annotated[
    timedelta | None,
    typer.Option(
        "--child-deadline",
        metavar="D",
        parser=o.positive_duration,
        help="Longest time for one child, within what the fan-out has left. Default: 30m.",
    ),
]
ChildAttempts = Annotated[
    int, typer.Option("--attempts", metavar="N", min=1, max=100, help="How often a child may try.")
]
ChildBusy = Annotated[
    OnBusy,
    typer.Option("--on-busy", help="If another run of a workspace is at work: skip, wait, fail."),
]
ChildWait = Annotated[
    timedelta | None,
    typer.Option(
        "--wait",
        metavar="D",
        parser=o.duration,
        help="With --on-busy wait: how long a child waits. Default: 5m.",
    ),
]
Via = Annotated[
    ViaName,
    typer.Option("--via", help="Who works: children of this process, or the fleet's workers."),
]
Collect = Annotated[
    bool, typer.Option("--collect", help="With --via queue: wait for all of it, up to --deadline.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the children in their order; start none.")
]

_OF_CHILDREN: Final = ("limit", "launcher", "child_deadline", "attempts", "on_busy", "wait")
_CHILD_DEADLINE: Final = timedelta(minutes=30)
_CHILD_WAIT: Final = timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FanOutOptions(RunOptions):
    """What a fan-out is told; busy workspaces are left for its next turn."""

    ws: Workspaces = None
    limit: Limit = None
    launcher: Launcher = LauncherName.FORK
    via: Via = ViaName.CHILDREN
    collect: Collect = False
    deadline: Deadline = None
    dry_run: DryRun = False
    child_deadline: ChildDeadline = None
    attempts: ChildAttempts = 3
    on_busy: ChildBusy = OnBusy.SKIP
    wait: ChildWait = None

    def check(self) -> None:
        """Raises UsageError for options that contradict each other."""
        if self.via is ViaName.CHILDREN:
            if self.collect:
                raise UsageError(
                    "--collect waits for workers", subject="--collect", hint="add --via queue"
                )
            return
        for field in dataclasses.fields(self):
            if field.name in _OF_CHILDREN and getattr(self, field.name) != field.default:
                option = f"--{field.name.replace('_', '-')}"
                raise UsageError(
                    f"{option} is about children of this process",
                    subject=option,
                    hint="leave it out; workers have options of their own",
                )

    @property
    def longest_child(self) -> timedelta:
        """Longest time for one child."""
        return self.child_deadline or _CHILD_DEADLINE

    def arguments(self) -> list[str]:
        """The options that each child is started with."""
        arguments = ["--attempts", str(self.attempts), "--on-busy", self.on_busy.value]
        if self.on_busy is OnBusy.WAIT:
            arguments += ["--wait", render_duration(self.wait or _CHILD_WAIT)]
        if self.force:
            arguments.append("--force")
        # One step quieter than the parent: at -v it tells each child's end itself.
        return arguments + ["-v"] * (self.verbose - 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatientFanOutOptions(FanOutOptions):
    """As above; busy workspaces are waited for."""

    on_busy: ChildBusy = OnBusy.WAIT
