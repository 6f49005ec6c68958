"""Who lives in the demo: four workspaces, their Google accounts, and their calendars' events."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from tuturuuu_jobs.testing.demo import events
from tuturuuu_jobs.testing.demo.google import Google
from tuturuuu_jobs.testing.oracle import Place
from tuturuuu_jobs.testing.tuturuuu import seed

PERSONAL: Final = "personal"
TEAM: Final = "team"
REVOKED: Final = "revoked"
GONE: Final = "gone"

MINE: Final = "ada@example.test"
BERLIN: Final = "team@group.example.test"
NEW_YORK: Final = "newyork@group.example.test"
EVES: Final = "eve@example.test"
PRODUCT: Final = "product@group.example.test"
OLD_PROJECT: Final = "old-project@group.example.test"


@dataclasses.dataclass(frozen=True, slots=True)
class _Plan:
    """A calendar to make: its zone, the prefix of its event ids, and how many single events."""

    calendar_id: str
    zone: str
    prefix: str
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace of the demo.

    Attributes:
        name: What the demo calls it.
        about: One line for people.
        places: Its calendars.
    """

    name: str
    about: str
    ws_id: UUID
    places: tuple[Place, ...]

    @property
    def variable(self) -> str:
        """The shell variable of its id in the environment file."""
        return f"WS_{self.name.upper()}"


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """Everything that was made, on the day it was made."""

    today: date
    workspaces: tuple[Workspace, ...]

    def __getitem__(self, name: str) -> Workspace:
        return next(workspace for workspace in self.workspaces if workspace.name == name)


def build_world(connection: psycopg.Connection[Any], google: Google, now: datetime) -> World:
    """Seed tables and Google alike."""
    builder = _Builder(connection, google, now)
    return World(
        now.date(),
        (builder.personal(), builder.team(), builder.revoked(), builder.gone()),
    )


class _Builder:
    def __init__(self, connection: psycopg.Connection[Any], google: Google, now: datetime) -> None:
        self._connection = connection
        self._google = google
        self._today = now.date()
        self._rng = random.Random(20_26)

    def personal(self) -> Workspace:
        """No connection rows: the account stands for its primary calendar."""
        zone = "Asia/Ho_Chi_Minh"
        user_id = seed.create_user(self._connection, MINE)
        ws_id = seed.personal_workspace(self._connection, user_id, timezone=zone)
        self._account(ws_id, user_id, MINE, zone)
        self._fill(_Plan(MINE, zone, "a", 900))
        self._google.call("delete-event", calendar_id=MINE, event_id="aclub", details=True)
        return Workspace(
            PERSONAL, "Ada's own calendar, Ho Chi Minh City", ws_id, (Place(MINE, zone, zone),)
        )

    def team(self) -> Workspace:
        """The workspace names no zone: each calendar's own decides where its days begin."""
        user_id, ws_id = self._workspace("ben@example.test", "Team", "auto")
        account_id = self._account(ws_id, user_id, "ben@example.test", "Europe/Berlin")
        shared = seed.create_workspace_calendar(self._connection, ws_id, "Team")
        plans = (
            _Plan(BERLIN, "Europe/Berlin", "b", 900),
            _Plan(NEW_YORK, "America/New_York", "n", 600),
        )
        self._calendars(ws_id, account_id, "ben@example.test", plans, shared)
        places = tuple(
            Place(plan.calendar_id, plan.zone, None, shared if plan is plans[0] else None)
            for plan in plans
        )
        return Workspace(TEAM, "two calendars, Berlin and New York", ws_id, places)

    def revoked(self) -> Workspace:
        """Its one account will lose its grant."""
        user_id, ws_id = self._workspace(EVES, "Eve", "UTC")
        self._account(ws_id, user_id, EVES, "Europe/London")
        self._fill(_Plan(EVES, "Europe/London", "e", 300))
        place = Place(EVES, "Europe/London", "UTC")
        return Workspace(REVOKED, "Eve, who will take back her consent", ws_id, (place,))

    def gone(self) -> Workspace:
        """One of its two calendars will be deleted."""
        user_id, ws_id = self._workspace("dan@example.test", "Products", "Africa/Cairo")
        account_id = self._account(ws_id, user_id, "dan@example.test", "UTC")
        plans = (_Plan(PRODUCT, "UTC", "p", 300), _Plan(OLD_PROJECT, "Asia/Kathmandu", "o", 200))
        self._calendars(ws_id, account_id, "dan@example.test", plans, None)
        places = tuple(Place(plan.calendar_id, plan.zone, "Africa/Cairo") for plan in plans)
        return Workspace(GONE, "two calendars, one of which will be deleted", ws_id, places)

    def _workspace(self, email: str, name: str, zone: str) -> tuple[UUID, UUID]:
        user_id = seed.create_user(self._connection, email)
        ws_id = seed.create_workspace(self._connection, user_id, name=name, timezone=zone)
        return user_id, ws_id

    def _account(self, ws_id: UUID, user_id: UUID, email: str, zone: str) -> UUID:
        account = self._google.call("add-account", email=email, time_zone=zone)
        return seed.create_account(
            self._connection,
            ws_id,
            user_id,
            access_token=account["access_token"],
            refresh_token=account["refresh_token"],
            email=email,
            expires_at=datetime.fromisoformat(account["expires_at"]),
        )

    def _calendars(
        self,
        ws_id: UUID,
        account_id: UUID,
        owner: str,
        plans: Iterable[_Plan],
        first_calendar: UUID | None,
    ) -> None:
        """Calendars with their connections; the first belongs to a calendar made in the app."""
        for plan in plans:
            names = {"calendar_id": plan.calendar_id, "owner": owner, "time_zone": plan.zone}
            self._google.call("add-calendar", **names)
            seed.create_connection(
                self._connection,
                ws_id,
                account_id,
                plan.calendar_id,
                workspace_calendar_id=first_calendar,
            )
            first_calendar = None
            self._fill(plan)

    def _fill(self, plan: _Plan) -> None:
        prefix, today = plan.prefix, self._today
        bodies = [
            *events.one_offs(prefix, plan.count, today, self._rng),
            *events.series(prefix, today, ZoneInfo(plan.zone)),
            *events.featured(prefix, today),
        ]
        strange = list(events.odd(prefix, today))
        put = {"calendar_id": plan.calendar_id}
        self._google.call("put-events", **put, bodies=bodies)
        self._google.call("put-events", **put, bodies=strange, verbatim=True)
