"""Secrets and private texts that can be recognised wherever they turn up, and where to look."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final

from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.acceptance.scenery import put_tomorrow, settings_of, wind
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.testing.tuturuuu import seed

# Without the shape of a token or a password: nothing that hides by shape may save the program.
EMAIL: Final = "cnry-mail@person.test"
SECRETS: Final = {
    "access token": "cnryaccess5b1f",
    "refresh token": "cnryrefresh5b1f",
    "client secret": "cnryclient5b1f",
    "database password": "cnrydatabase5b1f",
    "account": EMAIL,
    "title": "cnrytitle5b1f",
    "description": "cnrydescription5b1f",
    "location": "cnrylocation5b1f",
    "attendee": "cnry-guest@person.test",
    "habit": "cnryhabit5b1f",
    "task": "cnrytask5b1f",
    "cron secret": "cnrycron5b1f",
    "trigger secret": "cnrytrigger5b1f",
}


@dataclasses.dataclass(frozen=True)
class Aviary:
    """A workspace full of canaries, and the settings of a run against it."""

    scene: Scene
    environ: dict[str, str]

    def found(self, ended: Iterable[CompletedProcess[str]], folder: Path) -> list[str]:
        """Which canary is where; sync tokens and tokens that Google gave meanwhile are secrets."""
        account = self.scene.emulator.account(EMAIL)
        looked_for = SECRETS | {
            "new access token": account.access_token,
            "new refresh token": account.refresh_token,
            **{f"sync token {number}": text for number, text in enumerate(self._sync_tokens())},
        }
        places = dict(self._places(ended, folder))
        return [
            f"{name} in {place}"
            for place, text in places.items()
            for name, secret in looked_for.items()
            if secret in text
        ]

    def _sync_tokens(self) -> list[str]:
        return list(self.scene.tokens().values())

    def _places(
        self, ended: Iterable[CompletedProcess[str]], folder: Path
    ) -> Iterable[tuple[str, str]]:
        for number, one in enumerate(ended):
            yield f"standard output of {number}", one.stdout
            yield f"standard error of {number}", one.stderr
        for path in folder.rglob("*"):
            yield f"name {path}", str(path)
            if path.is_file():
                yield f"file {path}", path.read_text("utf-8")
        connection = self.scene.connection
        tables = connection.execute(
            "select schemaname, tablename from pg_tables "
            "where schemaname = 'jobs' or tablename = 'calendar_sync_dashboard'"
            " or tablename = 'workspace_scheduling_metadata'"
        ).fetchall()
        for schema, table in tables:
            statement = sql.SQL("select coalesce(string_agg(t::text, ' '), '') from {} t")
            rows = connection.execute(statement.format(sql.Identifier(schema, table))).fetchone()
            yield f"table {schema}.{table}", rows[0] if rows else ""


def release(scene: Scene) -> Aviary:
    """Fill an empty scene."""
    wind(scene)
    account = scene.emulator.add_account(
        EMAIL,
        primary=False,
        access_token=SECRETS["access token"],
        refresh_token=SECRETS["refresh token"],
        client_id="client",
        client_secret=SECRETS["client secret"],
    )
    scene.accounts[EMAIL] = seed.create_account(
        scene.connection,
        scene.ws_id,
        scene.user_id,
        access_token=account.access_token,
        refresh_token=account.refresh_token,
        email=EMAIL,
    )
    scene.emulator.add_calendar(CALENDAR, owner=EMAIL)
    seed.create_connection(scene.connection, scene.ws_id, scene.accounts[EMAIL], CALENDAR)
    for number in range(3):
        put_tomorrow(
            scene,
            f"event{number}",
            summary=SECRETS["title"],
            description=SECRETS["description"],
            location=SECRETS["location"],
            attendees=[{"email": SECRETS["attendee"]}],
        )
    seed.create_habit(scene.connection, scene.ws_id, SECRETS["habit"], description=SECRETS["task"])
    board = seed.create_board(scene.connection, scene.ws_id, scene.user_id)
    for hours in (1.0, 40.0):
        seed.create_task(
            scene.connection, board, SECRETS["task"], assignees=(scene.user_id,), hours=hours
        )
    environ = settings_of(scene) | {
        "CRON_SECRET": SECRETS["cron secret"],
        "INTERNAL_TRIGGER_SECRET_KEY": SECRETS["trigger secret"],
        "INTERNAL_WEB_API_ORIGIN": "http://127.0.0.1:1",
    }
    environ["DATABASE_URL"] = make_conninfo(
        scene.database.dsn, password=SECRETS["database password"]
    )
    return Aviary(scene, environ)
