"""The newest results of this machine's runs, apart for each concurrency key.

Invariant: however many keys have runs, the last work of one key is forgotten only by its age. The
ledger holds the same results, and the spool what the ledger does not: a file that a power cut
spoils is a result that is not known, and nothing else is lost.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tuturuuu_jobs.runtime.files import encode, entry_name, make_private, read_document, write_whole
from tuturuuu_jobs.runtime.outcome import Result, Status

KEPT: Final = 10
"""Results of one key; as many of runs that stood aside are kept beside them."""

_WORKED: Final = ".json"
_STOOD_ASIDE: Final = ".aside"


@dataclasses.dataclass(frozen=True, slots=True)
class Results:
    """A directory per key, a file per run.

    Attributes:
        path: Made with mode 0700 when first needed.
    """

    path: Path

    def save(self, result: Result) -> None:
        """Keep a result in place of the oldest of its key. Raises OSError."""
        directory = self._of(result.key or result.job)
        aside = result.status in {Status.SKIPPED, Status.EXPIRED}
        ending = _STOOD_ASIDE if aside else _WORKED
        name, content = f"{result.run_id}{ending}", encode(result.to_json())
        try:
            write_whole(directory / name, content)
        except FileNotFoundError:
            # The first of its key, or somebody has just cleared the directory.
            make_private(directory)
            write_whole(directory / name, content)
        for old in _newest_first(directory, ending)[KEPT:]:
            with contextlib.suppress(OSError):
                old.unlink()

    def of_key(self, key: str) -> Iterator[dict[str, Any]]:
        """The results of a key's runs that did not stand aside, newest first."""
        for path in _newest_first(self._of(key), _WORKED):
            document = read_document(path)
            if document is not None:
                yield document

    def _of(self, key: str) -> Path:
        return self.path / entry_name(key)


def _newest_first(directory: Path, ending: str) -> list[Path]:
    """By time of writing: a caller may choose run ids that do not sort by time."""
    found: list[tuple[int, str]] = []
    with contextlib.suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            # Another run may clear old results meanwhile.
            with contextlib.suppress(OSError):
                if entry.name.endswith(ending):
                    found.append((entry.stat().st_mtime_ns, entry.name))
    return [directory / name for _, name in sorted(found, reverse=True)]
