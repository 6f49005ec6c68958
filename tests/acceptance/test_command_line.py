"""The installed command as a process: what it answers before any work begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import document, shell
from tests.acceptance.forked import run
from tests.docs.reference_page import commands

WS = "7e9a9d05-6e6e-4f3e-a6d3-0d2b0f0b8a11"
CANARY = "canary-8d2c"
HEAVY = {"psycopg", "pydantic_settings", "googleapiclient", "google", "rich", "filelock", "asyncio"}


def assert_one_line(text: str) -> None:
    assert text.startswith("tuturuuu-jobs: ")
    assert text.endswith("\n")
    assert text.count("\n") == 1
    assert "Traceback" not in text


@pytest.mark.parametrize("path", [path for path, _ in commands()])
def test_every_command_has_help_on_standard_output(path: str) -> None:
    ended = run(*path.split()[1:], "--help")

    assert ended.returncode == 0
    assert ended.stdout.startswith(f"Usage: {path}")
    assert ended.stderr == ""


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tuturuuu_jobs", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in ended.stderr.split("\n")
    }
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_the_version_is_that_of_the_package() -> None:
    ended = run("--version")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("tuturuuu-jobs ")


@pytest.mark.parametrize("arguments", [[], ["runs"], ["db"]])
def test_a_missing_command_is_a_usage_error_that_helps(arguments: list[str]) -> None:
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Usage: tuturuuu-jobs")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["frobnicate"], "frobnicate"),
        (["sync", "--frobnicate"], "--frobnicate"),
        (["sync"], "--ws"),
        (["sync", "--ws", "x"], "--ws"),
        (["sync", "--ws", f"{{{WS}}}"], "--ws"),
        (["sync", "--ws", WS, "--attempts", "0"], "--attempts"),
        (["sync", "--ws", WS, "--attempts", "many"], "--attempts"),
        (["sync", "--ws", WS, "--deadline", "0s"], "--deadline"),
        (["sync", "--ws", WS, "--deadline", "1 hour"], "--deadline"),
        (["sync", "--ws", WS, "--wait", "-1s"], "--wait"),
        (["sync", "--ws", WS, "--on-busy", "panic"], "--on-busy"),
        (["sync", "--ws", WS, "--run-id", "1"], "--run-id"),
        (["sync", "--ws", WS, "--tag", "novalue"], "--tag"),
        (["sync", "--ws", WS, "--payload", "{}"], "--payload"),
        (["sync", "--ws", WS, "--result-file", "/nowhere/result"], "--result-file"),
        (["full-sync", "--ws", WS, "--past", "90"], "--past"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_wrong_usage_is_one_line_that_names_it(
    arguments: list[str], named: str, *, as_json: bool
) -> None:
    ended = run(*arguments, *(["--json"] if as_json else []))

    assert ended.returncode == 2
    assert named in ended.stderr
    assert_one_line(ended.stderr)
    if as_json and arguments[0] in {"sync", "full-sync"}:
        assert document(ended)["code"] == "usage"
    else:
        assert ended.stdout == ""


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "--payload"),
        ("{}", "ws_id"),
        ('{"ws_id": 5}', "ws_id"),
        (f'{{"ws_id": "{CANARY}"}}', "ws_id"),
        (f'{{"wsId": "{CANARY}"}}', "wsId"),
        (f'{{"ws_id": "{WS}", "calendars": "{CANARY}"}}', "calendars"),
        (f'{{"ws_id": "{WS}", "calendars": ["a", 5]}}', "calendars.1"),
        (f'{{"ws_id": "{WS}", "past": 90}}', "past"),
        (f'{{"ws_id": "{WS}", "past": "{CANARY}"}}', "past"),
        (f'{{"ws_id": "{WS}", "allowMassDelete": "yes"}}', "allowMassDelete"),
        (f'{{"ws_id": "{WS}", "access_token": "{CANARY}"}}', "refresh_token"),
        (f'{{"ws_id": "{WS}", "refreshToken": "{CANARY}"}}', "access_token"),
        (f'{{"ws_id": "{WS}", "x": "{"x" * 1_048_576}"}}', "1 MiB"),
    ],
)
def test_a_wrong_payload_names_the_field_and_shows_no_value(payload: str, named: str) -> None:
    ended = run("full-sync", "--payload", "-", "--json", stdin=payload)

    assert ended.returncode == 2
    assert_one_line(ended.stderr)
    assert named in ended.stderr
    assert CANARY not in ended.stdout + ended.stderr
    assert document(ended)["attempts"] == 0


def test_option_and_payload_must_mean_the_same_workspace() -> None:
    other = WS.replace("7", "8")

    ended = run("sync", "--ws", other, "--payload", "-", stdin=json.dumps({"wsId": WS}))

    assert ended.returncode == 2
    assert "two workspaces" in ended.stderr


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX", "LANG": "xx"}])
def test_a_missing_setting_is_one_line_in_any_locale(locale: dict[str, str]) -> None:
    ended = run("sync", "--ws", WS, **locale)

    assert (ended.returncode, ended.stdout) == (78, "")
    assert_one_line(ended.stderr)
    assert "DATABASE_URL is not set" in ended.stderr
    assert "DATABASE_URL_FILE" in ended.stderr


def test_a_settings_error_answers_with_a_document_of_its_workspace_and_run() -> None:
    run_id = "01a2102c-cb58-7a8a-b8f5-c32db7ed1a93"

    ended = run("sync", "--ws", WS.upper(), "--json", "--run-id", run_id)

    result = document(ended)
    assert (ended.returncode, result["code"], result["job"]) == (78, "config", "sync")
    assert (result["ws_id"], result["run_id"]) == (WS, run_id)
    assert result["errors"][0]["subject"] == "DATABASE_URL"


def test_a_wrong_setting_is_never_shown(tmp_path: Path) -> None:
    config = tmp_path / "jobs.toml"
    config.write_text(f'database_url = "{CANARY}"', encoding="utf-8")

    ended = run("--config", str(config), "sync", "--ws", WS, "--json", "-vv")

    assert ended.returncode == 78
    assert str(config) in ended.stderr
    assert CANARY not in ended.stdout + ended.stderr


def test_the_result_file_says_the_same_as_standard_output(tmp_path: Path) -> None:
    path = tmp_path / "result.json"

    ended = run("sync", "--ws", WS, "--json", "--result-file", str(path))

    assert json.loads(path.read_text(encoding="utf-8")) == document(ended)
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_an_unwritable_state_directory_or_none_at_all_does_not_hide_the_real_problem() -> None:
    ended = run("--state-dir", "/proc/nowhere", "sync", "--ws", WS)

    assert ended.returncode == 78
    assert "DATABASE_URL" in ended.stderr


def test_a_reader_that_has_gone_away_is_met_with_silence() -> None:
    ended = shell('{ "$JOBS" sync --json; echo "code $?" >&2; } | true')

    assert "code 2" in ended.stderr
    assert "Broken" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_no_exit_code(closed: str) -> None:
    ended = shell(f'"$JOBS" sync --ws {WS} --json {closed}')

    assert ended.returncode == 78


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_document_that_cannot_be_written_is_a_failure() -> None:
    ended = shell(f'"$JOBS" sync --ws {WS} --json > /dev/full')

    assert ended.returncode == 1
    assert "No space left" in ended.stderr


BUG = f"""
import sys
from tuturuuu_jobs import cli, wiring
def broken():
    print("noise of a library")
    raise ValueError("password={CANARY}")
wiring.process.load_settings = broken
sys.argv[1:] = ["sync", "--ws", "{WS}", *sys.argv[1:]]
cli.main()
"""


@pytest.mark.parametrize("verbose", [False, True])
def test_a_bug_ends_with_70_and_one_line_unless_more_is_wanted(*, verbose: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BUG, "--json", *(["-vv"] if verbose else [])],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    noise = "noise of a library\n"
    said = ended.stderr.replace(noise, "")
    assert noise in ended.stderr
    assert ended.returncode == 70
    assert document(ended)["code"] == "bug"
    assert CANARY not in ended.stdout + ended.stderr
    assert ("Traceback" in said) == verbose
    if not verbose:
        assert_one_line(said)
