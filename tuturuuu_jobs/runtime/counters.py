"""What a run counted, as the list of runs shows it."""

from __future__ import annotations

from typing import Any


def counters_of(data: dict[str, Any]) -> dict[str, int]:
    """The whole numbers of a job's part of the result: its totals if it has them apart."""
    totals = data.get("totals")
    source: dict[str, Any] = totals if isinstance(totals, dict) else data
    return {
        name: value
        for name, value in source.items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
