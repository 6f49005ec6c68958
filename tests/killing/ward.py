"""A scene in which one command is ended, and what must be true of every such scene.

Nothing lost, nothing doubled; no lock, no process, no running row left.
"""

from __future__ import annotations

import abc
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg

from tests.acceptance import forked
from tests.acceptance.fleet import is_free
from tests.acceptance.processes import relatives, wait_until
from tests.fixtures.postgres import Database
from tests.killing import watching
from tests.killing.at_hour import At
from tests.killing.points import Strike
from tests.killing.watching import Passed, Wires
from tuturuuu_jobs.runtime.outcome import ExitCode

ENDINGS = "('run.settled', 'run.lost', 'run.crashed')"


class Ward(abc.ABC):
    """A scene in which one command is to be ended.

    Attributes:
        words: The command.
        again: Its next undisturbed run.
        cut_codes: How it may end if only its connection is cut.
        now: What time it is for its process; None for that of the machine.
    """

    words: tuple[str, ...]
    again: tuple[str, ...]
    cut_codes: frozenset[int] = frozenset(
        {ExitCode.SUCCESS, ExitCode.PARTIAL, ExitCode.UNAVAILABLE}
    )
    quiet_code: int = ExitCode.SUCCESS
    now: datetime | None = None

    def __init__(self, database: Database, state_dir: Path, wires: Wires) -> None:
        self.database = database
        self.state_dir = state_dir
        self.wires = wires
        self.connection: psycopg.Connection[Any] = database.connect()
        self.environ = wires.environ | {"TUTURUUU_JOBS_STATE_DIR": str(state_dir)}

    def close(self) -> None:
        """Hang up."""
        self.connection.close()

    def ask(self, query: str, *values: object) -> list[Any]:
        """Rows of the database."""
        return self.connection.execute(query.encode(), values).fetchall()

    def run(self, strike: Strike | None = None) -> Passed:
        """The command, watched."""
        prepare = At(self.now) if self.now else forked.nothing
        return watching.run(self.words, self.environ, self.wires, strike, prepare)

    def undisturbed(self, words: tuple[str, ...]) -> CompletedProcess[str]:
        """A command that nobody watches."""
        prepare: Callable[[], None] = At(self.now) if self.now else forked.nothing
        return forked.start_after(prepare, words, self.environ).end()

    def heal(self) -> None:
        """The next undisturbed run."""
        ended = self.undisturbed(self.again)
        assert ended.returncode == ExitCode.SUCCESS, ended

    def stay_quiet(self) -> None:
        """A run that finds nothing to do."""
        ended = self.undisturbed(self.again)
        assert ended.returncode == self.quiet_code, ended

    @abc.abstractmethod
    def check_whole(self) -> None:
        """What is there is the state before the command, or a part of it as it should be."""

    @abc.abstractmethod
    def check_true(self) -> None:
        """All is as it should be."""

    @abc.abstractmethod
    def written(self) -> Any:
        """What a run with nothing to do leaves as it lies."""

    def check_heals(self) -> None:
        """The next undisturbed run makes all true, the one behind it writes nothing."""
        assert wait_until(self._is_alone), relatives(self.state_dir)
        self.check_whole()
        self.heal()
        self.check_true()
        self.check_nothing_left()
        lying = self.written()
        self.stay_quiet()
        assert self.written() == lying
        self.check_nothing_left()

    def _is_alone(self) -> bool:
        """Whether the server, too, has noticed that nobody is left.

        Until then the COMMIT of a killed process may still be under way.
        """
        sessions = self.ask(
            "select from pg_stat_activity where datname = current_database()"
            " and application_name like 'tuturuuu-jobs/%%'"
        )
        return not sessions and not relatives(self.state_dir)

    def check_nothing_left(self) -> None:
        """No process, no lock, no running row, nothing told twice or still to be told."""
        assert wait_until(self._is_alone), relatives(self.state_dir)
        assert (
            self.ask(
                "select from pg_locks join pg_database d on d.oid = database"
                " where locktype = 'advisory' and d.datname = current_database()"
            )
            == []
        )
        for path in (self.state_dir / "locks").glob("*.lock"):
            assert is_free(path), path
        assert list((self.state_dir / "spool").glob("[!.]*")) == []
        for path in (self.state_dir / "results").rglob("*.json"):
            assert json.loads(path.read_bytes())["version"] == 1
        self.check_ledger()

    def check_ledger(self) -> None:
        """Every run has ended, and once."""
        assert self.ask("select id from jobs.runs where status = 'running'") == []
        assert self.ask("select run_id from jobs.attempts where finished_at is null") == []
        twice = f"select run_id from jobs.events where type in {ENDINGS}"
        assert self.ask(f"{twice} group by run_id having count(*) > 1") == []

    def lying(self, *tables: str) -> dict[str, list[Any]]:
        """Where every row of these tables lies: equal before and after if nothing was written."""
        return {
            table: self.ask(f"select tableoid, ctid::text, xmin::text from {table} order by 1, 2")
            for table in tables
        }
