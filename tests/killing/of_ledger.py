"""What keeps the ledger: the dead, the unsettled, the old, and the schema itself."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import subprocess
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from typing_extensions import override

from tests.acceptance.processes import start_of
from tests.fixtures.postgres import Database, Databases
from tests.killing.ward import Ward
from tests.killing.watching import Wires, open_wires
from tuturuuu_jobs.runtime import ledger
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.identity import ProcessIdentity, new_run_id, read_identity
from tuturuuu_jobs.runtime.outcome import Kind, Outcome
from tuturuuu_jobs.runtime.report import build_result
from tuturuuu_jobs.runtime.schema import require_schema
from tuturuuu_jobs.runtime.settling import Record
from tuturuuu_jobs.runtime.state import StateDirectory
from tuturuuu_jobs.testing.tuturuuu import Shape

TABLES = (
    "select relname from pg_class where relkind = 'r' and relnamespace = to_regnamespace('jobs')"
)


class LedgerWard(Ward):
    """A command that keeps the ledger: done once more it finds nothing to do."""

    def __init__(self, database: Database, state_dir: Path, wires: Wires) -> None:
        super().__init__(database, state_dir, wires)
        self.prepare()

    def prepare(self) -> None:
        """Everything that the command will find."""

    @override
    def check_whole(self) -> None:
        """Each statement is whole by itself."""

    @override
    def written(self) -> Any:
        files = sorted(path for path in self.state_dir.rglob("*") if path.is_file())
        return self.lying(*(f"jobs.{name}" for (name,) in self.ask(TABLES))), files

    def statuses(self) -> dict[UUID, str]:
        """Of every run."""
        return dict(self.ask("select id, status from jobs.runs"))


class Past:
    """Makes runs that somebody else began.

    Args:
        ward: Whose ledger they stand in.
    """

    def __init__(self, ward: Ward) -> None:
        self._ward = ward
        self._rng = random.Random(5)

    def facts(self, ws_id: UUID, identity: ProcessIdentity) -> RunFacts:
        """A sync of a workspace by that process."""
        now = SystemClock().now()
        return RunFacts(
            id=new_run_id(SystemClock(), self._rng),
            job="sync",
            ws_id=ws_id,
            key=f"google-calendar-sync-{ws_id}",
            trigger="timer",
            slot=None,
            payload={},
            tags={},
            max_attempts=1,
            parent_run_id=None,
            locks="both",
            identity=identity,
            invocation_id=None,
            code_version="test",
            started_at=now,
            deadline_at=now + timedelta(hours=1),
        )

    def begun(self, ws_id: UUID, identity: ProcessIdentity) -> RunFacts:
        """One whose row is open."""
        facts = self.facts(ws_id, identity)
        assert ledger.open_run(self._ward.connection, facts)
        return facts

    def spooled(self, facts: RunFacts, *, opened: bool) -> UUID:
        """Its result waits for the ledger on disk."""
        outcome = Outcome(Kind.SUCCEEDED, "succeeded", data={})
        result = build_result(
            facts, outcome, attempts=1, finished_at=SystemClock().now(), duration_s=1.0
        )
        home = require_schema(self._ward.connection)
        record = Record(facts, result, opened=opened, home=home).to_json()
        assert StateDirectory(self._ward.state_dir).save_unsettled(facts.id, record) is None
        return facts.id


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    """As its run would have recorded it."""
    return dataclasses.replace(read_identity(), pid=process.pid, pid_start=start_of(process.pid))


def dead() -> ProcessIdentity:
    """Of a process that has ended."""
    with subprocess.Popen(["/bin/sleep", "600"]) as process:
        identity = identity_of(process)
        process.kill()
    return identity


class ReapWard(LedgerWard):
    """Two dead runs; of two others only the machine knows how they ended."""

    words = again = ("runs", "reap", "--json")

    @override
    def prepare(self) -> None:
        past, gone = Past(self), dead()
        self._wanted = {past.begun(UUID(int=number), gone).id: "lost" for number in (1, 2)}
        unsettled = past.begun(UUID(int=3), gone), past.facts(UUID(int=4), gone)
        for facts, opened in zip(unsettled, (True, False), strict=True):
            self._wanted[past.spooled(facts, opened=opened)] = "succeeded"

    @override
    def check_true(self) -> None:
        assert self.statuses() == self._wanted


class PruneWard(LedgerWard):
    """Runs, events and files that are old enough, beside some that are not."""

    words = again = ("runs", "prune", "--json")
    kept = frozenset({("a", "succeeded", 400), ("b", "failed", 1)})
    old = frozenset(
        {("a", "succeeded", 401), ("a", "skipped", 9), ("b", "failed", 99), ("b", "lost", 99)}
    )

    @override
    def prepare(self) -> None:
        for key, status, days in self.kept | self.old:
            self.connection.execute(
                "insert into jobs.runs (id, job, concurrency_key, status, trigger, tags,"
                " finished_at) values (gen_random_uuid(), 'sync', %(key)s, %(status)s, 'timer',"
                " jsonb_build_object('days', %(days)s::int),"
                " now() - make_interval(days => %(days)s))",
                {"key": key, "status": status, "days": days},
            )
        self.connection.execute(
            "insert into jobs.events (at, type) values (now() - interval '4000 days', 'old'),"
            " (now() - interval '1 day', 'new')"
        )
        self.connection.execute(
            "create table jobs.events_2020_01 partition of jobs.events"
            " for values from ('2020-01-01Z') to ('2020-02-01Z')"
        )
        folder = self.state_dir / "results" / "key"
        folder.mkdir(parents=True)
        long_ago = time.time() - timedelta(days=200).total_seconds()
        for name, moment in (("old", long_ago), ("older", long_ago), ("new", time.time())):
            path = folder / f"{name}.json"
            path.write_text('{"version": 1}', encoding="utf-8")
            os.utime(path, (moment, moment))

    @override
    def check_whole(self) -> None:
        assert self.kept <= self._runs()

    @override
    def check_true(self) -> None:
        assert self._runs() == self.kept
        assert self.ask("select type from jobs.events") == [("new",)]
        assert self.ask("select to_regclass('jobs.events_2020_01') is null") == [(True,)]
        assert [path.name for path in (self.state_dir / "results").rglob("*.json")] == ["new.json"]

    def _runs(self) -> frozenset[Any]:
        query = "select concurrency_key, status, (tags ->> 'days')::int from jobs.runs"
        return frozenset(self.ask(query))


class CancelWard(LedgerWard):
    """A run at work on this machine is asked to end."""

    # Once it has ended there is nothing to ask for.
    quiet_code = 1

    @override
    def prepare(self) -> None:
        self._process = subprocess.Popen(["/bin/sleep", "600"])
        self._run_id = Past(self).begun(UUID(int=1), identity_of(self._process)).id
        self.words = self.again = ("runs", "cancel", str(self._run_id), "--json")

    @override
    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        super().close()

    @override
    def check_whole(self) -> None:
        """It is told to end behind the note, and told only then."""
        ((noted,),) = self.ask("select cancel_requested_at is not null from jobs.runs")
        assert noted or self._process.poll() is None
        told = self.ask("select from jobs.events where type = 'run.cancel_requested'")
        assert len(told) == noted

    @override
    def heal(self) -> None:
        super().heal()
        self._process.wait(60)
        # The process is not one of ours, so it did not settle its row.
        assert self.undisturbed(("runs", "reap")).returncode == 0

    @override
    def check_true(self) -> None:
        query = "select id, status, cancel_requested_at is not null from jobs.runs"
        assert self.ask(query) == [(self._run_id, "lost", True)]


class MigrateWard(LedgerWard):
    """A database without our schema."""

    words = again = ("db", "migrate")
    wanted: Any = None

    @override
    def check_whole(self) -> None:
        """The schema is there as a whole, or not at all."""
        assert self.objects() in ([], self.wanted)

    @override
    def check_true(self) -> None:
        assert self.objects() == self.wanted
        assert self.undisturbed(("db", "status")).returncode == 0

    def objects(self) -> list[Any]:
        """Everything in the schema: relations, their columns, functions."""
        return objects_of(self.connection)


def objects_of(connection: Any) -> list[Any]:
    query = """
    select relname::text, attname::text, format_type(atttypid, atttypmod)
    from pg_class join pg_attribute on attrelid = pg_class.oid
    where relnamespace = to_regnamespace('jobs') and attnum > 0
    union all
    select proname, pg_get_function_identity_arguments(oid), md5(prosrc)
    from pg_proc where pronamespace = to_regnamespace('jobs')
    order by 1, 2, 3
    """
    return list(connection.execute(query).fetchall())


@contextlib.contextmanager
def open_ledger(
    databases: Databases, folder: Path, kind: type[LedgerWard]
) -> Generator[LedgerWard]:
    """A ward of that kind, on a database of its own."""
    is_bare = issubclass(kind, MigrateWard)
    with (
        databases.fresh(Shape.CURRENT, jobs_schema=not is_bare) as database,
        open_wires(database) as wires,
        contextlib.closing(kind(database, folder / "state", wires)) as ward,
    ):
        if isinstance(ward, MigrateWard):
            ward.wanted = _migrated(databases)
        yield ward


def _migrated(databases: Databases) -> list[Any]:
    with (
        databases.fresh(Shape.CURRENT, jobs_schema=True) as database,
        database.connect() as connection,
    ):
        return objects_of(connection)
