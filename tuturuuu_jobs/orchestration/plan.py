"""Who gets a child, in which order and why, and how many at once. All pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from tuturuuu_jobs.orchestration.model import Candidate, Planned
from tuturuuu_jobs.runtime.outcome import Problem

_DEFAULT_WIDTH: Final = 10
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def plan_order(
    candidates: Iterable[Candidate], wanted: Sequence[UUID], now: datetime
) -> tuple[Planned, ...]:
    """The workspaces to start: by rank, the longest without success first; ids decide a tie.

    A workspace that was asked for by name gets its child though it is no candidate: the child says
    what is the matter with it.
    """
    known = {candidate.ws_id: candidate for candidate in candidates}
    if wanted:
        known = {ws_id: known.get(ws_id, Candidate(ws_id, None)) for ws_id in wanted}
    ordered = sorted(known.values(), key=_turn)
    return tuple(Planned(c.ws_id, c.last_success, _reason(c, now)) for c in ordered)


def _turn(candidate: Candidate) -> tuple[int, datetime, UUID]:
    return candidate.rank, candidate.last_success or _LONG_AGO, candidate.ws_id


def _reason(candidate: Candidate, now: datetime) -> str:
    note = f"{candidate.note}, " if candidate.note else ""
    return note + _waiting(candidate, now)


def _waiting(candidate: Candidate, now: datetime) -> str:
    if candidate.last_success is None:
        return "no success on record"
    age_s = max(0, int((now - candidate.last_success).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if age_s >= size:
            return f"last success {age_s // size}{unit} ago"
    return f"last success {age_s}s ago"


def plan_width(
    limit: int | None, total_limit: int | None, free_connections: int
) -> tuple[int, Problem | None]:
    """How many children may work at once, and a warning if the server decided that.

    Args:
        limit: What the caller allows.
        total_limit: What the queue allows, on all machines together.
        free_connections: Connections that the server still has for us.
    """
    allowed = [number for number in (limit, total_limit) if number is not None]
    width = max(1, min(allowed, default=_DEFAULT_WIDTH))
    # Each child may hold two, and the parent keeps two for itself.
    most = max(1, (free_connections - 2) // 2)
    if most >= width:
        return width, None
    warning = Problem(
        "few_connections",
        f"the database has room for {free_connections} more connections: "
        f"{most} children at once instead of {width}",
        subject="max_connections",
        hint="raise max_connections, or lower --limit",
    )
    return most, warning
