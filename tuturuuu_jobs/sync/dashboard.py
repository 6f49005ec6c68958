"""The app's own dashboard of syncs, which runs of ours appear on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync.model import Mode, SyncData


@dataclasses.dataclass(frozen=True, slots=True)
class DashboardEntry:
    """One run as the app's dashboard shows it; counts over all calendars."""

    id: UUID
    ws_id: UUID
    triggered_by: UUID
    start_time: datetime
    status: str
    inserted: int
    updated: int
    deleted: int
    fetched: int
    filtered_out: int
    requests: int
    pages: int
    retries: int
    calendars: list[str]
    token_used: bool
    error_message: str | None
    error_type: str | None


def build_entry(
    run_id: UUID, data: SyncData, owner_id: UUID, started: datetime, failures: Sequence[Problem]
) -> DashboardEntry:
    """What the dashboard says of a run; its first failure stands for all."""
    counts = [report.counts for report in data.calendars]
    traffic = [report.traffic for report in data.calendars]
    return DashboardEntry(
        id=run_id,
        ws_id=data.ws_id,
        triggered_by=owner_id,
        start_time=started,
        status="failed" if failures else "completed",
        inserted=sum(c.inserted for c in counts),
        updated=sum(c.updated for c in counts),
        deleted=sum(c.deleted for c in counts) + sum(r.swept for r in data.calendars),
        fetched=sum(c.fetched for c in counts),
        filtered_out=sum(sum(c.skipped.values()) for c in counts),
        requests=sum(t.requests for t in traffic),
        pages=sum(t.pages for t in traffic),
        retries=sum(t.retries for t in traffic),
        calendars=[report.calendar_id for report in data.calendars if report.committed],
        token_used=any(report.mode is Mode.INCREMENTAL for report in data.calendars),
        error_message=failures[0].message if failures else None,
        error_type=failures[0].code if failures else None,
    )


_DASHBOARD: Final[LiteralString] = """
insert into public.calendar_sync_dashboard as d (
    id, ws_id, triggered_by, start_time, end_time, type, source, triggered_from, status,
    inserted_events, updated_events, deleted_events, events_fetched_total, events_filtered_out,
    google_api_calls_count, google_api_pages_fetched, google_api_retry_count,
    calendar_ids_synced, calendar_connection_count, sync_token_used, error_message, error_type)
values (
    %(id)s, %(ws_id)s, %(triggered_by)s, %(start_time)s, clock_timestamp(), 'background',
    'inbound', 'tuturuuu-jobs', %(status)s, %(inserted)s, %(updated)s, %(deleted)s, %(fetched)s,
    %(filtered_out)s, %(requests)s, %(pages)s, %(retries)s, %(calendars)s,
    cardinality(%(calendars)s::text[]), %(token_used)s, left(%(error_message)s, 512),
    left(%(error_type)s, 64))
on conflict (id) do update set
    end_time = excluded.end_time, updated_at = now(), status = excluded.status,
    inserted_events = excluded.inserted_events, updated_events = excluded.updated_events,
    deleted_events = excluded.deleted_events,
    events_fetched_total = excluded.events_fetched_total,
    events_filtered_out = excluded.events_filtered_out,
    google_api_calls_count = excluded.google_api_calls_count,
    google_api_pages_fetched = excluded.google_api_pages_fetched,
    google_api_retry_count = excluded.google_api_retry_count,
    calendar_ids_synced = excluded.calendar_ids_synced,
    calendar_connection_count = excluded.calendar_connection_count,
    sync_token_used = excluded.sync_token_used, error_message = excluded.error_message,
    error_type = excluded.error_type
"""


def write_dashboard(connection: psycopg.Connection[Any], entry: DashboardEntry) -> None:
    """Show the run on the app's dashboard, once however many attempts it takes."""
    with translated_errors():
        connection.execute(_DASHBOARD, dataclasses.asdict(entry))
