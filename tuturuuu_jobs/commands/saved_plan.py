"""A dry run read back from the document it printed, to be applied as it was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tuturuuu_jobs.commands.payload import complaint
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.scheduling.model import Scope, ScopeKind
from tuturuuu_jobs.scheduling.work import SavedPlan, SavedScope, SchedulePayload

LONGEST_FILE: Final = 64 * 1_048_576
_HINT: Final = "make it with: tuturuuu-jobs schedule --ws ID --dry-run --json > FILE"
_Digest = Annotated[str, Field(min_length=8, max_length=128, pattern=r"^[0-9a-f]+$")]


class _Fields(BaseModel):
    """Strict, apart from what another part of the document needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _ScopeFields(_Fields):
    scope: ScopeKind
    user_id: UUID | None = None
    planned_at: AwareDatetime
    inputs: _Digest
    changes: _Digest


class _DataFields(_Fields):
    ws_id: UUID
    window_days: Annotated[int, Field(ge=7, le=90)]
    force: bool
    dry_run: Literal[True]
    zone: str | None = None
    scopes: Annotated[tuple[_ScopeFields, ...], Field(min_length=1)]


class _Document(_Fields):
    job: Literal["schedule"]
    success: Literal[True]
    data: _DataFields


def read_saved_plan(path: Path, *, allow_mass_delete: bool) -> SchedulePayload:
    """What a saved dry run asks for. Raises UsageError with one line that says what is wrong."""
    try:
        document = _Document.model_validate_json(_read(path))
    except ValidationError as error:
        field, reason = complaint(error)
        _refuse(path, f"{field}: {reason}" if field else reason)
    data = document.data
    moments = {scope.planned_at for scope in data.scopes}
    if len(moments) > 1:
        _refuse(path, "data.scopes: planned at several instants")
    saved = tuple(
        SavedScope(Scope(one.scope, one.user_id), one.inputs, one.changes) for one in data.scopes
    )
    only = saved[0].scope if len(saved) == 1 else None
    return SchedulePayload(
        ws_id=data.ws_id,
        window_days=data.window_days,
        force=data.force,
        # A team is planned without its habits only for one member.
        user_id=only.user_id if only and only.kind is ScopeKind.TASKS else None,
        timezone=data.zone,
        allow_mass_delete=allow_mass_delete,
        saved=SavedPlan(moments.pop(), saved),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(LONGEST_FILE + 1)
    except OSError as error:
        _refuse(path, error.strerror or "it cannot be read")
    if len(content) > LONGEST_FILE:
        _refuse(path, "it is longer than 64 MiB")
    return content


def _refuse(path: Path, reason: str) -> NoReturn:
    raise UsageError(
        f"--apply-plan: {path} is no saved plan: {reason}", subject="--apply-plan", hint=_HINT
    ) from None
