"""``schedule``: a team's habit and a member's tasks, after something of every kind happened."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.fixtures.postgres import Database, Databases
from tests.integration.scheduling.altered import TEAM, Truth, build, truth
from tests.integration.scheduling.stage import NOW, Stage
from tests.killing.ward import Ward
from tests.killing.watching import Wires, open_wires
from tuturuuu_jobs.testing.tuturuuu import Shape


class ScheduleWard(Ward):
    """A run that deletes, moves and makes events in two scopes, each a transaction.

    Args:
        after: What an undisturbed run makes of a twin.
    """

    now = NOW

    def __init__(self, database: Database, state_dir: Path, wires: Wires, after: Truth) -> None:
        super().__init__(database, state_dir, wires)
        workspace = ("--ws", str(TEAM), "--window-days", "7")
        self.words = ("schedule", *workspace, "--attempts", "1", "--json")
        self.again = ("schedule", *workspace, "--json")
        self._stage = Stage(database, state_dir)
        self._before = build(self._stage)
        self._after = after

    @override
    def close(self) -> None:
        self._stage.close()
        super().close()

    @override
    def check_whole(self) -> None:
        now = truth(self._stage)
        assert now.habits in {self._before.habits, self._after.habits}
        assert now.pieces in {self._before.pieces, self._after.pieces}
        # The team's habits are committed first.
        assert now.habits == self._after.habits or now.pieces == self._before.pieces

    @override
    def check_true(self) -> None:
        assert truth(self._stage) == self._after

    @override
    def written(self) -> Any:
        return self._stage.physical()


@contextlib.contextmanager
def open_schedule(databases: Databases, folder: Path) -> Generator[ScheduleWard]:
    """Such a ward, behind a twin that showed what is right."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(databases.fresh(Shape.CURRENT, jobs_schema=True))
        wires = stack.enter_context(open_wires(database))
        ward = ScheduleWard(database, folder / "state", wires, _undisturbed(databases))
        stack.callback(ward.close)
        yield ward


@functools.cache
def _undisturbed(databases: Databases) -> Truth:
    """The same for all: the time is, and so are the ids of what is to be done."""
    with (
        tempfile.TemporaryDirectory() as folder,
        databases.fresh(Shape.CURRENT, jobs_schema=True) as database,
    ):
        stage = Stage(database, Path(folder))
        before = build(stage)
        assert stage.run(TEAM).exit_code == 0
        after = truth(stage)
        stage.close()
    assert before.habits != after.habits
    assert before.pieces != after.pieces
    return after
