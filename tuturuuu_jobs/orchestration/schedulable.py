"""Which workspaces have something to schedule, and since when.

Invariant: as with the others, an empty list means that there is nothing to do. The list may hold
one workspace too many, whose child finds nothing to do; never one too few.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

from tuturuuu_jobs.orchestration.model import Candidate
from tuturuuu_jobs.orchestration.store import Wanted, load_wanted
from tuturuuu_jobs.scheduling.workspace import require_readable

# A habit or task that wants to be planned, or an event of one that may have ended meanwhile. Whose
# task is planned where is the plan's own business: an owner's task may be in the personal calendar.
_WANTED: Final[LiteralString] = """
select w.id as ws_id, w.personal
from public.workspaces w
where w.deleted is not true
  and (exists (
      select from public.workspace_habits h
      where h.ws_id = w.id and h.auto_schedule and h.is_active and h.is_visible_in_calendar
        and h.deleted_at is null)
  or exists (
      select from public.workspace_members m
      join public.task_user_scheduling_settings s
        on s.user_id = m.user_id and s.auto_schedule and s.total_duration > 0
      join public.tasks t on t.id = s.task_id
      join public.task_lists l on l.id = t.list_id
      join public.workspace_boards b on b.id = l.board_id
      where m.ws_id = w.id and (b.ws_id = w.id or w.personal)
        and t.deleted_at is null and t.completed is not true and t.closed_at is null)
  or exists (
      select from public.workspace_calendar_events e
      where e.ws_id = w.id and not e.locked and e.start_at > now()
        and (exists (select from public.habit_calendar_events x where x.event_id = e.id)
          or exists (select from public.task_calendar_events x where x.event_id = e.id))))
"""


def load_schedulable(
    connection: psycopg.Connection[Any], jobs: tuple[str, ...], key_prefix: str
) -> list[Candidate]:
    """Live workspaces with something to schedule, in no order; personal ones come first.

    Raises:
        SettingsError: It is not a Tuturuuu database, or row security hides rows from this role.
        UnavailableError: The database cannot answer now.

    Args:
        connection: In autocommit mode.
        jobs: Whose successes count.
        key_prefix: What stands before the workspace's id in their concurrency key.
    """
    require_readable(connection)
    return [_candidate(one) for one in load_wanted(connection, _WANTED, jobs, key_prefix)]


def _candidate(found: Wanted) -> Candidate:
    # What a person does at a team's calendar is planned around what they do in their own.
    rank, note = (0, "personal") if found.personal else (1, "team")
    return Candidate(found.ws_id, found.last_success, rank, note)
