"""What a run tells people, and when it keeps quiet."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tuturuuu_jobs.commands.job_options import JobOptions
from tuturuuu_jobs.commands.refused import refused_result
from tuturuuu_jobs.commands.report import plan_lines, report
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, Result

GONE = Problem("calendar_not_found", "the calendar is gone", False, "a@x", "share it again")
DENIED = Problem("calendar_forbidden", "no access", False, "b@x")


def result(kind: Kind, *errors: Problem, data: dict[str, Any] | None = None) -> Result:
    code = errors[0].code if errors else kind.value
    return refused_result("sync", Outcome(kind, code, errors, data=data or {}))


def options(
    *, as_json: bool = False, quiet: bool = False, dry_run: bool = False, file: Path | None = None
) -> JobOptions:
    return JobOptions(dry_run=dry_run, as_json=as_json, result_file=file, quiet=quiet)


def told(
    capfd: pytest.CaptureFixture[str],
    ended: Result,
    chosen: JobOptions | None = None,
    *,
    at_terminal: bool = False,
    previous: dict[str, Any] | None = None,
) -> tuple[str, str]:
    report(
        ended, chosen or options(), at_terminal=at_terminal, previous=previous, preview=plan_lines
    )
    out, err = capfd.readouterr()
    return out, err


def test_at_a_terminal_a_schedule_ends_with_counts_and_what_did_not_fit(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def finding(level: str, code: str, remedy: str | None = None) -> dict[str, Any]:
        told = {"kind": "task", "id": "t", "level": level, "code": code, "text": "Why."}
        return told | {"remedy": {"text": remedy} if remedy else None}

    data = {
        "summary": {"eventsCreated": 3, "eventsDeleted": 0},
        "findings": [
            finding("information", "missed_today"),
            *[finding("warning", "late")] * 11,
            finding("error", "no_free_time", "Do this."),
        ],
    }
    _, err = told(capfd, result(Kind.SUCCEEDED, data=data), at_terminal=True)

    head, first, *_, last = err.splitlines()
    assert head.endswith(": events created 3")
    assert first == "  error: task t: no_free_time: Why. (would help: Do this.)"
    assert last == "  and 2 more; --json shows all"
    assert "missed_today" not in err


@pytest.mark.parametrize("kind", [Kind.SUCCEEDED, Kind.ALREADY, Kind.BUSY])
def test_success_and_busy_are_silent_away_from_a_terminal(
    capfd: pytest.CaptureFixture[str], kind: Kind
) -> None:
    assert told(capfd, result(kind)) == ("", "")


def test_a_terminal_gets_a_summary_with_the_counts_unless_quiet(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ended = result(Kind.SUCCEEDED, data={"totals": {"inserted": 3, "deleted": 0}})

    out, err = told(capfd, ended, at_terminal=True)

    assert out == ""
    assert err == "sync: succeeded in 0.0 s: inserted 3\n"
    assert told(capfd, ended, options(quiet=True), at_terminal=True) == ("", "")


def test_a_person_is_told_who_keeps_the_workspace_busy(capfd: pytest.CaptureFixture[str]) -> None:
    ended = result(Kind.BUSY, Problem("busy", "run 0190 has been at work for 3 minutes"))

    _, err = told(capfd, ended, at_terminal=True)

    assert err == "tuturuuu-jobs: sync: skipped (busy): run 0190 has been at work for 3 minutes\n"


def test_a_holder_past_its_deadline_is_told_even_to_cron(
    capfd: pytest.CaptureFixture[str],
) -> None:
    late = Problem("holder_overdue", "it is late")
    ended = result(Kind.BUSY, Problem("busy", "held"))

    _, err = told(capfd, dataclasses.replace(ended, warnings=(late,)))

    assert err == "tuturuuu-jobs: sync: skipped (busy): held\n  warning: it is late\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_failure_says_what_failed_and_what_to_do(
    capfd: pytest.CaptureFixture[str], *, quiet: bool
) -> None:
    out, err = told(capfd, result(Kind.PARTIAL, GONE, DENIED), options(quiet=quiet))

    assert out == ""
    assert err.splitlines() == [
        "tuturuuu-jobs: sync: partial (calendar_not_found): 2 problems",
        "  a@x: the calendar is gone (share it again)",
        "  b@x: no access",
    ]


def test_many_failures_stay_one_paragraph(capfd: pytest.CaptureFixture[str]) -> None:
    _, err = told(capfd, result(Kind.FAILED, *[GONE] * 40))

    assert len(err.splitlines()) == 12
    assert "30 more" in err


def test_an_unchanged_partial_is_silent_and_a_changed_one_is_not(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ended = result(Kind.PARTIAL, GONE, DENIED)
    same = result(Kind.PARTIAL, DENIED, GONE).to_json()
    fewer = result(Kind.PARTIAL, GONE).to_json()
    failed = result(Kind.FAILED, GONE, DENIED).to_json()

    assert told(capfd, ended, previous=same) == ("", "")
    assert told(capfd, ended, previous=same, at_terminal=True)[1] != ""
    assert told(capfd, ended, previous=fewer)[1] != ""
    assert told(capfd, ended, previous=failed)[1] != ""
    assert told(capfd, ended, previous=None)[1] != ""


def test_json_is_the_only_thing_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    ended = result(Kind.SUCCEEDED, data={"text": "grün \udc80 \u2028"})

    out, err = told(capfd, ended, options(as_json=True))

    assert json.loads(out) == ended.to_json()
    assert err == ""


def test_a_result_file_that_fails_after_all_is_said_and_changes_no_code(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ended = result(Kind.SUCCEEDED)

    out, err = told(capfd, ended, options(as_json=True, file=tmp_path / "gone" / "result"))

    assert "--result-file" in err
    document = json.loads(out)
    assert document["exit_code"] == 0
    assert [warning["code"] for warning in document["warnings"]] == ["result_file"]


def test_a_plan_is_a_table_with_reasons_and_no_control_characters(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = {
        "calendars": [
            {
                "calendar_id": "a@x",
                "changes": [
                    {
                        "action": "insert",
                        "event_id": "e1",
                        "title": "evil\x1b[2J\nname",
                        "reason": "new",
                        "start": "2026-03-01T10:00:00Z",
                    },
                    {"action": "delete", "event_id": "e22", "title": None, "reason": "cancelled"},
                ],
            },
            {"calendar_id": "b@x", "changes": []},
        ]
    }

    out, err = told(capfd, result(Kind.SUCCEEDED, data=data), options(dry_run=True))

    assert err == ""
    assert out.splitlines() == [
        "calendar  action  event_id  start                 title          reason",
        "a@x       insert  e1        2026-03-01T10:00:00Z  evil [2J name  new",
        "a@x       delete  e22                                            cancelled",
    ]


def test_an_empty_plan_says_so_only_if_everything_was_looked_at() -> None:
    assert plan_lines(result(Kind.SUCCEEDED)) == ["nothing to change"]
    assert plan_lines(result(Kind.UNAVAILABLE, DENIED)) == []
