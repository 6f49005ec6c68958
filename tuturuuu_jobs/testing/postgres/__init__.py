"""A real Postgres for tests and the demo, started in half a second, also as root."""

from tuturuuu_jobs.testing.postgres.cluster import EmbeddedPostgres
from tuturuuu_jobs.testing.postgres.ending import stop_detached
from tuturuuu_jobs.testing.postgres.server import Server

__all__ = ["EmbeddedPostgres", "Server", "stop_detached"]
