"""Connecting, and what the driver's errors become: never a value, a statement or a password."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.fixtures.postgres import Database
from tests.integration.runtime.pooler import transaction_pooler
from tuturuuu_jobs.errors import (
    BugError,
    DeadlineError,
    FailedError,
    JobError,
    SettingsError,
    UnavailableError,
)
from tuturuuu_jobs.runtime.clock import Deadline
from tuturuuu_jobs.runtime.database import connect, statement_timeout, translate, translated_errors
from tuturuuu_jobs.testing.clock import VirtualClock

CANARY = "c4n4ry"


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection[object]]:
    with connect(database.dsn, application_name="tuturuuu-jobs/sync/x") as made:
        yield made


def test_a_session_is_ours_alone_and_in_utc(connection: psycopg.Connection[object]) -> None:
    names = (
        "application_name",
        "TimeZone",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "client_connection_check_interval",
    )
    shown = [connection.execute(f"show {name}".encode()).fetchone() for name in names]
    assert shown == [
        ("tuturuuu-jobs/sync/x",),
        ("UTC",),
        ("1min",),
        ("5s",),
        ("30s",),
        ("1s",),
    ]
    assert connection.autocommit


@pytest.mark.parametrize(
    ("dsn", "kind", "code"),
    [
        (f"postgresql://u:{CANARY}@localhost:6543/x", SettingsError, "transaction_pooler"),
        (f"postgresql://u:{CANARY}@[broken/x", SettingsError, "config"),
        (f"rubbish {CANARY}", SettingsError, "config"),
        (f"host=x unknown_{CANARY}=1", SettingsError, "config"),
        (f"postgresql://u:{CANARY}@localhost:1/x", UnavailableError, "database_unavailable"),
        (f"host=/nonexistent password={CANARY}", UnavailableError, "database_unavailable"),
        (f"postgresql://u:{CANARY}@host.invalid/x", UnavailableError, "database_unavailable"),
        (f"host=localhost port={CANARY}", SettingsError, "config"),
        (f"host=localhost sslmode={CANARY}", SettingsError, "config"),
    ],
    ids=[
        "pooler port",
        "broken url",
        "no pairs",
        "unknown option",
        "refused",
        "no socket",
        "no such host",
        "no port",
        "no mode",
    ],
)
def test_an_address_that_does_not_work_is_told_without_showing_it(
    dsn: str, kind: type[JobError], code: str
) -> None:
    with pytest.raises(kind) as caught:
        connect(dsn, application_name="x")
    assert caught.value.code == code
    assert CANARY not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    if kind is SettingsError:
        assert "DATABASE_URL" in caught.value.message


@pytest.mark.parametrize("change", [{"user": "nobody_here"}, {"dbname": "nothing_here"}], ids=str)
def test_a_login_that_is_refused_is_a_settings_error(
    database: Database, change: dict[str, str]
) -> None:
    with pytest.raises(SettingsError) as caught:
        connect(make_conninfo(database.dsn, **change), application_name="x")
    assert caught.value.code == "database_login"
    assert "_here" not in caught.value.message


@pytest.mark.parametrize(
    ("statement", "kind", "code", "words"),
    [
        ("select 1/0", FailedError, "database_22012", ()),
        (f"select '{CANARY}'::int", FailedError, "database_22p02", ()),
        (
            f"insert into jobs.queues values ('{CANARY}', 0)",
            FailedError,
            "database_23514",
            ("queues", "queues_total_limit_check"),
        ),
        ("insert into jobs.queues values (null, 1)", FailedError, "database_23502", ("name",)),
        (f"select {CANARY}", BugError, "database_42703", ()),
        (f"select * from {CANARY}", BugError, "database_42p01", ()),
        (f"selec {CANARY}", BugError, "database_42601", ()),
        ("set local statement_timeout = 1; select pg_sleep(9)", UnavailableError,
         "statement_timeout", ()),
        ("select pg_terminate_backend(pg_backend_pid())", UnavailableError,
         "database_unavailable", ()),
    ],
    ids=lambda value: value if isinstance(value, str) and "database" in value else "",
)  # fmt: skip
def test_a_statement_that_fails_is_told_by_code_and_names_only(
    connection: psycopg.Connection[object],
    statement: str,
    kind: type[JobError],
    code: str,
    words: tuple[str, ...],
) -> None:
    with pytest.raises(kind) as caught, translated_errors():
        connection.execute(statement.encode())
    assert caught.value.code == code
    assert CANARY not in caught.value.message
    assert all(word in caught.value.message for word in words)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (errors.SerializationFailure(), "serialization_failure", True),
        (errors.DeadlockDetected(), "serialization_failure", True),
        (errors.LockNotAvailable(), "lock_timeout", True),
        (errors.TooManyConnections(), "database_unavailable", True),
        (errors.CannotConnectNow(), "database_unavailable", True),
        (errors.AdminShutdown(), "database_unavailable", True),
        (errors.ConnectionFailure(), "database_unavailable", True),
        (errors.IdleInTransactionSessionTimeout(), "database_unavailable", True),
        (errors.DiskFull(), "database_unavailable", True),
        (errors.ReadOnlySqlTransaction(), "database_read_only", False),
        (errors.InvalidPassword(), "database_login", False),
        (psycopg.InterfaceError("the connection is closed"), "database_unavailable", True),
        (psycopg.OperationalError("consuming input failed"), "database_unavailable", True),
        (psycopg.ProgrammingError("the query has 1 placeholder"), "database_driver", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_drivers_errors_are_sorted_by_what_to_do(
    error: psycopg.Error, code: str, *, retryable: bool
) -> None:
    ours = translate(error)
    assert (ours.code, ours.retryable) == (code, retryable)


def test_a_long_statement_may_use_the_remaining_deadline_and_no_more(
    connection: psycopg.Connection[object],
) -> None:
    clock = VirtualClock()
    deadline = Deadline.after(clock, 600)
    with statement_timeout(connection, deadline):
        assert connection.execute("show statement_timeout").fetchone() == ("10min",)
    assert connection.execute("show statement_timeout").fetchone() == ("1min",)
    clock.advance(timedelta(minutes=11))
    with pytest.raises(DeadlineError), statement_timeout(connection, deadline):
        pass


@contextlib.contextmanager
def pooled(database: Database, *, sessions: int, shared: bool = False) -> Iterator[str]:
    """The database's address behind a pooler with so many sessions per client."""
    address = conninfo_to_dict(database.dsn)
    folder = str(address["host"])
    if not folder.startswith("/"):
        pytest.skip("the pooler reaches the server by its socket")
    socket = f"{folder}/.s.PGSQL.{address['port']}"
    with transaction_pooler(socket, sessions=sessions, shared=shared) as port:
        yield make_conninfo(
            database.dsn, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable"
        )


@pytest.mark.parametrize("sessions", [2, 3])
def test_a_pooler_that_changes_the_session_between_transactions_is_refused(
    database: Database, sessions: int
) -> None:
    with pooled(database, sessions=sessions) as dsn, pytest.raises(SettingsError) as caught:
        connect(dsn, application_name="x")
    assert caught.value.code == "transaction_pooler"
    assert caught.value.subject == "DATABASE_URL"
    assert "5432" in (caught.value.hint or "")


@pytest.mark.parametrize("sessions", [1, 3])
def test_a_quiet_pooler_that_hands_back_the_same_session_is_refused_too(
    database: Database, sessions: int
) -> None:
    with (
        pooled(database, sessions=sessions, shared=True) as dsn,
        pytest.raises(SettingsError) as caught,
    ):
        connect(dsn, application_name="x")
    assert caught.value.code == "transaction_pooler"


def test_a_pooler_that_keeps_one_session_per_client_is_fine(database: Database) -> None:
    with (
        pooled(database, sessions=1) as dsn,
        connect(dsn, application_name="x") as connection,
    ):
        assert connection.execute("select 1").fetchone() == (1,)
