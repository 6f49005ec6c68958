"""``schedule --engine app``: the same run around a plan that the app makes.

The app decides and writes; this side keeps runs apart, bounds them, repeats what may be repeated,
and records how it ended.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import RejectedError, SettingsError, UsageError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.job import Progress, RunContext
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem
from tuturuuu_jobs.scheduling.app import Answer, AppClient, Route
from tuturuuu_jobs.scheduling.work import KEY_PREFIX, QUEUE, SchedulePayload


@dataclasses.dataclass(frozen=True, slots=True)
class AppData:
    """What the app did for a workspace.

    Attributes:
        window_days: The window that the app was asked for; None if its route reads none.
    """

    ws_id: UUID
    route: Route
    answer: Answer
    window_days: int | None
    warnings: tuple[Problem, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class AppScheduleJob:
    """Has the app schedule one workspace."""

    client: AppClient

    @property
    def name(self) -> str:
        """The same as with our own plan: it writes the same rows."""
        return "schedule"

    @property
    def queue(self) -> str:
        """The same as with our own plan."""
        return QUEUE

    def ws_id(self, payload: SchedulePayload) -> UUID | None:
        """The workspace."""
        return payload.ws_id

    def concurrency_key(self, payload: SchedulePayload) -> str:
        """The same as with our own plan: two planners would undo each other's work."""
        return f"{KEY_PREFIX}{payload.ws_id}"

    def attempt(
        self, payload: SchedulePayload, ctx: RunContext[AppData], previous: AppData | None
    ) -> AppData:
        """Ask the app, once.

        Raises:
            JobError: As :meth:`AppClient.schedule` says; a workspace that is unknown, deleted or,
                for the route ``schedule``, personal is refused.
        """
        if previous is not None:
            return previous
        workspace = _load_workspace(ctx.connection, payload.ws_id)
        ctx.progress(Progress("waiting for the app"))
        try:
            answer = self.client.schedule(
                payload.ws_id, self._body(payload), ctx.deadline.remaining()
            )
        except SettingsError as error:
            if error.code == "app_secret_refused" and workspace.personal:
                raise _personal() from None
            raise
        return AppData(
            payload.ws_id,
            self.client.route,
            answer,
            payload.window_days if self.client.route is Route.SCHEDULE else None,
            (*_ignored(payload, self.client.route), *_told(answer)),
        )

    def preview(self, payload: SchedulePayload, ctx: RunContext[AppData]) -> AppData:  # noqa: ARG002 - the protocol's names.
        """Refused: the app has no way to show a plan without applying it."""
        raise UsageError(
            "the app cannot show its plan without applying it",
            code="app_no_preview",
            subject="--dry-run",
            hint="leave out --engine app to see what our own plan would be",
        )

    def conclude(self, data: AppData) -> Outcome:
        """It went well: whatever did not was raised."""
        return Outcome(Kind.SUCCEEDED, "succeeded", (), data.warnings, _to_json(data))

    def _body(self, payload: SchedulePayload) -> dict[str, Any]:
        if self.client.route is Route.AUTO_SCHEDULE:
            return {}
        body: dict[str, Any] = {"windowDays": payload.window_days}
        if payload.timezone is not None:
            body["clientTimezone"] = payload.timezone
        return body


@dataclasses.dataclass(frozen=True, slots=True)
class _Workspace:
    personal: bool


_WORKSPACE: Final[LiteralString] = """
select personal from public.workspaces where id = %(ws_id)s and deleted is not true
"""


def _load_workspace(connection: psycopg.Connection[Any], ws_id: UUID) -> _Workspace:
    with translated_errors(), connection.cursor(row_factory=class_row(_Workspace)) as cursor:
        found = cursor.execute(_WORKSPACE, {"ws_id": ws_id}).fetchone()
    if found is None:
        raise RejectedError(
            "there is no such workspace, or it is deleted",
            code="workspace_not_found",
            subject=str(ws_id),
            hint="check --ws",
        )
    return found


def _personal() -> RejectedError:
    return RejectedError(
        "the app schedules personal workspaces for their signed-in owners only",
        code="personal_workspace",
        hint="use --engine local, or TUTURUUU_JOBS_APP_ROUTE=auto-schedule",
    )


def _ignored(payload: SchedulePayload, route: Route) -> tuple[Problem, ...]:
    """What was asked for and the app's route does not read."""
    unread = {
        "--force-reschedule": payload.force,
        "--user": payload.user_id is not None,
        "--allow-mass-delete": payload.allow_mass_delete,
    }
    if route is Route.AUTO_SCHEDULE:
        unread |= {"--window-days": True, "--timezone": payload.timezone is not None}
    return tuple(
        Problem("app_ignores", f"the app's route {route.value} does not know {name}", subject=name)
        for name, asked in unread.items()
        if asked
    )


def _told(answer: Answer) -> tuple[Problem, ...]:
    if not answer.warnings:
        return ()
    told = f"the app has {answer.warnings} warning(s) about its plan"
    return (Problem("app_warnings", told, hint="look at the calendar's settings in the app"),)


def _to_json(data: AppData) -> dict[str, Any]:
    counts = data.answer.summary
    return {
        "ws_id": str(data.ws_id),
        "engine": "app",
        "route": data.route.value,
        "status": "success",
        "window_days": data.window_days,
        "summary": counts.model_dump(by_alias=True, exclude_none=True) if counts else {},
    }
