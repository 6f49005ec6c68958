"""The app as the engine of schedule: both routes over HTTP, inside a whole run."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tests.integration.scheduling.app_stand_in import (
    CRON_SECRET,
    SUMMARY,
    TRIGGER_SECRET,
    Answered,
    StandIn,
)
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import new_run_id, read_identity
from tuturuuu_jobs.runtime.job import RunRequest
from tuturuuu_jobs.runtime.locks import LockMode
from tuturuuu_jobs.runtime.outcome import Result
from tuturuuu_jobs.runtime.run import Runtime, preview_job, run_job
from tuturuuu_jobs.scheduling.app import LONGEST_ANSWER, AppClient, Route
from tuturuuu_jobs.scheduling.app_job import AppScheduleJob
from tuturuuu_jobs.scheduling.work import Engine, SchedulePayload
from tuturuuu_jobs.testing.clock import VirtualClock
from tuturuuu_jobs.testing.tuturuuu import seed

SECRETS = {Route.SCHEDULE: CRON_SECRET, Route.AUTO_SCHEDULE: TRIGGER_SECRET}
CANARY = "cnrytitle5b1f"


@pytest.fixture
def app() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@dataclasses.dataclass
class Place:
    """A team workspace and a personal one, on a real database."""

    database: Database
    folder: Path
    team: UUID
    personal: UUID
    rng: random.Random = dataclasses.field(default_factory=lambda: random.Random(1))

    def run(self, app: StandIn, route: Route, **choice: Any) -> Result:
        """The whole run; ``secret`` and ``request`` are no parts of the payload."""
        client = AppClient(app.origin, route, choice.pop("secret", SECRETS[route]))
        request = choice.pop("request", RunRequest(attempts=1))
        payload = SchedulePayload(choice.pop("ws_id", self.team), engine=Engine.APP, **choice)
        return run_job(AppScheduleJob(client), payload, request, self.runtime())

    def runtime(self) -> Runtime:
        clock, rng = VirtualClock(datetime(2026, 1, 5, 8, tzinfo=UTC)), self.rng
        return Runtime(
            connect=lambda name: connect(self.database.dsn, application_name=name),
            state_dir=self.folder,
            lock_mode=LockMode.BOTH,
            clock=clock,
            rng=rng,
            new_id=lambda: new_run_id(clock, rng),
            identity=read_identity(),
        )


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        user_id = seed.create_user(connection, "ada@example.test")
        personal = seed.personal_workspace(connection, user_id)
        team = seed.create_workspace(connection, user_id)
    return Place(database, tmp_path / "state", team, personal)


def told(result: Result) -> str:
    return json.dumps(result.to_json())


def test_the_route_schedule_gets_bearer_window_and_zone(place: Place, app: StandIn) -> None:
    result = place.run(app, Route.SCHEDULE, window_days=14, timezone="Europe/Berlin")

    [asked] = app.asked
    assert asked.path == f"/api/v1/workspaces/{place.team}/calendar/schedule"
    assert asked.headers["authorization"] == f"Bearer {CRON_SECRET}"
    assert asked.body == {"windowDays": 14, "clientTimezone": "Europe/Berlin"}
    assert (result.exit_code, result.warnings) == (0, ())
    assert (result.job, result.key) == ("schedule", f"schedule-{place.team}")
    assert result.data["window_days"] == 14
    assert result.data["summary"] == {
        name: count
        for name, count in SUMMARY.items()
        if name not in {"clearedHabitEvents", "windowDays"}
    }


def test_the_route_auto_schedule_gets_its_header_and_says_what_it_ignores(
    place: Place, app: StandIn
) -> None:
    result = place.run(app, Route.AUTO_SCHEDULE, force=True)

    [asked] = app.asked
    assert asked.path == f"/api/{place.team}/calendar/auto-schedule?stream=false"
    assert asked.headers["x-internal-trigger-secret-key"] == TRIGGER_SECRET
    assert "authorization" not in asked.headers
    assert result.exit_code == 0
    assert [(w.code, w.subject) for w in result.warnings] == [
        ("app_ignores", "--force-reschedule"),
        ("app_ignores", "--window-days"),
    ]
    assert (result.data["summary"], result.data["window_days"]) == ({}, None)


REFUSALS = {
    401: (78, "app_secret_refused", False),
    403: (77, "app_forbidden", False),
    404: (78, "app_route_missing", False),
    409: (1, "app_conflict", False),
    418: (1, "app_refused", False),
    422: (77, "zone_unresolved", False),
    429: (69, "app_unavailable", True),
    500: (69, "app_unavailable", True),
    503: (69, "app_unavailable", True),
}


@pytest.mark.parametrize("route", Route)
@pytest.mark.parametrize("status", REFUSALS)
def test_a_refusal_ends_the_run_as_its_status_says(
    place: Place, app: StandIn, route: Route, status: int
) -> None:
    app.answers = [Answered(status, {"error": CANARY, "secret": SECRETS[route]})]

    result = place.run(app, route)

    assert (result.exit_code, result.code, result.errors[0].retryable) == REFUSALS[status]
    assert result.errors[0].hint or status == 403
    assert CANARY not in told(result)
    assert SECRETS[route] not in told(result)


def test_an_app_without_its_own_secret_is_a_setting_to_correct(place: Place, app: StandIn) -> None:
    app.answers = [Answered(400, {"error": "secret key is not set"})] * 2

    assert place.run(app, Route.AUTO_SCHEDULE).code == "app_secret_missing"
    assert place.run(app, Route.SCHEDULE).code == "app_refused"


def test_a_personal_workspace_is_refused_by_the_route_for_crons(place: Place, app: StandIn) -> None:
    app.personal = {str(place.personal)}

    result = place.run(app, Route.SCHEDULE, ws_id=place.personal)

    assert (result.exit_code, result.code) == (77, "personal_workspace")
    assert place.run(app, Route.AUTO_SCHEDULE, ws_id=place.personal).success


def test_a_wrong_secret_is_told_without_showing_it(place: Place, app: StandIn) -> None:
    for route in Route:
        result = place.run(app, route, secret="cnrywrong5b1f")
        assert (result.exit_code, result.code) == (78, "app_secret_refused")
        assert "cnrywrong5b1f" not in told(result)


def test_an_unknown_workspace_is_refused_before_the_app_is_asked(
    place: Place, app: StandIn
) -> None:
    result = place.run(app, Route.SCHEDULE, ws_id=UUID(int=1))

    assert (result.exit_code, result.code) == (77, "workspace_not_found")
    assert app.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_secret_follows_no_redirect(place: Place, app: StandIn, status: int) -> None:
    with StandIn() as elsewhere:
        app.answers = [Answered(status, {}, (("Location", f"{elsewhere.origin}/{CANARY}"),))]
        result = place.run(app, Route.SCHEDULE)

        assert elsewhere.asked == []
    assert (result.exit_code, result.code) == (78, "app_redirected")
    assert CANARY not in told(result)


GOOD: dict[str, Any] = {"success": True, "summary": SUMMARY}


@pytest.mark.parametrize(
    ("route", "answer"),
    [
        (Route.SCHEDULE, Answered(200, [])),
        (Route.SCHEDULE, Answered(200, {})),
        (Route.SCHEDULE, Answered(200, GOOD | {"success": "yes"})),
        (Route.SCHEDULE, Answered(200, GOOD | {"summary": None})),
        (Route.SCHEDULE, Answered(200, GOOD | {"summary": {"eventsCreated": CANARY}})),
        (Route.SCHEDULE, Answered(200, GOOD | {"summary": {"eventsCreated": -1}})),
        (Route.SCHEDULE, Answered(200, GOOD | {"warnings": CANARY})),
        (Route.SCHEDULE, Answered(raw=b"HTTP/1.1 200 OK\r\n\r\n<html>" + CANARY.encode())),
        (Route.AUTO_SCHEDULE, Answered(raw=b"HTTP/1.1 200 OK\r\n\r\ndata: {}\n\n")),
        (Route.AUTO_SCHEDULE, Answered(200, {"message": None})),
        (Route.AUTO_SCHEDULE, Answered(raw=b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe")),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failure_of_its_own(
    place: Place, app: StandIn, route: Route, answer: Answered
) -> None:
    app.answers = [answer]

    result = place.run(app, route)

    assert (result.exit_code, result.code) == (1, "app_answer")
    assert CANARY not in told(result)


def test_an_answer_without_end_is_given_up(place: Place, app: StandIn) -> None:
    app.answers = [Answered(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (LONGEST_ANSWER + 10))]

    assert place.run(app, Route.SCHEDULE).code == "app_answer"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"220 mail.example.test\r\n",
        b"HTTP/1.1 " + b"9" * 70_000,
    ],
    ids=["hangs up", "cut short", "not HTTP", "endless line"],
)
def test_a_broken_connection_is_worth_another_attempt(
    place: Place, app: StandIn, raw: bytes
) -> None:
    app.answers = [Answered(raw=raw)]

    result = place.run(app, Route.SCHEDULE, request=RunRequest(attempts=2))

    assert (result.exit_code, result.attempts, len(app.asked)) == (0, 2, 2)


def test_nobody_at_the_address_is_unavailable(place: Place) -> None:
    with StandIn() as gone:
        pass

    result = place.run(gone, Route.SCHEDULE)

    assert (result.exit_code, result.code) == (69, "app_unavailable")


def test_an_app_that_fails_says_so(place: Place, app: StandIn) -> None:
    app.answers = [Answered(200, GOOD | {"success": False})]

    assert place.run(app, Route.SCHEDULE).code == "app_failed"


def test_warnings_of_the_app_are_counted_and_not_repeated(place: Place, app: StandIn) -> None:
    app.answers = [Answered(200, GOOD | {"warnings": [CANARY, {"text": CANARY}]})]

    result = place.run(app, Route.SCHEDULE)

    assert result.success
    assert [w.message for w in result.warnings] == ["the app has 2 warning(s) about its plan"]
    assert CANARY not in told(result)


def test_the_app_shows_no_plan_without_applying_it(place: Place, app: StandIn) -> None:
    job = AppScheduleJob(AppClient(app.origin, Route.SCHEDULE, CRON_SECRET))
    payload = SchedulePayload(place.team, engine=Engine.APP)

    result = preview_job(job, payload, RunRequest(), place.runtime())

    assert (result.exit_code, result.code) == (2, "app_no_preview")
    assert app.asked == []
