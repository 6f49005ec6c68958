"""What doctor reads about schedules, on real tables."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.diagnosis.schedules import Schedulable, load_planners, load_schedules
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.testing.tuturuuu import seed

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WHOLE = {day: {"enabled": True, "timeBlocks": []} for day in DAYS}


def test_zone_and_hours_of_each_workspace_are_looked_at(any_database: Database) -> None:
    with any_database.connect() as connection:
        user_id = seed.create_user(connection)
        sound, homeless, odd = (
            seed.create_workspace(connection, user_id, timezone=zone)
            for zone in ("Europe/Berlin", "auto", "Mars/Olympus")
        )
        for ws_id in (sound, homeless, odd):
            seed.create_habit(connection, ws_id, "h")
        seed.set_hours(connection, sound, "WORK", json.dumps(WHOLE))
        seed.set_hours(connection, homeless, "PERSONAL", "nonsense")

        loaded = load_schedules(connection)

    assert all(one.created_at is not None for one in loaded)
    found = {one.ws_id: dataclasses.replace(one, created_at=None) for one in loaded}
    assert found == {
        sound: Schedulable(sound, None),
        homeless: Schedulable(homeless, None, zoned=False, unsound_hours=("PERSONAL",)),
        odd: Schedulable(odd, None, zoned=False),
    }


@pytest.mark.parametrize(
    ("run_ago", "plan_ago", "ours"), [(1, 1, None), (3, 1, True), (0, 1, False)]
)
def test_a_plan_that_no_run_of_ours_made_is_somebody_elses(
    database: Database, run_ago: int, plan_ago: int, *, ours: bool | None
) -> None:
    now = SystemClock().now()
    with database.connect() as connection:
        ws_id = seed.create_workspace(connection, seed.create_user(connection))
        connection.execute(
            "select private.upsert_scheduling_metadata(%s, 'success', '', 0, 0, 0, 0)", (ws_id,)
        )
        connection.execute(
            "update private.workspace_scheduling_metadata set last_scheduled_at = %s",
            (now - timedelta(hours=plan_ago),),
        )
        if run_ago:
            started = now - timedelta(hours=run_ago, seconds=2)
            connection.execute(
                "insert into jobs.runs (id, job, ws_id, concurrency_key, status, trigger,"
                " started_at, finished_at)"
                " values (%s, 'schedule', %s, %s, 'succeeded', 'timer', %s, %s)",
                (uuid4(), ws_id, f"schedule-{ws_id}", started, started + timedelta(seconds=4)),
            )

        found = load_planners(connection, now)

    assert [one.ours for one in found] == ([] if ours is None else [ours])
