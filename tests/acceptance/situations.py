"""Situations that a cron job meets, and how a run must end in each."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from collections.abc import Callable
from subprocess import CompletedProcess

from tests.acceptance import forked
from tests.acceptance.scenery import ACCOUNT, add_lost_calendar, put_tomorrow, settings_of
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.locks import advisory_key
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.testing.emulator import Fault, FaultKind

Settings = dict[str, str]

# For so long Google falls silent in the middle of a body; no run may wait for the rest.
STALL_S = 20.0


def nothing(_scene: Scene, _environ: Settings) -> None:
    """All is well."""


def lose_one(scene: Scene, _environ: Settings) -> None:
    add_lost_calendar(scene)


def lose_all(scene: Scene, _environ: Settings) -> None:
    scene.emulator.remove_calendar(CALENDAR)


def refuse_requests(scene: Scene, _environ: Settings) -> None:
    scene.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="400 badRequest", endpoint="events.list")
    )


def spoil_the_address(_scene: Scene, environ: Settings) -> None:
    environ["DATABASE_URL"] = "team database"


def mistype_the_password(_scene: Scene, environ: Settings) -> None:
    environ["DATABASE_URL"] += " user=nobody-known"


def stop_the_database(_scene: Scene, environ: Settings) -> None:
    environ["DATABASE_URL"] = "postgresql://jobs:canary-77@127.0.0.1:1/tuturuuu"


def break_a_table(scene: Scene, _environ: Settings) -> None:
    scene.connection.execute("alter table calendar_sync_states drop column sync_token")


def hang(scene: Scene, _environ: Settings) -> None:
    scene.emulator.add_fault(Fault(kind=FaultKind.STALL, seconds=STALL_S, endpoint="events.list"))


def revoke(scene: Scene, _environ: Settings) -> None:
    scene.emulator.revoke(ACCOUNT)


def hold_the_key(scene: Scene, environ: Settings) -> None:
    """Until the scene's connection is closed."""
    environ["TUTURUUU_JOBS_LOCKS"] = "advisory"
    key = advisory_key(f"google-calendar-sync-{scene.ws_id}")
    scene.connection.execute("select pg_advisory_lock(%s)", (key,))


def delete_the_workspace(scene: Scene, _environ: Settings) -> None:
    scene.connection.execute("update workspaces set deleted = true")


def disconnect(scene: Scene, _environ: Settings) -> None:
    scene.connection.execute("update calendar_auth_tokens set is_active = false")


def drop_the_schema(scene: Scene, _environ: Settings) -> None:
    scene.connection.execute("drop schema jobs cascade")


def forget_the_client(_scene: Scene, environ: Settings) -> None:
    del environ["GOOGLE_CLIENT_ID"]


def close_the_state_directory(_scene: Scene, environ: Settings) -> None:
    environ["TUTURUUU_JOBS_STATE_DIR"] = "/proc/nowhere"


def name_no_configuration(_scene: Scene, environ: Settings) -> None:
    environ["TUTURUUU_JOBS_CONFIG"] = "/proc/nowhere"


@dataclasses.dataclass(frozen=True)
class Case:
    """A situation and how a run must end in it.

    Attributes:
        signum: Sent while Google is being asked.
        stdin: The payload, with ``%s`` for the workspace.
        begins: Whether there is a run at all, with a key and a record of its own.
    """

    exit_code: ExitCode
    status: str
    code: str
    prepare: Callable[[Scene, Settings], None] = nothing
    options: tuple[str, ...] = ()
    signum: signal.Signals | None = None
    stdin: str = ""
    begins: bool = True


CASES: dict[str, Case] = {
    "fine": Case(ExitCode.SUCCESS, "succeeded", "succeeded"),
    "one calendar of two is gone": Case(
        ExitCode.PARTIAL, "partial", "calendar_not_found", lose_one
    ),
    "the only calendar is gone": Case(
        ExitCode.REJECTED, "rejected", "calendar_not_found", lose_all
    ),
    "Google refuses the request": Case(
        ExitCode.FAILED, "failed", "google_bad_request", refuse_requests
    ),
    "the address of the database is none": Case(
        ExitCode.CONFIG, "failed", "config", spoil_the_address, begins=False
    ),
    "the login is refused": Case(ExitCode.CONFIG, "failed", "database_login", mistype_the_password),
    "the database is down": Case(
        ExitCode.UNAVAILABLE, "unavailable", "database_unavailable", stop_the_database
    ),
    "an option is unknown": Case(
        ExitCode.USAGE, "failed", "usage", options=("--frobnicate",), begins=False
    ),
    "a column is gone": Case(ExitCode.BUG, "failed", "database_42703", break_a_table),
    "the deadline ends": Case(
        ExitCode.DEADLINE, "timed_out", "deadline", hang, ("--deadline", "1s")
    ),
    "the grant is revoked": Case(ExitCode.REJECTED, "rejected", "grant_revoked", revoke),
    "another run is at work": Case(ExitCode.BUSY, "skipped", "busy", hold_the_key),
    "busy is a failure": Case(
        ExitCode.FAILED, "failed", "busy", hold_the_key, ("--on-busy", "fail")
    ),
    "Ctrl-C": Case(ExitCode.SIGINT, "interrupted", "interrupted", signum=signal.SIGINT),
    "systemd stops it": Case(ExitCode.SIGTERM, "interrupted", "terminated", signum=signal.SIGTERM),
    "the workspace is deleted": Case(
        ExitCode.REJECTED, "rejected", "workspace_not_found", delete_the_workspace
    ),
    "nobody is connected": Case(ExitCode.SUCCESS, "succeeded", "succeeded", disconnect),
    "the schema is missing": Case(ExitCode.CONFIG, "failed", "schema_missing", drop_the_schema),
    "a setting is missing": Case(
        ExitCode.CONFIG, "failed", "config", forget_the_client, begins=False
    ),
    "the configuration is missing": Case(
        ExitCode.CONFIG, "failed", "config", name_no_configuration, begins=False
    ),
    "the state directory is closed": Case(
        ExitCode.CONFIG, "failed", "lock_directory", close_the_state_directory
    ),
    "the payload is broken": Case(
        ExitCode.USAGE, "failed", "usage", options=("--payload", "-"), stdin="{", begins=False
    ),
    "the payload is newer": Case(
        ExitCode.SUCCESS,
        "succeeded",
        "succeeded",
        options=("--payload", "-"),
        stdin='{"ws_id": "%s", "fromTheFuture": 1}',
    ),
    "the calendar is not connected": Case(
        ExitCode.USAGE, "failed", "calendar_not_connected", options=("--calendar", "x@test")
    ),
    "the result has no place": Case(
        ExitCode.USAGE,
        "failed",
        "usage",
        options=("--result-file", "/nowhere/result"),
        begins=False,
    ),
}


def perform(scene: Scene, name: str, *more: str, command: str = "sync") -> CompletedProcess[str]:
    """The command in that situation."""
    case, environ = CASES[name], settings_of(scene)
    put_tomorrow(scene, "standup", summary="S")
    case.prepare(scene, environ)
    line = [command, "--ws", str(scene.ws_id), "--attempts", "1", *case.options, *more]
    stdin = case.stdin.replace("%s", str(scene.ws_id))
    if case.signum is None:
        return forked.run(*line, stdin=stdin, **environ)
    asked = threading.Event()
    over = threading.Event()

    def hold() -> None:
        asked.set()
        over.wait(60)

    scene.emulator.add_fault(Fault(kind=FaultKind.MUTATE, action=hold))
    running = forked.start(*line, stdin=stdin, **environ)
    assert asked.wait(60)
    os.kill(running.pid, case.signum)
    ended = running.end()
    over.set()
    return ended
