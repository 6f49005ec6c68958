"""docs/events.md beside the code that writes events, and beside what it promised before."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import tuturuuu_jobs
from tests.docs.event_types import described

# What readers may rely on since version 1 of each type. Only ever add here.
PROMISED = {
    "run.started": {"job", "attempt"},
    "run.replayed": {"replay_of"},
    "attempt.failed": {"attempt", "code"},
    "calendar.synced": {
        *("account", "inserted", "updated", "deleted", "swept", "sweep_refused", "full"),
    },
    "rows.changed": {"account", "change", "ids"},
    "primary_rows.swept": {"swept"},
    "schedule.applied": {"scope", "user_id", "changes"},
    "run.cancel_requested": {"reason"},
    "run.settled": {"status", "code"},
    "lock.skipped": {"status", "code"},
    "run.lost": set[str](),
    "run.crashed": {"found_by", "code"},
}
SUBJECTS = {name.partition(".")[0] for name in PROMISED}
TYPE = re.compile(rf"(?:^|')((?:{'|'.join(SUBJECTS)})\.[a-z_]+)(?:$|')")


def written() -> Iterator[str]:
    """Every string of the program, also inside its SQL, that looks like a type of event."""
    for path in Path(tuturuuu_jobs.__file__).parent.rglob("*.py"):
        if "testing" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield from TYPE.findall(node.value)


def test_every_type_that_the_program_writes_is_described_and_no_other() -> None:
    assert described().keys() == set(written())


def test_what_was_promised_is_kept() -> None:
    assert {name: (1, promised - described()[name][1]) for name, promised in PROMISED.items()} == {
        name: (described()[name][0], set[str]()) for name in PROMISED
    }


def test_every_type_has_a_promise() -> None:
    assert described().keys() == PROMISED.keys()
