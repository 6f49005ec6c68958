"""`tuturuuu-jobs emulator serve`: a Google Calendar on this machine, to try things with."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tuturuuu_jobs.errors import SettingsError

if TYPE_CHECKING:
    from tuturuuu_jobs.testing.emulator import Account, Emulator

app = typer.Typer(help="A Google Calendar on this machine.", no_args_is_help=True)

_ACCOUNT: Final = "demo@example.test"


@app.callback()
def emulator() -> None:
    """A Google Calendar on this machine."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="The port; 0 lets the system choose.")] = 0,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,  # noqa: FBT002  # An option.
) -> None:
    """Serve the Calendar API until SIGINT or SIGTERM.

    There is one account with an empty primary calendar. The control namespace under /_control
    seeds and edits it.
    """
    if importlib.util.find_spec("dateutil") is None:
        raise SettingsError(
            "the emulator needs python-dateutil, which is not installed",
            hint="install the extra: pip install 'tuturuuu-jobs[demo]'",
        )
    from tuturuuu_jobs.runtime.clock import SystemClock
    from tuturuuu_jobs.testing.emulator import Emulator

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
        typer.echo(_announcement(running, account, as_json=as_json or not sys.stdout.isatty()))
        sys.stdout.flush()
        stopped.wait()


def _announcement(running: Emulator, account: Account, *, as_json: bool) -> str:
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
        return json.dumps(facts)
    return "\n".join(f"{name:14} {value}" for name, value in facts.items())
