"""``sync`` and its kin: two calendars, one listed in full and one in part, and all that can happen.

The next run refreshes the access token, is refused one delta, lists that calendar in several pages,
adopts a row of an earlier sync, sweeps another, deletes, updates and inserts.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.acceptance.scenery import wind
from tests.fixtures.postgres import Database
from tests.fixtures.scene import Scene
from tests.killing.ward import Ward
from tests.killing.watching import Wires
from tuturuuu_jobs.runtime.outcome import ExitCode
from tuturuuu_jobs.testing.emulator.server import CLIENT
from tuturuuu_jobs.testing.oracle import Place, Window, differences, expect, load_rows
from tuturuuu_jobs.testing.tuturuuu import seed

TEAM, OPS = "team@group.test", "ops@group.test"
CALENDARS = (TEAM, OPS)
ACCOUNT = "ada@example.test"
PAGE = 4

_LYING = """
select external_event_id, ctid::text, xmin::text from workspace_calendar_events
where external_calendar_id = %s or external_calendar_id = 'primary' and %s order by 1
"""


class SyncWard(Ward):
    """A workspace whose two calendars were synced before all that happened at Google."""

    tries_again = False

    def __init__(self, database: Database, state_dir: Path, wires: Wires, scene: Scene) -> None:
        super().__init__(database, state_dir, wires)
        self.scene = scene
        self.environ |= {"GOOGLE_CLIENT_ID": CLIENT[0], "GOOGLE_CLIENT_SECRET": CLIENT[1]}
        workspace = ("--ws", str(scene.ws_id))
        self.words = ("sync", *workspace, "--attempts", "1", "--json")
        self.again = ("sync", *workspace, "--json")
        wind(scene)
        self._first = datetime.combine(scene.clock.now().date(), time(9), UTC)
        scene.clock.set(scene.clock.now() - timedelta(minutes=1))
        self._synced()
        wind(scene)
        self.prepare()
        self._kept = self._ids()
        self._tokens = scene.tokens()
        self._before = {calendar: self._lying(calendar) for calendar in CALENDARS}
        self._told = self._commits()

    def _synced(self) -> None:
        scene = self.scene
        scene.add_account(ACCOUNT, *CALENDARS)
        scene.emulator.switches.page_clamp = PAGE
        for calendar in CALENDARS:
            for day in range(1, 8):
                self._put(calendar, day, summary=f"Event {day}")
        weekly: dict[str, Any] = {"summary": "Weekly", "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"]}
        scene.put("weekly", *self._hour(1, 2), calendar=OPS, **weekly)
        assert scene.sync().exit_code == 0

    def prepare(self) -> None:
        """Everything that the command will find."""
        self._change_at_google()
        scene = self.scene
        three = self._first + timedelta(days=3)
        seed.create_google_event(
            scene.connection,
            scene.ws_id,
            TEAM,
            "unknown-to-google",
            start_at=three,
            end_at=three + timedelta(hours=1),
        )
        # As an earlier sync left it, under an alias.
        scene.connection.execute(
            "update workspace_calendar_events set external_calendar_id = 'primary',"
            " google_calendar_id = 'primary' where external_event_id = 'team5'"
        )
        scene.connection.execute(
            "update calendar_auth_tokens set expires_at = %s",
            (scene.clock.now() + timedelta(minutes=1),),
        )

    def _change_at_google(self) -> None:
        google = self.scene.emulator
        for calendar in CALENDARS:
            name = calendar.partition("@")[0]
            google.delete_event(calendar, f"{name}1")
            google.patch_event(calendar, f"{name}2", {"summary": "Renamed"})
            for day in (8, 9):
                self._put(calendar, day, summary="New")
        google.patch_event(OPS, "ops3", {"location": "Room 1"})
        second, third = (self._first + timedelta(days=1 + 7 * week, hours=2) for week in (1, 2))
        google.cancel_instance(OPS, google.instance_id("weekly", second))
        google.patch_event(OPS, google.instance_id("weekly", third), {"summary": "Once"})
        google.invalidate_sync_tokens(TEAM)

    def _put(self, calendar: str, day: int, **body: Any) -> None:
        name = calendar.partition("@")[0]
        self.scene.put(f"{name}{day}", *self._hour(day), calendar=calendar, **body)

    def _hour(self, day: int, later: int = 0) -> tuple[str, str]:
        start = self._first + timedelta(days=day, hours=later)
        return start.isoformat(), (start + timedelta(hours=1)).isoformat()

    @override
    def close(self) -> None:
        self.scene.connection.close()
        super().close()

    @override
    def check_whole(self) -> None:
        """A calendar is as it was with its old token, or as Google has it with its new one."""
        committed, tokens = 0, self.scene.tokens()
        for calendar in CALENDARS:
            (key,) = (key for key in self._tokens if key.endswith(calendar))
            if tokens[key] == self._tokens[key]:
                assert self._lying(calendar) == self._before[calendar]
            else:
                assert self._untrue(calendar) == []
                committed += 1
        told = self._commits() - self._told
        # Who could not know of a COMMIT and tries again tells of another one.
        assert told == committed or (self.tries_again and told > committed)

    @override
    def check_true(self) -> None:
        assert {calendar: self._untrue(calendar) for calendar in CALENDARS} == {TEAM: [], OPS: []}
        assert len(self.scene.tokens()) == len(CALENDARS)
        now = self._ids()
        assert "primary" not in {calendar for calendar, _ in self.scene.rows()}
        # A row that is there before and after is the same one.
        assert {event: now[event] for event in now if event in self._kept} == {
            event: self._kept[event] for event in self._kept if event in now
        }
        stored = self.ask("select access_token, refresh_token from calendar_auth_tokens")
        account = self.scene.emulator.account(ACCOUNT)
        assert stored == [(account.access_token, account.refresh_token)]

    @override
    def written(self) -> Any:
        return self.lying("workspace_calendar_events", "calendar_auth_tokens")

    def _ids(self) -> dict[str, Any]:
        rows = self.scene.rows()
        assert len({event for _, event in rows}) == len(rows)
        return {event: row["id"] for (_, event), row in rows.items()}

    def _lying(self, calendar: str) -> list[Any]:
        return self.ask(_LYING, calendar, calendar == TEAM)

    def _commits(self) -> int:
        return len(self.ask("select from jobs.events where type = 'calendar.synced'"))

    def _untrue(self, calendar: str) -> list[str]:
        """What is wrong with a calendar's rows, compared with Google's own data."""
        scene = self.scene
        where = "select edge from jobs.calendar_windows where calendar_id = %s"
        ((edge,),) = self.ask(where, calendar)
        window = Window(scene.clock.now() - timedelta(days=90), edge)
        wanted = expect(scene.emulator.masters(calendar), Place(calendar, "UTC", "UTC"), window)
        return differences(load_rows(scene.connection, scene.ws_id, calendar), wanted.inside)


class FullSyncWard(SyncWard):
    """The same, listed in full."""

    @override
    def prepare(self) -> None:
        super().prepare()
        self.words = ("full-sync", *self.words[1:])
        self.again = ("full-sync", *self.again[1:])


class AgainWard(SyncWard):
    """The same, behind a run that failed."""

    # A run that may try again loses nothing by one cut; before it begins nobody tries again.
    cut_codes = frozenset({ExitCode.SUCCESS, ExitCode.UNAVAILABLE})
    tries_again = True

    @override
    def prepare(self) -> None:
        connection = self.scene.connection
        connection.execute("alter table calendar_auth_tokens rename to away")
        self.failed = self.scene.sync()
        connection.execute("alter table away rename to calendar_auth_tokens")
        assert not self.failed.success
        super().prepare()


class RetryWard(AgainWard):
    """``runs retry``; who is killed leaves no failure but a lost run, which the next slot heals."""

    @override
    def prepare(self) -> None:
        super().prepare()
        self.words = ("runs", "retry", "--json")


class ReplayWard(AgainWard):
    """``runs replay``."""

    @override
    def prepare(self) -> None:
        super().prepare()
        self.words = self.again = ("runs", "replay", self.failed.run_id, "--json")
