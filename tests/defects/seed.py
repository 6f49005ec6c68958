"""A mistake, as one replaced text."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent


@dataclasses.dataclass(frozen=True, slots=True)
class Seed:
    """One mistake.

    Attributes:
        file: Within the package.
        right: Stands there exactly once.
        wrong: What takes its place.
        tests: Where it must be found.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]

    @property
    def path(self) -> str:
        """From the root of the repository."""
        return f"tuturuuu_jobs/{self.file}"

    def fits(self) -> bool:
        """Whether the text to replace stands where it should, once."""
        path = ROOT / self.path
        return path.exists() and path.read_text().count(self.right) == 1
