"""``make docs``: writes the generated pages anew.

Every module ``tests/docs/*_page.py`` is a page: ``PATH`` says where it goes, relative to the
repository, and ``render()`` returns its whole text from the program itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page: its place and its text."""
    for module in sorted(Path(__file__).parent.glob("*_page.py")):
        page = importlib.import_module(f"tests.docs.{module.stem}")
        yield ROOT / page.PATH, page.render()


def main() -> None:
    """Write every page."""
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
