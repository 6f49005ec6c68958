"""Whole runs of the installed `schedule`, on a real database."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.acceptance import forked
from tests.acceptance.command import COMMAND, document
from tests.fixtures.postgres import Database
from tests.integration.scheduling.app_stand_in import CRON_SECRET, TRIGGER_SECRET, StandIn
from tuturuuu_jobs.runtime.clock import SystemClock
from tuturuuu_jobs.runtime.locks import file_lock
from tuturuuu_jobs.testing.tuturuuu import seed

HABIT, TASK = "cnryhabit5b1f", "cnrytask5b1f"
PRIVATE = (HABIT, TASK, CRON_SECRET, TRIGGER_SECRET)

_PHYSICAL = """
select 'event', id, ctid::text, xmin::text from workspace_calendar_events
union all select 'habit', id, ctid::text, xmin::text from habit_calendar_events
union all select 'task', id, ctid::text, xmin::text from task_calendar_events
order by 1, 2
"""


@dataclasses.dataclass
class Home:
    """A personal workspace with a habit and a task, and a team with a habit.

    Attributes:
        environ: Every setting of a run, and nothing else.
    """

    connection: psycopg.Connection[Any]
    environ: dict[str, str]
    user_id: UUID
    personal: UUID
    team: UUID

    def schedule(
        self, *options: str, ws: UUID | None = None, stdin: str = "", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        line = ("schedule", "--ws", str(ws or self.personal), *options)
        return forked.run(*line, stdin=stdin, **(self.environ | environ))

    def physical(self) -> list[tuple[Any, ...]]:
        return self.connection.execute(_PHYSICAL).fetchall()

    def count(self, table: str) -> int:
        row = self.connection.execute(f"select count(*) from {table}".encode()).fetchone()
        return row[0] if row else 0


@pytest.fixture
def home(database: Database, tmp_path: Path) -> Iterator[Home]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        user_id = seed.create_user(connection, "ada@example.test")
        personal = seed.personal_workspace(connection, user_id, timezone="Asia/Ho_Chi_Minh")
        team = seed.create_workspace(connection, user_id, timezone="Europe/Berlin")
        # Nothing may begin between two runs of one test.
        soon = SystemClock().now() + timedelta(days=2)
        daily = {"ideal_time": time(9), "duration_minutes": 30, "start_date": soon.date()}
        for ws_id in (personal, team):
            seed.create_habit(connection, ws_id, HABIT, **daily)
        board = seed.create_board(connection, personal, user_id)
        seed.create_task(connection, board, TASK, assignees=(user_id,), hours=2.0, start_date=soon)
        environ = {
            "DATABASE_URL": database.dsn,
            "TUTURUUU_JOBS_STATE_DIR": str(tmp_path / "state"),
        }
        yield Home(connection, environ, user_id, personal, team)


def test_a_run_from_cron_is_silent_and_the_next_one_writes_nothing(home: Home) -> None:
    first = home.schedule("--window-days", "7")
    before = home.physical()
    second = home.schedule("--window-days", "7")

    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert home.count("habit_calendar_events") >= 4
    assert home.count("task_calendar_events") == 1
    assert home.physical() == before


@pytest.mark.parametrize(("asked", "planned"), [(3, 7), (14, 14), (400, 90)])
def test_65_the_window_that_is_planned_is_7_to_90_days(
    home: Home, asked: int, planned: int
) -> None:
    payload = {"wsId": str(home.personal), "windowDays": asked, "forceReschedule": True}

    ended = home.schedule("--payload", "-", "--json", "-v", stdin=json.dumps(payload))

    result = document(ended)
    assert (result["job"], result["status"], result["key"]) == (
        "schedule",
        "succeeded",
        f"schedule-{home.personal}",
    )
    assert (result["data"]["window_days"], result["data"]["force"]) == (planned, True)
    assert result["data"]["summary"]["tasksScheduled"] == 1
    assert not [name for name in PRIVATE if name in ended.stdout + ended.stderr]


def test_65_a_window_that_is_no_number_is_a_usage_error(home: Home) -> None:
    ended = home.schedule("--window-days", "x", "--json")

    assert (ended.returncode, document(ended)["exit_code"]) == (2, 2)
    assert home.count("workspace_calendar_events") == 0


@pytest.mark.parametrize(
    "options",
    [
        ("--window-days", "7.5"),
        ("--timezone", "Berlin"),
        ("--engine", "steam"),
        ("--user", "me"),
        ("--user", "00000000-0000-4000-8000-000000000001"),
        ("--apply-plan", "/nowhere/plan.json"),
        ("--dry-run", "--engine", "app"),
    ],
    ids=" ".join,
)
def test_wrong_options_are_one_line_and_a_document(home: Home, options: tuple[str, ...]) -> None:
    environ = {"INTERNAL_WEB_API_ORIGIN": "http://127.0.0.1:1", "CRON_SECRET": CRON_SECRET}

    ended = home.schedule(*options, "--json", ws=None, stdin="", **environ)

    assert (ended.returncode, document(ended)["exit_code"]) == (2, 2)
    assert ended.stderr.count("\n") == 1
    assert home.count("workspace_calendar_events") == 0


def test_a_dry_run_shows_the_week_and_the_reasons_and_leaves_nothing_behind(home: Home) -> None:
    ended = home.schedule("--dry-run", "--window-days", "7")

    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Habits and tasks: " in lines[0]
    assert any(line.startswith("09:00") for line in lines)
    assert "# busy   = stays   > moved   + new   x removed" in lines
    assert any(line.startswith("+ new") and "habit" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert home.count("workspace_calendar_events") == home.count("jobs.runs") == 0
    assert not Path(home.environ["TUTURUUU_JOBS_STATE_DIR"]).exists()


def test_names_are_shown_to_who_asks_for_them_and_never_of_an_encrypted_workspace(
    home: Home,
) -> None:
    plain = home.schedule("--dry-run").stdout
    named = home.schedule("--dry-run", "-v").stdout
    seed.create_encryption_key(home.connection, home.personal, "bm90IGEga2V5")
    hidden = home.schedule("--dry-run", "-v")

    assert HABIT not in plain
    assert TASK not in plain
    assert HABIT in named
    assert TASK in named
    assert HABIT not in hidden.stdout + hidden.stderr
    assert (hidden.returncode, "encryption_key" in hidden.stderr or hidden.stderr != "") == (
        78,
        True,
    )


def saved(home: Home, folder: Path, *options: str) -> Path:
    path = folder / "plan.json"
    path.write_text(home.schedule("--dry-run", "--json", *options).stdout)
    return path


def test_a_saved_plan_is_applied_as_shown_and_only_once(home: Home, tmp_path: Path) -> None:
    path = saved(home, tmp_path, "--window-days", "14")
    shown = json.loads(path.read_text())["data"]["changes"]

    applied = document(home.schedule("--apply-plan", str(path), "--json"))
    before = home.physical()
    again = document(home.schedule("--apply-plan", str(path), "--json"))

    assert applied["success"], applied
    assert applied["data"]["window_days"] == 14
    assert applied["data"]["summary"]["eventsCreated"] == len(shown)
    stored = home.connection.execute(
        "select start_at, end_at from workspace_calendar_events order by 1, 2"
    ).fetchall()
    assert [(a.isoformat(), b.isoformat()) for a, b in stored] == sorted(
        (change["start"], change["end"]) for change in shown
    )
    assert (again["exit_code"], again["code"]) == (77, "plan_outdated")
    assert home.physical() == before


def test_a_saved_plan_whose_inputs_changed_is_refused(home: Home, tmp_path: Path) -> None:
    path = saved(home, tmp_path)
    seed.create_habit(home.connection, home.personal, "another", ideal_time=time(10))

    ended = home.schedule("--apply-plan", str(path), "--json")

    assert (ended.returncode, document(ended)["code"]) == (77, "plan_outdated")
    assert home.count("workspace_calendar_events") == 0


def test_a_saved_plan_of_a_team_is_applied(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "team.json"
    path.write_text(home.schedule("--dry-run", "--json", ws=home.team).stdout)

    applied = document(home.schedule("--apply-plan", str(path), "--json", ws=home.team))

    assert applied["success"], applied
    assert applied["data"]["summary"]["habitsScheduled"] == 1


def test_a_workspace_without_a_zone_is_refused_unless_one_is_given(home: Home) -> None:
    home.connection.execute("update workspaces set timezone = 'auto'")

    refused = home.schedule("--json")
    given = home.schedule("--json", "--timezone", "Africa/Cairo")

    assert (refused.returncode, document(refused)["code"]) == (77, "zone_unresolved")
    assert document(given)["data"]["zone"] == "Africa/Cairo"


def test_the_app_as_engine(home: Home) -> None:
    with StandIn() as app:
        environ = {"INTERNAL_WEB_API_ORIGIN": app.origin, "CRON_SECRET": CRON_SECRET}
        ended = home.schedule("--engine", "app", "--json", "-vv", ws=home.team, **environ)
        wrong = home.schedule(
            "--engine", "app", "-vv", ws=home.team, **(environ | {"CRON_SECRET": TRIGGER_SECRET})
        )

    result = document(ended)
    assert (result["exit_code"], result["data"]["engine"]) == (0, "app")
    assert [asked.body for asked in app.asked] == [{"windowDays": 30}] * 2
    assert wrong.returncode == 78
    assert "CRON_SECRET" in wrong.stderr
    said = ended.stdout + ended.stderr + wrong.stdout + wrong.stderr
    assert not [name for name in PRIVATE if name in said]
    assert home.schedule("--engine", "app").returncode == 78


def test_another_run_at_work_is_met_as_usual(home: Home) -> None:
    locks = Path(home.environ["TUTURUUU_JOBS_STATE_DIR"]) / "locks"
    key = f"schedule-{home.personal}"
    with file_lock(locks, key, run_id="x", taken_at=SystemClock().now()):
        ended = home.schedule()

    assert (ended.returncode, ended.stdout, ended.stderr) == (75, "", "")


def test_at_a_terminal_a_run_ends_with_a_summary(home: Home) -> None:
    board = seed.create_board(home.connection, home.personal, home.user_id)
    seed.create_task(home.connection, board, TASK, assignees=(home.user_id,), hours=20.0)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        ended = subprocess.run(
            [COMMAND, "schedule", "--ws", str(home.personal)],
            env=home.environ | {"TERM": "xterm"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=False,
        )
        said = terminal.read(65_536).decode()
        os.close(theirs)

    assert (ended.returncode, ended.stdout) == (0, b"")
    assert f"schedule {home.personal}: succeeded" in said
    assert re.search(r"events created \d+", said)
    assert "error: task" in said
    assert "too_long_for_any_block" in said
    assert "would help: " in said
    assert not [name for name in PRIVATE if name in said]


def test_all_workspaces_are_scheduled_personal_ones_first(home: Home) -> None:
    rehearsed = forked.run("orchestrate", "schedule", "--dry-run", "--json", **home.environ)
    ran = forked.run("orchestrate", "schedule", "--window-days", "7", "--json", **home.environ)
    again = forked.run("orchestrate", "schedule", **home.environ)

    order = [
        (one["ws_id"], one["reason"]) for one in json.loads(rehearsed.stdout)["data"]["results"]
    ]
    assert order == [
        (str(home.personal), "personal, no success on record"),
        (str(home.team), "team, no success on record"),
    ]
    result = document(ran)
    assert (result["job"], result["exit_code"], result["data"]["succeeded"]) == (
        "orchestrate-schedule",
        0,
        2,
    )
    payloads = home.connection.execute(
        "select payload -> 'window_days' from jobs.runs where parent_run_id = %s",
        (result["run_id"],),
    ).fetchall()
    assert payloads == [(7,), (7,)]
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert not [name for name in PRIVATE if name in ran.stdout + ran.stderr + rehearsed.stdout]


def test_49_a_workspace_without_a_zone_keeps_no_other_from_its_schedule(home: Home) -> None:
    home.connection.execute("update workspaces set timezone = 'auto' where id = %s", (home.team,))

    ended = forked.run("orchestrate", "schedule", "--json", **home.environ)

    result = document(ended)
    assert (ended.returncode, [error["code"] for error in result["errors"]]) == (
        3,
        ["zone_unresolved"],
    )
    planned = home.connection.execute("select distinct ws_id from workspace_calendar_events")
    assert planned.fetchall() == [(home.personal,)]


def test_a_schedule_is_replayed_with_its_payload(home: Home, tmp_path: Path) -> None:
    path = saved(home, tmp_path, "--window-days", "14")
    first = document(home.schedule("--apply-plan", str(path), "--json"))
    second = document(home.schedule("--window-days", "9", "--json"))

    outdated = forked.run("runs", "replay", first["run_id"], "--json", **home.environ)
    replayed = forked.run("runs", "replay", second["run_id"], "--json", **home.environ)

    assert document(outdated)["code"] == "plan_outdated"
    assert document(replayed)["data"]["window_days"] == 9


def spoil_the_password(home: Home) -> None:
    home.environ["DATABASE_URL"] += " user=nobody-known"


def stop_the_database(home: Home) -> None:
    home.environ["DATABASE_URL"] = "postgresql://jobs:cnrycron5b1f@127.0.0.1:1/tuturuuu"


def delete_the_workspace(home: Home) -> None:
    home.connection.execute("update workspaces set deleted = true")


def drop_the_schema(home: Home) -> None:
    home.connection.execute("drop schema jobs cascade")


def drop_a_column(home: Home) -> None:
    home.connection.execute("alter table workspace_habits drop column ideal_time")


def encrypt(home: Home) -> None:
    seed.create_encryption_key(home.connection, home.personal, "bm90IGEga2V5")


def forget_the_address(home: Home) -> None:
    del home.environ["DATABASE_URL"]


@pytest.mark.parametrize(
    ("prepare", "exit_code", "code"),
    [
        (spoil_the_password, 78, "database_login"),
        (stop_the_database, 69, "database_unavailable"),
        (delete_the_workspace, 77, "workspace_not_found"),
        (drop_the_schema, 78, "schema_missing"),
        (drop_a_column, 70, "database_42703"),
        (encrypt, 78, "encryption_key_missing"),
        (forget_the_address, 78, "config"),
    ],
)
def test_every_ending_has_its_exit_code(
    home: Home, prepare: Callable[[Home], None], exit_code: int, code: str
) -> None:
    prepare(home)

    ended = home.schedule("--json", "--attempts", "1")

    assert (ended.returncode, document(ended)["code"]) == (exit_code, code)
    assert ended.stderr
    assert not [name for name in PRIVATE if name in ended.stdout + ended.stderr]


def test_sigterm_in_the_middle_is_answered_and_nothing_is_half_done(home: Home) -> None:
    with home.connection.transaction():
        home.connection.execute("lock table habit_calendar_events in exclusive mode")
        line = ("schedule", "--ws", str(home.personal), "--json")
        running = forked.start(*line, **home.environ)
        wait_for_waiter(home)
        os.kill(running.pid, signal.SIGTERM)
        ended = running.end()

    result = document(ended)
    assert (ended.returncode, result["status"]) == (143, "interrupted")
    assert home.count("workspace_calendar_events") == 0
    assert home.schedule().returncode == 0


_WAITERS = """
select count(*) from pg_locks
where not granted and database = (select oid from pg_database where datname = current_database())
"""


def wait_for_waiter(home: Home) -> None:
    """Until a run waits for a lock of ours."""
    clock = SystemClock()
    until = clock.monotonic() + 60
    while clock.monotonic() < until:
        if home.connection.execute(_WAITERS).fetchone() == (1,):
            return
        clock.sleep(0.02)
    pytest.fail("the run never came to the table")


def test_all_workspaces_may_be_left_to_the_app(home: Home) -> None:
    with StandIn() as app:
        app.personal = {str(home.personal)}
        environ = home.environ | {
            "INTERNAL_WEB_API_ORIGIN": app.origin,
            "CRON_SECRET": CRON_SECRET,
        }
        ended = forked.run(
            "orchestrate", "schedule", "--engine", "app", "--window-days", "9", "--json", **environ
        )

    result = document(ended)
    assert {asked.body["windowDays"] for asked in app.asked} == {9}
    assert (result["exit_code"], result["data"]["succeeded"], result["data"]["rejected"]) == (
        3,
        1,
        1,
    )
    assert [error["code"] for error in result["errors"]] == ["personal_workspace"]
    assert not [name for name in PRIVATE if name in ended.stdout + ended.stderr]
