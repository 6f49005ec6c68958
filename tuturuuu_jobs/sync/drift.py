"""How a table differs from what Google shows: values, and what they amount to. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum, unique
from typing import Any, Final
from uuid import UUID

from tuturuuu_jobs.errors import JobError
from tuturuuu_jobs.runtime.outcome import Kind, Outcome, Problem, kind_of, status_of
from tuturuuu_jobs.sync import report
from tuturuuu_jobs.sync.model import (
    DEFAULT_FUTURE,
    DEFAULT_PAST,
    Calendar,
    Decision,
    SyncData,
    Verdict,
    Window,
)

MAX_NAMED: Final = 100
"""How many differing rows of a calendar a result names; the counts are exact all the same."""

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyPayload:
    """The validated input of ``verify``.

    Attributes:
        ws_id: The workspace.
        calendars: Only these; empty means all.
        past: How far behind now the comparison begins.
        future: How far ahead of now it reaches, at most as far as the calendar was listed.
        parts: Compare one of so many parts of the window, another one each day.
        repair: Run a full sync if anything differs.
    """

    ws_id: UUID
    calendars: tuple[str, ...] = ()
    past: timedelta = DEFAULT_PAST
    future: timedelta = DEFAULT_FUTURE
    parts: int = 1
    repair: bool = False


@unique
class DriftKind(StrEnum):
    """In what way a row differs from Google."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERENT = "different"


@unique
class TokenState(StrEnum):
    """What Google says of the stored sync token."""

    CURRENT = "current"
    MISSING = "missing"
    REFUSED = "refused"


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """One event whose row is not what it should be.

    Attributes:
        fields: Of a different row the columns; empty if only bookkeeping differs.
    """

    event_id: str
    kind: DriftKind
    fields: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class CalendarDrift:
    """What a comparison found in one calendar.

    Attributes:
        compared: Events that Google listed.
        waiting: Events that differ because their change has not been synced yet.
        drift: Every other difference.
        token: Whether incremental runs can go on from where the last one ended.
        kind: The way this calendar alone would end a run.
        problem: What failed, or what differs; None if all is well.
    """

    calendar_id: str
    account_id: UUID
    compared: int = 0
    waiting: int = 0
    drift: tuple[Drift, ...] = ()
    token: TokenState = TokenState.CURRENT
    kind: Kind = Kind.SUCCEEDED
    problem: Problem | None = None

    @property
    def clean(self) -> bool:
        """Whether the calendar was compared and nothing differs."""
        return self.problem is None


@dataclasses.dataclass(frozen=True, slots=True)
class VerifyData:
    """What a run of ``verify`` found, and what the repair did."""

    ws_id: UUID
    calendars: tuple[CalendarDrift, ...] = ()
    warnings: tuple[Problem, ...] = ()
    repair: SyncData | None = None


def slices_of(window: Window, parts: int, now: datetime) -> tuple[Window, ...]:
    """The part of a window that is compared on this day.

    Time is cut into equal pieces, counted from 1970, of which as many as there are parts make up
    the window; today's are those whose number leaves the same remainder as today's. So after as
    many days as there are parts every instant of the window has been looked at.
    """
    if parts == 1:
        return (window,)
    length = (window.end - window.start) / parts
    remainder = (now - _EPOCH) // _DAY % parts
    first = (window.start - _EPOCH) // length
    found: list[Window] = []
    for number in range(first, first + parts + 1):
        start, end = _EPOCH + number * length, _EPOCH + (number + 1) * length
        cut = Window(max(start, window.start), min(end, window.end))
        if number % parts == remainder and cut.start < cut.end:
            found.append(cut)
    return tuple(found)


def find_drift(
    decisions: Iterable[Decision], waiting: Collection[str]
) -> tuple[tuple[Drift, ...], int]:
    """What differs although nobody has to sync it yet, and how much still has to be synced.

    Args:
        decisions: What a sync of the whole listing would change.
        waiting: Events that Google reports as changed since the last sync.
    """
    differing = list(decisions)
    late = {decision.event_id for decision in differing if decision.event_id in waiting}
    kinds = {Verdict.INSERT: DriftKind.MISSING, Verdict.DELETE: DriftKind.EXTRA}
    found = (
        Drift(d.event_id, kinds.get(d.verdict, DriftKind.DIFFERENT), d.fields)
        for d in differing
        if d.event_id not in late
    )
    unique_drift = dict.fromkeys(found)
    return tuple(sorted(unique_drift, key=lambda d: (d.kind, d.event_id))), len(late)


def compared(
    calendar: Calendar, *, count: int, waiting: int, drift: tuple[Drift, ...], token: TokenState
) -> CalendarDrift:
    """The report of a calendar that was compared."""
    told = [
        f"{number} {kind}"
        for kind in DriftKind
        if (number := sum(each.kind is kind for each in drift))
    ]
    told += [f"sync token {token}"] if token is not TokenState.CURRENT else []
    problem = None
    if told:
        problem = Problem(
            "drift_found",
            f"the table is not what Google shows: {', '.join(told)}",
            subject=calendar.calendar_id,
            hint="verify --repair, or full-sync, mends it",
        )
    return CalendarDrift(
        calendar.calendar_id,
        calendar.account_id,
        compared=count,
        waiting=waiting,
        drift=drift,
        token=token,
        kind=Kind.PARTIAL if problem else Kind.SUCCEEDED,
        problem=problem,
    )


def failed(calendar: Calendar, error: JobError) -> CalendarDrift:
    """The report of a calendar that could not be compared."""
    return CalendarDrift(
        calendar.calendar_id,
        calendar.account_id,
        kind=kind_of(error),
        problem=Problem.of(error, subject=calendar.calendar_id),
    )


def conclude(data: VerifyData) -> Outcome:
    """How a run that found this ends: partial as soon as something differs, mended or not."""
    problems = [c.problem for c in data.calendars if c.problem is not None]
    kinds = {c.kind for c in data.calendars if not c.clean}
    warnings = list(data.warnings)
    if data.repair is not None:
        repaired = report.conclude(data.repair)
        problems += repaired.errors
        warnings += [w for w in repaired.warnings if w not in warnings]
    if not kinds:
        kind = Kind.SUCCEEDED
    elif len(kinds) == 1 and all(not c.clean for c in data.calendars):
        kind = kinds.pop()
    else:
        kind = Kind.PARTIAL
    codes = {problem.code for problem in problems}
    code = codes.pop() if len(codes) == 1 else kind.value
    return Outcome(kind, code, tuple(problems), tuple(warnings), to_json(data))


def to_json(data: VerifyData) -> dict[str, Any]:
    """The job's part of the result."""
    kinds = Counter(drift.kind.value for c in data.calendars for drift in c.drift)
    return {
        "clean": all(c.clean for c in data.calendars),
        "calendars": [_calendar_json(c) for c in data.calendars],
        "totals": {
            "compared": sum(c.compared for c in data.calendars),
            "waiting": sum(c.waiting for c in data.calendars),
            **{kind.value: kinds[kind.value] for kind in DriftKind},
        },
        "repair": report.to_json(data.repair) if data.repair is not None else None,
    }


def _calendar_json(calendar: CalendarDrift) -> dict[str, Any]:
    kinds = Counter(drift.kind for drift in calendar.drift)
    return {
        "calendar_id": calendar.calendar_id,
        "account_id": str(calendar.account_id),
        "status": status_of(calendar.kind).value,
        "code": calendar.problem.code if calendar.problem else None,
        "compared": calendar.compared,
        "waiting": calendar.waiting,
        **{kind.value: kinds[kind] for kind in DriftKind},
        "cursor": calendar.token.value,
        "drift": [_drift_json(drift) for drift in calendar.drift[:MAX_NAMED]],
    }


def _drift_json(drift: Drift) -> dict[str, Any]:
    return {"event_id": drift.event_id, "kind": drift.kind.value, "fields": list(drift.fields)}


def lines_of(data: dict[str, Any]) -> Iterator[str]:
    """The differing rows of a result, one line each, for a person."""
    for calendar in data["calendars"]:
        for drift in calendar["drift"]:
            where = (calendar["calendar_id"], drift["kind"], drift["event_id"])
            fields = ", ".join(drift["fields"])
            yield "  ".join((*where, fields) if fields else where)
