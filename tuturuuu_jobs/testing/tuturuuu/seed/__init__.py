"""Rows to start from: each function writes one thing a person or the app would, and returns its id.

Defaults describe the ordinary case; name only what a test or the demo is about.
"""

from tuturuuu_jobs.testing.tuturuuu.seed.calendars import (
    Preferences,
    create_account,
    create_connection,
    create_event,
    create_google_event,
    create_preferences,
    create_workspace_calendar,
    workspace_calendar,
)
from tuturuuu_jobs.testing.tuturuuu.seed.people import (
    add_member,
    create_encryption_key,
    create_user,
    create_workspace,
    personal_workspace,
)
from tuturuuu_jobs.testing.tuturuuu.seed.scheduling import (
    create_board,
    create_habit,
    create_task,
    set_hours,
)

__all__ = [
    "Preferences",
    "add_member",
    "create_account",
    "create_board",
    "create_connection",
    "create_encryption_key",
    "create_event",
    "create_google_event",
    "create_habit",
    "create_preferences",
    "create_task",
    "create_user",
    "create_workspace",
    "create_workspace_calendar",
    "personal_workspace",
    "set_hours",
    "workspace_calendar",
]
