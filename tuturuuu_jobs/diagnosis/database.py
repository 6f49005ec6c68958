"""Whether the database is the right one, reachable safely, with all that the jobs need in it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.diagnosis.findings import Finding, listed, note, ok, serious, warning
from tuturuuu_jobs.runtime.clock import Clock
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.runtime.grants import needed_rights
from tuturuuu_jobs.runtime.queues import QueueState

_OLDEST_SERVER: Final = 130_000
_LOCAL: Final = frozenset({"", "127.0.0.1", "::1", "localhost"})
_CLOCK_NOTICED: Final = timedelta(seconds=5)
_CLOCK_HARMFUL: Final = timedelta(minutes=5)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says about itself and about us.

    Attributes:
        version: As ``server_version_num``, for example 160002.
        settled: Whether the server takes writes; a standby does not.
        temporary: Whether the role may make temporary tables.
        room: Connections that the server gives to ordinary roles, in all.
        free: How many of them nobody uses now.
    """

    role: str
    version: int
    settled: bool
    temporary: bool
    room: int
    free: int


@dataclasses.dataclass(frozen=True, slots=True)
class LinkFacts:
    """How the connection gets there.

    Attributes:
        local: Whether it stays on this machine.
        encrypted: Whether TLS is on, on our side of any pooler.
        verified: Whether the server's certificate is checked.
        pooled: Whether a pooler stands in between; it passed as one that keeps sessions.
    """

    local: bool
    encrypted: bool
    verified: bool
    pooled: bool


_SERVER: Final[LiteralString] = """
select current_user::text as role,
       current_setting('server_version_num')::int as version,
       not pg_is_in_recovery() as settled,
       has_database_privilege(current_database(), 'temporary') as temporary,
       room.n as room,
       greatest(0, room.n - (select count(*)::int from pg_stat_activity
                             where backend_type = 'client backend')) as free
from (select current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int as n) room
"""


def load_server(connection: psycopg.Connection[Any]) -> ServerFacts:
    """Ask the server about itself."""
    with translated_errors(), connection.cursor(row_factory=class_row(ServerFacts)) as cursor:
        [facts] = cursor.execute(_SERVER).fetchall()
    return facts


_BACKEND: Final[LiteralString] = "select pg_backend_pid()"


def look_at_link(connection: psycopg.Connection[Any]) -> LinkFacts:
    """What the client library knows about the connection."""
    info = connection.info
    with translated_errors():
        [pid] = connection.execute(_BACKEND).fetchone() or (info.backend_pid,)
    mode = info.get_parameters().get("sslmode", "prefer")
    return LinkFacts(
        local=info.host.startswith("/") or info.host in _LOCAL,
        encrypted=connection.pgconn.ssl_in_use,
        verified=mode in {"verify-ca", "verify-full"},
        pooled=pid != info.backend_pid,
    )


def judge_server(facts: ServerFacts) -> Iterator[Finding]:
    """Version, role, and whether it takes writes."""
    version = f"{facts.version // 10000}.{facts.version % 10000}"
    yield ok("database_reachable", f"Postgres {version} answers; the role is {facts.role}")
    if facts.version < _OLDEST_SERVER:
        yield serious(
            "database_too_old",
            f"Postgres {version} is too old",
            why="the schema jobs needs Postgres 13 or later",
            action="upgrade the server",
        )
    if not facts.settled:
        yield serious(
            "database_read_only",
            "DATABASE_URL leads to a standby",
            why="a standby takes no writes",
            action="use the address of the primary",
            subject="DATABASE_URL",
        )
    if not facts.temporary:
        yield serious(
            "database_permission",
            f"{facts.role} may not make temporary tables",
            why="a sync stages what it read in temporary tables",
            action="an administrator runs the output of: tuturuuu-jobs db grants",
        )


def judge_link(facts: LinkFacts) -> Iterator[Finding]:
    """TLS, and the kind of pooler (one that changes sessions was refused before)."""
    if facts.local:
        yield ok("database_link", "the connection to the database stays on this machine")
    elif not facts.encrypted:
        yield warning(
            "database_without_tls",
            "the connection to the database is not encrypted",
            why="calendars and the accounts' tokens can be read on the way",
            action="add sslmode=verify-full to DATABASE_URL",
            subject="DATABASE_URL",
        )
    elif not facts.verified:
        yield note(
            "database_unverified",
            "the connection is encrypted, but the server's certificate is not checked",
            why="somebody in between could answer in the server's place",
            action="add sslmode=verify-full and sslrootcert to DATABASE_URL",
            subject="DATABASE_URL",
        )
    else:
        yield ok("database_link", "the connection to the database is encrypted and verified")
    kind = "through a pooler that keeps sessions" if facts.pooled else "direct"
    yield ok("database_session", f"the connection is {kind}")


def look_at_clock(connection: psycopg.Connection[Any], clock: Clock) -> timedelta:
    """How far the database's clock is ahead of this machine's; exact to half a round trip."""
    before = clock.now()
    with translated_errors():
        [theirs] = connection.execute(_NOW).fetchone() or (before,)
    after = clock.now()
    return _ahead(theirs, before, after)


_NOW: Final[LiteralString] = "select clock_timestamp()"


def _ahead(theirs: datetime, before: datetime, after: datetime) -> timedelta:
    return theirs - (before + (after - before) / 2)


def judge_clock(ahead: timedelta) -> Iterator[Finding]:
    """Whether the two clocks agree well enough."""
    apart = abs(ahead)
    if apart < _CLOCK_NOTICED:
        yield ok(
            "clock",
            f"this machine's clock and the database's agree within {_CLOCK_NOTICED.seconds} s",
        )
        return
    what = f"this machine's clock and the database's are {apart.total_seconds():.0f} s apart"
    action = "let both keep time by NTP (timedatectl)"
    if apart < _CLOCK_HARMFUL:
        why = "ages and durations in the ledger are off by that much"
        yield warning("clock_apart", what, why=why, action=action)
    else:
        why = "access tokens look alive when they are not, and slots and windows are the wrong ones"
        yield serious("clock_apart", what, why=why, action=action)


def judge_schema(missing: list[str]) -> Iterator[Finding]:
    """Whether the jobs' own tables are those of this version."""
    if missing:
        yield serious(
            "schema_outdated",
            f"the schema jobs lacks {listed(missing)}",
            why="no run starts without its ledger",
            action="run: tuturuuu-jobs db migrate",
        )
    else:
        yield ok("schema", "the schema jobs is that of this version")


@dataclasses.dataclass(frozen=True, slots=True)
class Right:
    """One right on one table.

    Attributes:
        present: Whether there is such a table.
        held: Whether our role has the right; meaningless without a table.
    """

    table: str
    right: str
    present: bool
    held: bool


# By the catalog, since a name in a schema that the role may not use is an error.
_RIGHTS: Final[LiteralString] = """
select wanted.schema || '.' || wanted.name as table, wanted.privilege as right,
       c.oid is not null as present,
       coalesce(has_schema_privilege(n.oid, 'usage')
                and has_table_privilege(c.oid, wanted.privilege), false) as held
from unnest(%(schemas)s::text[], %(names)s::text[], %(rights)s::text[])
     as wanted (schema, name, privilege)
left join pg_namespace n on n.nspname = wanted.schema
left join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name
order by 1, 2
"""


def load_rights(connection: psycopg.Connection[Any]) -> list[Right]:
    """Every right that the jobs use."""
    wanted = [(*table.split(".", 1), right) for table, right in needed_rights()]
    schemas, names, rights = (list(column) for column in zip(*wanted, strict=True))
    with translated_errors(), connection.cursor(row_factory=class_row(Right)) as cursor:
        values = {"schemas": schemas, "names": names, "rights": rights}
        return cursor.execute(_RIGHTS, values).fetchall()


_HIDDEN: Final[LiteralString] = """
select n.nspname || '.' || c.relname
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname || '.' || c.relname = any(%(tables)s)
  and row_security_active(c.oid)
order by 1
"""


def load_hidden(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables whose rows the role may not all see."""
    tables = sorted({table for table, _ in needed_rights()})
    with translated_errors():
        return [row[0] for row in connection.execute(_HIDDEN, {"tables": tables}).fetchall()]


def judge_hidden(hidden: list[str]) -> Iterator[Finding]:
    """Whether row security hides rows; an empty answer then looks like nothing to do."""
    if hidden:
        yield serious(
            "row_security",
            f"row security hides rows of {listed(hidden)} from the database role",
            why="a workspace would look as if it had no work, so runs refuse to start",
            action="connect as a role that bypasses row security (postgres, service_role), or run "
            "the output of: tuturuuu-jobs db grants",
            subject="DATABASE_URL",
        )
    else:
        yield ok("row_security_bypassed", "row security hides nothing from the database role")


def judge_rights(rights: list[Right]) -> Iterator[Finding]:
    """One finding for all that is lacking, one for what is not there at all."""
    lacking: dict[str, list[str]] = defaultdict(list)
    for right in rights:
        if right.present and not right.held:
            lacking[right.table].append(right.right)
    if lacking:
        named = (f"{table} ({', '.join(sorted(names))})" for table, names in lacking.items())
        yield serious(
            "database_permission",
            f"the database role lacks rights on {listed(named)}",
            why="what reads or writes them fails",
            action="an administrator runs the output of: tuturuuu-jobs db grants",
        )
    else:
        yield ok("database_rights", "the database role has the rights that the jobs use")
    absent = sorted({right.table for right in rights if not right.present})
    if tables := [table for table in absent if not table.startswith("jobs.")]:
        yield note(
            "tables_absent",
            f"this database has no {listed(tables)}",
            why="an older Tuturuuu lacks them; jobs leave out what needs them",
            action="nothing, if this is the right database",
        )


def judge_room(server: ServerFacts, queues: list[QueueState]) -> Iterator[Finding]:
    """Whether the server has the connections that full queues use: two for each run, two more."""
    needed = sum(2 * queue.total_limit + 2 for queue in queues)
    what = f"full queues use up to {needed} connections"
    action = "lower the limits (tuturuuu-jobs queues limit), or raise the server's max_connections"
    if needed > server.room:
        yield serious(
            "connections_too_few",
            f"{what}, the server has {server.room} in all",
            why="runs fail at their start when many work at once",
            action=action,
        )
    elif needed > server.free:
        yield warning(
            "connections_scarce",
            f"{what}, the server has {server.free} free now",
            why="runs may fail at their start while others use the rest",
            action=action,
        )
    else:
        yield ok("connections", f"{what}, the server has {server.free} free now")
