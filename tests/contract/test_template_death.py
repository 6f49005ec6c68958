"""What a template that dies at a bad moment must not change for the child asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tests.contract.dying import FOLDER
from tests.contract.test_launchers import PROGRAM, RUN_ID
from tuturuuu_jobs import wiring
from tuturuuu_jobs.runtime.children import ChildEnd, ChildSpec
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.fanout import FanOut


def test_a_child_that_is_started_again_finds_its_whole_input(tmp_path: Path) -> None:
    program = dataclasses.replace(
        PROGRAM,
        entry="tests.contract.dying:main",
        environ={**PROGRAM.environ, FOLDER: str(tmp_path)},
        preload=("tests.contract.dying:arm",),
    )
    ends: list[ChildEnd] = []

    def on_end(end: ChildEnd) -> bool:
        ends.append(end)
        return True

    spec = ChildSpec(RUN_ID, "child", ("reads", str(RUN_ID)), b"a payload", 30.0)
    with wiring.children.build_launcher("fork", program) as launcher:
        FanOut(launcher, SystemClock(), 1, lambda _spec, _line: None, on_end).run(iter([spec]))
    assert (tmp_path / "died").exists()
    [end] = ends
    assert end.result is not None
    assert end.result.data == {"read": "a payload"}
