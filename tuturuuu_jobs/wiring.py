"""The only builder of real things from settings.

It stays cheap to import: what is heavy is imported by the function that builds it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import random
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tuturuuu_jobs.errors import SettingsError

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

    from tuturuuu_jobs.diagnosis.examination import Examiner
    from tuturuuu_jobs.fleet.worker import Plan as WorkerPlan
    from tuturuuu_jobs.fleet.worker import Worker
    from tuturuuu_jobs.orchestration.audience import Audience
    from tuturuuu_jobs.orchestration.job import Find, OrchestrateJob
    from tuturuuu_jobs.orchestration.model import ChildOptions
    from tuturuuu_jobs.runtime.children import Launcher, Program
    from tuturuuu_jobs.runtime.clock import Clock
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.runtime.monitoring import Observer
    from tuturuuu_jobs.runtime.run import Runtime
    from tuturuuu_jobs.scheduling.app_job import AppScheduleJob
    from tuturuuu_jobs.scheduling.job import ScheduleJob
    from tuturuuu_jobs.scheduling.work import Engine, SchedulePayload
    from tuturuuu_jobs.settings import Settings
    from tuturuuu_jobs.sync.google import GoogleClient
    from tuturuuu_jobs.sync.job import SyncJob
    from tuturuuu_jobs.sync.verify import VerifyJob


@dataclasses.dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What the command line says before the subcommand."""

    config: Path | None = None
    state_dir: Path | None = None


_CHILD: Final = "tuturuuu_jobs.cli:main"
_PRELOAD: Final = (
    "tuturuuu_jobs.cli:warm_up",
    "tuturuuu_jobs.wiring:warm_up",
    "tuturuuu_jobs.runtime.run",
    "tuturuuu_jobs.settings",
    "encodings.idna",
    "filelock",
)
_PRELOAD_SYNC: Final = (
    "tuturuuu_jobs.wiring:warm_up_google",
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

_REMEDIES: Final = 5
"""For so many findings of a scope a remedy is looked for: each takes a few plans."""

GLOBAL_OPTIONS: Final[ContextVar[GlobalOptions | None]] = ContextVar("GLOBAL_OPTIONS", default=None)


# Filled by the process that others are copied from; they have its environment.
_WARM: Final[dict[GlobalOptions, Settings]] = {}


def load_settings() -> Settings:
    """The settings of this process: global options, then its environment, then files."""
    from tuturuuu_jobs import settings

    options = GLOBAL_OPTIONS.get() or GlobalOptions()
    return _WARM.get(options) or settings.load_settings(
        os.environ, config=options.config, state_dir=options.state_dir
    )


def warm_up() -> None:
    """Do once what would be the same in every copy of this process; opens nothing."""
    from uuid import UUID
    from zoneinfo import ZoneInfo

    import filelock

    from tuturuuu_jobs.runtime.redact import clean
    from tuturuuu_jobs.runtime.schema import load_migrations

    _code_version()
    load_migrations()
    # What these remember after their first use.
    ZoneInfo("UTC")
    filelock.FileLock(os.devnull, is_singleton=False, thread_local=False)
    clean({"of": [UUID(int=0), (), True, 0.0, None]})
    # Each copy says itself what is wrong with them.
    with contextlib.suppress(SettingsError):
        _WARM[GlobalOptions()] = settings = load_settings()
        build_runtime(settings)
        configure_log(settings)


def warm_up_google() -> None:
    """The same for copies that speak to Google; after :func:`warm_up`."""
    from tuturuuu_jobs.sync.google import build_methods

    with contextlib.suppress(SettingsError):
        build_methods(load_settings().google_api_url)


@functools.cache
def _code_version() -> str:
    from importlib import metadata

    return metadata.version("tuturuuu-jobs")


def timer_usec() -> str | None:
    """When the systemd timer fired that started this process, in microseconds since 1970."""
    return os.environ.get("TRIGGER_TIMER_REALTIME_USEC")


def open_connection(settings: Settings, application_name: str) -> psycopg.Connection[Any]:
    """A connection to Tuturuuu's database; the caller closes it.

    Raises:
        SettingsError: There is no ``DATABASE_URL``, or it cannot be used.
        UnavailableError: The server does not answer.
    """
    from tuturuuu_jobs.runtime.database import connect

    return connect(settings.require_database_url(), application_name=application_name)


def build_runtime(settings: Settings) -> Runtime:
    """What every run needs, whatever its job."""
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.database import address_of
    from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
    from tuturuuu_jobs.runtime.locks import LockMode
    from tuturuuu_jobs.runtime.run import Runtime

    clock, rng = SystemClock(), random.SystemRandom()
    return Runtime(
        connect=lambda name: open_connection(settings, name),
        address=address_of(url.get_secret_value()) if (url := settings.database_url) else "",
        state_dir=settings.state_dir,
        lock_mode=LockMode(settings.locks),
        clock=clock,
        rng=rng,
        new_id=lambda: new_run_id(clock, rng),
        identity=read_identity(),
        code_version=_code_version(),
        invocation_id=os.environ.get("INVOCATION_ID"),
        observers=tuple(_observers(settings, clock, rng)),
    )


def build_examiner(settings: Settings) -> Examiner:
    """What looks whether an installation is sound."""
    from tuturuuu_jobs.diagnosis.examination import Examiner
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.runtime.identity import read_identity

    return Examiner(
        settings,
        connect=lambda: open_connection(settings, "tuturuuu-jobs/doctor"),
        clock=SystemClock(),
        here=read_identity(),
    )


def _observers(settings: Settings, clock: Clock, rng: random.Random) -> Iterator[Observer]:
    if settings.metrics_dir is not None:
        from tuturuuu_jobs.runtime.monitoring.metrics import TextfileMetrics

        yield TextfileMetrics(settings.metrics_dir)
    if settings.ping_url is not None:
        from tuturuuu_jobs.runtime.monitoring.pings import Pings

        yield Pings(settings.ping_url.get_secret_value(), clock, rng)


def configure_log(settings: Settings, level: str | None = None) -> None:
    """Send the log to standard error, as the settings and what stands behind it ask for.

    Args:
        settings: Of the installation.
        level: Another least level than the settings'.
    """
    from tuturuuu_jobs.runtime import logs

    logs.configure(
        level or settings.log_level,
        json_lines=_log_format(settings) == "json",
        stream=sys.stderr,
        priorities=stderr_is_journal(),
    )


def _log_format(settings: Settings) -> str:
    if settings.log_format != "auto":
        return settings.log_format
    return "text" if sys.stderr.isatty() else "json"


def stderr_is_journal() -> bool:
    """Whether standard error leads straight into systemd's journal (systemd.exec(5))."""
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def build_sync_job(settings: Settings, *, full: bool) -> SyncJob:
    """The job behind ``sync`` and ``full-sync``, speaking to the real Google.

    Raises:
        SettingsError: The database or the OAuth client is not set; said before any work.
    """
    settings.require_database_url()
    google = _google_client(settings)
    from tuturuuu_jobs.sync.job import SyncJob

    return SyncJob(google, full=full, master_key=_master_key(settings))


def build_verify_job(settings: Settings) -> VerifyJob:
    """The job behind ``verify``. Raises SettingsError as :func:`build_sync_job`."""
    settings.require_database_url()
    google = _google_client(settings)
    from tuturuuu_jobs.sync.verify import VerifyJob

    return VerifyJob(google, _master_key(settings))


def _google_client(settings: Settings) -> GoogleClient:
    client_id, client_secret = settings.require_google_client()
    from tuturuuu_jobs.sync.google import GoogleClient
    from tuturuuu_jobs.sync.quota import Quotas

    return GoogleClient(
        client_id,
        client_secret,
        settings.google_api_url,
        settings.google_token_url,
        quotas=Quotas(settings.google_project_quota, settings.google_user_quota),
    )


def build_schedule_engine(settings: Settings, engine: Engine) -> Job[SchedulePayload, Any]:
    """The job behind ``schedule``, by who makes the plan.

    Raises:
        SettingsError: The database, or what the app wants to see, is not set.
    """
    from tuturuuu_jobs.scheduling.work import Engine

    match engine:
        case Engine.LOCAL:
            return build_schedule_job(settings)
        case Engine.APP:
            return build_app_schedule_job(settings)


def build_schedule_job(settings: Settings) -> ScheduleJob:
    """Makes the plan here. Raises SettingsError: the database is not set."""
    settings.require_database_url()
    from tuturuuu_jobs.scheduling.job import ScheduleJob
    from tuturuuu_jobs.scheduling.plan import plan
    from tuturuuu_jobs.scheduling.remedies import suggest

    remedies = functools.partial(suggest, limit=_REMEDIES)
    return ScheduleJob(plan, remedies, _master_key(settings))


def build_app_schedule_job(settings: Settings) -> AppScheduleJob:
    """Has the app make the plan. Raises SettingsError: see :func:`build_schedule_engine`."""
    settings.require_database_url()
    origin, secret = settings.require_app()
    from tuturuuu_jobs.scheduling.app import AppClient, Route
    from tuturuuu_jobs.scheduling.app_job import AppScheduleJob

    return AppScheduleJob(AppClient(origin, Route(settings.app_route), secret))


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


def _master_key(settings: Settings) -> str | None:
    key = settings.encryption_master_key
    return key.get_secret_value() if key else None


def build_orchestrate_job(
    settings: Settings,
    children: FannedOut,
    *,
    options: ChildOptions,
    launcher: str,
    audience: Audience,
) -> OrchestrateJob:
    """A fan-out of one job."""
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
    settings: Settings, plan: WorkerPlan, launcher: Launcher, *, listens: bool
) -> Worker:
    """A worker of this process.

    Args:
        settings: Of the installation.
        plan: What it does.
        launcher: Starts its children.
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
    format_told = {variable_of("log_format"): _log_format(settings)}
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
