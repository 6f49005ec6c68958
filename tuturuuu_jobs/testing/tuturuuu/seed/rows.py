"""Writing one row and getting its id back."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]


def insert_row(connection: Connection, table: str, values: dict[str, object]) -> UUID:
    """Insert the named columns; a ``dict`` becomes JSON."""
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(map(sql.Placeholder, values))
    statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
        sql.Identifier(table), columns, places
    )
    row = connection.execute(statement, {name: _adapt(value) for name, value in values.items()})
    return _first(row)


def _adapt(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value


def fetch_id(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> UUID:
    """The one id that the statement returns. Raises LookupError if it returns none."""
    return _first(connection.execute(statement, values))


def _first(cursor: psycopg.Cursor[Any]) -> UUID:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("no such row; was the workspace or user created?")
    found: UUID = row[0]
    return found
