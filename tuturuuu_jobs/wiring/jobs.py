"""The jobs of one workspace, each with what it works with."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tuturuuu_jobs.runtime.job import Job
    from tuturuuu_jobs.scheduling.app_job import AppScheduleJob
    from tuturuuu_jobs.scheduling.job import ScheduleJob
    from tuturuuu_jobs.scheduling.work import Engine, SchedulePayload
    from tuturuuu_jobs.settings import Settings
    from tuturuuu_jobs.sync.google import GoogleClient
    from tuturuuu_jobs.sync.job import SyncJob
    from tuturuuu_jobs.sync.verify import VerifyJob

_REMEDY_PLANS: Final = 40
"""So many plans are made for a scope to find out what would help: about two seconds at most."""


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

    remedies = functools.partial(suggest, limit=_REMEDY_PLANS)
    return ScheduleJob(plan, remedies, _master_key(settings))


def build_app_schedule_job(settings: Settings) -> AppScheduleJob:
    """Has the app make the plan. Raises SettingsError: see :func:`build_schedule_engine`."""
    settings.require_database_url()
    origin, secret = settings.require_app()
    from tuturuuu_jobs.scheduling.app import AppClient, Route
    from tuturuuu_jobs.scheduling.app_job import AppScheduleJob

    return AppScheduleJob(AppClient(origin, Route(settings.app_route), secret))


def _master_key(settings: Settings) -> str | None:
    key = settings.encryption_master_key
    return key.get_secret_value() if key else None
