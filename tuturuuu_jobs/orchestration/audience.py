"""Who watches a fan-out."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from tuturuuu_jobs.orchestration.model import ChildReport


class Audience(Protocol):
    """Who watches a fan-out; told in the order in which things happen."""

    def expect(self, total: int, width: int) -> None:
        """So many children in all, so many at once."""
        ...

    def started(self, ws_id: UUID, deadline_s: float) -> None:
        """The child of a workspace starts, with so many seconds."""
        ...

    def ended(self, report: ChildReport) -> None:
        """A child has ended."""
        ...

    def said(self, label: str, line: str) -> None:
        """A child wrote a line to standard error."""
        ...
