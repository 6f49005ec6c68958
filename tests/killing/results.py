"""The table of the last matrix, from what each of its tests left behind.

``python -m tests.killing.results`` writes it into ``docs/how-we-test.md``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from tests.killing.points import Kind, Point, Side, Strike, Way
from tests.killing.subjects import SUBJECTS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "how-we-test.md"
FOLDER: Final = ROOT / ".pytest_cache" / "d" / "killing"
BEGIN: Final = "<!-- generated: kill points -->"
END: Final = "<!-- end: kill points -->"
_HEADS: Final = ("command", "statements", "commits", "requests", "files", "strikes", "outcome")


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One test of the matrix.

    Attributes:
        part: Which of the points, from 0.
    """

    name: str
    way: Way
    side: Side
    part: int

    @override
    def __str__(self) -> str:
        return f"{self.name}-{self.way}-{self.side}-{self.part}"

    def of(self, points: list[Point]) -> list[Strike]:
        """Its strikes."""
        return [
            Strike(point, self.side, self.way)
            for point in points[self.part :: SUBJECTS[self.name].parts]
        ]

    @property
    def path(self) -> Path:
        """What it leaves when all its strikes have healed."""
        readable = re.sub(r"[^a-z0-9]+", "-", f"{self.name} {self.way} {self.side}".lower())
        return FOLDER / f"{readable}-{self.part}.json"

    def forget(self) -> None:
        """It has not passed."""
        self.path.unlink(missing_ok=True)

    def passed(self, points: list[Point]) -> None:
        """All its strikes have healed."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        kinds = Counter(point.kind.value for point in points)
        document = {"points": kinds, "strikes": len(self.of(points))}
        self.path.write_text(json.dumps(document), encoding="utf-8")

    def load(self) -> dict[str, Any]:
        """What it left."""
        document: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return document


def cells() -> Iterator[Cell]:
    """Every test of the matrix."""
    for name, subject in SUBJECTS.items():
        for way in Way:
            for side in Side:
                yield from (Cell(name, way, side, part) for part in range(subject.parts))


def render(page: str) -> str:
    """The page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_table()}\n\n{END}{after}"


def _table() -> str:
    lines = [_HEADS, tuple("---" for _ in _HEADS), *(_row(name) for name in SUBJECTS)]
    return "\n".join(f"| {' | '.join(columns)} |" for columns in lines)


def _row(name: str) -> tuple[str, ...]:
    """A command's points, and how many of the strikes at them healed by now."""
    ours = [cell for cell in cells() if cell.name == name]
    healed = [cell.load() for cell in ours if cell.path.exists()]
    if not healed:
        return (name, *("" for _ in Kind), "", "not run")
    points = healed[0]["points"]
    if any(cell["points"] != points for cell in healed):
        sys.exit(f"{name}: the program has changed between two tests of it; run them anew")
    strikes = sum(cell["strikes"] for cell in healed)
    wanted = sum(points.values()) * len(Way) * len(Side)
    outcome = "all healed" if strikes == wanted else "healed; the others were not run"
    return (
        name,
        *(str(points.get(kind.value, 0)) for kind in Kind),
        f"{strikes} of {wanted}",
        outcome,
    )


def main() -> None:
    """Write the table."""
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
