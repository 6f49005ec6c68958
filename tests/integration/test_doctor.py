"""The examination on real parts: a sound installation, and what can be wrong with one."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.encryption import MASTER, wrap
from tests.fixtures.postgres import Database
from tests.fixtures.scene import CALENDAR, Scene
from tuturuuu_jobs.diagnosis.examination import Examiner
from tuturuuu_jobs.diagnosis.findings import Finding, Severity, worst
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.database import connect
from tuturuuu_jobs.runtime.identity import read_identity
from tuturuuu_jobs.runtime.locks import advisory_lock
from tuturuuu_jobs.runtime.quota.buckets import SharedBuckets, per_minute
from tuturuuu_jobs.settings import Settings, load_settings
from tuturuuu_jobs.testing.clock import VirtualClock
from tuturuuu_jobs.testing.emulator import Fault, FaultKind
from tuturuuu_jobs.testing.tuturuuu import seed


@pytest.fixture
def served(scene: Scene) -> Scene:
    """A workspace whose calendar was just listed in full."""
    scene.clock.set(SystemClock().now())
    scene.state_dir.mkdir(mode=0o700)
    assert scene.sync(full=True).exit_code == 0
    return scene


def settings_of(scene: Scene, **changed: str) -> Settings:
    account = scene.emulator.account("ada@example.test")
    return load_settings(
        {
            "DATABASE_URL": scene.database.dsn,
            "GOOGLE_CLIENT_ID": account.client_id,
            "GOOGLE_CLIENT_SECRET": account.client_secret,
            "TUTURUUU_JOBS_GOOGLE_API_URL": scene.emulator.base_url,
            "TUTURUUU_JOBS_GOOGLE_TOKEN_URL": scene.emulator.token_url,
            "TUTURUUU_JOBS_STATE_DIR": str(scene.state_dir),
            **changed,
        }
    )


def examine(scene: Scene, **changed: str) -> dict[str, Finding]:
    """The findings by code; of several with one code the worst."""
    found = sorted(examine_all(scene, **changed), key=lambda finding: finding.severity)
    return {finding.code: finding for finding in found}


def examine_all(scene: Scene, **changed: str) -> list[Finding]:
    settings = settings_of(scene, **changed)
    examiner = Examiner(
        settings,
        connect=lambda: connect(settings.require_database_url(), application_name="doctor"),
        clock=scene.clock,
        here=read_identity(),
    )
    return list(examiner.run())


def add_run(scene: Scene, status: str, **columns: object) -> uuid.UUID:
    """A run of the ledger as a row."""
    run_id = uuid.uuid4()
    values: dict[str, object] = {
        "id": run_id,
        "job": "sync",
        "ws_id": scene.ws_id,
        "concurrency_key": f"google-calendar-sync-{scene.ws_id}",
        "status": status,
        "trigger": "timer",
        "created_at": scene.clock.now(),
        "finished_at": None if status == "running" else scene.clock.now(),
        **columns,
    }
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, values))
    places = psycopg.sql.SQL(", ").join(map(psycopg.sql.Placeholder, values))
    insert = psycopg.sql.SQL("insert into jobs.runs ({}) values ({})").format(names, places)
    scene.connection.execute(insert, values)
    return run_id


def test_a_sound_installation_has_nothing_above_a_note(served: Scene) -> None:
    found = examine(served)

    above = [each for each in found.values() if each.severity > Severity.NOTE]
    # The tests keep their state directory where files are cleaned up.
    assert {each.code for each in above} <= {"state_may_vanish"}
    assert {
        "setting_present",
        "state_directory",
        "locks_hold",
        "zone_data",
        "google_reachable",
        "google_client_accepted",
        "database_reachable",
        "row_security_bypassed",
        "database_link",
        "database_session",
        "clock",
        "schema",
        "database_rights",
        "accounts",
        "calendars",
        "one_writer",
        "runs_underway",
        "runs_ending",
        "queue",
        "connections",
    } <= found.keys()


def test_an_examination_writes_nothing(served: Scene) -> None:
    def state() -> list[object]:
        files = sorted(str(path) for path in served.state_dir.rglob("*"))
        counts = served.connection.execute(
            "select (select count(*) from jobs.runs), (select count(*) from jobs.events), "
            "(select array_agg(t::text) from calendar_auth_tokens t)"
        ).fetchone()
        return [files, counts]

    before = state()
    examine(served)

    assert state() == before


def deactivate(scene: Scene) -> None:
    scene.connection.execute("update calendar_auth_tokens set is_active = false")


def forget_connections_and_account(scene: Scene) -> None:
    """Its primary calendar was synced, as of an account for which nothing else is said."""
    scene.connection.execute("delete from calendar_connections")
    deactivate(scene)


def age_windows(scene: Scene, column: str, age: timedelta) -> None:
    scene.connection.execute(
        psycopg.sql.SQL("update jobs.calendar_windows set {} = %s").format(
            psycopg.sql.Identifier(column)
        ),
        (scene.clock.now() - age,),
    )


def write_as(scene: Scene, by: str | None, kind: str) -> None:
    scene.connection.execute(
        "insert into calendar_sync_dashboard "
        "(ws_id, triggered_by, type, status, triggered_from, start_time) "
        "values (%s, %s, %s, 'running', %s, %s)",
        (scene.ws_id, scene.user_id, kind, by, scene.clock.now()),
    )


def skip_often(scene: Scene) -> None:
    for _ in range(4):
        add_run(scene, "skipped", code="busy")


def identity_columns(pid: int, start: int) -> dict[str, object]:
    here = read_identity()
    return {
        "host": here.host,
        "boot_id": here.boot_id,
        "pid": pid,
        "pid_start": start,
        "pid_ns": here.pid_ns,
    }


def leave_dead_run(scene: Scene) -> None:
    add_run(scene, "running", **identity_columns(os.getpid(), 1))


def leave_late_run(scene: Scene) -> None:
    here = read_identity()
    assert here.pid_start is not None
    late = scene.clock.now() - timedelta(hours=1)
    add_run(scene, "running", deadline_at=late, **identity_columns(os.getpid(), here.pid_start))


def fail_for_long(scene: Scene) -> None:
    long_ago = scene.clock.now() - timedelta(days=3)
    scene.connection.execute("delete from jobs.runs")
    add_run(scene, "failed", code="google_bad_request", created_at=long_ago)


def pause_queue(scene: Scene) -> None:
    scene.connection.execute(
        "update jobs.queues set paused_until = %s, reason = 'moving house' where name = 'schedule'",
        (scene.clock.now() + timedelta(hours=1),),
    )


def block_a_quota(scene: Scene) -> None:
    bucket = per_minute("google-account-1", 600)
    SharedBuckets(scene.connection, scene.clock.now).block(bucket, 60)


def ask_for_a_run(scene: Scene, *, minutes_ago: int = 0) -> None:
    """A run that nobody has begun so far."""
    scene.connection.execute(
        "select jobs.enqueue('sync', jsonb_build_object('ws_id', %s::text))", (scene.ws_id,)
    )
    scene.connection.execute(
        "update jobs.requests set created_at = now() - make_interval(mins => %s)", (minutes_ago,)
    )


def work(scene: Scene, *, silent_for_s: int = 0) -> int:
    """A worker that gave its last sign of life so long ago; its number."""
    row = scene.connection.execute(
        "insert into jobs_queue.procrastinate_workers (last_heartbeat)"
        " values (now() - make_interval(secs => %s)) returning id",
        (silent_for_s,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def leave_alone(scene: Scene) -> None:
    ask_for_a_run(scene, minutes_ago=5)
    work(scene, silent_for_s=240)


def fall_behind(scene: Scene) -> None:
    ask_for_a_run(scene, minutes_ago=20)
    work(scene)


def stall(scene: Scene) -> None:
    ask_for_a_run(scene)
    scene.connection.execute("set search_path = jobs_queue, public")
    scene.connection.execute(
        "update procrastinate_jobs set status = 'doing', worker_id = %s",
        (work(scene, silent_for_s=90),),
    )
    scene.connection.execute("reset search_path")


SITUATIONS: dict[str, tuple[Callable[[Scene], object], str, Severity]] = {
    "an account is off": (deactivate, "account_inactive", Severity.WARNING),
    "an account without connections is off": (
        forget_connections_and_account,
        "account_inactive",
        Severity.WARNING,
    ),
    "not read for hours": (
        lambda scene: age_windows(scene, "last_success_at", timedelta(hours=3)),
        "calendar_stale",
        Severity.WARNING,
    ),
    "not read for days": (
        lambda scene: age_windows(scene, "last_success_at", timedelta(days=3)),
        "calendar_stale",
        Severity.SERIOUS,
    ),
    "not listed in full": (
        lambda scene: age_windows(scene, "last_full_at", timedelta(days=11)),
        "calendar_not_listed",
        Severity.WARNING,
    ),
    "the app's cron writes": (
        lambda scene: write_as(scene, "vercel_cron", "background"),
        "other_writer",
        Severity.SERIOUS,
    ),
    "a member synced": (
        lambda scene: write_as(scene, None, "manual"),
        "other_writer_by_hand",
        Severity.NOTE,
    ),
    "busy again and again": (skip_often, "busy_again_and_again", Severity.WARNING),
    "a dead run": (leave_dead_run, "run_lost", Severity.WARNING),
    "a late run": (leave_late_run, "run_overdue", Severity.SERIOUS),
    "failing for days": (fail_for_long, "runs_failing", Severity.SERIOUS),
    "failing since now": (
        lambda scene: add_run(scene, "rejected", code="calendar_forbidden"),
        "runs_failing",
        Severity.WARNING,
    ),
    "nobody works": (leave_alone, "queue_unattended", Severity.SERIOUS),
    "workers do not keep up": (fall_behind, "queue_behind", Severity.WARNING),
    "a worker died with work in its hand": (stall, "work_stalled", Severity.SERIOUS),
    "a worker died with nothing to do": (
        lambda scene: work(scene, silent_for_s=90),
        "worker_silent",
        Severity.NOTE,
    ),
    "a paused queue": (pause_queue, "queue_paused", Severity.WARNING),
    "Google asked to wait": (block_a_quota, "quota_blocked", Severity.WARNING),
    "limits beyond the server": (
        lambda scene: scene.connection.execute("update jobs.queues set total_limit = 200"),
        "connections_too_few",
        Severity.SERIOUS,
    ),
    "a zone of nowhere": (
        lambda scene: scene.connection.execute("update workspaces set timezone = 'Mars/Olympus'"),
        "zone_unknown",
        Severity.WARNING,
    ),
    "migrations are missing": (
        lambda scene: scene.connection.execute("delete from jobs.migrations"),
        "schema_outdated",
        Severity.SERIOUS,
    ),
    "another client": (
        lambda scene: scene.emulator.add_fault(
            Fault(kind=FaultKind.ERROR, error="401 invalid_client", endpoint="token")
        ),
        "google_client_rejected",
        Severity.SERIOUS,
    ),
    "Google does not serve": (
        lambda scene: scene.emulator.add_fault(
            Fault(kind=FaultKind.ERROR, error="503 backendError", endpoint="calendarList.list")
        ),
        "google_not_serving",
        Severity.WARNING,
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_wrong_is_found_and_told_with_what_to_do(served: Scene, situation: str) -> None:
    arrange, code, severity = SITUATIONS[situation]
    arrange(served)

    found = examine(served)

    assert code in found, sorted(found)
    assert found[code].severity is severity
    assert found[code].why
    assert found[code].action
    assert "check_failed" not in found


def test_a_calendar_whose_owner_switched_it_off_is_not_missed(served: Scene) -> None:
    age_windows(served, "last_success_at", timedelta(days=3))
    off = seed.Preferences(inbound=False)
    seed.create_preferences(served.connection, served.user_id, served.ws_id, off)

    assert "calendar_stale" not in examine(served)


def test_a_later_success_under_the_key_outdates_a_failure(served: Scene) -> None:
    age = timedelta(hours=30)
    then = served.clock.now() - age
    add_run(served, "failed", code="bug", created_at=then, finished_at=then)

    assert "runs_failing" not in examine(served)


def test_a_deleted_workspace_is_not_mourned(served: Scene) -> None:
    add_run(served, "rejected", code="workspace_not_found")
    served.connection.execute("update workspaces set deleted = true")

    found = examine(served)

    assert not {"runs_failing", "calendar_stale", "account_inactive"} & found.keys()


def test_what_waits_for_a_moment_or_for_later_is_no_finding(served: Scene) -> None:
    ask_for_a_run(served, minutes_ago=1)
    served.connection.execute(
        "select jobs.enqueue('schedule', jsonb_build_object('ws_id', %s::text),"
        " run_at => now() + interval '1 hour')",
        (served.ws_id,),
    )

    found = examine(served)

    assert found["workers"].what == "0 workers are alive, 1 runs wait for them"
    assert not {"queue_unattended", "queue_behind", "work_stalled"} & found.keys()


def test_a_paused_queue_is_not_behind(served: Scene) -> None:
    fall_behind(served)
    pause_queue(served)
    served.connection.execute("update jobs.queues set paused_until = now() + interval '1 hour'")

    assert "queue_behind" not in examine(served)


def test_a_full_queue_is_told(served: Scene) -> None:
    served.connection.execute("update jobs.queues set total_limit = 1 where name = 'schedule'")
    with served.database.connect() as holder, advisory_lock(holder, "seat/schedule/0"):
        assert "queue_full" in examine(served)


def test_a_role_with_rows_hidden_and_rights_lacking_is_told_both(served: Scene) -> None:
    found = examine_all(served, DATABASE_URL=served.database.dsn_as("jobs_without_bypass"))

    serious = {(each.code, each.what) for each in found if each.severity is Severity.SERIOUS}
    assert any(code == "row_security" for code, _ in serious)
    lacking = [what for code, what in serious if code == "database_permission"]
    assert any("jobs.attempts (" in what for what in lacking)
    assert not any(each.code == "check_failed" for each in found)


def test_a_database_that_is_away_is_one_finding(served: Scene) -> None:
    gone = "postgresql://jobs:planted-secret@127.0.0.1:1/tuturuuu"

    found = examine(served, DATABASE_URL=gone)

    assert found["database_unavailable"].severity is Severity.SERIOUS
    assert "planted-secret" not in json.dumps([each.to_json() for each in found.values()])


def test_a_transaction_pooler_is_refused_by_name(served: Scene) -> None:
    found = examine(served, DATABASE_URL="postgresql://jobs@127.0.0.1:6543/tuturuuu")

    assert found["transaction_pooler"].severity is Severity.SERIOUS
    assert "session mode" in found["transaction_pooler"].action


def test_google_that_is_away_is_told_with_its_reason(served: Scene) -> None:
    away = "http://127.0.0.1:1/"

    found = examine(served, TUTURUUU_JOBS_GOOGLE_API_URL=away, TUTURUUU_JOBS_GOOGLE_TOKEN_URL=away)

    assert found["google_unreachable"].severity is Severity.SERIOUS
    assert "connection refused" in found["google_unreachable"].what


def test_a_clock_that_is_wrong_is_told(served: Scene) -> None:
    served.clock = VirtualClock(SystemClock().now() - timedelta(minutes=6))

    assert examine(served)["clock_apart"].severity is Severity.SERIOUS


def test_the_older_tables_are_examined_as_well(any_scene: Scene) -> None:
    any_scene.clock.set(SystemClock().now())

    found = examine(any_scene)

    assert "check_failed" not in found
    assert worst(found.values()) < Severity.SERIOUS


def test_a_database_of_somebody_else_is_refused(scene: Scene) -> None:
    scene.connection.execute("drop table calendar_auth_tokens cascade")

    found = examine(scene)

    assert found["not_tuturuuu"].severity is Severity.SERIOUS
    assert "check_failed" not in found


def test_nobody_migrated_yet(bare_database: Database, served: Scene) -> None:
    bare = dataclasses.replace(served, database=bare_database)

    found = examine(bare)

    assert found["schema_outdated"].action == "run: tuturuuu-jobs db migrate"
    assert "check_failed" not in found


def test_a_calendar_never_read_counts_from_its_connection(served: Scene) -> None:
    served.connection.execute("delete from jobs.calendar_windows")
    served.connection.execute(
        "update calendar_connections set created_at = now() - interval '3 hours'"
    )

    assert CALENDAR in examine(served)["calendar_stale"].what


def test_an_account_without_connections_stands_for_its_primary_calendar(
    empty_scene: Scene,
) -> None:
    empty_scene.clock.set(SystemClock().now())
    empty_scene.add_account("ada@example.test", primary=True)
    empty_scene.connection.execute(
        "update calendar_auth_tokens set created_at = now() - interval '3 hours'"
    )
    assert "primary of" in examine(empty_scene)["calendar_stale"].what

    assert empty_scene.sync().exit_code == 0

    assert examine(empty_scene)["calendars"].what.startswith("1 calendars")


def test_the_state_directory_stays_absent_until_a_run_makes_it(scene: Scene) -> None:
    found = examine(scene)

    assert found["state_absent"].severity is Severity.NOTE
    assert not Path(scene.state_dir).exists()


def test_encrypted_workspaces_need_a_master_key_that_opens_theirs(served: Scene) -> None:
    assert "encryption_key_missing" not in examine(served)
    seed.create_encryption_key(served.connection, served.ws_id, wrap())
    missing = examine(served)["encryption_key_missing"]
    assert missing.severity is Severity.SERIOUS
    assert "1 workspace(s) are encrypted" in missing.what
    assert "ENCRYPTION_MASTER_KEY_FILE" in missing.action
    wrong = examine(served, ENCRYPTION_MASTER_KEY="another")["encryption_key_missing"]
    assert str(served.ws_id) in wrong.what
    opens = examine(served, ENCRYPTION_MASTER_KEY=MASTER)
    assert opens["encryption_key_opens"].severity is Severity.OK
    assert "encryption_key_missing" not in opens
    assert not [found for found in opens.values() if MASTER in str(found)]
