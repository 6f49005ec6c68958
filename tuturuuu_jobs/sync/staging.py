"""One calendar's changes: gathered page by page, applied in one transaction.

Pages are staged in temporary tables of the run's own connection, in autocommit mode, so that no
transaction is open while Google is asked. A listing without events makes no table: most runs find
nothing new, and each table costs the server's catalog rows that must be vacuumed. The transaction
that applies them ends with the sync token; it writes a row only if it differs, and looks at the
count of every conditional statement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg.errors import DataError, IntegrityError
from psycopg.types.json import Jsonb

from tuturuuu_jobs.errors import FailedError, SupersededError
from tuturuuu_jobs.runtime.database import translated_errors
from tuturuuu_jobs.sync import statements as sql
from tuturuuu_jobs.sync.adoption import adopt_rows
from tuturuuu_jobs.sync.model import (
    GUEST,
    Calendar,
    Mention,
    PagePlan,
    Rejected,
    StoredRow,
    Verdict,
    Window,
)
from tuturuuu_jobs.sync.plan import SweepCount, exceeds_guard, series_base
from tuturuuu_jobs.sync.rows import RowForm, as_old
from tuturuuu_jobs.sync.store import Shape, state_key
from tuturuuu_jobs.workspaces.encryption import WorkspaceCipher

MAX_UNSTORABLE: Final = 200
"""More rows than this that the table refuses are a fault of the database, not of the events."""


@dataclasses.dataclass(frozen=True, slots=True)
class Commit:
    """What the transaction does besides the staged changes.

    Attributes:
        old_token: The token that was read; the new one replaces exactly this.
        new_token: None if Google gave none: then nothing is swept and no token is kept.
        edge: The right edge of a complete full listing, else None.
        area: Where the listing proves absence, else None: then nothing is swept.
        allow_mass_delete: Sweep whatever the number.
        confirmed: Whether Google confirmed that rows missing from an empty listing are gone.
        role: The account's role as the listing told it, remembered for the choice of accounts.
    """

    old_token: str | None = dataclasses.field(repr=False)
    new_token: str | None = dataclasses.field(repr=False)
    edge: datetime | None
    area: Window | None
    allow_mass_delete: bool
    listed_nothing: bool = False
    confirmed: bool = False
    role: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Applied:
    """What a committed transaction did.

    Attributes:
        verdicts: What was planned: ids by verdict, or by reason where they are skipped.
    """

    inserted: int
    updated: int
    deleted: int
    swept: int
    sweep_refused: int
    verdicts: dict[str, int]


class Staging:
    """The staged changes of one calendar on one connection."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        shape: Shape,
        ws_id: UUID,
        calendar: Calendar,
        *,
        run_id: UUID,
        cipher: WorkspaceCipher | None,
        old_rows: bool,
    ) -> None:
        self._form = RowForm(cipher)
        self._old_rows = old_rows
        self._connection = connection
        self._sql = sql.CURRENT if shape.sync_columns else sql.ERA
        self._calendar = calendar
        self._began: datetime | None = None
        self._made = False
        self._where: dict[str, Any] = {
            "ws": ws_id,
            "run": run_id,
            "account": calendar.account_id,
            "calendar": calendar.calendar_id,
            "old": "primary" if old_rows else calendar.calendar_id,
            "encrypted": cipher is not None,
            "outbound": calendar.outbound_enabled,
            "source": calendar.source_calendar_id,
        }

    @property
    def is_empty(self) -> bool:
        """Whether no page said anything of any event."""
        return not self._made

    @property
    def encrypted(self) -> bool:
        """Whether texts are stored encrypted."""
        return self._form.encrypted

    def reset(self) -> None:
        """Forget what was staged."""
        self._made = False

    def begin_window(self) -> None:
        """Remember when the listing of the whole window begins, by the server's clock."""
        with translated_errors():
            row = self._connection.execute(sql.NOW).fetchone()
        self._began = row[0] if row else None

    def _make(self) -> None:
        """Make the tables, empty; not inside the transaction, whose rollback would take them."""
        if not self._made:
            with translated_errors():
                self._connection.execute(sql.CREATE)
            self._made = True

    def keep_tombstones(self) -> None:
        """Forget all but the deletions: what lives will be listed again, what is gone will not."""
        if self._made:
            with translated_errors():
                self._connection.execute(sql.KEEP_TOMBSTONES)

    def load(self, ids: Sequence[str]) -> tuple[dict[str, StoredRow], dict[str, Mention]]:
        """The stored rows of these ids, and what earlier pages said of them."""
        if not ids:
            return {}, {}
        self._make()
        values = {**self._where, "ids": list(ids)}
        statement, read = self._sql.rows, self._form.from_table
        with translated_errors(), self._connection.cursor(binary=True) as cursor:
            rows = {row[0]: read(row) for row in cursor.execute(statement, values)}
            if self._old_rows:
                old = cursor.execute(statement, {**values, "calendar": "primary"})
                rows |= {row[0]: as_old(read(row), rows.get(row[0])) for row in old}
            mentions = {row[0]: Mention(row[1]) for row in cursor.execute(sql.MENTIONED, values)}
        return rows, mentions

    def stage(self, plan: PagePlan) -> None:
        """Add one page's decisions; they replace those of earlier pages for the same ids."""
        if not plan.decisions and not plan.replaces:
            return
        self._make()
        with translated_errors(), self._connection.cursor() as cursor:
            if plan.replaces:
                cursor.execute(sql.FORGET_STAGED, {"ids": list(plan.replaces)})
                cursor.execute(sql.FORGET_MENTIONED, {"ids": list(plan.replaces)})
            staged = [d for d in plan.decisions if d.verdict in _WRITES]
            if staged:
                with cursor.copy(sql.COPY_STAGED) as copy:
                    for decision in staged:
                        copy.write_row(self._form.to_staging(decision))
            with cursor.copy(sql.COPY_MENTIONED) as copy:
                for d in plan.decisions:
                    copy.write_row((d.event_id, d.updated, d.verdict, d.reason, d.living))

    def is_orphaning(self, tombstones: Iterable[str]) -> bool:
        """Whether one of these ids, without a row of its own, is a series that has rows."""
        bases = sorted({series_base(event_id) for event_id in tombstones})
        if not bases:
            return False
        with translated_errors():
            row = self._connection.execute(sql.ORPHANED, {**self._where, "bases": bases}).fetchone()
        return bool(row and row[0])

    def verdicts(self) -> dict[str, int]:
        """How many ids each verdict, or reason of a skip, concerns."""
        if not self._made:
            return {}
        with translated_errors():
            return dict(self._connection.execute(sql.VERDICTS).fetchall())

    def rejected(self, limit: int) -> tuple[Rejected, ...]:
        """Ids that cannot be stored, and why."""
        if not self._made:
            return ()
        with translated_errors():
            rows = self._connection.execute(sql.REJECTED, {"limit": limit}).fetchall()
        return tuple(Rejected(*row) for row in rows)

    def refused_sweep(self, commit: Commit) -> int:
        """How many rows a sweep must leave alone because a person should say yes first.

        The share is that of the rows before anything is written: what a listing brings new says
        nothing for what it lacks.
        """
        if commit.area is None or not self._calendar.delete_enabled or commit.allow_mass_delete:
            return 0
        self._make()
        statement = self._sql.sweep_count
        with translated_errors():
            row = self._connection.execute(statement, self._area(commit.area)).fetchone()
        count = SweepCount(*row) if row else SweepCount(0, 0)
        doubtful = exceeds_guard(count) or (commit.listed_nothing and not commit.confirmed)
        return count.candidates if doubtful else 0

    def sweep_ids(self, area: Window, limit: int | None = None) -> list[str]:
        """The event ids that a sweep of this area would delete, earliest first."""
        self._make()
        statement = self._sql.sweep_ids
        values = {**self._area(area), "limit": limit}
        with translated_errors():
            rows = self._connection.execute(statement + " order by 2, 1 limit %(limit)s", values)
            return [row[0] for row in rows]

    def apply(self, commit: Commit, before_commit: Callable[[], object]) -> Applied:
        """Write everything staged and the next sync token in one transaction.

        Rows that the table refuses are taken out by name and the rest is written.

        Args:
            commit: Token, window and sweep.
            before_commit: Called when only the COMMIT is left to do.

        Raises:
            SupersededError: Another run stored a token since ours was read.
            JobError: The database refused; nothing was written.
        """
        if self._finds_nothing(commit):
            with translated_errors():
                return self._apply_nothing(commit, before_commit)
        if commit.area is not None:
            self._make()
        while True:
            with translated_errors():
                try:
                    return self._apply_once(commit, before_commit)
                except (DataError, IntegrityError):
                    unstorable = self._find_unstorable(None)
                    if not unstorable:
                        raise
                self._reject(unstorable)

    def _apply_once(self, commit: Commit, before_commit: Callable[[], object]) -> Applied:
        with self._connection.transaction():
            refused = self.refused_sweep(commit)
            inserted, updated, deleted = self._write_staged()
            swept = 0 if refused else self._sweep(commit)
            self._store_token(commit)
            applied = Applied(inserted, updated, deleted, swept, refused, self.verdicts())
            self._record(commit, applied)
            before_commit()
        return applied

    def _finds_nothing(self, commit: Commit) -> bool:
        """Whether a token takes another one's place and that is all."""
        tokens = commit.old_token is not None and commit.new_token is not None
        ours = self._calendar.account_id != GUEST
        return ours and tokens and self.is_empty and commit.area is None and commit.edge is None

    def _apply_nothing(self, commit: Commit, before_commit: Callable[[], object]) -> Applied:
        """The transaction of a run that finds nothing new, as one statement."""
        applied = Applied(0, 0, 0, 0, 0, {})
        before_commit()
        values = {**self._told(commit, applied), **self._tokens(commit)}
        row = self._connection.execute(sql.NOTHING_NEW, values).fetchone()
        if row is None or not row[0]:
            raise self._moved()
        return applied

    def _write_staged(self) -> tuple[int, int, int]:
        """Rows inserted, updated and deleted."""
        if not self._made:
            return 0, 0, 0
        if self._old_rows:
            adopt_rows(self._connection, self._where)
        inserted, updated = self._upsert(None)
        _, deleted = self._written(self._sql.delete, self._where)
        return inserted, updated, deleted

    def _upsert(self, ids: list[str] | None) -> tuple[int, int]:
        return self._written(self._sql.upsert, {**self._where, "ids": ids})

    def _written(self, statement: LiteralString, values: dict[str, Any]) -> tuple[int, int]:
        """Rows that a statement inserted, and rows that it changed otherwise."""
        row = self._connection.execute(statement, values).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    def _sweep(self, commit: Commit) -> int:
        if commit.area is None or not self._calendar.delete_enabled:
            return 0
        return self._written(self._sql.sweep, self._area(commit.area))[1]

    def _store_token(self, commit: Commit) -> None:
        if commit.new_token is None or self._calendar.account_id == GUEST:
            return
        statement = sql.FIRST_STATE if commit.old_token is None else sql.NEXT_STATE
        if self._connection.execute(statement, self._tokens(commit)).rowcount != 1:
            raise self._moved()

    def _tokens(self, commit: Commit) -> dict[str, Any]:
        key = state_key(self._calendar.account_id, self._calendar.calendar_id)
        return {**self._where, "key": key, "old": commit.old_token, "new": commit.new_token}

    def _moved(self) -> SupersededError:
        return SupersededError(
            "another run stored a newer sync token; nothing was written",
            code="sync_token_moved",
            subject=self._calendar.calendar_id,
        )

    def _record(self, commit: Commit, applied: Applied) -> None:
        """Our own books: they commit with the rows, so a run that dies now is known to be done."""
        values = self._told(commit, applied)
        if commit.new_token is not None and self._calendar.account_id != GUEST:
            self._connection.execute(sql.WINDOW, values)
        self._connection.execute(sql.EVENT, values)

    def _told(self, commit: Commit, applied: Applied) -> dict[str, Any]:
        data = {
            "account": str(self._calendar.account_id),
            "inserted": applied.inserted,
            "updated": applied.updated,
            "deleted": applied.deleted,
            "swept": applied.swept,
            "sweep_refused": applied.sweep_refused,
            "full": commit.edge is not None,
        }
        return {
            **self._where,
            "edge": commit.edge,
            "role": commit.role,
            "data": Jsonb(data),
        }

    def _find_unstorable(self, ids: list[str] | None) -> tuple[Rejected, ...]:
        """The staged rows that the table refuses, found by halving; nothing is written."""
        try:
            with self._connection.transaction(force_rollback=True):
                self._upsert(ids)
        except (DataError, IntegrityError) as error:
            if ids is not None and len(ids) == 1:
                return (Rejected(ids[0], f"sqlstate_{(error.sqlstate or '').lower()}"),)
        else:
            return ()
        if ids is None:
            ids = [r[0] for r in self._connection.execute(sql.STAGED_IDS)]
        half = max(1, len(ids) // 2)
        found = self._find_unstorable(ids[:half])
        if half < len(ids):
            found += self._find_unstorable(ids[half:])
        if len(found) > MAX_UNSTORABLE:
            raise FailedError(
                f"the table refuses more than {MAX_UNSTORABLE} events "
                f"({found[0].code}); nothing was written",
                code="events_unstorable",
                subject=self._calendar.calendar_id,
            )
        return found

    def _reject(self, rejected: tuple[Rejected, ...]) -> None:
        for item in rejected:
            values = {"ids": [item.event_id], "code": item.code}
            self._connection.execute(sql.FORGET_STAGED, values)
            self._connection.execute(sql.MARK_REJECTED, values)

    def _area(self, area: Window) -> dict[str, Any]:
        return {**self._where, "start": area.start, "end": area.end, "began": self._began}


_WRITES: Final = frozenset({Verdict.INSERT, Verdict.UPDATE, Verdict.DELETE})
