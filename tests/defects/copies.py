"""Copies of the repository, and what the tests say in one when a mistake is in it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from tests.defects.seed import ROOT, Seed

_PARTS: Final = (
    *("tuturuuu_jobs", "tests", "benchmarks", "docs", "systemd"),
    *("pyproject.toml", "constraints.txt", "Makefile", "README.md", "crontab.example"),
)
_PYTEST: Final = (
    *("-m", "pytest", "--tb=no", "-m", "not soak", "--hypothesis-profile=defects"),
    *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist"),
)
_FAILED: Final = re.compile(r"^FAILED (tests/.+?)(?: - .*)?$", re.MULTILINE)
_LIMIT_S: Final = 900
_NOTHING_RAN: Final = {4, 5}
"""No such test, or none collected."""


class NotRunError(Exception):
    """The tests ended without an answer; the text is what they wrote."""


class Copy:
    """A folder with all that the tests need; nothing done in it changes the repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
        for name in _PARTS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=ignored)
            else:
                shutil.copy(source, folder / name)

    def found_by(self, seed: Seed, known: str | None) -> str | None:
        """The first test that fails with the mistake in place, or None.

        Args:
            seed: The mistake.
            known: The test that found it the last time; asked before all others.

        Raises:
            NotRunError: The tests could not be run.
        """
        with self._seeded(seed):
            found = self.failing(["-x", known]) if known else []
            return next(iter(found or self.failing(["-x", *seed.tests], must_run=True)), None)

    def failing(self, tests: Sequence[str], *, must_run: bool = False) -> list[str]:
        """Those of some tests that fail.

        Args:
            tests: Paths and ids, with ``-x`` before them if the first failure says enough.
            must_run: Whether it is a fault if there are no such tests.

        Raises:
            NotRunError: They ended in another way than passing or failing.
        """
        try:
            run = subprocess.run(
                [sys.executable, *_PYTEST, *tests],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(self._folder)},
                capture_output=True,
                text=True,
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired as error:
            raise NotRunError(f"no end after {_LIMIT_S} s") from error
        found = _FAILED.findall(run.stdout)
        if run.returncode == 0 or found:
            return found
        if run.returncode in _NOTHING_RAN and not must_run:
            return []
        raise NotRunError(f"{run.stdout[-2000:]}{run.stderr[-2000:]}")

    @contextlib.contextmanager
    def _seeded(self, seed: Seed) -> Generator[None]:
        path = self._folder / seed.path
        right = path.read_text()
        path.write_text(right.replace(seed.right, seed.wrong))
        try:
            yield
        finally:
            path.write_text(right)
