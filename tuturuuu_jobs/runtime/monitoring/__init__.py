"""Signals for monitoring: what other systems are told about runs.

Invariant: nothing here changes how a run ends; what cannot be told is a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from tuturuuu_jobs.runtime.facts import RunFacts
from tuturuuu_jobs.runtime.logs import LOGGER
from tuturuuu_jobs.runtime.outcome import Result

_LOG: Final = logging.getLogger(LOGGER)


class Observer(Protocol):
    """Somebody who is told about the runs that nobody else answers for."""

    def started(self, facts: RunFacts) -> None:
        """A run begins; must return at once."""
        ...

    def finished(self, facts: RunFacts, result: Result) -> None:
        """A run is over, recorded, and holds no lock any more."""
        ...


class Observers:
    """All who are told; a failure of one is logged and stays its own."""

    def __init__(self, observers: Sequence[Observer], facts: RunFacts) -> None:
        # A child is told about by its parent, and a repetition is no sign of a timer's life.
        own = facts.parent_run_id is None and facts.trigger != "replay"
        self._observers = tuple(observers) if own else ()
        self._facts = facts

    def started(self) -> None:
        """Tell that the run begins."""
        for observer in self._observers:
            try:
                observer.started(self._facts)
            except Exception as error:  # noqa: BLE001 - monitoring never ends a run.
                self._note(observer, error)

    def finished(self, result: Result) -> None:
        """Tell how the run ended."""
        for observer in self._observers:
            try:
                observer.finished(self._facts, result)
            except Exception as error:  # noqa: BLE001 - as above.
                self._note(observer, error)

    @staticmethod
    def _note(observer: Observer, error: Exception) -> None:
        # The text of the error may hold an address that is a secret.
        _LOG.warning("%s failed: %s", type(observer).__name__, type(error).__name__)
