"""``sync`` as the one that settles: a dead predecessor, results of others, and its own end."""

from __future__ import annotations

from uuid import UUID

from typing_extensions import override

from tests.killing.of_ledger import Past, dead
from tests.killing.of_sync import SyncWard
from tests.killing.points import Strike
from tests.killing.watching import Passed


class SettlingWard(SyncWard):
    """Nothing happened at Google; but the run before died, and results wait on the disk."""

    @override
    def prepare(self) -> None:
        past, gone, ws_id = Past(self), dead(), self.scene.ws_id
        self._wanted = {past.begun(ws_id, gone).id: "lost"}
        unsettled = past.begun(UUID(int=3), gone), past.facts(ws_id, gone)
        for facts, opened in zip(unsettled, (True, False), strict=True):
            self._wanted[past.spooled(facts, opened=opened)] = "succeeded"
        self._before_all = self.written()

    @override
    def check_whole(self) -> None:
        assert self.written() == self._before_all

    @override
    def check_true(self) -> None:
        super().check_true()
        statuses = dict(self.ask("select id, status from jobs.runs"))
        assert {run: statuses[run] for run in self._wanted} == self._wanted


class UnsettledWard(SyncWard):
    """The server leaves when the run wants to tell how it ended: that waits on the disk.

    Who is killed before it stands there leaves a row that says running, like any other.
    """

    # All was committed before.
    cut_codes = frozenset({0})

    @override
    def run(self, strike: Strike | None = None) -> Passed:
        self.wires.leave_at(b"with settled as")
        try:
            return super().run(strike)
        finally:
            self.wires.come_back()

    @override
    def check_true(self) -> None:
        super().check_true()
        statuses = [row[0] for row in self.ask("select status from jobs.runs order by id")]
        assert statuses in (["succeeded"] * 3, ["succeeded", "lost", "succeeded"])
