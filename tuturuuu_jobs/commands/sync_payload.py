"""The payload of a sync."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field

from tuturuuu_jobs.commands.payload import DurationField, Given, JobFields, first, read_fields
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST, SyncPayload


class SyncFields(JobFields):
    """The fields of a sync payload."""

    calendars: tuple[Annotated[str, Field(min_length=1)], ...] | None = None


class FullSyncFields(SyncFields):
    """The fields of a full sync payload."""

    past: DurationField | None = None
    future: DurationField | None = None
    allow_mass_delete: bool | None = None


def read_sync(
    source: str | None, *, ws_id: UUID | None, calendars: list[str] | None
) -> Given[SyncPayload]:
    """Merge options over the document, if one is named. Raises UsageError."""
    fields = read_fields(source, SyncFields)
    payload = SyncPayload(
        ws_id=fields.workspace(ws_id), full=False, calendars=_calendars(calendars, fields)
    )
    return Given(payload, fields.unknown)


def read_full_sync(
    source: str | None,
    *,
    ws_id: UUID | None,
    calendars: list[str] | None,
    past: timedelta | None = None,
    future: timedelta | None = None,
    allow_mass_delete: bool = False,
) -> Given[SyncPayload]:
    """Merge options over the document, if one is named. Raises UsageError."""
    fields = read_fields(source, FullSyncFields)
    payload = SyncPayload(
        ws_id=fields.workspace(ws_id),
        full=True,
        calendars=_calendars(calendars, fields),
        past=first(past, fields.past, DEFAULT_PAST),
        future=first(future, fields.future, DEFAULT_FUTURE),
        allow_mass_delete=allow_mass_delete or bool(fields.allow_mass_delete),
    )
    return Given(payload, fields.unknown)


def _calendars(options: list[str] | None, fields: SyncFields) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options or fields.calendars or ()))
