"""``python -m tests.defects [--jobs N] [NAME ...]``: which test finds each known mistake.

A test finds a mistake if it fails with it and passes without. Exits with 1 if a mistake is not
found; what was found is kept and becomes the table of docs/how-we-test.md.
"""

from __future__ import annotations

import argparse
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from tests.defects import record
from tests.defects.catalogue import SEEDS
from tests.defects.copies import Copy, NotRunError
from tests.defects.seed import Seed
from tests.docs import mistakes_page


class Hunt:
    """Some mistakes, each put into a copy that is free."""

    def __init__(self, copies: Sequence[Copy], total: int) -> None:
        self._copies: queue.SimpleQueue[Copy] = queue.SimpleQueue()
        for copy in copies:
            self._copies.put(copy)
        self._known = record.load()
        self._telling = threading.Lock()
        self._total = total
        self._done = 0

    def find(self, seed: Seed) -> str | None:
        """The test that finds a mistake; it is told and noted at once."""
        began = time.monotonic()
        copy = self._copies.get()
        try:
            test, words = copy.found_by(seed, self._known.get(seed.name)), ""
        except NotRunError as error:
            test, words = None, f"\n{error}"
        finally:
            self._copies.put(copy)
        with self._telling:
            self._done += 1
            record.note(seed.name, test)
            taken = f"{time.monotonic() - began:.1f} s"
            where = f"{self._done}/{self._total}"
            say(f"{where} {seed.name}: {test or 'NOT FOUND'} ({taken}){words}")
        return test


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def chosen() -> tuple[int, list[Seed]]:
    """How many at a time, and which."""
    parser = argparse.ArgumentParser(prog="python -m tests.defects")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*", metavar="NAME")
    given = parser.parse_args()
    unknown = set(given.names) - {seed.name for seed in SEEDS}
    if unknown:
        parser.error(f"no such mistake: {', '.join(sorted(unknown))}")
    return given.jobs, [seed for seed in SEEDS if not given.names or seed.name in given.names]


def hear_signals() -> None:
    """Let tests hear what is ignored here (in the background, under nohup): they inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, ignore)


def ignore(_number: int, _frame: FrameType | None) -> None:
    """Unlike ``SIG_IGN``, a function is not inherited by the programs that are started."""


def main() -> None:
    """All of them, or those named."""
    jobs, seeds = chosen()
    gone = [seed.name for seed in seeds if not seed.fits()]
    if gone:
        raise SystemExit(f"the text to replace is not there once: {', '.join(gone)}")
    hear_signals()
    with tempfile.TemporaryDirectory() as folder:
        copies = [Copy(Path(folder, str(number))) for number in range(jobs)]
        hunt = Hunt(copies, len(seeds))
        with ThreadPoolExecutor(jobs) as pool:
            found = list(pool.map(hunt.find, seeds))
        tests = sorted({test for test in found if test})
        red = copies[0].failing(tests) if tests else []
    mistakes_page.PAGE.write_text(mistakes_page.render(mistakes_page.PAGE.read_text()))
    if red:
        raise SystemExit(f"fails without any mistake, too: {', '.join(red)}")
    missed = [seed.name for seed, test in zip(seeds, found, strict=True) if not test]
    if missed:
        raise SystemExit(f"not found: {', '.join(missed)}")


if __name__ == "__main__":
    main()
