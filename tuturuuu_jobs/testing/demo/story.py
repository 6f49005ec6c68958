"""The demo from the first to the last step; whatever is off is collected and named at the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg

from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.schema import pending
from tuturuuu_jobs.testing.demo.changes import make_changes
from tuturuuu_jobs.testing.demo.compare import (
    Compared,
    Stored,
    compare,
    physical,
    store_of,
)
from tuturuuu_jobs.testing.demo.google import Google
from tuturuuu_jobs.testing.demo.runs import Commands, Ran, Wanted
from tuturuuu_jobs.testing.demo.scheduling import Scheduling
from tuturuuu_jobs.testing.demo.screen import Screen
from tuturuuu_jobs.testing.demo.world import (
    BERLIN,
    EVES,
    GONE,
    NEW_YORK,
    OLD_PROJECT,
    PERSONAL,
    REVOKED,
    TEAM,
    World,
)

_ENDINGS: Final = {
    REVOKED: Wanted(77, "grant_revoked"),
    GONE: Wanted(3),
}
_MODES: Final = {BERLIN: "series_cancelled", NEW_YORK: "sync_token_rejected"}
_REWRITTEN: Final = ("updated", "deleted", "swept")
_COLUMNS: Final = ("listed", "new", "changed", "gone", "same", "rejected")


@dataclasses.dataclass
class Story:
    """What happened so far.

    Attributes:
        runs: Every run of the command with the title of its step.
        compared: The last comparison.
        problems: Everything that was not as it should be, one line each.
        schedules: Every run of the second half, for programs.
    """

    world: World
    google: Google
    connection: psycopg.Connection[Any]
    commands: Commands
    screen: Screen
    clock: Clock
    runs: list[tuple[str, Ran]] = dataclasses.field(default_factory=list[tuple[str, Ran]])
    compared: list[Compared] = dataclasses.field(default_factory=list[Compared])
    problems: list[str] = dataclasses.field(default_factory=list[str])
    schedules: list[dict[str, Any]] = dataclasses.field(default_factory=list[dict[str, Any]])

    @property
    def rows(self) -> int:
        """Rows compared."""
        return sum(entry.rows for entry in self.compared)

    @property
    def differ(self) -> int:
        """Differences found."""
        return sum(len(entry.differences) for entry in self.compared)

    def tell(self) -> None:
        """All steps in order."""
        self._introduce()
        self._migrate()
        self._run("Full sync of every workspace", "full-sync", {})
        before = physical(self.connection)
        self._run("The same again: nothing is written", "full-sync", {})
        self._expect_untouched(before)
        known = store_of(self.google, self.world)
        self._change()
        self._run("Incremental sync", "sync", _ENDINGS)
        self._expect_modes()
        quiet = {REVOKED: Wanted(warning="no_active_account"), GONE: Wanted(3)}
        self._run("And once more", "sync", quiet)
        lost = {calendar_id: known[calendar_id] for calendar_id in (EVES, OLD_PROJECT)}
        self._compare(store_of(self.google, self.world, lost))
        self._schedule()

    def to_json(self) -> dict[str, Any]:
        """All of it for programs."""
        return {
            "ok": not self.problems,
            "rows_compared": self.rows,
            "rows_differ": self.differ,
            "problems": list(self.problems),
            "runs": [
                {
                    "step": title,
                    "command": ran.command,
                    "exit_code": ran.exit_code,
                    "ending": ran.ending,
                    "as_expected": ran.as_expected,
                    **ran.totals,
                }
                for title, ran in self.runs
            ],
            "calendars": [dataclasses.asdict(entry) for entry in self.compared],
            "schedules": self.schedules,
        }

    def _introduce(self) -> None:
        self.screen.title("A Google Calendar and a Tuturuuu database on this machine")
        rows = [(f"${w.variable}", w.about) for w in self.world.workspaces]
        self.screen.table(("workspace", "what it is"), rows)

    def _migrate(self) -> None:
        self.screen.title("Create the schema jobs")
        self.screen.line("$ tuturuuu-jobs db migrate")
        [ended] = self.commands.call_all([("db", "migrate")])
        missing = pending(self.connection)
        for line in ended.stdout.splitlines():
            self.screen.line(line)
        if ended.exit_code or missing:
            self.problems.append(f"db migrate ended with {ended.exit_code}, missing: {missing}")

    def _run(self, title: str, job: str, endings: Mapping[str, Wanted]) -> None:
        self.screen.title(title)
        wanted = [(w, endings.get(w.name, Wanted())) for w in self.world.workspaces]
        runs = self.commands.run_all(job, wanted)
        for ran in runs:
            self.screen.line(f"$ {ran.command}")
        self.screen.table(
            ("workspace", "exit", "ending", *_COLUMNS),
            [(ran.workspace.name, ran.exit_code, ran.ending, *_shown(ran.totals)) for ran in runs],
        )
        self.runs += [(title, ran) for ran in runs]
        self.problems += [
            f"{title}: {ran.command} ended with {ran.exit_code} ({ran.ending}), "
            f"expected {ran.wanted.exit_code}"
            for ran in runs
            if not ran.as_expected
        ]

    def _expect_untouched(self, before: Sequence[tuple[Any, ...]]) -> None:
        """Time goes on: an event may have come into the window between the two runs."""
        runs = [ran for _, ran in self.runs[-len(self.world.workspaces) :]]
        rewritten = sum(ran.totals[name] for ran in runs for name in _REWRITTEN)
        came = sum(ran.totals["inserted"] for ran in runs)
        after = physical(self.connection)
        if rewritten or not set(before) <= set(after) or len(after) != len(before) + came:
            self.problems.append("the second full sync wrote rows that had not changed")
        else:
            self.screen.line(f"{len(before)} rows lie where they lay (ctid and xmin are equal)")

    def _change(self) -> None:
        self.screen.title("Meanwhile, at Google")
        done = make_changes(self.google, self.world.today)
        self.screen.table(("calendar", "what happens"), done)

    def _expect_modes(self) -> None:
        """Only what Google makes us list again is listed again."""
        runs = {ran.workspace.name: ran for _, ran in self.runs[-len(self.world.workspaces) :]}
        calendars = [*runs[PERSONAL].calendars, *runs[TEAM].calendars]
        found = {entry["calendar_id"]: entry["why_full"] for entry in calendars}
        rows = [(name, why or "only what changed") for name, why in found.items()]
        self.screen.table(("calendar", "listed"), rows)
        self.problems += [
            f"{name} was listed because of {why}, expected {_MODES.get(name)}"
            for name, why in found.items()
            if why != _MODES.get(name)
        ]

    def _compare(self, stored: Stored) -> None:
        self.screen.title("Every row against what Google holds, by a second way of working it out")
        self.compared = compare(self.connection, self.world, stored, self.clock.now())
        self.screen.table(
            ("workspace", "calendar", "rows", "columns", "differ"),
            [
                (
                    entry.workspace,
                    entry.calendar_id,
                    entry.rows,
                    entry.columns,
                    len(entry.differences),
                )
                for entry in self.compared
            ],
        )
        for entry in self.compared:
            self.problems += [f"{entry.calendar_id}: {line}" for line in entry.differences]
        left = sum(entry.left for entry in self.compared)
        if left:
            self.screen.line(f"{left} of them wait at the window's edge for the next full sync")
        self.screen.line(f"{self.rows} rows compared, {self.differ} differ")

    def _schedule(self) -> None:
        scheduling = Scheduling(self.world, self.connection, self.commands, self.screen, self.clock)
        scheduling.tell()
        self.problems += scheduling.problems
        self.schedules = scheduling.to_json()


def _shown(totals: Mapping[str, int]) -> tuple[int, ...]:
    """The counts under the names of ``_COLUMNS``."""
    gone = totals["deleted"] + totals["swept"]
    names = ("fetched", "inserted", "updated", "unchanged", "rejected")
    fetched, inserted, updated, unchanged, rejected = (totals[name] for name in names)
    return fetched, inserted, updated, gone, unchanged, rejected
