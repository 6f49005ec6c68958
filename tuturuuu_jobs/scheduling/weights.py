"""What a priority is worth."""

from __future__ import annotations

from typing import Final

_WEIGHTS: Final = {"critical": 8, "high": 4, "normal": 2, "low": 1}
_NORMAL: Final = 2


def weight_of(priority: str | None) -> int:
    """8, 4, 2 or 1; no priority is a normal one."""
    return _WEIGHTS.get(priority or "", _NORMAL)
