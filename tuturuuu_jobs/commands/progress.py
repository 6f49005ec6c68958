"""How far a run is, for a person who watches; nothing is drawn for a run that is over at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tuturuuu_jobs.commands.output import printable
from tuturuuu_jobs.runtime.job import Progress

if TYPE_CHECKING:
    from rich import progress

_PATIENCE_S: Final = 1.0


class _Display:
    """One line on standard error that a timer brings up and the end of the run takes away."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._latest = Progress("starting")
        self._bar: progress.Progress | None = None
        self._task: progress.TaskID | None = None
        self._closed = False

    def update(self, moment: Progress) -> None:
        with self._guard:
            self._latest = moment
            self._draw()

    def show(self) -> None:
        from rich import progress
        from rich.console import Console

        with self._guard:
            if self._closed:
                return
            self._bar = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}", markup=False),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task(self._latest.step)
            self._draw()
            self._bar.start()

    def close(self) -> None:
        with self._guard:
            self._closed = True
            bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def _draw(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                description=printable(self._latest.step),
                completed=self._latest.done,
                total=self._latest.total,
            )


@contextmanager
def watching(*, enabled: bool) -> Generator[Callable[[Progress], None]]:
    """A receiver of progress that draws after a second, or one that does nothing."""
    if not enabled:
        yield lambda _: None
        return
    display = _Display()
    timer = threading.Timer(_PATIENCE_S, display.show)
    timer.daemon = True
    timer.start()
    try:
        yield display.update
    finally:
        timer.cancel()
        display.close()
