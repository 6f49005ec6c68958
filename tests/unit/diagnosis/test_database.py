"""What a server says about itself, and what that means."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from tuturuuu_jobs.diagnosis.database import (
    LinkFacts,
    Right,
    ServerFacts,
    judge_clock,
    judge_hidden,
    judge_link,
    judge_rights,
    judge_room,
    judge_server,
)
from tuturuuu_jobs.diagnosis.findings import Severity
from tuturuuu_jobs.runtime.queues import QueueState

SERVER = ServerFacts("tuturuuu_jobs", 160_004, settled=True, temporary=True, room=97, free=80)
LINK = LinkFacts(local=False, encrypted=True, verified=True, pooled=False)
QUEUES = [
    QueueState("calendar-sync", 10, 0, None, None, None),
    QueueState("schedule", 5, 0, None, None, None),
]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"version": 120_003}, "database_too_old"),
        ({"settled": False}, "database_read_only"),
        ({"temporary": False}, "database_permission"),
    ],
)
def test_a_server_that_cannot_serve_is_serious(changes: dict[str, Any], code: str) -> None:
    found = {each.code: each for each in judge_server(dataclasses.replace(SERVER, **changes))}

    assert found[code].severity is Severity.SERIOUS


def test_a_sound_server_is_named_with_its_version_and_role() -> None:
    [found] = judge_server(SERVER)

    assert found.what == "Postgres 16.4 answers; the role is tuturuuu_jobs"


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({}, Severity.OK),
        ({"local": True, "encrypted": False}, Severity.OK),
        ({"encrypted": False}, Severity.WARNING),
        ({"verified": False}, Severity.NOTE),
    ],
)
def test_a_link_is_judged_by_who_could_listen(changes: dict[str, bool], severity: Severity) -> None:
    first, session = judge_link(dataclasses.replace(LINK, **changes))

    assert first.severity is severity
    assert session.what == "the connection is direct"


def test_a_pooler_that_keeps_sessions_is_named() -> None:
    *_, session = judge_link(dataclasses.replace(LINK, pooled=True))

    assert "pooler" in session.what
    assert session.severity is Severity.OK


@pytest.mark.parametrize(
    ("seconds", "severity"),
    [
        (0, Severity.OK),
        (-4.9, Severity.OK),
        (6, Severity.WARNING),
        (-299, Severity.WARNING),
        (301, Severity.SERIOUS),
        (-86400, Severity.SERIOUS),
    ],
)
def test_clocks_may_differ_a_little(seconds: float, severity: Severity) -> None:
    [found] = judge_clock(timedelta(seconds=seconds))

    assert found.severity is severity


def test_lacking_rights_are_one_finding_and_absent_tables_another() -> None:
    rights = [
        Right("public.tasks", "select", present=True, held=True),
        Right("public.workspaces", "select", present=True, held=False),
        Right("public.calendar_auth_tokens", "update", present=True, held=False),
        Right("public.calendar_auth_tokens", "select", present=True, held=False),
        Right("private.workspace_calendars", "select", present=False, held=False),
        Right("jobs.runs", "select", present=False, held=False),
    ]

    lacking, absent = judge_rights(rights)

    assert lacking.what == (
        "the database role lacks rights on public.workspaces (select), "
        "public.calendar_auth_tokens (select, update)"
    )
    assert absent.what == "this database has no private.workspace_calendars"


def test_hidden_rows_are_serious() -> None:
    assert [each.severity for each in judge_hidden(["public.workspaces"])] == [Severity.SERIOUS]
    assert [each.severity for each in judge_hidden([])] == [Severity.OK]


@pytest.mark.parametrize(
    ("room", "free", "severity"),
    [(97, 80, Severity.OK), (97, 33, Severity.WARNING), (33, 33, Severity.SERIOUS)],
)
def test_full_queues_need_two_connections_a_run_and_two_more(
    room: int, free: int, severity: Severity
) -> None:
    [found] = judge_room(dataclasses.replace(SERVER, room=room, free=free), QUEUES)

    assert found.severity is severity
    assert "34 connections" in found.what
