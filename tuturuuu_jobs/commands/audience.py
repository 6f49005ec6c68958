"""Watching children: a live table at a terminal, nothing elsewhere; their own words always pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import UUID

from typing_extensions import override

from tuturuuu_jobs.commands.output import printable, say
from tuturuuu_jobs.runtime.clock import Clock, SystemClock
from tuturuuu_jobs.runtime.logs import level_of

if TYPE_CHECKING:
    from rich.table import Table

    from tuturuuu_jobs.orchestration.model import ChildReport

_A_SECOND: Final = 4
_SHOWN: Final = 20


class Quiet:
    """Passes on what children say, one prefixed line each."""

    def expect(self, total: int, width: int) -> None:
        """Nobody watches."""

    def started(self, ws_id: UUID, deadline_s: float) -> None:
        """Nobody watches."""

    def ended(self, report: ChildReport) -> None:
        """Nobody watches."""

    def said(self, label: str, line: str) -> None:
        """Under the workspace's name, on standard error; a log line in JSON tells that itself."""
        level, is_json = level_of(line)
        say(printable(line if is_json else f"{label}: {line}"), level)


class LiveTable(Quiet):
    """The children at work with the time they have left, and how far the whole is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._total = 0
        self._ends: Counter[str] = Counter()
        self._running: dict[UUID, tuple[float, float]] = {}

    @override
    def expect(self, total: int, width: int) -> None:
        self._total = total

    @override
    def started(self, ws_id: UUID, deadline_s: float) -> None:
        self._running[ws_id] = (self._clock.monotonic(), deadline_s)

    @override
    def ended(self, report: ChildReport) -> None:
        self._running.pop(report.ws_id, None)
        self._ends[report.ending.value] += 1

    def render(self) -> Table:
        """The table as it is now."""
        from rich.table import Table

        # Drawn by a thread of the display while children come and go.
        running = list(self._running.items())
        now = self._clock.monotonic()
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self._ends.items()))
        head = f"{sum(self._ends.values())} of {self._total} workspaces"
        table = Table(box=None, caption_justify="left")
        table.caption = f"{head}: {counts}" if counts else head
        for name in ("workspace", "running", "left"):
            table.add_column(name)
        for ws_id, (began, deadline_s) in running[:_SHOWN]:
            spent = now - began
            table.add_row(str(ws_id), f"{spent:.0f} s", f"{max(0.0, deadline_s - spent):.0f} s")
        return table


@contextmanager
def watching_children(*, table: bool) -> Generator[Quiet]:
    """An audience that draws a table on standard error, or one that only listens."""
    if not table:
        yield Quiet()
        return
    from rich.console import Console
    from rich.live import Live

    audience = LiveTable(SystemClock())
    with Live(
        console=Console(stderr=True),
        get_renderable=audience.render,
        refresh_per_second=_A_SECOND,
        transient=True,
        redirect_stdout=False,
    ):
        yield audience
