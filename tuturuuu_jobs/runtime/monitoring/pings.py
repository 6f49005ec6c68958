"""Dead-man pings in the protocol of healthchecks: the monitor raises the alarm when none comes.

``/start`` when a run begins, the bare address for success, ``/log`` for a run that found its key
held (that is no success, and no failure either), else ``/`` with the exit code.
"""

from __future__ import annotations

import json
import logging
import random
import threading
from typing import Final

from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.logs import LOGGER
from tuturuuu_jobs.runtime.outcome import ExitCode, Result

TRIES: Final = 3
TIMEOUT_S: Final = 5.0
JOB: Final = "{job}"
_LOG: Final = logging.getLogger(LOGGER)
# Those with a meaning of their own are not repeated: a wrong address stays wrong.
_WORTH_ANOTHER: Final = frozenset({408, 429, 500, 502, 503, 504})


class Pings:
    """Tells a monitor about the runs of timers; a run by hand is no sign of a timer's life.

    Args:
        url: The check's address, a secret; ``{job}`` in it stands for the job's name.
        clock: For the pauses between tries.
        rng: For their jitter.
    """

    def __init__(self, url: str, clock: Clock, rng: random.Random) -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._rng = rng
        self._begun: threading.Thread | None = None
        self._over = threading.Event()

    def started(self, facts: RunFacts) -> None:
        """Ping from a thread of its own: work does not wait for a monitor."""
        if facts.trigger != "timer":
            return
        self._over.clear()
        address = self._address(facts, "/start")
        self._begun = threading.Thread(target=self._send, args=(address, b""), daemon=True)
        self._begun.start()

    def finished(self, facts: RunFacts, result: Result) -> None:
        """Ping how it ended; gives up after three tries."""
        if facts.trigger != "timer":
            return
        self._over.set()
        if self._begun is not None:
            # The start must not arrive behind the end.
            self._begun.join(TIMEOUT_S)
        self._over.clear()
        self._send(self._address(facts, ending_of(result)), body_of(result))

    def _address(self, facts: RunFacts, ending: str) -> str:
        return f"{self._url.replace(JOB, facts.job)}{ending}?rid={facts.id}"

    def _send(self, address: str, body: bytes) -> None:
        for number in range(1, TRIES + 1):
            failure, again = _post(address, body)
            if failure is None:
                return
            if not again or number == TRIES or self._over.is_set():
                # At info: the monitor itself raises the alarm when it hears nothing.
                _LOG.info("a ping did not arrive: %s", failure)
                return
            self._clock.sleep(number * (0.5 + self._rng.random() / 2))


def ending_of(result: Result) -> str:
    """What is appended to the address for a run that ended like this."""
    match result.exit_code:
        case ExitCode.SUCCESS:
            return ""
        case ExitCode.BUSY:
            return "/log"
        case code:
            return f"/{code}"


def body_of(result: Result) -> bytes:
    """The result without the part that tells of a workspace's calendars."""
    document = result.to_json()
    del document["data"]
    return json.dumps(document).encode()


def _post(address: str, body: bytes) -> tuple[str | None, bool]:
    """What went wrong, without the address, and whether another try may help."""
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    # Settings let only http and https through.
    request = Request(address, data=body, method="POST")  # noqa: S310
    request.add_header("Content-Type", "application/json")
    try:
        with urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above.
            return None, False
    except HTTPError as error:
        with error:
            return f"HTTP {error.code}", error.code in _WORTH_ANOTHER
    except (OSError, HTTPException) as error:
        return type(error).__name__, True
