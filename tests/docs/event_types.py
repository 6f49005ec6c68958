"""The types of event that docs/events.md describes."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
_ROW = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| (\d+) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def described() -> dict[str, tuple[int, frozenset[str]]]:
    """Version and fields of each type; no fields where the page says them in words."""
    found = _ROW.findall(PAGE.read_text("utf-8"))
    return {
        name: (int(version), frozenset(re.findall(r"`([a-z_]+)`", fields)))
        for name, version, fields in found
    }
