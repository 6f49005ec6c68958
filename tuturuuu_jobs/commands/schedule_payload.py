"""The payload of ``schedule``: options, a document on standard input, or a saved dry run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, AliasChoices, Field

from tuturuuu_jobs.commands.payload import Given, JobFields, first, read_fields
from tuturuuu_jobs.commands.saved_plan import read_saved_plan
from tuturuuu_jobs.errors import UsageError
from tuturuuu_jobs.scheduling.model import DEFAULT_WINDOW_DAYS
from tuturuuu_jobs.scheduling.work import Engine, SchedulePayload
from tuturuuu_jobs.workspaces.zones import parse_zone

SHORTEST_WINDOW: Final = 7
LONGEST_WINDOW: Final = 90


def _zone(text: str) -> str:
    found = parse_zone(text)
    if found is None:
        raise ValueError("should be a time zone like Europe/Berlin")
    return found


class ScheduleFields(JobFields):
    """The fields of a ``schedule`` payload; ``clientTimezone`` is the name the app's route uses."""

    window_days: int | None = None
    force_reschedule: bool | None = None
    user_id: UUID | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        None, validation_alias=AliasChoices("timezone", "client_timezone", "clientTimezone")
    )
    allow_mass_delete: bool | None = None
    engine: Engine | None = Field(None, strict=False)


def read_schedule(
    source: str | None,
    *,
    ws_id: UUID | None,
    window_days: int | None = None,
    force: bool = False,
    user_id: UUID | None = None,
    timezone: str | None = None,
    engine: str | None = None,
    allow_mass_delete: bool = False,
) -> Given[SchedulePayload]:
    """Merge options over the document, if one is named. Raises UsageError."""
    fields = read_fields(source, ScheduleFields)
    payload = SchedulePayload(
        ws_id=fields.workspace(ws_id),
        window_days=clamp_window(first(window_days, fields.window_days, DEFAULT_WINDOW_DAYS)),
        force=force or bool(fields.force_reschedule),
        user_id=user_id or fields.user_id,
        timezone=timezone or fields.timezone,
        allow_mass_delete=allow_mass_delete or bool(fields.allow_mass_delete),
        engine=Engine(engine) if engine else fields.engine or Engine.LOCAL,
    )
    return Given(payload, fields.unknown)


def read_applied(
    path: Path, *, given: Mapping[str, object], ws_id: UUID | None, allow_mass_delete: bool
) -> Given[SchedulePayload]:
    """The payload that applies a saved dry run; what it was made with comes from the file.

    Args:
        path: The document of a ``--dry-run --json``.
        given: Options that would contradict the file, by name; one that is set is refused.
        ws_id: The workspace, if the command line names it too.
        allow_mass_delete: A decision about the apply, not about the plan.

    Raises:
        UsageError: The file cannot be read or used, or an option goes against it.
    """
    for name, value in given.items():
        if value:
            raise UsageError(
                f"{name} goes without --apply-plan",
                subject=name,
                hint="the saved plan has its own; make a new one with --dry-run --json",
            )
    payload = read_saved_plan(path, allow_mass_delete=allow_mass_delete)
    if ws_id not in {None, payload.ws_id}:
        raise UsageError("--ws and the saved plan name two workspaces", subject="ws_id")
    return Given(payload)


def clamp_window(days: int) -> int:
    """The window that is planned when so many days are asked for; 7 to 90."""
    return min(max(days, SHORTEST_WINDOW), LONGEST_WINDOW)
