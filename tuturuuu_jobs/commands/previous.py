"""The run before this one, as this machine remembers it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any
from uuid import UUID

from tuturuuu_jobs.runtime.outcome import Result, Status


def load_previous(state_dir: Path, result: Result) -> dict[str, Any] | None:
    """The newest kept result of the same key, apart from this run's and from runs that stood aside.

    A result that is no longer kept, or was made on another machine, is unknown: None.
    """
    from tuturuuu_jobs.runtime.state import StateDirectory

    state = StateDirectory(state_dir)
    for path in _newest_first(state.results):
        if path.stem == result.run_id:
            continue
        document = state.load_result(UUID(path.stem))
        if document and document.get("key") == result.key and _was_work(document):
            return document
    return None


def _was_work(document: dict[str, Any]) -> bool:
    return document.get("status") != Status.SKIPPED


def _newest_first(directory: Path) -> list[Path]:
    """By time of writing: a caller may choose run ids that do not sort by time."""
    entries: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in directory.glob("*.json"):
            # Another run may clear old results meanwhile.
            with contextlib.suppress(OSError, ValueError):
                UUID(path.stem)
                entries.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(entries, reverse=True)]
