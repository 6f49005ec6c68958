"""The time zone of a workspace: its own, its owner's, or the caller's; never the machine's."""

from __future__ import annotations

from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tuturuuu_jobs.errors import RejectedError

_MACHINE: Final = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""Files beside the zones that are no zone of their own, or count leap seconds."""


def is_unset(name: str | None) -> bool:
    """Whether nobody chose a zone; the app stores ``auto`` then."""
    return name is None or name.strip() in {"", "auto"}


def parse_zone(name: str | None) -> str | None:
    """The IANA key of that name, or None if there is no such zone."""
    if name is None or is_unset(name) or name.strip().startswith(_MACHINE):
        return None
    try:
        return ZoneInfo(name.strip()).key
    except (KeyError, ValueError, OSError):
        return None


def resolve_zone(
    ws_id: UUID, *, workspace: str | None, owner: str | None, fallback: str | None
) -> str:
    """The zone in which a workspace's hours and dates are read, as an IANA key.

    Args:
        ws_id: For the error.
        workspace: What the workspace itself says.
        owner: What its owner or creator says.
        fallback: What the caller of the run says.

    Raises:
        RejectedError: None of them names a zone; a plan at wrong hours is worse than none.
    """
    for name in (workspace, owner, fallback):
        if (key := parse_zone(name)) is not None:
            return key
    raise RejectedError(
        "neither the workspace nor its owner names a time zone",
        code="zone_unresolved",
        subject=str(ws_id),
        hint="set the workspace's time zone in Tuturuuu, or pass --timezone with an IANA name",
    )
