"""The two faces of the demo show the same facts."""

from __future__ import annotations

import io

import pytest

from tuturuuu_jobs.testing.demo.screen import Plain, Screen, Silence, Terminal


def show(screen: Screen) -> None:
    screen.title("A step")
    screen.line("$ command --ws $WS [not markup]")
    screen.table(("name", "rows"), [("a[b]", 5), ("c", 1200)])


def test_plain_lines_align_numbers_to_the_right() -> None:
    stream = io.StringIO()

    show(Plain(stream))

    assert stream.getvalue().splitlines() == [
        "",
        "A step",
        "  $ command --ws $WS [not markup]",
        "  name  rows",
        "  a[b]     5",
        "  c     1200",
    ]


def test_a_terminal_gets_the_same_words() -> None:
    stream = io.StringIO()

    show(Terminal(stream))

    words = stream.getvalue().split()
    assert words == (
        "A step $ command --ws $WS [not markup] name rows a[b] 5 c 1200".split()  # noqa: SIM905
    )


def test_a_table_without_rows_is_its_heading() -> None:
    stream = io.StringIO()

    Plain(stream).table(("name", "rows"), [])

    assert stream.getvalue() == "  name  rows\n"


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show(Silence())

    assert capsys.readouterr() == ("", "")
