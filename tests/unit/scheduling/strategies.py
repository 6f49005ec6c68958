"""What snapshots are drawn from."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.unit.scheduling.building import CREATED, named, week
from tuturuuu_jobs.scheduling.daytime import DAY, minute_at
from tuturuuu_jobs.scheduling.model import (
    GRID,
    Band,
    Blocker,
    BlockerKind,
    Buffers,
    Dependency,
    DependencyKind,
    Ending,
    Frequency,
    Habit,
    HoursType,
    Instance,
    MonthlyKind,
    Piece,
    Quota,
    Rule,
    Scope,
    ScopeKind,
    Snapshot,
    State,
    Task,
    floor_minute,
    instant_of,
)

T = TypeVar("T")

ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Ho_Chi_Minh",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Pacific/Chatham",
)
"""Half hours, quarters, a shift of half an hour, no midnight, a date that never was."""

CHANGES = (
    date(2011, 12, 30),
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 4, 24),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 10, 29),
    date(2026, 11, 1),
)
"""Dates on which some of these zones change their clocks."""

zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.sampled_from(CHANGES) | st.dates(date(2010, 1, 1), date(2035, 12, 31))

WEEKS = (
    "07:00-23:00",
    "07:00-23:00",
    "09:00-12:00 13:00-17:00",
    "00:00-24:00",
    "22:00-02:00",
    "00:00-02:00 22:00-24:00",
    "01:30-03:30",
    "",
)
"""Hours of every day: ordinary ones, all day, over midnight, over a change of clocks, none."""

BUFFERS = (
    Buffers(0, 0),
    Buffers(5, 15),
    Buffers(10, 30),
    Buffers(0, 10, break_every=90, break_length=15),
)

weights = st.sampled_from((1, 2, 4, 8))
kinds = st.sampled_from(HoursType)


def optional(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


def uneven(low: int, high: int) -> st.SearchStrategy[int]:
    """Mostly on the grid, sometimes not."""
    on_grid = st.integers(-(-low // GRID), high // GRID).map(lambda steps: steps * GRID)
    return on_grid | on_grid | st.integers(low, high)


rules = st.builds(
    Rule,
    frequency=st.sampled_from([*Frequency, *[Frequency.DAILY] * 5]),
    interval=st.sampled_from([1, 1, 1, 2, None]),
    days_of_week=optional(st.lists(st.integers(0, 6), max_size=3).map(tuple)),
    monthly_kind=optional(st.sampled_from(MonthlyKind)),
    day_of_month=optional(st.integers(1, 31)),
    week_of_month=optional(st.integers(1, 5)),
    day_of_week_monthly=optional(st.integers(0, 6)),
)


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    counts = sorted(draw(st.lists(st.integers(1, 5), min_size=3, max_size=3)))
    told = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    return Quota(*(count if tell else None for count, tell in zip(counts, told, strict=True)))


@st.composite
def habits(draw: st.DrawFn, number: int, day: date) -> Habit:
    ending = draw(st.sampled_from([None] * 8 + [Ending.INACTIVE]))
    return Habit(
        id=named(f"habit {number}"),
        name=f"habit {number}",
        weight=draw(weights),
        hours=draw(kinds),
        minutes=draw(uneven(1, 200)),
        rule=draw(rules),
        start_date=day - timedelta(days=draw(st.integers(-3, 40))),
        created_at=CREATED + timedelta(days=draw(st.integers(0, 2))),
        end_date=draw(optional(st.integers(0, 9).map(lambda days: day + timedelta(days=days)))),
        shortest=draw(optional(uneven(1, 90))),
        longest=draw(optional(uneven(1, 200))),
        ideal=draw(optional(uneven(0, 1439))),
        band=draw(optional(st.sampled_from(Band))),
        splittable=draw(st.booleans()),
        quota=draw(quotas()),
        dependency=draw(
            optional(
                st.builds(
                    Dependency,
                    st.integers(0, 3).map(lambda other: named(f"habit {other}")),
                    st.sampled_from(DependencyKind),
                )
            )
        ),
        ending=ending,
    )


@st.composite
def tasks(draw: st.DrawFn, number: int, now: int) -> Task:
    minutes = st.integers(-3 * DAY, 9 * DAY).map(lambda minutes: now + minutes)
    return Task(
        id=named(f"task {number}"),
        name=f"task {number}",
        weight=draw(weights),
        hours=draw(kinds),
        minutes=draw(uneven(0, 700)),
        created_at=CREATED + timedelta(days=draw(st.integers(0, 2))),
        done=draw(st.sampled_from([0, 0, 0, 60, 37])),
        splittable=draw(st.booleans()),
        shortest=draw(optional(uneven(1, 150))),
        longest=draw(optional(uneven(1, 300))),
        start=draw(optional(minutes)),
        deadline=draw(optional(minutes)),
        ending=draw(st.sampled_from([None] * 8 + [Ending.COMPLETED])),
    )


@st.composite
def blockers(draw: st.DrawFn, now: int) -> Blocker:
    start = now + draw(st.integers(-DAY, 8 * DAY))
    kind = draw(st.sampled_from(BlockerKind))
    return Blocker(start, start + draw(st.integers(-30, 600)), kind, named(f"b{start}"))


@st.composite
def rows(draw: st.DrawFn, number: int, owner: Habit | Task, moment: datetime) -> Instance | Piece:
    """An event of an owner, with a state that fits its time."""
    now = floor_minute(moment)
    start = now + draw(uneven(-600, 8 * DAY))
    end = start + draw(uneven(5, 200))
    state = draw(st.sampled_from([State.OPEN, State.OPEN, State.OPEN, State.LOCKED, State.PUSHED]))
    if instant_of(start) < moment:
        state = State.PAST if end <= now else State.STARTED
    if isinstance(owner, Task):
        done = draw(st.integers(0, 9)) == 0
        return Piece(
            named(f"piece {number}"), owner.id, start, end, state, end - start, done, owner.name
        )
    day = instant_of(start).date() + timedelta(days=draw(st.sampled_from([0, 0, 0, -1, 1])))
    return Instance(named(f"instance {number}"), owner.id, day, start, end, state, owner.name)


@st.composite
def moments(draw: st.DrawFn, zone: str) -> datetime:
    """An instant near a change of clocks, or any; not always a whole minute."""
    if draw(st.booleans()):
        day = draw(st.sampled_from(CHANGES)) - timedelta(days=draw(st.integers(0, 3)))
    else:
        day = draw(days)
    minute = minute_at(ZoneInfo(zone), day, draw(st.integers(0, DAY - 1)))
    return instant_of(minute) + timedelta(seconds=draw(st.sampled_from([0, 0, 1, 59])))


@st.composite
def snapshots(draw: st.DrawFn, *, fresh: bool = False) -> Snapshot:
    """A small calendar of any shape; ``fresh`` has no events of ours yet."""
    zone = draw(st.sampled_from(ZONES))
    moment = draw(moments(zone))
    now, day = floor_minute(moment), moment.astimezone(ZoneInfo(zone)).date()
    wanted = [draw(habits(number, day)) for number in range(draw(st.integers(0, 3)))]
    asked = [draw(tasks(number, now)) for number in range(draw(st.integers(0, 3)))]
    owners: list[Habit | Task] = [*wanted, *asked]
    count = draw(st.integers(0, 5)) if owners and not fresh else 0
    events = [draw(rows(number, draw(st.sampled_from(owners)), moment)) for number in range(count)]
    dates = st.integers(-1, 7).map(lambda offset: day + timedelta(days=offset))
    marks = [
        (draw(st.sampled_from(wanted)).id, draw(dates))
        for _ in range(draw(st.integers(0, 3)) if wanted else 0)
    ]
    split = draw(st.integers(0, len(marks)))
    return Snapshot(
        ws_id=named("ws"),
        scope=Scope(ScopeKind.JOINT, named("user")),
        now=moment,
        zone=zone,
        hours={kind: week(draw(st.sampled_from(WEEKS))) for kind in HoursType},
        window_days=draw(st.sampled_from([7, 7, 8])),
        force=draw(st.sampled_from([False, False, True])),
        buffers=draw(st.sampled_from(BUFFERS)),
        blockers=tuple(draw(blockers(now)) for _ in range(draw(st.integers(0, 6)))),
        habits=tuple(wanted),
        instances=tuple(event for event in events if isinstance(event, Instance)),
        tasks=tuple(asked),
        pieces=tuple(event for event in events if isinstance(event, Piece)),
        skips=frozenset(marks[:split]),
        completions={mark: draw(_doers(mark, events)) for mark in marks[split:]},
    )


def _doers(
    mark: tuple[UUID, date], events: list[Instance | Piece]
) -> st.SearchStrategy[UUID | None]:
    """Nobody, or an event of that occurrence."""
    did = [e.event_id for e in events if isinstance(e, Instance) and (e.habit_id, e.date) == mark]
    return st.sampled_from([None, *did])
