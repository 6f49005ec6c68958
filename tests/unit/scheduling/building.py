"""Snapshots in a few words, and plans in a few lines.

Instants are UTC, written ``Jan 5 09:00`` (of 2026) or ``2028-02-20 08:00``; spans ``Jan 5
09:00-10:30`` with an end up to ``48:00``. An id spells what it stands for, so the same name is
always the same row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from tuturuuu_jobs.scheduling.decisions import Change, Delete, Finding, Insert, Item, Plan, Update
from tuturuuu_jobs.scheduling.hours import decode_hours
from tuturuuu_jobs.scheduling.model import (
    Band,
    Blocker,
    BlockerKind,
    Buffers,
    Dependency,
    DependencyKind,
    Ending,
    Habit,
    HoursType,
    Instance,
    Piece,
    Quota,
    Rule,
    Scope,
    ScopeKind,
    Snapshot,
    State,
    Task,
    WeekHours,
    floor_minute,
    instant_of,
)

LOW: Final = 1
NORMAL: Final = 2
HIGH: Final = 4
CRITICAL: Final = 8

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CREATED: Final = datetime(2026, 1, 1, tzinfo=UTC)


def named(name: str) -> UUID:
    """An id that spells a name of at most 16 letters."""
    return UUID(bytes=name.encode().rjust(16, b"\0"))


def name_of(identity: UUID) -> str:
    return identity.bytes.lstrip(b"\0").decode()


USER: Final = named("user")


def moment(text: str) -> datetime:
    full = text if text[0].isdigit() else f"2026 {text}"
    form = "%Y-%m-%d %H:%M" if text[0].isdigit() else "%Y %b %d %H:%M"
    return datetime.strptime(full, form).replace(tzinfo=UTC)


def at(text: str) -> int:
    """Epoch minutes."""
    return floor_minute(moment(text))


def on(text: str) -> date:
    """A date, ``Jan 5`` or ``2028-02-29``."""
    return moment(f"{text} 00:00").date()


def clock(text: str) -> int:
    """Minutes of the day."""
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def span(text: str) -> tuple[int, int]:
    first, last = text.rsplit("-", 1)
    midnight = at(f"{first.rsplit(' ', 1)[0]} 00:00")
    return at(first), midnight + clock(last)


def H(  # noqa: N802 - as the scenarios write it
    name: str,
    minutes: int,
    *,
    ideal: str | None = None,
    band: Band | None = None,
    weight: int = NORMAL,
    hours: HoursType = HoursType.PERSONAL,
    rule: Rule = Rule(),  # noqa: B008 - frozen
    start: str = "2025-12-01",
    end: str | None = None,
    between: tuple[int | None, int | None] = (None, None),
    quota: tuple[int, int, int] | None = None,
    after: str | None = None,
    before: str | None = None,
    ending: Ending | None = None,
) -> Habit:
    """A habit; ``quota`` makes it splittable, ``between`` bounds an instance."""
    other = after or before
    kind = DependencyKind.AFTER if after else DependencyKind.BEFORE
    return Habit(
        id=named(name),
        name=name,
        weight=weight,
        hours=hours,
        minutes=minutes,
        rule=rule,
        start_date=on(start),
        end_date=on(end) if end else None,
        created_at=CREATED,
        shortest=between[0],
        longest=between[1],
        ideal=clock(ideal) if ideal else None,
        band=band,
        splittable=quota is not None,
        quota=Quota(*quota) if quota else Quota(),
        dependency=Dependency(named(other), kind) if other else None,
        ending=ending,
    )


def T(  # noqa: N802 - as the scenarios write it
    name: str,
    minutes: int,
    *,
    split: tuple[int | None, int | None] | None = None,
    due: str | None = None,
    start: str | None = None,
    weight: int = NORMAL,
    hours: HoursType = HoursType.PERSONAL,
    done: int = 0,
    ending: Ending | None = None,
) -> Task:
    """A task; ``split`` makes it splittable within these bounds."""
    return Task(
        id=named(name),
        name=name,
        weight=weight,
        hours=hours,
        minutes=minutes,
        created_at=CREATED,
        done=done,
        splittable=split is not None,
        shortest=split[0] if split else None,
        longest=split[1] if split else None,
        start=at(start) if start else None,
        deadline=at(due) if due else None,
        ending=ending,
    )


def busy(text: str, kind: BlockerKind = BlockerKind.MANUAL, *, all_day: bool = False) -> Blocker:
    start, end = span(text)
    return Blocker(start, end, kind, named(f"b{start}"), all_day=all_day)


def locked(text: str) -> Blocker:
    return busy(text, BlockerKind.LOCKED)


def only_free(*spans: str, first: str = "2025-12-01 00:00") -> tuple[Blocker, ...]:
    """Locked events around these spans, for months on either side."""
    edges = [at(first), *(edge for text in spans for edge in span(text)), at("2026-12-31 00:00")]
    return tuple(
        Blocker(start, end, BlockerKind.LOCKED, named(f"b{start}"))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    )


def event(
    of: Habit | Task, text: str, state: State = State.OPEN, day: str | None = None
) -> Instance | Piece:
    """An event of a habit (of the date of its start, unless told) or task."""
    start, end = span(text)
    identity = named(f"{of.name[:7]}{start}")
    if isinstance(of, Task):
        return Piece(identity, of.id, start, end, state, end - start, title=of.name)
    occurrence = on(day) if day else instant_of(start).date()
    return Instance(identity, of.id, occurrence, start, end, state, of.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Skip:
    """An occurrence the user does not want, or has done."""

    habit: Habit
    day: date
    done: bool = False


def skip(habit: Habit, day: str) -> Skip:
    return Skip(habit, on(day))


def done(habit: Habit, day: str) -> Skip:
    return Skip(habit, on(day), done=True)


def week(blocks: str | Mapping[str, str]) -> WeekHours:
    """Hours from ``09:00-12:00 13:00-17:00``, every day or by weekday."""
    table = {day: _day(blocks if isinstance(blocks, str) else blocks.get(day, "")) for day in DAYS}
    hours, warnings = decode_hours(table)
    assert not warnings
    return hours


def _day(text: str) -> dict[str, object]:
    pairs = [block.split("-") for block in text.split()]
    return {"enabled": True, "timeBlocks": [{"startTime": a, "endTime": b} for a, b in pairs]}


Thing = Habit | Task | Blocker | Instance | Piece | Skip


def snapshot(
    *things: Thing,
    now: str = "Jan 5 08:00",
    days: int = 7,
    zone: str = "UTC",
    hours: str | Mapping[str, str] = "07:00-23:00",
    work: str | Mapping[str, str] | None = None,
    meeting: str | Mapping[str, str] | None = None,
    buffers: Buffers = Buffers(0, 0),  # noqa: B008 - frozen
    force: bool = False,
    scope: ScopeKind = ScopeKind.JOINT,
) -> Snapshot:
    """The base of section 7 of the specification, unless told otherwise."""
    return Snapshot(
        ws_id=named("ws"),
        scope=Scope(scope, None if scope is ScopeKind.HABITS else USER),
        now=moment(now),
        zone=zone,
        hours={
            HoursType.PERSONAL: week(hours),
            HoursType.WORK: week(work or hours),
            HoursType.MEETING: week(meeting or hours),
        },
        window_days=days,
        force=force,
        buffers=buffers,
        blockers=tuple(thing for thing in things if isinstance(thing, Blocker)),
        habits=tuple(thing for thing in things if isinstance(thing, Habit)),
        instances=tuple(thing for thing in things if isinstance(thing, Instance)),
        tasks=tuple(thing for thing in things if isinstance(thing, Task)),
        pieces=tuple(thing for thing in things if isinstance(thing, Piece)),
        skips=frozenset((s.habit.id, s.day) for s in things if isinstance(s, Skip) and not s.done),
        completions={(s.habit.id, s.day): None for s in things if isinstance(s, Skip) and s.done},
    )


def written(start: int, end: int) -> str:
    """``Jan 5 09:00-10:30``; an end on a later date counts on, ``Jan 5 23:00-25:00``."""
    first = instant_of(start)
    hours, minutes = divmod(
        end - floor_minute(datetime(*first.date().timetuple()[:3], tzinfo=UTC)), 60
    )
    return f"{first:%b} {first.day} {first:%H:%M}-{hours:02}:{minutes:02}"


def times(plan: Plan, of: Habit | Task, day: str = "") -> list[str]:
    """Where the items of a habit or task are, in order; only of starts on ``day`` if given."""
    texts = [written(item.start, item.end) for item in plan.items if item.id == of.id]
    return [text for text in texts if text.startswith(f"{day} " if day else "")]


def changes(plan: Plan) -> list[str]:
    return [_change(change) for change in plan.changes]


def _change(change: Change) -> str:
    match change:
        case Insert():
            return f"insert {_item(change.item)}"
        case Update():
            before = f"{name_of(change.item.id)} {written(change.start, change.end)}"
            return f"update {before} to {written(change.item.start, change.item.end)}"
        case Delete():
            return f"delete {name_of(change.id)} {written(change.start, change.end)}"


def _item(item: Item) -> str:
    return f"{name_of(item.id)} {written(item.start, item.end)}"


def findings(plan: Plan) -> list[str]:
    """``A Jan 6 no_hours 30``: habit and date, or task, code, minutes."""
    return [_finding(finding) for finding in plan.findings]


def _finding(finding: Finding) -> str:
    day = f" {finding.date:%b} {finding.date.day}" if finding.date else ""
    return f"{name_of(finding.id)}{day} {finding.code} {finding.minutes}"


def codes(plan: Plan) -> list[str]:
    return [str(finding.code) for finding in plan.findings]
