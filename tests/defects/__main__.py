"""``python -m tests.defects [NAME ...]``: each mistake in a copy, and which test finds it.

Exits with 1 if one is not found. The copy is a folder of its own; nothing here is changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.defects import of_schedule, of_sync
from tests.defects.seed import ROOT, Seed

SEEDS = (*of_schedule.SEEDS, *of_sync.SEEDS)

PARTS = ("tuturuuu_jobs", "tests", "benchmarks", "pyproject.toml")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def copied(target: Path) -> None:
    """What the tests need."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=ignored)
        else:
            shutil.copy(source, target / name)


def seeded(seed: Seed, text: str) -> str:
    """The file with the mistake in it."""
    if text.count(seed.right) != 1:
        raise SystemExit(f"{seed.name}: {seed.path} holds its text {text.count(seed.right)} times")
    return text.replace(seed.right, seed.wrong)


def found_by(seed: Seed, copy: Path) -> str | None:
    """The first test that fails with the mistake in place, or None."""
    path = copy / seed.path
    right = path.read_text()
    path.write_text(seeded(seed, right))
    command = [sys.executable, "-m", "pytest", "-x", "--tb=no", "-m", "not xfail", *seed.tests]
    try:
        run = subprocess.run(
            [*command, "-p", "no:cacheprovider", "-p", "no:randomly"],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(right)
    found = FAILED.search(run.stdout)
    if run.returncode not in {0, 1}:
        raise SystemExit(f"{seed.name}: the tests did not run\n{run.stdout[-2000:]}{run.stderr}")
    return found.group(1) if found else None


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """All of them, or those named."""
    chosen = [seed for seed in SEEDS if not sys.argv[1:] or seed.name in sys.argv[1:]]
    missed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        copied(Path(folder))
        say("| mistake | found by |\n| --- | --- |")
        for seed in chosen:
            test = found_by(seed, Path(folder))
            missed += [] if test else [seed.name]
            say(f"| {seed.name} | {test or '**nothing**'} |")
    if missed:
        raise SystemExit(f"not found: {', '.join(missed)}")


if __name__ == "__main__":
    main()
