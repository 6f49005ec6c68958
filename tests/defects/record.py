"""Which test found which mistake when they were last run; the table of the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.defects.catalogue import SEEDS

PLACE: Final = Path(__file__).with_name("found.json")


def load() -> dict[str, str]:
    """A test's id, by the name of the mistake."""
    found: dict[str, str] = json.loads(PLACE.read_text()) if PLACE.exists() else {}
    return found


def note(name: str, test: str | None) -> None:
    """Write what became of one mistake; one that is no longer known is left out."""
    found = {**load(), name: test}
    kept = {seed.name: found[seed.name] for seed in SEEDS if found.get(seed.name)}
    PLACE.write_text(json.dumps(kept, indent=2) + "\n")
