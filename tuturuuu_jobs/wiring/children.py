"""Jobs in child processes: fan-outs and workers, and how their children are started."""

from __future__ import annotations

import dataclasses
import os
import random
from typing import TYPE_CHECKING, Any, Final

from tuturuuu_jobs.wiring.jobs import build_schedule_engine, build_sync_job
from tuturuuu_jobs.wiring.process import GLOBAL_OPTIONS, GlobalOptions, log_format, open_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    import psycopg

    from tuturuuu_jobs.fleet.worker import Plan as WorkerPlan
    from tuturuuu_jobs.fleet.worker import Worker
    from tuturuuu_jobs.orchestration.audience import Audience
    from tuturuuu_jobs.orchestration.job import Find, Fleet, OrchestrateJob
    from tuturuuu_jobs.orchestration.model import ChildOptions
    from tuturuuu_jobs.runtime.children import Launcher, Program
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.settings import Settings

_CHILD: Final = "tuturuuu_jobs.cli:main"
_PRELOAD: Final = (
    "tuturuuu_jobs.cli:warm_up",
    "tuturuuu_jobs.wiring.process:warm_up",
    "tuturuuu_jobs.runtime.run",
    "tuturuuu_jobs.settings",
    "encodings.idna",
    "filelock",
)
_PRELOAD_SYNC: Final = (
    "tuturuuu_jobs.wiring.process:warm_up_google",
    "tuturuuu_jobs.commands.sync_payload",
    "tuturuuu_jobs.sync.job",
    "googleapiclient.discovery",
)
_PRELOAD_SCHEDULE: Final = (
    "tuturuuu_jobs.commands.schedule_payload",
    "tuturuuu_jobs.scheduling.app_job",
    "tuturuuu_jobs.scheduling.job",
    "tuturuuu_jobs.scheduling.plan",
    "tuturuuu_jobs.scheduling.remedies",
)


@dataclasses.dataclass(frozen=True, slots=True)
class FannedOut:
    """What is particular about the children of one kind of fan-out.

    Attributes:
        job: What each runs: its name and its queue are needed here.
        successes: The jobs whose last success decides the order.
        key_prefix: What stands before a workspace's id in their concurrency key.
        find: Lists the workspaces that have work.
        nobody: What to say if there is none.
        preload: What the process that they are copied from imports for them.
    """

    job: Job[Any, Any]
    successes: tuple[str, ...]
    key_prefix: str
    find: Find
    nobody: str
    preload: tuple[str, ...]


def fan_out_sync(settings: Settings, *, full: bool) -> FannedOut:
    """``sync`` or ``full-sync`` for every workspace with an active account.

    Raises:
        SettingsError: Something that every child needs is not set.
    """
    from tuturuuu_jobs.orchestration.store import load_candidates
    from tuturuuu_jobs.sync.job import KEY_PREFIX

    return FannedOut(
        job=build_sync_job(settings, full=full),
        # A full run does what an incremental one does.
        successes=("full-sync",) if full else ("sync", "full-sync"),
        key_prefix=KEY_PREFIX,
        find=load_candidates,
        nobody="no workspace has an active Google account",
        preload=_PRELOAD_SYNC,
    )


def fan_out_schedule(settings: Settings, engine: str) -> FannedOut:
    """``schedule`` for every workspace with something to schedule.

    Raises:
        SettingsError: Something that every child needs is not set.
    """
    from tuturuuu_jobs.orchestration.schedulable import load_schedulable
    from tuturuuu_jobs.scheduling.work import KEY_PREFIX, Engine

    return FannedOut(
        job=build_schedule_engine(settings, Engine(engine)),
        successes=("schedule",),
        key_prefix=KEY_PREFIX,
        find=load_schedulable,
        nobody="no workspace has anything to schedule",
        preload=_PRELOAD_SCHEDULE,
    )


def build_orchestrate_job(
    settings: Settings,
    children: FannedOut,
    *,
    options: ChildOptions,
    launcher: str,
    audience: Audience,
    fleet: Fleet | None = None,
) -> OrchestrateJob:
    """A fan-out of one job: by children of this process, or by the fleet."""
    from tuturuuu_jobs.orchestration.environment import child_environ
    from tuturuuu_jobs.orchestration.fan_out import Children
    from tuturuuu_jobs.orchestration.job import OrchestrateJob
    from tuturuuu_jobs.runtime.children import Program
    from tuturuuu_jobs.runtime.identity import read_identity
    from tuturuuu_jobs.runtime.memory import MemoryKills, find_memory_events

    program = Program(
        entry=_CHILD,
        environ=child_environ(os.environ) | _told(settings),
        preload=(*_PRELOAD, *children.preload),
    )
    return OrchestrateJob(
        children=Children(
            job=children.job.name,
            options=options,
            open_launcher=lambda: build_launcher(launcher, program),
            audience=audience,
            kills=MemoryKills(find_memory_events()),
        ),
        queue_of_children=children.job.queue,
        successes=children.successes,
        key_prefix=children.key_prefix,
        here=read_identity(),
        find=children.find,
        nobody=children.nobody,
        fleet=fleet,
    )


def find_workspaces(connection: psycopg.Connection[Any], job: str) -> list[UUID]:
    """The workspaces that have work for a job, the one that waits longest first."""
    from tuturuuu_jobs.orchestration.plan import plan_order
    from tuturuuu_jobs.orchestration.schedulable import load_schedulable
    from tuturuuu_jobs.orchestration.store import load_candidates
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.scheduling.work import KEY_PREFIX as SCHEDULE
    from tuturuuu_jobs.sync.job import KEY_PREFIX as SYNC

    match job:
        case "schedule":
            found = load_schedulable(connection, ("schedule",), SCHEDULE)
        case "full-sync":
            found = load_candidates(connection, ("full-sync",), SYNC)
        case _:
            found = load_candidates(connection, ("sync", "full-sync"), SYNC)
    return [one.ws_id for one in plan_order(found, (), SystemClock().now())]


def build_launcher_of_worker(settings: Settings, name: str) -> Launcher:
    """What starts a worker's children, of whatever job."""
    from tuturuuu_jobs.orchestration.environment import child_environ
    from tuturuuu_jobs.runtime.children import Program

    program = Program(
        entry=_CHILD,
        environ=child_environ(os.environ) | _told(settings),
        preload=(*_PRELOAD, *_PRELOAD_SYNC, *_PRELOAD_SCHEDULE),
    )
    return build_launcher(name, program)


def build_worker(
    settings: Settings,
    plan: WorkerPlan,
    launcher: Launcher,
    said: Callable[[str, str], None],
    *,
    listens: bool,
) -> Worker:
    """A worker of this process.

    Args:
        settings: Of the installation.
        plan: What it does.
        launcher: Starts its children.
        said: Hears what they say, each line after the child's label.
        listens: Whether the server is to tell of new work.
    """
    from tuturuuu_jobs.fleet.notify import notify
    from tuturuuu_jobs.fleet.worker import Means, Worker
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.memory import MemoryKills, find_memory_events

    address = os.environ.get("NOTIFY_SOCKET")
    means = Means(
        connect=lambda: open_connection(settings, "tuturuuu-jobs/worker"),
        launcher=launcher,
        clock=SystemClock(),
        rng=random.SystemRandom(),
        tell=lambda state: notify(address, state),
        said=said,
        listens=listens,
        kills=MemoryKills(find_memory_events()),
    )
    return Worker(plan, means)


def _told(settings: Settings) -> dict[str, str]:
    """What this process was told before its subcommand, for a child to find in its environment."""
    from tuturuuu_jobs.settings import CONFIG_VARIABLE, variable_of

    options = GLOBAL_OPTIONS.get() or GlobalOptions()
    config = {CONFIG_VARIABLE: str(options.config.absolute())} if options.config else {}
    # Its standard error is a pipe, whatever stands behind ours.
    format_told = {variable_of("log_format"): log_format(settings)}
    return config | format_told | {variable_of("state_dir"): str(settings.state_dir)}


def build_launcher(name: str, program: Program) -> Launcher:
    """The way to start children that has this name."""
    from tuturuuu_jobs.runtime.launch_exec import ExecLauncher
    from tuturuuu_jobs.runtime.launch_fork import ForkLauncher

    match name:
        case "fork":
            return ForkLauncher(program)
        case "exec":
            return ExecLauncher(program)
        case _:
            raise ValueError(name)
