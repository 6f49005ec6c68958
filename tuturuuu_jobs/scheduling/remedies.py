"""The smallest change that would make room for what found none, or a late place.

Invariant: nothing is suggested that was not tried: what the plan leads to is changed in that one
respect and planned again, as the next run would, and the finding must be gone without a new or a
larger one elsewhere. How often is bounded by a count. Suggestions change no plan; they are added to
its findings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from typing import Final
from uuid import UUID

from tuturuuu_jobs.scheduling.decisions import (
    Code,
    Finding,
    ItemKind,
    Level,
    Plan,
    Remedy,
    RemedyKind,
)
from tuturuuu_jobs.scheduling.model import Snapshot
from tuturuuu_jobs.scheduling.plan import plan as plan_of
from tuturuuu_jobs.scheduling.settled import settled
from tuturuuu_jobs.scheduling.trials import Trial, trials_for
from tuturuuu_jobs.scheduling.window import window_of

_CURABLE: Final = frozenset(
    {
        Code.NO_FREE_TIME,
        Code.NO_HOURS,
        Code.TOO_LONG_FOR_ANY_BLOCK,
        Code.NO_SLOT_NEAR_PREFERENCE,
        Code.OVERDUE,
        Code.LATE,
        Code.BUMPED_BY,
        Code.QUOTA_BELOW_MIN,
        Code.STARTS_AFTER_WINDOW,
    }
)
_SHARED: Final = frozenset({RemedyKind.UNLOCK_EVENT, RemedyKind.WIDER_WINDOW})
"""Changes of something else than the habit or task itself."""

_LEVELS: Final = (Level.ERROR, Level.WARNING, Level.INFORMATION)

Key = tuple[ItemKind, UUID, date | None]


def suggest(snapshot: Snapshot, plan: Plan, *, limit: int) -> Plan:
    """The same plan, with remedies for its findings, found by at most ``limit`` further plans.

    Every finding has its first trial before any has its second, the most important first. A finding
    for which no small change helps keeps none.
    """
    search = _Search(snapshot, plan, limit)
    waiting = [(finding, search.trials(finding)) for finding in _curable(snapshot, plan)]
    found: dict[Key, Remedy] = {}
    while waiting and search.left > 0:
        still: list[tuple[Finding, Iterator[Trial]]] = []
        for finding, trials in waiting:
            trial = next(trials, None)
            if trial is not None and search.helps(finding, trial):
                found[_key(finding)] = trial[0]
            elif trial is not None:
                still.append((finding, trials))
        waiting = still
    findings = tuple(
        dataclasses.replace(each, remedy=found[_key(each)]) if _key(each) in found else each
        for each in plan.findings
    )
    return dataclasses.replace(plan, findings=findings)


def _curable(snapshot: Snapshot, plan: Plan) -> list[Finding]:
    """What a change might help, the most important of each level first, errors before warnings."""
    weights = {habit.id: habit.weight for habit in snapshot.habits}
    weights |= {task.id: task.weight for task in snapshot.tasks}
    curable = [each for each in plan.findings if each.code in _CURABLE and each.minutes]
    curable.sort(key=lambda each: (-weights.get(each.id, 0) * each.minutes, _when(each)))
    levels = [[each for each in curable if each.level is level] for level in _LEVELS]
    ranked = [(rank, each) for group in levels for rank, each in enumerate(group)]
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])]


def _key(finding: Finding) -> Key:
    return finding.kind, finding.id, finding.date


def _when(finding: Finding) -> tuple[int, int]:
    return (finding.date.toordinal() if finding.date else 0), finding.id.int


class _Search:
    """Plans trials, each once: one change may help several dates of a habit.

    Attributes:
        left: How many plans may still be made.
    """

    def __init__(self, snapshot: Snapshot, plan: Plan, limit: int) -> None:
        self.left = limit
        self._plan = plan
        self._before = {_key(each): each.minutes for each in plan.findings}
        self._base = dataclasses.replace(settled(snapshot, plan), force=False)
        self._window = window_of(snapshot)
        self._after: dict[tuple[Key | None, RemedyKind, str], dict[Key, Finding]] = {}

    def trials(self, finding: Finding) -> Iterator[Trial]:
        """Changes to try for a finding, smallest first."""
        return trials_for(self._base, self._window, finding, self._plan)

    def helps(self, finding: Finding, trial: Trial) -> bool:
        """Whether the finding is gone with that change, and nothing else is worse."""
        remedy, changed = trial
        shared = remedy.kind in _SHARED
        name = (None if shared else (finding.kind, finding.id, None), remedy.kind, remedy.value)
        if name not in self._after:
            if self.left <= 0:
                return False
            self.left -= 1
            last = self._window.dates[-1]
            self._after[name] = {
                _key(each): each
                for each in plan_of(changed).findings
                if each.date is None or each.date <= last
            }
        after = self._after[name]
        return _is_cured(finding, remedy, after.get(_key(finding))) and all(
            each.minutes <= self._before.get(key, 0) for key, each in after.items()
        )


def _is_cured(finding: Finding, remedy: Remedy, left: Finding | None) -> bool:
    """Whether nothing is left of it, or only that it is not as long as it was wanted."""
    if left is None or not left.minutes:
        return True
    may_be_short = remedy.kind is RemedyKind.SHORTER or finding.code is Code.QUOTA_BELOW_MIN
    return may_be_short and left.code is Code.SHORTENED and left.minutes < finding.minutes
