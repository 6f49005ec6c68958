"""What planning promises of every page, not only of the pages that somebody thought of."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.sync.strategies import (
    MENTIONS,
    NOON,
    PAGES,
    SCOPES,
    TOMBSTONES,
    UNHURRIED,
    ZONES,
    Mentioned,
    item,
    items,
    stored_rows,
    tables,
    utc,
)
from tuturuuu_jobs.sync.items import clean_text
from tuturuuu_jobs.sync.model import (
    NAMELESS,
    Counts,
    Decision,
    Event,
    Item,
    Mention,
    Rejected,
    StoredRow,
    Tombstone,
    Verdict,
    Window,
)
from tuturuuu_jobs.sync.plan import Scope, decide, plan_page
from tuturuuu_jobs.sync.report import count

Table = Mapping[str, StoredRow]


@dataclasses.dataclass(frozen=True)
class Read:
    """What all pages of a listing amount to, kept as a run keeps it."""

    decisions: dict[str, Decision]
    fetched: int
    repeated: int
    nameless: int

    @property
    def verdicts(self) -> Counter[str]:
        """Decisions by verdict, or by reason where they are skipped."""
        return Counter(
            d.reason if d.verdict is Verdict.SKIP else d.verdict.value
            for d in self.decisions.values()
        )


def read(pages: Iterable[Sequence[Mentioned]], table: Table, scope: Scope) -> Read:
    """Page after page; of earlier pages only the mentions are known, as in a run."""
    decisions: dict[str, Decision] = {}
    fetched = repeated = nameless = 0
    for page in pages:
        earlier = {key: Mention(decision.updated) for key, decision in decisions.items()}
        planned = plan_page(page, table, earlier, scope)
        assert set(planned.replaces) <= earlier.keys()
        decisions.update((decision.event_id, decision) for decision in planned.decisions)
        fetched += len(page)
        repeated += planned.repeated
        nameless += len(planned.nameless)
    return Read(decisions, fetched, repeated, nameless)


def applied(decisions: Iterable[Decision], table: Table) -> dict[str, StoredRow]:
    """The rows as they are after the decisions were carried out."""
    after = dict(table)
    for decision in decisions:
        if decision.verdict is Verdict.DELETE:
            del after[decision.event_id]
        elif decision.event is not None:
            after[decision.event_id] = StoredRow(decision.event, clean=True, pending=False)
    return after


@st.composite
def cut(draw: st.DrawFn, mentions: Sequence[Mentioned]) -> list[Sequence[Mentioned]]:
    """The same mentions, in the same order, over any number of pages."""
    edges = sorted(draw(st.sets(st.integers(0, len(mentions)))))
    bounds = [0, *edges, len(mentions)]
    return [mentions[a:b] for a, b in itertools.pairwise(bounds)]


@UNHURRIED
@given(page=PAGES, table=tables(), scope=SCOPES)
def test_planning_the_same_page_again_changes_nothing(
    page: list[Mentioned], table: Table, scope: Scope
) -> None:
    once = plan_page(page, table, {}, scope)
    after = applied(once.decisions, table)

    again = plan_page(page, after, {}, scope)

    assert {decision.verdict for decision in again.decisions} <= {
        Verdict.UNCHANGED,
        Verdict.SKIP,
        Verdict.REJECT,
    }
    assert applied(again.decisions, after) == after


@UNHURRIED
@given(data=st.data(), mentions=PAGES, table=tables(), scope=SCOPES)
def test_it_does_not_matter_how_mentions_are_spread_over_pages(
    data: st.DataObject, mentions: list[Mentioned], table: Table, scope: Scope
) -> None:
    whole = read([mentions], table, scope)
    paged = read(data.draw(cut(mentions)), table, scope)

    assert paged.decisions == whole.decisions
    assert dataclasses.replace(paged, decisions={}) == dataclasses.replace(whole, decisions={})


DATED: Final = (items() | TOMBSTONES).map(
    lambda mention: dataclasses.replace(mention, updated=mention.updated or NOON)
)


@UNHURRIED
@given(data=st.data(), mentions=st.lists(DATED, max_size=12), table=tables())
def test_of_one_id_the_greatest_updated_wins_then_the_last_mention(
    data: st.DataObject, mentions: list[Item | Tombstone], table: Table
) -> None:
    scope = data.draw(SCOPES)
    winners: dict[str, Item | Tombstone] = {}
    for mention in sorted(mentions, key=lambda m: m.updated or NOON):
        winners[mention.event_id] = mention

    found = read(data.draw(cut(mentions)), table, scope).decisions

    assert found == {
        key: decide(mention, table.get(key), scope) for key, mention in winners.items()
    }


@UNHURRIED
@given(pages=st.lists(PAGES, max_size=3), table=tables(), scope=SCOPES)
def test_every_item_is_counted_exactly_once(
    pages: list[list[Mentioned]], table: Table, scope: Scope
) -> None:
    done = read(pages, table, scope)

    counts = count(
        done.verdicts, fetched=done.fetched, repeated=done.repeated, nameless=done.nameless
    )

    assert counts.fetched == sum(len(page) for page in pages) == total(counts)


def total(counts: Counts) -> int:
    written = counts.inserted + counts.updated + counts.unchanged + counts.deleted
    return written + counts.rejected + sum(counts.skipped.values())


@UNHURRIED
@given(page=PAGES, table=tables(), scope=SCOPES)
def test_every_named_id_gets_one_decision_and_nothing_else_does(
    page: list[Mentioned], table: Table, scope: Scope
) -> None:
    planned = plan_page(page, table, {}, scope)

    ids = [decision.event_id for decision in planned.decisions]
    named = {m.event_id for m in page if not (isinstance(m, Rejected) and m.code in NAMELESS)}
    assert len(ids) == len(set(ids))
    assert set(ids) == named


@UNHURRIED
@given(mention=MENTIONS, table=tables(), scope=SCOPES)
def test_only_a_tombstone_deletes_and_only_a_row_that_may_go(
    mention: Mentioned, table: Table, scope: Scope
) -> None:
    stored = table.get(mention.event_id)

    decision = decide(mention, stored, scope)

    deletable = stored is not None and not stored.pending and scope.delete_enabled
    assert (decision.verdict is Verdict.DELETE) == (isinstance(mention, Tombstone) and deletable)
    assert decision.living == (not isinstance(mention, Tombstone))


@UNHURRIED
@given(mention=MENTIONS, table=tables(), scope=SCOPES)
def test_nothing_is_written_outside_the_window_unless_its_row_is_there(
    mention: Mentioned, table: Table, scope: Scope
) -> None:
    decision = decide(mention, table.get(mention.event_id), scope)

    assert (decision.event is not None) == (decision.verdict in {Verdict.INSERT, Verdict.UPDATE})
    if decision.event is not None and mention.event_id not in table:
        assert decision.event.end_at > scope.window.start
        assert decision.event.start_at < scope.window.end


@UNHURRIED
@given(mention=items(), data=st.data(), scope=SCOPES)
def test_a_row_with_a_local_change_is_never_touched(
    mention: Item, data: st.DataObject, scope: Scope
) -> None:
    stored = data.draw(stored_rows(mention.event_id))
    waiting = dataclasses.replace(stored, pending=True)

    assert decide(mention, waiting, scope).verdict is Verdict.SKIP


@UNHURRIED
@given(mention=items(), table=tables(), scope=SCOPES)
def test_whatever_is_written_can_be_stored(mention: Item, table: Table, scope: Scope) -> None:
    event = decide(mention, table.get(mention.event_id), scope).event

    if event is not None:
        check_storable(event)


def check_storable(event: Event) -> None:
    assert event.start_at <= event.end_at
    assert {event.start_at.tzinfo, event.end_at.tzinfo} == {UTC}
    limits = ((event.title, 255), (event.description, 10_000), (event.location, 1_000))
    for text, limit in limits:
        assert len(text) <= limit
        assert len(text.encode()) <= 4 * limit
        assert clean_text(text) == text


FOREVER: Final = Window(utc("1900-01-01"), utc("2100-01-01"))


@UNHURRIED
@given(
    zone=ZONES,
    day=st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    length=st.integers(0, 40),
)
@example(zone=ZoneInfo("Africa/Cairo"), day=date(2026, 4, 24), length=1)
@example(zone=ZoneInfo("Asia/Beirut"), day=date(2026, 3, 29), length=1)
@example(zone=ZoneInfo("America/Santiago"), day=date(2026, 9, 6), length=2)
@example(zone=ZoneInfo("Pacific/Apia"), day=date(2011, 12, 30), length=1)
@example(zone=ZoneInfo("Pacific/Apia"), day=date(2011, 12, 29), length=3)
@example(zone=ZoneInfo("America/Havana"), day=date(2026, 11, 1), length=1)
def test_an_all_day_event_is_its_days_from_first_to_last_instant(
    zone: ZoneInfo, day: date, length: int
) -> None:
    end = day + timedelta(days=length)

    event = decide(item(start=day, end=end), None, Scope(FOREVER, zone)).event

    assert event is not None
    assert is_first_instant(event.start_at, day, zone)
    assert is_first_instant(event.end_at, end, zone)


def is_first_instant(moment: datetime, day: date, zone: ZoneInfo) -> bool:
    """Whether the local calendar turns to this day, or past it where the day was skipped, here."""
    before = (moment - timedelta(microseconds=1)).astimezone(zone).date()
    return before < day <= moment.astimezone(zone).date()
