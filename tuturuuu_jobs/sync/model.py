"""The values that a sync speaks of; every arrow of the job makes a new one.

Invariant: nothing here reads, writes or knows the time. Instants are aware and in UTC, windows are
half-open, ids are Google's own and opaque.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum, unique
from typing import Final
from uuid import UUID

from tuturuuu_jobs.runtime.outcome import Kind, Problem

DEFAULT_PAST = timedelta(days=90)
DEFAULT_FUTURE = timedelta(days=180)
GUEST: Final = UUID(int=0)
"""Stands for the id of an account that is not stored."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tokens:
    """An account's OAuth tokens; ``repr`` shows none of them."""

    access_token: str = dataclasses.field(repr=False)
    refresh_token: str = dataclasses.field(repr=False)
    expires_at: datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class SyncPayload:
    """The validated input of ``sync`` and ``full-sync``.

    Attributes:
        ws_id: The workspace.
        full: List the whole window even where a sync token is stored.
        calendars: Only these of the workspace's calendars; empty means all.
        past: How far behind now the window begins.
        future: How far ahead of now the window must reach.
        allow_mass_delete: Let the sweep delete more rows than the guard allows.
        guest: The run is about an account that the caller brings and the workspace has not stored.
        tokens: The guest's; they go nowhere but to Google.
    """

    ws_id: UUID
    full: bool = False
    calendars: tuple[str, ...] = ()
    past: timedelta = DEFAULT_PAST
    future: timedelta = DEFAULT_FUTURE
    allow_mass_delete: bool = False
    guest: bool = False
    tokens: Tokens | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time with Google's overlap semantics."""

    start: datetime
    end: datetime

    def overlaps(self, start: datetime, end: datetime) -> bool:
        """Whether an event shows in a listing of this window (timeMin and timeMax are exclusive).

        Source: events.list, parameters timeMin and timeMax.
        """
        return end > self.start and start < self.end


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """An active Google account of the workspace (a row of ``calendar_auth_tokens``), or a guest.

    Attributes:
        email: Tells that it is the same account as in another workspace; None if not stored.
    """

    id: UUID
    tokens: Tokens
    email: str | None = dataclasses.field(default=None, repr=False)

    @property
    def guest(self) -> bool:
        """Whether no row stands for it: then nothing of it is kept."""
        return self.id == GUEST


@dataclasses.dataclass(frozen=True, slots=True)
class Calendar:
    """One calendar to sync, through one account.

    Attributes:
        account_id: The ``calendar_auth_tokens`` row through which it is listed.
        calendar_id: Google's id as connected; ``primary`` until it is resolved.
        source_calendar_id: The workspace calendar that new rows belong to, or None.
        delete_enabled: Whether rows may be deleted.
        outbound_enabled: Whether the app also writes to this calendar.
        role: The account's role on it, as last listed or else as connected; None if unknown.
        role_to_sweep: With less than this role a listing proves nothing gone; None for no demand.
    """

    account_id: UUID
    calendar_id: str
    source_calendar_id: UUID | None = None
    delete_enabled: bool = True
    outbound_enabled: bool = False
    role: str | None = None
    role_to_sweep: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Workspace:
    """What a sync must know of a workspace before it asks Google anything.

    Attributes:
        zone_name: IANA name, or None where the workspace says ``auto`` or nothing usable.
        owner_id: The creator, named as ``triggered_by`` on the app's dashboard.
        calendars: In the order of accounts, then connections.
    """

    id: UUID
    zone_name: str | None
    owner_id: UUID | None
    inbound_enabled: bool
    accounts: tuple[Account, ...]
    calendars: tuple[Calendar, ...]
    warnings: tuple[Problem, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CalendarState:
    """Where the last committed listing of a calendar ended.

    Attributes:
        token: Google's sync token, or None.
        edge: The right edge of the window that the token's listing covered, or None.
    """

    token: str | None = dataclasses.field(repr=False)
    edge: datetime | None


@unique
class RejectCode(StrEnum):
    """Why an item can not become a row."""

    NO_ID = "no_id"
    ID_TOO_LONG = "id_too_long"
    NO_TIMES = "no_times"
    MIXED_TIMES = "mixed_times"
    BAD_TIMES = "bad_times"
    INVERTED_TIMES = "inverted_times"
    NOT_AN_OBJECT = "not_an_object"


NAMELESS: Final = frozenset({RejectCode.NO_ID, RejectCode.ID_TOO_LONG, RejectCode.NOT_AN_OBJECT})
"""Rejections whose ``event_id`` can name no row."""


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """An item that can not be stored: by id, and why (a RejectCode or ``sqlstate_NNNNN``)."""

    event_id: str
    code: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tombstone:
    """A cancelled item; only its id is certain (discovery document, Event.status)."""

    event_id: str
    series_id: str | None
    updated: datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """A living event as Google shows it, text cleaned, times parsed, nothing decided.

    Attributes:
        start: An aware instant, or a date of an all-day event.
        end: As ``start``; exclusive.
        title: None where the account may not see it or it has none.
        text_hidden: Whether the account's role hides title, description and location.
        busy: Whether the event occupies its time.
    """

    event_id: str
    updated: datetime | None
    start: datetime | date
    end: datetime | date
    title: str | None
    description: str | None
    location: str | None
    color_id: str | None
    text_hidden: bool
    busy: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    Attributes:
        items: In Google's order.
        zone_name: The calendar's zone as Google names it.
        access_role: The account's role on the calendar.
        sync_token: Present on the last page only, and even there not certain.
        last: Whether no page follows.
    """

    items: tuple[Item | Tombstone | Rejected, ...]
    zone_name: str | None
    access_role: str | None
    sync_token: str | None = dataclasses.field(repr=False)
    last: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Marker:
    """The busy marker that scheduling obeys; kept inside ``scheduling_metadata``."""

    busy: bool
    all_day: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """The columns the sync owns, as they should be."""

    event_id: str
    title: str
    description: str
    location: str
    start_at: datetime
    end_at: datetime
    color: str
    marker: Marker | None


@dataclasses.dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it is.

    Attributes:
        event: Its owned columns, NULL text read as empty.
        clean: Whether the remaining owned columns (the two old Google ids, sync_status,
            sync_error, is_encrypted) hold what the sync writes and no owned column is NULL.
        pending: Whether a local change waits to be sent to Google.
        old: Whether it, or a second row of the event, still stands under ``primary``.
    """

    event: Event
    clean: bool
    pending: bool
    old: bool = False


@unique
class Verdict(StrEnum):
    """What is to happen to one mentioned event."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    REJECT = "reject"


@unique
class SkipReason(StrEnum):
    """Why a mentioned event is left alone."""

    OUTSIDE_WINDOW = "outside_window"
    UNKNOWN_TOMBSTONE = "unknown_tombstone"
    DELETE_DISABLED = "delete_disabled"
    LOCAL_CHANGE_PENDING = "local_change_pending"
    MENTIONED_AGAIN = "mentioned_again"
    ALREADY_GONE = "already_gone"


@dataclasses.dataclass(frozen=True, slots=True)
class Mention:
    """What an earlier page of this run said of an id: its ``updated`` and whether it lives."""

    updated: datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """One mentioned event, what is to happen to it, and why.

    Attributes:
        event: The wanted columns for INSERT and UPDATE, else None.
        living: Whether the listing shows the event as existing; living ids are never swept.
        fields: Of an UPDATE, the owned columns that differ; empty if only bookkeeping does.
    """

    event_id: str
    verdict: Verdict
    reason: str
    updated: datetime | None
    living: bool
    event: Event | None = None
    fields: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class PagePlan:
    """Everything one page leads to.

    Attributes:
        decisions: At most one per id, in the order of the page.
        nameless: Items that no row could ever belong to.
        repeated: Mentions that lost against another mention of the same id.
        replaces: Ids among the decisions that an earlier page mentioned too.
        cancelled_series: How many items of each series the page cancels.
    """

    decisions: tuple[Decision, ...]
    nameless: tuple[Rejected, ...]
    repeated: int
    replaces: tuple[str, ...]
    cancelled_series: Mapping[str, int]


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """``fetched = inserted + updated + unchanged + deleted + sum(skipped) + rejected``."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    rejected: int = 0
    skipped: Mapping[str, int] = dataclasses.field(default_factory=dict[str, int])

    @property
    def changed(self) -> int:
        """Rows written or deleted because Google mentioned them."""
        return self.inserted + self.updated + self.deleted


@unique
class Mode(StrEnum):
    """How a calendar was listed."""

    INCREMENTAL = "incremental"
    FULL = "full"


@dataclasses.dataclass(frozen=True, slots=True)
class Traffic:
    """What a calendar's listing cost: requests sent, pages read, requests repeated."""

    requests: int = 0
    pages: int = 0
    retries: int = 0


@dataclasses.dataclass(frozen=True, slots=True)
class CalendarReport:
    """What happened to one calendar.

    Attributes:
        mode: How it was listed, or None if it never was.
        why_full: Why a full listing was needed, or None.
        swept: Rows that the complete listing proved gone.
        sweep_refused: Rows the mass-delete guard protected.
        kind: The way this calendar alone would end a run.
        problem: What failed, or None; a committed calendar may still have one (a refused sweep).
        committed: Whether its changes are in the table.
        changes: Only for a preview: what would be done.
        absence: Where its listing proves what it lacks to be gone; None if nowhere.
    """

    calendar_id: str
    account_id: UUID
    mode: Mode | None = None
    why_full: str | None = None
    counts: Counts = dataclasses.field(default_factory=Counts)
    swept: int = 0
    sweep_refused: int = 0
    rejected: tuple[Rejected, ...] = ()
    kind: Kind = Kind.SUCCEEDED
    problem: Problem | None = None
    committed: bool = False
    traffic: Traffic = dataclasses.field(default_factory=Traffic)
    changes: tuple[Decision, ...] | None = None
    absence: Window | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SyncData:
    """What a run of ``sync`` or ``full-sync`` did, calendar by calendar.

    Attributes:
        old_rows_swept: Rows under ``primary`` that belonged to no calendar any more.
        quota_wait_s: Seconds that requests waited for Google's quota, all attempts together.
    """

    ws_id: UUID
    calendars: tuple[CalendarReport, ...] = ()
    warnings: tuple[Problem, ...] = ()
    old_rows_swept: int = 0
    quota_wait_s: float = 0.0
