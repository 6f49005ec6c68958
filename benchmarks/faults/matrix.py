"""Every fault over every way, on one emulator and one database, counted by the true state."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from typing_extensions import override

from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.schema import migrate
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import Shape, install, seed

WAYS: Final = ("token_regardless", "wipe_and_refetch", "status_file", "ours")
EVENTS: Final = 120
CHANGED: Final = 60
REFUSED: Final = "refused by the table"

_REFUSE: Final = f"""
create function refuse() returns trigger language plpgsql as $$
begin
    if new.title = '{REFUSED}' then raise exception 'refused' using errcode = '22001'; end if;
    return new;
end $$;
create trigger refuse before insert or update on workspace_calendar_events
    for each row execute function refuse()
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Wrong:
    """What is not as it should be.

    Attributes:
        lost: Events at Google without a row that looks like them.
        doubled: Rows beyond the first of an event.
        leaked: Rows of events that are no more.
        absent: Events without any row right after the faulty run, for readers in between.
    """

    lost: int
    doubled: int
    leaked: int
    absent: int

    @override
    def __str__(self) -> str:
        parts = [
            f"{count} {name}"
            for name, count in dataclasses.asdict(self).items()
            if count and name != "absent"
        ]
        text = ", ".join(parts) or "0"
        return f"{text} ({self.absent} absent meanwhile)" if self.absent else text


class World:
    """One workspace with two calendars of one account, synced in one way."""

    def __init__(self, emulator: Emulator, dsn: str, way: str, name: str, state_dir: str) -> None:
        self.emulator, self.way = emulator, way
        self.calendars = [f"{way}-{name}-{number}@example.test" for number in (1, 2)]
        email = f"{way}-{name}@example.test"
        account = emulator.add_account(email)
        self.now = datetime.now(UTC).replace(microsecond=0, minute=0)
        self.connection = connect(dsn, application_name="benchmarks")
        user = seed.create_user(self.connection)
        self.ws_id: UUID = seed.create_workspace(self.connection, user)
        row = seed.create_account(
            self.connection,
            self.ws_id,
            user,
            access_token=account.access_token,
            refresh_token=account.refresh_token,
            email=email,
            expires_at=self.now + timedelta(hours=3),
        )
        for calendar in self.calendars:
            emulator.add_calendar(calendar, owner=email)
            seed.create_connection(self.connection, self.ws_id, row, calendar)
            emulator.put_events(calendar, [self.event(number) for number in range(EVENTS)])
        self._given = {
            "way": way,
            "dsn": dsn,
            "ws_id": str(self.ws_id),
            "calendars": self.calendars,
            "access_token": account.access_token,
            "client": [account.client_id, account.client_secret],
            "api_url": emulator.base_url,
            "token_url": emulator.token_url,
            "state_dir": state_dir,
            "kill": False,
        }

    def event(self, number: int, title: str = "before") -> dict[str, Any]:
        """An hour of one of the next weeks."""
        start = self.now + timedelta(hours=number + 1)
        return {
            "id": f"event{number:04d}",
            "summary": f"{title} {number}",
            "start": {"dateTime": start.isoformat()},
            "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
        }

    def change(self) -> None:
        """Change, delete and add at Google."""
        for calendar in self.calendars:
            for number in range(CHANGED):
                self.emulator.patch_event(
                    calendar, f"event{number:04d}", {"summary": f"after {number}"}
                )
            for number in range(CHANGED, CHANGED + 20):
                self.emulator.delete_event(calendar, f"event{number:04d}")
            fresh = [self.event(number, "new") for number in range(EVENTS, EVENTS + 20)]
            self.emulator.put_events(calendar, fresh)

    def start(self, *, kill: bool = False, **environ: str) -> subprocess.Popen[str]:
        """Begin one run."""
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.faults.once"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TZ": "UTC", **environ},
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps({**self._given, "kill": kill}))
        process.stdin.close()
        return process

    def run(self, **options: Any) -> None:
        """One run, to its end."""
        self.start(**options).wait()

    def rows(self, calendar: str) -> list[tuple[str, str, datetime]]:
        """Event id, title and start of every row."""
        return self.connection.execute(
            "select external_event_id, title, start_at from workspace_calendar_events"
            " where ws_id = %s and external_calendar_id = %s",
            (self.ws_id, calendar),
        ).fetchall()

    def living(self, calendar: str) -> dict[str, tuple[str, datetime]]:
        """Title and start of every event that Google shows and the table would take."""
        return {
            event["id"]: (event["summary"], _start(event))
            for event in self.emulator.masters(calendar)
            if event["status"] != "cancelled" and event["summary"] != REFUSED
        }

    def _refused(self, calendar: str) -> set[str]:
        """Events whose newest state no row can hold; an older one may stay."""
        masters = self.emulator.masters(calendar)
        return {event["id"] for event in masters if event.get("summary") == REFUSED}

    def absent(self) -> int:
        """Events without any row."""
        return sum(
            len(self.living(calendar).keys() - {row[0] for row in self.rows(calendar)})
            for calendar in self.calendars
        )

    def wrong(self, absent: int) -> Wrong:
        """The final count."""
        lost = doubled = leaked = 0
        for calendar in self.calendars:
            living, rows = self.living(calendar), self.rows(calendar)
            right = {row[0] for row in rows if living.get(row[0]) == row[1:]}
            lost += len(living.keys() - right)
            doubled += sum(count - 1 for count in Counter(row[0] for row in rows).values())
            leaked += len({row[0] for row in rows} - living.keys() - self._refused(calendar))
        return Wrong(lost, doubled, leaked, absent)


def _start(event: dict[str, Any]) -> datetime:
    edge = event["start"]
    moment = datetime.fromisoformat(edge.get("dateTime") or edge["date"])
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refused_row(world: World) -> None:
    world.change()
    for calendar in world.calendars:
        world.emulator.patch_event(calendar, "event0010", {"summary": REFUSED})
    world.run()


def _many_pages(world: World) -> None:
    world.change()
    world.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=25))
    world.run()


def _token_gone(world: World) -> None:
    world.change()
    for calendar in world.calendars:
        world.emulator.invalidate_sync_tokens(calendar)
    world.run()


def _token_gone_midway(world: World) -> None:
    """The token ends between two pages, and the listing that follows breaks off."""
    world.change()
    gone = "410 fullSyncRequired"
    world.emulator.add_fault(Fault(kind=FaultKind.PAGE_CLAMP, size=25))
    world.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error=gone, page=2, incremental=True, times=1)
    )
    world.emulator.add_fault(
        Fault(kind=FaultKind.ERROR, error="500 backendError", page=2, incremental=False)
    )
    world.run()


def _killed(world: World) -> None:
    world.change()
    world.run(kill=True)


def _twice_at_once(world: World) -> None:
    world.change()
    world.emulator.add_fault(Fault(kind=FaultKind.LATENCY, seconds=0.3))
    both = [world.start(), world.start()]
    for process in both:
        process.wait()


def _two_lists(world: World) -> None:
    """Nothing but two calendars, each with changes of its own."""
    first, second = world.calendars
    world.emulator.patch_event(first, "event0001", {"summary": "after 1"})
    world.run()
    world.emulator.patch_event(second, "event0002", {"summary": "after 2"})
    world.emulator.delete_event(first, "event0003")
    world.run()


def _change_day(world: World) -> None:
    """An all-day event on a day without midnight, synced by a machine of that zone."""
    for calendar in world.calendars:
        world.emulator.put_event(
            calendar,
            {
                "id": "wholeday",
                "summary": "Day",
                "start": {"date": "2027-04-30"},
                "end": {"date": "2027-05-01"},
            },
        )
    world.run(TZ="Africa/Cairo")


FAULTS: Final[dict[str, Callable[[World], None]]] = {
    "a row the table refuses": _refused_row,
    "more than one page": _many_pages,
    "token refused (410)": _token_gone,
    "410 midway, then 500": _token_gone_midway,
    "killed between data and token": _killed,
    "two runs at once": _twice_at_once,
    "two calendars": _two_lists,
    "an all-day event, machine elsewhere": _change_day,
}


def measure(name: str, way: str, dsn: str) -> Wrong:
    """One cell: a sync, changes, a faulty run, and two runs without fault."""
    inject = FAULTS[name]
    with (
        tempfile.TemporaryDirectory() as state_dir,
        Emulator(clock=lambda: datetime.now(UTC)) as emulator,
    ):
        world = World(emulator, dsn, way, str(list(FAULTS).index(name)), state_dir)
        world.run()
        inject(world)
        absent = world.absent()
        emulator.clear_faults()
        zone = {"TZ": "Africa/Cairo"} if inject is _change_day else {}
        world.run(**zone)
        world.run(**zone)
        found = world.wrong(absent)
        world.connection.close()
    return found


def main() -> dict[str, dict[str, Wrong]]:
    """The whole matrix."""
    with EmbeddedPostgres() as cluster:
        cluster.server.create_database("faults")
        dsn = cluster.server.dsn("faults")
        with connect(dsn, application_name="benchmarks") as connection:
            install(connection, Shape.CURRENT)
            migrate(connection)
            connection.execute(_REFUSE)
        return {name: {way: measure(name, way, dsn) for way in WAYS} for name in FAULTS}
