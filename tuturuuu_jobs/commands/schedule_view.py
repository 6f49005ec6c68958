"""How a dry run of ``schedule`` is shown: the week, then the changes, then what does not fit."""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from tuturuuu_jobs.commands import agenda, week
from tuturuuu_jobs.commands.agenda import Labels
from tuturuuu_jobs.commands.output import printable
from tuturuuu_jobs.scheduling.decisions import Plan
from tuturuuu_jobs.scheduling.model import ScopeKind, instant_of
from tuturuuu_jobs.scheduling.work import ScheduleData, ScopeReport

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tuturuuu_jobs.runtime.outcome import Result


@dataclasses.dataclass(frozen=True, slots=True)
class Screen:
    """What the lines are for.

    Attributes:
        colors: rich's name of the colour system; None for plain text.
    """

    paper: week.Paper = dataclasses.field(default_factory=week.Paper)
    colors: str | None = None

    @classmethod
    def of_stdout(cls) -> Self:
        """Standard output as it is; away from a terminal 80 columns without colour."""
        from rich.console import Console

        console = Console(file=sys.stdout)
        if not console.is_terminal:
            return cls()
        colors = None if console.no_color else console.color_system
        return cls(week.Paper(console.width, console.height), colors)


def render(_result: Result, data: ScheduleData | None, *, verbose: int) -> list[str]:
    """The lines for standard output as it is.

    Names stand in them only if they were asked for, and never those of an encrypted workspace.
    """
    if data is None:
        # The problem is told on standard error.
        return []
    return schedule_lines(data, Screen.of_stdout(), verbose=verbose)


def schedule_lines(data: ScheduleData, screen: Screen, *, verbose: int = 0) -> list[str]:
    """The whole view as lines of text. Pure."""
    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text,
        width=screen.paper.width,
        height=screen.paper.height,
        force_terminal=screen.colors is not None,
        color_system=screen.colors,  # type: ignore[arg-type]  # A literal type of rich's own.
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    for part in _parts(data, screen, verbose):
        console.print(part)
    return [line.rstrip() for line in text.getvalue().splitlines()]


def _parts(data: ScheduleData, screen: Screen, verbose: int) -> Iterator[RenderableType]:
    from rich.text import Text

    for report in data.scopes:
        yield from _View(data, report, screen, everything=verbose > 0).parts()
    if not data.scopes:
        yield Text("nothing to schedule")


@dataclasses.dataclass(frozen=True, slots=True)
class _View:
    """One scope's part of the view.

    Attributes:
        everything: Every week that holds something, and names where they may be shown.
    """

    data: ScheduleData
    report: ScopeReport
    screen: Screen
    everything: bool

    def parts(self) -> Iterator[RenderableType]:
        """Headline, weeks, changes, findings."""
        from rich.text import Text

        title, problem = _title(self.report), self.report.problem
        if problem is not None:
            yield Text(f"{title}: {printable(problem.message)}", style="red")
        plan = self.report.plan
        if plan is None:
            return
        yield Text(f"{title}: {agenda.count_line(self.report)}", style="bold")
        labels = Labels.of(self.report, named=self.everything and not self.data.encrypted)
        zone = ZoneInfo(self.data.zone or "UTC")
        first = self._first_day(plan, zone)
        if first is not None:
            yield from self._weeks(labels, zone, first)
        if plan.changes:
            width = self.screen.paper.width
            yield agenda.change_table(plan, labels, zone, width, everything=self.everything)
            yield ""
        if plan.findings:
            yield agenda.finding_table(self.report, labels, zone)
            yield ""

    def _first_day(self, plan: Plan, zone: ZoneInfo) -> date | None:
        """The day of the plan; of one that was refused the first on which it has anything."""
        if self.report.planned_at is not None:
            return self.report.planned_at.astimezone(zone).date()
        starts = [item.start for item in plan.items] + [agenda.start_of(c) for c in plan.changes]
        return instant_of(min(starts)).astimezone(zone).date() if starts else None

    def _weeks(self, labels: Labels, zone: ZoneInfo, first: date) -> Iterator[RenderableType]:
        from rich.text import Text

        paper = self.screen.paper
        blocks = agenda.blocks_of(self.report, labels)
        days = week.split_days(blocks, first, self.data.window_days, zone)
        tables, left_out = week.choose_tables(days, paper.width, everything=self.everything)
        groups = [(table, []) for table in tables] if self.everything else week.alike(tables)
        for table, others in groups:
            also = ", ".join(_dates(one[0].date, one[-1].date) for one in others)
            yield ""
            yield Text(
                f"{_dates(table[0].date, table[-1].date)}, {zone.key}{also and f'; alike: {also}'}"
            )
            yield week.draw(table, paper)
        if tables:
            more = f"; {left_out} more without a change, -v draws them" if left_out else ""
            yield Text(f"{week.LEGEND}{more}", style="dim")
            yield ""


def _title(report: ScopeReport) -> str:
    match report.scope.kind:
        case ScopeKind.JOINT:
            return "Habits and tasks"
        case ScopeKind.HABITS:
            return "Habits of the workspace"
        case ScopeKind.TASKS:
            return f"Tasks of user {report.scope.user_id}"


def _dates(first: date, last: date) -> str:
    if first == last:
        return f"{first:%a} {first.day} {first:%b %Y}"
    begin = (
        f"{first.day}"
        if (first.year, first.month) == (last.year, last.month)
        else (
            f"{first.day} {first:%b}" if first.year == last.year else f"{first.day} {first:%b %Y}"
        )
    )
    return f"{begin} - {last.day} {last:%b %Y}"
