"""Through which account a calendar is listed, and which others may stand in. Pure.

Several accounts of a workspace may see the same calendar under the same id. It is listed once,
through the account that may do most with it; what a lesser account cannot see is no proof.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from tuturuuu_jobs.sync.model import Calendar

_ROLES: Final = ("none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer")
_OWNER: Final = "owner"


def rank(role: str | None) -> int:
    """How much a role may see: 0 for ``none``, up to the owner.

    The app also stores ``write``, ``editor`` and nothing at all for what it may write to; unknown
    roles count as these. Source of the names: Calendar API, ``accessRole``.
    """
    if role == _OWNER:
        return len(_ROLES)
    return _ROLES.index(role) if role in _ROLES else _ROLES.index("writer")


def plan_routes(
    calendars: Iterable[Calendar], seen: Mapping[tuple[UUID, str], str]
) -> tuple[tuple[Calendar, ...], ...]:
    """The calendars, each with the ways to list it, best first.

    Args:
        calendars: In the order of accounts, the oldest first, under Google's own ids.
        seen: Roles that listings told, by account and calendar id.

    Returns:
        One group per calendar id, in the order of first mention. Within a group the greater role
        is first, then the older account. Deletion needs the consent of every connection, and what
        any connection may send to Google is guarded; rows belong to the first one's calendar.
    """
    groups: dict[str, dict[UUID, Calendar]] = {}
    for calendar in calendars:
        group = groups.setdefault(calendar.calendar_id.lower(), {})
        group.setdefault(calendar.account_id, calendar)
    return tuple(_ordered(list(group.values()), seen) for group in groups.values())


def _ordered(
    routes: Sequence[Calendar], seen: Mapping[tuple[UUID, str], str]
) -> tuple[Calendar, ...]:
    if len(routes) == 1:
        return tuple(routes)
    # Ids that differ in case are one; small letters, as Google writes them, sort last.
    calendar_id = max(route.calendar_id for route in routes)
    told = [
        dataclasses.replace(
            route,
            calendar_id=calendar_id,
            role=seen.get((route.account_id, calendar_id), route.role),
            delete_enabled=all(each.delete_enabled for each in routes),
            outbound_enabled=any(each.outbound_enabled for each in routes),
        )
        for route in routes
    ]
    first = max(told, key=lambda route: rank(route.role))
    return tuple(
        dataclasses.replace(
            route,
            source_calendar_id=first.source_calendar_id,
            role_to_sweep=first.role or "writer",
        )
        for route in sorted(told, key=lambda route: -rank(route.role))
    )


def may_sweep(calendar: Calendar, listed_role: str | None) -> bool:
    """Whether a complete listing with this role proves what it lacks to be gone."""
    if calendar.role_to_sweep is None:
        return listed_role != "none"
    return listed_role is not None and rank(listed_role) >= rank(calendar.role_to_sweep)
