"""The parts of this process: its settings, its log, its database, what every run needs."""

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
    import psycopg

    from tuturuuu_jobs.diagnosis.examination import Examiner
    from tuturuuu_jobs.runtime.clock import Clock
    from tuturuuu_jobs.runtime.monitoring import Observer
    from tuturuuu_jobs.runtime.run import Runtime
    from tuturuuu_jobs.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What the command line says before the subcommand."""

    config: Path | None = None
    state_dir: Path | None = None


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
    from psycopg import sql

    from tuturuuu_jobs.runtime.redact import clean
    from tuturuuu_jobs.runtime.schema import load_migrations

    _code_version()
    load_migrations()
    # What these remember after their first use.
    ZoneInfo("UTC")
    sql.Literal(["of"]).as_string()
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
        json_lines=log_format(settings) == "json",
        stream=sys.stderr,
        priorities=stderr_is_journal(),
    )


def log_format(settings: Settings) -> str:
    """``text`` or ``json``, whichever fits what stands behind standard error."""
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
