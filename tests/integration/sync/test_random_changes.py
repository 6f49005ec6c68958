"""Whatever was done to a calendar and whenever it was synced, one more sync reaches the truth."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Databases
from tests.fixtures.scene import CALENDAR, Scene, build_scene
from tests.integration.sync.proof import check_quiet, run
from tuturuuu_jobs.sync.model import DEFAULT_FUTURE, DEFAULT_PAST
from tuturuuu_jobs.sync.plan import MIN_LEAD, SLACK
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind, Switches, VirtualClock
from tuturuuu_jobs.testing.oracle import Place, Window, deviations, expect, load_rows
from tuturuuu_jobs.testing.tuturuuu import Shape

DAY: Final = timedelta(days=1)
TODAY: Final = EMULATOR_START.date()


@dataclasses.dataclass(frozen=True)
class Repeated:
    """A series whose times are fixed; only its length and its title change."""

    first: datetime | date
    step: timedelta

    def start(self, index: int) -> datetime | date:
        """When an occurrence begins: the same wall time, or the date."""
        return self.first + index * self.step


SERIES: Final = {
    "weekly": Repeated(datetime(2027, 3, 15, 9, tzinfo=ZoneInfo("Europe/Berlin")), 7 * DAY),
    "daily": Repeated(datetime(2026, 12, 10, 20, tzinfo=ZoneInfo("America/New_York")), DAY),
    "days": Repeated(date(2026, 10, 20), 2 * DAY),
}
ONE_OFFS: Final = ("a", "b", "c")


class Google:
    """The hands that change the calendar, and what they must remember of it.

    A forgetful Google reports vanished occurrences only within a month, but a deleted series by
    name. Occurrences that a shorter rule takes away further off are then told by nothing, so its
    series never get shorter.
    """

    def __init__(self, emulator: Emulator, *, forgetful: bool) -> None:
        self.emulator = emulator
        self._forgetful = forgetful
        emulator.switches.tombstone_months = 1 if forgetful else 6
        emulator.switches.master_stub = forgetful
        self.fallen: set[str] = set()
        self.faulty = False
        self._lengths: dict[str, int] = {}
        self._living: set[str] = set()
        self._exceptions: dict[str, dict[int, str]] = {name: {} for name in SERIES}
        self._split: set[str] = set()
        self._titles = itertools.count(1)

    def put(self, name: str, day: int, length: int, *, all_day: bool) -> None:
        """Create a one-off event, bring it back, or give it other times."""
        first = TODAY + day * DAY
        if all_day:
            edges = [{"date": f"{first}"}, {"date": f"{first + length * DAY}"}]
        else:
            start = EMULATOR_START + day * DAY
            edges = [
                {"dateTime": moment.isoformat()} for moment in (start, start + length * DAY / 24)
            ]
        body = {"id": name, "summary": self._title(name), "start": edges[0], "end": edges[1]}
        self.emulator.put_event(CALENDAR, body)
        self._living.add(name)

    def repeat(self, name: str, count: int) -> None:
        """Create a series, bring it back, or make it longer or shorter."""
        if name in self._split:
            return
        if self._forgetful and name in self._living:
            count = max(count, self._lengths[name])
        spec = SERIES[name]
        start = _edge(spec.first)
        end = _edge(spec.first + (timedelta(hours=1) if "dateTime" in start else DAY))
        unit = "WEEKLY" if spec.step == 7 * DAY else "DAILY"
        rule = f"RRULE:FREQ={unit};INTERVAL={max(1, spec.step.days % 7)};COUNT={count}"
        body = {"id": name, "summary": self._title(name), "start": start, "end": end}
        self.emulator.put_event(CALENDAR, {**body, "recurrence": [rule]})
        self._lengths[name] = count
        self._living.add(name)
        self._forget(name, lambda index: index >= count)

    def rename(self, name: str) -> None:
        if name in self._living:
            self.emulator.patch_event(CALENDAR, name, {"summary": self._title(name)})

    def delete(self, name: str) -> None:
        if name in self._living:
            self._living.remove(name)
            self.emulator.delete_event(CALENDAR, name)
            self._forget(name, lambda index: index >= 0)

    def cancel(self, name: str, index: int) -> None:
        """Take one occurrence out; another one of the same may follow."""
        event_id = self._occurrence(name, index)
        if event_id is not None and index not in self._exceptions[name]:
            self.emulator.cancel_instance(CALENDAR, event_id)
            self._except(name, index, event_id)

    def move(self, name: str, index: int, days: int) -> None:
        """Put one occurrence on another day."""
        event_id = self._occurrence(name, index)
        if event_id is not None and index not in self._exceptions[name]:
            start = SERIES[name].start(index) + days * DAY
            end = start + (timedelta(hours=2) if isinstance(start, datetime) else DAY)
            self.emulator.move_instance(CALENDAR, event_id, _edge(start), _edge(end))
            self._except(name, index, event_id)

    def split(self, name: str, index: int) -> None:
        """This and following; the series is left alone from then on, but for its end."""
        if self._occurrence(name, index) is None or index == 0 or self._exceptions[name]:
            return
        start = SERIES[name].start(index)
        if not isinstance(start, datetime):
            return
        title = {"summary": self._title(name)}
        new = self.emulator.split_series(CALENDAR, name, start.astimezone(ZoneInfo("UTC")), title)
        self._split.add(name)
        self._living.add(new)

    def delete_following(self) -> None:
        """Delete what "this and following" made of a series."""
        for name in sorted(self._living - SERIES.keys() - set(ONE_OFFS)):
            self._living.remove(name)
            self.emulator.delete_event(CALENDAR, name)

    def _title(self, name: str) -> str:
        return f"{name} {next(self._titles)}"

    def _occurrence(self, name: str, index: int) -> str | None:
        usable = name in self._living and name not in self._split
        if not usable or index >= self._lengths[name]:
            return None
        start = SERIES[name].start(index)
        if isinstance(start, datetime):
            return self.emulator.instance_id(name, start)
        midnight = datetime.combine(start, datetime.min.time(), ZoneInfo("UTC"))
        return self.emulator.instance_id(name, midnight, all_day=True)

    def _except(self, name: str, index: int, event_id: str) -> None:
        self._exceptions[name][index] = event_id
        self.fallen.discard(event_id)

    def _forget(self, name: str, lost: Callable[[int], bool]) -> None:
        """Exceptions that fell with the rule that they were exceptions of."""
        exceptions = self._exceptions.get(name, {})
        for index in [index for index in exceptions if lost(index)]:
            self.fallen.add(exceptions.pop(index))


def _edge(moment: datetime | date) -> dict[str, str]:
    if not isinstance(moment, datetime):
        return {"date": moment.isoformat()}
    wall = moment.replace(tzinfo=None).isoformat()
    return {"dateTime": wall, "timeZone": str(moment.tzinfo)}


Step = tuple[Any, ...]
HARMLESS: Final = [
    FaultKind.DUPLICATE,
    FaultKind.STALE,
    FaultKind.EMPTY_PAGE,
    FaultKind.EMPTY_LAST_PAGE,
    FaultKind.SYNC_TOKENS_INVALID,
    FaultKind.PAGE_TOKENS_EXPIRED,
]
DAYS: Final = st.one_of(st.integers(0, 60), st.integers(-95, -85), st.integers(170, 200))
NAMES: Final = st.sampled_from([*SERIES, *ONE_OFFS])
INDEXES: Final = st.integers(0, 5)
SYNCS: Final = st.sampled_from([("sync",), ("sync",), ("full",)])
CHANGES: Final = st.one_of(
    st.tuples(
        st.just("put"), st.sampled_from(ONE_OFFS), DAYS, st.sampled_from([0, 1, 30]), st.booleans()
    ),
    st.tuples(st.just("repeat"), st.sampled_from([*SERIES]), st.integers(1, 6)),
    st.tuples(st.just("rename"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.just("cancel"), st.sampled_from([*SERIES]), INDEXES),
    st.tuples(st.just("move"), st.sampled_from([*SERIES]), INDEXES, st.sampled_from([-9, 1, 300])),
    st.tuples(st.just("split"), st.sampled_from([*SERIES]), INDEXES),
    st.just(("delete_following",)),
)
DISTURBANCES: Final = st.one_of(
    st.tuples(st.just("advance"), st.sampled_from([1, 8, 45])),
    st.just(("invalidate",)),
    st.tuples(st.just("clamp"), st.sampled_from([1, 3, None])),
    st.tuples(st.just("fault"), st.sampled_from(HARMLESS), st.integers(1, 2)),
)
STEPS: Final = st.lists(st.one_of(CHANGES, CHANGES, SYNCS, DISTURBANCES), max_size=16)


def sync(scene: Scene, *, full: bool = False, faulty: bool = False) -> None:
    """One run; a token that Google refuses right after giving it may make one unavailable."""
    result = run(scene, full=full, allow_mass_delete=True)
    if faulty and result.code == "sync_token_refused":
        return
    assert (result.exit_code, result.errors) == (0, ())


def take(scene: Scene, google: Google, step: Step) -> None:
    match step:
        case ("sync",) | ("full",):
            sync(scene, full=step == ("full",), faulty=google.faulty)
        case ("advance", int(days)):
            scene.clock.set(scene.clock.now() + days * DAY)
        case ("invalidate",):
            scene.emulator.invalidate_sync_tokens(CALENDAR)
        case ("clamp", size):
            scene.emulator.switches.page_clamp = size
        case ("fault", FaultKind() as kind, int(nth)):
            scene.emulator.add_fault(Fault(kind=kind, nth=nth, times=1))
            google.faulty = True
        case ("put", name, day, length, all_day):
            google.put(name, day, length, all_day=all_day)
        case (name, *arguments):
            getattr(google, name)(*arguments)
        case _:
            raise AssertionError(step)


def wrong(scene: Scene, google: Google) -> list[str]:
    """What is not as the masters say, line by line.

    Nothing proves what happened at or beyond the edges of a listing, so a row there counts only
    if its event must be in the table.
    """
    [(edge,)] = scene.connection.execute("select edge from jobs.calendar_windows").fetchall()
    now = scene.clock.now().replace(microsecond=0)
    window = Window(now - DEFAULT_PAST, edge)
    assert edge >= now + DEFAULT_FUTURE + MIN_LEAD
    masters = scene.emulator.masters(CALENDAR)
    expected = expect(masters, Place(CALENDAR, "UTC", "UTC"), window, fallen=google.fallen)
    rows = load_rows(scene.connection, scene.ws_id, CALENDAR)
    provable = {
        key: row
        for key, row in rows.items()
        if key in expected.inside or not expected.is_edge(row, SLACK)
    }
    return deviations(provable, expected, slack=SLACK, limit=5)


@contextmanager
def fresh_scene(databases: Databases, state_dir: Path) -> Generator[Scene]:
    """A workspace with one account and calendar that nothing has happened to."""
    clock = VirtualClock(EMULATOR_START)
    with (
        databases.fresh(Shape.CURRENT, jobs_schema=True) as database,
        Emulator(clock=clock, switches=Switches(strict=True)) as emulator,
    ):
        scene = build_scene(database, emulator, state_dir)
        scene.add_account("ada@example.test", CALENDAR)
        try:
            yield scene
        finally:
            scene.connection.close()
        assert emulator.violations == ()


@settings(
    max_examples=settings().max_examples // 4,  # A quarter of the profile's: each is a whole story.
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, forgetful=st.booleans())
@example(
    steps=[("repeat", "weekly", 6), ("sync",), ("split", "weekly", 3), ("delete", "weekly")],
    forgetful=False,
)
@example(
    steps=[("repeat", "weekly", 6), ("sync",), ("split", "weekly", 3), ("delete_following",)],
    forgetful=True,
)
@example(steps=[("repeat", "weekly", 6), ("sync",), ("delete", "weekly")], forgetful=True)
@example(steps=[("repeat", "days", 6), ("sync",), ("delete", "days")], forgetful=True)
@example(
    steps=[
        *(("put", "a", 5, 1, False), ("rename", "a"), ("put", "b", 6, 1, True), ("sync",)),
        *(("rename", "a"), ("fault", FaultKind.STALE, 1), ("sync",)),
    ],
    forgetful=False,
)
@example(
    steps=[("put", "a", 5, 1, True), ("sync",), ("invalidate",), ("delete", "a")], forgetful=False
)
@example(steps=[("put", "a", 195, 1, True), ("sync",), ("advance", 8)], forgetful=False)
@example(steps=[("fault", FaultKind.SYNC_TOKENS_INVALID, 2), ("sync",)], forgetful=False)
def test_one_undisturbed_sync_after_anything_reaches_the_truth(
    databases: Databases, tmp_path: Path, steps: list[Step], *, forgetful: bool
) -> None:
    with fresh_scene(databases, tmp_path / "state") as scene:
        google = Google(scene.emulator, forgetful=forgetful)
        for step in steps:
            take(scene, google, step)
        scene.emulator.clear_faults()
        scene.emulator.switches.page_clamp = None

        sync(scene)

        note(str(scene.emulator.masters(CALENDAR)))
        assert wrong(scene, google) == []
        check_quiet(scene)
