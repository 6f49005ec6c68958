"""The numbered migrations of schema ``jobs``: what is there, what is missing, and applying it.

Invariant: a migration and the record that it was applied commit together, and an applied file
never changes (its hash is compared).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib.resources
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from tuturuuu_jobs.errors import SettingsError, UnavailableError
from tuturuuu_jobs.runtime.database import translated_errors

_HINT: Final = "run: tuturuuu-jobs db migrate"


@dataclasses.dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file.

    Attributes:
        name: The file's name without its ending; sorts in the order of application.
        text: SQL that leaves its transaction to the caller, as in the file.
        sha256: Of the text, in hexadecimal.
    """

    name: str
    text: str
    sha256: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Applied:
    name: str
    sha256: str


_INCLUDE: Final = re.compile(r"^-- include: (\w+)/(\S+)$", re.MULTILINE)


def _complete(text: str) -> str:
    """A migration with the engine's own statements where it names their file."""
    return _INCLUDE.sub(lambda found: _text_of(found[1], found[2]), text)


def _text_of(package: str, path: str) -> str:
    # Its folder, not the package itself: importing that would cost every command.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(
            f"the package {package} is not installed", hint="install tuturuuu-jobs anew with pip"
        )
    return Path(spec.submodule_search_locations[0], path).read_text(encoding="utf-8")


@functools.cache
def load_migrations() -> tuple[Migration, ...]:
    """The migrations that this version ships, in the order of application."""
    folder = importlib.resources.files("tuturuuu_jobs.runtime") / "migrations"
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    migrations: list[Migration] = []
    for file in sorted(files, key=lambda entry: entry.name):
        content = file.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        migrations.append(Migration(file.name.removesuffix(".sql"), content.decode(), digest))
    return tuple(migrations)


_PREPARE: Final[LiteralString] = """
create schema if not exists jobs;
create table if not exists jobs.migrations (
    name       text primary key,
    sha256     text not null,
    applied_at timestamptz not null default now()
);
alter table jobs.migrations enable row level security;
"""
# "create schema if not exists" races with itself; the lock must come before it.
_LOCK: Final[LiteralString] = (
    "select pg_advisory_xact_lock(hashtextextended('tuturuuu-jobs/migrate', 0))"
)
_RECORD: Final[LiteralString] = (
    "insert into jobs.migrations (name, sha256) values (%(name)s, %(sha256)s)"
)
_UNHURRIED: Final[LiteralString] = """
select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)
"""


def migrate(connection: psycopg.Connection[Any]) -> list[str]:
    """Apply what is missing, in one transaction; returns the names of what was applied.

    Any number of processes may call it at once: they queue up, and all but the first find
    nothing to do. Raises SettingsError if an applied migration has another content than ours.
    """
    with translated_errors(), connection.transaction():
        connection.execute(_UNHURRIED)
        connection.execute(_LOCK)
        connection.execute(_PREPARE)
        missing = _missing(load_migrations(), _load_applied(connection))
        for migration in missing:
            # The text comes from this package, not from data.
            connection.execute(_complete(migration.text).encode())
            connection.execute(_RECORD, {"name": migration.name, "sha256": migration.sha256})
    return [migration.name for migration in missing]


def pending(connection: psycopg.Connection[Any]) -> list[str]:
    """The names of the migrations that this version has and the database lacks."""
    with translated_errors():
        applied = _load_applied(connection) if _is_installed(connection) else []
    return [migration.name for migration in _missing(load_migrations(), applied)]


# An answer of one row in any case: no rows of a table with row security would look like none.
_LOOK: Final[LiteralString] = """
select row_security_active('jobs.migrations') or row_security_active('jobs.installation'),
       (select jsonb_object_agg(name, sha256) from jobs.migrations),
       (select id || '/' || current_database() from jobs.installation)
"""


def require_schema(connection: psycopg.Connection[Any]) -> str:
    """What this database is called in records that are spooled for it.

    Raises SettingsError if the database lacks schema ``jobs`` or some of its migrations.
    """
    # In the normal case one question is enough; the others find out what is wrong.
    with contextlib.suppress(psycopg.Error):
        row = connection.execute(_LOOK).fetchone()
        if row is not None and not row[0] and _shipped().items() <= (row[1] or {}).items():
            return str(row[2])
    with translated_errors():
        if not _is_installed(connection):
            raise SettingsError(
                "the database has no schema jobs", code="schema_missing", hint=_HINT
            )
        missing = _missing(load_migrations(), _load_applied(connection))
    if missing:
        raise SettingsError(
            f"the schema jobs lacks the migration {missing[0].name}",
            code="schema_outdated",
            hint=_HINT,
        )
    raise UnavailableError("the schema jobs could not be read", code="database_unavailable")


def _shipped() -> dict[str, str]:
    return {migration.name: migration.sha256 for migration in load_migrations()}


def render_migrations() -> str:
    """All migrations as one script that an administrator may read and run with psql.

    Running it a second time fails at its first statement and changes nothing.
    """
    parts = ["begin;", _LOCK + ";", _PREPARE.strip()]
    for migration in load_migrations():
        row = f"('{migration.name}', '{migration.sha256}')"
        parts += [
            f"-- {migration.name}",
            # Rendered for psql, from file names and hashes of this package.
            f"insert into jobs.migrations (name, sha256) values {row};",  # noqa: S608
            _complete(migration.text).strip(),
        ]
    return "\n\n".join([*parts, "commit;"]) + "\n"


def _missing(ours: Sequence[Migration], applied: list[_Applied]) -> list[Migration]:
    known = {row.name: row.sha256 for row in applied}
    for migration in ours:
        if known.get(migration.name, migration.sha256) != migration.sha256:
            raise SettingsError(
                f"the migration {migration.name} was applied with another content",
                code="schema_changed",
                hint="install the version of tuturuuu-jobs that the database was migrated with",
            )
    return [migration for migration in ours if migration.name not in known]


_IS_INSTALLED: Final[LiteralString] = "select to_regclass('jobs.migrations') is not null"


def _is_installed(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(_IS_INSTALLED).fetchone()
    return bool(row and row[0])


def rows_hidden() -> SettingsError:
    """The role sees only some rows: an empty answer would look like nothing to do."""
    return SettingsError(
        "row security hides rows from the database role",
        code="row_security",
        subject="DATABASE_URL",
        hint="connect as a role that bypasses row security (postgres, service_role)",
    )


_IS_HIDDEN: Final[LiteralString] = "select row_security_active('jobs.migrations')"
_LOAD_APPLIED: Final[LiteralString] = "select name, sha256 from jobs.migrations"


def _load_applied(connection: psycopg.Connection[Any]) -> list[_Applied]:
    hidden = connection.execute(_IS_HIDDEN).fetchone()
    if hidden is None or hidden[0]:
        raise rows_hidden()
    with connection.cursor(row_factory=class_row(_Applied)) as cursor:
        return cursor.execute(_LOAD_APPLIED).fetchall()
