"""``orchestrate``: the process that starts the children. Of these ``test_fan_out_killed`` tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.acceptance.command import document
from tests.acceptance.fleet import Fleet, build, check_honest
from tests.fixtures.postgres import Database
from tests.fixtures.scene import Scene
from tests.killing.ward import Ward
from tests.killing.watching import Wires
from tuturuuu_jobs.runtime.outcome import ExitCode

# Who finds a key held comes again; a dying child holds it no longer than that.
PATIENCE = 3


class FanOutWard(Ward):
    """Two workspaces, none synced so far, one child after the other."""

    workspaces = 2

    # A child whose connection is cut has failed, and so has the fan-out, in part or whole.
    cut_codes = frozenset(
        {ExitCode.SUCCESS, ExitCode.FAILED, ExitCode.PARTIAL, ExitCode.UNAVAILABLE}
    )

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires)
        self._fleet: Fleet = build(scene, self.workspaces)
        self.environ = self._fleet.environ | self.environ
        self.words = self.again = ("orchestrate", "sync", "--limit", "1", "--json")

    @override
    def close(self) -> None:
        self._fleet.scene.connection.close()
        super().close()

    @override
    def check_whole(self) -> None:
        """A workspace has its event and its token, or neither."""
        rows = {row[0] for row in self.ask("select ws_id from workspace_calendar_events")}
        assert rows == set(self._fleet.calendars) - self._fleet.unsynced()

    @override
    def heal(self) -> None:
        results = (check_honest(self._fleet, self.undisturbed(self.again)) for _ in range(PATIENCE))
        assert any((one["exit_code"], one["data"].get("busy")) == (0, 0) for one in results)

    @override
    def stay_quiet(self) -> None:
        assert document(self.undisturbed(self.again))["data"]["succeeded"] == self.workspaces

    @override
    def check_true(self) -> None:
        assert self._fleet.unsynced() == set()

    @override
    def written(self) -> Any:
        return self.lying("workspace_calendar_events", "calendar_auth_tokens")
