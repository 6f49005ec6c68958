"""How the demo shows itself: tables at a terminal, plain lines elsewhere, nothing under --json."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Protocol, TextIO

from typing_extensions import override

Cells = Sequence[object]


class Screen(Protocol):
    """Takes what is to be shown, in order."""

    def title(self, text: str) -> None:
        """A new step."""

    def line(self, text: str) -> None:
        """One sentence."""

    def lines(self, texts: Sequence[str]) -> None:
        """What a command printed, as it printed it."""

    def table(self, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        """Facts side by side; numbers are aligned to the right."""


class Silence:
    """Shows nothing."""

    def title(self, text: str) -> None:
        """Ignored."""

    def line(self, text: str) -> None:
        """Ignored."""

    def lines(self, texts: Sequence[str]) -> None:
        """Ignored."""

    def table(self, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        """Ignored."""


class Plain:
    """Lines of text, for files and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def title(self, text: str) -> None:
        """An empty line and the words."""
        self._print("", text)

    def line(self, text: str) -> None:
        """The sentence, indented."""
        self._print(f"  {text}")

    def lines(self, texts: Sequence[str]) -> None:
        """The lines as they are: they may be as wide as the screen."""
        self._print(*texts)

    def table(self, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        """Columns under their names."""
        lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
        widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
        numeric = _numeric(columns, rows)
        for line in lines:
            cells = zip(line, widths, numeric, strict=True)
            text = "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in cells)
            self._print(f"  {text.rstrip()}")

    def _print(self, *lines: str) -> None:
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()


class Terminal(Plain):
    """Rich tables."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        super().__init__(stream)
        self._console = Console(file=stream, highlight=False)

    @override
    def title(self, text: str) -> None:
        self._console.print(f"\n{text}", style="bold cyan", markup=False)

    @override
    def line(self, text: str) -> None:
        self._console.print(f"  {text}", markup=False, soft_wrap=True)

    @override
    def table(self, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        from rich.table import Table
        from rich.text import Text

        # As narrow as can be: the widest table just fits into 80 columns.
        shown = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for name, right in zip(columns, _numeric(columns, rows), strict=True):
            shown.add_column(name, justify="right" if right else "left")
        for row in rows:
            shown.add_row(*(Text(str(cell)) for cell in row))
        self._console.print(shown)


def _numeric(columns: Sequence[str], rows: Sequence[Cells]) -> list[bool]:
    return [
        bool(rows) and all(isinstance(row[index], int) for row in rows)
        for index in range(len(columns))
    ]


def open_screen() -> Screen:
    """The screen for standard output as it is."""
    return Terminal(sys.stdout) if sys.stdout.isatty() else Plain(sys.stdout)
