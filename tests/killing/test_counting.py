"""The shim counts all that there is: the server's log and the emulator's say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest

from tests.fixtures.postgres import Databases, memory_folder
from tests.killing.of_fan_out import FanOutWard
from tests.killing.of_sync import SyncWard
from tests.killing.points import Kind
from tests.killing.subjects import SUBJECTS
from tuturuuu_jobs.testing.postgres import EmbeddedPostgres

# Whose statement it is, and how it begins; a statement may go on over many lines.
PREFIX = "%q<%a>"
STATEMENT = re.compile(
    r"^<(?P<who>[^>]*)>LOG:  (?:statement|execute [^:]*):\s+(?P<verb>\S+)", re.MULTILINE
)
OF_CHILDREN = "tuturuuu-jobs/sync/"


class Logged:
    """Databases on a server that notes every statement."""

    def __init__(self, cluster: EmbeddedPostgres) -> None:
        self.databases = Databases(cluster.server)
        self._log = cluster.log

    def mark(self) -> int:
        """Where the log ends now."""
        return self._log.stat().st_size

    def verbs(self, since: int, *, but: str | None = None) -> list[str]:
        """The first word of each statement since then, but of sessions that are called so."""
        with self._log.open("rb") as file:
            file.seek(since)
            text = file.read().decode()
        found = STATEMENT.finditer(text)
        return [
            one["verb"].lower()
            for one in found
            if one["who"].startswith("tuturuuu-jobs/") and not (but and one["who"].startswith(but))
        ]


@pytest.fixture(scope="module")
def logged() -> Iterator[Logged]:
    with EmbeddedPostgres(
        tcp=True, max_connections=100, log_statement="all", parent=memory_folder()
    ) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(f"alter system set log_line_prefix = '{PREFIX}'".encode())
            connection.execute("select pg_reload_conf()")
        yield Logged(cluster)


# What is lost on its way to a server that is down is no statement of its.
REACHED = [name for name, subject in SUBJECTS.items() if subject.quick]


@pytest.mark.parametrize("name", REACHED)
def test_every_statement_and_every_request_is_a_point(
    logged: Logged, tmp_path: Path, name: str
) -> None:
    with SUBJECTS[name].open(logged.databases, tmp_path / "ward") as ward:
        google = ward.scene.emulator if isinstance(ward, SyncWard) else None
        if google is not None:
            google.clear_requests()
        since = logged.mark()
        passed = ward.run()
        assert passed.ended.returncode == 0, passed.ended
        but = OF_CHILDREN if isinstance(ward, FanOutWard) else None
        of_server = logged.verbs(since, but=but)
        of_google = [request.path for request in google.requests] if google else []
    verbs = [
        one.words.split(" ")[0].lower()
        for one in passed.seen
        if one.kind in {Kind.STATEMENT, Kind.COMMIT}
    ]
    assert verbs == of_server
    asked = [one.words.split(" ")[1] for one in passed.seen if one.kind is Kind.REQUEST]
    assert [unquote(path) for path in asked] == of_google
