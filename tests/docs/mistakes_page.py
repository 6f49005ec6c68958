"""The table of known mistakes in the page about tests, from the last run of ``make defects``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.defects import record
from tests.defects.catalogue import SEEDS
from tests.docs.reference_page import table

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-we-test.md"
BEGIN: Final = "<!-- The table of known mistakes; written by `make defects`. -->\n"
END: Final = "<!-- End of the known mistakes. -->\n"


def render(page: str) -> str:
    """The page with the table as it should be, everything else as it is."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    found = record.load()
    rows = [
        (seed.name, f"`{seed.file}`", _short(found[seed.name]))
        for seed in SEEDS
        if seed.name in found
    ]
    return f"{before}{BEGIN}\n{table(('mistake', 'in', 'found by'), rows)}{END}{after}"


def _short(test: str) -> str:
    """Where it stands below tests/, without its parameters."""
    path, name = test.split("::", 1)
    return f"`{path.removeprefix('tests/')}` {name.split('[')[0].replace('::', ' ')}"
