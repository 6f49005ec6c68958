"""Whatever happens to calendars and to runs: one undisturbed sync makes the table true.

After any sequence of edits, faults, deaths and runs beside each other the next undisturbed run
makes the table equal to Google, the one after it writes nothing, and no run ever touches a row that
is not its own or deletes one that is not proved gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from typing_extensions import override

from tests.fixtures.postgres import Databases
from tests.integration.sync.executioner import Moment
from tests.integration.sync.story import runs, steps
from tests.integration.sync.story.proof import settle
from tests.integration.sync.story.troubles import RULES, TROUBLES, Trouble
from tests.integration.sync.story.world import Nature, Step, World, new_world
from tuturuuu_jobs.testing.emulator import FaultKind

EXAMPLES: Final = 30
LENGTH: Final = 10
SHARDS: Final = 40


class SyncMachine(RuleBasedStateMachine):
    """One story after another, each in a world of its own."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        super().__init__()
        self._databases = databases
        self._folder = folder
        self._stack = ExitStack()
        self._sound = False
        self.world: World

    @initialize(nature=steps.NATURES)
    def begin(self, nature: Nature) -> None:
        made = new_world(self._databases, self._folder, nature)
        self.world = self._stack.enter_context(made)
        self._sound = True

    def _change(self, changes: list[Step]) -> None:
        self._do(lambda: self.world.change(*changes))

    def _do(self, act: Callable[[], object]) -> None:
        """Only a story whose every step held is worth its end."""
        self._sound = False
        act()
        self._sound = True

    @rule(changes=steps.some(steps.ONE_OFF_CHANGES))
    def change_one_offs(self, changes: list[Step]) -> None:
        self._change(changes)

    @rule(changes=steps.some(steps.EVENT_CHANGES))
    def change_events(self, changes: list[Step]) -> None:
        self._change(changes)

    @rule(changes=steps.some(steps.SERIES_CHANGES))
    def change_series(self, changes: list[Step]) -> None:
        self._change(changes)

    @rule(changes=steps.some(steps.OCCURRENCE_CHANGES))
    def change_occurrences(self, changes: list[Step]) -> None:
        self._change(changes)

    @rule(changes=steps.some(steps.DISTURBANCES))
    def disturb(self, changes: list[Step]) -> None:
        self._do(lambda: self.world.disturb(*changes))

    @rule(full=st.booleans(), allow=st.booleans())
    def sync(self, *, full: bool, allow: bool) -> None:
        self._do(lambda: runs.disturbed(self.world, full=full, attempts=1, allow_mass_delete=allow))

    @rule(
        troubles=TROUBLES,
        change=steps.CHANGES,
        full=st.booleans(),
        attempts=st.integers(1, 3),
        allow=st.booleans(),
    )
    def sync_in_trouble(
        self, troubles: list[Trouble], change: Step, attempts: int, *, full: bool, allow: bool
    ) -> None:
        def act() -> None:
            self.world.arm(troubles, change)
            runs.disturbed(self.world, full=full, attempts=attempts, allow_mass_delete=allow)

        self._do(act)

    @rule(moment=steps.MOMENTS)
    def kill(self, moment: Moment) -> None:
        self._do(lambda: runs.killed(self.world, moment))

    @rule(moment=steps.MOMENTS, attempts=st.integers(1, 3))
    def sever(self, moment: Moment, attempts: int) -> None:
        self._do(lambda: runs.severed(self.world, moment, attempts=attempts))

    @rule(
        request=st.integers(1, 6),
        full=st.booleans(),
        attempts=st.integers(1, 3),
        lock_lost=st.booleans(),
    )
    def overtake(self, request: int, attempts: int, *, full: bool, lock_lost: bool) -> None:
        self._do(
            lambda: runs.overtaken(
                self.world, request=request, full=full, attempts=attempts, lock_lost=lock_lost
            )
        )

    @rule(count=st.integers(2, 3))
    def race(self, count: int) -> None:
        self._do(lambda: runs.raced(self.world, count))

    @rule(full=st.booleans())
    def settle(self, *, full: bool) -> None:
        self._do(lambda: settle(self.world, full=full))

    @override
    def teardown(self) -> None:
        with self._stack:
            if self._sound:
                settle(self.world, full=False)


def search(databases: Databases, folder: Path, examples: int) -> None:
    """Tell so many stories."""
    numbers = itertools.count()

    class Machine(SyncMachine):
        def __init__(self) -> None:
            super().__init__(databases, folder / f"{next(numbers)}")

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=LENGTH,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )


def test_any_story_ends_in_the_truth(databases: Databases, tmp_path: Path) -> None:
    search(databases, tmp_path, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_thousand_stories_do(databases: Databases, tmp_path: Path, shard: int) -> None:
    assert shard < SHARDS
    search(databases, tmp_path, settings().max_examples // SHARDS + 1)


OLD_FINDS: Final[dict[str, list[Step]]] = {
    "split, then its head goes": [
        *(("repeat", "weekly", 0, 6), ("settle",), ("split", "weekly", 3), ("delete", "weekly")),
    ],
    "split, then its tail goes": [
        *(("repeat", "weekly", 0, 6), ("settle",), ("split", "weekly", 3)),
        ("following", "weekly", "delete"),
    ],
    "a series goes": [("repeat", "weekly", 0, 6), ("settle",), ("delete", "weekly")],
    "a series of days goes": [("repeat", "days", 0, 6), ("settle",), ("delete", "days")],
    "the only event goes with the token": [
        *(("put_days", "a", 0, 5, 1), ("settle",), ("invalidate", 0), ("delete", "a")),
    ],
    "an event slides in": [("put_days", "a", 0, 195, 1), ("settle",), ("advance", 8)],
    "a series moves with its exceptions, and back": [
        *(("repeat", "daily", 0, 6), ("cancel", "daily", 1), ("move", "daily", 2, 1)),
        *(("settle",), ("transfer", "daily", 1), ("settle",), ("repeat", "daily", 0, 2)),
        *(("transfer", "daily", 0), ("settle",), ("repeat", "daily", 0, 6)),
    ],
    "a deletion is taken back": [
        *(("put", "a", 0, 5, 1), ("settle",), ("discard", "a"), ("settle",), ("undelete", "a", 0)),
    ],
}


@pytest.mark.parametrize("forgetful", [False, True], ids=["mindful", "forgetful"])
@pytest.mark.parametrize("name", OLD_FINDS)
def test_a_known_story_ends_in_the_truth(
    databases: Databases, tmp_path: Path, name: str, *, forgetful: bool
) -> None:
    nature = Nature(forgetful=forgetful)
    with new_world(databases, tmp_path / "state", nature) as world:
        for step in [*OLD_FINDS[name], ("settle",)]:
            if step == ("settle",):
                settle(world, full=False)
            elif step[0] in {"advance", "invalidate"}:
                world.disturb(step)
            else:
                world.change(step)


def test_every_kind_of_fault_may_happen() -> None:
    assert set(RULES) == set(FaultKind)
