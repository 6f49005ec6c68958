"""Wards that speak to Google: each has a database, an emulator and wires of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Database, Databases
from tests.fixtures.scene import Scene, build_scene
from tests.killing.ward import Ward
from tests.killing.watching import Wires, open_wires
from tuturuuu_jobs.testing.emulator import Emulator, Switches, VirtualClock
from tuturuuu_jobs.testing.tuturuuu import Shape

W = TypeVar("W", bound=Ward)


@contextlib.contextmanager
def open_scene(
    databases: Databases, folder: Path, kind: Callable[[Database, Path, Wires, Scene], W]
) -> Generator[W]:
    """A ward of that kind."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(databases.fresh(Shape.CURRENT, jobs_schema=True))
        emulator = stack.enter_context(
            Emulator(clock=VirtualClock(EMULATOR_START), switches=Switches(strict=True))
        )
        wires = stack.enter_context(open_wires(database, emulator.base_url))
        scene = build_scene(database, emulator, folder / "state")
        ward = kind(database, scene.state_dir, wires, scene)
        stack.callback(ward.close)
        yield ward
        assert emulator.violations == ()
