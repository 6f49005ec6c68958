"""Several workspaces, each with an account and a calendar of its own, and what must be true of all.

No two of them share anything at Google, so that whoever asks for a calendar is known by it.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from uuid import UUID

from tests.acceptance.command import document
from tests.acceptance.processes import relatives, wait_until
from tests.acceptance.scenery import settings_of, wind
from tests.fixtures.scene import Scene
from tuturuuu_jobs.testing.tuturuuu import seed


@dataclasses.dataclass(frozen=True)
class Fleet:
    """The workspaces of one scene.

    Attributes:
        calendars: The one calendar of each workspace.
    """

    scene: Scene
    calendars: dict[UUID, str]

    @property
    def environ(self) -> dict[str, str]:
        """Every setting of a fan-out against the scene, and nothing else."""
        return settings_of(self.scene)

    def runs(self) -> dict[UUID, str]:
        """The status of every run in the ledger."""
        return dict(self.ask("select id, status from jobs.runs"))

    def ask(self, query: str) -> list[Any]:
        """Rows of the database."""
        return self.scene.connection.execute(query.encode()).fetchall()

    def unsynced(self) -> set[UUID]:
        """Workspaces whose rows are not what Google has, or that have no token."""
        rows = self.ask("select ws_id, external_calendar_id, title from workspace_calendar_events")
        found = {(ws_id, calendar, title) for ws_id, calendar, title in rows}
        tokens = " ".join(self.scene.tokens())
        true = {
            ws_id
            for ws_id, calendar in self.calendars.items()
            if {row for row in found if row[0] == ws_id} == {(ws_id, calendar, f"E {calendar}")}
            and calendar in tokens
        }
        return set(self.calendars) - true


def build(scene: Scene, count: int) -> Fleet:
    """So many workspaces with one event each, none synced so far; the scene's own has nothing."""
    wind(scene)
    day = scene.clock.now().date()
    calendars: dict[UUID, str] = {}
    for number in range(1, count + 1):
        ws_id = UUID(f"ffffffff-0000-4000-8000-{number:012d}")
        email, calendar = f"user{number}@example.test", f"calendar{number}@example.test"
        account = scene.emulator.add_account(email, primary=False)
        scene.emulator.add_calendar(calendar, owner=email)
        seed.create_workspace(scene.connection, scene.user_id, ws_id=ws_id)
        account_id = seed.create_account(
            scene.connection,
            ws_id,
            scene.user_id,
            access_token=account.access_token,
            refresh_token=account.refresh_token,
            email=email,
        )
        seed.create_connection(scene.connection, ws_id, account_id, calendar)
        at = f"{day}T10:00:00Z", f"{day}T10:15:00Z"
        scene.put(f"event{number}", *at, calendar=calendar, summary=f"E {calendar}")
        calendars[ws_id] = calendar
    return Fleet(scene, calendars)


def check_nothing_left(fleet: Fleet) -> None:
    """No process, no lock, no running row, nothing that the ledger still has to be told."""
    state_dir = fleet.scene.state_dir
    assert wait_until(lambda: relatives(state_dir) == []), relatives(state_dir)
    assert wait_until(lambda: _advisory_locks(fleet) == 0)
    for path in (state_dir / "locks").glob("*.lock"):
        assert is_free(path), path
    assert list((state_dir / "spool").glob("*")) == []
    assert "running" not in fleet.runs().values()
    assert fleet.ask("select from jobs.attempts where finished_at is null") == []


def _advisory_locks(fleet: Fleet) -> int:
    ((count,),) = fleet.ask(
        "select count(*) from pg_locks join pg_database d on d.oid = database "
        "where locktype = 'advisory' and d.datname = current_database()"
    )
    return int(count)


def is_free(path: Path) -> bool:
    """Whether nobody holds a lock file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def check_honest(fleet: Fleet, ended: CompletedProcess[str]) -> dict[str, Any]:
    """What a fan-out says of its children is what the ledger says; gives its document."""
    result = document(ended)
    statuses = {str(run_id): status for run_id, status in fleet.runs().items()}
    for row in result["data"].get("results", []):
        noted = statuses.get(row["run_id"])
        if row["run_id"] is not None and row["exit_code"] is None:
            # Ended by a signal, and perhaps behind its last word: the ledger heard that one.
            assert noted in {None, "crashed", "succeeded"}, (row, noted)
        elif row["run_id"] is not None:
            assert row["status"] == noted, (row, noted)
    return result


def check_whole_or_empty(ended: CompletedProcess[str]) -> None:
    """A killed command has said nothing, or all."""
    if ended.stdout:
        assert json.loads(ended.stdout)["version"] == 1
