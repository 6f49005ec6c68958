"""`tuturuuu-jobs emulator serve`: a Google Calendar on this machine, to try things with."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tuturuuu_jobs.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from tuturuuu_jobs.testing.emulator import Account, Emulator
    from tuturuuu_jobs.testing.emulator.ics import IcsCalendar, Loaded

app = typer.Typer(help="A Google Calendar on this machine.", no_args_is_help=True)

_ACCOUNT: Final = "demo@example.test"


@app.callback()
def emulator() -> None:
    """A Google Calendar on this machine."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port; 0 lets the system choose.")] = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    ics: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Load an exported calendar; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,  # noqa: FBT002  # An option.
) -> None:
    """Serve the Calendar API until SIGINT or SIGTERM.

    There is one account with an empty primary calendar, and one more calendar for each FILE. The
    control namespace under /_control seeds and edits them. What a FILE says and the emulator cannot
    hold is named on standard error.
    """
    _require("dateutil", "python-dateutil")
    if ics:
        _require("icalendar", "icalendar")
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.emulator import Emulator

    files = [(path, _read(path)) for path in ics or ()]
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        running = Emulator(clock=SystemClock().now, host=host, port=port).start()
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise SettingsError(
            f"cannot listen on {host}:{port}: {reason}", hint="choose another --port or --host"
        ) from error
    with running:
        account = running.add_account(_ACCOUNT)
        loaded = [_load(running, path, calendar) for path, calendar in files]
        as_json = as_json or not sys.stdout.isatty()
        typer.echo(_announcement(running, account, loaded, as_json=as_json))
        sys.stdout.flush()
        stopped.wait()


def _require(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise SettingsError(
            f"the emulator needs {package}, which is not installed",
            hint="install the extra: pip install 'tuturuuu-jobs[demo]'",
        )


def _read(path: Path) -> IcsCalendar:
    from tuturuuu_jobs.testing.emulator.ics import NotACalendarError, read_calendar

    try:
        calendar = read_calendar(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or 'unknown reason'}") from error
    except NotACalendarError as error:
        raise UsageError(
            f"{path} is no calendar: {error}", hint="export it again as iCalendar (.ics)"
        ) from error
    for unread in calendar.unread:
        typer.echo(f"{path}: {unread}", err=True)
    return calendar


def _load(running: Emulator, path: Path, calendar: IcsCalendar) -> Loaded:
    from tuturuuu_jobs.testing.emulator.ics import load_calendar

    return load_calendar(running, calendar, owner=_ACCOUNT, stem=path.stem)


def _announcement(
    running: Emulator, account: Account, loaded: list[Loaded], *, as_json: bool
) -> str:
    """Everything a client needs. The secrets are the emulator's own and open nothing else."""
    facts = {
        "api_url": running.api_url,
        "token_url": running.token_url,
        "control_url": f"{running.base_url}/_control",
        "account": account.email,
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "refresh_token": account.refresh_token,
    }
    if as_json:
        return json.dumps({**facts, "calendars": [dataclasses.asdict(one) for one in loaded]})
    lines = [f"{name:14} {value}" for name, value in facts.items()]
    lines += [
        f"{'calendar':14} {one.id} ({one.events} events, {one.unread} unread)" for one in loaded
    ]
    return "\n".join(lines)
