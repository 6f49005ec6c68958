"""A team and its people change things all the time, also while a schedule is under way.

Runs die in the middle, and others begin beside them.

After any history: the hard rules hold, nobody's edit is overwritten, and a run with nothing new to
see writes nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from typing_extensions import override

from tests.fixtures.postgres import Databases
from tests.integration.scheduling.stage import Stage
from tests.integration.scheduling.victim import cut, kill, wait_for_the_server
from tests.integration.sync.executioner import Message
from tests.unit.scheduling.rules import violations
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.runtime.run import run_job
from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Plan, Update
from tuturuuu_jobs.scheduling.model import Scope, Snapshot
from tuturuuu_jobs.scheduling.work import SchedulePayload
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

Physical = dict[tuple[str, UUID], tuple[str, str]]

MINUTE = timedelta(minutes=1)
EXAMPLES: Final = 12
LENGTH: Final = 10
SHARDS: Final = 40


@dataclasses.dataclass
class Look:
    """The rows around one plan: before and after somebody interfered."""

    before: Physical
    after: Physical
    snapshot: Snapshot
    plan: Plan | None = None


class Life:
    """Two people, their own workspaces and the team's, and chance."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.rng = random.Random(number)
        connection = stage.connection
        self.people = [seed.create_user(connection, user_id=UUID(int=n << 100)) for n in (1, 2)]
        self.own = [seed.personal_workspace(connection, user) for user in self.people]
        self.team = seed.create_workspace(
            connection, self.people[0], ws_id=UUID(int=3 << 100), timezone="Europe/Berlin"
        )
        seed.add_member(connection, self.team, self.people[1])
        self.boards = {
            ws_id: seed.create_board(connection, ws_id, self.people[0])
            for ws_id in (*self.own, self.team)
        }
        self.looks: dict[Scope, Look] = {}
        self.edits = 0
        self.running: UUID | None = self.team
        stage.before_plan = self._watch
        real = stage.planner
        stage.planner = lambda snapshot: self._note(snapshot, real(snapshot))
        for _ in range(8):
            self.add_habit()
            self.add_task()

    def execute(self, statement: str, *values: object) -> None:
        self.stage.connection.execute(statement.encode(), values)

    def any_of(self, table: str) -> UUID | None:
        query = f"select id from {table} order by id"
        rows = self.stage.connection.execute(query.encode()).fetchall()
        return self.rng.choice(rows)[0] if rows else None

    def any_ws(self) -> UUID:
        return self.rng.choice([*self.own, self.team])

    def any_time(self) -> Any:
        now = self.stage.clock.now()
        return now + timedelta(minutes=5 * self.rng.randrange(-24, 7 * 288))

    def add_habit(self) -> None:
        rng = self.rng
        split = rng.random() < 0.2
        seed.create_habit(
            self.stage.connection,
            self.any_ws(),
            f"Habit {rng.randrange(100)}",
            duration_minutes=rng.choice([15, 25, 30, 60, 90]),
            priority=rng.choice(["low", "normal", "high", "critical"]),
            ideal_time=rng.choice([None, "08:00", "12:30", "22:00"]),
            time_preference=rng.choice([None, "morning", "evening"]),
            frequency=rng.choice(["daily", "daily", "weekly"]),
            start_date=date(2026, 1, rng.randrange(1, 9)),
            is_splittable=split,
            max_instances_per_day=3 if split else None,
        )

    def add_task(self) -> None:
        rng = self.rng
        ws_id = self.any_ws()
        due = self.any_time() if rng.random() < 0.5 else None
        users = [rng.choice(self.people)] if ws_id == self.team else [self._owner(ws_id)]
        task = seed.create_task(
            self.stage.connection,
            self.boards[ws_id],
            f"Task {rng.randrange(100)}",
            assignees=users,
            hours=rng.choice([0.5, 1.0, 2.5, 6.0]),
            end_date=due,
        )
        self.execute(
            "update task_user_scheduling_settings set is_splittable = %s where task_id = %s",
            rng.random() < 0.7,
            task,
        )

    def _owner(self, ws_id: UUID) -> UUID:
        return self.people[self.own.index(ws_id)]

    def add_meeting(self) -> None:
        start = self.any_time()
        seed.create_event(
            self.stage.connection,
            self.any_ws(),
            start,
            start + MINUTE * self.rng.choice([0, 17, 30, 60, 180, 1440]),
            locked=self.rng.random() < 0.5,
        )

    def edit_event(self) -> None:
        event = self.any_of("workspace_calendar_events")
        start = self.any_time()
        statement = self.rng.choice(
            [
                "update workspace_calendar_events set start_at = %s, end_at = %s where id = %s",
                (
                    "update workspace_calendar_events set locked = not locked, created_at = %s "
                    "where %s is not null and id = %s"
                ),
                (
                    "update workspace_calendar_events set title = 'Mine', created_at = %s "
                    "where %s is not null and id = %s"
                ),
                (
                    "update workspace_calendar_events set external_event_id = id::text, "
                    "external_calendar_id = 'x', created_at = %s where %s is not null and id = %s"
                ),
                (
                    "delete from workspace_calendar_events "
                    "where %s is not null and %s is not null and id = %s"
                ),
            ]
        )
        self.execute(statement, start, start + MINUTE * self.rng.choice([20, 45, 90]), event)

    def edit_habit(self) -> None:
        habit = self.any_of("workspace_habits")
        statement = self.rng.choice(
            [
                "update workspace_habits set is_active = not is_active where id = %s",
                "update workspace_habits set auto_schedule = not auto_schedule where id = %s",
                "update workspace_habits set deleted_at = now() where id = %s",
                "update workspace_habits set name = name || 'x' where id = %s",
                "update workspace_habits set ideal_time = '10:00' where id = %s",
                "update workspace_habits set duration_minutes = 45 where id = %s",
                (
                    "insert into habit_skipped_occurrences (ws_id, habit_id, occurrence_date) "
                    "select ws_id, id, '2026-01-08' from workspace_habits where id = %s "
                    "on conflict do nothing"
                ),
                "update habit_skipped_occurrences set revoked_at = now() where habit_id = %s",
                (
                    "insert into habit_completions (habit_id, occurrence_date, event_id) "
                    "select habit_id, occurrence_date, event_id from habit_calendar_events "
                    "where habit_id = %s on conflict do nothing"
                ),
            ]
        )
        self.execute(statement, habit)

    def edit_task(self) -> None:
        task = self.any_of("tasks")
        statement = self.rng.choice(
            [
                (
                    "update tasks t set list_id = l.id from task_lists l "
                    "where t.id = %s and l.board_id = t.board_id and l.status = 'done'"
                ),
                "update tasks set deleted_at = now() where id = %s",
                (
                    "update task_user_scheduling_settings set total_duration = 4.25 "
                    "where task_id = %s"
                ),
                (
                    "update task_user_scheduling_settings set auto_schedule = not auto_schedule "
                    "where task_id = %s"
                ),
                "update task_calendar_events set completed = true where task_id = %s",
                "delete from task_assignees where task_id = %s",
                "update tasks set priority = 'critical' where id = %s",
            ]
        )
        self.execute(statement, task)

    def let_time_pass(self) -> None:
        self.stage.clock.advance(MINUTE * self.rng.choice([1, 7, 60, 300, 1440]))

    def step(self) -> None:
        """Something happens."""
        actions: list[Callable[[], None]] = [self.add_habit, self.add_task, self.add_meeting]
        actions += [self.edit_event, self.edit_event, self.edit_habit, self.edit_task]
        self.rng.choice([*actions, self.let_time_pass])()

    def schedule(self) -> None:
        """Run every workspace; now and then a run dies before the one that counts."""
        for ws_id in (*self.own, self.team):
            moment = Message(self.rng.randrange(1, 120), done=self.rng.random() < 0.5)
            match self.rng.choice(["kill", "cut", *6 * [""]]):
                case "kill":
                    self.kill(ws_id, moment)
                case "cut":
                    self.sever(ws_id, moment)
                case _:
                    pass
            self.run(ws_id)
            self.settle(ws_id)

    def run(self, ws_id: UUID) -> None:
        """Run a workspace once, while somebody interferes now and then; check what it did."""
        self.running = ws_id
        self.looks.clear()
        self.edits = self.rng.choice([0, 0, 1])
        result = self.stage.run(ws_id, attempts=2, allow_mass_delete=True)
        assert (result.exit_code, result.errors) == (0, ()), result.error
        assert {Scope(one.kind, one.user_id) for one in self.looks} == set(self.looks)
        self._check(self.stage.physical())
        self.edits = 0

    def settle(self, ws_id: UUID) -> None:
        """One undisturbed run sees all there is to see, the next one writes nothing."""
        self.running, self.edits = ws_id, 0
        self.looks.clear()
        assert self.stage.run(ws_id, allow_mass_delete=True).exit_code == 0
        self._check(self.stage.physical())
        lying = self.stage.physical()
        again = self.stage.run(ws_id, allow_mass_delete=True)
        assert again.exit_code == 0
        assert self.stage.physical() == lying

    def kill(self, ws_id: UUID, moment: Message) -> None:
        """A run dies in the middle."""
        kill(self.stage, ws_id, moment, codes=(0, 3))
        wait_for_the_server(self.stage)

    def sever(self, ws_id: UUID, moment: Message) -> None:
        """A run loses its connection, and its lock with it."""
        self.running, self.edits = None, 0
        assert cut(self.stage, ws_id, moment, attempts=1)[1].exit_code in {0, 1, 3, 69}
        wait_for_the_server(self.stage)

    def _compete(self, ws_id: UUID) -> None:
        """Another machine wants to schedule the same workspace between plan and apply."""
        runtime = self.stage.runtime(state_dir=self.stage.state_dir.with_name("elsewhere"))
        rival = run_job(self.stage.job(), SchedulePayload(ws_id), RunRequest(attempts=1), runtime)
        assert rival.exit_code == ExitCode.BUSY

    def _watch(self, snapshot: Snapshot) -> None:
        if self.rng.random() < 0.1 and self.running is not None:
            self._compete(self.running)
        before = self.stage.physical()
        if self.edits and self.rng.random() < 0.7:
            self.edits -= 1
            self.edit_event()
        self.looks[snapshot.scope] = Look(before, self.stage.physical(), snapshot)

    def _note(self, snapshot: Snapshot, made: Plan) -> Plan:
        self.looks[snapshot.scope].plan = made
        return made

    def _check(self, final: Physical) -> None:
        looks = list(self.looks.values())
        ends = [look.before for look in looks[1:]] + [final]
        for look, end in zip(looks, ends, strict=True):
            assert look.plan is not None
            assert violations(look.snapshot, look.plan) == []
            changes = look.plan.changes
            named = {c.item.event_id for c in changes if isinstance(c, Update)}
            named |= {c.event_id for c in changes if isinstance(c, Delete)}
            events = {key: at for key, at in look.after.items() if key[0] in {"event", "skip"}}
            untouched = {key: at for key, at in events.items() if key[1] not in named}
            assert {key: end.get(key) for key in untouched} == untouched
            made = sum(key[0] == "event" and key not in look.after for key in end)
            assert made == sum(isinstance(change, Insert) for change in changes)


SEEDS: Final = st.integers(0, 1 << 16)
WORKSPACES: Final = st.integers(0, 2)
CHANGES: Final = (
    Life.add_habit,
    Life.add_task,
    Life.add_meeting,
    Life.edit_habit,
    Life.edit_task,
    Life.edit_event,
)
MOMENTS: Final = st.builds(Message, st.integers(1, 120), done=st.booleans())


class ScheduleMachine(RuleBasedStateMachine):
    """One history after another, each on a database of its own."""

    def __init__(self, databases: Databases, folder: Path) -> None:
        super().__init__()
        self._databases = databases
        self._folder = folder
        self._stack = ExitStack()
        self._sound = False
        self.life: Life

    @initialize(number=SEEDS)
    def begin(self, number: int) -> None:
        fresh = self._databases.fresh(Shape.CURRENT, jobs_schema=True)
        stage = Stage(self._stack.enter_context(fresh), self._folder)
        self._stack.callback(stage.close)
        self.life = Life(stage, number)
        self._sound = True

    def _do(self, act: Callable[[], object], seed: int = 0) -> None:
        """Only a history whose every step held is worth its end."""
        self._sound = False
        self.life.rng.seed(seed)
        act()
        self._sound = True

    def _workspace(self, number: int) -> UUID:
        return (*self.life.own, self.life.team)[number]

    @rule(change=st.sampled_from(CHANGES), seed=SEEDS)
    def change(self, change: Callable[[Life], None], seed: int) -> None:
        self._do(lambda: change(self.life), seed)

    @rule(seed=SEEDS)
    def let_time_pass(self, seed: int) -> None:
        self._do(self.life.let_time_pass, seed)

    @rule(seed=SEEDS, which=WORKSPACES)
    def schedule(self, seed: int, which: int) -> None:
        self._do(lambda: self.life.run(self._workspace(which)), seed)

    @rule(moment=MOMENTS, which=WORKSPACES)
    def kill(self, moment: Message, which: int) -> None:
        self._do(lambda: self.life.kill(self._workspace(which), moment))

    @rule(moment=MOMENTS, which=WORKSPACES)
    def sever(self, moment: Message, which: int) -> None:
        self._do(lambda: self.life.sever(self._workspace(which), moment))

    @rule(which=WORKSPACES)
    def settle(self, which: int) -> None:
        self._do(lambda: self.life.settle(self._workspace(which)))

    @override
    def teardown(self) -> None:
        with self._stack:
            if self._sound:
                self.life.settle(self.life.team)


def search(databases: Databases, folder: Path, examples: int) -> None:
    """Tell so many histories."""
    numbers = itertools.count()

    class Machine(ScheduleMachine):
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


def test_any_history_ends_in_a_sound_calendar(databases: Databases, tmp_path: Path) -> None:
    search(databases, tmp_path, EXAMPLES)


@pytest.mark.soak
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_thousand_histories_do(databases: Databases, tmp_path: Path, shard: int) -> None:
    assert shard < SHARDS
    search(databases, tmp_path, settings().max_examples // SHARDS + 1)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(100, 160))
def test_long_histories_do(stage: Stage, number: int) -> None:
    life = Life(stage, number)
    for _ in range(25):
        for _ in range(life.rng.randrange(1, 8)):
            life.step()
        life.schedule()
