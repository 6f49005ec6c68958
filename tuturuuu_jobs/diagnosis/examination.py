"""The whole examination, in the order in which a person would look.

What needs something that was found missing is left out, and nothing is said twice: one cause, one
finding.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

from tuturuuu_jobs.diagnosis import (
    calendars,
    database,
    encryption,
    fleet,
    google,
    quotas,
    schedules,
    state,
    work,
)
from tuturuuu_jobs.diagnosis.findings import Finding, examine
from tuturuuu_jobs.diagnosis.settings import judge_settings
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.identity import ProcessIdentity
from tuturuuu_jobs.runtime.queues import list_queues
from tuturuuu_jobs.runtime.schema import pending
from tuturuuu_jobs.settings import Settings
from tuturuuu_jobs.sync.store import Shape, load_shape

_NO_DATABASE: Final = "no job can run without the database"
_NO_TABLES: Final = "no job can do its work without the tables, or with rows hidden from it"
_UNKNOWN: Final = "so nobody knows whether this is sound"

_Connection = psycopg.Connection[Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Examiner:
    """What an examination looks with.

    Attributes:
        settings: Of the installation.
        connect: Opens a connection; refuses poolers that change sessions.
        clock: This machine's.
        here: The asking process, to tell living runs of this machine from dead ones.
    """

    settings: Settings
    connect: Callable[[], _Connection]
    clock: Clock
    here: ProcessIdentity

    def run(self) -> Iterator[Finding]:
        """Every finding once, as soon as it is made."""
        said: set[tuple[str, str]] = set()
        for finding in self._look():
            if (finding.code, finding.what) not in said:
                said.add((finding.code, finding.what))
                yield finding

    def _look(self) -> Iterator[Finding]:
        yield from judge_settings(self.settings)
        yield from examine("the state directory", self._state, why=_UNKNOWN)
        yield from examine("zone data", self._zone_data, why=_UNKNOWN)
        yield from self._google()
        if self.settings.database_url:
            yield from self._database()

    def _state(self) -> Iterator[Finding]:
        yield from state.judge_state(state.look_at_state(self.settings.state_dir))
        if (directory := self.settings.metrics_dir) is not None:
            yield from state.judge_metrics(directory, writable=state.look_at_metrics(directory))

    def _zone_data(self) -> Iterator[Finding]:
        return state.judge_zones(state.look_for_zones())

    def _google(self) -> Iterator[Finding]:
        def client() -> Iterator[Finding]:
            return google.judge_client(google.ask_for_token(self.settings, self.clock))

        def api() -> Iterator[Finding]:
            return google.judge_api(google.ask_api(self.settings))

        yield from examine("Google's API", api, why=_UNKNOWN)
        if self.settings.google_client_id and self.settings.google_client_secret:
            yield from examine("the OAuth client", client, why=_UNKNOWN)

    def _database(self) -> Iterator[Finding]:
        opened: list[_Connection] = []

        def connect() -> Iterator[Finding]:
            opened.append(self.connect())
            return database.judge_link(database.look_at_link(opened[0]))

        yield from examine("the database", connect, why=_NO_DATABASE)
        for connection in opened:
            with connection:
                yield from self._server(connection)
                yield from self._tables(connection)

    def _server(self, connection: _Connection) -> Iterator[Finding]:
        def server() -> Iterator[Finding]:
            return database.judge_server(database.load_server(connection))

        def clock() -> Iterator[Finding]:
            return database.judge_clock(database.look_at_clock(connection, self.clock))

        yield from examine("the server", server, why=_UNKNOWN)
        yield from examine("the clocks", clock, why=_UNKNOWN)

    def _tables(self, connection: _Connection) -> Iterator[Finding]:
        shapes: list[Shape] = []
        migrated: list[bool] = []

        def tables() -> Iterator[Finding]:
            hidden = database.load_hidden(connection)
            if not hidden:
                shapes.append(load_shape(connection))
            return database.judge_hidden(hidden)

        def schema() -> Iterator[Finding]:
            missing = pending(connection)
            migrated.append(not missing)
            return database.judge_schema(missing)

        def rights() -> Iterator[Finding]:
            return database.judge_rights(database.load_rights(connection))

        yield from examine("Tuturuuu's tables", tables, why=_NO_TABLES)
        yield from examine("the schema jobs", schema, why="no run starts without its ledger")
        yield from examine("the rights", rights, why=_UNKNOWN)
        for shape in shapes:
            yield from self._platform(connection)
            if any(migrated):
                yield from self._calendars(connection, shape)
                yield from self._schedules(connection)
                yield from self._work(connection)

    def _platform(self, connection: _Connection) -> Iterator[Finding]:
        def accounts() -> Iterator[Finding]:
            return calendars.judge_accounts(calendars.load_lost_accounts(connection))

        def zones() -> Iterator[Finding]:
            named = calendars.load_zones(connection)
            return calendars.judge_zone_names(state.look_for_zones(named))

        def keys() -> Iterator[Finding]:
            found = encryption.look_at_keys(connection, self.settings)
            return encryption.judge_keys(found, self.settings)

        yield from examine("accounts", accounts, why=_UNKNOWN)
        yield from examine("the keys of encrypted workspaces", keys, why=_UNKNOWN)
        yield from examine("the workspaces' time zones", zones, why=_UNKNOWN)

    def _calendars(self, connection: _Connection, shape: Shape) -> Iterator[Finding]:
        now = self.clock.now()

        def freshness() -> Iterator[Finding]:
            flags = shape.preference_flags
            rows = calendars.load_freshness(connection, preference_flags=flags)
            return calendars.judge_freshness(rows, now)

        def traces() -> Iterator[Finding]:
            return calendars.judge_traces(calendars.load_traces(connection, now))

        yield from examine("calendars", freshness, why=_UNKNOWN)
        yield from examine("other writers", traces, why=_UNKNOWN)

    def _schedules(self, connection: _Connection) -> Iterator[Finding]:
        now = self.clock.now()

        def plans() -> Iterator[Finding]:
            return schedules.judge_schedules(schedules.load_schedules(connection), now)

        def planners() -> Iterator[Finding]:
            return schedules.judge_planners(schedules.load_planners(connection, now))

        yield from examine("schedules", plans, why=_UNKNOWN)
        yield from examine("other planners", planners, why=_UNKNOWN)

    def _work(self, connection: _Connection) -> Iterator[Finding]:
        now = self.clock.now()

        def underway() -> Iterator[Finding]:
            return work.judge_underway(work.load_underway(connection, self.here), now)

        def failing() -> Iterator[Finding]:
            return work.judge_failing(work.load_failing(connection, now), now)

        def skipped() -> Iterator[Finding]:
            return work.judge_skipped(work.load_skipped(connection, now))

        def queues() -> Iterator[Finding]:
            return work.judge_queues(list_queues(connection))

        def workers() -> Iterator[Finding]:
            return fleet.judge_fleet(
                fleet.load_workers(connection), fleet.load_backlogs(connection)
            )

        def requests() -> Iterator[Finding]:
            return quotas.judge_quotas(quotas.load_blocked(connection, now))

        def room() -> Iterator[Finding]:
            server = database.load_server(connection)
            return database.judge_room(server, list_queues(connection))

        for subject, look in (
            ("runs under way", underway),
            ("runs that failed", failing),
            ("runs that were skipped", skipped),
            ("queues", queues),
            ("workers", workers),
            ("the quotas of requests", requests),
            ("connections", room),
        ):
            yield from examine(subject, look, why=_UNKNOWN)
