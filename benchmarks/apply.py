"""What writing a calendar costs, beside the same rows written in other ways.

All on one connection, into one table with all its indexes and triggers. Ours is everything between
the parsed page and the commit: loading the rows, planning, staging, applying, the token.
"""

from __future__ import annotations

import statistics
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg

from benchmarks.measure import Row, in_turn, ratios, timed, write
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.schema import migrate
from tuturuuu_jobs.sync import plan
from tuturuuu_jobs.sync.model import Calendar, Item, Window
from tuturuuu_jobs.sync.staging import Commit, Staging
from tuturuuu_jobs.sync.store import load_shape
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres
from tuturuuu_jobs.testing.tuturuuu import Shape, install, seed

EVENTS: Final = 10_000
PAGE: Final = 2_500
START: Final = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
SCOPE: Final = plan.Scope(
    Window(START - timedelta(days=1), START + timedelta(days=400)), ZoneInfo("UTC")
)
COLUMNS: Final = (
    "ws_id, provider, external_calendar_id, external_event_id, google_event_id, "
    "google_calendar_id, title, description, location, start_at, end_at, color, locked, "
    "external_updated_at, last_synced_at, sync_status"
)
UPDATE: Final = ", ".join(
    f"{name} = excluded.{name}"
    for name in (
        *("title", "description", "location", "start_at", "end_at", "color"),
        *("external_updated_at", "last_synced_at", "sync_status"),
    )
)
CONFLICT: Final = (
    f"on conflict (ws_id, provider, external_calendar_id, external_event_id) do update set {UPDATE}"
)


def items(version: int) -> list[Item]:
    """The calendar as Google would send it; ``version`` is part of every title."""
    return [
        Item(
            event_id=f"event{number:06d}",
            updated=START,
            start=START + timedelta(minutes=30 * number),
            end=START + timedelta(minutes=30 * number + 30),
            title=f"Event {number}, version {version}",
            description="A description of ordinary length. " * 6,
            location="Room 1",
            color_id="7",
            text_hidden=False,
            busy=True,
        )
        for number in range(EVENTS)
    ]


class Bench:
    """One connection, one workspace, and a calendar for each way of writing."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        user = seed.create_user(connection)
        self.ws_id = seed.create_workspace(connection, user)
        self.account = seed.create_account(connection, self.ws_id, user)
        self.connection = connection
        self.shape = load_shape(connection)
        self.version = 0
        self.token: str | None = None

    def changed(self) -> float:
        """Ours, every row different from the stored one."""
        self.version += 1
        return self._ours(items(self.version))

    def unchanged(self) -> float:
        """Ours, every row as it is."""
        return self._ours(items(self.version))

    def _ours(self, events: list[Item]) -> float:
        calendar = Calendar(self.account, "ours")
        staging = Staging(
            self.connection,
            self.shape,
            self.ws_id,
            calendar,
            run_id=uuid.uuid4(),
            cipher=None,
            old_rows=False,
        )
        new = uuid.uuid4().hex

        def work() -> None:
            staging.reset()
            staging.begin_window()
            for begin in range(0, EVENTS, PAGE):
                page = events[begin : begin + PAGE]
                rows, earlier = staging.load([item.event_id for item in page])
                staging.stage(plan.plan_page(page, rows, earlier, SCOPE))
            commit = Commit(self.token, new, None, None, allow_mass_delete=False)
            staging.apply(commit, lambda: None)

        seconds = timed(work)
        self.token = new
        return seconds

    def copy(self) -> float:
        """COPY everything into a temporary table, one upsert."""
        rows = self._rows("copy")

        def work() -> None:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                cursor.execute(
                    "create temp table copied on commit drop as "
                    f"select {COLUMNS} from workspace_calendar_events with no data"
                )
                with cursor.copy(f"copy copied ({COLUMNS}) from stdin") as copy:
                    for row in rows:
                        copy.write_row(row)
                cursor.execute(
                    f"insert into workspace_calendar_events ({COLUMNS}) "
                    f"select {COLUMNS} from copied {CONFLICT}"
                )

        return timed(work)

    def batches(self) -> float:
        """A hundred rows per statement and a commit after each."""
        rows = self._rows("batches")
        one = "(" + ", ".join(["%s"] * 16) + ")"
        statement = (
            f"insert into workspace_calendar_events ({COLUMNS}) "
            f"values {', '.join([one] * 100)} {CONFLICT}"
        )

        def work() -> None:
            for begin in range(0, EVENTS, 100):
                values = [value for row in rows[begin : begin + 100] for value in row]
                self.connection.execute(statement, values)

        return timed(work)

    def _rows(self, calendar: str) -> list[tuple[object, ...]]:
        self.version += 1
        return [
            (
                *(self.ws_id, "google", calendar, item.event_id, item.event_id, calendar),
                *(item.title, item.description, item.location, item.start, item.end, "BLUE"),
                *(True, item.updated, START, "synced"),
            )
            for item in items(self.version)
        ]

    def physical(self) -> set[tuple[str, str]]:
        """Where our rows lie and who wrote them last."""
        found = self.connection.execute(
            "select ctid::text, xmin::text from workspace_calendar_events "
            "where external_calendar_id = 'ours'"
        )
        return set(found.fetchall())


def main(rounds: int = 9) -> None:
    """Ten thousand events, changed and unchanged."""
    with EmbeddedPostgres() as cluster:
        cluster.server.create_database("bench")
        with connect(cluster.server.dsn("bench"), application_name="benchmarks") as connection:
            connection.execute("set statement_timeout = 0")
            install(connection, Shape.CURRENT)
            migrate(connection)
            bench = Bench(connection)

            def unchanged() -> float:
                before = bench.physical()
                seconds = bench.unchanged()
                if bench.physical() != before:
                    raise SystemExit("an unchanged row was written")
                return seconds

            times = in_turn(
                {
                    "changed": bench.changed,
                    "unchanged": unchanged,
                    "copy": bench.copy,
                    "batches": bench.batches,
                },
                rounds,
            )
    rate = ratios(times["copy"], times["changed"])
    quiet = ratios(times["unchanged"], times["changed"])
    old = ratios(times["batches"], times["changed"])
    write(
        "apply",
        "Writing 10,000 events",
        [
            Row(
                "every row changed: rate",
                "COPY and one blind upsert",
                "s",
                times["changed"],
                rate,
                "at least 0.6",
                statistics.median(rate) >= 0.6,
            ),
            Row(
                "no row changed: time",
                "every row changed",
                "s",
                times["unchanged"],
                quiet,
                "at most 0.35",
                statistics.median(quiet) <= 0.35,
            ),
            Row(
                "every row changed: rate",
                "100 rows a statement, a commit each",
                "s",
                times["changed"],
                old,
            ),
        ],
    )
