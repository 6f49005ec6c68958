"""Settings that are missing or unusual."""

from __future__ import annotations

from pathlib import Path

from tuturuuu_jobs.diagnosis.findings import Severity, worst
from tuturuuu_jobs.diagnosis.settings import judge_settings
from tuturuuu_jobs.settings import load_settings

COMPLETE = {
    "DATABASE_URL": "postgresql://jobs:planted-secret@db.example.org/tuturuuu",
    "GOOGLE_CLIENT_ID": "planted-client",
    "GOOGLE_CLIENT_SECRET": "planted-secret",
}


def judge(**environ: str) -> dict[str, Severity]:
    findings = list(judge_settings(load_settings(environ, home=Path("/home/jobs"))))
    assert "planted" not in str(findings)
    return {finding.code: finding.severity for finding in findings}


def test_complete_settings_are_good() -> None:
    assert judge(**COMPLETE) == {"setting_present": Severity.OK}


def test_each_missing_setting_is_serious_and_says_where_to_set_it() -> None:
    findings = list(judge_settings(load_settings({}, home=Path("/home/jobs"))))

    assert [finding.subject for finding in findings] == [
        "DATABASE_URL",
        "GOOGLE_CLIENT_ID",
        "GOOGLE_CLIENT_SECRET",
    ]
    assert worst(findings) is Severity.SERIOUS
    assert all(str(finding.subject) in finding.action for finding in findings)


def test_locks_of_one_machine_are_noted() -> None:
    assert judge(**COMPLETE, TUTURUUU_JOBS_LOCKS="file")["locks_of_this_machine"] is Severity.NOTE


def test_an_emulator_in_googles_place_is_noted() -> None:
    found = judge(**COMPLETE, TUTURUUU_JOBS_GOOGLE_API_URL="http://127.0.0.1:8000")

    assert found["google_elsewhere"] is Severity.NOTE


def test_a_host_that_only_ends_like_google_is_not_google() -> None:
    found = judge(**COMPLETE, TUTURUUU_JOBS_GOOGLE_API_URL="https://evilgoogleapis.com")

    assert found["google_elsewhere"] is Severity.NOTE
