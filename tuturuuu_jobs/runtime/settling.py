"""Recording how a run ended, and what to do when the ledger cannot take it.

Invariant: an outcome is on disk or in the ledger before the run's locks are released. Recording is
retried on its own, apart from the work, so that finished work is not done again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from tuturuuu_jobs.errors import JobError, SettingsError, SupersededError, UnavailableError
from tuturuuu_jobs.runtime import ledger, report
from tuturuuu_jobs.runtime.clock import Clock, Deadline
from tuturuuu_jobs.runtime.endings import as_job_error
from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.identity import ProcessIdentity
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, Result
from tuturuuu_jobs.runtime.retry import fits
from tuturuuu_jobs.runtime.session import KeySession
from tuturuuu_jobs.runtime.state import StateDirectory

TRIES: Final = 5
BUDGET_S: Final = 30.0
UNSETTLED: Final = "unsettled"
"""The warning's code: the ledger could not be told how the run ended."""
_NO_DATABASE: Final = "database_unavailable"


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """A result on its way to the ledger.

    Attributes:
        opened: Whether the ledger may have a running row of this run.
        home: Which database it is for: as that calls itself, or its address if it was never
            reached.
    """

    facts: RunFacts
    result: Result
    opened: bool
    home: str

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Settle the row, or insert it if the run never had one; idempotent.

        Raises SupersededError if somebody else settled it with another result.
        """
        # A row we did not see opened may exist all the same: the answer to its COMMIT got lost.
        if self.opened or not ledger.record_final(connection, self.facts, self.result):
            ledger.settle(connection, self.facts.id, self.result)

    def to_json(self) -> dict[str, Any]:
        """As it is spooled."""
        facts = dataclasses.asdict(self.facts)
        for name, value in facts.items():
            if isinstance(value, UUID):
                facts[name] = str(value)
            elif isinstance(value, datetime):
                facts[name] = value.isoformat()
        return {
            "facts": facts,
            "result": self.result.to_json(),
            "opened": self.opened,
            "home": self.home,
        }

    @classmethod
    def parse(cls, document: dict[str, Any]) -> Record:
        """Read back what was spooled; KeyError, TypeError, ValueError if it is something else."""
        facts = dict(document["facts"])
        facts["identity"] = ProcessIdentity(**facts["identity"])
        for name in ("id", "ws_id", "parent_run_id", "replay_of"):
            facts[name] = UUID(facts[name]) if facts.get(name) else None
        for name in ("slot", "started_at", "deadline_at"):
            facts[name] = datetime.fromisoformat(facts[name]) if facts[name] else None
        return cls(
            RunFacts(**facts),
            report.parse_result(document["result"]),
            bool(document["opened"]),
            str(document["home"]),
        )


def record(
    entry: Record, session: KeySession, state: StateDirectory, clock: Clock, rng: random.Random
) -> Result:
    """Bring a result to the ledger, or to the spool if that fails; returns it as it is now.

    The caller has made sure that no signal interrupts.
    """
    result = entry.result
    try:
        _write_with_patience(entry, session, clock, rng)
    except SupersededError as error:
        result = _superseded(result, error)
    except Exception as error:  # noqa: BLE001 - A finished run is reported, whatever recording does.
        result = report.with_warning(result, _unsettled(as_job_error(error)))
        spooled = dataclasses.replace(entry, result=result)
        warning = state.save_unsettled(entry.facts.id, spooled.to_json())
        result = report.with_warning(result, warning)
    return report.with_warning(result, state.save_result(result))


def _write_with_patience(
    entry: Record, session: KeySession, clock: Clock, rng: random.Random
) -> None:
    if not entry.opened and entry.result.code == _NO_DATABASE:
        raise UnavailableError("the database cannot be reached", code=_NO_DATABASE)
    budget = Deadline.after(clock, BUDGET_S)
    for failures in range(1, TRIES + 1):
        try:
            entry.write(session.connect())
        except JobError as error:
            wait = 2.0 ** (failures - 1) * (0.5 + rng.random() / 2)
            # Without a row nobody waits for this record: the spool serves as well.
            hopeless = not error.retryable or not entry.opened or failures == TRIES
            if hopeless or not fits(wait, budget.remaining(), 0.0):
                raise
            session.detach()
            clock.sleep(wait)
        else:
            return


def _superseded(result: Result, error: SupersededError) -> Result:
    outcome = Outcome(Kind.SUPERSEDED, error.code, (Problem.of(error), *result.errors))
    return report.with_outcome(result, outcome)


def _unsettled(error: JobError) -> Problem:
    return Problem(
        UNSETTLED,
        f"the ledger could not be told how the run ended: {error.message}",
        hint="nothing to do: the next run on this machine tells it",
    )


def drain_spool(
    connection: psycopg.Connection[Any], state: StateDirectory, homes: Collection[str]
) -> int:
    """Tell the ledger what it could not be told earlier; returns how many results it took.

    Records of another database, which ``DATABASE_URL`` led to earlier, wait until it does again.

    Raises JobError if the database fails meanwhile; what is left stays spooled.

    Args:
        connection: To the ledger.
        state: Where the spool is.
        homes: The names that the ledger's database goes by in records.
    """
    taken = 0
    for path, document in state.unsettled():
        try:
            entry = Record.parse(document)
            if entry.home not in homes:
                continue
            entry.write(connection)
        except SupersededError:
            # Somebody settled it first; the result itself is still kept in results/.
            pass
        except (UnavailableError, SettingsError):
            raise
        except (JobError, KeyError, TypeError, ValueError):
            # One record that the ledger refuses must not stop every run after it.
            _put_aside(path)
            continue
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        taken += 1
    return taken


def _put_aside(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.rename(path.with_suffix(".unreadable"))
