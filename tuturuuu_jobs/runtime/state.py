"""The state directory: locks, results of runs, and the spool of results the ledger did not take.

Invariant: what is spooled is complete or absent, also after a power cut. A directory that cannot be
written costs the record, never the work: that is a warning.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.runtime.files import (
    encode,
    make_private,
    read_document,
    remove_older,
    write_atomically,
)
from tuturuuu_jobs.runtime.outcome import Problem, Result
from tuturuuu_jobs.runtime.results import Results

SPOOLED: Final = 10_000
_ENDING: Final = ".json"
_UNFINISHED: Final = timedelta(hours=1)


@dataclasses.dataclass(frozen=True, slots=True)
class StateDirectory:
    """Where a machine keeps what must outlive a run.

    Attributes:
        path: The directory; made with mode 0700 when first needed.
    """

    path: Path

    @property
    def locks(self) -> Path:
        """Lock files, one per concurrency key, never deleted."""
        return self.path / "locks"

    @property
    def results(self) -> Results:
        """The newest results of each key."""
        return Results(self.path / "results")

    @property
    def spool(self) -> Path:
        """What the ledger still has to be told."""
        return self.path / "spool"

    def save_result(self, result: Result) -> Problem | None:
        """Keep a run's result; a warning if that was not possible."""
        try:
            self.results.save(result)
        except OSError as error:
            return self._unwritable(self.results.path, error)
        return None

    def save_unsettled(self, run_id: UUID, document: dict[str, Any]) -> Problem | None:
        """Keep what the ledger could not take; a warning if that was not possible."""
        try:
            make_private(self.spool)
            write_atomically(self.spool / f"{run_id}{_ENDING}", encode(document))
        except OSError as error:
            return self._unwritable(self.spool, error)
        # Run ids sort by the time they were made.
        for path in _entries(self.spool)[:-SPOOLED]:
            with contextlib.suppress(OSError):
                path.unlink()
        return None

    def unsettled(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """What is spooled, oldest first; a file that is no document is put aside."""
        for path in _entries(self.spool):
            document = read_document(path)
            if document is None:
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(".unreadable"))
                continue
            yield path, document

    def prune(self, now: datetime, keep: timedelta) -> int:
        """Remove results and spooled records older than ``keep``, and what a killed process left.

        Returns how many files went.
        """
        limits = (now - keep).timestamp(), (now - _UNFINISHED).timestamp()
        return sum(
            remove_older(directory, limits[0], unfinished=limits[1])
            for directory in (self.results.path, self.spool)
        )

    def _unwritable(self, directory: Path, error: OSError) -> Problem:
        return Problem(
            "state_directory",
            f"the result could not be kept in {directory}: {error.strerror or 'error'}",
            subject=str(self.path),
            hint="make the directory writable for this user, with free space",
        )


def _entries(directory: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(path for path in directory.iterdir() if path.suffix == _ENDING)
    return []
