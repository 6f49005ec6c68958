"""Makes the tables of docs/emulator.md from the program and the tests that prove it.

Run it as a module to rewrite the page: ``python -m tests.docs.emulator_page``.
"""

from __future__ import annotations

import ast
import dataclasses
import fnmatch
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tuturuuu_jobs.testing.emulator import Switches, examples
from tuturuuu_jobs.testing.emulator.batches import BATCH_PATH
from tuturuuu_jobs.testing.emulator.control import COMMANDS
from tuturuuu_jobs.testing.emulator.endpoints import API_PREFIX, ENDPOINTS, TOKEN_PATH

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "emulator.md"
TESTS: Final = ROOT / "tests" / "integration" / "emulator"


@dataclasses.dataclass(frozen=True, slots=True)
class Proof:
    """A test and a pattern of the names that it covers."""

    pattern: str
    test: str


@functools.cache
def proofs() -> tuple[Proof, ...]:
    """Every name in a ``covers`` decorator of the emulator's tests, read without importing."""
    return tuple(
        Proof(name.value, f"{path.stem}::{function.name}")
        for path in sorted(TESTS.glob("test_*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "covers"
        for name in decorator.args
        if isinstance(name, ast.Constant) and isinstance(name.value, str)
    )


def proved_by(name: str) -> tuple[str, ...]:
    """The tests that cover that name."""
    return tuple(proof.test for proof in proofs() if fnmatch.fnmatchcase(name, proof.pattern))


def subjects() -> tuple[str, ...]:
    """Every name that needs a test: endpoints, the token endpoint, faults."""
    return (
        *(endpoint.name for endpoint in ENDPOINTS),
        "batch",
        "token",
        *(example.name for example in examples()),
    )


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _proved(name: str) -> str:
    return "<br>".join(f"`{test}`" for test in proved_by(name))


def _endpoints() -> str:
    rows = [
        (endpoint.name, f"{endpoint.method} {API_PREFIX}{endpoint.path}", endpoint.run.__doc__)
        for endpoint in ENDPOINTS
    ]
    batch = "Up to 1,000 requests in one multipart body, each answered as if it had come alone."
    rows.append(("batch", f"POST {BATCH_PATH}", batch))
    rows.append(("token", f"POST {TOKEN_PATH}", "Refresh an access token."))
    return _table(
        ("Endpoint", "Request", "Answer", "Test"),
        ((f"`{name}`", f"`{path}`", doc or "", _proved(name)) for name, path, doc in rows),
    )


def _faults() -> str:
    return _table(
        ("Fault", "What the client sees", "Test"),
        ((f"`{one.name}`", one.meaning, _proved(one.name)) for one in examples()),
    )


def _control() -> str:
    return _table(
        ("Command", "Effect"),
        ((f"`{name}`", command.__doc__ or "") for name, command in COMMANDS.items()),
    )


def _switches() -> str:
    text = " ".join((Switches.__doc__ or "").split("Attributes:")[1].split())
    parts = re.split(r"(?:^| )(\w+): ", text)[1:]
    meanings = dict(zip(parts[::2], parts[1::2], strict=True))
    return _table(
        ("Switch", "Default", "Meaning"),
        (
            (f"`{field.name}`", f"`{getattr(Switches(), field.name)}`", meanings[field.name])
            for field in dataclasses.fields(Switches)
        ),
    )


def render(page: str) -> str:
    """The page with every generated part made anew; the rest of its text stays."""
    parts = {
        "endpoints": _endpoints,
        "faults": _faults,
        "control": _control,
        "switches": _switches,
    }
    for name, make in parts.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        before, _, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not closed:
            raise ValueError(f"the page has no part between {begin} and {end}")
        page = f"{before}{begin}\n{make()}\n{end}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
