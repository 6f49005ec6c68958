"""What planning promises of every snapshot, not only of those that somebody thought of."""

from __future__ import annotations

import copy
import dataclasses
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.scheduling.bound import on_time
from tests.unit.scheduling.applying import applied
from tests.unit.scheduling.building import LOW, T, named
from tests.unit.scheduling.reading import (
    all_blocks,
    down,
    events,
    is_fixed,
    now_up,
    occurrences,
    overlapping,
    up,
    walls,
    wanted,
    window,
)
from tests.unit.scheduling.rules import violations
from tests.unit.scheduling.scorer import score
from tests.unit.scheduling.strategies import snapshots, uneven, weights
from tuturuuu_jobs.scheduling.daytime import DAY, merged
from tuturuuu_jobs.scheduling.decisions import Code, Delete, Insert, ItemKind, Plan, Update
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Blocker,
    BlockerKind,
    Buffers,
    HoursType,
    Snapshot,
    Task,
    floor_minute,
)
from tuturuuu_jobs.scheduling.plan import plan

WEEK = 7 * DAY
FRAGMENT = 300
"""What one more piece costs: a few minutes in time are not worth cutting two tasks up."""


def shuffled(snapshot: Snapshot, seed: int) -> Snapshot:
    """The same, every list in another order."""
    rng = random.Random(seed)

    def mixed(values: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(rng.sample(values, len(values)))

    names = ("blockers", "habits", "instances", "tasks", "pieces")
    lists = {name: mixed(getattr(snapshot, name)) for name in names}
    completions = dict(reversed(list(snapshot.completions.items())))
    return dataclasses.replace(snapshot, completions=completions, **lists)  # type: ignore[arg-type]  # tuples of the same values


@given(snapshots())
def test_p1_to_p7_and_p19_no_hard_rule_is_broken(snapshot: Snapshot) -> None:
    assert violations(snapshot, plan(snapshot)) == []


@given(snapshots())
def test_p8_what_is_applied_is_not_planned_again(snapshot: Snapshot) -> None:
    second = plan(applied(snapshot, plan(snapshot)))
    assert second.changes == ()


@given(snapshots(), st.integers(0, 9))
def test_p9_the_order_of_the_input_means_nothing(snapshot: Snapshot, seed: int) -> None:
    assert plan(shuffled(snapshot, seed)) == plan(snapshot)


def test_p9_the_seed_of_hashes_means_nothing() -> None:
    text = (
        "from benchmarks.scheduling.generator import Recipe, generate;"
        "from tuturuuu_jobs.scheduling.plan import plan;"
        "print([plan(generate(Recipe(7, load, 1))) for load in (0.5, 1.3)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", text],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


@given(snapshots(), st.integers(0, 9), st.randoms(use_true_random=False))
def test_p11_blockers_outside_all_hours_or_inside_another_change_nothing(
    snapshot: Snapshot, inset: int, rng: random.Random
) -> None:
    air = snapshot.buffers.preferred
    now, last = floor_minute(snapshot.now), window(snapshot)[1]
    allowed = merged(
        (max(start, now) - air, min(end, last) + air)
        for kind in HoursType
        for start, end in all_blocks(snapshot, kind)
        if end > now and start < last
    )
    ends = [now - 5 * DAY, *(end for _, end in allowed)]
    starts = [*(start for start, _ in allowed), last + 5 * DAY]
    added = [
        Blocker(each.start + inset, each.end - inset, BlockerKind.MANUAL, named("inner"))
        for each in snapshot.blockers[:1]
    ]
    for end, start in zip(ends, starts, strict=True):
        first, second = sorted(rng.choices(range(end, start + 1), k=2))
        added.append(Blocker(first, second, BlockerKind.LOCKED, named("out")))
    more = dataclasses.replace(snapshot, blockers=(*snapshot.blockers, *added))
    assert _places(plan(more)) == _places(plan(snapshot))


@given(snapshots())
def test_p12_something_light_and_new_moves_nothing(snapshot: Snapshot) -> None:
    settled = dataclasses.replace(applied(snapshot, plan(snapshot)), force=False)
    settled = applied(settled, plan(settled))
    new = T("new", 60, weight=LOW)
    result = plan(dataclasses.replace(settled, tasks=(*settled.tasks, new)))
    assert [change for change in result.changes if not isinstance(change, Insert)] == []


@given(snapshots(fresh=True))
def test_p10_no_more_is_done_in_time_than_there_is_time(snapshot: Snapshot) -> None:
    assert _done_in_time(snapshot, plan(snapshot)) <= on_time(snapshot)


@given(snapshots(fresh=True), st.lists(st.tuples(weights, uneven(30, 400), st.integers(1, 9000))))
def test_p10_minutes_without_bounds_are_done_in_time_as_far_as_can_be(
    snapshot: Snapshot, asked: list[tuple[int, int, int]]
) -> None:
    now = now_up(snapshot)
    tasks = tuple(
        dataclasses.replace(
            T(f"task {number}", up(minutes), split=(GRID, 100_000), weight=weight),
            deadline=now + down(left),
        )
        for number, (weight, minutes, left) in enumerate(asked[:5])
    )
    blockers = tuple(
        dataclasses.replace(each, start=down(each.start), end=down(each.end))
        for each in snapshot.blockers
    )
    only = dataclasses.replace(
        snapshot, habits=(), tasks=tasks, blockers=blockers, buffers=Buffers(0, 0)
    )
    result = plan(only)
    # Where time is short, heavy minutes that are late are worth more than light ones in time.
    assume(result.placed == result.required)
    lost = on_time(only) - _done_in_time(only, result)
    sooner = max(0.0, _longest_wait(only) - result.score.delay)
    assert 0 <= 50 * lost <= 2 * FRAGMENT * max(len(tasks), len(result.items)) + sooner


def _longest_wait(snapshot: Snapshot) -> float:
    """What waiting costs if the lightest comes first: being late may be worth less than that."""
    now, last = window(snapshot)
    busy = walls(snapshot)
    free = [
        minute
        for start, end in all_blocks(snapshot, HoursType.PERSONAL)
        for minute in range(max(start, now), min(end, last), GRID)
        if not overlapping((minute, minute + GRID), busy)
    ]
    steps = [
        task.weight
        for task in sorted(snapshot.tasks, key=lambda each: each.weight)
        for _ in range(0, task.minutes, GRID)
    ]
    waits = (weight * GRID * (at - now) / DAY for weight, at in zip(steps, free, strict=False))
    return sum(waits)


@given(snapshots(fresh=True), st.integers(-3, 3))
def test_p13_whole_weeks_later_everything_is_whole_weeks_later(
    snapshot: Snapshot, weeks: int
) -> None:
    here = dataclasses.replace(snapshot, zone="UTC", habits=(), skips=frozenset(), completions={})
    shift = weeks * WEEK
    there = dataclasses.replace(
        here,
        now=here.now + timedelta(weeks=weeks),
        blockers=tuple(
            dataclasses.replace(each, start=each.start + shift, end=each.end + shift)
            for each in here.blockers
        ),
        tasks=tuple(
            dataclasses.replace(
                each,
                start=None if each.start is None else each.start + shift,
                deadline=None if each.deadline is None else each.deadline + shift,
            )
            for each in here.tasks
        ),
    )
    moved = [(item.id, item.start + shift, item.end + shift) for item in plan(here).items]
    assert [(item.id, item.start, item.end) for item in plan(there).items] == moved


@given(snapshots())
def test_p14_what_is_kept_is_not_written(snapshot: Snapshot) -> None:
    result = plan(snapshot)
    rows = {row.event_id: row for row in events(snapshot)}
    written = {change.item.event_id for change in result.changes if isinstance(change, Update)}
    gone = {change.event_id for change in result.changes if isinstance(change, Delete)}
    for item in result.items:
        assert item.event_id not in gone
        row = rows.get(item.event_id) if item.event_id else None
        if row is not None and item.event_id not in written:
            assert (row.start, row.end) == (item.start, item.end)
    for change in result.changes:
        if isinstance(change, Update):
            assert change.moves or change.title is not None
    there = {item.event_id for item in result.items if item.event_id}
    assert {row.event_id for row in rows.values() if not is_fixed(snapshot, row)} == {
        *(event_id for event_id in there if not is_fixed(snapshot, rows[event_id])),
        *gone,
    }


@given(snapshots())
def test_p15_what_has_no_place_or_a_late_one_has_exactly_one_reason(snapshot: Snapshot) -> None:
    result = plan(snapshot)
    told = Counter((finding.kind, finding.id, finding.date) for finding in result.findings)
    assert set(told.values()) <= {1}
    for task in snapshot.tasks:
        ours = [item for item in result.items if item.id == task.id and not item.fixed]
        missing = wanted(snapshot, task).rest - sum(item.end - item.start for item in ours)
        if missing > 0 or any(item.late for item in ours):
            assert told[ItemKind.TASK, task.id, None] == 1
    for wish in occurrences(snapshot):
        ours = [item for item in result.items if (item.id, item.date) == (wish.habit.id, wish.day)]
        if not ours:
            assert told[ItemKind.HABIT, wish.habit.id, wish.day] == 1
    assert {finding.code for finding in result.findings} <= set(Code)
    texts = [finding.text for finding in result.findings]
    texts += [change.reason.text for change in result.changes]
    assert all(0 < len(text) <= 512 for text in texts)


@given(snapshots())
def test_p17_the_score_is_what_another_scorer_finds(snapshot: Snapshot) -> None:
    result = plan(snapshot)
    assert result.score == score(snapshot, result.items, result.score.moves)


@given(snapshots())
def test_p18_planning_leaves_its_input_alone(snapshot: Snapshot) -> None:
    before = copy.deepcopy(snapshot)
    plan(snapshot)
    assert snapshot == before


def _done_in_time(snapshot: Snapshot, result: Plan) -> int:
    """Weighted minutes of tasks before their deadline."""
    weights = {task.id: task.weight for task in snapshot.tasks if not _is_over(snapshot, task)}
    return sum(
        weights[item.id] * (item.end - item.start - item.late)
        for item in result.items
        if item.id in weights
    )


def _is_over(snapshot: Snapshot, task: Task) -> bool:
    return task.deadline is not None and task.deadline <= now_up(snapshot)


def _places(result: Plan) -> list[tuple[object, ...]]:
    return [(item.id, item.date, item.start, item.end, item.event_id) for item in result.items]
