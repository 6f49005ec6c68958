"""A plan in lists: each change with its reason, each finding with what would help. All pure.

Invariant: without :attr:`Labels.names` nothing is named but by its id.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tuturuuu_jobs.commands.output import printable
from tuturuuu_jobs.commands.week import STYLES, Block, Mark
from tuturuuu_jobs.scheduling.decisions import (
    Change,
    Delete,
    Finding,
    Insert,
    Item,
    ItemKind,
    Level,
    Plan,
    Update,
)
from tuturuuu_jobs.scheduling.model import Blocker, instant_of
from tuturuuu_jobs.scheduling.work import ScopeReport

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

SHORT: Final = 8
HURDLES: Final = 3
_ROOMY: Final = 72
_LEVEL_STYLES: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFORMATION: ""}
_ORDER: Final = (Level.ERROR, Level.WARNING, Level.INFORMATION)


@dataclasses.dataclass(frozen=True, slots=True)
class Labels:
    """How habits and tasks are called in a view.

    Attributes:
        names: By id; empty if names may not be shown.
        length: Characters of an id that tell all of them apart.
    """

    names: Mapping[UUID, str]
    length: int = SHORT

    @classmethod
    def of(cls, report: ScopeReport, *, named: bool) -> Labels:
        """The labels of a scope.

        Args:
            report: Whose items are to be called something.
            named: Whether whoever looks may see names.
        """
        plan = report.plan or Plan()
        ids = {item.id for item in plan.items} | {finding.id for finding in plan.findings}
        ids |= {change.id for change in plan.changes if isinstance(change, Delete)}
        return cls(report.names if named else {}, _distinct_length(ids))

    def short(self, item_id: UUID) -> str:
        """Its name, or enough of its id."""
        name = self.names.get(item_id)
        return printable(name) if name else str(item_id)[: self.length]

    def full(self, kind: ItemKind, item_id: UUID) -> str:
        """The same with what it is."""
        return f"{kind.value} {self.short(item_id)}"

    def of_item(self, item: Item) -> str:
        """The same with its number, where a date or task has several."""
        suffix = f" ({item.number}/{item.count})" if item.count > 1 else ""
        return f"{self.short(item.id)}{suffix}"


def _distinct_length(ids: Iterable[UUID]) -> int:
    texts = {str(one) for one in ids}
    lengths = range(SHORT, 36)
    return next((n for n in lengths if len({text[:n] for text in texts}) == len(texts)), 36)


def blocks_of(report: ScopeReport, labels: Labels) -> list[Block]:
    """Everything of a scope that takes time, and what is removed."""
    plan = report.plan or Plan()
    moved = {c.item.event_id for c in plan.changes if isinstance(c, Update) and c.moves}
    blocks = [Block(b.start, b.end, Mark.BUSY, b.kind.value) for b in report.blockers]
    for item in plan.items:
        mark = Mark.MOVED if item.event_id in moved else Mark.STAYS
        mark = Mark.NEW if item.event_id is None else mark
        blocks.append(Block(item.start, item.end, mark, labels.of_item(item)))
    blocks += [
        Block(gone.start, gone.end, Mark.GONE, labels.short(gone.id))
        for gone in plan.changes
        if isinstance(gone, Delete)
    ]
    return blocks


def count_line(report: ScopeReport) -> str:
    """What becomes of the scope, in one line."""
    plan = report.plan or Plan()
    counts = Counter(_word(change) for change in plan.changes)
    counts["stays"] = len(plan.items) - counts["new"] - counts["moved"] - counts["resized"]
    words = ("new", "moved", "resized", "renamed", "removed")
    told = [f"{counts[word]} {word}" for word in words if counts[word]]
    if counts["stays"] or not told:
        told.append(f"{counts['stays']} unchanged")
    missing = sum(1 for finding in plan.findings if finding.level is not Level.INFORMATION)
    return ", ".join(told) + (f"; {missing} not as asked" if missing else "")


def change_table(
    plan: Plan, labels: Labels, zone: ZoneInfo, width: int, *, everything: bool = False
) -> Table:
    """Each change by its time: what, when, which, why; on narrow paper why is a line below.

    Args:
        plan: Whose changes.
        labels: How habits and tasks are called.
        zone: Whose wall clock is shown.
        width: Of the paper.
        everything: A line for each date, also of what is the same on many dates.
    """
    from rich.text import Text

    table = _grid()
    narrow = width < _ROOMY
    for _ in range(1 if narrow else 3):
        table.add_column(no_wrap=not narrow)
    table.add_column(overflow="fold")
    for change, last, again in _folded(plan.changes, zone, everything=everything):
        *head, why = _cells(change, labels, zone)
        if again:
            why.append(f" And {again} more until {_day_of(last, zone)}.")
        if narrow:
            mark, *words = head
            table.add_row(mark.copy().split(" ")[0], Text("\n").join([Text(" ").join(words), why]))
        else:
            table.add_row(*head, why)
    return table


def _grid() -> Table:
    from rich.table import Table

    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


def _cells(change: Change, labels: Labels, zone: ZoneInfo) -> list[Text]:
    from rich.text import Text

    if isinstance(change, Delete):
        span, label = (change.start, change.end), labels.full(change.kind, change.id)
    else:
        item = change.item
        span, label = (item.start, item.end), f"{item.kind.value} {labels.of_item(item)}"
    mark = _mark(change)
    return [
        Text(f"{mark.value} {_word(change)}", style=STYLES[mark]),
        Text(render_span(*span, zone)),
        Text(label),
        Text(printable(change.reason.text)),
    ]


def _folded(
    changes: Iterable[Change], zone: ZoneInfo, *, everything: bool
) -> list[tuple[Change, Change, int]]:
    """The changes by time; of those alike but for their date the first, the last, how many more."""
    groups: dict[object, list[Change]] = {}
    for number, change in enumerate(sorted(changes, key=start_of)):
        groups.setdefault(number if everything else _likeness(change, zone), []).append(change)
    return [(group[0], group[-1], len(group) - 1) for group in groups.values()]


def _likeness(change: Change, zone: ZoneInfo) -> object:
    """What two changes share that a person would tell in one sentence."""
    of = change if isinstance(change, Delete) else change.item
    place = (0, 0) if isinstance(change, Delete) else (change.item.number, change.item.count)
    begin, end = (instant_of(m).astimezone(zone).time() for m in (of.start, of.end))
    return _word(change), of.id, place, begin, end, change.reason.text


def start_of(change: Change) -> int:
    """When it begins as it will be, or was."""
    return change.start if isinstance(change, Delete) else change.item.start


def _mark(change: Change) -> Mark:
    match change:
        case Insert():
            return Mark.NEW
        case Delete():
            return Mark.GONE
        case Update():
            return Mark.MOVED if change.moves else Mark.STAYS


def _word(change: Change) -> str:
    match change:
        case Insert():
            return "new"
        case Delete():
            return "removed"
        case Update(start=start, item=item) if start != item.start:
            return "moved"
        case Update():
            return "resized" if change.moves else "renamed"


def finding_table(report: ScopeReport, labels: Labels, zone: ZoneInfo) -> Table:
    """Each demand that is not as asked: what is the matter, what is in the way, what would help."""
    plan, known = report.plan or Plan(), {one.event_id: one for one in report.blockers}
    table = _grid()
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for level in _ORDER:
        for finding in (one for one in plan.findings if one.level is level):
            hurdles = [_hurdle(event_id, known, zone) for event_id in finding.in_the_way]
            table.add_row(*_finding_cells(finding, labels, hurdles))
    return table


def _hurdle(event_id: UUID, known: Mapping[UUID | None, Blocker], zone: ZoneInfo) -> str:
    blocker = known.get(event_id)
    if blocker is None:
        return f"event {event_id}"
    span = render_span(blocker.start, blocker.end, zone)
    return f"{span} ({blocker.kind.value} {str(event_id)[:SHORT]})"


def _finding_cells(finding: Finding, labels: Labels, hurdles: Sequence[str]) -> Iterator[Text]:
    from rich.text import Text

    lines = [f"{finding.code.value}: {finding.text}"]
    if hurdles:
        more = f" and {len(hurdles) - HURDLES} more" if len(hurdles) > HURDLES else ""
        lines.append(f"in the way: {', '.join(hurdles[:HURDLES])}{more}")
    if finding.remedy is not None:
        lines.append(f"would help: {finding.remedy.text}")
    day = f" {_day(finding.date)}" if finding.date else ""
    yield Text(finding.level.value, style=_LEVEL_STYLES[finding.level])
    yield Text(f"{labels.full(finding.kind, finding.id)}{day}")
    yield Text("\n".join(printable(line) for line in lines))


def render_span(start: int, end: int, zone: ZoneInfo) -> str:
    """A stretch of time as people write it, without a year."""
    begin, stop = (instant_of(minute).astimezone(zone) for minute in (start, end))
    later = "" if begin.date() == stop.date() else f"{stop:%a} "
    return f"{_day(begin)} {begin:%H:%M}-{later}{stop:%H:%M}"


def _day_of(change: Change, zone: ZoneInfo) -> str:
    return _day(instant_of(start_of(change)).astimezone(zone))


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"
