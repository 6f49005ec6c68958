"""``make docs``: writes the generated pages anew.

Every module ``tests/docs/*_page.py`` is a page: ``PAGE`` is its place, and ``render(page)`` makes
its text from the program and from the page as it stands.
"""

from __future__ import annotations

import importlib
from pathlib import Path

PAGES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*_page.py")))


def render(name: str) -> tuple[Path, str]:
    """A page's place, and what it should say."""
    page = importlib.import_module(f"tests.docs.{name}")
    path: Path = page.PAGE
    return path, page.render(path.read_text(encoding="utf-8") if path.exists() else "")


def main() -> None:
    """Write every page."""
    for path, text in map(render, PAGES):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
