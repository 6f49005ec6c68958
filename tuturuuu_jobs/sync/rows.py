"""An event as its row holds it and as the plan sees it, where texts are encrypted too."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from psycopg.types.json import Jsonb

from tuturuuu_jobs.sync.model import Decision, Event, Marker, StoredRow
from tuturuuu_jobs.workspaces.encryption import WorkspaceCipher


@dataclasses.dataclass(frozen=True, slots=True)
class RowForm:
    """How the rows of one workspace hold their texts.

    Attributes:
        cipher: Encrypts them; None if they are stored plain.
    """

    cipher: WorkspaceCipher | None

    @property
    def encrypted(self) -> bool:
        """Whether texts are stored encrypted."""
        return self.cipher is not None

    def to_staging(self, decision: Decision) -> tuple[Any, ...]:
        """The columns of ``jobs_staged`` for what is to be written or deleted."""
        event = decision.event
        if event is None:
            return (decision.event_id, True, *[None] * 7, decision.updated)
        marker = event.marker
        return (
            event.event_id,
            False,
            *map(self._sealed, (event.title, event.description, event.location)),
            event.start_at,
            event.end_at,
            event.color,
            Jsonb({"v": 1, "busy": marker.busy, "all_day": marker.all_day}) if marker else None,
            decision.updated,
        )

    def from_table(self, row: Any) -> StoredRow:
        """The row that ``Statements.rows`` selected."""
        event_id, *texts, start_at, end_at, color, metadata, encrypted, clean, pending = row
        if encrypted:
            texts = [self._opened(text) for text in texts]
        title, description, location = texts
        event = Event(
            event_id, title, description, location, start_at, end_at, color, _marker(metadata)
        )
        return StoredRow(event, clean, pending)

    def _sealed(self, text: str) -> str:
        return text if self.cipher is None else self.cipher.encrypt(text)

    def _opened(self, text: str) -> str:
        """The plain text; one that does not open is taken as it is, as the app does."""
        plain = None if self.cipher is None else self.cipher.decrypt(text)
        return text if plain is None else plain


def as_old(old: StoredRow, own: StoredRow | None) -> StoredRow:
    """The row to plan with where one stands under ``primary``: the calendar's own, if any."""
    if own is None:
        return dataclasses.replace(old, old=True)
    return dataclasses.replace(own, old=True, pending=own.pending or old.pending)


def _marker(metadata: object) -> Marker | None:
    """The marker inside ``scheduling_metadata``; one that is not whole equals no marker of ours."""
    match metadata:
        case None:
            return None
        case {"v": 1, "busy": bool(busy), "all_day": bool(all_day)}:
            return Marker(busy, all_day)
        case {"v": _} | {"busy": _} | {"all_day": _}:
            return _BROKEN_MARKER
        case dict():
            return None
        case _:
            return _BROKEN_MARKER


_BROKEN_MARKER: Final = Marker(busy=True, all_day=False)
"""Wanted of no event: a busy event that is not all-day carries no marker."""
