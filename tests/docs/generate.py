"""``make docs``: writes the generated pages anew.

Every module ``tests/docs/*_page.py`` is a page: ``PAGE`` is its place, and ``render(page)`` makes
its text from the program and from the page as it stands.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page: its place and what it should say."""
    for module in sorted(Path(__file__).parent.glob("*_page.py")):
        page = importlib.import_module(f"tests.docs.{module.stem}")
        path: Path = page.PAGE
        yield path, page.render(path.read_text(encoding="utf-8") if path.exists() else "")


def main() -> None:
    """Write every page."""
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
