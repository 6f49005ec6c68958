"""The only builder of real things from settings.

It stays cheap to import: what is heavy is imported by the function that builds it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import random
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tuturuuu_jobs.errors import SettingsError

if TYPE_CHECKING:
    import psycopg

    from tuturuuu_jobs.diagnosis.examination import Examiner
    from tuturuuu_jobs.orchestration.audience import Audience
    from tuturuuu_jobs.orchestration.job import OrchestrateJob
    from tuturuuu_jobs.orchestration.model import ChildOptions
    from tuturuuu_jobs.runtime.children import Launcher, Program
    from tuturuuu_jobs.runtime.clock import Clock
    from tuturuuu_jobs.runtime.monitoring import Observer
    from tuturuuu_jobs.runtime.run import Runtime
    from tuturuuu_jobs.settings import Settings
    from tuturuuu_jobs.sync.job import SyncJob


@dataclasses.dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What the command line says before the subcommand."""

    config: Path | None = None
    state_dir: Path | None = None


_CHILD: Final = "tuturuuu_jobs.cli:main"
_PRELOAD: Final = (
    "tuturuuu_jobs.cli:warm_up",
    "tuturuuu_jobs.wiring:warm_up",
    "tuturuuu_jobs.commands.sync_payload",
    "tuturuuu_jobs.runtime.run",
    "tuturuuu_jobs.settings",
    "tuturuuu_jobs.sync.job",
    "encodings.idna",
    "filelock",
    "googleapiclient.discovery",
)

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
    from tuturuuu_jobs.runtime.schema import load_migrations
    from tuturuuu_jobs.sync.google import build_methods

    _code_version()
    load_migrations()
    # Each copy says itself what is wrong with them.
    with contextlib.suppress(SettingsError):
        _WARM[GlobalOptions()] = settings = load_settings()
        build_methods(settings.google_api_url)


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
    from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
    from tuturuuu_jobs.runtime.locks import LockMode
    from tuturuuu_jobs.runtime.run import Runtime

    clock, rng = SystemClock(), random.SystemRandom()
    return Runtime(
        connect=lambda name: open_connection(settings, name),
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
    client_id, client_secret = settings.require_google_client()
    from tuturuuu_jobs.sync.google import GoogleClient
    from tuturuuu_jobs.sync.job import SyncJob

    google = GoogleClient(
        client_id, client_secret, settings.google_api_url, settings.google_token_url
    )
    return SyncJob(google, full=full)


def build_orchestrate_job(
    settings: Settings, *, full: bool, options: ChildOptions, launcher: str, audience: Audience
) -> OrchestrateJob:
    """A fan-out of ``sync`` or ``full-sync``.

    Raises:
        SettingsError: Something that every child needs is not set; said once, before any starts.
    """
    job = build_sync_job(settings, full=full)
    from tuturuuu_jobs.orchestration.environment import child_environ
    from tuturuuu_jobs.orchestration.fan_out import Children
    from tuturuuu_jobs.orchestration.job import OrchestrateJob
    from tuturuuu_jobs.runtime.children import Program
    from tuturuuu_jobs.runtime.identity import read_identity
    from tuturuuu_jobs.runtime.memory import MemoryKills, find_memory_events
    from tuturuuu_jobs.sync.job import KEY_PREFIX

    program = Program(
        entry=_CHILD,
        environ=child_environ(os.environ) | _told(settings),
        preload=_PRELOAD,
    )
    return OrchestrateJob(
        children=Children(
            job=job.name,
            options=options,
            open_launcher=lambda: build_launcher(launcher, program),
            audience=audience,
            kills=MemoryKills(find_memory_events()),
        ),
        queue_of_children=job.queue,
        # A full run does what an incremental one does.
        successes=("full-sync",) if full else ("sync", "full-sync"),
        key_prefix=KEY_PREFIX,
        here=read_identity(),
    )


def _told(settings: Settings) -> dict[str, str]:
    """What this process was told before its subcommand, for a child to find in its environment."""
    from tuturuuu_jobs.settings import CONFIG_VARIABLE, variable_of

    options = GLOBAL_OPTIONS.get() or GlobalOptions()
    config = {CONFIG_VARIABLE: str(options.config.absolute())} if options.config else {}
    return config | {variable_of("state_dir"): str(settings.state_dir)}


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
