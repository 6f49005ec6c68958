"""The payload of a sync."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field, SecretStr

from tuturuuu_jobs.commands.payload import DurationField, Given, JobFields, first, read_fields
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.sync.drift import VerifyPayload
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST, SyncPayload, Tokens


class SyncFields(JobFields):
    """The fields of a sync payload."""

    calendars: tuple[Annotated[str, Field(min_length=1)], ...] | None = None


class FullSyncFields(SyncFields):
    """The fields of a full sync payload."""

    past: DurationField | None = None
    future: DurationField | None = None
    allow_mass_delete: bool | None = None
    access_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    refresh_token: Annotated[SecretStr, Field(min_length=1)] | None = None

    @property
    def tokens(self) -> Tokens | None:
        """Those of an account that is not stored yet.

        Raises:
            UsageError: Only one of the two is given.
        """
        access, refresh = self.access_token, self.refresh_token
        if access is None and refresh is None:
            return None
        if access is None or refresh is None:
            missing = "access_token" if access is None else "refresh_token"
            raise UsageError(
                f"payload: {missing} is missing: an account needs both of its tokens",
                subject=missing,
            )
        return Tokens(access.get_secret_value(), refresh.get_secret_value(), None)


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
    tokens = fields.tokens
    payload = SyncPayload(
        ws_id=fields.workspace(ws_id),
        full=True,
        calendars=_calendars(calendars, fields),
        past=first(past, fields.past, DEFAULT_PAST),
        future=first(future, fields.future, DEFAULT_FUTURE),
        allow_mass_delete=allow_mass_delete or bool(fields.allow_mass_delete),
        guest=tokens is not None,
        tokens=tokens,
    )
    return Given(payload, fields.unknown)


class VerifyFields(SyncFields):
    """The fields of a comparison's payload."""

    past: DurationField | None = None
    future: DurationField | None = None
    parts: Annotated[int, Field(ge=1, le=366)] | None = None
    repair: bool | None = None


def read_verify(
    source: str | None,
    *,
    ws_id: UUID | None,
    calendars: list[str] | None,
    past: timedelta | None,
    future: timedelta | None,
    parts: int | None,
    repair: bool,
) -> Given[VerifyPayload]:
    """Merge options over the document, if one is named. Raises UsageError."""
    fields = read_fields(source, VerifyFields)
    payload = VerifyPayload(
        ws_id=fields.workspace(ws_id),
        calendars=_calendars(calendars, fields),
        past=first(past, fields.past, DEFAULT_PAST),
        future=first(future, fields.future, DEFAULT_FUTURE),
        parts=first(parts, fields.parts, 1),
        repair=repair or bool(fields.repair),
    )
    return Given(payload, fields.unknown)


def _calendars(options: list[str] | None, fields: SyncFields) -> tuple[str, ...]:
    return tuple(dict.fromkeys(options or fields.calendars or ()))
