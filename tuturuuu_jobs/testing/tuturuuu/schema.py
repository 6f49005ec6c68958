"""Putting the tables into an empty database."""

from __future__ import annotations

from enum import StrEnum
from importlib import resources
from typing import Any, Final

import psycopg

PACKAGE: Final = "tuturuuu_jobs.testing.tuturuuu"


class Shape(StrEnum):
    """Which of the platform's two states the tables are in.

    ``CURRENT`` is the later one. ``ERA`` is that of June 2026, when the jobs were Trigger.dev
    tasks: without the ``sync_*`` columns and their neighbours.
    """

    CURRENT = "current"
    ERA = "era"


def install(connection: psycopg.Connection[Any], shape: Shape = Shape.CURRENT) -> None:
    """Create everything in one transaction. Roles belong to the cluster and may exist already."""
    files = (file for file in resources.files(PACKAGE).iterdir() if file.name.endswith(".sql"))
    numbered = sorted((file for file in files if file.name[0].isdigit()), key=lambda f: f.name)
    era = resources.files(PACKAGE) / "era.sql"
    with connection.transaction():
        for file in numbered:
            connection.execute(file.read_bytes())
        if shape is Shape.ERA:
            connection.execute(era.read_bytes())
