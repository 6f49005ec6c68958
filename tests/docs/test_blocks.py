"""Every console block of the documents does what it says, on a kept demo."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.blocks import Block, Machine, blocks, script
from tests.docs.event_types import described

QUICKSTART = "README.md#2"
ELSEWHERE = {
    # Serves until it is stopped; the page's own tests start it and ask what the page asks.
    "docs/emulator.md": "tests/docs/test_emulator_page.py",
}


def found() -> list[Block]:
    return [block for block in blocks() if block.page not in ELSEWHERE and str(block) != QUICKSTART]


@contextlib.contextmanager
def following_the_quickstart(directory: Path) -> Generator[Machine]:
    """A machine on which the quickstart has been followed, but for its last line."""
    made = Machine(directory)
    (quickstart,) = (block for block in blocks() if str(block) == QUICKSTART)
    *lines, stop = quickstart.text.splitlines()
    assert stop.endswith("demo --stop")
    try:
        done = made.run(script(Block("", 0, "\n".join(lines) + "\n")))
        assert done.returncode == 0, done.stderr
        yield made
    finally:
        ended = made.run(stop)
    assert ended.returncode == 0, ended.stderr


def runs(machine: Machine) -> list[dict[str, Any]]:
    listed = machine.run(". ./demo.env\ntuturuuu-jobs runs list --json")
    assert listed.returncode == 0, listed.stderr
    rows: list[dict[str, Any]] = json.loads(listed.stdout)["runs"]
    return rows


def check_events(machine: Machine) -> None:
    """Every event of the day is as its page says."""
    read = machine.run(". ./demo.env\ntuturuuu-jobs events read --consumer page-test")
    events = [json.loads(line) for line in read.stdout.splitlines()]
    assert {"rows.changed", "schedule.applied", "calendar.synced", "run.settled"} <= {
        event["type"] for event in events
    }
    fields = {name: of_type for name, (_, of_type) in described().items() if of_type}
    unlike = [
        (event["type"], event["data"])
        for event in events
        if event["type"] in fields and event["data"].keys() != fields[event["type"]]
    ]
    assert unlike == []


def test_every_block_does_what_its_page_says(tmp_path: Path, subtests: pytest.Subtests) -> None:
    with following_the_quickstart(tmp_path) as machine:
        shown = runs(machine)
        assert {"sync", "full-sync"} <= {row["job"] for row in shown}
        run_id = next(row["run_id"] for row in shown if row["status"] != "queued")
        preamble = ". ./demo.env\nexport WS_ID=$WS_PERSONAL\n"
        for block in found():
            with subtests.test(block=str(block)):
                done = machine.run(preamble + script(block), RUN_ID=run_id)
                assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
        with subtests.test(block="docs/events.md"):
            check_events(machine)


def test_blocks_run_elsewhere_have_their_tests() -> None:
    pages = {block.page for block in blocks()}
    assert ELSEWHERE.keys() <= pages
