"""Findings as values, and looks that fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tuturuuu_jobs.diagnosis.findings import (
    Finding,
    Severity,
    examine,
    listed,
    note,
    ok,
    warning,
    worst,
)
from tuturuuu_jobs.errors import SettingsError


def test_the_worst_of_nothing_is_good() -> None:
    assert worst([]) is Severity.OK


def test_the_worst_of_several_counts() -> None:
    found = [
        ok("a", "A"),
        warning("b", "B", why="w", action="a"),
        note("c", "C", why="", action=""),
    ]

    assert worst(found) is Severity.WARNING


def test_a_known_error_is_a_serious_finding_under_its_own_code() -> None:
    def look() -> Iterator[Finding]:
        yield ok("before", "went well")
        raise SettingsError("wrong", code="database_login", subject="DATABASE_URL", hint="fix it")

    before, found = examine("the database", look, why="because")

    assert before.code == "before"
    assert found == Finding(
        Severity.SERIOUS, "database_login", "wrong", "because", "fix it", "DATABASE_URL"
    )


def test_a_look_that_breaks_is_a_finding_without_the_foreign_text() -> None:
    def look() -> Iterator[Finding]:
        raise ValueError("planted-secret")

    [found] = examine("the clocks", look, why="because")

    assert (found.code, found.severity) == ("check_failed", Severity.SERIOUS)
    assert "ValueError at test_findings.py:" in found.what
    assert "planted-secret" not in str(found.to_json())


def test_a_person_who_interrupts_is_obeyed() -> None:
    def look() -> Iterator[Finding]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine("the clocks", look, why="because")


def test_a_finding_as_json_has_only_json_types() -> None:
    assert warning("code", "what", why="why", action="do", subject="it").to_json() == {
        "severity": "warning",
        "code": "code",
        "what": "what",
        "why": "why",
        "action": "do",
        "subject": "it",
    }


@pytest.mark.parametrize(
    ("count", "text"), [(0, ""), (1, "0"), (5, "0, 1, 2, 3, 4"), (7, "0, 1, 2, 3, 4 and 2 more")]
)
def test_a_list_names_five_and_counts_the_rest(count: int, text: str) -> None:
    assert listed(range(count)) == text
