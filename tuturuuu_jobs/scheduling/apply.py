"""One scope's plan into the table, inside the transaction that read what it was made from.

Invariant: nothing is written that is already so, and nothing that somebody else changed: a row that
is not as it was read makes the whole transaction fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from tuturuuu_jobs.errors import UnavailableError
from tuturuuu_jobs.scheduling import statements as sql
from tuturuuu_jobs.scheduling.decisions import Delete, Insert, Item, ItemKind, Plan, Update
from tuturuuu_jobs.scheduling.model import HoursType, Snapshot, instant_of
from tuturuuu_jobs.scheduling.store import Reading
from tuturuuu_jobs.workspaces.encryption import TITLE_BYTES, cut
from tuturuuu_jobs.workspaces.keys import Encryption, key_missing

_REASON_CHARACTERS: Final = 512
_TITLE_CHARACTERS: Final = 255
_TITLE_BYTES: Final = 1020


def apply_plan(
    connection: psycopg.Connection[Any],
    reading: Reading,
    plan: Plan,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
) -> Sequence[UUID]:
    """Write the changes of a plan: deletes, updates, inserts.

    Returns:
        The ids of the new events, in the order of the plan's inserts.

    Args:
        connection: In the transaction in which ``reading`` was made.
        reading: What the plan was made from.
        plan: Its changes name only rows of ``reading``.
        now: Events that have begun by now are not written, whenever the plan was made.
        new_id: Makes the ids of new events.

    Raises:
        UnavailableError: Somebody changed a row meanwhile (``calendar_moved``); roll back and plan
            again.
        SettingsError: A title would have to be encrypted and cannot be.
    """
    writer = _Writer(connection, reading, now)
    writer.delete([change for change in plan.changes if isinstance(change, Delete)])
    writer.update([change for change in plan.changes if isinstance(change, Update)])
    inserts = [change for change in plan.changes if isinstance(change, Insert)]
    made = [new_id() for _ in inserts]
    writer.insert(made, inserts)
    return made


def refuse_plain_text(reading: Reading, plan: Plan) -> None:
    """Raise SettingsError if the plan needs a title encrypted without a key to do it with."""
    if reading.request.encryption.locked and any(isinstance(c, Insert) for c in plan.changes):
        raise key_missing(reading.snapshot.ws_id)


class _Writer:
    def __init__(
        self, connection: psycopg.Connection[Any], reading: Reading, now: datetime
    ) -> None:
        self._connection = connection
        self._rows = reading.rows
        self._snapshot = reading.snapshot
        self._encryption = reading.request.encryption
        self._where: dict[str, Any] = {
            "ws": reading.snapshot.ws_id,
            "now": now,
            "encrypted": reading.request.encryption.on,
        }

    def delete(self, changes: Sequence[Delete]) -> None:
        """The links go with their events."""
        self._write(sql.DELETE, self._as_read([change.event_id for change in changes]))

    def update(self, changes: Sequence[Update]) -> None:
        """Times and titles; what the links say only where the times change."""
        moved = [change for change in changes if change.moves]
        values = {
            **self._as_read([change.item.event_id for change in changes]),
            "new_starts": [self._start(change) for change in changes],
            "new_ends": [self._end(change) for change in changes],
            "titles": [
                None if change.title is None else self._sealed(change.title) for change in changes
            ],
        }
        self._write(sql.UPDATE, values)
        habits = [change for change in moved if change.item.kind is ItemKind.HABIT]
        tasks = [change for change in moved if change.item.kind is ItemKind.TASK]
        self._write(sql.UPDATE_HABITS, _links([c.item.event_id for c in habits], habits))
        self._write(sql.UPDATE_TASKS, _links([c.item.event_id for c in tasks], tasks))

    def insert(self, ids: Sequence[UUID], changes: Sequence[Insert]) -> None:
        """Events of ours, each with its link."""
        looks = _Looks(self._snapshot)
        owner = self._snapshot.scope.user_id
        items = [change.item for change in changes]
        values: dict[str, list[Any]] = {
            "ids": list(ids),
            "titles": [self._sealed(item.title) for item in items],
            "starts": [instant_of(item.start) for item in items],
            "ends": [instant_of(item.end) for item in items],
            "colors": [looks.color(item) for item in items],
            "usual": [looks.usual_color(item) for item in items],
            "sources": [item.kind.value for item in items],
            "owners": [
                str(owner) if owner is not None and item.kind is ItemKind.TASK else None
                for item in items
            ],
        }
        self._write(sql.INSERT, values)
        made = list(zip(ids, changes, strict=True))
        self._write(sql.INSERT_HABITS, _made_links(made, ItemKind.HABIT))
        self._write(sql.INSERT_TASKS, _made_links(made, ItemKind.TASK))

    def _as_read(self, ids: Iterable[UUID | None]) -> dict[str, list[Any]]:
        rows = [self._rows[event_id] for event_id in ids if event_id is not None]
        return {
            "ids": [row.id for row in rows],
            "starts": [row.start_at for row in rows],
            "ends": [row.end_at for row in rows],
        }

    def _start(self, change: Update) -> datetime:
        """Seconds that the planner cannot see are kept where only the title or the end changes."""
        if change.item.start == change.start and change.item.event_id is not None:
            return self._rows[change.item.event_id].start_at
        return instant_of(change.item.start)

    def _end(self, change: Update) -> datetime:
        if change.item.end == change.end and change.item.event_id is not None:
            return self._rows[change.item.event_id].end_at
        return instant_of(change.item.end)

    def _sealed(self, title: str) -> str:
        """A title as the row holds it."""
        return sealed_title(title, self._encryption, self._snapshot.ws_id)

    def _write(self, statement: LiteralString, values: dict[str, list[Any]]) -> None:
        wanted = len(values["ids"])
        if not wanted:
            return
        written = self._connection.execute(statement, {**self._where, **values}).rowcount
        if written != wanted:
            raise UnavailableError(
                "somebody changed an event while it was being planned; nothing was written",
                code="calendar_moved",
                subject=str(self._snapshot.ws_id),
            )


def sealed_title(title: str, encryption: Encryption, ws_id: UUID) -> str:
    """A title cut to what a row can hold, encrypted where the workspace is.

    Raises:
        SettingsError: It would have to be encrypted and cannot be.
    """
    if encryption.locked:
        raise key_missing(ws_id)
    if encryption.cipher is not None:
        return encryption.cipher.encrypt(cut(title, TITLE_BYTES))
    return cut(title[:_TITLE_CHARACTERS], _TITLE_BYTES)


def _links(
    ids: Sequence[UUID | None], changes: Sequence[Insert] | Sequence[Update]
) -> dict[str, list[Any]]:
    return {
        "ids": list(ids),
        "items": [change.item.id for change in changes],
        "dates": [change.item.date for change in changes],
        "minutes": [change.item.end - change.item.start for change in changes],
        "reasons": [change.reason.text[:_REASON_CHARACTERS] for change in changes],
    }


def _made_links(made: Sequence[tuple[UUID, Insert]], kind: ItemKind) -> dict[str, list[Any]]:
    ours = [(event_id, change) for event_id, change in made if change.item.kind is kind]
    return _links([event_id for event_id, _ in ours], [change for _, change in ours])


_USUAL: Final = {
    HoursType.WORK: "BLUE",
    HoursType.MEETING: "CYAN",
    HoursType.PERSONAL: "GREEN",
}


class _Looks:
    """The colour of a new event; later it belongs to the user."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._colors = {habit.id: habit.color for habit in snapshot.habits}
        self._hours = {habit.id: habit.hours for habit in snapshot.habits}
        self._hours |= {task.id: task.hours for task in snapshot.tasks}

    def color(self, item: Item) -> str | None:
        """The habit's own, which may be one that the app does not know."""
        return self._colors.get(item.id)

    def usual_color(self, item: Item) -> str:
        """That of its hours."""
        return _USUAL[self._hours[item.id]]
