"""The state directory: results of runs, and the spool of results the ledger could not take.

Invariant: a file is complete or absent (written aside, synced, renamed), readable by its owner
only. A directory that cannot be written costs the record, never the work: that is a warning.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.runtime.outcome import Problem

KEPT: Final = 500
_ENDING: Final = ".json"


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
    def results(self) -> Path:
        """The newest results, by run id."""
        return self.path / "results"

    @property
    def spool(self) -> Path:
        """What the ledger still has to be told."""
        return self.path / "spool"

    def save_result(self, run_id: UUID, document: dict[str, Any]) -> Problem | None:
        """Keep a run's result; a warning if that was not possible."""
        return self._save(self.results, run_id, document)

    def save_unsettled(self, run_id: UUID, document: dict[str, Any]) -> Problem | None:
        """Keep what the ledger could not take; a warning if that was not possible."""
        return self._save(self.spool, run_id, document)

    def load_result(self, run_id: UUID) -> dict[str, Any] | None:
        """The result of a run of this machine, if it is still kept."""
        return _read(self.results / f"{run_id}{_ENDING}")

    def unsettled(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """What is spooled, oldest first; a file that is no document is put aside."""
        for path in _entries(self.spool):
            document = _read(path)
            if document is None:
                with contextlib.suppress(OSError):
                    path.rename(path.with_suffix(".unreadable"))
                continue
            yield path, document

    def _save(self, directory: Path, run_id: UUID, document: dict[str, Any]) -> Problem | None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(directory / f"{run_id}{_ENDING}", _encode(document))
        except OSError as error:
            return Problem(
                "state_directory",
                f"the result could not be kept in {directory}: {error.strerror or 'error'}",
                subject=str(self.path),
                hint="make the directory writable for this user, with free space",
            )
        # Run ids sort by the time they were made.
        for path in _entries(directory)[:-KEPT]:
            with contextlib.suppress(OSError):
                path.unlink()
        return None


def write_atomically(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file that readers see complete or not at all, also after a power cut.

    Args:
        path: Replaced if it exists.
        content: All of it.
        mode: The rights on the file, whatever the umask.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _encode(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, ensure_ascii=True) + "\n").encode()


def _entries(directory: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(path for path in directory.iterdir() if path.suffix == _ENDING)
    return []


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
