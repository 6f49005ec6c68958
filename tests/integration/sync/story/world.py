"""A workspace with two accounts and three calendars, and rows that no sync may touch."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tests.fixtures.emulator import EMULATOR_START
from tests.fixtures.postgres import Databases
from tests.fixtures.scene import Scene, build_scene
from tests.integration.sync.story.hands import DAY, HOUR, Hands
from tests.integration.sync.story.troubles import LIES, Trouble
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.testing.emulator import Emulator, Fault, FaultKind, Switches, VirtualClock
from tuturuuu_jobs.testing.emulator.api_errors import TOKEN_ERRORS
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

ADA, BOB = "ada@example.test", "bob@example.test"
TEAM, OPS, HOME = "team@group.test", "ops@group.test", "home@group.test"
FORMER, STRANGE = "former@group.test", "strange@group.test"
"""One that is switched off, and one that nobody here has connected."""
CALENDARS: Final = (TEAM, OPS, HOME)
ZONES: Final = {TEAM: "Europe/Berlin", OPS: "America/New_York", HOME: "UTC"}
OWNERS: Final = {TEAM: ADA, OPS: ADA, HOME: BOB}
PATIENT_S: Final = 20.0
HASTY_S: Final = 0.15
"""How long a run waits for Google, in seconds: less than a slow one takes."""

Step = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Nature:
    """What Google and the tables are like, for the length of a story.

    Attributes:
        shape: The state of Tuturuuu's tables.
        forgetful: Google reports vanished occurrences within a month only.
        window_memory: Deltas are bounded by the window of the first listing.
        live_pages: Later pages read live data.
        report_unseen: What came and went between two listings leaves a tombstone.
        tombstone_days: How long tombstones last.
    """

    shape: Shape = Shape.CURRENT
    forgetful: bool = False
    window_memory: bool = False
    live_pages: bool = False
    report_unseen: bool = True
    tombstone_days: int | None = None

    def switches(self) -> Switches:
        """The same as the emulator takes it; what Google leaves undefined is a violation."""
        days = self.tombstone_days
        return Switches(
            strict=True,
            window_memory=self.window_memory,
            live_pages=self.live_pages,
            report_unseen=self.report_unseen,
            tombstone_months=1 if self.forgetful else 6,
            master_stub=self.forgetful,
            tombstone_lifetime=None if days is None else days * DAY,
        )


@dataclasses.dataclass
class World:
    """The parts of a story, and the hands that change them.

    Attributes:
        other: Another workspace with the same calendars, in which nothing runs.
        told: The last event of the ledger when the table was last known to be true.
        lied_to: Whether only a full listing can tell what is true.
        roles_changed: Whether an account may do less with a calendar than at first.
        revoked: Accounts whose grant was taken back.
    """

    scene: Scene
    nature: Nature
    hands: Hands
    other: UUID
    told: int = 0
    lied_to: bool = False
    roles_changed: bool = False
    revoked: set[str] = dataclasses.field(default_factory=set[str])

    @property
    def emulator(self) -> Emulator:
        """Google."""
        return self.scene.emulator

    def sync(self, **request: Any) -> Result:
        """A run in this process."""
        return self.scene.sync(**request)

    def change(self, *steps: Step) -> None:
        """Somebody does something to the calendars."""
        for verb, *arguments in steps:
            getattr(self.hands, verb)(*arguments)

    def disturb(self, *steps: Step) -> None:
        """Something happens around the calendars."""
        for verb, *arguments in steps:
            getattr(self, verb)(*arguments)

    def advance(self, days: int) -> None:
        self.scene.clock.set(self.scene.clock.now() + days * DAY)

    def invalidate(self, calendar: int) -> None:
        self.emulator.invalidate_sync_tokens(CALENDARS[calendar])

    def expire(self, email: str) -> None:
        self.emulator.expire_access_tokens(email)

    def revoke(self, email: str) -> None:
        self.emulator.revoke(email)
        self.revoked.add(email)

    def clamp(self, size: int | None) -> None:
        self.emulator.switches.page_clamp = size

    def demote(self, calendar: int, role: str) -> None:
        """The owner of a calendar may do less with it."""
        self.emulator.share(CALENDARS[calendar], OWNERS[CALENDARS[calendar]], role)
        self.roles_changed = True

    def disable(self, calendar: int) -> None:
        """Nobody wants the calendar in the app for a while."""
        self._enable(CALENDARS[calendar], enabled=False)

    def _enable(self, calendar: str, *, enabled: bool) -> None:
        self.scene.connection.execute(
            "update calendar_connections set is_enabled = %s "
            "where ws_id = %s and calendar_id = %s and is_enabled is distinct from %s",
            (enabled, self.scene.ws_id, calendar, enabled),
        )

    def arm(self, troubles: Sequence[Trouble], change: Step) -> None:
        """Let faults wait for a run; what a MUTATE does is the change."""
        for kind, rule in troubles:
            action: dict[str, Any] = {}
            if kind is FaultKind.MUTATE:
                action["action"] = lambda: self.change(change)
            self.emulator.add_fault(Fault(kind=kind, **rule, **action))
            self.lied_to |= kind in LIES
            self.roles_changed |= kind is FaultKind.ROLE_CHANGE
            if kind is FaultKind.REFRESH_ROTATES or rule.get("error") in TOKEN_ERRORS:
                self.expire(ADA)
                self.expire(BOB)
            if kind in {FaultKind.LATENCY, FaultKind.STALL}:
                self.scene.timeout_s = HASTY_S

    def heal(self) -> None:
        """Whatever only people can put right is put right; nothing disturbs any more."""
        self.emulator.clear_faults()
        self.emulator.switches.page_clamp = None
        self.scene.timeout_s = PATIENT_S
        for calendar in CALENDARS:
            self._enable(calendar, enabled=True)
        if self.roles_changed:
            # As Google does it, this ends the sync tokens.
            for calendar, owner in OWNERS.items():
                self.emulator.share(calendar, owner, "owner")
            self.emulator.share(TEAM, BOB, "reader")
            self.roles_changed = False
        for email in (ADA, BOB):
            self._reconnect(email)

    def _reconnect(self, email: str) -> None:
        """A person connects an account again that lost its grant, if it did."""
        stored = self.scene.connection.execute(
            "select is_active, refresh_token from calendar_auth_tokens where id = %s",
            (self.scene.accounts[email],),
        ).fetchone()
        granted = self.emulator.account(email).refresh_token
        if stored == (True, granted) and email not in self.revoked:
            return
        self.revoked.discard(email)
        account = self.emulator.add_account(email, primary=False)
        self.scene.connection.execute(
            "update calendar_auth_tokens set is_active = true, access_token = %s, "
            "refresh_token = %s, expires_at = %s where id = %s",
            (
                account.access_token,
                account.refresh_token,
                self.scene.clock.now() + timedelta(hours=1),
                self.scene.accounts[email],
            ),
        )


@contextlib.contextmanager
def new_world(databases: Databases, state_dir: Path, nature: Nature) -> Generator[World]:
    """A workspace that nothing has happened to; at the end, Google must not have been misused."""
    clock = VirtualClock(EMULATOR_START)
    with (
        databases.fresh(nature.shape, jobs_schema=True) as database,
        Emulator(clock=clock, switches=nature.switches()) as emulator,
    ):
        scene = build_scene(database, emulator, state_dir)
        hands = Hands(emulator, CALENDARS, forgetful=nature.forgetful)
        with contextlib.closing(scene.connection):
            yield World(scene, nature, hands, _populate(scene))
        assert emulator.violations == ()


def _populate(scene: Scene) -> UUID:
    """Accounts, calendars, and rows of others; gives the other workspace."""
    scene.add_account(ADA)
    scene.add_account(BOB)
    for calendar, owner in OWNERS.items():
        scene.emulator.add_calendar(calendar, owner=owner, time_zone=ZONES[calendar])
        seed.create_connection(
            scene.connection, scene.ws_id, scene.accounts[owner], calendar, access_role="owner"
        )
    scene.emulator.share(TEAM, BOB, "reader")
    seed.create_connection(
        scene.connection, scene.ws_id, scene.accounts[BOB], TEAM, access_role="reader"
    )
    seed.create_connection(
        scene.connection, scene.ws_id, scene.accounts[ADA], FORMER, is_enabled=False
    )
    return _plant(scene)


def _plant(scene: Scene) -> UUID:
    """Rows that look as much like ours as they can, and are not."""
    connection, now = scene.connection, scene.clock.now()
    other = seed.create_workspace(connection, scene.user_id)
    for day in (-30, 5, 100):
        times = {"start_at": now + day * DAY, "end_at": now + day * DAY + HOUR}
        seed.create_event(connection, scene.ws_id, title="By hand", **times)
        seed.create_event(connection, scene.ws_id, title="By hand", locked=True, **times)
        for name in ("a", "b", "gone"):
            event_id = name if day == 5 else f"{name}_{day}"
            for ws_id, calendar in (
                (other, TEAM),
                (other, "primary"),
                (scene.ws_id, FORMER),
                (scene.ws_id, STRANGE),
            ):
                seed.create_google_event(connection, ws_id, calendar, event_id, **times)
            seed.create_google_event(
                connection, scene.ws_id, TEAM, f"ms_{event_id}", provider="microsoft", **times
            )
    return other
