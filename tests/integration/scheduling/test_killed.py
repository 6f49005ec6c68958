"""A schedule that is killed, or cut off, at any statement: one clean run makes all true.

Each scope is either as it was or as its plan says, and nothing is there twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.postgres import Databases
from tests.integration.scheduling.altered import TEAM, Truth, build, truth
from tests.integration.scheduling.stage import Stage
from tests.integration.scheduling.victim import Behind, cut, kill, wait_for_the_server
from tests.integration.sync.executioner import Message, Moment, Sql
from tuturuuu_jobs.runtime.job import OnBusy, RunRequest
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.testing.tuturuuu import Shape

# How many messages a run sends to the database, roughly: the long list must not end early.
SHORTEST, LONGEST = 40, 300


@pytest.fixture(scope="module")
def after(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """What an undisturbed run makes of it."""
    with databases.fresh(Shape.CURRENT, jobs_schema=True) as database:
        stage = Stage(database, tmp_path_factory.mktemp("undisturbed"))
        before = build(stage)
        result = stage.run(TEAM)
        assert result.exit_code == 0
        numbers = result.data["summary"]
        made = truth(stage)
        stage.close()
    counts = [numbers[f"events{what}"] for what in ("Created", "Updated", "Deleted")]
    assert counts == [2, 2, 2]
    assert before.habits != made.habits
    assert before.pieces != made.pieces
    return made


def check_atomic(stage: Stage, before: Truth, after: Truth) -> int:
    """How many scopes are committed; each is as it was or as it should be."""
    now = truth(stage)
    assert now.habits in {before.habits, after.habits}
    assert now.pieces in {before.pieces, after.pieces}
    habits, pieces = now.habits == after.habits, now.pieces == after.pieces
    assert habits or not pieces
    return habits + pieces


def check_healed(stage: Stage, after: Truth) -> None:
    """One clean run reaches the true state, the next one writes no row."""
    run_clean(stage)
    assert truth(stage) == after
    lying = stage.physical()
    run_clean(stage)
    assert stage.physical() == lying
    assert list((stage.state_dir / "spool").glob("*")) == []


def run_clean(stage: Stage) -> Result:
    """The next run; it may have to wait until the server has noticed that a client died."""
    request = RunRequest(attempts=1, on_busy=OnBusy.WAIT, wait_s=60)
    result = run_job(stage.job(), SchedulePayload(TEAM, window_days=7), request, stage.runtime())
    assert (result.exit_code, result.errors) == (0, ())
    return result


def statuses(stage: Stage) -> list[str]:
    """Of all runs but the one that built the stage, oldest first."""
    rows = stage.connection.execute("select status from jobs.runs order by created_at, id")
    return [row[0] for row in rows][1:]


BOOKS = b"select private.upsert_scheduling_metadata("
STATEMENTS = {
    "the delete": b"delete from public.workspace_calendar_events event",
    "the update": b"update public.workspace_calendar_events event",
    "the habit links' update": b"update public.habit_calendar_events link",
    "the insert": b"insert into public.workspace_calendar_events (",
    "the habit links": b"insert into public.habit_calendar_events (",
    "the task links": b"insert into public.task_calendar_events (",
    "the task links' update": b"update public.task_calendar_events link",
    "the books": BOOKS,
}
_OF_TASKS = frozenset({"the task links", "the task links' update"})


@dataclasses.dataclass(frozen=True)
class Point:
    """A moment, how many scopes are committed by then, and how the run ends if it lives on."""

    moment: Moment | Behind
    committed: int = 0
    exit_code: int = 69


POINTS: dict[str, Point] = {
    f"{when} {name}": Point(
        Sql(needle, done=when == "after"), *((1, 3) if name in _OF_TASKS else (0, 69))
    )
    for name, needle in STATEMENTS.items()
    for when in ("before", "after")
} | {
    "before the first COMMIT arrives": Point(Behind(BOOKS)),
    "when the first COMMIT is done": Point(Behind(BOOKS, done=True), 1),
    "after the second delete": Point(Sql(STATEMENTS["the delete"], 1, done=True), 1, 3),
    "after the second insert": Point(Sql(STATEMENTS["the insert"], 1, done=True), 1, 3),
    "before the second COMMIT arrives": Point(Behind(BOOKS, 1), 1, 3),
    "when the second COMMIT is done": Point(Behind(BOOKS, 1, done=True), 2, 3),
}


@pytest.mark.parametrize("name", POINTS)
def test_after_a_sigkill_one_clean_run_reaches_the_true_state(
    stage: Stage, after: Truth, name: str
) -> None:
    point = POINTS[name]
    before = build(stage)
    assert kill(stage, TEAM, point.moment)
    wait_for_the_server(stage)
    assert check_atomic(stage, before, after) == point.committed
    check_healed(stage, after)
    assert statuses(stage) == ["lost", "succeeded", "succeeded"]


@pytest.mark.parametrize("name", POINTS)
def test_after_a_cut_connection_the_next_run_reaches_the_true_state(
    stage: Stage, after: Truth, name: str
) -> None:
    point = POINTS[name]
    before = build(stage)
    fell, result = cut(stage, TEAM, point.moment, attempts=1)
    assert fell
    wait_for_the_server(stage)
    assert check_atomic(stage, before, after) == point.committed
    assert result.exit_code == point.exit_code
    check_healed(stage, after)


@pytest.mark.parametrize(
    "name", ["after the insert", "when the first COMMIT is done", "after the task links"]
)
def test_a_run_whose_connection_is_cut_heals_itself_in_its_next_attempt(
    stage: Stage, after: Truth, name: str
) -> None:
    before = build(stage)
    fell, result = cut(stage, TEAM, POINTS[name].moment, attempts=3)
    assert fell
    assert (result.exit_code, result.errors) == (0, ())
    assert check_atomic(stage, before, after) == 2
    check_healed(stage, after)


@dataclasses.dataclass(frozen=True)
class Ward:
    """Makes a new stage for each point of the long list."""

    databases: Databases
    folder: Path

    @contextlib.contextmanager
    def enter(self, number: int) -> Iterator[Stage]:
        with self.databases.fresh(Shape.CURRENT, jobs_schema=True) as database:
            stage = Stage(database, self.folder / f"{number}")
            yield stage
            stage.close()


@pytest.fixture
def ward(databases: Databases, tmp_path: Path) -> Ward:
    return Ward(databases, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_killed_at_every_message_to_the_database(ward: Ward, after: Truth, *, done: bool) -> None:
    for number in range(1, LONGEST):
        with ward.enter(number) as stage:
            before = build(stage)
            fell = kill(stage, TEAM, Message(number, done=done))
            wait_for_the_server(stage)
            check_atomic(stage, before, after)
            check_healed(stage, after)
            assert statuses(stage)[:-2] in ([], ["lost"], ["succeeded"]), number
        if not fell:
            assert number > SHORTEST
            return
    pytest.fail("the run never came to its end")


@pytest.mark.soak
@pytest.mark.parametrize("attempts", [1, 3])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_cut_at_every_message_to_the_database(
    ward: Ward, after: Truth, *, done: bool, attempts: int
) -> None:
    for number in range(1, LONGEST):
        with ward.enter(number) as stage:
            before = build(stage)
            fell, result = cut(stage, TEAM, Message(number, done=done), attempts=attempts)
            wait_for_the_server(stage)
            committed = check_atomic(stage, before, after)
            assert result.exit_code in ({0, 3, 69} if attempts == 1 else {0}), (number, result)
            assert result.exit_code != 0 or committed == 2
            check_healed(stage, after)
        if not fell:
            assert number > SHORTEST
            return
    pytest.fail("the run never came to its end")
