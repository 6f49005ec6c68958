"""A payload from its two doors: options, and JSON on standard input.

An option wins over the same field of the document. Unknown fields are named, not refused: a newer
producer must not break an older reader.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import timedelta
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from tuturuuu_jobs.commands.durations import parse_duration
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.runtime.outcome import Problem

_LONGEST_DOCUMENT: Final = 1_048_576
_WORKSPACE: Final = frozenset({"ws_id", "wsId"})
_TOKENS: Final = frozenset({"access_token", "accessToken", "refresh_token", "refreshToken"})


class OfWorkspace(Protocol):
    """A payload about one workspace."""

    @property
    def ws_id(self) -> UUID:
        """The workspace."""
        ...


P = TypeVar("P", bound=OfWorkspace)
F = TypeVar("F", bound="JobFields")
V = TypeVar("V")


@dataclasses.dataclass(frozen=True, slots=True)
class Given(Generic[P]):
    """A validated payload and what should be said about it."""

    payload: P
    warnings: tuple[Problem, ...] = ()


def _duration(value: object) -> timedelta:
    if not isinstance(value, str):
        raise ValueError('should be a duration like "90d"')  # noqa: TRY004 - pydantic's contract.
    return parse_duration(value)


DurationField = Annotated[timedelta, BeforeValidator(_duration)]


class JobFields(BaseModel):
    """The fields of every payload as producers write them, snake_case or camelCase."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True
    )

    ws_id: UUID | None = None

    def workspace(self, option: UUID | None) -> UUID:
        """The one workspace that option and document name. Raises UsageError."""
        if option is not None and self.ws_id not in {None, option}:
            raise UsageError("--ws and the payload's ws_id name two workspaces", subject="ws_id")
        found = option or self.ws_id
        if found is None:
            hint = "pass --ws ID, or ws_id with --payload -"
            raise UsageError("no workspace is named", subject="ws_id", hint=hint)
        return found

    @property
    def unknown(self) -> tuple[Problem, ...]:
        """A warning for each field that is kept out."""
        return tuple(
            Problem(
                "unknown_field", f"the payload's field {name} is unknown and kept out", subject=name
            )
            for name in sorted((self.model_extra or {}).keys() - _TOKENS)
        )


def read_fields(source: str | None, model: type[F]) -> F:
    """The fields of the document, if one is named.

    Raises:
        UsageError: Names the field that is wrong.
    """
    return model() if source is None else _parse(_read(source), model)


def read_document(source: str | None, model: type[JobFields]) -> tuple[UUID | None, dict[str, Any]]:
    """The workspace that a document names, and its other fields as they were written.

    Raises:
        UsageError: Names the field that is wrong.
    """
    if source is None:
        return None, {}
    document = _read(source)
    ws_id = _parse(document, model).ws_id
    fields: dict[str, Any] = json.loads(document)
    return ws_id, {name: value for name, value in fields.items() if name not in _WORKSPACE}


def first(*choices: V | None) -> V:
    """The first that is given; the last one always is."""
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


def _parse(document: bytes, model: type[F]) -> F:
    try:
        fields = model.model_validate_json(document)
    except ValidationError as error:
        field, reason = complaint(error)
        field = field or "--payload"
        raise UsageError(f"payload: {field}: {reason}", subject=field) from None
    extra: dict[str, Any] = fields.model_extra or {}
    for name in sorted(extra.keys() & _TOKENS):
        if extra[name] is not None:
            raise UsageError(
                f"payload: {name} is refused: tokens do not travel in payloads",
                subject=name,
                hint="leave it out; the run reads the workspace's stored accounts",
            )
    return fields


def complaint(error: ValidationError) -> tuple[str, str]:
    """The first field that is wrong, and why; never the value."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in found["loc"])
    return field, found["msg"].removeprefix("Value error, ")
