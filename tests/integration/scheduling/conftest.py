"""Stages for the tests of schedule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.postgres import Database
from tests.integration.scheduling.stage import Stage


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Iterator[Stage]:
    """Empty tables, Monday 2026-01-05 08:00 UTC."""
    made = Stage(database, tmp_path / "state")
    yield made
    made.close()
