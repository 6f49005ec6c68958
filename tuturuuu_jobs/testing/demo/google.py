"""The Google of the demo: the emulator as a process of its own, changed over its control requests.

A process, so that it can be left running, and so that everything the demo does to it can also be
done by hand with curl.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from tuturuuu_jobs.errors import FailedError
from tuturuuu_jobs.testing.postgres import bound_exec

Json = dict[str, Any]
_PATIENCE_S: Final = 30.0
_COMMAND: Final = (sys.executable, "-m", "tuturuuu_jobs", "emulator", "serve", "--json")


@dataclasses.dataclass(frozen=True, slots=True)
class Google:
    """A running emulator.

    Attributes:
        url: Scheme, host and port: what ``TUTURUUU_JOBS_GOOGLE_API_URL`` takes.
        token_url: What ``TUTURUUU_JOBS_GOOGLE_TOKEN_URL`` takes.
        client: OAuth client id and secret.
    """

    url: str
    token_url: str
    client: tuple[str, str] = dataclasses.field(repr=False)
    process: subprocess.Popen[bytes] = dataclasses.field(repr=False)

    @property
    def control_url(self) -> str:
        """Where changes at Google are made: POST ``<control_url>/<command>`` with JSON."""
        return f"{self.url}/_control"

    def call(self, command: str, **arguments: Any) -> Any:
        """Run one control command. Raises FailedError with the emulator's words."""
        request = urllib.request.Request(
            f"{self.control_url}/{command}", json.dumps(arguments).encode()
        )
        # Without a handler for proxies: this address is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_PATIENCE_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace").strip()
            raise FailedError(f"the emulator refused {command}: {reason}") from None

    def masters(self, calendar_id: str) -> list[Json]:
        """Everything that a calendar stores."""
        stored: list[Json] = self.call("masters", calendar_id=calendar_id)
        return stored

    def stop(self) -> None:
        """End it; ended already is fine."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_google(log: Path, *, detached: bool) -> Google:
    """Start an emulator on a free port.

    Args:
        log: A file for whatever it says.
        detached: It outlives this process; else it dies with it, even after SIGKILL.

    Raises:
        FailedError: It did not start.
    """
    parent = "-" if detached else str(os.getpid())
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", bound_exec.__file__, "-", parent, *_COMMAND],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        facts = _announced(process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Google(
        url=facts["control_url"].removesuffix("/_control"),
        token_url=facts["token_url"],
        client=(facts["client_id"], facts["client_secret"]),
        process=process,
    )


def _announced(process: subprocess.Popen[bytes]) -> Json:
    if process.stdout is None:
        raise RuntimeError("the emulator was started without a pipe")
    with process.stdout as stream:
        ready, _, _ = select.select([stream], [], [], _PATIENCE_S)
        line = stream.readline() if ready else b""
    if not line:
        raise FailedError("the Google Calendar emulator did not start")
    facts: Json = json.loads(line)
    return facts
