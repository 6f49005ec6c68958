"""Whatever is written in whatever order: a simple model, full listings and deltas agree.

The model knows names, titles and lengths, and nothing of sequence numbers, versions or tombstones.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, Final

from googleapiclient.errors import HttpError
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from tests.integration.emulator.proof import ME, pages, timed, weekly
from tuturuuu_jobs.testing.emulator import Account, Emulator

SINGLES: Final = ("single1", "single2")
SERIES: Final = ("series1", "series2")
OTHER: Final = "second"
STARTS: Final = tuple(f"202612{day:02d}T080000Z" for day in (1, 8, 15, 22, 29))


@dataclasses.dataclass
class Entry:
    """What the model knows of an event.

    Attributes:
        exceptions: The titles of changed occurrences; None where one is cancelled.
    """

    title: str
    count: int
    alive: bool = True
    exceptions: dict[int, str | None] = dataclasses.field(default_factory=dict[int, str | None])

    def shown(self, name: str) -> dict[str, str]:
        """The titles of a listing of single events."""
        if not self.alive:
            return {}
        if not self.count:
            return {name: self.title}
        titles = {index: self.exceptions.get(index, self.title) for index in range(self.count)}
        return {
            f"{name}_{STARTS[index]}": title for index, title in titles.items() if title is not None
        }

    def stored(self, name: str) -> dict[str, str]:
        """The titles of a listing of masters and exceptions."""
        if not self.alive:
            return {}
        kept = {
            f"{name}_{STARTS[index]}": title
            for index, title in self.exceptions.items()
            if title is not None
        }
        return {name: self.title, **kept}


class Model:
    """What ought to happen: every step gives the status that Google answers with."""

    def __init__(self) -> None:
        self.calendars: dict[str, dict[str, Entry]] = {ME: {}, OTHER: {}}

    @property
    def here(self) -> dict[str, Entry]:
        return self.calendars[ME]

    def insert(self, name: str, title: str, count: int) -> int:
        if name in self.here:
            return 409
        self.here[name] = Entry(title, count if name in SERIES else 0)
        return 200

    def rename(self, name: str, title: str) -> int:
        if name not in self.here:
            return 404
        self.here[name].title = title
        return 200

    def replace(self, name: str, title: str, count: int) -> int:
        """An update revives, and a shorter series loses exceptions."""
        if name not in self.here:
            return 404
        entry = self.here[name]
        entry.title, entry.count, entry.alive = title, count if name in SERIES else 0, True
        entry.exceptions = {i: told for i, told in entry.exceptions.items() if i < entry.count}
        return 200

    def delete(self, name: str) -> int:
        if name not in self.here:
            return 404
        if not self.here[name].alive:
            return 410
        self.here[name].alive = False
        self.here[name].exceptions = {}
        return 200

    def move(self, name: str) -> int:
        """There and, with the next move, back; the other side is never changed meanwhile."""
        there = self.calendars[OTHER]
        if name not in self.here or not self.here[name].alive:
            return 404
        if name in there and there[name].alive:
            return 409
        there[name] = self.here[name]
        self.here[name] = Entry("", 0, alive=False)
        return 200

    def change_one(self, name: str, index: int, title: str | None) -> int:
        entry = self.here.get(name)
        if entry is None or not entry.alive or index >= entry.count:
            return 0
        if title is None and entry.exceptions.get(index, "") is None:
            return 410
        entry.exceptions[index] = title
        return 200


class Hands:
    """The same steps at the emulator, through the client library."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self._events = service.events()

    def _status(self, request: Any) -> int:
        try:
            request.execute()
        except HttpError as error:
            return int(error.status_code)
        return 200

    def insert(self, name: str, title: str, count: int) -> int:
        return self._status(
            self._events.insert(calendarId=ME, body={"id": name, **_body(name, title, count)})
        )

    def rename(self, name: str, title: str) -> int:
        body = {"summary": title}
        return self._status(self._events.patch(calendarId=ME, eventId=name, body=body))

    def replace(self, name: str, title: str, count: int) -> int:
        body = _body(name, title, count)
        return self._status(self._events.update(calendarId=ME, eventId=name, body=body))

    def delete(self, name: str) -> int:
        return self._status(self._events.delete(calendarId=ME, eventId=name))

    def move(self, name: str) -> int:
        return self._status(self._events.move(calendarId=ME, eventId=name, destination=OTHER))

    def change_one(self, name: str, index: int, title: str | None) -> int:
        event_id = f"{name}_{STARTS[index]}"
        if title is None:
            return self._status(self._events.delete(calendarId=ME, eventId=event_id))
        body = {"summary": title, "status": "confirmed"}
        return self._status(self._events.patch(calendarId=ME, eventId=event_id, body=body))


def _body(name: str, title: str, count: int) -> dict[str, Any]:
    made = timed(name) if name in SINGLES else weekly(name, f"RRULE:FREQ=WEEKLY;COUNT={count}")
    return {**made, "summary": title}


class Mirror:
    """A client that follows a calendar by its deltas."""

    def __init__(self, service: Any, calendar: str, *, single: bool) -> None:
        self._service = service
        self._parameters = {"calendarId": calendar, "singleEvents": single, "maxResults": 4}
        self.rows: dict[str, str] = {}
        self._token = self._read(self.rows)

    def listed(self) -> dict[str, str]:
        """A full listing, as rows."""
        rows: dict[str, str] = {}
        self._read(rows)
        return rows

    def follow(self) -> dict[str, str]:
        """Apply what has changed since the last time; gives the rows."""
        self._token = self._read(self.rows, syncToken=self._token)
        return self.rows

    def _read(self, rows: dict[str, str], **more: Any) -> str:
        answers = pages(self._service, **self._parameters, **more)
        for page in answers:
            _apply(rows, page["items"])
        sync_token: str = answers[-1]["nextSyncToken"]
        return sync_token


def _apply(rows: dict[str, str], found: list[dict[str, Any]]) -> None:
    for item in found:
        if item["status"] == "cancelled":
            rows.pop(item["id"], None)
        else:
            rows[item["id"]] = item["summary"]


NAMES: Final = st.sampled_from([*SINGLES, *SERIES])
COUNTS: Final = st.integers(1, 5)
STEPS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), NAMES, COUNTS),
        st.tuples(st.just("rename"), NAMES),
        st.tuples(st.just("replace"), NAMES, COUNTS),
        st.tuples(st.just("delete"), NAMES),
        st.tuples(st.just("move"), NAMES),
        st.tuples(st.just("change_one"), st.sampled_from(SERIES), st.integers(0, 4)),
        st.tuples(st.just("cancel_one"), st.sampled_from(SERIES), st.integers(0, 4)),
        st.just(("follow",)),
    ),
    max_size=14,
)


def _take(hands: Hands, model: Model, step: tuple[Any, ...], title: str) -> None:
    match step:
        case ("insert" | "replace" as action, name, count):
            expected = getattr(model, action)(name, title, count)
            assert getattr(hands, action)(name, title, count) == expected
        case ("rename", name):
            assert hands.rename(name, title) == model.rename(name, title)
        case ("delete" | "move" as action, name):
            assert getattr(hands, action)(name) == getattr(model, action)(name)
        case ("change_one" | "cancel_one" as action, name, index):
            wanted = title if action == "change_one" else None
            expected = model.change_one(name, index, wanted)
            if expected:
                assert hands.change_one(name, index, wanted) == expected
        case _:
            raise AssertionError(step)


@settings(
    max_examples=settings().max_examples // 4,  # Each is a whole story.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
@example(
    steps=[
        ("insert", "series1", 5),
        ("change_one", "series1", 3),
        ("cancel_one", "series1", 1),
        ("follow",),
        ("replace", "series1", 2),
        ("move", "series1"),
        ("follow",),
        ("insert", "series1", 3),
        ("replace", "series1", 4),
        ("delete", "series1"),
    ]
)
def test_listings_and_deltas_say_what_was_written(
    emulator: Emulator,
    google_service: Callable[[Account], Any],
    steps: list[tuple[Any, ...]],
) -> None:
    account = emulator.add_account(ME)
    for calendar in (ME, OTHER):
        emulator.add_calendar(calendar, owner=ME)
    hands, model = Hands(google_service(account)), Model()
    mirrors = {
        (calendar, single): Mirror(hands.service, calendar, single=single)
        for calendar, single in itertools.product((ME, OTHER), (False, True))
    }
    for number, step in enumerate(steps):
        note(str(step))
        if step == ("follow",):
            for mirror in mirrors.values():
                mirror.follow()
        else:
            _take(hands, model, step, f"title {number}")

    for (calendar, single), mirror in mirrors.items():
        expected: dict[str, str] = {}
        for name, entry in model.calendars[calendar].items():
            expected |= entry.shown(name) if single else entry.stored(name)
        assert mirror.listed() == expected
        assert mirror.follow() == expected
