"""The run before this one, as this machine remembers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuturuuu_jobs.runtime.outcome import Result


def load_previous(state_dir: Path, result: Result) -> dict[str, Any] | None:
    """The newest kept result of the same key, apart from this run's and from runs that stood aside.

    A result that is no longer kept, or was made on another machine, is unknown: None.
    """
    from tuturuuu_jobs.runtime.state import StateDirectory

    if result.key is None:
        return None
    kept = StateDirectory(state_dir).results.of_key(result.key)
    return next((document for document in kept if document["run_id"] != result.run_id), None)
