"""A Google Calendar on this machine, for tests, the demo, and trying things out.

It speaks the Calendar API over HTTP to the unmodified client library. `docs/emulator.md` lists what
it answers and what it can be made to do wrong. It needs python-dateutil (extra ``demo``).
"""

from tuturuuu_jobs.testing.clock import VirtualClock
from tuturuuu_jobs.testing.emulator.api_errors import (
    API_ERRORS,
    TOKEN_ERRORS,
    WRITE_ERRORS,
    ErrorSpec,
)
from tuturuuu_jobs.testing.emulator.catalogue import Example, examples
from tuturuuu_jobs.testing.emulator.faults import Fault, FaultKind
from tuturuuu_jobs.testing.emulator.oauth import Account
from tuturuuu_jobs.testing.emulator.odd import odd_events
from tuturuuu_jobs.testing.emulator.server import CLIENT, Emulator
from tuturuuu_jobs.testing.emulator.state import LoggedRequest
from tuturuuu_jobs.testing.emulator.switches import Switches

__all__ = [
    "API_ERRORS",
    "CLIENT",
    "TOKEN_ERRORS",
    "WRITE_ERRORS",
    "Account",
    "Emulator",
    "ErrorSpec",
    "Example",
    "Fault",
    "FaultKind",
    "LoggedRequest",
    "Switches",
    "VirtualClock",
    "examples",
    "odd_events",
]
