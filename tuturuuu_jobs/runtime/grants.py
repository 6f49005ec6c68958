"""The rights a role of the jobs needs, as statements for an administrator to read and run.

Every table that a job reads or writes stands here once; nothing else is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

_RIGHTS: Final = {
    "select": (
        "public.workspaces",
        "public.workspace_members",
        "public.user_private_details",
        "public.workspace_settings",
        "public.workspace_calendar_hour_settings",
        "public.workspace_encryption_keys",
        "public.calendar_connections",
        "private.calendar_user_workspace_preferences",
        "private.workspace_calendars",
        "public.tasks",
        "public.task_lists",
        "public.workspace_boards",
        "public.task_assignees",
        "public.task_user_overrides",
        "public.task_user_scheduling_settings",
        "public.workspace_habits",
        "public.calendar_event_colors",
    ),
    "select, update": (
        "public.calendar_auth_tokens",
        "public.habit_completions",
        "public.habit_skipped_occurrences",
    ),
    "select, insert, update": (
        "public.workspace_calendar_sync_coordination",
        "public.calendar_sync_dashboard",
        "private.workspace_scheduling_metadata",
    ),
    "select, insert, update, delete": (
        "public.calendar_sync_states",
        "public.workspace_calendar_events",
        "public.task_calendar_events",
        "public.habit_calendar_events",
    ),
}
_ALL: Final = "select, insert, update, delete"
_OWN_TABLES: Final = (
    "runs",
    "attempts",
    "queues",
    "rate_buckets",
    "cursors",
    "calendar_windows",
    "requests",
)
_ENGINE_TABLES: Final = (
    "jobs_queue.procrastinate_jobs",
    "jobs_queue.procrastinate_events",
    "jobs_queue.procrastinate_workers",
    "jobs_queue.procrastinate_periodic_defers",
)


_FUNCTIONS: Final = (
    "jobs.ensure_event_partitions(integer)",
    "jobs.drop_event_partitions(integer)",
    "jobs.remove_stray_events(integer)",
    "private.upsert_scheduling_metadata(uuid, text, text, int, int, int, int, int)",
)
_PRODUCERS: Final = (
    (
        "jobs.enqueue(text, jsonb, text, timestamptz, interval, integer, jsonb, uuid, "
        "timestamptz, uuid)"
    ),
    (
        "jobs.enqueue_many(text, jsonb[], text[], timestamptz, interval, integer, jsonb, uuid, "
        "timestamptz)"
    ),
    "jobs.run_status(uuid)",
)


def needed_rights() -> Iterator[tuple[str, str]]:
    """Every table with its schema, and a right on it that the jobs use: one pair for each."""
    own = [(rights, f"jobs.{table}") for rights, table in _own_rights()]
    theirs = [(rights, table) for rights, tables in _RIGHTS.items() for table in tables]
    engine = [(_ALL, table) for table in _ENGINE_TABLES]
    for rights, table in theirs + own + engine:
        for right in rights.split(", "):
            yield table, right


def _own_rights() -> Iterator[tuple[str, str]]:
    for table in _OWN_TABLES:
        yield _ALL, table
    yield "select, insert", "events"
    for table in ("migrations", "installation", "all_runs", "exhausted", "last_success"):
        yield "select", table


def render_grants(role: str) -> str:
    """GRANT statements for that role; the name is quoted, so any name is safe.

    Row security of the platform's tables lets a role other than their owner see nothing: the role
    also needs BYPASSRLS, which the first statement gives.
    """
    name = sql.Identifier(role).as_string(None)
    lines = [
        f"alter role {name} with bypassrls;",
        f"grant usage on schema public, private, jobs, jobs_queue to {name};",
        f"grant temporary on database current_database to {name};",
    ]
    lines[2] = (
        "do $$ begin execute format('grant temporary on database %I to %I', current_database(), "
        f"{sql.Literal(role).as_string(None)}); end $$;"
    )
    for rights, tables in _RIGHTS.items():
        lines += [f"grant {rights} on {table} to {name};" for table in tables]
    lines += [f"grant {rights} on jobs.{table} to {name};" for rights, table in _own_rights()]
    lines += [f"grant {_ALL} on {table} to {name};" for table in _ENGINE_TABLES]
    lines.append(f"grant usage on all sequences in schema jobs_queue to {name};")
    functions = (*_FUNCTIONS, *_PRODUCERS)
    lines += [f"grant execute on function {function} to {name};" for function in functions]
    return "\n".join(lines) + "\n"


def render_producer_grants(role: str) -> str:
    """GRANT statements for a role that only asks for runs and sees how they stand."""
    name = sql.Identifier(role).as_string(None)
    lines = [f"grant usage on schema jobs to {name};"]
    lines += [f"grant execute on function {function} to {name};" for function in _PRODUCERS]
    return "\n".join(lines) + "\n"
