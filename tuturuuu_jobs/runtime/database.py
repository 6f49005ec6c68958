"""Connections whose session belongs to us alone, and the one place that translates the driver.

Invariant: no error leaves here with a row's values, a statement, a data source name or a password
in its text. SQLSTATE, constraint and table are what an operator needs; DETAIL carries row values.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import secrets
from collections.abc import Generator
from typing import Any, Final, LiteralString

import psycopg
from psycopg import conninfo, errors

from tuturuuu_jobs.errors import (
    BugError,
    DeadlineError,
    FailedError,
    JobError,
    SettingsError,
    UnavailableError,
)
from tuturuuu_jobs.runtime.clock import Deadline

SUBJECT: Final = "DATABASE_URL"
STATEMENT_TIMEOUT_MS: Final = 60_000

_TRANSACTION_POOLER_PORT: Final = "6543"

# A vanished peer is noticed within two minutes at the latest, on both an idle and a busy link.
_LINK: Final[dict[str, Any]] = {
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}

# The message is the only thing libpq gives for a connection that failed; it has no SQLSTATE.
_REFUSED_SETTINGS: Final = re.compile(
    r"password authentication failed|authentication failed|no password supplied"
    r"|no pg_hba\.conf entry|role \"[^\"]*\" does not exist|database \"[^\"]*\" does not exist"
    r"|not permitted to log in|tenant or user not found|does not support SSL"
    r"|certificate|permission denied for database",
    re.IGNORECASE,
)
_REFUSED_OPTION: Final = re.compile(r"connection is bad: invalid \w+ value")
_POOLED_HINT: Final = (
    "use the direct connection, or the pooler's session mode (on Supabase: port 5432)"
)


def connect(dsn: str, *, application_name: str, timeout_s: float = 10) -> psycopg.Connection[Any]:
    """A connection in autocommit mode on a server session of its own, in UTC.

    Raises SettingsError if the address, the login or the kind of pooler is wrong, and
    UnavailableError if the server cannot be reached or is not ready.

    Args:
        dsn: A URL or key-value string of libpq.
        application_name: Shown in ``pg_stat_activity``; cut at 63 bytes by the server.
        timeout_s: Seconds for each address tried; libpq takes no less than 2.
    """
    _check_address(dsn)
    with translated_errors():
        connection: psycopg.Connection[Any] = psycopg.connect(
            dsn,
            autocommit=True,
            application_name=application_name,
            client_encoding="UTF8",
            connect_timeout=max(2, round(timeout_s)),
            **_LINK,
        )
    try:
        with translated_errors():
            _prepare_session(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@functools.cache
def address_of(dsn: str) -> str:
    """A name for the server and the database that an address leads to, whoever logs in; no secret.

    An address that cannot be read leads nowhere in particular.
    """
    with contextlib.suppress(psycopg.Error):
        parts = conninfo.conninfo_to_dict(dsn)
        place = [str(parts.get(name) or "") for name in ("host", "hostaddr", "port", "dbname")]
        return "address:" + hashlib.sha256("/".join(place).encode()).hexdigest()[:16]
    return "address:"


def _check_address(dsn: str) -> None:
    try:
        parameters = conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        raise _malformed_address() from None
    ports = [port for port in str(parameters.get("port") or "").split(",") if port]
    if _TRANSACTION_POOLER_PORT in ports:
        raise _pooled(f"port {_TRANSACTION_POOLER_PORT} is a transaction pooler")
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise _malformed_address()


# libpq's variables (PGDATESTYLE, PGTZ) and a role's own settings must not change what we read.
_PREPARE_SESSION: Final[LiteralString] = """
select pg_backend_pid(),
       set_config('TimeZone', 'UTC', false),
       set_config('DateStyle', 'ISO, YMD', false),
       set_config('IntervalStyle', 'postgres', false),
       set_config('statement_timeout', %(statement_timeout)s, false),
       set_config('lock_timeout', '5s', false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       set_config('tuturuuu_jobs.session', %(mark)s, false)
"""
# PostgreSQL 14 and later. Without the first a server notices a killed client only when it next
# writes to it, and keeps its locks; 0 means that no such session ends by idleness.
_PREPARE_NEWER: Final[LiteralString] = (
    _PREPARE_SESSION
    + """,
       set_config('client_connection_check_interval', '1s', false),
       set_config('idle_session_timeout', '0', false)
"""
)
_NEWER: Final = 140_000

# Asked in a transaction of its own: behind a transaction pooler it may meet another backend.
_PROBE_SESSION: Final[LiteralString] = """
select current_setting('tuturuuu_jobs.session', true) = %(mark)s
       and pg_backend_pid() = %(pid)s as same
"""


def _prepare_session(connection: psycopg.Connection[Any]) -> None:
    mark = secrets.token_hex(8)
    pid = _configure(connection, mark)
    row = connection.execute(_PROBE_SESSION, {"mark": mark, "pid": pid}).fetchone()
    if row is None or not row[0]:
        raise _pooled("the connection changes its server session between transactions")
    # A pooler invents the key data it sends at the start; then a second look is worth its price.
    if pid != connection.info.backend_pid:
        _refuse_shared_backend(connection, pid)


def _configure(connection: psycopg.Connection[Any], mark: str) -> int:
    """Set what every session of ours has set; returns the server process that has it now."""
    settings = {"statement_timeout": str(STATEMENT_TIMEOUT_MS), "mark": mark}
    row = None
    if connection.info.server_version >= _NEWER:
        # A server on a system without such checks refuses the interval.
        with contextlib.suppress(errors.UndefinedObject, errors.InvalidParameterValue):
            row = connection.execute(_PREPARE_NEWER, settings).fetchone()
    row = row or connection.execute(_PREPARE_SESSION, settings).fetchone()
    return int(row[0]) if row else 0


def _refuse_shared_backend(connection: psycopg.Connection[Any], pid: int) -> None:
    with psycopg.connect(
        connection.info.dsn,
        password=connection.info.password,
        autocommit=True,
        connect_timeout=10,
    ) as other:
        if _backend_pid(other) == pid:
            raise _pooled("two connections share one server session")
        with other.transaction():
            _backend_pid(other)
            if _backend_pid(connection) != pid:
                raise _pooled("the connection changes its server session between transactions")


_BACKEND_PID: Final[LiteralString] = "select pg_backend_pid()"


def _backend_pid(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute(_BACKEND_PID).fetchone()
    return int(row[0]) if row else 0


def _pooled(reason: str) -> SettingsError:
    return SettingsError(
        f"{SUBJECT} must not go through a transaction pooler: {reason}",
        code="transaction_pooler",
        subject=SUBJECT,
        hint=_POOLED_HINT,
    )


_SET_STATEMENT_TIMEOUT: Final[LiteralString] = (
    "select set_config('statement_timeout', %(ms)s, false)"
)


@contextlib.contextmanager
def statement_timeout(connection: psycopg.Connection[Any], deadline: Deadline) -> Generator[None]:
    """Let the statements of the block use the whole remaining deadline instead of 60 seconds.

    Call it outside a transaction, so that a rollback does not take the setting with it.
    """
    deadline.check()
    # Zero would mean no limit at all.
    remaining_ms = max(1, min(int(deadline.remaining() * 1000), 2**31 - 1))
    with translated_errors():
        connection.execute(_SET_STATEMENT_TIMEOUT, {"ms": str(remaining_ms)})
    try:
        yield
    finally:
        if not connection.closed:
            with contextlib.suppress(psycopg.Error):
                connection.execute(_SET_STATEMENT_TIMEOUT, {"ms": str(STATEMENT_TIMEOUT_MS)})


@contextlib.contextmanager
def translated_errors() -> Generator[None]:
    """Raise the driver's errors of the block as ours.

    The cause is cut off on purpose: the driver's text may hold a row's values.
    """
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from None


def translate(error: psycopg.Error) -> JobError:
    """The same failure in our words, sorted by what to do next."""
    state = error.sqlstate
    if state is None:
        return _without_state(error)
    match state:
        case "40001" | "40P01":
            return UnavailableError(
                "the transaction lost against another one", code="serialization_failure"
            )
        case "55P03":
            return UnavailableError("a row or table stayed locked too long", code="lock_timeout")
        case "57014":
            return UnavailableError("a statement ran out of time", code="statement_timeout")
        case "42501":
            return _missing_right(error)
        case "28000" | "28P01" | "3D000":
            return _refused_login(state)
        case "25006":
            return SettingsError(
                f"{SUBJECT} leads to a read-only server",
                code="database_read_only",
                subject=SUBJECT,
                hint="use the address of the primary",
            )
        case _:
            return _by_class(error, state)


def _without_state(error: psycopg.Error) -> JobError:
    if isinstance(error, psycopg.ProgrammingError | psycopg.InterfaceError) and not isinstance(
        error, psycopg.OperationalError
    ):
        return _misuse(error)
    # Looked at, never repeated: the text may hold the host, the user and the address tried.
    if _REFUSED_OPTION.search(str(error)):
        return _malformed_address()
    if _REFUSED_SETTINGS.search(str(error)):
        return _refused_login(None)
    return _database_unavailable(None)


def _misuse(error: psycopg.Error) -> JobError:
    text = str(error).lower()
    if "closed" in text or "lost" in text:
        return _database_unavailable(None)
    return BugError(
        f"the database driver was misused: {type(error).__name__}", code="database_driver"
    )


def _malformed_address() -> SettingsError:
    return SettingsError(
        f"{SUBJECT} is not a valid address of a Postgres database",
        subject=SUBJECT,
        hint="write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE, special characters "
        "of the password percent-encoded",
    )


def _refused_login(state: str | None) -> SettingsError:
    noted = f" (SQLSTATE {state})" if state else ""
    return SettingsError(
        f"the database server refuses the login of {SUBJECT}{noted}",
        code="database_login",
        subject=SUBJECT,
        hint="check user, password, database name and TLS mode in it",
    )


def _database_unavailable(state: str | None) -> UnavailableError:
    noted = f" (SQLSTATE {state})" if state else ""
    return UnavailableError(
        f"the database cannot be reached or closed the connection{noted}",
        code="database_unavailable",
        hint="the same command may work in a moment",
    )


def _missing_right(error: psycopg.Error) -> SettingsError:
    # The primary message of 42501 is "permission denied for <kind> <name>": names only, no values.
    what = error.diag.message_primary or "permission denied"
    return SettingsError(
        f"the database role lacks a right: {what}",
        code="database_permission",
        subject=error.diag.table_name or SUBJECT,
        hint="an administrator runs the output of: tuturuuu-jobs db grants",
    )


def _by_class(error: psycopg.Error, state: str) -> JobError:
    if state[:2] in {"08", "57", "53", "58"} or state == "25P03":
        return _database_unavailable(state)
    where = "".join(
        f", {name} {value}"
        for name, value in (
            ("table", error.diag.table_name),
            ("column", error.diag.column_name),
            ("constraint", error.diag.constraint_name),
        )
        if value
    )
    message = f"the database refused a statement: SQLSTATE {state}{where}"
    if state[:2] in {"22", "23", "P0"}:
        return FailedError(message, code=f"database_{state.lower()}")
    return BugError(message, code=f"database_{state.lower()}")


def deadline_or(error: JobError, deadline: Deadline) -> JobError:
    """The error itself, or the deadline's if a statement ran out of time because of it."""
    if error.code == "statement_timeout" and deadline.remaining() <= 0:
        return DeadlineError("the run's deadline is spent", hint="raise --deadline")
    return error
