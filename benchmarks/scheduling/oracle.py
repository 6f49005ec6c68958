"""The best plan there is, by an exact solver, with a proof or at least a bound.

``python -m benchmarks.scheduling.oracle [SECONDS] [SOLVER]`` in an environment of its own; results
are kept after each instance. Time is cut into steps of five minutes. Each habit instance picks a
start and a length; a task that may be split works or does not work in each step, and a piece is a
run of such steps. All parts of the objective are exact but one: the delay of a splittable task's
piece is taken a little too small (some points in a hundred thousand), so the bound stays a bound.
The incumbent is scored by the scorer.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from ortools.linear_solver.python import model_builder

from benchmarks.scheduling.generator import Recipe, generate
from tests.unit.scheduling.reading import (
    Occurrence,
    all_blocks,
    occurrences,
    wanted,
    window,
)
from tests.unit.scheduling.scorer import score
from tuturuuu_jobs.scheduling.daytime import merged
from tuturuuu_jobs.scheduling.decisions import Item, ItemKind
from tuturuuu_jobs.scheduling.model import GRID, Buffers, Snapshot, Task
from tuturuuu_jobs.scheduling.plan import plan

HALF = 0.5
Steps = tuple[dict[int, Any], dict[int, Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """Free steps in a row, between the walls nearest to them."""

    first: int
    last: int


class Model:
    """One snapshot as a program; steps are counted from the epoch."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.program = model_builder.Model()
        self.terms: list[tuple[Any, int]] = []
        self.busy: defaultdict[int, list[Any]] = defaultdict(list)
        self.starts: defaultdict[int, list[Any]] = defaultdict(list)
        self.ends: defaultdict[int, list[Any]] = defaultdict(list)
        self.walls = merged((b.start, b.end) for b in snapshot.blockers)
        self.whole: list[tuple[Any, Item]] = []
        self.pieces: list[tuple[Task, dict[int, Any]]] = []
        self.now, self.until = window(snapshot)
        for wish in occurrences(snapshot):
            self._habit(wish)
        for task in snapshot.tasks:
            self._split(task) if task.splittable else self._task(task)
        self._neighbours()
        self.program.maximize(sum(factor * variable for variable, factor in self.terms))

    def hint(self, items: Iterable[Item]) -> None:
        """Begin the search at a plan."""
        spans = {(item.id, item.date, item.start, item.end) for item in items}
        for variable, item in self.whole:
            known = (item.id, item.date, item.start, item.end) in spans
            self.program.add_hint(variable, float(known))
        for task, works in self.pieces:
            mine = [(start, end) for identity, _, start, end in spans if identity == task.id]
            for step, variable in works.items():
                inside = any(start <= step * GRID < end for start, end in mine)
                self.program.add_hint(variable, float(inside))

    def free(self, blocks: list[tuple[int, int]]) -> list[Run]:
        """What the walls leave of blocks inside the window."""
        runs: list[Run] = []
        for start, end in blocks:
            position, stop = max(start, self.now), min(end, self.until)
            for begin, over in [*self.walls, (stop, stop)]:
                if position < min(begin, stop):
                    runs.append(Run(position // GRID, min(begin, stop) // GRID))
                position = max(position, over)
        return runs

    def before(self, step: int) -> int:
        """What starting here costs because of the event before."""
        ends = [end for _, end in self.walls if end <= step * GRID]
        return _gap(self.snapshot.buffers, step * GRID - max(ends)) if ends else 0

    def after(self, step: int) -> int:
        """What ending here costs because of the event after."""
        begins = [begin for begin, _ in self.walls if begin >= step * GRID]
        return _gap(self.snapshot.buffers, min(begins) - step * GRID) if begins else 0

    def _fixed_length(self, item: Item, value: int) -> Any:
        """An item that may stand exactly there, and what it is worth."""
        first, last = item.start // GRID, item.end // GRID
        variable = self.program.new_bool_var("")
        tidy = 5 * (item.start % 15 > 0)
        self.terms.append((variable, value - tidy - self.before(first) - self.after(last)))
        for step in range(first, last):
            self.busy[step].append(variable)
        self.starts[first].append(variable)
        self.ends[last].append(variable)
        self.whole.append((variable, item))
        return variable

    def _at_most_one(self, variables: list[Any]) -> None:
        if len(variables) > 1:
            self.program.add(sum(variables) <= 1)

    def _habit(self, wish: Occurrence) -> None:
        habit, options = wish.habit, []
        for run in self.free(list(wish.blocks)):
            for length in range(habit.minutes, wish.shortest - 1, -GRID):
                for step in range(run.first, run.last - length // GRID + 1):
                    start = step * GRID
                    away, out = wish.distance(0, start, start + length)
                    if out <= wish.tolerance:
                        item = _item(ItemKind.HABIT, habit.id, start, length, wish.day)
                        worth = habit.weight * length * (100 - 2 * -(-away // 15))
                        options.append(self._fixed_length(item, worth))
        self._at_most_one(options)

    def _task(self, task: Task) -> None:
        length, options = wanted(self.snapshot, task).rest, []
        for run in self.free(all_blocks(self.snapshot, task.hours)):
            for step in range(run.first, run.last - length // GRID + 1):
                start = step * GRID
                if start >= (task.start or 0):
                    late = 0
                    if task.deadline is not None:
                        late = max(0, start + length - max(start, task.deadline))
                    delay = task.weight * length * (start - self.now) // 1440
                    worth = task.weight * (100 * length - 50 * late) - delay
                    item = _item(ItemKind.TASK, task.id, start, length)
                    options.append(self._fixed_length(item, worth))
        self._at_most_one(options)

    def _split(self, task: Task) -> None:
        want = wanted(self.snapshot, task)
        least, most = want.shortest // GRID, want.longest // GRID
        works: dict[int, Any] = {}
        begins: dict[int, Any] = {}
        for run in self.free(all_blocks(self.snapshot, task.hours)):
            first = max(run.first, -(-(task.start or 0) // GRID))
            self._run(task, Run(first, run.last), least, most, (works, begins))
        if not works:
            return
        total, goal = sum(works.values()), want.rest // GRID
        whole = self.program.new_bool_var("")
        self.program.add(total >= goal * whole)
        self.program.add(total <= goal - least + least * whole)
        extra = self.program.new_int_var(0, len(works), "")
        self.program.add(extra >= sum(begins.values()) - -(-want.rest // want.longest))
        self.terms.append((extra, -300))
        self.pieces.append((task, works))

    def _run(self, task: Task, run: Run, least: int, most: int, vars_: Steps) -> None:
        """Work, begin and end in each step of a run; a piece is ``least`` to ``most`` long."""
        if run.last - run.first < least:
            return
        steps = range(run.first, run.last)
        work = {step: self.program.new_bool_var("") for step in steps}
        begin = {step: self.program.new_bool_var("") for step in steps}
        end = {step: self.program.new_bool_var("") for step in range(run.first + 1, run.last + 1)}
        for step in range(run.first, run.last + 1):
            ended, begun = end.get(step, 0), begin.get(step, 0)
            self.program.add(work.get(step, 0) - work.get(step - 1, 0) - begun + ended == 0)
            if run.first < step < run.last:
                self.program.add(ended + begun <= 1)
        for step in steps:
            recent = [begin[at] for at in range(step - least + 1, step + 1) if at in begin]
            self.program.add(sum(recent) <= work[step])
            row = [work[at] for at in range(step, step + most + 1) if at in work]
            if len(row) > most:
                self.program.add(sum(row) <= most)
            if step + least > run.last:
                self.program.add(begin[step] == 0)
            self._step(task, step, work[step], begin[step], most)
        for step, variable in end.items():
            self.terms.append((variable, -self.after(step)))
            self.ends[step].append(variable)
        vars_[0].update(work)
        vars_[1].update(begin)

    def _step(self, task: Task, step: int, work: Any, begin: Any, most: int) -> None:
        at = step * GRID
        late = task.deadline is not None and at >= task.deadline
        middle = max(0, at - self.now - (most - 1) * GRID / 2)
        worth = task.weight * GRID * (50 if late else 100)
        self.terms.append((work, worth - int(task.weight * GRID * middle / 1440)))
        self.terms.append((begin, -self.before(step) - 5 * (at % 15 > 0)))
        self.busy[step].append(work)
        self.starts[step].append(begin)

    def _neighbours(self) -> None:
        """One thing at a time, and what own items cost each other for standing too near."""
        for variables in self.busy.values():
            self._at_most_one(variables)
        for step, ending in self.ends.items():
            for gap in range(self.snapshot.buffers.preferred // GRID + 1):
                cost = _gap(self.snapshot.buffers, gap * GRID)
                following = self.starts.get(step + gap, [])
                if cost and following:
                    near = self.program.new_bool_var("")
                    self.program.add(near >= sum(ending) + sum(following) - 1)
                    self.terms.append((near, -cost))


def _gap(buffers: Buffers, gap: int) -> int:
    return 10 * max(0, buffers.preferred - gap) + 20 * max(0, buffers.minimum - gap)


def _item(kind: ItemKind, identity: UUID, start: int, length: int, day: Any = None) -> Item:
    return Item(kind, identity, day, start, start + length, None, "")


def _items(model: Model, solver: model_builder.Solver) -> list[Item]:
    items = [item for variable, item in model.whole if solver.value(variable) > HALF]
    for task, works in model.pieces:
        worked = merged(
            (step * GRID, (step + 1) * GRID)
            for step, variable in works.items()
            if solver.value(variable) > HALF
        )
        items += [_item(ItemKind.TASK, task.id, start, end - start) for start, end in worked]
    return items


def solve(recipe: Recipe, seconds: float, name: str) -> dict[str, Any]:
    """Incumbent and bound of one instance, as a row for the results."""
    snapshot = generate(recipe)
    model = Model(snapshot)
    model.hint(plan(snapshot).items)
    solver = model_builder.Solver(name)
    solver.set_time_limit_in_seconds(seconds)
    if name == "scip":
        solver.set_solver_specific_parameters("timing/clocktype = 1")
    started = time.process_time()
    status = solver.solve(model.program)
    spent = time.process_time() - started
    found = status in {model_builder.SolveStatus.OPTIMAL, model_builder.SolveStatus.FEASIBLE}
    items = _items(model, solver) if found else []
    return {
        "recipe": dataclasses.asdict(recipe),
        "status": status.name.lower(),
        "score": score(snapshot, items).total,
        "objective": round(solver.objective_value) if found else 0,
        "bound": round(solver.best_objective_bound) if found else None,
        "seconds": round(spent, 2),
        "plan": score(snapshot, plan(snapshot).items).total,
        "items": [
            [item.kind, str(item.id), item.date and str(item.date), item.start, item.end]
            for item in items
        ],
    }


def main() -> None:
    """Solve the small instances one by one, each for at most so many seconds."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else 120.0
    name = sys.argv[2] if sys.argv[2:] else "scip"
    target = Path(__file__).parent.parent / "results" / "scheduling-oracle.json"
    rows: list[dict[str, Any]] = []
    for seed in range(1, 7):
        for load in (0.5, 0.8, 1.0, 1.3):
            rows.append(solve(Recipe(5, load, seed, short_days=True), seconds, name))
            target.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
