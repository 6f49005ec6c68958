"""A dry run of schedule as a person sees it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tuturuuu_jobs.commands.schedule_view import Screen, schedule_lines
from tuturuuu_jobs.commands.week import Paper
from tuturuuu_jobs.runtime.outcome import Problem
from tuturuuu_jobs.scheduling.decisions import (
    Cause,
    Code,
    Delete,
    Finding,
    Insert,
    Item,
    ItemKind,
    Level,
    Plan,
    Reason,
    Remedy,
    RemedyKind,
    Update,
)
from tuturuuu_jobs.scheduling.model import Blocker, BlockerKind, Scope, ScopeKind, floor_minute
from tuturuuu_jobs.scheduling.work import ScheduleData, ScopeReport

WS = UUID("7e9a9d05-6e6e-4f3e-a6d3-0d2b0f0b8a11")
HABIT = UUID("aaaaaaaa-0000-4000-8000-000000000001")
TASK = UUID("bbbbbbbb-0000-4000-8000-000000000002")
LOST = UUID("cccccccc-0000-4000-8000-000000000003")
EVENTS = tuple(UUID(int=number) for number in range(1, 5))


def at(text: str) -> int:
    return floor_minute(datetime.fromisoformat(text).replace(tzinfo=UTC))


def item(day: str, start: str, end: str, event_id: UUID | None) -> Item:
    return Item(
        ItemKind.HABIT,
        HABIT,
        date.fromisoformat(day),
        at(f"{day} {start}"),
        at(f"{day} {end}"),
        event_id,
        "secret",
    )


READ = item("2026-01-05", "09:00", "09:30", None)
REPORT = dataclasses.replace(
    item("2026-01-06", "11:00", "12:00", EVENTS[0]), kind=ItemKind.TASK, id=TASK, number=2, count=3
)
KEPT = item("2026-01-07", "09:00", "09:30", EVENTS[1])
PLAN = Plan(
    items=(READ, REPORT, KEPT),
    changes=(
        Delete(
            ItemKind.HABIT,
            HABIT,
            date(2026, 1, 8),
            EVENTS[2],
            at("2026-01-08 09:00"),
            at("2026-01-08 09:30"),
            Reason(Cause.SKIPPED, "You skipped this date."),
        ),
        Update(
            REPORT,
            Reason(Cause.CONFLICT, "Moved from 10:00: overlaps a meeting."),
            at("2026-01-06 10:00"),
            at("2026-01-06 11:00"),
        ),
        Insert(READ, Reason(Cause.AT_IDEAL, "At your ideal time 09:00.")),
    ),
    findings=(
        Finding(
            ItemKind.HABIT,
            HABIT,
            date(2026, 1, 5),
            Code.MISSED_TODAY,
            Level.INFORMATION,
            30,
            "Its time has passed.",
        ),
        Finding(
            ItemKind.TASK,
            LOST,
            None,
            Code.NO_FREE_TIME,
            Level.ERROR,
            60,
            "No free time.",
            (EVENTS[3],),
            Remedy(RemedyKind.UNLOCK_EVENT, str(EVENTS[3]), "Unlock the event in the way."),
        ),
    ),
)
REPORTED = ScopeReport(
    Scope(ScopeKind.JOINT, EVENTS[0]),
    PLAN,
    planned_at=datetime(2026, 1, 5, 8, tzinfo=UTC),
    blockers=(
        Blocker(at("2026-01-06 09:00"), at("2026-01-06 11:00"), BlockerKind.EXTERNAL, EVENTS[3]),
    ),
    names={HABIT: "Read a book", TASK: "Write the report", LOST: "Call Mum\x1b[2J"},
)
DATA = ScheduleData(WS, 30, force=False, dry_run=True, zone="UTC", scopes=(REPORTED,))


def lines(
    data: ScheduleData = DATA, width: int = 100, *, verbose: int = 0, colors: str | None = None
) -> list[str]:
    return schedule_lines(data, Screen(Paper(width, 40), colors), verbose=verbose)


def test_the_whole_view() -> None:
    assert lines() == [
        "Habits and tasks: 1 new, 1 moved, 1 removed, 1 unchanged; 1 not as asked",
        "",
        "5 - 11 Jan 2026, UTC",
        (
            "      Mon 5        Tue 6        Wed 7        Thu 8        Fri 9        Sat 10"
            "       Sun 11"
        ),
        "08:00",
        "08:30",
        "09:00 +aaaaaaaa    # external # =aaaaaaaa    xaaaaaaaa",
        "09:30              ############",
        "10:00              ############",
        "10:30              ############",
        "11:00              >bbbbbbbb (2",
        "11:30              >",
        "12:00",
        "12:30",
        "# busy   = stays   > moved   + new   x removed",
        "",
        "+ new      Mon 5 Jan 09:00-09:30  habit aaaaaaaa       At your ideal time 09:00.",
        (
            "> moved    Tue 6 Jan 11:00-12:00  task bbbbbbbb (2/3)  Moved from 10:00: overlaps a "
            "meeting."
        ),
        "x removed  Thu 8 Jan 09:00-09:30  habit aaaaaaaa       You skipped this date.",
        "",
        "error        task cccccccc             no_free_time: No free time.",
        (
            "                                       in the way: Tue 6 Jan 09:00-11:00 (external "
            "00000000)"
        ),
        "                                       would help: Unlock the event in the way.",
        "information  habit aaaaaaaa Mon 5 Jan  missed_today: Its time has passed.",
        "",
    ]


def test_without_colour_there_is_no_escape_and_with_it_the_same_words() -> None:
    colourful = lines(colors="standard")

    assert not any("\x1b" in line for line in lines())
    assert any("\x1b[32m+aaaaaaaa" in line for line in colourful)


def test_names_are_shown_if_asked_for() -> None:
    text = "\n".join(lines(verbose=1, width=140))

    assert "habit Read a book" in text
    assert "task Write the report (2/3)" in text
    assert "task Call Mum [2J" in text
    assert "\x1b" not in text


def test_names_are_not_shown_unasked_and_never_of_an_encrypted_workspace() -> None:
    encrypted = dataclasses.replace(DATA, encrypted=True)

    for text in ("\n".join(lines()), "\n".join(lines(encrypted, verbose=3))):
        assert "Call Mum" not in text
        assert "Read a" not in text
        assert "secret" not in text


@pytest.mark.parametrize("width", [20, 40, 71, 72, 80, 250])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    for verbose in (0, 1):
        assert max(map(len, lines(width=width, verbose=verbose))) <= width


def test_on_narrow_paper_the_reason_is_below() -> None:
    found = lines(width=50)

    where = found.index("+  Mon 5 Jan 09:00-09:30 habit aaaaaaaa")
    assert found[where + 1] == "   At your ideal time 09:00."


def test_a_scope_that_failed_says_why() -> None:
    failed = ScopeReport(
        Scope(ScopeKind.TASKS, EVENTS[0]), problem=Problem("database_57014", "the query was ended")
    )

    assert lines(dataclasses.replace(DATA, scopes=(failed,))) == [
        f"Tasks of user {EVENTS[0]}: the query was ended"
    ]


def test_a_plan_that_was_refused_is_shown_all_the_same() -> None:
    refused = dataclasses.replace(
        REPORTED, planned_at=None, problem=Problem("mass_delete_refused", "far too many would go")
    )
    found = lines(dataclasses.replace(DATA, scopes=(refused,)))

    assert found[0] == "Habits and tasks: far too many would go"
    assert "5 - 11 Jan 2026, UTC" in found
    assert any(line.startswith("x removed") for line in found)


def test_a_plan_that_changes_nothing_still_shows_its_first_week() -> None:
    quiet = dataclasses.replace(
        REPORTED, plan=dataclasses.replace(PLAN, changes=(), findings=(), items=(KEPT,))
    )
    found = lines(dataclasses.replace(DATA, scopes=(quiet,)))

    assert found[0] == "Habits and tasks: 1 unchanged"
    assert any(line.startswith("09:00") and "=aaaaaaaa" in line for line in found)


def test_ids_that_begin_alike_are_shown_as_long_as_it_takes() -> None:
    twin = UUID("aaaaaaaa-0000-4000-8000-00000000000f")
    plan = Plan(items=(READ, dataclasses.replace(KEPT, id=twin)), changes=(PLAN.changes[2],))
    found = lines(dataclasses.replace(DATA, scopes=(dataclasses.replace(REPORTED, plan=plan),)))

    assert any(str(HABIT) in line for line in found)


def test_of_many_things_in_the_way_the_first_are_named() -> None:
    finding = dataclasses.replace(PLAN.findings[1], in_the_way=EVENTS)
    plan = dataclasses.replace(PLAN, findings=(finding,))
    data = dataclasses.replace(DATA, scopes=(dataclasses.replace(REPORTED, plan=plan),))

    [line] = [line for line in lines(data, 250) if "in the way:" in line]
    assert line.endswith(f"event {EVENTS[2]} and 1 more")


def test_what_is_alike_on_many_dates_is_one_line_unless_all_are_asked_for() -> None:
    reason = Reason(Cause.AT_IDEAL, "At your ideal time 09:00.")
    daily = tuple(
        Insert(item(f"2026-01-{day:02d}", "09:00", "09:30", None), reason) for day in range(5, 25)
    )
    other = Insert(item("2026-01-06", "10:00", "10:30", None), reason)
    plan = Plan(items=tuple(c.item for c in (*daily, other)), changes=(*daily, other))
    data = dataclasses.replace(DATA, scopes=(dataclasses.replace(REPORTED, plan=plan),))

    assert [line for line in lines(data, 140) if line.startswith("+ new")] == [
        (
            "+ new  Mon 5 Jan 09:00-09:30  habit aaaaaaaa  At your ideal time 09:00. "
            "And 19 more until Sat 24 Jan."
        ),
        "+ new  Tue 6 Jan 10:00-10:30  habit aaaaaaaa  At your ideal time 09:00.",
    ]
    assert len([x for x in lines(data, 140, verbose=1) if x.startswith("+ new")]) == 21


def test_a_workspace_without_any_scope_has_nothing_to_schedule() -> None:
    assert lines(dataclasses.replace(DATA, scopes=())) == ["nothing to schedule"]
