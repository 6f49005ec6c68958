"""What the table must hold after a complete sync, worked out a second time from Google's side.

The proof beside the program: it reads what a calendar stores (masters, exceptions, tombstones) and
derives every owned column of every row, without the sync's planning and without the emulator's
listings. The only parts it shares with them are python-dateutil and the time zone database.
"""

from tuturuuu_jobs.testing.oracle.differences import (
    deviations,
    differences,
    leftovers,
    load_rows,
)
from tuturuuu_jobs.testing.oracle.expected import expect, expected_rows
from tuturuuu_jobs.testing.oracle.model import Expected, Place, Window

__all__ = [
    "Expected",
    "Place",
    "Window",
    "deviations",
    "differences",
    "expect",
    "expected_rows",
    "leftovers",
    "load_rows",
]
