"""A scene for the command itself: the emulator lives in today, and its settings are variables."""

from __future__ import annotations

from datetime import timedelta

from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.testing.emulator.server import CLIENT

ACCOUNT = "ada@example.test"


def settings_of(scene: Scene) -> dict[str, str]:
    """Every setting of a run against the scene, and nothing else."""
    wind(scene)
    client_id, client_secret = CLIENT
    return {
        "DATABASE_URL": scene.database.dsn,
        "GOOGLE_CLIENT_ID": client_id,
        "GOOGLE_CLIENT_SECRET": client_secret,
        "TUTURUUU_JOBS_GOOGLE_API_URL": scene.emulator.base_url,
        "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": scene.emulator.token_url,
        "TUTURUUU_JOBS_STATE_DIR": str(scene.state_dir),
    }


def with_standup(scene: Scene) -> dict[str, str]:
    """The same; and there is one event, today."""
    environ = settings_of(scene)
    day = scene.clock.now().date()
    scene.put("standup", f"{day}T10:00:00Z", f"{day}T10:15:00Z", summary="S")
    return environ


def wind(scene: Scene) -> None:
    """The time of the scene, at Google too, is that of the machine."""
    scene.clock.set(SystemClock().now())


def put_tomorrow(scene: Scene, event_id: str, calendar: str = CALENDAR, **body: object) -> None:
    """An event of a quarter of an hour, tomorrow."""
    day = (scene.clock.now() + timedelta(days=1)).date()
    scene.put(event_id, f"{day}T10:00:00Z", f"{day}T10:15:00Z", **{"calendar": calendar, **body})


def add_lost_calendar(scene: Scene) -> None:
    """Connect a calendar that Google does not know."""
    scene.connection.execute(
        "insert into calendar_connections (ws_id, auth_token_id, calendar_id, calendar_name) "
        "values (%s, %s, 'lost@example.test', 'Lost')",
        (scene.ws_id, scene.accounts[ACCOUNT]),
    )
