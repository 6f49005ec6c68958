"""What a fingerprint of a dry run depends on, and what not."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest

from tests.unit.scheduling.building import H, T, busy, event, named, on, skip, snapshot
from tuturuuu_jobs.scheduling.decisions import Cause, Insert, Item, ItemKind, Plan, Reason
from tuturuuu_jobs.scheduling.digest import digest_changes, digest_inputs
from tuturuuu_jobs.scheduling.model import (
    Blocker,
    BlockerKind,
    Buffers,
    HoursType,
    Scope,
    ScopeKind,
    State,
)

HABIT, TASK = H("A", 30, ideal="09:00"), T("B", 60)
BASE = snapshot(
    HABIT,
    TASK,
    H("C", 45),
    busy("Jan 6 09:00-10:00"),
    busy("Jan 7 09:00-10:00"),
    event(HABIT, "Jan 6 12:00-12:30"),
    event(TASK, "Jan 6 13:00-14:00"),
    skip(HABIT, "Jan 8"),
    skip(HABIT, "Jan 9"),
)


def test_the_instant_of_planning_and_what_is_only_counted_are_no_part_of_it() -> None:
    later = dataclasses.replace(BASE, now=BASE.now + timedelta(minutes=1), ignored_all_day=3)
    assert digest_inputs(later) == digest_inputs(BASE)


def test_the_order_of_lists_is_no_part_of_it() -> None:
    turned = dataclasses.replace(
        BASE,
        habits=BASE.habits[::-1],
        blockers=BASE.blockers[::-1],
        hours=dict(reversed(list(BASE.hours.items()))),
    )
    assert digest_inputs(turned) == digest_inputs(BASE)


CHANGES: dict[str, dict[str, Any]] = {
    "zone": {"zone": "Europe/Berlin"},
    "days": {"window_days": 8},
    "force": {"force": True},
    "buffers": {"buffers": Buffers(0, 5)},
    "scope": {"scope": Scope(ScopeKind.HABITS)},
    "habit": {"habits": (dataclasses.replace(HABIT, minutes=31), *BASE.habits[1:])},
    "name": {"habits": (dataclasses.replace(HABIT, name="X"), *BASE.habits[1:])},
    "fewer habits": {"habits": BASE.habits[1:]},
    "task": {"tasks": (dataclasses.replace(TASK, done=1),)},
    "blocker": {"blockers": BASE.blockers[1:]},
    "blocker's kind": {
        "blockers": (
            dataclasses.replace(BASE.blockers[0], kind=BlockerKind.LOCKED),
            BASE.blockers[1],
        )
    },
    "state": {"instances": (dataclasses.replace(BASE.instances[0], state=State.LOCKED),)},
    "title": {"pieces": (dataclasses.replace(BASE.pieces[0], title=None),)},
    "skips": {"skips": frozenset({(HABIT.id, on("Jan 8"))})},
    "completions": {"completions": {(HABIT.id, date(2026, 1, 8)): None}},
    "hours": {"hours": {**BASE.hours, HoursType.WORK: ((),) * 7}},
}


@pytest.mark.parametrize("what", CHANGES)
def test_everything_that_a_plan_depends_on_is(what: str) -> None:
    changed = dataclasses.replace(BASE, **CHANGES[what])
    assert digest_inputs(changed) != digest_inputs(BASE)


def test_events_of_the_teams_habits_have_no_ids_in_it() -> None:
    def with_blocker(kind: BlockerKind, name: str | None) -> str:
        blocker = Blocker(1, 2, kind, named(name) if name else None)
        return digest_inputs(dataclasses.replace(BASE, blockers=(blocker,)))

    other, manual = BlockerKind.OTHER_SCOPE, BlockerKind.MANUAL
    assert with_blocker(other, "x") == with_blocker(other, None)
    assert with_blocker(manual, "x") != with_blocker(manual, None)


def insert(start: int, text: str = "Because.") -> Insert:
    item = Item(ItemKind.HABIT, HABIT.id, on("Jan 6"), start, start + 30, None, "A")
    return Insert(item, Reason(Cause.AT_IDEAL, text))


def test_changes_are_told_apart_by_time_and_reason() -> None:
    digests = {
        digest_changes(plan)
        for plan in (
            Plan(),
            Plan(changes=(insert(60),)),
            Plan(changes=(insert(65),)),
            Plan(changes=(insert(60, "Other."),)),
            Plan(changes=(insert(60), insert(120))),
        )
    }
    assert len(digests) == 5


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    text = (
        "from tests.unit.scheduling_store.test_digest import BASE, insert;"
        "from tuturuuu_jobs.scheduling.digest import *; from tuturuuu_jobs.scheduling.decisions "
        "import Plan; print(digest_inputs(BASE), digest_changes(Plan(changes=(insert(60),))))"
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
    ours = f"{digest_inputs(BASE)} {digest_changes(Plan(changes=(insert(60),)))}\n"
    assert told == {ours}
