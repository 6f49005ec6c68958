"""The payload of a sync from its two doors: options, and JSON on standard input.

An option wins over the same field of the document. Unknown fields are named, not refused: a newer
producer must not break an older reader.
"""

from __future__ import annotations

import dataclasses
import sys
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST, SyncPayload

_LONGEST_DOCUMENT: Final = 1_048_576
_TOKENS: Final = frozenset({"access_token", "accessToken", "refresh_token", "refreshToken"})


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError('should be a duration like "90d"')  # noqa: TRY004 - pydantic's contract.
    return parse_duration(value)


_Duration = Annotated[timedelta, BeforeValidator(_duration)]


class SyncFields(BaseModel):
    """The fields of a sync payload as producers write them, snake_case or camelCase."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True
    )

    ws_id: UUID | None = None
    calendars: tuple[Annotated[str, Field(min_length=1)], ...] | None = None


class FullSyncFields(SyncFields):
    """The fields of a full sync payload."""

    past: _Duration | None = None
    future: _Duration | None = None
    allow_mass_delete: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """A validated payload and what should be said about it."""

    payload: SyncPayload
    warnings: tuple[Problem, ...] = ()


def read_payload(
    source: str | None,
    *,
    full: bool,
    ws_id: UUID | None,
    calendars: list[str] | None,
    past: timedelta | None = None,
    future: timedelta | None = None,
    allow_mass_delete: bool = False,
) -> Given:
    """Merge options over the document, if one is named.

    Raises:
        UsageError: Names the field that is missing or wrong.
    """
    fields = FullSyncFields() if source is None else _parse(_read(source), full=full)
    if ws_id is not None and fields.ws_id not in {None, ws_id}:
        raise UsageError("--ws and the payload's ws_id name two workspaces", subject="ws_id")
    workspace = ws_id or fields.ws_id
    if workspace is None:
        raise UsageError(
            "no workspace is named", subject="ws_id", hint="pass --ws ID, or ws_id with --payload -"
        )
    wide = fields if isinstance(fields, FullSyncFields) else FullSyncFields()
    payload = SyncPayload(
        ws_id=workspace,
        full=full,
        calendars=tuple(dict.fromkeys(calendars or fields.calendars or ())),
        past=_first(past, wide.past, DEFAULT_PAST),
        future=_first(future, wide.future, DEFAULT_FUTURE),
        allow_mass_delete=allow_mass_delete or bool(wide.allow_mass_delete),
    )
    return Given(payload, _unknown(fields))


def _first(*choices: timedelta | None) -> timedelta:
    return next(choice for choice in choices if choice is not None)


def _read(source: str) -> bytes:
    if source != "-":
        raise UsageError(
            "--payload reads standard input only", subject="--payload", hint="pass --payload -"
        )
    document = sys.stdin.buffer.read(_LONGEST_DOCUMENT + 1)
    if len(document) > _LONGEST_DOCUMENT:
        raise UsageError("the payload is longer than 1 MiB", subject="--payload")
    return document


def _parse(document: bytes, *, full: bool) -> SyncFields:
    model = FullSyncFields if full else SyncFields
    try:
        fields = model.model_validate_json(document)
    except ValidationError as error:
        raise _refused(error) from None
    extra: dict[str, Any] = fields.model_extra or {}
    for name in sorted(extra.keys() & _TOKENS):
        if extra[name] is not None:
            raise UsageError(
                f"payload: {name} is refused: tokens do not travel in payloads",
                subject=name,
                hint="leave it out; the run reads the workspace's stored accounts",
            )
    return fields


def _refused(error: ValidationError) -> UsageError:
    """The first complaint by field, without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "--payload"
    reason = first["msg"].removeprefix("Value error, ")
    return UsageError(f"payload: {field}: {reason}", subject=field)


def _unknown(fields: SyncFields) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "unknown_field", f"the payload's field {name} is unknown and kept out", subject=name
        )
        for name in sorted((fields.model_extra or {}).keys() - _TOKENS)
    )
