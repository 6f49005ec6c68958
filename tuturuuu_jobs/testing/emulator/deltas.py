"""What has changed in a calendar since a sync token, and what Google leaves open in telling it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime

from tuturuuu_jobs.testing.emulator.calendar import Calendar
from tuturuuu_jobs.testing.emulator.model import Horizon, Item, Stamp, Stored, tombstone


@dataclasses.dataclass(frozen=True, slots=True)
class DeltaRules:
    """The choices that Google leaves open in a delta.

    Attributes:
        single_events: Whether series are expanded.
        horizon: How far.
        stub_span: Bounds in seconds since 1970 in which vanished instances are still reported.
        report_unseen: Whether something created and deleted since the token leaves a tombstone.
        master_stub: Whether a deleted master is itself reported beside its instances.
    """

    single_events: bool
    horizon: Horizon
    stub_span: tuple[float, float]
    report_unseen: bool
    master_stub: bool


def delta(calendar: Calendar, since: int, rules: DeltaRules) -> list[Item]:
    """What changed after `since`, each key once in its latest state, by id."""
    found: dict[str, Item] = {}
    for stored in reversed(calendar.entries.values()):
        if stored.seq <= since:
            break
        if _unseen(stored, since) and not rules.report_unseen:
            continue
        for item in _changed(calendar, stored, since, rules):
            known = found.get(item.id)
            if known is None or (known.cancelled and not item.cancelled):
                found[item.id] = item
    return [found[key] for key in sorted(found)]


def _unseen(stored: Stored, since: int) -> bool:
    """Whether it was made and deleted since; an instance existed before its exception did."""
    return stored.item.cancelled and stored.first_seq > since and stored.master_id is None


def _changed(calendar: Calendar, stored: Stored, since: int, rules: DeltaRules) -> Iterator[Item]:
    if not rules.single_events:
        yield stored.item
        return
    if not stored.ever_recurring:
        yield from calendar.shown(stored, rules.horizon, single_events=True)
        return
    if not stored.item.cancelled or rules.master_stub:
        yield from calendar.shown(stored, rules.horizon, single_events=True)
    yield from _vanished(calendar, stored, since, rules)


def _vanished(calendar: Calendar, stored: Stored, since: int, rules: DeltaRules) -> Iterator[Item]:
    """Stubs for what versions since the token showed and the present one does not."""
    known = set[str]()
    if not stored.item.cancelled:
        known = {item.id for item in stored.expand(rules.horizon)}
    stamp = Stamp(datetime.fromtimestamp(stored.item.updated, UTC))
    low, high = rules.stub_span
    for version in stored.versions():
        if version is not stored:
            for item in version.expand(rules.horizon):
                if item.id not in known and not calendar.overridden(item.id, stored.id):
                    if "recurringEventId" not in item.body or low <= item.start <= high:
                        yield tombstone(item, stamp, details=False)
                    known.add(item.id)
            if version.seq <= since:
                return
