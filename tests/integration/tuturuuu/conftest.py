"""A workspace to break rules in."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.fixtures.postgres import Database
from tuturuuu_jobs.testing.tuturuuu import Shape, seed

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """One user with one team workspace."""

    db: psycopg.Connection[Any]
    user: UUID
    ws_id: UUID
    shape: Shape

    def event(self, **columns: object) -> UUID:
        return seed.create_event(self.db, self.ws_id, NINE, TEN, **columns)  # type: ignore[arg-type]  # title among them

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self.db.execute(query.encode(), values).fetchall()

    def fails(self, query: str, *values: object) -> psycopg.errors.Diagnostic:
        """What the server says about a statement that must not succeed."""
        with pytest.raises(psycopg.Error) as caught:
            self.db.execute(query.encode(), values)
        return caught.value.diag


@pytest.fixture
def world(any_database: Database) -> Iterator[World]:
    with any_database.connect() as connection:
        user = seed.create_user(connection, "ada@example.org")
        ws_id = seed.create_workspace(connection, user)
        yield World(connection, user, ws_id, any_database.shape)
